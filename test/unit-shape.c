/* SPDX-License-Identifier: GPL-2.0-only */
/* Shapes that are not uniform: parts, presets, packages, memory, and the options for them. */
#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "loop/config.h"
#include "test/tap.h"
#include "vcpu/topo.h"

static struct topo shape(const char *text)
{
	struct err e = ERR_INIT;
	struct topo t = { 0 };

	tap_ok(topo_parse(text, &t, &e) == 0, "%s: %s", text, err_text(&e));
	return t;
}

static char *whole(const struct topo *t)
{
	struct buf b = BUF_INIT;

	topo_format_whole(t, &b);
	return buf_take(&b);
}

static void every_part_survives_the_way_to_text_and_back(void)
{
	static const char *const texts[] = {
		"1n2l4c2t",
		"2n3l2c1t/node:llcs=2,mem=512M/node:llcs=1",
		"2n2l2c1t/node/node:mem=0M",
		("2n1l2c1t/node:llcs=1/node:llcs=0,mem=1024M,latency=300ns,bandwidth=20480M,"
		 "cache=64M:complex:wt:128"),
		"2n2l1c1t/distances:10,16;16,10",
		"4n8l2c1t/package:node",
		"4n8l2c1t/package:2nodes",
		"1n1l4c1t/possible:8/offline:1,3/no-srat",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct topo t = shape(texts[i]);
		char *text = whole(&t);

		tap_str(text, texts[i]);
		free(text);
	}
}

static void every_preset_keeps_the_rules_and_its_name_is_a_shape(void)
{
	size_t count;
	const struct topo_preset *p = topo_presets(&count);
	unsigned zoo = 0;

	for (size_t i = 0; i < count; i++) {
		struct topo by_name = shape(p[i].name), by_text = shape(p[i].shape);
		char *a = whole(&by_name), *b = whole(&by_text);

		tap_str(a, b);
		tap_ok(p[i].about[0] != '\0', "%s says what it is for", p[i].name);
		zoo += p[i].zoo;
		free(a);
		free(b);
	}
	tap_eq(count - zoo, 24);
	tap_ok(zoo >= 12, "%u in the zoo", zoo);
}

static void a_preset_takes_parts_behind_its_name(void)
{
	struct topo t = shape("tiny-2llc/package:all");

	tap_eq(t.llcs, 2);
	tap_eq(topo_packages(&t), 1);
}

