/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_SEGMENT_H
#define KTSTR_BOOT_SEGMENT_H
/*
 * Packed bases in shared memory, so that they are packed once and many guests
 * have the same pages.
 *
 *   /dev/shm/ktstr-UID/           0700, ours or not used
 *     lock                        byte KEY of it is locked by who packs KEY
 *     KEY (32 hex digits)         0600: the bytes, then a page that describes them
 *
 * A segment gets its name when it is complete (O_TMPFILE, linkat), and never
 * changes after that: a crash leaves nothing, and no mapping is ever cut. Who
 * uses one holds a shared flock on it for as long as its mapping lives, so that
 * making room does not take it away in vain. One that is not of the right size,
 * or whose last page does not say that it is KEY, is removed and never mapped.
 * No symbolic link is followed. KTSTR_SHM_DIR stands for /dev/shm; off: no store.
 *
 * Without the store, and when it is full, the bytes are packed all the same:
 * they lie in our own memory then, and *why says so.
 *
 * Thread: any, several at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "boot/initramfs.h"

struct segment_info {
	uint64_t raw_bytes;		/* of the archive before it was compressed */
	uint64_t unpacked_bytes;	/* see initramfs_unpacked_bytes() */
};

struct segment {
	const uint8_t *data;
	size_t bytes;
	struct segment_info info;
	bool cached;			/* it was there already */
	int fd;				/* its file, which has whole pages; -1: own memory */
	struct err why;			/* why it is not in shared memory; "" when it is */
};

#define SEGMENT_NONE { .fd = -1, .why = ERR_INIT }

/* Packs: called once at most, when there is no such segment. */
struct segment_builder {
	int (*build)(struct buf *ret, struct segment_info *info, void *arg, struct err *e);
	void *arg;
};

/*
 * The segment of that key. Blocks: while another process packs it this one
 * waits, for a bounded time, then packs for itself. Errors are the builder's.
 */
int segment_get(const struct initramfs_key *key, const struct segment_builder *builder,
		struct segment *ret, struct err *e);
void segment_fini(struct segment *s);

/*
 * What is in the store, removed: segments that are in use live on without a name.
 * Nothing where there is no store.
 */
struct segment_removed {
	unsigned segments;
	uint64_t bytes;
};
int segment_store_empty(struct segment_removed *ret, struct err *e);

#endif
