/* SPDX-License-Identifier: GPL-2.0-only */
/* The public side of shapes, and what PID 1 does with the one that it is given. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "init/host.h"
#include "init/shape.h"
#include "ktstr/topology.h"
#include "test/tap.h"
#include "test/tmp.h"

static char dir[TMP_DIR_MAX];

static void a_shape_answers_for_each_cpu_and_node(void)
{
	struct ktstr_topology *t = ktstr_topology_parse(
		"3n3l2c2t/node:llcs=1,mem=1G,cache=64M:complex:wt:128/node:llcs=0/node:llcs=2"
		"/offline:11/possible:14",
		NULL, 0);

	tap_eq(ktstr_topology_nodes(t), 3);
	tap_eq(ktstr_topology_llcs(t), 3);
	tap_eq(ktstr_topology_packages(t), 3);
	tap_eq(ktstr_topology_cpus(t), 12);
	tap_eq(ktstr_topology_possible_cpus(t), 14);
	tap_eq(ktstr_topology_threads_per_core(t), 2);
	tap_eq(ktstr_topology_cores_per_llc(t), 2);
	tap_eq(ktstr_topology_cpu_node(t, 5), 2);
	tap_eq(ktstr_topology_cpu_llc(t, 5), 1);
	tap_eq(ktstr_topology_cpu_package(t, 5), 1);
	tap_eq(ktstr_topology_cpu_core(t, 5), 2);
	tap_eq(ktstr_topology_cpu_thread(t, 5), 1);
	tap_eq(ktstr_topology_cpu_apic_id(t, 5), 5);
	tap_eq(ktstr_topology_node_cpus(t, 2), 8);
	tap_eq(ktstr_topology_node_latency_ns(t, 1), 300);
	tap_eq(ktstr_topology_node_bandwidth_mbs(t, 0), 51200);
	tap_eq(ktstr_topology_node_memory_bytes(t, 0), GIB);
	tap_eq(ktstr_topology_node_memory_bytes(t, 1), UINT64_MAX);
	tap_eq(ktstr_topology_node_cache_bytes(t, 0), GIB / 16);
	tap_eq(ktstr_topology_node_cache_line_bytes(t, 0), 128);
	tap_str(ktstr_topology_node_cache_assoc(t, 0), "complex");
	tap_str(ktstr_topology_node_cache_write(t, 0), "wt");
	tap_eq(ktstr_topology_node_cache_bytes(t, 2), 0);
	tap_ok(!ktstr_topology_node_cache_assoc(t, 2), "node 2 has no cache");
	tap_ok(!ktstr_topology_node_cache_write(t, 3), "there is no node 3");
	tap_eq(ktstr_topology_distance(t, 0, 2), 20);
	tap_ok(ktstr_topology_has_numa(t), "it has nodes");
	tap_ok(ktstr_topology_cpu_is_offline(t, 11), "CPU 11 is offline");
	tap_ok(!ktstr_topology_cpu_is_offline(t, 10), "CPU 10 is not");
	ktstr_topology_destroy(t);
}

static void questions_about_what_is_not_there_have_an_answer(void)
{
	struct ktstr_topology *t = ktstr_topology_parse("1n1l2c1t", NULL, 0);

	tap_eq(ktstr_topology_cpu_node(t, 2), UINT_MAX);
	tap_eq(ktstr_topology_cpu_llc(t, UINT_MAX), UINT_MAX);
	tap_eq(ktstr_topology_cpu_package(t, 2), UINT_MAX);
	tap_eq(ktstr_topology_cpu_core(t, 2), UINT_MAX);
	tap_eq(ktstr_topology_cpu_thread(t, 2), UINT_MAX);
	tap_eq(ktstr_topology_cpu_apic_id(t, 2), UINT_MAX);
	tap_ok(!ktstr_topology_cpu_is_offline(t, UINT_MAX), "no such CPU");
	tap_eq(ktstr_topology_node_cpus(t, 1), 0);
	tap_eq(ktstr_topology_node_latency_ns(t, 1), 0);
	tap_eq(ktstr_topology_node_bandwidth_mbs(t, 1), 0);
	tap_eq(ktstr_topology_node_memory_bytes(t, 1), 0);
	tap_eq(ktstr_topology_node_cache_bytes(t, 0), 0);
	tap_eq(ktstr_topology_node_cache_bytes(t, 1), 0);
	tap_eq(ktstr_topology_node_cache_line_bytes(t, 0), 0);
	tap_eq(ktstr_topology_distance(t, 0, 1), 0);
	ktstr_topology_destroy(t);
	ktstr_topology_destroy(NULL);
}

static void a_bad_shape_says_why(void)
{
	char why[128] = "";

	tap_ok(!ktstr_topology_parse("1n0l1c1t", why, sizeof(why)), "refused");
	tap_ok(strstr(why, "0 LLCs, must be 1 to 512"), "%s", why);
	tap_ok(!ktstr_topology_parse("x", NULL, 0), "refused without a reason");
}

static void presets_can_be_listed_and_parsed(void)
{
	const char *name, *shape;
	size_t n = 0;

	while ((name = ktstr_topology_preset(n, &shape))) {
		struct ktstr_topology *t = ktstr_topology_parse(name, NULL, 0);
		char *text = t ? ktstr_topology_text(t) : NULL;

		tap_ok(text && !strncmp(text, shape, 8), "%s: %s", name, shape);
		ktstr_topology_destroy(t);
		free(text);
		n++;
	}
	tap_ok(n > 30, "%zu presets", n);
}

/* --- in the guest ----------------------------------------------------------- */

