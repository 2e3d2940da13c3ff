/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps and programs found by their ids in a kernel that was built in memory, and their values. */
#include <errno.h>
#include <string.h>

#include "test/kbpf-guest.h"

/* --- what a walk told ----------------------------------------------------------------- */

#define SEEN_MAX 64

struct seen {
	unsigned count;
	struct kbpf_map map[SEEN_MAX];
	struct {
		uint64_t key;
		int cpu;
		uint64_t value;
	} element[SEEN_MAX];
	struct kbpf_program program[SEEN_MAX];
	uint32_t key_size;
	size_t left;			/* of what the look may cost */
	struct err why;
};

static int on_map(const struct kbpf_map *map, void *arg)
{
	struct seen *s = arg;

	if (s->count < SEEN_MAX)
		s->map[s->count] = *map;
	s->count++;
	return 0;
}

static int walk_maps(const struct kbpf_guest *f, struct seen *s)
{
	*s = (struct seen){ .why = ERR_INIT };
	return kbpf_each_map(f->b, f->g.monitor, on_map, s, &s->why);
}

static int on_element(const struct kbpf_element *el, void *arg)
{
	struct seen *s = arg;

	if (s->count < SEEN_MAX) {
		s->element[s->count].key = el->index;
		if (el->key)
			memcpy(&s->element[s->count].key, el->key, s->key_size);
		s->element[s->count].cpu = el->cpu;
		memcpy(&s->element[s->count].value, el->value, MIN(el->value_bytes, 8));
	}
	s->count++;
	return 0;
}

static int look_into(const struct kbpf_guest *f, const struct kbpf_map *map, size_t left,
		     struct seen *s)
{
	struct kbpf_look look = { on_element, s, left };
	int r;

	*s = (struct seen){ .why = ERR_INIT, .key_size = map->key_size };
	r = kbpf_each_value(f->b, f->g.monitor, map, &look, &s->why);
	s->left = look.left;
	return r;
}

static int walk_values(const struct kbpf_guest *f, const struct kbpf_map *map, struct seen *s)
{
	return look_into(f, map, KBPF_LOOK_BYTES_MAX, s);
}

/* Map i, as the walk finds it. */
static struct kbpf_map add(struct kbpf_guest *f, unsigned i, struct kbpf_map map)
{
	kbpf_guest_add(f, i, &map);
	map.kva = kbpf_guest_kva(f, KBPF_MAP(i));
	return map;
}

/* --- by id ------------------------------------------------------------------------------ */

static void maps_are_found_by_their_ids(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		tap_eq(walk_maps(&f, &s), 0);
		tap_eq(s.count, 0);
		add(&f, 0, (struct kbpf_map){ .id = 7, .type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
			.value_size = 72, .max_entries = 1, .flags = 0x400, .frozen = true,
			.value_type = f.types.bss, .name = "fixture.\x1bss" });
		add(&f, 1, (struct kbpf_map){ .id = 2, .type = BPF_MAP_TYPE_HASH, .name = "h" });
		/* reserved, a number, and one that is about to go */
		kbpf_guest_put(&f, KBPF_NODE(0) + NODE_SLOTS + 8 * 3, 8, 257 << 2 | 2);
		kbpf_guest_put(&f, KBPF_NODE(0) + NODE_SLOTS + 8 * 4, 8, 41);
		kbpf_guest_slot(&f, 0, 5, KBPF_MAP(0));
		tap_eq(walk_maps(&f, &s), 0);
		tap_eq(s.count, 2);
		tap_str(s.map[0].name, "h");
		tap_eq(s.map[1].id, 7);
		tap_eq(s.map[1].type, BPF_MAP_TYPE_ARRAY);
		tap_eq(s.map[1].value_size, 72);
		tap_eq(s.map[1].flags, 0x400);
		tap_ok(s.map[1].frozen, "it is frozen");
		tap_eq(s.map[1].btf_kva, kbpf_guest_kva(&f, KBPF_BTF));
		tap_str(s.map[1].name, "fixture. ss");
	}
	kbpf_guest_close(&f);
}

