/* SPDX-License-Identifier: GPL-2.0-only */
/* The elements of a map, by its kind (kernel/bpf/arraymap.c, hashtab.c, bpf_struct_ops.c). */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "monitor/kbpf_private.h"
#include "monitor/le.h"
#include "monitor/monitor.h"

#define ELEM_ALIGN 8u
/* Heads of chains that are looked at, and how many are read in one go. */
#define BUCKETS_MAX (1u << 20)
#define BUCKETS_READ_BYTES 4096u
#define KEY_BYTES_MAX 4096u
/* Of one map in all: a guest's numbers could ask for any amount. */
#define COPIED_BYTES_MAX (4u << 20)
/* What it costs to find a value, which may have no bytes. */
#define VALUE_COST 64u

struct values {
	const struct kbpf *b;
	const struct monitor *m;
	const struct kbpf_map *map;
	struct kbpf_look *look;
	uint8_t *value;			/* [value_bytes] */
	size_t value_bytes;
	uint8_t key[KEY_BYTES_MAX];
	unsigned count;
	size_t copied;
};

/* Once there is not enough for something, nothing else is looked at. */
static int spend(struct values *v, size_t bytes)
{
	const bool enough = bytes <= v->look->left;

	v->look->left = enough ? v->look->left - bytes : 0;
	return enough ? 0 : -E2BIG;
}

/* Copy the value at kva and tell it. */
static int tell(struct values *v, struct kbpf_element *el, uint64_t kva)
{
	if (v->copied > COPIED_BYTES_MAX || spend(v, VALUE_COST + v->value_bytes) < 0)
		return -E2BIG;
	v->copied += VALUE_COST + v->value_bytes;
	if (monitor_read(v->m, kva, v->value, v->value_bytes) < 0)
		return -EFAULT;
	el->value = v->value;
	el->value_bytes = v->value_bytes;
	return v->look->fn(el, v->look->arg);
}

/* Each CPU has its own behind a per-CPU pointer. */
static int tell_cpus(struct values *v, struct kbpf_element *el, uint64_t pointer)
{
	int r = 0;

	for (unsigned cpu = 0; r == 0 && cpu < monitor_cpus(v->m); cpu++) {
		uint64_t kva;

		r = monitor_percpu(v->m, pointer, cpu, &kva);
		el->cpu = (int)cpu;
		if (r == 0)
			r = tell(v, el, kva);
	}
	return r;
}

/* --- arrays --------------------------------------------------------------------------- */

int kbpf_array_at(const struct kbpf *b, const struct monitor *m, const struct kbpf_map *map,
		  uint32_t index, uint64_t *ret_kva, struct err *e)
{
	uint64_t size;
	int r = kbpf_need(b, KBPF_OF_ARRAY, e);

	if (r < 0)
		return r;
	if (index >= map->max_entries)
		return err_set(e, -ENOENT, "it has %u elements", map->max_entries);
	if (kbpf_get(b, m, map->kva, ARRAY_ELEM_SIZE, &size) < 0)
		return err_set(e, -EFAULT, "leads out of memory");
	if (size < map->value_size)
		return err_set(e, -EPROTO, "contradicts itself");
	/* mmap()able ones begin their values on a page; seen from here they are alike */
	*ret_kva = map->kva + b->member[ARRAY_VALUE].offset + index * size;
	return 0;
}

static int each_of_array(struct values *v, struct err *e)
{
	const uint32_t n = MIN(v->map->max_entries, KBPF_ELEMENTS_MAX);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n; i++) {
		struct kbpf_element el = { .index = i, .cpu = -1 };
		uint64_t kva;

		r = kbpf_array_at(v->b, v->m, v->map, i, &kva, e);
		if (r < 0)
			return r;
		r = tell(v, &el, kva);
	}
	return r ? r : n < v->map->max_entries ? -E2BIG : 0;
}

