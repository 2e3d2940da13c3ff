/* SPDX-License-Identifier: GPL-2.0-only */
/* Types of programs out of guest memory, and values as JSON by them. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "monitor/kbpf_json.h"
#include "monitor/kbpf_types.h"
#include "test/kbpf-guest.h"

#define FULL { .count = 1ull << 60, .a = -2, .bits = 0xfd, .on = 1, .color = 5, \
	       .name = "prod", .three = { 1, 2, 3 }, .whole = 0x1234, .next = 0xffff888000001000 }

/* As kbpf-guest.h describes it. */
struct value {
	uint64_t count;
	int16_t a;
	uint8_t bits, on;
	uint32_t color;
	char name[8];
	uint64_t three[3];
	uint32_t whole, pad;
	uint64_t next;
};

static void check_json(struct json_object *o, const char *want)
{
	tap_str(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), want);
	json_object_put(o);
}

static void a_value_has_its_types_names(void)
{
	struct kbpf_guest_types t = kbpf_guest_types();
	struct kbpf_json j = { .btf = t.btf, .left = 100 };
	struct value v = FULL;

	check_json(kbpf_json(&j, t.value, (uint8_t *)&v, sizeof(v)),
		   "{\"count\":1152921504606846976,\"in\":{\"a\":-2,\"low\":5,\"high\":31,"
		   "\"on\":true,\"color\":\"GREEN\"},\"name\":\"prod\",\"three\":[1,2,3],"
		   "\"whole\":4660,\"byte\":52,\"next\":\"0xffff888000001000\"}");
	tap_ok(!j.cut, "nothing was left out");
	/* no such enumerator, and no text */
	v.color = 77;
	memcpy(v.name, "\x1b[31m\0\0", 8);
	v.three[0] = UINT64_MAX;
	check_json(kbpf_json(&j, t.value, (uint8_t *)&v, sizeof(v)),
		   "{\"count\":1152921504606846976,\"in\":{\"a\":-2,\"low\":5,\"high\":31,"
		   "\"on\":true,\"color\":77},\"name\":[27,91,51,49,109,0,0,0],"
		   "\"three\":[18446744073709551615,2,3],"
		   "\"whole\":4660,\"byte\":52,\"next\":\"0xffff888000001000\"}");
	btf__free(t.btf);
}

static void an_integer_beyond_64_bits_is_a_hexadecimal_number(void)
{
	struct btf *b = btf__new_empty();
	const uint32_t u128 = (uint32_t)btf__add_int(b, "unsigned __int128", 16, 0);
	struct kbpf_json j = { .btf = b, .left = 100 };
	const uint8_t bytes[16] = { 0xef, 0xcd, 0xab, [8] = 0x34, [15] = 0x12 };

	check_json(kbpf_json(&j, u128, bytes, sizeof(bytes)),
		   "\"0x12000000000000340000000000abcdef\"");
	tap_ok(!j.cut, "nothing was left out");
	check_json(kbpf_json(&j, u128, bytes, sizeof(bytes) - 1), "null");
	tap_ok(j.cut, "a byte is missing");
	btf__free(b);
}

static void a_float_of_another_size_is_hexadecimal(void)
{
	static const uint8_t one[16] = { [7] = 0x80, [8] = 0xff, [9] = 0x3f };	/* x86's 1.0L */
	static const uint8_t half[2] = { 0x00, 0x3c };
	const float f = 1.5f;
	const double d = -2.25;
	struct btf *b = btf__new_empty();
	const uint32_t types[] = {
		(uint32_t)btf__add_float(b, "half", 2), (uint32_t)btf__add_float(b, "float", 4),
		(uint32_t)btf__add_float(b, "double", 8), (uint32_t)btf__add_float(b, "long", 16),
	};
	struct kbpf_json j = { .btf = b, .left = 100 };

	check_json(kbpf_json(&j, types[0], half, sizeof(half)), "\"0x3c00\"");
	check_json(kbpf_json(&j, types[1], (const uint8_t *)&f, sizeof(f)), "1.5");
	check_json(kbpf_json(&j, types[2], (const uint8_t *)&d, sizeof(d)), "-2.25");
	check_json(kbpf_json(&j, types[3], one, sizeof(one)),
		   "\"0x0000000000003fff8000000000000000\"");
	tap_ok(!j.cut, "nothing was left out");
	check_json(kbpf_json(&j, types[3], one, sizeof(one) - 1), "null");
	tap_ok(j.cut, "a byte is missing");
	btf__free(b);
}