/* By the dozen: each is one error that names the rule and the value. */
static void a_bad_part_is_named_with_its_value(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "tiny-2lcc", "did you mean 'tiny-2llc'?" },
		{ "1n1l1c1t/", "part \"\": no such part, there are node," },
		{ "1n1l1c1t/colour:red", "part \"colour:red\": no such part" },
		{ "1n1l1c1t/nodes:llcs=1", "did you mean 'node'?" },
		{ "2n2l1c1t/node:llcs=1", "2 NUMA nodes, but 1 are described" },
		{ "1n1l1c1t/node:/node:", "1 NUMA nodes, but 2 are described" },
		{ "2n2l1c1t/node:llcs=2/node:llcs=1", "3 LLCs in all, must be 2" },
		{ "2n2l1c1t/node:llcs=2/node:", "of all 2 or of none" },
		{ "2n2l1c1t/node:llcs=x/node:", "llcs=x: takes a number" },
		{ "1n1l1c1t/node:llcs=513", "llcs=513: takes a number up to 512" },
		{ "1n1l1c1t/node:mem=0", "no NUMA node has memory" },
		{ "1n1l1c1t/node:mem=2000000T", "mem=2000000T: takes a size" },
		{ "1n1l1c1t/node:mem", "mem=: takes a size" },
		{ "1n1l1c1t/node:speed=1", "takes llcs=, mem=" },
		{ "1n1l1c1t/node:llcs=1,", "takes llcs=, mem=" },
		{ "1n1l1c1t/node:latency=100", "latency=100: takes a duration" },
		{ "1n1l1c1t/node:latency=2ms", "1ns to 1ms" },
		{ "1n1l1c1t/node:bandwidth=1K", "bandwidth=1K: takes bytes" },
		{ "1n1l1c1t/node:cache=1G:sideways", "cache=1G:sideways: takes SIZE" },
		{ "1n1l1c1t/node:cache=1G:direct:wb:64:8", "takes SIZE" },
		{ "1n1l1c1t/node:cache=0", "takes SIZE" },
		{ "1n1l1c1t/node:cache=1G:direct:wb:0", "a line is of 1 to 65535 bytes" },
		{ "1n1l1c1t/node:cache=1G:direct:wb:65536", "a line is of 1 to 65535 bytes" },
		{ "1n1l1c1t/node:mem=1G,mem=2G", "mem= is said twice" },
		{ "2n2l1c1t/node:/node:mem=0,cache=1G", "a cache without memory behind it" },
		{ "2n2l1c1t/distances:10,20", "1 rows of 2 distances, must be a square" },
		{ "2n2l1c1t/distances:10,20;20", "row 1 has 1 distances, row 0 has 2" },
		{ "2n2l1c1t/distances:10", "distances for 1 NUMA nodes, but there are 2" },
		{ "2n2l1c1t/distances:11,20;20,10", "node 0 to itself is 11, must be 10" },
		{ "2n2l1c1t/distances:10,10;10,10", "0 and 1 is 10, must be 11 to 254" },
		{ "2n2l1c1t/distances:10,255;255,10", "is 255, must be 11 to 254" },
		{ "2n2l1c1t/distances:10,256;256,10", "nodes 0 and 1 is 256, must be at most 254" },
		{ "2n2l1c1t/distances:10,20;21,10", "20 one way and 21 the other" },
		{ "2n2l1c1t/distances:10,2x", "takes rows of numbers" },
		{ "2n2l1c1t/distances:", "takes rows of numbers" },
		{ "1n1l1c1t/package:core", "takes llc, node, all" },
		{ "4n4l1c1t/package:0nodes", "takes llc, node, all" },
		{ "4n4l1c1t/package:2nodesx", "takes llc, node, all" },
		{ "4n4l1c1t/package:65nodes", "takes llc, node, all" },
		{ "4n4l1c1t/package:4294967298nodes", "takes llc, node, all" },
		{ "4n4l1c1t/package:3nodes", "4 NUMA nodes do not divide into packages of 3" },
		{ "4n2l2c1t/package:2nodes", "an LLC spans 2 of them" },
		{ "2n1l2c1t/package:node", "an LLC spans 2 of them" },
		{ "1n1l2c1t/possible:1", "1 possible CPUs, must be 2 to 512" },
		{ "1n1l2c1t/possible:513", "takes a number of CPUs, 1 to 512" },
		{ "1n1l2c1t/offline:0", "CPU 0 cannot be offline" },
		{ "1n1l2c1t/offline:2", "offline CPU 2, must be below 2" },
		{ "1n1l2c1t/offline:1-", "takes CPU numbers" },
		{ "1n1l2c1t/offline:600", "takes CPU numbers" },
		{ "1n1l2c1t/offline:1,,1", "takes CPU numbers" },
		{ "1n1l1c1t/no-srat:1", "takes no value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct topo t;

		tap_ok(topo_parse(rows[i].text, &t, &e) == -EINVAL, "%s", rows[i].text);
		tap_ok(strstr(err_text(&e), rows[i].says), "%s: %s", rows[i].text, err_text(&e));
	}
}

static void nodes_own_the_cpus_of_their_llcs(void)
{
	struct topo t = shape("3n3l2c2t/node:llcs=1/node:llcs=0/node:llcs=2");

	tap_eq(topo_node_cpus(&t, 0), 4);
	tap_eq(topo_node_cpus(&t, 1), 0);
	tap_eq(topo_node_cpus(&t, 2), 8);
	tap_eq(topo_cpu_node(&t, 3), 0);
	tap_eq(topo_cpu_node(&t, 4), 2);
	tap_eq(topo_cpu_node(&t, 11), 2);
	tap_eq(topo_node_latency_ns(&t, 0), TOPO_DRAM_LATENCY_NS);
	tap_eq(topo_node_latency_ns(&t, 1), TOPO_CXL_LATENCY_NS);
}

static void an_llc_may_span_nodes(void)
{
	struct topo t = shape("4n2l4c1t");

	tap_eq(topo_cpu_llc(&t, 3), 0);
	tap_eq(topo_cpu_node(&t, 1), 0);
	tap_eq(topo_cpu_node(&t, 2), 1);
	tap_eq(topo_cpu_node(&t, 7), 3);
}