static int each_of_percpu_array(struct values *v, struct err *e)
{
	const uint32_t n = MIN(v->map->max_entries, KBPF_ELEMENTS_MAX);
	int r = kbpf_need(v->b, KBPF_OF_ARRAY, e);

	for (uint32_t i = 0; r == 0 && i < n; i++) {
		struct kbpf_element el = { .index = i };
		uint64_t pointer;

		if (monitor_uint(v->m, v->map->kva + v->b->member[ARRAY_PPTRS].offset + 8 * i, 8,
				 &pointer) < 0)
			return -EFAULT;
		r = tell_cpus(v, &el, pointer);
	}
	return r ? r : n < v->map->max_entries ? -E2BIG : 0;
}

/* --- hash tables ------------------------------------------------------------------------- */

static bool is_percpu(const struct kbpf_map *map)
{
	return map->type == BPF_MAP_TYPE_PERCPU_HASH || map->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* The key is followed by the value, or by the per-CPU pointer to it. */
static int tell_element(struct values *v, uint64_t elem)
{
	const uint64_t key = elem + v->b->member[HTAB_KEY].offset;
	const uint64_t value = key + round_up(v->map->key_size, ELEM_ALIGN);
	struct kbpf_element el = { .key = v->key, .cpu = -1 };
	uint64_t pointer;

	if (v->count++ == KBPF_ELEMENTS_MAX)
		return -E2BIG;
	if (monitor_read(v->m, key, v->key, v->map->key_size) < 0)
		return -EFAULT;
	if (!is_percpu(v->map))
		return tell(v, &el, value);
	return monitor_uint(v->m, value, 8, &pointer) < 0 ? -EFAULT : tell_cpus(v, &el, pointer);
}

/*
 * A chain from its head on. Each element points back to what led to it, and the end
 * has the number of the bucket (include/linux/list_nulls.h): else it was moved to
 * another chain while we looked.
 */
static int each_of_chain(struct values *v, uint64_t head, uint64_t at, uint32_t bucket)
{
	const struct layout_field *next = &v->b->member[HTAB_NEXT];
	const struct layout_field *pprev = &v->b->member[HTAB_PPREV];
	uint64_t from = head, back;
	int r = 0;

	while (r == 0 && at && !(at & 1)) {
		const uint64_t elem = at - next->offset;

		if (spend(v, VALUE_COST + v->map->key_size) < 0)
			return -E2BIG;
		if (monitor_field(v->m, elem, pprev, &back) < 0)
			return -EFAULT;
		if (back != from)
			return -EPROTO;
		r = tell_element(v, elem);
		from = at;
		if (r == 0 && monitor_field(v->m, elem, next, &at) < 0)
			return -EFAULT;
	}
	return r ? r : at >> 1 != bucket ? -EPROTO : 0;
}

/* A chain that changed under our eyes does not hide the others. */
static int each_of_buckets(struct values *v, uint64_t kva, const uint8_t *bytes, uint32_t first,
			   uint32_t n)
{
	const uint32_t size = v->b->bucket_size, at = v->b->member[HTAB_BUCKET_FIRST].offset;
	int r, torn = 0;

	for (uint32_t i = 0; i < n; i++) {
		r = each_of_chain(v, kva + i * size + at, le64_at(bytes + i * size + at),
				  first + i);
		if (r == -EPROTO || r == -EFAULT)
			torn = r;
		else if (r)
			return r;
	}
	return torn;
}

static int each_of_hash(struct values *v, struct err *e)
{
	const uint32_t size = v->b->bucket_size, at_once = size ? BUCKETS_READ_BYTES / size : 0;
	uint8_t bytes[BUCKETS_READ_BYTES];
	uint64_t buckets, count;
	int r = kbpf_need(v->b, KBPF_OF_HTAB, e), torn = 0;

	if (r < 0)
		return r;
	if (!v->map->key_size || v->map->key_size > KEY_BYTES_MAX)
		return err_set(e, -EPROTO, "has keys of %u bytes", v->map->key_size);
	/* 6.1 and 6.18 have the pointer at different places then */
	if (is_percpu(v->map) && v->map->key_size % ELEM_ALIGN)
		return err_set(e, -EOPNOTSUPP, "per-CPU values behind a key of %u bytes",
			       v->map->key_size);
	if (kbpf_get(v->b, v->m, v->map->kva, HTAB_BUCKETS, &buckets) < 0 ||
	    kbpf_get(v->b, v->m, v->map->kva, HTAB_N_BUCKETS, &count) < 0)
		return -EFAULT;
	for (uint32_t i = 0; i < MIN(count, BUCKETS_MAX); i += at_once) {
		const uint32_t n = (uint32_t)MIN(at_once, MIN(count, BUCKETS_MAX) - i);

		if (spend(v, n * size) < 0)
			return -E2BIG;
		if (monitor_read(v->m, buckets + (uint64_t)i * size, bytes, n * size) < 0)
			return -EFAULT;
		r = each_of_buckets(v, buckets + (uint64_t)i * size, bytes, i, n);
		if (r == -EPROTO || r == -EFAULT)
			torn = r;
		else if (r)
			return r;
	}
	return torn ? torn : count > BUCKETS_MAX ? -E2BIG : 0;
}

/* --- struct_ops ----------------------------------------------------------------------------- */

/*
 * As the kernel shows it to bpf(): the loader's copy, in which pointers to functions
 * are ids of programs, and the state, which lies in the kernel's copy. It begins
 * with struct bpf_struct_ops_common_value: a count and the state.
 */
static int each_of_struct_ops(struct values *v, struct err *e)
{
	enum { STATE_AT = 4 };
	struct kbpf_element el = { .cpu = -1, .value = v->value, .value_bytes = v->value_bytes };
	uint64_t value, state;
	int r = kbpf_need(v->b, KBPF_OF_STRUCT_OPS, e);

	if (r < 0 || (r = spend(v, VALUE_COST + v->value_bytes)) < 0)
		return r;
	if (kbpf_get(v->b, v->m, v->map->kva, OPS_USER_VALUE, &value) < 0 ||
	    kbpf_get(v->b, v->m, v->map->kva, OPS_STATE, &state) < 0 ||
	    monitor_read(v->m, value, v->value, v->value_bytes) < 0)
		return -EFAULT;
	if (v->b->has[OPS_STATE] && v->value_bytes >= STATE_AT + 4) {
		const uint32_t le = htole32((uint32_t)state);

		memcpy(v->value + STATE_AT, &le, sizeof(le));
	}
	return v->look->fn(&el, v->look->arg);
}

/* --- all of them ------------------------------------------------------------------------------ */

static const struct {
	enum bpf_map_type type;
	int (*each)(struct values *v, struct err *e);
} kinds[] = {
	{ BPF_MAP_TYPE_HASH, each_of_hash },
	{ BPF_MAP_TYPE_ARRAY, each_of_array },
	{ BPF_MAP_TYPE_PERCPU_HASH, each_of_hash },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, each_of_percpu_array },
	{ BPF_MAP_TYPE_LRU_HASH, each_of_hash },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, each_of_hash },
	{ BPF_MAP_TYPE_STRUCT_OPS, each_of_struct_ops },
};

