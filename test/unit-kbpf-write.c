/* SPDX-License-Identifier: GPL-2.0-only */
/* MAP.FIELD=VALUE in a guest that was built in memory: what is written, and what refused. */
#include <errno.h>

#include "monitor/kbpf_types.h"
#include "monitor/kbpf_write.h"
#include "test/kbpf-guest.h"

/* Where variables lie in .bss: kbpf-guest-types.h. */
enum { AT_RUNS = 0, AT_MODE = 4, AT_ALL = 8 };
#define VALUE(map) (KBPF_MAP(map) + M_VALUE)

struct fixture {
	struct kbpf_guest g;
	struct kbpf_types *types;
	struct kbpf_written w;
	struct err why;
};

static bool fixture_open(struct fixture *f)
{
	*f = (struct fixture){ .why = ERR_INIT };
	if (!kbpf_guest_open(&f->g) ||
	    !tap_eq(kbpf_types_create(f->g.b, f->g.g.monitor, &f->types, &f->why), 0))
		return false;
	kbpf_guest_add(&f->g, 0, &(struct kbpf_map){ .id = 1, .type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4, .value_size = 72, .max_entries = 1,
		.value_type = f->g.types.bss, .name = "fixture.bss" });
	kbpf_guest_put(&f->g, KBPF_MAP(0) + M_ELEM_SIZE, 4, 72);
	kbpf_guest_add(&f->g, 1, &(struct kbpf_map){ .id = 2, .type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4, .value_size = 64, .max_entries = 4,
		.value_type = f->g.types.value, .name = "a_long_name_for" });
	kbpf_guest_put(&f->g, KBPF_MAP(1) + M_ELEM_SIZE, 4, 64);
	kbpf_guest_add(&f->g, 2, &(struct kbpf_map){ .id = 3, .type = BPF_MAP_TYPE_HASH,
		.value_type = f->g.types.value, .name = "h" });
	return true;
}

static void fixture_close(struct fixture *f)
{
	kbpf_types_destroy(f->types);
	kbpf_guest_close(&f->g);
}

static int do_write(struct fixture *f, const char *spec)
{
	err_clear(&f->why);
	return kbpf_write(f->g.b, f->g.g.monitor, f->types, spec, &f->w, &f->why);
}

static uint64_t at(const struct fixture *f, uint64_t gpa, size_t n)
{
	uint64_t v = 0;

	mm_read(f->g.g.mm, gpa, &v, n);
	return v;
}

static void a_field_is_written_by_its_name(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		kbpf_guest_put(&f.g, VALUE(0), 8, UINT64_MAX);
		tap_eq(do_write(&f, ".bss.nr_runs=0x1234"), 0);
		tap_eq(at(&f, VALUE(0) + AT_RUNS, 4), 0x1234);
		tap_eq(at(&f, VALUE(0) + AT_MODE, 4), UINT32_MAX);
		tap_eq(f.w.was, UINT32_MAX);
		tap_eq(f.w.now, 0x1234);
		tap_eq(f.w.size, 4);
		tap_eq(f.w.map_id, 1);
		tap_str(f.w.map, "fixture.bss");
		tap_eq(do_write(&f, "fixture.bss.mode=GREEN"), 0);
		tap_eq(at(&f, VALUE(0) + AT_MODE, 4), 5);
		tap_eq(do_write(&f, ".bss.mode=7"), 0);
		tap_eq(at(&f, VALUE(0) + AT_MODE, 4), 7);
		/* nested: a bool, a signed one of two bytes, an element, in an anonymous union */
		tap_eq(do_write(&f, ".bss.all.in.on=true"), 0);
		tap_eq(at(&f, VALUE(0) + AT_ALL + 11, 1), 1);
		tap_eq(do_write(&f, ".bss.all.in.a=-2"), 0);
		tap_eq(at(&f, VALUE(0) + AT_ALL + 8, 2), 0xfffe);
		tap_eq(do_write(&f, ".bss.all.three[2]=18446744073709551615"), 0);
		tap_eq(at(&f, VALUE(0) + AT_ALL + 40, 8), UINT64_MAX);
		tap_eq(do_write(&f, ".bss.all.whole=9"), 0);
		tap_eq(at(&f, VALUE(0) + AT_ALL + 48, 4), 9);
		tap_eq(do_write(&f, ".bss.all.name[1]=65"), 0);
		tap_eq(at(&f, VALUE(0) + AT_ALL + 16, 2), 65 << 8);
	}
	fixture_close(&f);
}

