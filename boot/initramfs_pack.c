/* SPDX-License-Identifier: GPL-2.0-only */
/* From the table of entries to the archive. */
#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/cpio.h"
#include "boot/elf_strip.h"
#include "boot/initramfs_private.h"

#define GUEST_PAGE 4096		/* a file in the rootfs takes whole pages */

uint64_t initramfs_unpacked_bytes(const struct initramfs *fs)
{
	assert(fs->finished);
	return fs->unpacked_bytes;
}

void initramfs_strip(struct initramfs *fs, const char *guest)
{
	struct initramfs_entry *ent = initramfs_find(fs, guest);

	assert(ent && !fs->finished);
	ent->strip = true;
}

static int read_content(const struct initramfs_entry *ent, struct buf *cpio, struct err *e)
{
	_cleanup_(buf_fini) struct buf whole = BUF_INIT, stripped = BUF_INIT;
	const struct buf *take = &whole;
	int r;

	if (!ent->strip)
		return initramfs_read_entry(ent, cpio, e);
	r = initramfs_read_entry(ent, &whole, e);
	if (r < 0)
		return r;
	if (elf_strip_debug(&whole, &stripped))
		take = &stripped;
	buf_add(cpio, take->data, take->len);
	return 0;		/* out of memory is seen by who ends the entry */
}

static int pack_entry(struct initramfs *fs, const struct initramfs_entry *ent, uint32_t ino,
		      struct buf *cpio, struct err *e)
{
	struct cpio_entry at = cpio_begin(cpio, ent->path + 1, ent->mode, ino);
	int r = read_content(ent, cpio, e);

	if (r < 0)
		return r;
	if (S_ISREG(ent->mode))
		fs->unpacked_bytes += round_up(cpio->len - at.content, GUEST_PAGE);
	r = cpio_end(cpio, &at);
	return r < 0 ? err_sys(e, r, "add %s", ent->path) : 0;
}

int initramfs_finish(struct initramfs *fs, struct buf *ret_cpio, struct err *e)
{
	_cleanup_(buf_fini) struct buf cpio = BUF_INIT;
	struct cpio_entry at;
	int r;

	assert(!fs->finished);
	for (size_t i = 0; i < fs->count; i++) {
		r = pack_entry(fs, fs->entry[i], (uint32_t)i + 1, &cpio, e);
		if (r < 0)
			return r;
	}
	if (!fs->over) {
		at = cpio_begin(&cpio, &INITRAMFS_MARKER[1], S_IFREG | 0444,
				(uint32_t)fs->count + 1);
		(void)cpio_end(&cpio, &at);	/* no content, and buf_ok() tells the rest */
	}
	cpio_trailer(&cpio);
	if (!buf_ok(&cpio))
		return err_sys(e, -ENOMEM, "initramfs");
	fs->finished = true;
	*ret_cpio = cpio;
	cpio = (struct buf)BUF_INIT;
	return 0;
}