static void a_table_of_one_needs_no_node(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		kbpf_guest_map(&f, 0, &(struct kbpf_map){ .id = 1, .name = "one" });
		kbpf_guest_head(&f, VMLINUX_AT_MAP_IDR, kbpf_guest_kva(&f, KBPF_MAP(0)));
		kbpf_guest_put(&f, f.g.text_gpa + VMLINUX_AT_MAP_IDR + IDR_BASE, 4, 1);
		tap_eq(walk_maps(&f, &s), 0);
		tap_eq(s.count, 1);
		tap_str(s.map[0].name, "one");
		kbpf_guest_head(&f, VMLINUX_AT_MAP_IDR, 0);
		tap_eq(walk_maps(&f, &s), 0);
		tap_eq(s.count, 0);
	}
	kbpf_guest_close(&f);
}

/* Node 1 (shift 12) -> node 2 (6) -> node 3 (0); and node 4 (6) -> node 5 (0). */
static void make_tree(struct kbpf_guest *f)
{
	kbpf_guest_node(f, 1, 12, 1, 0);
	kbpf_guest_node(f, 2, 6, 1, 0);
	kbpf_guest_node(f, 3, 0, 2, 1);
	kbpf_guest_node(f, 4, 6, 1, 2);
	kbpf_guest_node(f, 5, 0, 4, 63);
	kbpf_guest_head(f, VMLINUX_AT_MAP_IDR, kbpf_guest_entry(f, 1));
	kbpf_guest_map(f, 0, &(struct kbpf_map){ .id = 64 + 5, .name = "a" });
	kbpf_guest_slot(f, 3, 5, KBPF_MAP(0));
	kbpf_guest_map(f, 1, &(struct kbpf_map){ .id = (2 << 12) + (63 << 6) + 1, .name = "b" });
	kbpf_guest_slot(f, 5, 1, KBPF_MAP(1));
}

static void a_tree_of_several_levels_is_walked(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		make_tree(&f);
		tap_eq(walk_maps(&f, &s), 0);
		tap_eq(s.count, 2);
		tap_eq(s.map[0].id, 69);
		tap_eq(s.map[1].id, 12225);
	}
	kbpf_guest_close(&f);
}

static void a_tree_in_a_circle_or_torn_ends_with_a_reason(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		make_tree(&f);
		/* back up, to a sibling's child, and a level that is left out */
		kbpf_guest_put(&f, KBPF_NODE(4) + NODE_SLOTS, 8, kbpf_guest_entry(&f, 1));
		tap_eq(walk_maps(&f, &s), -EPROTO);
		tap_str(err_text(&s.why), "the table of ids contradicts itself");
		tap_eq(s.count, 1);
		kbpf_guest_put(&f, KBPF_NODE(4) + NODE_SLOTS + 8, 8, kbpf_guest_entry(&f, 3));
		kbpf_guest_put(&f, KBPF_NODE(4) + NODE_SLOTS, 8, 0);
		tap_eq(walk_maps(&f, &s), -EPROTO);
		kbpf_guest_node(&f, 6, 0, 1, 1);
		tap_eq(walk_maps(&f, &s), -EPROTO);
		/* the lowest level has nodes below it */
		make_tree(&f);
		kbpf_guest_node(&f, 6, 0, 3, 0);
		tap_eq(walk_maps(&f, &s), -EPROTO);
		kbpf_guest_head(&f, VMLINUX_AT_MAP_IDR, UINT64_C(0xdead000000000102));
		tap_eq(walk_maps(&f, &s), -EFAULT);
		tap_str(err_text(&s.why), "the table of ids leads out of memory");
		kbpf_guest_node(&f, 0, 7, 0, 0);
		kbpf_guest_head(&f, VMLINUX_AT_MAP_IDR, kbpf_guest_entry(&f, 0));
		tap_eq(walk_maps(&f, &s), -EPROTO);
	}
	kbpf_guest_close(&f);
}

