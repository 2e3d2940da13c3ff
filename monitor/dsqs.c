/* SPDX-License-Identifier: GPL-2.0-only */
/* Where dispatch queues are, and the walk over the hash table of them. */
#include "monitor/dsqs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/scx_place.h"

/* A table that is being replaced has a successor (bucket_table.future_tbl), seldom two. */
#define TABLES_MAX 4
#define NODES_MAX 1024			/* CONFIG_NODES_SHIFT is at most 10 */
#define CHUNK 256			/* buckets read at once */

static const char *const names[] = {
	[DSQS_USER] = "user",
	[DSQS_GLOBAL] = "global",
};
static_assert(ARRAY_SIZE(names) == DSQS_KIND_COUNT, "every kind has a name");

const char *dsqs_kind_name(enum dsqs_kind k)
{
	return names[k];
}

struct dsqs {
	struct scx_place start[DSQS_KIND_COUNT];	/* where a kind begins */
	uint32_t in_node;		/* of the queue in what an element of the array points at */
	struct layout_field id, nr, hash_node;
	bool has_nr;
	/* struct rhashtable, struct bucket_table */
	struct layout_field tbl, size, nest, future, buckets;
};

/* --- look-up ---------------------------------------------------------------- */

static const struct scx_row rows[] = {
	{ DSQS_USER, "scx_root", true, "scx_sched", "dsq_hash", 0 },
	{ DSQS_USER, "dsq_hash", false, NULL, NULL, 0 },
	{ DSQS_GLOBAL, "scx_root", true, "scx_sched", "pnode", 0 },
	{ DSQS_GLOBAL, "scx_root", true, "scx_sched", "global_dsqs", 0 },
	{ DSQS_GLOBAL, "global_dsqs", false, NULL, NULL, 0 },
};

static int find_members(struct dsqs *d, const struct btf *btf, struct err *e)
{
	const struct layout_row members[] = {
		{ "scx_dispatch_q", "id", &d->id },
		{ "scx_dispatch_q", "hash_node", &d->hash_node },
		{ "rhashtable", "tbl", &d->tbl },
		{ "bucket_table", "size", &d->size },
		{ "bucket_table", "nest", &d->nest },
		{ "bucket_table", "future_tbl", &d->future },
		{ "bucket_table", "buckets", &d->buckets },
	};

	return layout_fields(btf, members, ARRAY_SIZE(members), e);
}

int dsqs_create(const struct kindex *k, struct dsqs **ret, struct err *e)
{
	struct dsqs *d = calloc(1, sizeof(*d));
	struct layout_field f;
	struct err why = ERR_INIT;

	if (!d)
		return err_sys(e, -ENOMEM, "monitor");
	*ret = d;
	scx_place_find(k, rows, ARRAY_SIZE(rows), d->start);
	if (!d->start[DSQS_USER].at.has && !d->start[DSQS_GLOBAL].at.has)
		return 0;
	if (find_members(d, kindex_btf(k), &why) < 0)
		for (int i = 0; i < DSQS_KIND_COUNT; i++)
			layout_absent(&d->start[i].at, &why);
	d->has_nr = layout_field(kindex_btf(k), "scx_dispatch_q", "nr", &d->nr, NULL) == 0;
	if (layout_field(kindex_btf(k), "scx_sched_pnode", "global_dsq", &f, NULL) == 0)
		d->in_node = f.offset;
	return 0;
}

void dsqs_destroy(struct dsqs *d)
{
	free(d);
}

/* --- a queue ------------------------------------------------------------------ */

struct walk {
	const struct dsqs *d;
	const struct monitor *m;
	dsqs_fn *fn;
	void *arg;
	unsigned told;
};

static int tell(struct walk *w, uint64_t kva, unsigned node)
{
	struct dsq q = { .kva = kva, .node = node };

	if (w->told == DSQS_MAX)
		return -E2BIG;
	if (monitor_field(w->m, kva, &w->d->id, &q.id) < 0)
		return -EFAULT;
	q.has_nr = w->d->has_nr && monitor_field(w->m, kva, &w->d->nr, &q.nr) == 0;
	w->told++;
	w->fn(&q, w->arg);
	return 0;
}

/* --- the hash table ------------------------------------------------------------- */