static void packages_hold_what_they_are_told_to(void)
{
	struct topo llc = shape("2n4l3c2t"), node = shape("2n4l3c2t/package:node");
	struct topo all = shape("2n4l3c2t/package:all");
	/* nodes 0 and 1, of memory alone, are a package; 2 and 3 the other */
	struct topo pairs = shape("4n4l2c1t/package:2nodes/node:llcs=1/node:llcs=0/node:llcs=2"
				  "/node:llcs=1");
	struct topo uneven = shape("3n4l2c1t/package:node/node:llcs=1/node:llcs=0/node:llcs=3");

	tap_eq(topo_packages(&pairs), 2);
	tap_eq(topo_package_cpus(&pairs, 0), 2);
	tap_eq(topo_package_cpus(&pairs, 2), 6);
	tap_eq(topo_cpu_package(&pairs, 1), 0);
	tap_eq(topo_cpu_package(&pairs, 2), 1);
	tap_eq(topo_cpu_core(&pairs, 7), 2 << 1 | 1);
	tap_eq(topo_packages(&llc), 4);
	tap_eq(topo_llc_bits(&llc), 0);
	tap_eq(topo_packages(&node), 2);
	tap_eq(topo_llc_bits(&node), 1);
	tap_eq(topo_package_cpus(&node, 0), 12);
	tap_eq(topo_cpu_package(&node, 12), 1);
	/* LLC 3 is the second of package 1: package | LLC | core (2 bits) | thread */
	tap_eq(topo_apic_id(&node, 18), 1 << 4 | 1 << 3);
	tap_eq(topo_cpu_core(&node, 18), 1 << 2);
	tap_eq(topo_packages(&all), 1);
	tap_eq(topo_apic_id(&all, 18), 3 << 3);
	tap_eq(topo_packages(&uneven), 2);
	tap_eq(topo_package_cpus(&uneven, 0), 2);
	tap_eq(topo_package_cpus(&uneven, 2), 6);
	tap_eq(topo_cpu_package(&uneven, 7), 1);
}

static void cpus_that_may_come_have_apic_ids_of_their_own(void)
{
	struct topo t = shape("2n2l2c1t/package:node/possible:7");

	tap_eq(topo_cpus(&t), 4);
	tap_eq(topo_possible_cpus(&t), 7);
	for (unsigned i = 1; i < 7; i++)
		tap_ok(topo_apic_id(&t, i) > topo_apic_id(&t, i - 1), "CPU %u: %u", i,
		       topo_apic_id(&t, i));
	tap_eq(topo_apic_id_max(&t), topo_apic_id(&t, 6));
}

/* One package of 256 LLCs has 8 bits: one for each absent CPU would be 16 bits and more. */
static void absent_cpus_fill_packages_like_those_that_are_there(void)
{
	struct topo t = shape("1n200l1c1t/package:all/possible:512");

	tap_eq(topo_apic_id(&t, 199), 199);
	tap_eq(topo_apic_id(&t, 200), 256);
	tap_eq(topo_apic_id(&t, 455), 511);
	tap_eq(topo_apic_id(&t, 456), 512);
	tap_eq(topo_apic_id_max(&t), 512 + 55);
}

/* Nodes of one LLC each, but the first has many: so has each package room for as many. */
static void apic_ids_that_no_interrupt_reaches_are_refused(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct topo t;
	char *text;

	buf_str(&b, "64n320l1c1t/node:llcs=257");
	for (unsigned i = 1; i < 64; i++)
		buf_str(&b, "/node:llcs=1");
	buf_str(&b, "/package:node");
	text = buf_take(&b);
	tap_ok(!topo_parse(text, &t, &e), "63 packages of one LLC fit: %s", err_text(&e));
	tap_eq(topo_apic_id_max(&t), 63u << 9);
	t.possible = 512;
	tap_eq(topo_check(&t, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "APIC ids up to 32959, must be at most 32767"), "%s",
	       err_text(&e));
	free(text);
}