static void an_element_is_written_by_its_index(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		tap_eq(do_write(&f, "a_long_name_for[3].count=8"), 0);
		tap_eq(at(&f, VALUE(1) + 3 * 64, 8), 8);
		/* the kernel keeps 15 bytes of a name */
		tap_eq(do_write(&f, "a_long_name_for_a_map.count=9"), 0);
		tap_eq(at(&f, VALUE(1), 8), 9);
		tap_eq(do_write(&f, "a_long_name_for[4].count=8"), -ENOENT);
		tap_str(err_text(&f.why),
			"a_long_name_for[4].count=8: map a_long_name_for: it has 4 elements");
	}
	fixture_close(&f);
}

static void maps_of_one_name_are_told_apart_by_their_fields(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		kbpf_guest_add(&f.g, 3, &(struct kbpf_map){ .id = 4, .type = BPF_MAP_TYPE_ARRAY,
			.key_size = 4, .value_size = 64, .max_entries = 1,
			.value_type = f.g.types.value, .name = "other.bss" });
		kbpf_guest_put(&f.g, KBPF_MAP(3) + M_ELEM_SIZE, 4, 64);
		tap_eq(do_write(&f, ".bss.count=3"), 0);
		tap_eq(f.w.map_id, 4);
		tap_eq(do_write(&f, ".bss.mode=RED"), 0);
		tap_eq(f.w.map_id, 1);
		kbpf_guest_put(&f.g, KBPF_MAP(3) + M_VALUE_TYPE, 4, f.g.types.bss);
		kbpf_guest_put(&f.g, KBPF_MAP(3) + M_VALUE_SIZE, 4, 72);
		kbpf_guest_put(&f.g, KBPF_MAP(3) + M_ELEM_SIZE, 4, 72);
		tap_eq(do_write(&f, ".bss.mode=RED"), -ENOTUNIQ);
		tap_str(err_text(&f.why), ".bss.mode=RED: 2 maps have this name and field");
		tap_eq(do_write(&f, "other.bss.mode=RED"), 0);
		/* all of a name goes before the end of one */
		mm_write(f.g.g.mm, KBPF_MAP(3) + M_NAME, ".bss\0", 6);
		tap_eq(do_write(&f, ".bss.mode=RED"), 0);
		tap_eq(f.w.map_id, 4);
	}
	fixture_close(&f);
}

/* 64 maps of one name, whose data section has as many variables as one can have. */
static void hostile_types_are_not_searched_without_end(void)
{
	enum { VARIABLES = 0xffff };
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "u32", 4, 0);
	int var = btf__add_var(b, "x", BTF_VAR_GLOBAL_ALLOCATED, u32);
	int sec = btf__add_datasec(b, ".bss", 4);
	struct fixture f;
	const void *raw;
	uint32_t n;

	for (unsigned i = 0; i < VARIABLES; i++)
		btf__add_datasec_var_info(b, var, 0, 4);
	raw = btf__raw_data(b, &n);
	if (fixture_open(&f)) {
		mm_write(f.g.g.mm, KBPF_BTF_DATA, raw, n);
		kbpf_guest_put(&f.g, KBPF_BTF + BTF_AT_SIZE, 4, n);
		for (unsigned i = 0; i < 64; i++) {
			kbpf_guest_add(&f.g, i, &(struct kbpf_map){ .id = i,
				.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4,
				.max_entries = 1, .value_type = (uint32_t)sec, .name = ".bss" });
			kbpf_guest_put(&f.g, KBPF_MAP(i) + M_ELEM_SIZE, 4, 4);
		}
		tap_eq(do_write(&f, ".bss.y=1"), -E2BIG);
		tap_str(err_text(&f.why), ".bss.y=1: too many maps have this name");
		tap_eq(do_write(&f, ".bss.x=1"), -E2BIG);
		tap_eq(at(&f, VALUE(0), 4), 0);
	}
	fixture_close(&f);
	btf__free(b);
}