static void a_data_section_has_its_variables(void)
{
	struct kbpf_guest_types t = kbpf_guest_types();
	struct kbpf_json j = { .btf = t.btf, .left = 100 };
	const struct {
		uint32_t runs, mode;
		struct value all;
	} bss = { 12, 0, FULL };
	struct json_object *o = kbpf_json(&j, t.bss, (const uint8_t *)&bss, sizeof(bss));

	tap_eq(json_object_object_length(o), 3);
	tap_eq(json_object_get_int(json_object_object_get(o, "nr_runs")), 12);
	tap_str(json_object_get_string(json_object_object_get(o, "mode")), "RED");
	tap_ok(json_object_object_get_ex(json_object_object_get(o, "all"), "in", NULL), "nested");
	json_object_put(o);
	btf__free(t.btf);
}

static void what_has_no_bytes_or_no_room_is_cut(void)
{
	struct kbpf_guest_types t = kbpf_guest_types();
	struct kbpf_json j = { .btf = t.btf, .left = 100 };
	struct value v = FULL;

	check_json(kbpf_json(&j, t.value, (uint8_t *)&v, 10),
		   "{\"count\":1152921504606846976,\"in\":{\"a\":-2,\"low\":null,\"high\":null}}");
	tap_ok(j.cut, "the rest is missing");
	j = (struct kbpf_json){ .btf = t.btf, .left = 14 };
	check_json(kbpf_json(&j, t.value, (uint8_t *)&v, sizeof(v)),
		   "{\"count\":1152921504606846976,\"in\":{\"a\":-2}}");
	tap_ok(j.cut, "there was no more room");
	j = (struct kbpf_json){ .btf = t.btf, .left = 6 };
	check_json(kbpf_json(&j, 4711, (uint8_t *)&v, sizeof(v)), "null");
	btf__free(t.btf);
}

static void types_in_a_circle_end(void)
{
	struct btf *b = btf__new_empty();
	uint32_t td = (uint32_t)btf__add_typedef(b, "a", 2), s, array;
	struct kbpf_json j = { .btf = b, .left = 100 };
	const uint8_t bytes[64] = { 0 };

	btf__add_typedef(b, "b", (int)td);
	s = (uint32_t)btf__add_struct(b, "s", 8);
	btf__add_field(b, "again", (int)s, 0, 0);
	btf__add_field(b, NULL, (int)s, 0, 0);
	array = (uint32_t)btf__add_array(b, (int)td, (int)btf__type_cnt(b), UINT32_MAX);
	check_json(kbpf_json(&j, td, bytes, sizeof(bytes)), "null");
	tap_ok(j.cut, "it leads nowhere");
	json_object_put(kbpf_json(&j, s, bytes, sizeof(bytes)));
	tap_eq(j.left, 0);
	j.left = 100;
	json_object_put(kbpf_json(&j, array, bytes, sizeof(bytes)));
	btf__free(b);
}

/* As many typedefs of it as values may be in each other. */
static uint32_t add_chain(struct btf *b, int type)
{
	for (int i = 0; i < 24; i++)
		type = btf__add_typedef(b, "t", type);
	return (uint32_t)type;
}

static void what_leads_nowhere_costs_as_much_as_a_value(void)
{
	enum { MEMBERS = 64, ELEMENTS = 4096 };
	static const uint8_t bytes[ELEMENTS];
	struct btf *b = btf__new_empty();
	int u8 = btf__add_int(b, "u8", 1, 0), chain = (int)add_chain(b, u8);
	int array = btf__add_array(b, u8, chain, ELEMENTS), s = btf__add_struct(b, "s", ELEMENTS);
	struct kbpf_json j = { .btf = b, .left = 1000 };
	struct json_object *o, *a;
	unsigned elements = 0;
	char name[8];

	for (int i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		btf__add_field(b, name, array, 0, 0);
	}
	o = kbpf_json(&j, (uint32_t)s, bytes, sizeof(bytes));
	json_object_object_foreach(o, key, member) {
		(void)key;
		elements += (unsigned)json_object_array_length(member);
	}
	tap_ok(elements <= MEMBERS, "%u elements: one of each array says it all", elements);
	tap_ok(j.cut, "the others are missing");
	tap_eq(j.left, 0);
	json_object_put(o);
	/* each element is a walk along the types */
	array = btf__add_array(b, u8, btf__type_by_id(b, (uint32_t)chain)->type, ELEMENTS);
	j = (struct kbpf_json){ .btf = b, .left = 1000 };
	a = kbpf_json(&j, (uint32_t)array, bytes, sizeof(bytes));
	tap_ok(json_object_array_length(a) <= 1000 / 20, "%zu elements",
	       json_object_array_length(a));
	json_object_put(a);
	btf__free(b);
}

