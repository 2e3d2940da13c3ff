/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk over an xarray (include/linux/xarray.h, lib/xarray.c). */
#include "monitor/idr.h"

#include <errno.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/le.h"
#include "monitor/monitor.h"

/*
 * The two low bits of an entry: 00 a pointer to an object, 10 internal, x1 a number.
 * Internal ones up to this are no nodes: a slot that is reserved, or a retry.
 */
#define ENTRY_BITS 3u
#define ENTRY_INTERNAL 2u
#define ENTRY_NOT_NODE_MAX 4096u

#define SLOTS_MAX 64u
#define NODE_BYTES_MAX 1024u
/* ids have 32 bits; levels of 4 bits at the least */
#define LEVELS_MAX 8

struct walk_idr {
	const struct idr_layout *l;
	const struct monitor *m;
	idr_fn *fn;
	void *arg;
	unsigned nodes;
	uint64_t base;
};

/* Being visited: one of each level. */
struct level {
	uint64_t kva;
	uint64_t first;			/* index of its first slot */
	unsigned shift, slot;
	uint8_t bytes[NODE_BYTES_MAX];
};

int idr_layout(const struct btf *btf, struct idr_layout *ret, struct err *e)
{
	const struct layout_row rows[] = {
		{ "idr", "idr_rt.xa_head", &ret->head }, { "idr", "idr_base", &ret->base },
		{ "xa_node", "shift", &ret->shift }, { "xa_node", "offset", &ret->offset },
		{ "xa_node", "parent", &ret->parent }, { "xa_node", "slots", &ret->slots },
	};
	unsigned slots;
	int r = layout_fields(btf, rows, ARRAY_SIZE(rows), e);

	if (r == 0)
		r = layout_size(btf, "xa_node", &ret->node_size, e);
	if (r < 0)
		return r;
	slots = ret->slots.size / 8;
	if (slots != 16 && slots != SLOTS_MAX)
		return err_set(e, -ENOENT, "struct xa_node has %u slots", slots);
	ret->chunk_shift = slots == 16 ? 4 : 6;
	ret->has_next = layout_field(btf, "idr", "idr_next", &ret->next, NULL) == 0;
	if (ret->shift.size != 1 || ret->offset.size != 1 || ret->parent.size != 8)
		return err_set(e, -ENOENT, "struct xa_node is of another form");
	for (size_t i = 2; i < ARRAY_SIZE(rows); i++)
		if (ret->node_size > NODE_BYTES_MAX ||
		    rows[i].field->offset + rows[i].field->size > ret->node_size)
			return err_set(e, -ENOENT, "struct xa_node is of another form");
	return 0;
}

static bool is_node(uint64_t entry)
{
	return (entry & ENTRY_BITS) == ENTRY_INTERNAL && entry > ENTRY_NOT_NODE_MAX;
}

/* Read the node behind entry; from: the level above, NULL for the top. */
static int enter(struct walk_idr *w, struct level *n, uint64_t entry, const struct level *from)
{
	const struct idr_layout *l = w->l;
	int r;

	if (w->nodes++ == IDR_NODES_MAX)
		return -E2BIG;
	n->kva = entry - ENTRY_INTERNAL;
	r = monitor_read(w->m, n->kva, n->bytes, l->node_size);
	if (r < 0)
		return -EFAULT;
	n->shift = n->bytes[l->shift.offset];
	n->slot = 0;
	n->first = 0;
	if (le64_at(n->bytes + l->parent.offset) != (from ? from->kva : 0))
		return -EPROTO;
	if (!from)
		return n->shift % l->chunk_shift || n->shift >= 32 ? -EPROTO : 0;
	n->first = from->first + ((uint64_t)from->slot << from->shift);
	return from->shift != n->shift + l->chunk_shift ||
	       n->bytes[l->offset.offset] != from->slot ? -EPROTO : 0;
}

/* An entry that is no node. */
static int tell(struct walk_idr *w, uint64_t index, uint64_t entry)
{
	if (!entry || entry & ENTRY_BITS || index + w->base > UINT32_MAX)
		return 0;
	return w->fn((uint32_t)(index + w->base), entry, w->arg);
}

static int walk(struct walk_idr *w, uint64_t head)
{
	struct level level[LEVELS_MAX], *n = level;
	int r = enter(w, n, head, NULL);

	while (r == 0) {
		uint64_t entry;

		if (n->slot == 1u << w->l->chunk_shift) {
			if (n == level)
				return 0;
			n--;
			n->slot++;
			continue;
		}
		entry = le64_at(n->bytes + w->l->slots.offset + 8 * n->slot);
		if (is_node(entry)) {
			if (!n->shift || n + 1 == level + LEVELS_MAX)
				return -EPROTO;
			r = enter(w, n + 1, entry, n);
			n++;
			continue;
		}
		r = tell(w, n->first + ((uint64_t)n->slot << n->shift), entry);
		n->slot++;
	}
	return r;
}

int idr_walk(const struct idr_layout *l, const struct monitor *m, uint64_t idr_kva, idr_fn *fn,
	     void *arg, struct err *e)
{
	struct walk_idr w = { .l = l, .m = m, .fn = fn, .arg = arg };
	uint64_t head;
	int r;

	if (monitor_field(m, idr_kva, &l->head, &head) < 0 ||
	    monitor_field(m, idr_kva, &l->base, &w.base) < 0)
		return err_set(e, -EFAULT, "the table of ids is not mapped");
	/* a single object with the first id needs no node */
	r = is_node(head) ? walk(&w, head) : tell(&w, 0, head);
	switch (r) {
	case -EFAULT:
		return err_set(e, r, "the table of ids leads out of memory");
	case -EPROTO:
		return err_set(e, r, "the table of ids contradicts itself");
	case -E2BIG:
		return err_set(e, r, "the table of ids has more than %u nodes", IDR_NODES_MAX);
	default:
		return r;
	}
}
