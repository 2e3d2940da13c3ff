/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_IDR_H
#define KTSTR_MONITOR_IDR_H
/*
 * What a table of ids of the kernel's (struct idr) points to. Since 4.20 it is an
 * xarray: a tree of nodes of 64 slots (16 with CONFIG_BASE_SMALL), each told by
 * the low bits of an entry.
 *
 *   idr.idr_rt.xa_head -> node (shift 6) -> node (shift 0) -> objects
 *
 * Nodes are guest data and may change meanwhile. One is believed only if it lies on
 * the level where it must, and points back to the slot that led to it; so a tree in
 * a circle ends at once. At most IDR_NODES_MAX nodes are read.
 *
 * Thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "monitor/layout.h"

struct btf;
struct err;
struct monitor;

#define IDR_NODES_MAX 1024

struct idr_layout {
	struct layout_field head, base;			/* in struct idr */
	bool has_next;
	struct layout_field next;			/* the id that comes next */
	struct layout_field shift, offset, parent, slots;	/* in struct xa_node */
	uint32_t node_size;
	unsigned chunk_shift;		/* 6: of 64 slots */
};

/* -ENOENT: this kernel has no such table, *e says what is missing. */
int idr_layout(const struct btf *btf, struct idr_layout *ret, struct err *e);

/*
 * fn for each object, by ascending id, until it returns nonzero, which is returned.
 * -EFAULT, -EPROTO: the tree leads out of memory, or contradicts itself; -E2BIG: it
 * has more nodes than are read. What was told is the part before.
 */
typedef int idr_fn(uint32_t id, uint64_t kva, void *arg);
int idr_walk(const struct idr_layout *l, const struct monitor *m, uint64_t idr_kva, idr_fn *fn,
	     void *arg, struct err *e);

#endif
