/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_CPIO_H
#define KTSTR_BOOT_CPIO_H
/*
 * Writes cpio "newc" entries into a buffer. An entry is opened, its content is
 * added to the buffer by whoever has it, and closing it puts the size into the
 * header: content is copied once and its size need not be known before.
 *
 * Owner 0 and mtime 0 in each entry: the same input gives the same bytes.
 *
 * Thread: any.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

struct cpio_entry {
	size_t start;		/* in the buffer: the header */
	size_t content;		/* in the buffer: the first byte of the content */
};

/* name has no leading slash. */
struct cpio_entry cpio_begin(struct buf *b, const char *name, mode_t mode, uint32_t ino);
/* -ENOMEM, or -EFBIG when the content is longer than the format can say (4 GiB - 1). */
int cpio_end(struct buf *b, const struct cpio_entry *ent);
/* The entry that ends an archive. */
void cpio_trailer(struct buf *b);

#endif
