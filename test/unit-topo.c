/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of the guest's CPUs. */
#include <errno.h>
#include <limits.h>

#include "base/err.h"
#include "base/util.h"
#include "test/tap.h"
#include "vcpu/topo.h"

static bool is_topo(const struct topo *t, unsigned n, unsigned l, unsigned c, unsigned th)
{
	return t->numa_nodes == n && t->llcs == l && t->cores_per_llc == c &&
	       t->threads_per_core == th;
}

static void both_spellings_mean_the_same(void)
{
	static const struct {
		const char *commas, *letters;
		unsigned n, l, c, t;
	} rows[] = {
		{ "1,1,1,1", "1n1l1c1t", 1, 1, 1, 1 },
		{ "1,2,4,2", "1n2l4c2t", 1, 2, 4, 2 },
		{ "2,4,3,2", "2n4l3c2t", 2, 4, 3, 2 },
		{ "64,64,8,1", "64n64l8c1t", 64, 64, 8, 1 },
		{ "1,1,512,1", "1n1l512c1t", 1, 1, 512, 1 },
		{ "01,002,3,1", "01n2l0003c1t", 1, 2, 3, 1 },
	};
	struct err e = ERR_INIT;
	struct topo t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		t = (struct topo){ 0 };
		tap_ok(!topo_parse(rows[i].commas, &t, &e), "%s", err_text(&e));
		tap_ok(is_topo(&t, rows[i].n, rows[i].l, rows[i].c, rows[i].t), "%s",
		       rows[i].commas);
		t = (struct topo){ 0 };
		tap_ok(!topo_parse(rows[i].letters, &t, &e), "%s", err_text(&e));
		tap_ok(is_topo(&t, rows[i].n, rows[i].l, rows[i].c, rows[i].t), "%s",
		       rows[i].letters);
	}
}

static void text_that_is_no_topology_is_refused(void)
{
	static const char *const bad[] = {
		"", "1", "1,2", "1,2,3", "1,2,3,", "1,2,3,4,", "1,2,3,4,5", ",1,2,3,4",
		"1,2,3,4 ", " 1,2,3,4", "1, 2,3,4", "-1,2,3,4", "+1,2,3,4", "1,2,3,x",
		"0x1,2,3,4", "1.0,2,3,4", "1n2l3c", "1n2l3c4", "1n2l3c4t5", "1n2l3c4tt",
		"1l2n3c4t", "1N2L3C4T", "2s4c2t", "1n2l4c,2", "1,2l,3,4", "nlct", "1n2l3c4t ",
		"one", "\n", "1,2,3,4\n",
	};
	struct topo t = TOPO(7, 7, 7, 7);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;

		tap_ok(topo_parse(bad[i], &t, &e) == -EINVAL, "\"%s\"", bad[i]);
		tap_ok(strstr(err_text(&e), bad[i]) && strstr(err_text(&e), "1n2l4c2t"), "%s",
		       err_text(&e));
	}
	tap_ok(is_topo(&t, 7, 7, 7, 7), "the result is written on success only");
}

static void a_broken_rule_is_named_with_its_value(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "0,1,1,1", "0 NUMA nodes, must be 1 to 64" },
		{ "65,65,1,1", "65 NUMA nodes, must be 1 to 64" },
		{ "1,0,1,1", "0 LLCs, must be 1 to 512" },
		{ "1,1,0,1", "0 cores per LLC" },
		{ "1,1,1,0", "0 threads per core" },
		{ "2,3,1,1", "3 LLCs do not divide among 2 NUMA nodes" },
		{ "4,3,4,1", "3 LLCs do not divide among 4 NUMA nodes" },
		{ "2,1,3,1", "3 cores of an LLC do not divide among the 2 NUMA nodes that" },
		{ "1,513,1,1", "513 LLCs" },
		{ "1,8,64,2", "1024 CPUs, must be 1 to 512" },
		{ "1,512,512,512", "134217728 CPUs" },
		{ "1,1,1,4294967296", "4294967295 threads per core" },
		{ "99999999999999999999999,1,1,1", "4294967295 NUMA nodes" },
		{ "1,65536,65536,1", "65536 LLCs" },
	};
	struct topo t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;

		tap_ok(topo_parse(rows[i].text, &t, &e) == -EINVAL, "%s", rows[i].text);
		tap_ok(strstr(err_text(&e), rows[i].says), "%s: %s", rows[i].text, err_text(&e));
	}
}

static void the_default_keeps_the_rules(void)
{
	const struct topo t = TOPO_DEFAULT;

	tap_ok(!topo_check(&t, NULL), "default");
}

