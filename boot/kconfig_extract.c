/* SPDX-License-Identifier: GPL-2.0-only */
/* The .config that a kernel carries in itself (CONFIG_IKCONFIG). */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/util.h"
#include "boot/kconfig.h"

/* Cut in two so that a search through our own binary does not find them. */
#define MARK_START "IKCFG" "_ST"
#define MARK_END "IKCFG" "_ED"
#define MARK_BYTES 8
#define CONFIG_MAX (4 * MIB)	/* the largest seen have 300 KiB */

static int inflate_all(const unsigned char *gz, size_t n, struct buf *ret)
{
	z_stream z = { .next_in = (unsigned char *)gz, .avail_in = (uInt)n };
	int r = inflateInit2(&z, 15 + 16);	/* a gzip header is wanted */

	if (r != Z_OK)
		return -ENOMEM;
	do {
		unsigned char *at = buf_reserve(ret, 64 * KIB);

		if (!at)
			break;
		z.next_out = at;
		z.avail_out = 64 * KIB;
		r = inflate(&z, Z_NO_FLUSH);
		ret->len += 64 * KIB - z.avail_out;
	} while (r == Z_OK && ret->len <= CONFIG_MAX);
	inflateEnd(&z);
	if (!buf_ok(ret))
		return -ENOMEM;
	return r == Z_STREAM_END && ret->len <= CONFIG_MAX ? 0 : -EBADMSG;
}

int kconfig_extract(const unsigned char *vmlinux, size_t n, struct buf *ret)
{
	const unsigned char *end = vmlinux + n, *start, *stop;

	if (!n)
		return -ENOENT;
	start = memmem(vmlinux, n, MARK_START, MARK_BYTES);
	if (!start)
		return -ENOENT;
	start += MARK_BYTES;
	stop = memmem(start, (size_t)(end - start), MARK_END, MARK_BYTES);
	if (!stop || (size_t)(stop - start) > CONFIG_MAX)
		return -EBADMSG;
	return inflate_all(start, (size_t)(stop - start), ret);
}
