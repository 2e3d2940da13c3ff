/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_SCX_PLACE_H
#define KTSTR_MONITOR_SCX_PLACE_H
/*
 * Where the guest's kernel has what belongs to sched_ext. Up to 6.15 each thing is at
 * a symbol of its own; since 6.16 much of it is in the struct scx_sched that scx_root
 * points at while a scheduler is there. Which it is, is told by symbols and BTF.
 *
 * Thread: any; the guest may run meanwhile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/layout.h"

struct kindex;
struct monitor;

/* One way in which kernels have a thing; a table has the ways of several things. */
struct scx_row {
	unsigned thing;			/* index of its place */
	const char *symbol;
	bool pointer;			/* the object is where the symbol points */
	const char *type, *path;	/* of the object; NULL: it is the thing, of size bytes */
	uint32_t size;
};

struct scx_place {
	struct layout_place at;		/* in the object */
	const char *symbol;
	bool pointer;
};

/*
 * Of each thing the first row whose symbol and member the kernel has; else the place
 * says what the last one lacked. place[] is zeroed by the caller.
 */
void scx_place_find(const struct kindex *k, const struct scx_row *rows, size_t n,
		    struct scx_place *place);

/*
 * The thing's address as of now. -ENOENT: this kernel has none; -EAGAIN: the pointer
 * to it is NULL at the moment; -EFAULT: that cannot be read.
 */
int scx_place_now(const struct scx_place *p, const struct monitor *m, uint64_t *ret_kva);

#endif