static void format_and_parse_are_inverse(void)
{
	const struct topo max = TOPO(UINT_MAX, UINT_MAX, UINT_MAX, UINT_MAX);
	const struct topo t = TOPO(2, 4, 3, 2);
	char text[TOPO_TEXT_MAX];
	struct topo back;

	topo_format(&t, text);
	tap_str(text, "2n4l3c2t");
	tap_ok(!topo_parse(text, &back, NULL) && is_topo(&back, 2, 4, 3, 2), "%s", text);
	topo_format(&max, text);
	tap_str(text, "4294967295n4294967295l4294967295c4294967295t");
}

static void ids_run_thread_core_llc_node(void)
{
	static const struct topo t = TOPO(2, 4, 3, 2);

	tap_eq(topo_cpus(&t), 24);
	tap_eq(topo_cpu_llc(&t, 0), 0);
	tap_eq(topo_cpu_llc(&t, 5), 0);
	tap_eq(topo_cpu_llc(&t, 6), 1);
	tap_eq(topo_cpu_llc(&t, 23), 3);
	tap_eq(topo_cpu_node(&t, 11), 0);
	tap_eq(topo_cpu_node(&t, 12), 1);
	tap_eq(topo_cpu_node(&t, 23), 1);
}

static void apic_ids_have_a_field_per_level(void)
{
	static const struct {
		struct topo t;
		unsigned cpu;
		uint32_t apic_id;
	} rows[] = {
		{ TOPO(1, 1, 1, 1), 0, 0 },
		{ TOPO(1, 1, 4, 1), 3, 3 },
		{ TOPO(1, 1, 2, 2), 3, 3 },
		{ TOPO(1, 2, 2, 2), 4, 4 },
		{ TOPO(1, 1, 3, 1), 2, 2 },
		{ TOPO(1, 2, 3, 1), 3, 4 },	/* 3 cores take 2 bits */
		{ TOPO(1, 2, 3, 2), 6, 8 },
		{ TOPO(1, 2, 3, 2), 11, 13 },	/* LLC 1, core 2, thread 1 */
		{ TOPO(1, 1, 1, 3), 2, 2 },
		{ TOPO(1, 1, 2, 3), 3, 4 },	/* 3 threads take 2 bits */
		{ TOPO(2, 4, 1, 1), 3, 3 },
		{ TOPO(1, 100, 5, 1), 499, 99 << 3 | 4 },
		{ TOPO(1, 1, 512, 1), 511, 511 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tap_eq(topo_apic_id(&rows[i].t, rows[i].cpu), rows[i].apic_id);
}

static void widths_are_log2_rounded_up(void)
{
	static const struct {
		unsigned n, bits;
	} rows[] = {
		{ 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 8, 3 }, { 9, 4 },
		{ 256, 8 }, { 257, 9 }, { 512, 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct topo threads = TOPO(1, 1, 1, rows[i].n);
		const struct topo cores = TOPO(1, 1, rows[i].n, 1);

		tap_eq(topo_thread_bits(&threads), rows[i].bits);
		tap_eq(topo_core_bits(&cores), rows[i].bits);
		tap_eq(topo_core_bits(&threads), 0);
	}
}

/* For every shape that fits: ids are unique, ascending, and decode to their place. */
static void every_cpu_of_every_small_shape_has_its_own_place(void)
{
	unsigned shapes = 0, wrong = 0;

	for (unsigned key = 0; key < 3 * 8 * 6 * 4; key++) {
		struct topo t = TOPO(1 + key % 3, 1 + key / 3 % 8, 1 + key / 24 % 6, 1 + key / 144);
		uint32_t last = 0;

		if (topo_check(&t, NULL))
			continue;
		shapes++;
		for (unsigned cpu = 0; cpu < topo_cpus(&t); cpu++) {
			uint32_t id = topo_apic_id(&t, cpu);
			unsigned bits = topo_core_bits(&t) + topo_thread_bits(&t);

			wrong += cpu && id <= last;
			wrong += id >> bits != topo_cpu_llc(&t, cpu);
			wrong += (id & ((1u << topo_thread_bits(&t)) - 1)) !=
				 cpu % t.threads_per_core;
			wrong += topo_cpu_node(&t, cpu) >= t.numa_nodes;
			last = id;
		}
	}
	tap_ok(shapes > 200, "%u shapes", shapes);
	tap_eq(wrong, 0);
}

int main(void)
{
	TAP_RUN(both_spellings_mean_the_same);
	TAP_RUN(text_that_is_no_topology_is_refused);
	TAP_RUN(a_broken_rule_is_named_with_its_value);
	TAP_RUN(the_default_keeps_the_rules);
	TAP_RUN(format_and_parse_are_inverse);
	TAP_RUN(ids_run_thread_core_llc_node);
	TAP_RUN(apic_ids_have_a_field_per_level);
	TAP_RUN(widths_are_log2_rounded_up);
	TAP_RUN(every_cpu_of_every_small_shape_has_its_own_place);
	return tap_done();
}