static void memory_is_split_by_claims_and_shares(void)
{
	struct topo even = shape("3n3l1c1t"), some = shape("3n3l1c1t/node:mem=64M/node:/node:");
	struct topo claimed = shape("2n2l1c1t/node:mem=64M/node:mem=0");
	uint64_t bytes[TOPO_NODES_MAX];
	struct err e = ERR_INIT;
	unsigned sharing;

	tap_eq(topo_split_memory(&even, 100 * MIB, 2 * MIB, bytes, &e), 0);
	tap_ok(bytes[0] == 32 * MIB && bytes[1] == 32 * MIB && bytes[2] == 36 * MIB,
	       "shares are equal, the last gets the remainder");
	tap_eq(topo_split_memory(&some, 100 * MIB, 2 * MIB, bytes, &e), 0);
	tap_ok(bytes[0] == 64 * MIB && bytes[1] == 18 * MIB && bytes[2] == 18 * MIB,
	       "claims come first");
	tap_eq(topo_split_memory(&some, 66 * MIB, 2 * MIB, bytes, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "claim 64M and 2 of them share"), "%s", err_text(&e));
	tap_eq(topo_memory_claimed(&claimed, &sharing), 64 * MIB);
	tap_eq(sharing, 0);
	tap_eq(topo_split_memory(&claimed, 64 * MIB, 2 * MIB, bytes, &e), 0);
	tap_eq(bytes[1], 0);
	tap_eq(topo_split_memory(&claimed, 128 * MIB, 2 * MIB, bytes, &e), -EINVAL);
}

static void node_memory_is_rounded_up_as_text_and_checked_as_a_value(void)
{
	struct topo t = shape("1n1l1c1t/node:mem=513M");
	struct err e = ERR_INIT;

	tap_eq(t.node[0].memory_bytes, 514 * MIB);
	t.node[0].memory_bytes = MIB;
	tap_eq(topo_check(&t, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "mem=1048576 bytes, must be a multiple of 2M"), "%s",
	       err_text(&e));
}

static void options_describe_parts_of_the_shape(void)
{
	struct err e = ERR_INIT;
	struct config c;
	struct topo t;
	char *text;

	config_init(&c);
	tap_eq(config_set(&c, "numa", "llcs=2,mem=512M", &e), 0);
	tap_eq(config_set(&c, "numa", "llcs=0", &e), 0);
	tap_eq(config_set(&c, "distances", "10,30;30,10", &e), 0);
	tap_eq(config_set(&c, "package", "node", &e), 0);
	tap_eq(config_set(&c, "max-cpus", "6", &e), 0);
	tap_eq(config_set(&c, "offline-cpus", "3", &e), 0);
	tap_eq(config_shape(&c, &c.topology, &t, &e), 0);
	text = whole(&t);
	tap_str(text, "2n2l2c1t/node:llcs=2,mem=512M/node:llcs=0/distances:10,30;30,10"
		"/package:node/possible:6/offline:3");
	free(text);
	tap_ok(config_has_shape(&c), "the nodes make a shape without --topology");
	tap_eq(config_set(&c, "topology", "2,3,2,1", &e), 0);
	tap_eq(config_check(&c, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "2 LLCs in all, must be 3"), "%s", err_text(&e));
	config_fini(&c);
}

static void a_bad_option_is_named(void)
{
	static const struct {
		const char *option, *value, *says;
	} rows[] = {
		{ "numa", "llcs=a", "--numa llcs=a: llcs=a: takes a number" },
		{ "distances", "1;2", "--distances 1;2: " },
		{ "package", "x", "--package x: takes llc, node, all" },
		{ "max-cpus", "-1", "--max-cpus -1: takes a number" },
		{ "offline-cpus", "x", "--offline-cpus x: takes CPU numbers" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct config c;

		config_init(&c);
		tap_eq(config_set(&c, rows[i].option, rows[i].value, &e), 0);
		tap_eq(config_check(&c, &e), -EINVAL);
		tap_ok(!strncmp(err_text(&e), rows[i].says, strlen(rows[i].says)), "%s",
		       err_text(&e));
		config_fini(&c);
	}
}

int main(void)
{
	TAP_RUN(every_part_survives_the_way_to_text_and_back);
	TAP_RUN(every_preset_keeps_the_rules_and_its_name_is_a_shape);
	TAP_RUN(a_preset_takes_parts_behind_its_name);
	TAP_RUN(a_bad_part_is_named_with_its_value);
	TAP_RUN(nodes_own_the_cpus_of_their_llcs);
	TAP_RUN(an_llc_may_span_nodes);
	TAP_RUN(packages_hold_what_they_are_told_to);
	TAP_RUN(cpus_that_may_come_have_apic_ids_of_their_own);
	TAP_RUN(absent_cpus_fill_packages_like_those_that_are_there);
	TAP_RUN(apic_ids_that_no_interrupt_reaches_are_refused);
	TAP_RUN(memory_is_split_by_claims_and_shares);
	TAP_RUN(node_memory_is_rounded_up_as_text_and_checked_as_a_value);
	TAP_RUN(options_describe_parts_of_the_shape);
	TAP_RUN(a_bad_option_is_named);
	return tap_done();
}