/* 64 nodes of 64: each as it must be, and more than a kernel has. */
static void a_tree_without_end_is_cut(void)
{
	struct kbpf_guest f;
	struct seen s;
	unsigned next = 2;

	if (kbpf_guest_open(&f)) {
		kbpf_guest_node(&f, 1, 12, 1, 0);
		for (unsigned i = 0; i < 16; i++) {
			const unsigned mid = next++;

			kbpf_guest_node(&f, mid, 6, 1, i);
			for (unsigned k = 0; k < 64; k++)
				kbpf_guest_node(&f, next++, 0, mid, k);
		}
		kbpf_guest_head(&f, VMLINUX_AT_MAP_IDR, kbpf_guest_entry(&f, 1));
		tap_eq(walk_maps(&f, &s), -E2BIG);
		tap_str(err_text(&s.why), "the table of ids has more than 1024 nodes");
	}
	kbpf_guest_close(&f);
}

static void a_kernel_without_bpf_says_so(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;
	struct seen s = { .why = ERR_INIT };
	struct kbpf *b = NULL;

	if (guest_kernel_open(&g) && guest_kernel_attach(&g, GUEST_KERNEL_CR3, true) == 0 &&
	    tap_eq(kbpf_create(g.index, &b, &g.err), 0)) {
		tap_eq(kbpf_each_map(b, g.monitor, on_map, &s, &s.why), -ENOENT);
		tap_str(err_text(&s.why), "no struct bpf_map");
	}
	kbpf_destroy(b);
	guest_kernel_close(&g);
}

/* --- values ------------------------------------------------------------------------------ */

static void an_array_has_its_elements_one_behind_the_other(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = add(&f, 0, (struct kbpf_map){ .id = 1,
			.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4,
			.max_entries = 3 });

		kbpf_guest_put(&f, KBPF_MAP(0) + M_ELEM_SIZE, 4, 8);
		for (unsigned i = 0; i < 3; i++)
			kbpf_guest_put(&f, KBPF_MAP(0) + M_VALUE + 8 * i, 4, 100 + i);
		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 3);
		tap_eq(s.element[2].key, 2);
		tap_eq(s.element[2].value, 102);
		tap_ok(s.element[2].cpu == -1, "it is of all CPUs");
		/* elements in each other; more than anybody reads */
		kbpf_guest_put(&f, KBPF_MAP(0) + M_ELEM_SIZE, 4, 2);
		tap_eq(walk_values(&f, &map, &s), -EPROTO);
		kbpf_guest_put(&f, KBPF_MAP(0) + M_ELEM_SIZE, 4, 8);
		map.max_entries = UINT32_MAX;
		tap_eq(walk_values(&f, &map, &s), -E2BIG);
		tap_eq(s.count, KBPF_ELEMENTS_MAX);
		/* a value without end is read to the end of memory, or not at all */
		map.max_entries = 1;
		map.value_size = UINT32_MAX;
		kbpf_guest_put(&f, KBPF_MAP(0) + M_ELEM_SIZE, 4, UINT32_MAX);
		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 1);
	}
	kbpf_guest_close(&f);
}

static void a_percpu_array_has_a_value_for_each_cpu(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = add(&f, 0, (struct kbpf_map){ .id = 1,
			.type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 8,
			.max_entries = 2 });

		for (unsigned i = 0; i < 2; i++) {
			kbpf_guest_put(&f, KBPF_MAP(0) + M_VALUE + 8 * i, 8, 0x400 + 8 * i);
			for (unsigned cpu = 0; cpu < 2; cpu++)
				kbpf_guest_put(&f, GUEST_KERNEL_PERCPU + 0x400 + 8 * i +
					       cpu * GUEST_KERNEL_PERCPU_BYTES, 8,
					       10 * i + cpu);
		}
		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 4);
		tap_eq(s.element[3].key, 1);
		tap_eq(s.element[3].cpu, 1);
		tap_eq(s.element[3].value, 11);
		kbpf_guest_put(&f, KBPF_MAP(0) + M_VALUE + 8, 8, UINT64_C(0xdead000000000000));
		tap_eq(walk_values(&f, &map, &s), -EFAULT);
		tap_str(err_text(&s.why), "leads out of memory");
		tap_eq(s.count, 2);
	}
	kbpf_guest_close(&f);
}

