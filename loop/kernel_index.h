/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_KERNEL_INDEX_H
#define KTSTR_LOOP_KERNEL_INDEX_H
/*
 * The index of the guest's kernel (monitor/kindex.h) for a kernel file, from
 *
 *   kernel.index beside the file		how a nested run brings it along: inside
 *						there are no programs to unpack a bzImage
 *   <cache>/index/<file's identity>		made before
 *   the file: ELF, or the one in a bzImage	and stored in the cache, if that can be
 *
 * A file's identity is its device, inode, size and times: whoever replaces it gets
 * another index, and a wrong one would be noticed in the guest's memory.
 *
 * Thread: any. Blocks: some tenths of a second when the index has to be made.
 */
struct err;
struct kindex;

#define KERNEL_INDEX_NAME "kernel.index"
/* Files in the cache, 5 to 12 MB each; the oldest go. */
#define KERNEL_INDEX_KEPT 16

int kernel_index_open(const char *image, struct kindex **ret, struct err *e);

#endif
