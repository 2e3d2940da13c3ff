/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_KBPF_GUEST_TYPES_H
#define KTSTR_TEST_KBPF_GUEST_TYPES_H
/* The types for kbpf-guest.h: those of a kernel, of which each has its offsets, and a program's. */
#include <bpf/btf.h>
#include <stdint.h>

enum {
	IDR_HEAD = 8, IDR_BASE = 16, IDR_NEXT = 20,
	NODE_SHIFT = 0, NODE_OFFSET = 1, NODE_PARENT = 8, NODE_SLOTS = 40, NODE_BYTES = 552,
	M_ID = 0, M_TYPE = 4, M_KEY_SIZE = 8, M_VALUE_SIZE = 12, M_MAX_ENTRIES = 16,
	M_FLAGS = 20, M_BTF = 24, M_KEY_TYPE = 32, M_VALUE_TYPE = 36, M_KERNEL_TYPE = 40,
	M_FROZEN = 44, M_NAME = 48,
	M_ELEM_SIZE = 128, M_VALUE = 136,
	M_BUCKETS = 128, M_N_BUCKETS = 136,
	ELEM_NEXT = 0, ELEM_PPREV = 8, ELEM_KEY = 24,
	M_USER_VALUE = 128, M_STATE = 140,
	BTF_AT_DATA = 0, BTF_AT_SIZE = 8, BTF_AT_KERNEL = 12, BTF_AT_BASE = 16,
	PROG_AT_TYPE = 0, PROG_AT_AUX = 8, PROG_AT_STATS = 16, AUX = 64,
	AUX_AT_ID = 0, AUX_AT_NAME = 8,
};

struct kbpf_guest_member {
	const char *name;
	int type;
	unsigned offset;
};

static int kbpf_guest_struct(struct btf *b, const char *name, unsigned size,
			     const struct kbpf_guest_member *m)
{
	int id = btf__add_struct(b, name, size);

	for (; m->name; m++)
		btf__add_field(b, m->name, m->type, m->offset * 8, 0);
	return id;
}

#define KBPF_STRUCT(b, name, size, ...) \
	kbpf_guest_struct(b, name, size, (const struct kbpf_guest_member[]) \
			  { __VA_ARGS__, { NULL, 0, 0 } })

/* The kernel's own types. *ret_ops: what a struct_ops map's value is of. */
static struct btf *kbpf_guest_kernel_types(uint32_t *ret_ops)
{
	struct btf *b = btf__new_empty();
	int u8 = btf__add_int(b, "u8", 1, 0), u32 = btf__add_int(b, "u32", 4, 0);
	int u64 = btf__add_int(b, "u64", 8, 0), ch = btf__add_int(b, "char", 1, BTF_INT_CHAR);
	int p = btf__add_ptr(b, 0), none = btf__add_array(b, u32, ch, 0);
	int name = btf__add_array(b, u32, ch, 16), slots = btf__add_array(b, u32, p, 64);
	int proto = btf__add_func_proto(b, 0), fn = btf__add_ptr(b, proto);
	int xa = KBPF_STRUCT(b, "xarray", 16, { "xa_head", p, 8 });
	int map, head, bucket, buckets, node, common, kvalue;