static void long_text_costs_more_than_a_number(void)
{
	enum { MEMBERS = 64, BYTES = 4096 };
	static const uint8_t bytes[BYTES] = "text";
	struct btf *b = btf__new_empty();
	int ch = btf__add_int(b, "char", 1, BTF_INT_CHAR);
	int text = btf__add_array(b, ch, ch, BYTES), s = btf__add_struct(b, "s", BYTES);
	struct kbpf_json j = { .btf = b, .left = 10 * BYTES / 64 };
	struct json_object *o;
	char name[8];

	for (int i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		btf__add_field(b, name, text, 0, 0);
	}
	o = kbpf_json(&j, (uint32_t)s, bytes, sizeof(bytes));
	tap_ok(json_object_object_length(o) <= 10, "%d texts", json_object_object_length(o));
	tap_ok(j.cut, "the others are missing");
	json_object_put(o);
	btf__free(b);
}

static void pointers_to_functions_of_struct_ops_are_programs(void)
{
	struct kbpf_guest f;
	const struct {
		uint32_t refcnt, state;
		uint64_t enqueue;
		char name[16];
	} ops = { 1, 2, 33, "simple" };

	if (kbpf_guest_open(&f)) {
		struct kbpf_json j = { .btf = f.kernel, .left = 100, .programs = true };

		check_json(kbpf_json(&j, f.ops, (const uint8_t *)&ops, sizeof(ops)),
			   "{\"common\":{\"refcnt\":1,\"state\":2},\"enqueue\":33,"
			   "\"name\":\"simple\"}");
		j.programs = false;
		check_json(kbpf_json(&j, f.ops, (const uint8_t *)&ops, sizeof(ops)),
			   "{\"common\":{\"refcnt\":1,\"state\":2},\"enqueue\":\"0x21\","
			   "\"name\":\"simple\"}");
	}
	kbpf_guest_close(&f);
}

static void bytes_without_a_type_are_hexadecimal(void)
{
	struct kbpf_json j = { .left = 8 };
	struct json_object *o;
	uint8_t bytes[300];

	memset(bytes, 0xab, sizeof(bytes));
	check_json(kbpf_json_bytes(&j, bytes, 2), "\"0xabab\"");
	check_json(kbpf_json_bytes(&j, bytes, 0), "\"0x\"");
	o = kbpf_json_bytes(&j, bytes, sizeof(bytes));
	tap_eq(json_object_get_string_len(o), 2 + 2 * 256);
	json_object_put(o);
	/* they cost, too, by their length */
	tap_eq(j.left, 1);
	tap_ok(!j.cut, "all was told");
	check_json(kbpf_json_bytes(&j, bytes, 64), "null");
	tap_ok(j.cut && !j.left, "there was no more room");
}

/* --- types of a guest ------------------------------------------------------------------------ */

static int load(const struct kbpf_guest *f, const struct kbpf_map *map, struct err *e)
{
	struct kbpf_types *t = NULL;
	const struct btf *btf = NULL;
	uint32_t id = 0;
	int r = kbpf_types_create(f->b, f->g.monitor, &t, e);

	err_clear(e);
	if (r == 0)
		r = kbpf_types_of(t, map, &btf, &id, e);
	if (r == 0 && map->value_type)
		tap_str(btf__name_by_offset(btf, btf__type_by_id(btf, id)->name_off), "value");
	kbpf_types_destroy(t);
	return r;
}

static void types_are_read_out_of_the_guest(void)
{
	struct err e = ERR_INIT;
	struct kbpf_guest f;

	if (kbpf_guest_open(&f)) {
		const struct kbpf_map map = { .type = BPF_MAP_TYPE_ARRAY,
			.btf_kva = kbpf_guest_kva(&f, KBPF_BTF), .value_type = f.types.value };
		const struct kbpf_map ops = { .type = BPF_MAP_TYPE_STRUCT_OPS,
			.kernel_value_type = f.ops };

		tap_eq(load(&f, &map, &e), 0);
		tap_eq(load(&f, &ops, &e), 0);
		tap_eq(load(&f, &(struct kbpf_map){ .type = BPF_MAP_TYPE_ARRAY }, &e), -ENODATA);
		tap_str(err_text(&e), "it has no types");
	}
	kbpf_guest_close(&f);
}

