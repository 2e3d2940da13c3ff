/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LZ4's legacy frame format, the one that the kernel's unlz4 reads. The fast
 * level: a guest boots no faster for a smaller archive than packing it takes.
 */
#include <errno.h>
#include <lz4.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"

#define LZ4_LEGACY_MAGIC 0x184c2102
#define LZ4_LEGACY_CHUNK (8 * MIB)	/* lib/decompress_unlz4.c: fixed by the format */

int initramfs_lz4(const void *bytes, size_t n, struct buf *ret, struct err *e)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT;
	const char *p = bytes;

	buf_le32(&out, LZ4_LEGACY_MAGIC);
	while (n) {
		int in = (int)MIN(n, LZ4_LEGACY_CHUNK);
		int room = LZ4_compressBound(in);
		uint8_t *at = buf_reserve(&out, 4 + (size_t)room);
		int packed;

		if (!at)
			return err_sys(e, -ENOMEM, "lz4");
		packed = LZ4_compress_default(p, (char *)at + 4, in, room);
		if (packed <= 0)
			return err_set(e, -EIO, "lz4: a block of %d bytes was refused", in);
		buf_le32(&out, (uint32_t)packed);
		out.len += (size_t)packed;
		p += in;
		n -= (size_t)in;
	}
	if (!buf_ok(&out))
		return err_sys(e, -ENOMEM, "lz4");
	*ret = out;
	out = (struct buf)BUF_INIT;
	return 0;
}