#define BUCKETS (KBPF_VALUES)
#define ELEM(i) (KBPF_VALUES + 0x10000u + (i) * 0x100u)

/* count elements in bucket, beginning with element first. */
static void chain(struct kbpf_guest *f, unsigned bucket, unsigned first, unsigned count)
{
	uint64_t from = BUCKETS + 16 * bucket;

	for (unsigned i = first; i < first + count; i++) {
		kbpf_guest_ptr(f, from, ELEM(i) + ELEM_NEXT);
		kbpf_guest_ptr(f, ELEM(i) + ELEM_PPREV, from);
		kbpf_guest_put(f, ELEM(i) + ELEM_KEY, 8, 40 + i);
		kbpf_guest_put(f, ELEM(i) + ELEM_KEY + 8, 8, 1000 + i);
		from = ELEM(i) + ELEM_NEXT;
	}
	kbpf_guest_put(f, from, 8, bucket << 1 | 1);
}

static struct kbpf_map add_hash(struct kbpf_guest *f, enum bpf_map_type type, unsigned buckets)
{
	struct kbpf_map map = add(f, 0, (struct kbpf_map){ .id = 1, .type = type, .key_size = 8,
				  .value_size = 8, .max_entries = 4 });

	kbpf_guest_ptr(f, KBPF_MAP(0) + M_BUCKETS, BUCKETS);
	kbpf_guest_put(f, KBPF_MAP(0) + M_N_BUCKETS, 4, buckets);
	for (unsigned i = 0; i < buckets; i++)
		chain(f, i, 0, 0);
	return map;
}

static void a_hash_has_elements_in_each_bucket(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		/* more buckets than are read in one go */
		struct kbpf_map map = add_hash(&f, BPF_MAP_TYPE_HASH, 512);

		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 0);
		chain(&f, 3, 0, 2);
		chain(&f, 500, 2, 1);
		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 3);
		tap_eq(s.element[1].key, 41);
		tap_eq(s.element[1].value, 1001);
		tap_eq(s.element[2].key, 42);
	}
	kbpf_guest_close(&f);
}

static void a_percpu_hash_has_a_value_for_each_cpu(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = add_hash(&f, BPF_MAP_TYPE_LRU_PERCPU_HASH, 4);

		chain(&f, 1, 0, 1);
		kbpf_guest_put(&f, ELEM(0) + ELEM_KEY + 8, 8, 0x500);
		kbpf_guest_put(&f, GUEST_KERNEL_PERCPU + GUEST_KERNEL_PERCPU_BYTES + 0x500, 8, 77);
		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 2);
		tap_eq(s.element[1].key, 40);
		tap_eq(s.element[1].cpu, 1);
		tap_eq(s.element[1].value, 77);
		map.key_size = 4;
		tap_eq(walk_values(&f, &map, &s), -EOPNOTSUPP);
	}
	kbpf_guest_close(&f);
}

