/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the members of the kernel's BPF types lie; maps and programs, by their ids. */
#include <assert.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "monitor/kbpf_private.h"
#include "monitor/kindex.h"
#include "monitor/le.h"
#include "monitor/monitor.h"

/* kernel/bpf/{syscall,arraymap,hashtab,bpf_struct_ops,btf}.c, include/linux/bpf.h */
static const struct row {
	enum kbpf_group group;
	const char *type, *path;
	bool optional;			/* came later, or may be left out */
} rows[] = {
	[BMAP_ID] = { KBPF_OF_MAP, "bpf_map", "id", false },
	[BMAP_TYPE] = { KBPF_OF_MAP, "bpf_map", "map_type", false },
	[BMAP_KEY_SIZE] = { KBPF_OF_MAP, "bpf_map", "key_size", false },
	[BMAP_VALUE_SIZE] = { KBPF_OF_MAP, "bpf_map", "value_size", false },
	[BMAP_MAX_ENTRIES] = { KBPF_OF_MAP, "bpf_map", "max_entries", false },
	[BMAP_FLAGS] = { KBPF_OF_MAP, "bpf_map", "map_flags", false },
	[BMAP_FROZEN] = { KBPF_OF_MAP, "bpf_map", "frozen", true },
	[BMAP_BTF] = { KBPF_OF_MAP, "bpf_map", "btf", false },
	[BMAP_KEY_TYPE] = { KBPF_OF_MAP, "bpf_map", "btf_key_type_id", false },
	[BMAP_VALUE_TYPE] = { KBPF_OF_MAP, "bpf_map", "btf_value_type_id", false },
	[BMAP_KERNEL_TYPE] = { KBPF_OF_MAP, "bpf_map", "btf_vmlinux_value_type_id", true },
	[BMAP_NAME] = { KBPF_OF_MAP, "bpf_map", "name", false },
	[ARRAY_ELEM_SIZE] = { KBPF_OF_ARRAY, "bpf_array", "elem_size", false },
	[ARRAY_VALUE] = { KBPF_OF_ARRAY, "bpf_array", "value", false },
	[ARRAY_PPTRS] = { KBPF_OF_ARRAY, "bpf_array", "pptrs", false },
	[HTAB_BUCKETS] = { KBPF_OF_HTAB, "bpf_htab", "buckets", false },
	[HTAB_N_BUCKETS] = { KBPF_OF_HTAB, "bpf_htab", "n_buckets", false },
	/* of the type that buckets points to: there are several struct bucket */
	[HTAB_BUCKET_FIRST] = { KBPF_OF_HTAB, NULL, "head.first", false },
	[HTAB_NEXT] = { KBPF_OF_HTAB, "htab_elem", "hash_node.next", false },
	[HTAB_PPREV] = { KBPF_OF_HTAB, "htab_elem", "hash_node.pprev", false },
	[HTAB_KEY] = { KBPF_OF_HTAB, "htab_elem", "key", false },
	[OPS_USER_VALUE] = { KBPF_OF_STRUCT_OPS, "bpf_struct_ops_map", "uvalue", false },
	[OPS_STATE] = { KBPF_OF_STRUCT_OPS, "bpf_struct_ops_map", "kvalue.common.state", true },
	[BTF_DATA] = { KBPF_OF_BTF, "btf", "data", false },
	[BTF_DATA_SIZE] = { KBPF_OF_BTF, "btf", "data_size", false },
	[BTF_KERNEL] = { KBPF_OF_BTF, "btf", "kernel_btf", true },
	[BTF_BASE] = { KBPF_OF_BTF, "btf", "base_btf", true },
	[PROG_TYPE] = { KBPF_OF_PROG, "bpf_prog", "type", false },
	[PROG_AUX] = { KBPF_OF_PROG, "bpf_prog", "aux", false },
	[PROG_STATS] = { KBPF_OF_PROG, "bpf_prog", "stats", false },
	[PROG_ID] = { KBPF_OF_PROG, "bpf_prog_aux", "id", false },
	[PROG_NAME] = { KBPF_OF_PROG, "bpf_prog_aux", "name", false },
	[PROG_RUNS] = { KBPF_OF_PROG, "bpf_prog_stats", "cnt", false },
	[PROG_RUN_NS] = { KBPF_OF_PROG, "bpf_prog_stats", "nsecs", false },
	[PROG_MISSES] = { KBPF_OF_PROG, "bpf_prog_stats", "misses", true },
};
static_assert(ARRAY_SIZE(rows) == KBPF_MEMBER_COUNT, "a row for every member");

/* --- look-up ------------------------------------------------------------------------ */

/* The struct behind a pointer. */
static int pointed_to(const struct btf *btf, const struct layout_field *f, uint32_t *ret)
{
	const struct btf_type *t = btf__type_by_id(btf, f->type);

	if (!t || !btf_is_ptr(t))
		return -ENOENT;
	*ret = t->type;
	return 0;
}

