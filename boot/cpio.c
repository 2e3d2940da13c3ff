/* SPDX-License-Identifier: GPL-2.0-only */
/* The cpio "newc" format: a header of 13 hexadecimal words, everything aligned to 4. */
#include "boot/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

#define FILESIZE_AT (6 + 6 * 8)	/* behind the magic and six words of 8 digits */

struct cpio_entry cpio_begin(struct buf *b, const char *name, mode_t mode, uint32_t ino)
{
	struct cpio_entry ent = { .start = b->len };

	buf_str(b, "070701");
	buf_fmt(b, "%08x%08x", ino, (unsigned)mode);
	buf_fmt(b, "%08x%08x", 0, 0);				/* uid, gid */
	buf_fmt(b, "%08x", S_ISDIR(mode) ? 2 : 1);		/* links */
	buf_fmt(b, "%08x%08x", 0, 0);				/* mtime, size: see cpio_end() */
	buf_fmt(b, "%08x%08x%08x%08x", 0, 0, 0, 0);		/* device, device node */
	buf_fmt(b, "%08x%08x", (unsigned)strlen(name) + 1, 0);	/* name, checksum */
	buf_add(b, name, strlen(name) + 1);
	buf_align(b, 4);
	ent.content = b->len;
	return ent;
}

int cpio_end(struct buf *b, const struct cpio_entry *ent)
{
	char text[9];
	size_t size;

	if (!buf_ok(b))
		return -ENOMEM;
	size = b->len - ent->content;
	if (size > UINT32_MAX)
		return -EFBIG;
	snprintf(text, sizeof(text), "%08x", (unsigned)size);
	memcpy(b->data + ent->start + FILESIZE_AT, text, 8);
	buf_align(b, 4);
	return buf_ok(b) ? 0 : -ENOMEM;
}

void cpio_trailer(struct buf *b)
{
	struct cpio_entry ent = cpio_begin(b, "TRAILER!!!", 0, 0);

	(void)cpio_end(b, &ent);	/* it has no content, and buf_ok() tells the rest */
}
