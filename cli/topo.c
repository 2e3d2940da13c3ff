/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr topo: what a shape looks like, what this machine's is, and somebody else's. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "cli/topo.h"
#include "vcpu/topo.h"

/* --- as a picture ---------------------------------------------------------- */

static void print_count(unsigned n, const char *what, const char *behind)
{
	printf("%u %s%s%s", n, what, n == 1 ? "" : "s", behind);
}

static void print_cpus(const struct topo *t, unsigned llc, unsigned node)
{
	unsigned first = llc * topo_cpus_per_llc(t), last = first + topo_cpus_per_llc(t) - 1;

	/* the part of an LLC that lies in this node */
	while (topo_cpu_node(t, first) != node)
		first++;
	while (topo_cpu_node(t, last) != node)
		last--;
	printf("  LLC %-3u package %-3u ", llc, topo_cpu_package(t, first));
	if (first == last)
		printf("APIC id %u ", topo_apic_id(t, first));
	else
		printf("APIC ids %u-%u ", topo_apic_id(t, first), topo_apic_id(t, last));
	for (unsigned i = first; i <= last; i++) {
		unsigned thread = i % t->threads_per_core;

		printf("%s%u%s", thread ? " " : " [", i,
		       thread == t->threads_per_core - 1 ? "]" : "");
	}
	putchar('\n');
}

static void print_memory(const struct topo *t, unsigned node)
{
	const struct topo_node *n = topo_node(t, node);

	if (n->has_memory && !n->memory_bytes) {
		fputs(", no memory", stdout);
		return;
	}
	if (n->has_memory)
		printf(", %lluM", (unsigned long long)(n->memory_bytes / MIB));
	else
		fputs(", a share of the memory", stdout);
	printf(", %u ns, %u MB/s", topo_node_latency_ns(t, node),
	       topo_node_bandwidth_mbs(t, node));
	if (n->cache.size_bytes)
		printf(", cached by %lluM (%s, %s, lines of %u bytes)",
		       (unsigned long long)(n->cache.size_bytes / MIB),
		       topo_assoc_name(n->cache.assoc), topo_write_name(n->cache.write),
		       n->cache.line_bytes);
}

static void print_node(const struct topo *t, unsigned node)
{
	unsigned cpus = topo_node_cpus(t, node), last = UINT32_MAX;

	printf("node %u: ", node);
	print_count(cpus, "CPU", "");
	print_memory(t, node);
	putchar('\n');
	for (unsigned i = 0; i < topo_cpus(t); i++) {
		unsigned llc = topo_cpu_llc(t, i);

		if (topo_cpu_node(t, i) != node || llc == last)
			continue;
		print_cpus(t, llc, node);
		last = llc;
	}
}

static void print_distances(const struct topo *t)
{
	fputs("distances\n    ", stdout);
	for (unsigned i = 0; i < t->numa_nodes; i++)
		printf(" %3u", i);
	putchar('\n');
	for (unsigned i = 0; i < t->numa_nodes; i++) {
		printf(" %3u", i);
		for (unsigned j = 0; j < t->numa_nodes; j++)
			printf(" %3u", topo_distance(t, i, j));
		putchar('\n');
	}
}

static void print_list(const char *what, const struct cpulist *l)
{
	_cleanup_free_ char *text = NULL;
	struct buf b = BUF_INIT;

	if (!cpulist_count(l))
		return;
	cpulist_format(l, &b);
	text = buf_take(&b);
	printf("%s: %s\n", what, text ? text : "?");
}

static char *whole_text(const struct topo *t)
{
	struct buf b = BUF_INIT;
	char *text;

	topo_format_whole(t, &b);
	text = buf_take(&b);
	buf_fini(&b);
	return text;
}

static void print_text(const struct topo *t)
{
	_cleanup_free_ char *text = whole_text(t);
	unsigned cpus = topo_cpus(t);

	puts(text ? text : "?");
	print_count(cpus, "CPU", ", ");
	print_count(t->llcs, "LLC", ", ");
	print_count(topo_packages(t), "package", ", ");
	print_count(t->numa_nodes, "NUMA node", "\n");
	for (unsigned i = 0; i < t->numa_nodes; i++)
		print_node(t, i);
	if (t->numa_nodes > 1)
		print_distances(t);
	print_list("offline", &t->offline);
	if (topo_possible_cpus(t) > cpus)
		printf("possible, but absent: %u-%u\n", cpus, topo_possible_cpus(t) - 1);
	if (t->no_srat)
		puts("the guest is not told of NUMA nodes");
}

/* --- as a document --------------------------------------------------------- */

static void add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static struct json_object *cache_json(const struct topo_cache *c)
{
	struct json_object *o = json_object_new_object();

	add_u64(o, "bytes", c->size_bytes);
	json_object_object_add(o, "associativity",
			       json_object_new_string(topo_assoc_name(c->assoc)));
	json_object_object_add(o, "write", json_object_new_string(topo_write_name(c->write)));
	add_u64(o, "line_bytes", c->line_bytes);
	return o;
}

static struct json_object *node_json(const struct topo *t, unsigned node)
{
	const struct topo_node *n = topo_node(t, node);
	struct json_object *o = json_object_new_object(), *d = json_object_new_array();

