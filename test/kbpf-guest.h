/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_KBPF_GUEST_H
#define KTSTR_TEST_KBPF_GUEST_H
/*
 * BPF maps and programs as a kernel has them in memory, in a guest without a guest
 * (guest-kernel.h). The offsets are of no kernel: they are found by BTF or not.
 */
#include "monitor/kbpf.h"
#include "test/guest-kernel.h"
#include "test/kbpf-guest-types.h"

/* Places, by the direct map. */
#define KBPF_MAP(i) (0x2200000u + (i) * 0x1000u)
#define KBPF_NODE(i) (0x2700000u + (i) * 0x1000u)
#define KBPF_BTF 0x2400000u
#define KBPF_BTF_DATA 0x2401000u
#define KBPF_VALUES 0x2500000u		/* what lies outside of a map */
#define KBPF_PROG(i) (0x2600000u + (i) * 0x1000u)

struct kbpf_guest {
	struct guest_kernel g;
	struct btf *kernel;
	uint32_t ops;
	struct kbpf_guest_types types;
	struct kbpf *b;
};

static uint64_t kbpf_guest_kva(const struct kbpf_guest *f, uint64_t gpa)
{
	return f->g.direct_kva + gpa;
}

static void kbpf_guest_put(struct kbpf_guest *f, uint64_t gpa, unsigned size, uint64_t v)
{
	mm_write(f->g.mm, gpa, &v, size);
}

static void kbpf_guest_ptr(struct kbpf_guest *f, uint64_t gpa, uint64_t to)
{
	kbpf_guest_put(f, gpa, 8, kbpf_guest_kva(f, to));
}

/* The entry of a slot that leads to a node. */
static uint64_t kbpf_guest_entry(const struct kbpf_guest *f, unsigned node)
{
	return kbpf_guest_kva(f, KBPF_NODE(node)) | 2;
}

static void kbpf_guest_head(struct kbpf_guest *f, unsigned at, uint64_t head)
{
	kbpf_guest_put(f, f->g.text_gpa + at + IDR_HEAD, 8, head);
}

/* A node in slot of its parent; the top one has itself as parent. */
static void kbpf_guest_node(struct kbpf_guest *f, unsigned node, unsigned shift, unsigned parent,
			    unsigned slot)
{
	const uint64_t at = KBPF_NODE(node), up = KBPF_NODE(parent);

	kbpf_guest_put(f, at + NODE_SHIFT, 1, shift);
	kbpf_guest_put(f, at + NODE_OFFSET, 1, slot);
	kbpf_guest_put(f, at + NODE_PARENT, 8, node == parent ? 0 : kbpf_guest_kva(f, up));
	if (node != parent)
		kbpf_guest_put(f, up + NODE_SLOTS + 8 * slot, 8, kbpf_guest_entry(f, node));
}

__attribute__((unused))
static void kbpf_guest_slot(struct kbpf_guest *f, unsigned node, unsigned slot, uint64_t gpa)
{
	kbpf_guest_ptr(f, KBPF_NODE(node) + NODE_SLOTS + 8 * slot, gpa);
}

/* A map with types, not yet in the table. */
static void kbpf_guest_map(struct kbpf_guest *f, unsigned i, const struct kbpf_map *map)
{
	const struct {
		unsigned at;
		uint32_t v;
	} numbers[] = {
		{ M_ID, map->id }, { M_TYPE, map->type }, { M_KEY_SIZE, map->key_size },
		{ M_VALUE_SIZE, map->value_size }, { M_MAX_ENTRIES, map->max_entries },
		{ M_FLAGS, map->flags }, { M_KEY_TYPE, map->key_type },
		{ M_VALUE_TYPE, map->value_type }, { M_KERNEL_TYPE, map->kernel_value_type },
		{ M_FROZEN, map->frozen },
	};

	for (size_t n = 0; n < ARRAY_SIZE(numbers); n++)
		kbpf_guest_put(f, KBPF_MAP(i) + numbers[n].at, 4, numbers[n].v);
	mm_write(f->g.mm, KBPF_MAP(i) + M_NAME, map->name, KBPF_NAME_MAX);
	if (map->value_type)
		kbpf_guest_ptr(f, KBPF_MAP(i) + M_BTF, KBPF_BTF);
}

/* The same in slot id of node 0, which is the top and on the lowest level. */
__attribute__((unused))
static void kbpf_guest_add(struct kbpf_guest *f, unsigned i, const struct kbpf_map *map)
{
	kbpf_guest_map(f, i, map);
	kbpf_guest_slot(f, 0, map->id, KBPF_MAP(i));
}

/* A struct_ops program in slot id of node 0; its counters are at 0x600 + 0x20 * i of each CPU. */
__attribute__((unused))
static void kbpf_guest_program(struct kbpf_guest *f, unsigned i, uint32_t id, const char *name)
{
	kbpf_guest_put(f, KBPF_PROG(i) + PROG_AT_TYPE, 4, BPF_PROG_TYPE_STRUCT_OPS);
	kbpf_guest_ptr(f, KBPF_PROG(i) + PROG_AT_AUX, KBPF_PROG(i) + AUX);
	kbpf_guest_put(f, KBPF_PROG(i) + PROG_AT_STATS, 8, 0x600 + 0x20 * i);
	kbpf_guest_put(f, KBPF_PROG(i) + AUX + AUX_AT_ID, 4, id);
	mm_write(f->g.mm, KBPF_PROG(i) + AUX + AUX_AT_NAME, name, strlen(name) + 1);
	kbpf_guest_slot(f, 0, id, KBPF_PROG(i));
}

__attribute__((unused)) static bool kbpf_guest_open(struct kbpf_guest *f)
{
	const void *raw;
	uint32_t n;

	*f = (struct kbpf_guest){ .g = GUEST_KERNEL_INIT, .types = kbpf_guest_types() };
	f->kernel = kbpf_guest_kernel_types(&f->ops);
	f->g.make.btf = f->kernel;
	if (!guest_kernel_open(&f->g) ||
	    guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) < 0 ||
	    kbpf_create(f->g.index, &f->b, &f->g.err) < 0)
		return false;
	raw = btf__raw_data(f->types.btf, &n);
	mm_write(f->g.mm, KBPF_BTF_DATA, raw, n);
	kbpf_guest_ptr(f, KBPF_BTF + BTF_AT_DATA, KBPF_BTF_DATA);
	kbpf_guest_put(f, KBPF_BTF + BTF_AT_SIZE, 4, n);
	kbpf_guest_node(f, 0, 0, 0, 0);
	kbpf_guest_head(f, VMLINUX_AT_MAP_IDR, kbpf_guest_entry(f, 0));
	return true;
}

__attribute__((unused)) static void kbpf_guest_close(struct kbpf_guest *f)
{
	kbpf_destroy(f->b);
	guest_kernel_close(&f->g);
	btf__free(f->kernel);
	btf__free(f->types.btf);
}

#endif
