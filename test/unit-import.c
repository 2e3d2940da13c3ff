/* SPDX-License-Identifier: GPL-2.0-only */
/* Real machines made into shapes: from a sysfs tree, and from lines. */
#include <errno.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "cli/topo_survey.h"
#include "test/tap.h"
#include "test/tmp.h"

static unsigned notes;
static char last_note[256];

static void take_note(const char *text, void *arg)
{
	(void)arg;
	notes++;
	snprintf(last_note, sizeof(last_note), "%s", text);
}

/* The shape of lines, as text; or the error. */
static char *fit(const char *lines)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct survey s;
	struct topo t;
	char *copy = strdup(lines), *text;

	notes = 0;
	if (survey_lines(copy, &s, &e) == 0 && survey_fit(&s, &t, take_note, NULL, &e) == 0)
		topo_format_whole(&t, &b);
	else
		buf_str(&b, err_text(&e));
	free(copy);
	text = buf_take(&b);
	return text;
}

static void fits(const char *lines, const char *want, unsigned want_notes)
{
	char *text = fit(lines);

	tap_str(text, want);
	tap_eq(notes, want_notes);
	free(text);
}

static void uniform_machines_become_four_numbers(void)
{
	fits("cpu 0 0 0 0 0\nnode 0 1\n", "1n1l1c1t", 0);
	/* threads numbered behind all cores, as most machines do */
	fits("cpu 0 0 0 0 0\ncpu 1 0 0 1 0\ncpu 2 0 0 0 0\ncpu 3 0 0 1 0\nnode 0 1\n",
	     "1n1l2c2t", 0);
	fits("cpu 0 0 0 0 0\ncpu 1 1 1 1 1\nnode 0 1\nnode 1 1\n", "2n2l1c1t", 0);
	/* two LLCs of one socket */
	fits("cpu 0 0 0 0 0\ncpu 1 0 1 1 0\nnode 0 1\n", "1n2l1c1t/package:all", 0);
	fits("cpu 0 0 0 0 0\ncpu 1 0 1 1 0\ncpu 2 1 2 2 1\ncpu 3 1 3 3 1\nnode 0 1\n"
	     "node 1 1\n", "2n4l1c1t/package:node", 0);
	/* two sockets of two nodes of two LLCs */
	fits("cpu 0 0 0 0 0\ncpu 1 0 1 1 0\ncpu 2 1 2 2 0\ncpu 3 1 3 3 0\n"
	     "cpu 4 2 4 4 1\ncpu 5 2 5 5 1\ncpu 6 3 6 6 1\ncpu 7 3 7 7 1\n"
	     "node 0 1\nnode 1 1\nnode 2 1\nnode 3 1\n", "4n8l1c1t/package:2nodes", 0);
}

static void nodes_that_differ_are_described(void)
{
	fits("cpu 0 0 0 0 0\nnode 0 1\nnode 1 1\n",
	     "2n1l1c1t/node:llcs=1/node:llcs=0", 0);
	fits("cpu 0 3 0 0 0\ncpu 1 7 1 1 1\nnode 7 0\nnode 3 1\n",
	     "2n2l1c1t/node:llcs=1/node:llcs=1,mem=0M", 0);
	fits("cpu 0 0 0 0 0\ncpu 1 1 0 1 0\nnode 0 1\nnode 1 1\n", "2n1l2c1t", 0);
	fits("cpu 0 0 0 0 0\nnode 0 1\nnode 1 1\ndistance 0 0 10\ndistance 0 1 17\n"
	     "distance 1 0 17\ndistance 1 1 10\n",
	     "2n1l1c1t/node:llcs=1/node:llcs=0/distances:10,17;17,10", 0);
	/* rows are by number, whatever the order of the lines */
	fits("cpu 0 2 0 0 0\nnode 5 1\nnode 2 1\nnode 3 1\n"
	     "distance 0 0 10\ndistance 0 1 11\ndistance 0 2 12\n"
	     "distance 1 0 11\ndistance 1 1 10\ndistance 1 2 13\n"
	     "distance 2 0 12\ndistance 2 1 13\ndistance 2 2 10\n",
	     "3n1l1c1t/node:llcs=1/node:llcs=0/node:llcs=0"
	     "/distances:10,11,12;11,10,13;12,13,10", 0);
	/* as seen at distance 20; the shape has what it were at 10 */
	fits("cpu 0 0 0 0 0\nnode 0 1\naccess 0 90 0\nnode 1 1\naccess 1 600 10240\n"
	     "cache 1 1048576 128 0\n",
	     "2n1l1c1t/node:llcs=1,latency=90ns/node:llcs=0,latency=300ns,bandwidth=20480M,"
	     "cache=1M:complex:wb:128", 0);
	fits("cpu 0 0 0 0 0\nnode 0 1\naccess 0 0 0\ncache 0 1048576 0 1\n", "1n1l1c1t", 0);
	fits("cpu 0 0 0 0 0\n", "1n1l1c1t/no-srat", 0);
}