static void a_chain_in_a_circle_or_torn_does_not_hide_the_others(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = add_hash(&f, BPF_MAP_TYPE_HASH, 8);

		chain(&f, 1, 0, 2);
		chain(&f, 5, 2, 1);
		kbpf_guest_ptr(&f, ELEM(1) + ELEM_NEXT, ELEM(0) + ELEM_NEXT);
		tap_eq(walk_values(&f, &map, &s), -EPROTO);
		tap_str(err_text(&s.why), "contradicts itself");
		tap_eq(s.count, 3);
		/* it was moved to another bucket while we looked */
		kbpf_guest_put(&f, ELEM(1) + ELEM_NEXT, 8, 2 << 1 | 1);
		tap_eq(walk_values(&f, &map, &s), -EPROTO);
		kbpf_guest_put(&f, BUCKETS + 16, 8, UINT64_C(0xdead000000000100));
		tap_eq(walk_values(&f, &map, &s), -EFAULT);
		tap_eq(s.count, 1);
		/* longer than anybody tells: each element is where it must be */
		chain(&f, 1, 3, KBPF_ELEMENTS_MAX + 1);
		tap_eq(walk_values(&f, &map, &s), -E2BIG);
		tap_eq(s.count, KBPF_ELEMENTS_MAX);
		map.key_size = UINT32_MAX;
		tap_eq(walk_values(&f, &map, &s), -EPROTO);
	}
	kbpf_guest_close(&f);
}

static void a_look_costs_no_more_than_it_has_left(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = add(&f, 0, (struct kbpf_map){ .id = 1,
			.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .max_entries = 1024 });

		/* values without bytes */
		tap_eq(look_into(&f, &map, 6400, &s), -E2BIG);
		tap_eq(s.count, 100);
		tap_eq(s.left, 0);
		kbpf_guest_put(&f, KBPF_MAP(0) + M_ELEM_SIZE, 4, 8);
		map.value_size = 8;
		tap_eq(look_into(&f, &map, 72 * 7 + 71, &s), -E2BIG);
		tap_eq(s.count, 7);
		tap_eq(s.left, 0);
		/* buckets in which there is nothing */
		map = add_hash(&f, BPF_MAP_TYPE_HASH, 1024);
		chain(&f, 1023, 0, 1);
		tap_eq(look_into(&f, &map, 16 * 1024 + 1000, &s), 0);
		tap_eq(s.count, 1);
		tap_eq(look_into(&f, &map, 16 * 1024 - 1, &s), -E2BIG);
		tap_eq(s.count, 0);
		tap_str(err_text(&s.why), "has more elements than are told");
		/* and those that lead to nothing: each was looked for */
		for (unsigned i = 0; i < 256; i++)
			kbpf_guest_ptr(&f, BUCKETS + 16 * i, ELEM(0));
		tap_eq(look_into(&f, &map, 4096 + 64 * 100, &s), -E2BIG);
		tap_eq(s.left, 0);
	}
	kbpf_guest_close(&f);
}

static void struct_ops_are_as_the_kernel_shows_them(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = add(&f, 0, (struct kbpf_map){ .id = 1,
			.type = BPF_MAP_TYPE_STRUCT_OPS, .key_size = 4, .value_size = 32,
			.max_entries = 1 });

		kbpf_guest_ptr(&f, KBPF_MAP(0) + M_USER_VALUE, KBPF_VALUES);
		kbpf_guest_put(&f, KBPF_VALUES, 8, 1);
		kbpf_guest_put(&f, KBPF_MAP(0) + M_STATE, 4, 2);
		tap_eq(walk_values(&f, &map, &s), 0);
		tap_eq(s.count, 1);
		tap_eq(s.element[0].value, UINT64_C(2) << 32 | 1);
	}
	kbpf_guest_close(&f);
}

static void a_map_of_another_kind_is_not_looked_into(void)
{
	struct kbpf_guest f;
	struct seen s;

	if (kbpf_guest_open(&f)) {
		struct kbpf_map map = { .type = 27 };

		tap_eq(walk_values(&f, &map, &s), -EOPNOTSUPP);
		tap_str(err_text(&s.why), "maps of this kind are not looked into");
		tap_str(kbpf_map_type_name(27), "ringbuf");
		tap_ok(!kbpf_map_type_name(UINT32_MAX), "a type of no name");
	}
	kbpf_guest_close(&f);
}