static int find(struct kbpf *b, struct layout_last *last, int i, struct err *e)
{
	const struct btf *btf = last->btf;
	struct layout_field *f = &b->member[i];
	uint32_t id = 0;
	int64_t size;
	int r;

	if (rows[i].type)
		return layout_next(last, rows[i].type, rows[i].path, f, e);
	if (!b->has[HTAB_BUCKETS] || pointed_to(btf, &b->member[HTAB_BUCKETS], &id) < 0)
		return err_set(e, -ENOENT, "struct bpf_htab has no buckets");
	r = layout_field_in(btf, id, rows[i].path, f, e);
	size = btf__resolve_size(btf, id);
	b->bucket_size = size > 0 ? (uint32_t)MIN(size, INT64_C(4096)) : 0;
	return r < 0 || b->bucket_size >= f->offset + 8 ? r :
	       err_set(e, -ENOENT, "struct bucket is of another form");
}

int kbpf_create(const struct kindex *k, struct kbpf **ret, struct err *e)
{
	const struct btf *btf = kindex_btf(k);
	struct kbpf *b = calloc(1, sizeof(*b));
	struct layout_last last = { .btf = btf };

	if (!b)
		return err_sys(e, -ENOMEM, "monitor");
	b->index = k;
	b->no_idr = (struct err)ERR_INIT;
	(void)idr_layout(btf, &b->idr, &b->no_idr);
	for (int g = 0; g < KBPF_GROUP_COUNT; g++) {
		b->group[g].has = true;
		b->group[g].why = (struct err)ERR_INIT;
	}
	for (int i = 0; i < KBPF_MEMBER_COUNT; i++) {
		struct err why = ERR_INIT;

		b->has[i] = find(b, &last, i, &why) == 0;
		if (b->has[i] || rows[i].optional || !b->group[rows[i].group].has)
			continue;
		b->group[rows[i].group].has = false;
		b->group[rows[i].group].why = why;
	}
	*ret = b;
	return 0;
}

void kbpf_destroy(struct kbpf *b)
{
	free(b);
}

int kbpf_need(const struct kbpf *b, enum kbpf_group g, struct err *e)
{
	return b->group[g].has ? 0 : err_set(e, -ENOENT, "%s", err_text(&b->group[g].why));
}

int kbpf_get(const struct kbpf *b, const struct monitor *m, uint64_t kva, enum kbpf_member f,
	     uint64_t *ret)
{
	*ret = 0;
	return b->has[f] ? monitor_field(m, kva, &b->member[f], ret) : 0;
}

/* A name of KBPF_NAME_MAX bytes, clean. */
static int get_name(const struct kbpf *b, const struct monitor *m, uint64_t kva,
		    enum kbpf_member f, char name[KBPF_NAME_MAX])
{
	const size_t n = MIN(KBPF_NAME_MAX, b->member[f].size);
	int r;

	memset(name, 0, KBPF_NAME_MAX);
	r = monitor_read(m, kva + b->member[f].offset, name, n);
	name[KBPF_NAME_MAX - 1] = '\0';
	text_clean(name, KBPF_NAME_MAX);
	return r;
}

/* --- by id ---------------------------------------------------------------------------- */

struct walk {
	const struct kbpf *b;
	const struct monitor *m;
	kbpf_map_fn *map_fn;
	kbpf_program_fn *program_fn;
	void *arg;
};

static int each(struct walk *w, const char *table, enum kbpf_group g, idr_fn *fn, struct err *e)
{
	uint64_t idr;
	int r = kbpf_need(w->b, g, e);

	if (r < 0)
		return r;
	if (*err_text(&w->b->no_idr))
		return err_set(e, -ENOENT, "%s", err_text(&w->b->no_idr));
	if (!monitor_symbol(w->m, table, &idr))
		return err_set(e, -ENOENT, "the kernel has no symbol %s", table);
	return idr_walk(&w->b->idr, w->m, idr, fn, w, e);
}

/* Objects that go away meanwhile, or whose id is another one, are left out. */
static int on_map(uint32_t id, uint64_t kva, void *arg)
{
	struct walk *w = arg;
	struct kbpf_map map = { .kva = kva };
	uint64_t frozen;
	const struct {
		enum kbpf_member member;
		uint32_t *ret;
	} numbers[] = {
		{ BMAP_ID, &map.id }, { BMAP_TYPE, &map.type }, { BMAP_KEY_SIZE, &map.key_size },
		{ BMAP_VALUE_SIZE, &map.value_size }, { BMAP_MAX_ENTRIES, &map.max_entries },
		{ BMAP_FLAGS, &map.flags }, { BMAP_KEY_TYPE, &map.key_type },
		{ BMAP_VALUE_TYPE, &map.value_type }, { BMAP_KERNEL_TYPE, &map.kernel_value_type },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t v;

		if (kbpf_get(w->b, w->m, kva, numbers[i].member, &v) < 0)
			return 0;
		*numbers[i].ret = (uint32_t)v;
	}
	if (map.id != id || kbpf_get(w->b, w->m, kva, BMAP_BTF, &map.btf_kva) < 0 ||
	    kbpf_get(w->b, w->m, kva, BMAP_FROZEN, &frozen) < 0 ||
	    get_name(w->b, w->m, kva, BMAP_NAME, map.name) < 0)
		return 0;
	map.frozen = frozen;
	return w->map_fn(&map, w->arg);
}

