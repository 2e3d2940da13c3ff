/* SPDX-License-Identifier: GPL-2.0-only */
/* Where members lie: through anonymous ones, arrays, typedefs and bit fields. */
#include <bpf/btf.h>
#include <errno.h>

#include "base/err.h"
#include "monitor/layout.h"
#include "test/tap.h"

/*
 * typedef const unsigned int u32_t;
 * struct inner { u32_t a; unsigned int low:3, mid:5; };
 * struct outer {
 *	unsigned long first;
 *	union { struct inner; unsigned long whole; };
 *	struct inner list[4];
 *	struct outer *next;
 * };
 */
static struct btf *make(void)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0);
	int u64 = btf__add_int(b, "unsigned long", 8, 0);
	int td = btf__add_typedef(b, "u32_t", btf__add_const(b, u32));
	int inner = btf__add_struct(b, "inner", 8), anon, list, next, e;

	btf__add_field(b, "a", td, 0, 0);
	btf__add_field(b, "low", u32, 32, 3);
	btf__add_field(b, "mid", u32, 35, 5);
	anon = btf__add_union(b, NULL, 8);
	btf__add_field(b, NULL, inner, 0, 0);
	btf__add_field(b, "whole", u64, 0, 0);
	list = btf__add_array(b, u32, inner, 4);
	next = btf__add_ptr(b, list + 2);
	btf__add_struct(b, "outer", 56);
	btf__add_field(b, "first", u64, 0, 0);
	btf__add_field(b, NULL, anon, 64, 0);
	btf__add_field(b, "list", list, 128, 0);
	btf__add_field(b, "next", next, 384, 0);
	e = btf__add_enum(b, "state", 4);
	btf__add_enum_value(b, "OFF", 0);
	btf__add_enum_value(b, "ON", -7);
	tap_ok(e > 0, "types");
	return b;
}

static void check(const struct btf *b, const char *path, unsigned offset, unsigned size)
{
	struct layout_field f = { 0 };
	struct err e = ERR_INIT;

	tap_ok(layout_field(b, "outer", path, &f, &e) == 0, "%s: %s", path, err_text(&e));
	tap_ok(f.offset == offset && f.size == size, "%s: %u bytes at %u", path, f.size,
	       f.offset);
}

static void members_are_found_by_path(void)
{
	struct btf *b = make();
	uint32_t size = 0;

	check(b, "first", 0, 8);
	check(b, "a", 8, 4);
	check(b, "whole", 8, 8);
	check(b, "list", 16, 32);
	check(b, "list[3]", 40, 8);
	check(b, "list[3].a", 40, 4);
	check(b, "next", 48, 8);
	tap_ok(layout_size(b, "outer", &size, NULL) == 0 && size == 56, "its size");
	btf__free(b);
}

static void bit_fields_are_told(void)
{
	struct btf *b = make();
	struct layout_field f = { 0 };

	tap_eq(layout_field(b, "outer", "mid", &f, NULL), 0);
	tap_ok(f.offset == 12 && f.size == 4 && f.bit_offset == 3 && f.bit_size == 5,
	       "%u bits at %u of %u", f.bit_size, f.bit_offset, f.offset);
	btf__free(b);
}

static void what_is_not_there_is_named(void)
{
	static const struct {
		const char *type, *path, *why;
	} missing[] = {
		{ "rq", "clock", "no struct rq" },
		{ "outer", "nothing", "struct outer has no member nothing" },
		{ "outer", "firs", "struct outer has no member firs" },
		{ "outer", "list[1].x.y", "struct inner has no member x" },
		{ "outer", "list[4]", "list[4]: an array of 4" },
		{ "outer", "first[0]", "first[0]: not an array" },
		{ "outer", "list[1][2]", "list[1][2]: not an array" },
		{ "outer", "list[1", "list[1: not an array" },
		{ "outer", "next.first", "has no member first" },
	};
	struct btf *b = make();

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		struct err e = ERR_INIT;
		struct layout_field f;

		tap_eq(-layout_field(b, missing[i].type, missing[i].path, &f, &e), ENOENT);
		tap_ok(strstr(err_text(&e), missing[i].why), "%s", err_text(&e));
	}
	btf__free(b);
}

static void members_of_several_types_are_found_in_one_go(void)
{
	struct layout_field first, a, whole;
	struct layout_row rows[] = {
		{ "outer", "first", &first }, { "inner", "a", &a }, { "outer", "whole", &whole },
	};
	struct err e = ERR_INIT;
	struct btf *b = make();

	tap_eq(layout_fields(b, rows, 3, &e), 0);
	tap_ok(first.offset == 0 && a.offset == 0 && a.size == 4 && whole.offset == 8,
	       "each of its own type");
	rows[1].type = "away";
	tap_eq(layout_fields(b, rows, 3, &e), -ENOENT);
	tap_str(err_text(&e), "no struct away");
	btf__free(b);
}

static void a_member_that_is_missing_has_a_reason(void)
{
	struct layout_place p = { 0 };
	struct btf *b = make();
	uint32_t id = 0;

	tap_eq(layout_type(b, "outer", &id, NULL), 0);
	tap_ok(layout_place(b, id, "whole", &p) && p.has && p.field.offset == 8, "it is there");
	tap_ok(!layout_place(b, id, "away", &p) && !p.has, "it is not");
	tap_str(p.why, "struct outer has no member away");
	btf__free(b);
}

static void enumerators_have_values(void)
{
	struct btf *b = make();
	struct err e = ERR_INIT;
	const struct btf_type *t;
	int64_t v = 0;

	tap_ok(layout_enum(b, "ON", &v, &e) == 0 && v == -7, "%lld", (long long)v);
	tap_eq(-layout_enum(b, "AWAY", &v, &e), ENOENT);
	t = btf__type_by_id(b, (uint32_t)btf__find_by_name(b, "state"));
	tap_str(layout_enum_name(b, t, 0), "OFF");
	tap_str(layout_enum_name(b, t, -7), "ON");
	tap_str(layout_enum_name(b, t, (uint32_t)-7), "ON");
	tap_ok(!layout_enum_name(b, t, 7), "a value without a name");
	tap_ok(layout_enum_value(b, t, "ON", &v) && v == -7, "%lld", (long long)v);
	tap_ok(!layout_enum_value(b, t, "AWAY", &v), "a name without a value");
	t = btf__type_by_id(b, (uint32_t)btf__find_by_name(b, "outer"));
	tap_ok(!layout_enum_name(b, t, 0) && !layout_enum_value(b, t, "OFF", &v), "no enum");
	btf__free(b);
}

static int add_name(const char *name, const struct layout_field *field, void *arg)
{
	snprintf((char *)arg + strlen(arg), 64 - strlen(arg), "%s@%u ", name, field->offset);
	return 0;
}

static void all_members_are_told_in_order(void)
{
	struct btf *b = make();
	char text[64] = "";
	uint32_t id = 0;

	tap_eq(layout_type(b, "outer", &id, NULL), 0);
	layout_each(b, id, add_name, text);
	tap_str(text, "first@0 list@16 next@48 ");
	btf__free(b);
}

int main(void)
{
	TAP_RUN(members_are_found_by_path);
	TAP_RUN(bit_fields_are_told);
	TAP_RUN(what_is_not_there_is_named);
	TAP_RUN(members_of_several_types_are_found_in_one_go);
	TAP_RUN(a_member_that_is_missing_has_a_reason);
	TAP_RUN(enumerators_have_values);
	TAP_RUN(all_members_are_told_in_order);
	return tap_done();
}
