/* SPDX-License-Identifier: GPL-2.0-only */
/* Where dispatch queues are, and the walk over the hash table of them. */
#include "monitor/dsqs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/layout.h"
#include "monitor/monitor.h"

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

/* Where a kind begins: at a symbol, or in what scx_root points at. */
struct start {
	struct err why;			/* set: nowhere */
	const char *symbol;
	bool in_root;
	uint32_t offset;
};

struct dsqs {
	struct start start[DSQS_KIND_COUNT];
	uint32_t in_node;		/* of the queue in what an element of the array points at */
	struct layout_field id, nr, hash_node;
	bool has_nr;
	/* struct rhashtable, struct bucket_table */
	struct layout_field tbl, size, nest, future, buckets;
};

/* --- look-up ---------------------------------------------------------------- */

static const struct row {
	enum dsqs_kind kind;
	const char *symbol, *member;	/* of struct scx_sched; NULL: the symbol is it */
} rows[] = {
	{ DSQS_USER, "scx_root", "dsq_hash" },
	{ DSQS_USER, "dsq_hash", NULL },
	{ DSQS_GLOBAL, "scx_root", "pnode" },
	{ DSQS_GLOBAL, "scx_root", "global_dsqs" },
	{ DSQS_GLOBAL, "global_dsqs", NULL },
};

static void find_start(struct dsqs *d, const struct kindex *k, const struct row *row)
{
	struct start *s = &d->start[row->kind];
	struct layout_field f = { 0 };
	uint64_t addr;

	if (s->symbol)
		return;
	err_clear(&s->why);
	if (!kindex_find(k, row->symbol, &addr))
		err_set(&s->why, -ENOENT, "the kernel has no symbol %s", row->symbol);
	else if (!row->member ||
		 layout_field(kindex_btf(k), "scx_sched", row->member, &f, &s->why) == 0)
		s->symbol = row->symbol;
	s->in_root = row->member;
	s->offset = f.offset;
}

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
	for (int i = 0; i < DSQS_KIND_COUNT; i++)
		d->start[i].why = (struct err)ERR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		find_start(d, k, &rows[i]);
	if (!d->start[DSQS_USER].symbol && !d->start[DSQS_GLOBAL].symbol)
		return 0;
	if (find_members(d, kindex_btf(k), &why) < 0)
		for (int i = 0; i < DSQS_KIND_COUNT; i++)
			d->start[i] = (struct start){ .why = why };
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
	const struct start *s = &d->start[kind];
	struct walk w = { .d = d, .m = m, .fn = fn, .arg = arg };
	uint64_t kva;
	int r;

	if (!s->symbol)
		return err_set(e, -ENOENT, "%s", err_text(&s->why));
	if (!monitor_symbol(m, s->symbol, &kva))
		return err_set(e, -ENOENT, "the kernel has no symbol %s", s->symbol);
	if (s->in_root && monitor_uint(m, kva, sizeof(kva), &kva) < 0)
		return err_set(e, -EFAULT, "%s cannot be read", s->symbol);
	if (!kva)
		return err_set(e, -EAGAIN, "no scheduler is attached");
	kva += s->offset;
	r = kind == DSQS_USER ? walk_hash(&w, kva) : walk_nodes(&w, kva);
	if (r == -EAGAIN)
		return err_set(e, r, "no scheduler was ever attached");
	if (r == -E2BIG)
		return err_set(e, r, "more than %u queues", DSQS_MAX);
	return r < 0 ? err_set(e, r, "the table of queues %s", r == -EPROTO ?
			       "contradicts itself" : "leads out of memory") : 0;
}