static void put(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*strrchr(path, '/') = '\0';
	file_mkdirs(path, 0755, NULL);
	path[strlen(path)] = '/';
	file_write_atomic(path, text, strlen(text), 0644, NULL);
}

static int load(const char *name, struct ktstr_topology **ret, struct err *e)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return init_shape_load(path, ret, e);
}

static bool reads(const char *name, const char *text)
{
	struct file_map m = FILE_MAP_INIT;
	char path[256];
	bool same;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	same = file_map(path, &m, NULL) == 0 && m.size == strlen(text) &&
	       !memcmp(m.data, text, m.size);
	file_unmap(&m);
	return same;
}

static void pid_1_takes_cpus_offline(void)
{
	struct ktstr_topology *t = NULL;
	struct err e = ERR_INIT;

	put("shape", "1n1l4c1t/offline:2");
	put("sys/devices/system/cpu/cpu1/online", "1");
	put("sys/devices/system/cpu/cpu2/online", "1");
	tap_eq(load("shape", &t, &e), 0);
	tap_eq(init_shape_offline(dir, t, &e), 0);
	tap_ok(reads("sys/devices/system/cpu/cpu2/online", "0"), "CPU 2 is off");
	tap_ok(reads("sys/devices/system/cpu/cpu1/online", "1"), "CPU 1 is left alone");
	ktstr_topology_destroy(t);
}

/* The host: how many CPUs are up, as it was told last, and how often. */
static unsigned told_up, told;

static void hears(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		  const void *payload2, size_t len2)
{
	const struct wire_lifecycle *l = payload;

	(void)h;
	(void)payload2;
	if (type != WIRE_LIFECYCLE || len != sizeof(*l) || len2 || l->phase != WIRE_PHASE_INIT)
		return;
	told_up = l->cpus;
	told++;
}

static void pid_1_brings_up_the_cpus_that_the_kernel_left_alone(void)
{
	struct ktstr_topology *t = ktstr_topology_parse("1n1l5c1t/offline:2", NULL, 0);
	struct init_host host = { .send = hears };
	struct err e = ERR_INIT;

	for (unsigned i = 1; i < 4; i++) {
		char name[64];

		snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%u/online", i);
		put(name, "0");
	}
	/* CPU 0 has no such file, nor has CPU 4, as if the kernel were built for four */
	tap_eq(init_shape_bring_up(dir, t, &host, &e), 0);
	tap_ok(reads("sys/devices/system/cpu/cpu1/online", "1"), "CPU 1 is up");
	tap_ok(reads("sys/devices/system/cpu/cpu2/online", "0"), "CPU 2 shall be offline");
	tap_ok(reads("sys/devices/system/cpu/cpu3/online", "1"), "CPU 3 is up");
	tap_eq(told, 2);
	tap_eq(told_up, 3);
	ktstr_topology_destroy(t);
}

static void a_kernel_without_hotplug_is_an_error_that_names_the_cpu(void)
{
	struct ktstr_topology *t = ktstr_topology_parse("1n1l6c1t/offline:5", NULL, 0);
	struct err e = ERR_INIT;

	tap_eq(init_shape_offline(dir, t, &e), -EOPNOTSUPP);
	tap_str(err_text(&e), "take CPU 5 offline: the kernel has no CPU hotplug");
	ktstr_topology_destroy(t);
}

static void a_host_that_tells_no_shape_is_no_error_but_a_bad_one_is(void)
{
	struct ktstr_topology *t = NULL;
	struct err e = ERR_INIT;

	tap_eq(load("nothing", &t, &e), -ENOENT);
	tap_str(err_text(&e), "");
	put("bad", "1n0l1c1t");
	tap_eq(load("bad", &t, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "bad: topology 1n0l1c1t"), "%s", err_text(&e));
}

int main(void)
{
	tmp_make(dir);
	TAP_RUN(a_shape_answers_for_each_cpu_and_node);
	TAP_RUN(questions_about_what_is_not_there_have_an_answer);
	TAP_RUN(a_bad_shape_says_why);
	TAP_RUN(presets_can_be_listed_and_parsed);
	TAP_RUN(pid_1_takes_cpus_offline);
	TAP_RUN(pid_1_brings_up_the_cpus_that_the_kernel_left_alone);
	TAP_RUN(a_kernel_without_hotplug_is_an_error_that_names_the_cpu);
	TAP_RUN(a_host_that_tells_no_shape_is_no_error_but_a_bad_one_is);
	file_remove_tree(dir, NULL);
	return tap_done();
}