static void of_many_types_not_all_are_read(void)
{
	struct kbpf_types *t = NULL;
	struct err e = ERR_INIT;
	struct kbpf_guest f;

	if (kbpf_guest_open(&f) && tap_eq(kbpf_types_create(f.b, f.g.monitor, &t, &e), 0)) {
		for (unsigned i = 0; i < 5; i++) {
			const uint32_t at = KBPF_VALUES + 0x100 * i;
			const struct kbpf_map map = { .type = BPF_MAP_TYPE_ARRAY,
				.btf_kva = kbpf_guest_kva(&f, at), .value_type = 1 };
			const struct btf *btf = NULL;
			uint32_t id;

			kbpf_guest_ptr(&f, at + BTF_AT_DATA, KBPF_BTF_DATA);
			kbpf_guest_put(&f, at + BTF_AT_SIZE, 4, KBPF_TYPES_BYTES_MAX);
			err_clear(&e);
			tap_eq(kbpf_types_of(t, &map, &btf, &id, &e), i < 4 ? 0 : -E2BIG);
		}
		tap_str(err_text(&e), "there are more types than are read");
	}
	kbpf_types_destroy(t);
	kbpf_guest_close(&f);
}

static void hostile_types_are_refused_with_a_reason(void)
{
	static const struct {
		unsigned at, size;
		uint64_t v;
		int r;
		const char *why;
	} cases[] = {
		{ KBPF_BTF + BTF_AT_DATA, 8, UINT64_C(0xdead000000000000), -EFAULT,
		  "its types are not mapped" },
		{ KBPF_BTF + BTF_AT_SIZE, 4, UINT32_MAX, -E2BIG,
		  "its types have 4294967295 bytes" },
		{ KBPF_BTF + BTF_AT_SIZE, 4, 7, -EPROTO, "its types: too short" },
		{ KBPF_BTF + BTF_AT_SIZE, 4, 200, -EPROTO,
		  "its types: its parts lie outside of it" },
		{ KBPF_BTF + BTF_AT_KERNEL, 1, 1, -ENODATA,
		  "its types are of the kernel, or of a module" },
		{ KBPF_BTF + BTF_AT_BASE, 8, 1, -ENODATA,
		  "its types are of the kernel, or of a module" },
		{ KBPF_BTF_DATA, 2, 0, -EPROTO, "its types: no BTF of version 1" },
		/* the first type: of no kind; with more members than there are bytes */
		{ KBPF_BTF_DATA + 24 + 4, 4, 31u << 24, -EPROTO, "its types: a type of kind 31" },
		{ KBPF_BTF_DATA + 24 + 4, 4, 4u << 24 | 0xffff, -EPROTO,
		  "its types: a type is cut off" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct kbpf_guest f;

		if (kbpf_guest_open(&f)) {
			const struct kbpf_map map = { .type = BPF_MAP_TYPE_ARRAY,
				.btf_kva = kbpf_guest_kva(&f, KBPF_BTF),
				.value_type = f.types.value };

			kbpf_guest_put(&f, cases[i].at, cases[i].size, cases[i].v);
			tap_eq(load(&f, &map, &e), cases[i].r);
			tap_str(err_text(&e), cases[i].why);
		}
		kbpf_guest_close(&f);
	}
}

int main(void)
{
	TAP_RUN(a_value_has_its_types_names);
	TAP_RUN(an_integer_beyond_64_bits_is_a_hexadecimal_number);
	TAP_RUN(a_float_of_another_size_is_hexadecimal);
	TAP_RUN(a_data_section_has_its_variables);
	TAP_RUN(what_has_no_bytes_or_no_room_is_cut);
	TAP_RUN(types_in_a_circle_end);
	TAP_RUN(what_leads_nowhere_costs_as_much_as_a_value);
	TAP_RUN(long_text_costs_more_than_a_number);
	TAP_RUN(pointers_to_functions_of_struct_ops_are_programs);
	TAP_RUN(bytes_without_a_type_are_hexadecimal);
	TAP_RUN(types_are_read_out_of_the_guest);
	TAP_RUN(of_many_types_not_all_are_read);
	TAP_RUN(hostile_types_are_refused_with_a_reason);
	return tap_done();
}