	KBPF_STRUCT(b, "idr", 24, { "idr_rt", xa, 0 }, { "idr_base", u32, IDR_BASE },
		    { "idr_next", u32, IDR_NEXT });
	KBPF_STRUCT(b, "xa_node", NODE_BYTES, { "shift", u8, NODE_SHIFT },
		    { "offset", u8, NODE_OFFSET }, { "parent", p, NODE_PARENT },
		    { "slots", slots, NODE_SLOTS });
	map = KBPF_STRUCT(b, "bpf_map", 128, { "id", u32, M_ID }, { "map_type", u32, M_TYPE },
			  { "key_size", u32, M_KEY_SIZE }, { "value_size", u32, M_VALUE_SIZE },
			  { "max_entries", u32, M_MAX_ENTRIES }, { "map_flags", u32, M_FLAGS },
			  { "btf", p, M_BTF }, { "btf_key_type_id", u32, M_KEY_TYPE },
			  { "btf_value_type_id", u32, M_VALUE_TYPE },
			  { "btf_vmlinux_value_type_id", u32, M_KERNEL_TYPE },
			  { "frozen", u8, M_FROZEN }, { "name", name, M_NAME });
	KBPF_STRUCT(b, "bpf_array", 136, { "map", map, 0 }, { "elem_size", u32, M_ELEM_SIZE },
		    { "value", none, M_VALUE }, { "pptrs", none, M_VALUE });
	/* another one of the same name comes first */
	KBPF_STRUCT(b, "bucket", 4, { "count", u32, 0 });
	head = KBPF_STRUCT(b, "hlist_nulls_head", 8, { "first", p, 0 });
	bucket = KBPF_STRUCT(b, "bucket", 16, { "head", head, 0 }, { "lock", u32, 8 });
	buckets = btf__add_ptr(b, bucket);
	KBPF_STRUCT(b, "bpf_htab", 144, { "map", map, 0 }, { "buckets", buckets, M_BUCKETS },
		    { "n_buckets", u32, M_N_BUCKETS });
	node = KBPF_STRUCT(b, "hlist_nulls_node", 16, { "next", p, ELEM_NEXT },
			   { "pprev", p, ELEM_PPREV });
	KBPF_STRUCT(b, "htab_elem", 24, { "hash_node", node, 0 }, { "key", none, ELEM_KEY });
	common = KBPF_STRUCT(b, "bpf_struct_ops_common_value", 8, { "refcnt", u32, 0 },
			     { "state", u32, 4 });
	kvalue = KBPF_STRUCT(b, "bpf_struct_ops_value", 8, { "common", common, 0 });
	KBPF_STRUCT(b, "bpf_struct_ops_map", 144, { "map", map, 0 },
		    { "uvalue", p, M_USER_VALUE }, { "kvalue", kvalue, M_STATE - 4 });
	*ret_ops = (uint32_t)KBPF_STRUCT(b, "bpf_struct_ops_test_ops", 32, { "common", common, 0 },
					 { "enqueue", fn, 8 }, { "name", name, 16 });
	KBPF_STRUCT(b, "btf", 24, { "data", p, BTF_AT_DATA }, { "data_size", u32, BTF_AT_SIZE },
		    { "kernel_btf", u8, BTF_AT_KERNEL }, { "base_btf", p, BTF_AT_BASE });
	KBPF_STRUCT(b, "bpf_prog", 24, { "type", u32, PROG_AT_TYPE }, { "aux", p, PROG_AT_AUX },
		    { "stats", p, PROG_AT_STATS });
	KBPF_STRUCT(b, "bpf_prog_aux", 24, { "id", u32, AUX_AT_ID }, { "name", name, AUX_AT_NAME });
	KBPF_STRUCT(b, "bpf_prog_stats", 24, { "cnt", u64, 0 }, { "nsecs", u64, 8 },
		    { "misses", u64, 16 });
	return b;
}

/* The types of a program: ids of what maps' values are of. */
struct kbpf_guest_types {
	struct btf *btf;
	uint32_t u32, value, bss;
};

static struct kbpf_guest_types kbpf_guest_types(void)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);
	int s16 = btf__add_int(b, "short", 2, BTF_INT_SIGNED), u8 = btf__add_int(b, "u8", 1, 0);
	int yes = btf__add_int(b, "_Bool", 1, BTF_INT_BOOL);
	int ch = btf__add_int(b, "char", 1, BTF_INT_CHAR);
	int name = btf__add_array(b, u32, ch, 8), three = btf__add_array(b, u32, u64, 3);
	int p = btf__add_ptr(b, 0), color = btf__add_enum(b, "color", 4);
	int td, inner, either, value, bss, vars[3];

	btf__add_enum_value(b, "RED", 0);
	btf__add_enum_value(b, "GREEN", 5);
	td = btf__add_typedef(b, "count_t", u64);
	inner = btf__add_struct(b, "inner", 8);
	btf__add_field(b, "a", s16, 0, 0);
	btf__add_field(b, "low", u8, 16, 3);
	btf__add_field(b, "high", u8, 19, 5);
	btf__add_field(b, "on", yes, 24, 0);
	btf__add_field(b, "color", color, 32, 0);
	either = btf__add_union(b, NULL, 4);
	btf__add_field(b, "whole", u32, 0, 0);
	btf__add_field(b, "byte", u8, 0, 0);
	value = btf__add_struct(b, "value", 64);
	btf__add_field(b, "count", td, 0, 0);
	btf__add_field(b, "in", inner, 8 * 8, 0);
	btf__add_field(b, "name", name, 16 * 8, 0);
	btf__add_field(b, "three", three, 24 * 8, 0);
	btf__add_field(b, NULL, either, 48 * 8, 0);
	btf__add_field(b, "next", p, 56 * 8, 0);
	vars[0] = btf__add_var(b, "nr_runs", BTF_VAR_GLOBAL_ALLOCATED, u32);
	vars[1] = btf__add_var(b, "mode", BTF_VAR_STATIC, color);
	vars[2] = btf__add_var(b, "all", BTF_VAR_GLOBAL_ALLOCATED, value);
	bss = btf__add_datasec(b, ".bss", 72);
	btf__add_datasec_var_info(b, vars[0], 0, 4);
	btf__add_datasec_var_info(b, vars[1], 4, 4);
	btf__add_datasec_var_info(b, vars[2], 8, 64);
	return (struct kbpf_guest_types){ b, (uint32_t)u32, (uint32_t)value, (uint32_t)bss };
}

#endif
