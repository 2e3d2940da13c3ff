/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_SEGMENT_PRIVATE_H
#define KTSTR_BOOT_SEGMENT_PRIVATE_H
/* Between segment.c, which knows one segment, and segment_store.c, which knows the folder. */
#include "boot/segment.h"

#define SEGMENT_NAME_MAX 33

void segment_name(const struct initramfs_key *key, char name[SEGMENT_NAME_MAX]);

/* Open the folder, made if it is not there. -EPERM when it is not ours alone. */
int segment_store_open(bool create, int *ret_fd, struct err *e);

/*
 * Lock the right to pack a key: 0 and the lock's fd, or -ETIMEDOUT. there()
 * is asked on every turn; when it says that it has come, -EEXIST.
 */
int segment_store_lock(int dir, const struct initramfs_key *key, bool (*there)(void *arg),
		       void *arg, int *ret_fd, struct err *e);

/* Remove unused segments, the longest unused first, until n more bytes may be stored. */
int segment_store_room(int dir, uint64_t n, struct err *e);

#endif