/* --- programs -------------------------------------------------------------------------------- */

static int on_program(const struct kbpf_program *p, void *arg)
{
	struct seen *s = arg;

	if (s->count < SEEN_MAX)
		s->program[s->count] = *p;
	s->count++;
	return 0;
}

static void programs_are_found_with_their_counts(void)
{
	struct kbpf_count n;
	struct kbpf_guest f;
	struct seen s = { .why = ERR_INIT };

	if (kbpf_guest_open(&f)) {
		kbpf_guest_head(&f, VMLINUX_AT_PROG_IDR, kbpf_guest_entry(&f, 0));
		kbpf_guest_program(&f, 0, 3, "enqueue");
		kbpf_guest_program(&f, 1, 9, "dispatch");
		for (unsigned cpu = 0; cpu < 2; cpu++)
			for (unsigned i = 0; i < 3; i++)
				kbpf_guest_put(&f, GUEST_KERNEL_PERCPU + 0x620 + 8 * i +
					       cpu * GUEST_KERNEL_PERCPU_BYTES, 8,
					       1 + cpu + 10 * i);
		tap_eq(kbpf_each_program(f.b, f.g.monitor, on_program, &s, &s.why), 0);
		tap_eq(s.count, 2);
		tap_eq(s.program[1].id, 9);
		tap_eq(s.program[1].type, BPF_PROG_TYPE_STRUCT_OPS);
		tap_str(s.program[1].name, "dispatch");
		tap_eq(kbpf_count(f.b, f.g.monitor, &s.program[1], &n, &s.why), 0);
		tap_eq(n.runs, 3);
		tap_eq(n.run_ns, 23);
		tap_eq(n.misses, 43);
		s.program[0].stats = 0;
		tap_eq(kbpf_count(f.b, f.g.monitor, &s.program[0], &n, &s.why), -ENODATA);
		s.program[0].stats = UINT64_C(0xdead000000000000);
		tap_eq(kbpf_count(f.b, f.g.monitor, &s.program[0], &n, &s.why), -EFAULT);
	}
	kbpf_guest_close(&f);
}

static void a_kernel_that_does_not_count_says_so(void)
{
	struct err e = ERR_INIT;
	struct kbpf_guest f;

	if (kbpf_guest_open(&f)) {
		tap_eq(kbpf_counts(f.g.monitor, &e), -ENODATA);
		tap_str(err_text(&e), "kernel.bpf_stats_enabled is 0");
		kbpf_guest_put(&f, f.g.text_gpa + VMLINUX_AT_BPF_STATS_KEY, 4, 1);
		tap_eq(kbpf_counts(f.g.monitor, &e), 0);
	}
	kbpf_guest_close(&f);
}

int main(void)
{
	TAP_RUN(maps_are_found_by_their_ids);
	TAP_RUN(a_table_of_one_needs_no_node);
	TAP_RUN(a_tree_of_several_levels_is_walked);
	TAP_RUN(a_tree_in_a_circle_or_torn_ends_with_a_reason);
	TAP_RUN(a_tree_without_end_is_cut);
	TAP_RUN(a_kernel_without_bpf_says_so);
	TAP_RUN(an_array_has_its_elements_one_behind_the_other);
	TAP_RUN(a_percpu_array_has_a_value_for_each_cpu);
	TAP_RUN(a_hash_has_elements_in_each_bucket);
	TAP_RUN(a_percpu_hash_has_a_value_for_each_cpu);
	TAP_RUN(a_chain_in_a_circle_or_torn_does_not_hide_the_others);
	TAP_RUN(a_look_costs_no_more_than_it_has_left);
	TAP_RUN(struct_ops_are_as_the_kernel_shows_them);
	TAP_RUN(a_map_of_another_kind_is_not_looked_into);
	TAP_RUN(programs_are_found_with_their_counts);
	TAP_RUN(a_kernel_that_does_not_count_says_so);
	return tap_done();
}
