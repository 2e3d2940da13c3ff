/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest whose tables of ids, maps, chains and types have any bytes: all that the
 * walks tell is bounded, and becomes JSON or a reason.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <json-c/json.h>

#include "monitor/kbpf_json.h"
#include "monitor/kbpf_types.h"
#include "monitor/kbpf_write.h"
#include "test/fuzz.h"
#include "test/kbpf-guest.h"

#define CHANGES_MAX 48

struct look {
	struct kbpf_guest *f;
	struct kbpf_types *types;
	struct kbpf_json json;
	struct kbpf_look look;
	uint32_t value_type;
	unsigned maps, elements;
};

/* A good one: an array with types, a hash of two, one of each CPU, and struct_ops. */
static void furnish(struct kbpf_guest *f)
{
	const uint64_t bucket = KBPF_VALUES, elem = KBPF_VALUES + 0x1000;

	kbpf_guest_add(f, 0, &(struct kbpf_map){ .id = 1, .type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
		.value_size = 72, .max_entries = 2, .value_type = f->types.bss, .name = "a.bss" });
	kbpf_guest_put(f, KBPF_MAP(0) + M_ELEM_SIZE, 4, 72);
	kbpf_guest_add(f, 1, &(struct kbpf_map){ .id = 2, .type = BPF_MAP_TYPE_HASH, .key_size = 8,
		.value_size = 64, .max_entries = 2, .value_type = f->types.value, .name = "h" });
	kbpf_guest_ptr(f, KBPF_MAP(1) + M_BUCKETS, bucket);
	kbpf_guest_put(f, KBPF_MAP(1) + M_N_BUCKETS, 4, 1);
	kbpf_guest_ptr(f, bucket, elem);
	kbpf_guest_ptr(f, elem, elem + 0x100);
	kbpf_guest_ptr(f, elem + ELEM_PPREV, bucket);
	kbpf_guest_put(f, elem + 0x100, 8, 1);
	kbpf_guest_ptr(f, elem + 0x100 + ELEM_PPREV, elem);
	kbpf_guest_add(f, 2, &(struct kbpf_map){ .id = 3, .type = BPF_MAP_TYPE_PERCPU_ARRAY,
		.key_size = 4, .value_size = 8, .max_entries = 1, .name = "p" });
	kbpf_guest_put(f, KBPF_MAP(2) + M_VALUE, 8, 0x400);
	kbpf_guest_add(f, 3, &(struct kbpf_map){ .id = 4, .type = BPF_MAP_TYPE_STRUCT_OPS,
		.key_size = 4, .value_size = 32, .max_entries = 1,
		.kernel_value_type = f->ops, .name = "ops" });
	kbpf_guest_ptr(f, KBPF_MAP(3) + M_USER_VALUE, KBPF_VALUES + 0x2000);
}

/* What was there before a change. */
struct undo {
	uint64_t at, was;
};

static void put(struct kbpf_guest *f, struct undo *u, uint64_t at, unsigned size, uint64_t v)
{
	u->at = at & ~UINT64_C(7);
	mm_read(f->g.mm, u->at, &u->was, sizeof(u->was));
	kbpf_guest_put(f, size == 8 ? u->at : at, size, v);
}

/* Numbers that lead to where something is, or anything. */
static void change(struct kbpf_guest *f, struct fuzz_in *in, struct undo *u)
{
	const uint64_t places[] = {
		KBPF_MAP(0), KBPF_MAP(1), KBPF_MAP(2), KBPF_MAP(3), KBPF_NODE(0), KBPF_NODE(1),
		KBPF_BTF, KBPF_BTF_DATA, KBPF_BTF_DATA + 0x100, KBPF_BTF_DATA + 0x200,
		KBPF_VALUES, KBPF_VALUES + 0x1000, KBPF_VALUES + 0x1100,
		f->g.text_gpa + VMLINUX_AT_MAP_IDR,
	};
	const uint8_t how = fuzz_u8(in);
	const uint64_t at = places[fuzz_u8(in) % ARRAY_SIZE(places)] + fuzz_u8(in);
	const uint64_t to = places[fuzz_u8(in) % ARRAY_SIZE(places)];

	if (how & 1)
		put(f, u, at, 1, fuzz_u8(in));
	else if (how & 2)
		put(f, u, at, 8, kbpf_guest_kva(f, to) | (how >> 2 & 3));
	else
		put(f, u, at, 8, fuzz_u64(in));
}

static int on_element(const struct kbpf_element *el, void *arg)
{
	struct look *l = arg;

	FUZZ_CHECK(el->value_bytes <= KBPF_VALUE_BYTES_MAX);
	l->elements++;
	if (l->value_type)
		json_object_put(kbpf_json(&l->json, l->value_type, el->value, el->value_bytes));
	json_object_put(kbpf_json_bytes(&l->json, el->value, el->value_bytes));
	return 0;
}

/* Values that fit no field: the search is what is of interest. */
static void search(const struct look *l)
{
	static const char *const specs[] = {
		".bss.all.three[1]=x", "a.bss.mode=x", "h.in.a=x", "a.bss[1].all.next.y=x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct err e = ERR_INIT;
		struct kbpf_written w;

		FUZZ_CHECK(kbpf_write(l->f->b, l->f->g.monitor, l->types, specs[i], &w, &e) < 0);
		FUZZ_CHECK(*err_text(&e));
	}
}

static int on_map(const struct kbpf_map *map, void *arg)
{
	struct look *l = arg;
	struct err e = ERR_INIT;
	int r;

	FUZZ_CHECK(strnlen(map->name, KBPF_NAME_MAX) < KBPF_NAME_MAX);
	l->value_type = l->elements = 0;
	l->json = (struct kbpf_json){ .left = 2000, .programs = true };
	r = kbpf_types_of(l->types, map, &l->json.btf, &l->value_type, &e);
	FUZZ_CHECK(r == 0 || (r < 0 && *err_text(&e)));
	if (r < 0)
		l->value_type = 0;
	err_clear(&e);
	r = kbpf_each_value(l->f->b, l->f->g.monitor, map, &l->look, &e);
	FUZZ_CHECK(r == 0 || (r < 0 && *err_text(&e)));
	FUZZ_CHECK(l->elements <= KBPF_ELEMENTS_MAX * GUEST_KERNEL_CPUS);
	/* a kernel has few; a tree that repeats one need not cost more */
	return ++l->maps < 16 ? 0 : 1;
}

/* Made once, since that costs most of the time; each input undoes what it changed. */
static struct kbpf_guest *guest(void)
{
	static struct kbpf_guest f;

	if (f.b)
		return &f;
	libbpf_set_print(NULL);
	FUZZ_CHECK(kbpf_guest_open(&f));
	furnish(&f);
	return &f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct err e = ERR_INIT;
	struct undo undo[CHANGES_MAX];
	struct look l = { .f = guest(), .look = { on_element, &l, KBPF_LOOK_BYTES_MAX } };
	unsigned n = 0;
	int r;

	while (n < CHANGES_MAX && in.left)
		change(l.f, &in, &undo[n++]);
	FUZZ_CHECK(kbpf_types_create(l.f->b, l.f->g.monitor, &l.types, &e) == 0);
	r = kbpf_each_map(l.f->b, l.f->g.monitor, on_map, &l, &e);
	FUZZ_CHECK(r >= 0 || *err_text(&e));
	FUZZ_CHECK(n || (r == 0 && l.maps == 4 && l.elements));
	search(&l);
	kbpf_types_destroy(l.types);
	while (n--)
		kbpf_guest_put(l.f, undo[n].at, 8, undo[n].was);
	return 0;
}