static void what_cannot_be_written_says_why(void)
{
	static const struct {
		const char *spec;
		int r;
		const char *why;
	} cases[] = {
		{ ".data.x=1", -ENOENT,
		  "no map of this name; there are fixture.bss, a_long_name_for, h" },
		{ "ixture.bss.mode=1", -ENOENT,
		  "no map of this name; there are fixture.bss, a_long_name_for, h" },
		{ ".bss.nobody=1", -ENOENT, "map fixture.bss: it has no variable nobody" },
		{ ".bss.all.nobody=1", -ENOENT,
		  "map fixture.bss: struct value has no member nobody" },
		{ ".bss.all.three[3]=1", -ENOENT, "map fixture.bss: three[3]: an array of 3" },
		{ ".bss.all[1]=1", -ENOENT, "map fixture.bss: all: [1]: not an array" },
		{ "fixture.bss.all.x=1", -ENOENT,
		  "map fixture.bss: struct value has no member x" },
		{ "h.count=1", -ENOENT, "map h: it is no array, and only these can be written" },
		{ ".bss.all=1", -EOPNOTSUPP, "only integers, bools and enums can be written" },
		{ ".bss.all.next=1", -EOPNOTSUPP,
		  "only integers, bools and enums can be written" },
		{ ".bss.all.in.low=1", -EOPNOTSUPP,
		  "only integers, bools and enums can be written" },
		{ ".bss.nr_runs=4294967296", -EINVAL, "4294967296 does not fit 32 bits" },
		{ ".bss.nr_runs=-1", -EINVAL, "-1 does not fit 32 bits" },
		{ ".bss.all.in.a=32768", -EINVAL, "32768 does not fit 16 bits with a sign" },
		{ ".bss.all.in.a=-32769", -EINVAL, "-32769 does not fit 16 bits with a sign" },
		{ ".bss.all.count=18446744073709551616", -EINVAL,
		  "18446744073709551616 does not fit 64 bits" },
		{ ".bss.nr_runs=12x", -EINVAL, "12x is no number" },
		{ ".bss.mode=BLUE", -EINVAL, "BLUE is no number" },
		{ ".bss.all.in.on=2", -EINVAL, "2 is neither true nor false" },
	};
	struct fixture f;

	if (fixture_open(&f)) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			char want[200];

			snprintf(want, sizeof(want), "%s: %s", cases[i].spec, cases[i].why);
			tap_eq(do_write(&f, cases[i].spec), cases[i].r);
			tap_str(err_text(&f.why), want);
		}
		tap_eq(at(&f, VALUE(0), 8) | at(&f, VALUE(0) + AT_ALL, 8), 0);
	}
	fixture_close(&f);
}

static void constants_and_what_lies_across_are_refused(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		kbpf_guest_put(&f.g, KBPF_MAP(0) + M_FLAGS, 4, 1 << 7);
		tap_eq(do_write(&f, ".bss.mode=1"), 0);
		kbpf_guest_put(&f.g, KBPF_MAP(0) + M_FROZEN, 1, 1);
		tap_eq(do_write(&f, ".bss.mode=2"), -ENOENT);
		tap_str(err_text(&f.why), ".bss.mode=2: map fixture.bss: it is constant: programs "
			"do not look at it any more");
		/* a map whose memory is smaller than its type */
		kbpf_guest_put(&f.g, KBPF_MAP(0) + M_FROZEN, 1, 0);
		kbpf_guest_put(&f.g, KBPF_MAP(0) + M_VALUE_SIZE, 4, 6);
		tap_eq(do_write(&f, ".bss.nr_runs=1"), 0);
		tap_eq(do_write(&f, ".bss.mode=1"), -ENOENT);
		tap_str(err_text(&f.why), ".bss.mode=1: map fixture.bss: its values are smaller "
			"than their type");
		/* elements that are not aligned */
		kbpf_guest_put(&f.g, KBPF_MAP(1) + M_ELEM_SIZE, 4, 65);
		tap_eq(do_write(&f, "a_long_name_for[1].count=1"), -EOPNOTSUPP);
		tap_str(err_text(&f.why), "a_long_name_for[1].count=1: map a_long_name_for: "
			"the field is not aligned");
	}
	fixture_close(&f);
}

static void the_form_is_checked_without_a_guest(void)
{
	static const char *const bad[] = {
		"", "x", "x=1", ".x=1", "a.b", "a.b=", "=1", "a.=1",
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_ok(kbpf_write_check(bad[i], &e) == -EINVAL, "\"%s\"", bad[i]);
	tap_eq(kbpf_write_check(".bss.x=1", &e), 0);
	tap_eq(kbpf_write_check("a.b=c=d", &e), 0);
}

int main(void)
{
	TAP_RUN(a_field_is_written_by_its_name);
	TAP_RUN(an_element_is_written_by_its_index);
	TAP_RUN(maps_of_one_name_are_told_apart_by_their_fields);
	TAP_RUN(hostile_types_are_not_searched_without_end);
	TAP_RUN(what_cannot_be_written_says_why);
	TAP_RUN(constants_and_what_lies_across_are_refused);
	TAP_RUN(the_form_is_checked_without_a_guest);
	return tap_done();
}