static void what_a_shape_cannot_say_is_noted(void)
{
	/* a core more in one LLC, as in machines with two kinds of core */
	fits("cpu 0 0 0 0 0\ncpu 1 0 0 1 0\ncpu 2 0 1 2 1\nnode 0 1\n", "1n2l2c1t", 1);
	tap_ok(strstr(last_note, "4 CPUs instead of 3"), "%s", last_note);
	/* two sockets in one node */
	fits("cpu 0 0 0 0 0\ncpu 1 0 1 1 0\ncpu 2 0 2 2 1\ncpu 3 0 3 3 1\nnode 0 1\n",
	     "1n4l1c1t", 1);
	tap_ok(strstr(last_note, "2 packages"), "%s", last_note);
	/* the second node is of both sockets */
	fits("cpu 0 0 0 0 0\ncpu 1 1 1 1 0\ncpu 2 1 2 2 1\ncpu 3 2 3 3 1\n"
	     "cpu 4 2 4 4 1\ncpu 5 3 5 5 1\n"
	     "node 0 1\nnode 1 1\nnode 2 1\nnode 3 1\n",
	     "4n6l1c1t/node:llcs=1/node:llcs=2/node:llcs=2/node:llcs=1", 1);
	tap_ok(strstr(last_note, "2 packages"), "%s", last_note);
}

static void memory_that_nobody_tells_of_is_there_all_the_same(void)
{
	fits("cpu 0 0 0 0 0\ncpu 1 1 1 1 1\nnode 0 0\nnode 1 0\n", "2n2l1c1t", 1);
	tap_ok(strstr(last_note, "no NUMA node is told to have memory"), "%s", last_note);
}

static void a_memory_is_as_fast_as_a_shape_can_say(void)
{
	fits("cpu 0 0 0 0 0\nnode 0 1\naccess 0 80 3000000\n",
	     "1n1l1c1t/node:latency=80ns,bandwidth=3000000M", 0);
	fits("cpu 0 0 0 0 0\nnode 0 1\naccess 0 4000000000 4000000000\n",
	     "1n1l1c1t/node:latency=1000000ns,bandwidth=10000000M", 0);
}