/*
 * include/linux/rhashtable.h: bit 0 of a bucket is its lock; a chain ends with an odd
 * number (rht_is_a_nulls()). A circle is found as Brent does it: where the walk was
 * at its last power of two it comes to again.
 */
static int walk_chain(struct walk *w, uint64_t at)
{
	uint64_t mark = 0;

	for (unsigned step = 1; at && !(at & 1); step++) {
		int r;

		if (at == mark)
			return -EPROTO;
		if (!(step & (step - 1)))
			mark = at;
		r = tell(w, at - w->d->hash_node.offset, 0);
		if (r < 0)
			return r;
		if (monitor_uint(w->m, at, sizeof(at), &at) < 0)
			return -EFAULT;
	}
	return 0;
}

static int walk_table(struct walk *w, uint64_t table, uint64_t *ret_next)
{
	uint64_t bucket[CHUNK], size, nest;
	int r = 0;

	*ret_next = 0;
	if (monitor_field(w->m, table, &w->d->size, &size) < 0 ||
	    monitor_field(w->m, table, &w->d->nest, &nest) < 0 ||
	    monitor_field(w->m, table, &w->d->future, ret_next) < 0)
		return -EFAULT;
	/* buckets in a tree: the kernel does so when it has no memory to grow */
	if (nest || !size || size > DSQS_BUCKETS_MAX)
		return -EPROTO;
	for (uint64_t i = 0; i < size && r == 0; i += CHUNK) {
		const uint64_t n = MIN(size - i, (uint64_t)CHUNK);

		if (monitor_read(w->m, table + w->d->buckets.offset + i * 8, bucket, n * 8) < 0)
			return -EFAULT;
		for (uint64_t b = 0; b < n && r == 0; b++)
			r = walk_chain(w, bucket[b] & ~UINT64_C(1));
	}
	return r;
}

static int walk_hash(struct walk *w, uint64_t hash)
{
	uint64_t table;
	int r = 0;

	if (monitor_field(w->m, hash, &w->d->tbl, &table) < 0)
		return -EFAULT;
	for (unsigned i = 0; table && r == 0; i++)
		r = i == TABLES_MAX ? -EPROTO : walk_table(w, table, &table);
	return r;
}

/* --- those of the nodes ------------------------------------------------------------ */

static int walk_nodes(struct walk *w, uint64_t kva)
{
	uint64_t array, at, nodes = 1;
	int r = 0;

	/* without it there is one */
	if (monitor_symbol(w->m, "nr_node_ids", &at) && monitor_uint(w->m, at, 4, &nodes) < 0)
		return -EFAULT;
	if (monitor_uint(w->m, kva, sizeof(array), &array) < 0)
		return -EFAULT;
	if (!array)
		return -EAGAIN;
	if (nodes > NODES_MAX)
		return -EPROTO;
	for (unsigned i = 0; i < nodes && r == 0; i++) {
		if (monitor_uint(w->m, array + i * sizeof(at), sizeof(at), &at) < 0)
			return -EFAULT;
		/* a number without a node */
		if (at)
			r = tell(w, at + w->d->in_node, i);
	}
	return r;
}

int dsqs_walk(const struct dsqs *d, const struct monitor *m, enum dsqs_kind kind, dsqs_fn *fn,
	      void *arg, struct err *e)
{
	const struct scx_place *s = &d->start[kind];
	struct walk w = { .d = d, .m = m, .fn = fn, .arg = arg };
	uint64_t kva;
	int r = scx_place_now(s, m, &kva);

	if (!s->at.has)
		return err_set(e, r, "%s", s->at.why);
	if (r == -EAGAIN)
		return err_set(e, r, "no scheduler is attached");
	if (r < 0)
		return err_set(e, r, "%s cannot be read", s->symbol);
	r = kind == DSQS_USER ? walk_hash(&w, kva) : walk_nodes(&w, kva);
	if (r == -EAGAIN)
		return err_set(e, r, "no scheduler was ever attached");
	if (r == -E2BIG)
		return err_set(e, r, "more than %u queues", DSQS_MAX);
	return r < 0 ? err_set(e, r, "the table of queues %s", r == -EPROTO ?
			       "contradicts itself" : "leads out of memory") : 0;
}