static int say(int r, struct err *e)
{
	switch (r) {
	case -EFAULT:
		return err_set(e, r, "leads out of memory");
	case -EPROTO:
		return err_set(e, r, "contradicts itself");
	case -E2BIG:
		return err_set(e, r, "has more elements than are told");
	default:
		return r;
	}
}

int kbpf_each_value(const struct kbpf *b, const struct monitor *m, const struct kbpf_map *map,
		    struct kbpf_look *look, struct err *e)
{
	_cleanup_free_ struct values *v = calloc(1, sizeof(*v));
	_cleanup_free_ uint8_t *value = NULL;
	int r = -EOPNOTSUPP;

	if (!v)
		return err_sys(e, -ENOMEM, "values");
	*v = (struct values){
		.b = b, .m = m, .map = map, .look = look,
		.value_bytes = MIN(map->value_size, KBPF_VALUE_BYTES_MAX),
	};
	v->value = value = malloc(v->value_bytes + 1);
	if (!value)
		return err_sys(e, -ENOMEM, "values");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct err why = ERR_INIT;

		if (kinds[i].type != map->type)
			continue;
		r = kinds[i].each(v, &why);
		return *err_text(&why) ? err_set(e, r, "%s", err_text(&why)) : say(r, e);
	}
	return err_set(e, r, "maps of this kind are not looked into");
}