	add_u64(o, "node", node);
	add_u64(o, "cpus", topo_node_cpus(t, node));
	if (n->has_memory)
		add_u64(o, "memory_bytes", n->memory_bytes);
	if (!n->has_memory || n->memory_bytes) {
		add_u64(o, "latency_ns", topo_node_latency_ns(t, node));
		add_u64(o, "bandwidth_mbs", topo_node_bandwidth_mbs(t, node));
	}
	if (n->cache.size_bytes)
		json_object_object_add(o, "cache", cache_json(&n->cache));
	for (unsigned i = 0; i < t->numa_nodes; i++)
		json_object_array_add(d, json_object_new_int(topo_distance(t, node, i)));
	json_object_object_add(o, "distances", d);
	return o;
}

static struct json_object *cpu_json(const struct topo *t, unsigned cpu)
{
	struct json_object *o = json_object_new_object();

	add_u64(o, "cpu", cpu);
	add_u64(o, "node", topo_cpu_node(t, cpu));
	add_u64(o, "package", topo_cpu_package(t, cpu));
	add_u64(o, "llc", topo_cpu_llc(t, cpu));
	add_u64(o, "core", cpu / t->threads_per_core);
	add_u64(o, "thread", cpu % t->threads_per_core);
	add_u64(o, "apic_id", topo_apic_id(t, cpu));
	json_object_object_add(o, "online",
			       json_object_new_boolean(!cpulist_has(&t->offline, cpu)));
	return o;
}

static struct json_object *to_json(const struct topo *t)
{
	_cleanup_free_ char *text = whole_text(t);
	struct json_object *o = json_object_new_object();
	struct json_object *nodes = json_object_new_array(), *cpus = json_object_new_array();

	json_object_object_add(o, "schema", json_object_new_string("ktstr.topology/1"));
	json_object_object_add(o, "shape", json_object_new_string(text ? text : ""));
	add_u64(o, "packages", topo_packages(t));
	add_u64(o, "llcs", t->llcs);
	add_u64(o, "possible_cpus", topo_possible_cpus(t));
	json_object_object_add(o, "numa", json_object_new_boolean(!t->no_srat));
	for (unsigned i = 0; i < t->numa_nodes; i++)
		json_object_array_add(nodes, node_json(t, i));
	for (unsigned i = 0; i < topo_cpus(t); i++)
		json_object_array_add(cpus, cpu_json(t, i));
	json_object_object_add(o, "nodes", nodes);
	json_object_object_add(o, "cpus", cpus);
	return o;
}

static int print(const struct cli_options *o, const struct topo *t)
{
	struct json_object *doc;

	if (!o->json) {
		print_text(t);
		return 0;
	}
	doc = to_json(t);
	report_json(stdout, doc);
	json_object_put(doc);
	return 0;
}

/* --- the command ----------------------------------------------------------- */

/* What a real machine has and a shape cannot say. */
static void say_note(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "ktstr: topo: note: %s\n", text);
}

static int import(const struct cli_options *o)
{
	struct err e = ERR_INIT;
	struct topo t;
	char *text;

	if (o->word_count < 2)
		return cli_usage_error("topo import: takes a folder or a tarball with sys/, or hwloc's XML");
	if (options_check_words(o, 2, &e) < 0)
		return cli_usage_error("topo import: %s", err_text(&e));
	if (topo_import(o->word[1], &t, say_note, NULL, &e) < 0)
		return cli_error("topo: import %s: %s", o->word[1], err_text(&e));
	if (o->json)
		return print(o, &t);
	text = whole_text(&t);
	puts(text ? text : "?");
	free(text);
	return 0;
}

static int tell_tables(const struct cli_options *o, int n)
{
	struct json_object *doc;

	if (!o->json) {
		printf("%d ACPI tables in ", n);
		report_put_line(stdout, o->dump_acpi);
		putchar('\n');
		return 0;
	}
	doc = json_object_new_object();
	json_object_object_add(doc, "schema", json_object_new_string("ktstr.tables/1"));
	json_object_object_add(doc, "folder", json_object_new_string(o->dump_acpi));
	json_object_object_add(doc, "tables", json_object_new_int(n));
	report_json(stdout, doc);
	json_object_put(doc);
	return 0;
}

static int show(const struct cli_options *o)
{
	struct err e = ERR_INIT;
	struct topo t;
	int n;

	if (options_check_words(o, 1, &e) < 0)
		return cli_usage_error("topo: %s", err_text(&e));
	if (!o->word_count) {
		if (topo_import_sysfs("", &t, say_note, NULL, &e) < 0)
			return cli_error("topo: this machine: %s", err_text(&e));
	} else if (topo_parse(o->word[0], &t, &e) < 0) {
		return cli_usage_error("topo: %s", err_text(&e));
	}
	if (!o->dump_acpi)
		return print(o, &t);
	n = topo_dump_acpi(&t, o->dump_acpi, &e);
	if (n < 0)
		return cli_error("topo: --dump-acpi: %s", err_text(&e));
	return tell_tables(o, n);
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;

	(void)cli;
	if (options_parse(&o, &cli_topo, argc, argv, &e) < 0)
		return cli_usage_error("topo: %s", err_text(&e));
	if (o.help) {
		help_command(stdout, &cli_topo);
		return 0;
	}
	if (o.word_count && !strcmp(o.word[0], "import"))
		return import(&o);
	return show(&o);
}

const struct cli_command cli_topo = {
	.name = "topo",
	.run = run,
	.args = "[SHAPE | import PATH]",
	.help = "draw a shape, or this machine's; import that of another",
	.more = "  SHAPE               what --topology takes: 1n2l4c2t, a preset, with parts behind slashes\n"
		"  import PATH         the shape of another machine: a folder or tarball with sys/\n"
		"                      (hwloc-gather-topology), or hwloc's XML\n",
	.takes = CLI_TAKES_TOPO,
};
