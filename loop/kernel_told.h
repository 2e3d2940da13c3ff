/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_KERNEL_TOLD_H
#define KTSTR_LOOP_KERNEL_TOLD_H
/*
 * What a guest tells of its kernel, piece by piece (WIRE_KERNEL): the last resort when
 * there is no index of the kernel's file. It is the guest's word, and bounded.
 *
 * Ownership: the owner's storage. Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "shmring/wire_kernel.h"

struct frame;

#define KERNEL_TOLD_BYTES_MAX (32u << 20)	/* of a part */

struct kernel_told {
	struct buf part[WIRE_KERNEL_END];
	bool done;			/* the guest has told all */
	struct err why;			/* a piece is missing; "": all are there */
};

void kernel_told_init(struct kernel_told *t);
void kernel_told_fini(struct kernel_told *t);
/* False: the frame makes no sense. */
bool kernel_told_add(struct kernel_told *t, const struct frame *f);

#endif