static void nonsense_is_refused_with_a_reason(void)
{
	static const struct {
		const char *lines, *says;
	} rows[] = {
		{ "", "no CPU is told of" },
		{ "node 0 1\n", "no CPU is told of" },
		{ "cpu 0 0 0 0\n", "no such line: \"cpu 0 0 0 0\"" },
		{ "hello\n", "no such line" },
		{ "access 0 1 1\nnode 0 1\n", "no such line: \"access 0" },
		{ "node 0 1\ncache 1 1 1 1\n", "no such line: \"cache 1" },
		{ "cpu 0 5 0 0 0\nnode 0 1\n", "CPU 0 is in NUMA node 5, of which" },
		{ "cpu 0 0 0 0 0\nnode 0 1\ndistance 0 0 77\n", "to itself is 77" },
		{ "distance 64 0 10\n", "more than" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = fit(rows[i].lines);

		tap_ok(strstr(text, rows[i].says), "%s: %s", rows[i].lines, text);
		free(text);
	}
}

/* --- a sysfs tree ----------------------------------------------------------- */

static char root[TMP_DIR_MAX];

__attribute__((format(printf, 2, 3)))
static void put(const char *text, const char *fmt, ...)
{
	char name[256], path[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/sys/devices/system/%s", root, name);
	*strrchr(path, '/') = '\0';
	file_mkdirs(path, 0755, NULL);
	path[strlen(path)] = '/';
	file_write_atomic(path, text, strlen(text), 0644, NULL);
}

/* Two nodes with an LLC of two cores each, a third of memory; CPU 4 is offline, 5 and 6 absent. */
static void make_tree(void)
{
	put("0-3\n", "cpu/online");
	put("0-4\n", "cpu/present");
	put("0-6\n", "cpu/possible");
	for (unsigned i = 0; i < 4; i++) {
		char self[8];

		snprintf(self, sizeof(self), "%u\n", i);
		put(self, "cpu/cpu%u/topology/thread_siblings_list", i);
		put(i < 2 ? "0\n" : "1\n", "cpu/cpu%u/topology/physical_package_id", i);
		put("1\n", "cpu/cpu%u/cache/index0/level", i);
		put(self, "cpu/cpu%u/cache/index0/shared_cpu_list", i);
		put("3\n", "cpu/cpu%u/cache/index3/level", i);
		put(i < 2 ? "0-1\n" : "2-3\n", "cpu/cpu%u/cache/index3/shared_cpu_list", i);
	}
	put("0-1\n", "node/node0/cpulist");
	put("2-3\n", "node/node1/cpulist");
	put("\n", "node/node2/cpulist");
	put("Node 0 MemTotal:  1024 kB\n", "node/node0/meminfo");
	put("Node 1 MemTotal:  0 kB\n", "node/node1/meminfo");
	put("Node 2 MemTotal:  1024 kB\n", "node/node2/meminfo");
	put("10 21 31\n", "node/node0/distance");
	put("21 10 31\n", "node/node1/distance");
	put("31 31 10\n", "node/node2/distance");
	/* from node 0, at distance 31: the shape has what it were at 10 */
	put("775\n", "node/node2/access0/initiators/read_latency");
	put("330\n", "node/node2/access0/initiators/read_bandwidth");
	put("67108864\n", "node/node2/memory_side_cache/index1/size");
	put("64\n", "node/node2/memory_side_cache/index1/line_size");
	put("0\n", "node/node2/memory_side_cache/index1/indexing");
	put("1\n", "node/node2/memory_side_cache/index1/write_policy");
}

static void a_sysfs_tree_becomes_a_shape(void)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct topo t;
	char *text;

	notes = 0;
	make_tree();
	tap_eq(topo_import(root, &t, take_note, NULL, &e), 0);
	topo_format_whole(&t, &b);
	text = buf_take(&b);
	tap_str(text, "3n2l2c1t/node:llcs=1/node:llcs=1,mem=0M/node:llcs=0,latency=250ns,bandwidth=1023M"
		",cache=64M:direct:wt:64"
		"/distances:10,21,31;21,10,31;31,31,10/possible:6");
	tap_eq(notes, 1);
	tap_ok(strstr(last_note, "1 CPUs are offline there"), "%s", last_note);
	free(text);
}

static void a_tree_with_rubbish_in_it_is_refused(void)
{
	struct err e = ERR_INIT;
	struct topo t;

	put("10 0 31\n", "node/node0/distance");
	tap_eq(topo_import(root, &t, take_note, NULL, &e), -EINVAL);
	put("0-99999\n", "cpu/online");
	err_clear(&e);
	tap_eq(topo_import(root, &t, take_note, NULL, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "cpu/online: no list of CPUs below 512"), "%s", err_text(&e));
	err_clear(&e);
	tap_ok(topo_import("/proc/nonexistent", &t, take_note, NULL, &e) == -ENOENT, "%s",
	       err_text(&e));
}

int main(void)
{
	tmp_make(root);
	TAP_RUN(uniform_machines_become_four_numbers);
	TAP_RUN(nodes_that_differ_are_described);
	TAP_RUN(what_a_shape_cannot_say_is_noted);
	TAP_RUN(memory_that_nobody_tells_of_is_there_all_the_same);
	TAP_RUN(a_memory_is_as_fast_as_a_shape_can_say);
	TAP_RUN(nonsense_is_refused_with_a_reason);
	TAP_RUN(a_sysfs_tree_becomes_a_shape);
	TAP_RUN(a_tree_with_rubbish_in_it_is_refused);
	file_remove_tree(root, NULL);
	return tap_done();
}