int kbpf_each_map(const struct kbpf *b, const struct monitor *m, kbpf_map_fn *fn, void *arg,
		  struct err *e)
{
	struct walk w = { .b = b, .m = m, .map_fn = fn, .arg = arg };

	return each(&w, "map_idr", KBPF_OF_MAP, on_map, e);
}

const char *kbpf_map_type_name(uint32_t type)
{
	return libbpf_bpf_map_type_str((enum bpf_map_type)type);
}

const char *kbpf_program_type_name(uint32_t type)
{
	return libbpf_bpf_prog_type_str((enum bpf_prog_type)type);
}

static int on_program(uint32_t id, uint64_t kva, void *arg)
{
	struct walk *w = arg;
	struct kbpf_program p = { .kva = kva };
	uint64_t type, aux, own;

	if (kbpf_get(w->b, w->m, kva, PROG_TYPE, &type) < 0 ||
	    kbpf_get(w->b, w->m, kva, PROG_AUX, &aux) < 0 ||
	    kbpf_get(w->b, w->m, kva, PROG_STATS, &p.stats) < 0 ||
	    kbpf_get(w->b, w->m, aux, PROG_ID, &own) < 0 || own != id ||
	    get_name(w->b, w->m, aux, PROG_NAME, p.name) < 0)
		return 0;
	p.id = id;
	p.type = (uint32_t)type;
	return w->program_fn(&p, w->arg);
}

int kbpf_each_program(const struct kbpf *b, const struct monitor *m, kbpf_program_fn *fn,
		      void *arg, struct err *e)
{
	struct walk w = { .b = b, .m = m, .program_fn = fn, .arg = arg };

	return each(&w, "prog_idr", KBPF_OF_PROG, on_program, e);
}

/* The counters are wanted of each program and CPU, so those of one are read at once. */
#define STATS_BYTES_MAX 64

static const enum kbpf_member stats_members[] = { PROG_RUNS, PROG_RUN_NS, PROG_MISSES };

/* 0: they are not where they are looked for. */
static size_t stats_bytes(const struct kbpf *b)
{
	size_t bytes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stats_members); i++) {
		const struct layout_field *f = &b->member[stats_members[i]];

		if (!b->has[stats_members[i]])
			continue;
		if (f->size != 8 || f->offset > STATS_BYTES_MAX - f->size)
			return 0;
		bytes = MAX(bytes, f->offset + f->size);
	}
	return bytes;
}

static uint64_t stat_of(const struct kbpf *b, const uint8_t *stats, enum kbpf_member f)
{
	return b->has[f] ? le64_at(stats + b->member[f].offset) : 0;
}

int kbpf_count(const struct kbpf *b, const struct monitor *m, const struct kbpf_program *p,
	       struct kbpf_count *ret, struct err *e)
{
	const size_t bytes = stats_bytes(b);

	*ret = (struct kbpf_count){ 0 };
	if (!p->stats || !bytes)
		return err_set(e, -ENODATA, "the kernel has no counters for it");
	for (unsigned cpu = 0; cpu < monitor_cpus(m); cpu++) {
		uint8_t stats[STATS_BYTES_MAX];
		uint64_t kva;

		if (monitor_percpu(m, p->stats, cpu, &kva) < 0 ||
		    monitor_read(m, kva, stats, bytes) < 0)
			return err_set(e, -EFAULT, "its counters of CPU %u are not mapped", cpu);
		ret->runs += stat_of(b, stats, PROG_RUNS);
		ret->run_ns += stat_of(b, stats, PROG_RUN_NS);
		ret->misses += stat_of(b, stats, PROG_MISSES);
	}
	return 0;
}

/* struct static_key begins with the count of its users. */
int kbpf_counts(const struct monitor *m, struct err *e)
{
	uint64_t key, enabled;

	if (!monitor_symbol(m, "bpf_stats_enabled_key", &key) ||
	    monitor_uint(m, key, 4, &enabled) < 0)
		return err_set(e, -ENOENT, "the kernel has no bpf_stats_enabled_key");
	return (int32_t)enabled > 0 ? 0 :
	       err_set(e, -ENODATA, "kernel.bpf_stats_enabled is 0");
}
