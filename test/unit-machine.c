/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine as /proc and /sys show it, from folders that look like them. */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "init/machine.h"
#include "ktstr/test.h"
#include "test/tap.h"

static char root[] = "/tmp/ktstr-machine-XXXXXX";

__attribute__((format(printf, 2, 3)))
static void put(const char *text, const char *fmt, ...)
{
	struct err e = ERR_INIT;
	char path[256], *slash;
	va_list ap;
	int n;

	n = snprintf(path, sizeof(path), "%s/", root);
	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, ap);
	va_end(ap);
	slash = strrchr(path, '/');
	*slash = '\0';
	tap_ok(file_mkdirs(path, 0755, &e) == 0, "%s", err_text(&e));
	*slash = '/';
	tap_ok(file_write_atomic(path, text, strlen(text), 0644, &e) == 0, "%s", err_text(&e));
}

/* CPUs that share an L3 by threes of lists; L1 is each core's own. */
static void put_cpu(unsigned cpu, const char *siblings, const char *l3)
{
	const char *dir = "sys/devices/system/cpu";

	put(siblings, "%s/cpu%u/topology/thread_siblings_list", dir, cpu);
	put("1\n", "%s/cpu%u/cache/index0/level", dir, cpu);
	put(siblings, "%s/cpu%u/cache/index0/shared_cpu_list", dir, cpu);
	put("3\n", "%s/cpu%u/cache/index1/level", dir, cpu);
	put(l3, "%s/cpu%u/cache/index1/shared_cpu_list", dir, cpu);
}

static void what_the_kernel_does_not_tell_counts_as_one(void)
{
	struct init_machine m;

	init_machine_probe(root, &m);
	tap_eq(m.cpus, 1);
	tap_eq(m.numa_nodes, 1);
	tap_eq(m.llcs, 1);
	tap_eq(m.cores, 1);
	tap_eq(m.threads, 1);
	tap_eq(m.memory_kib, 0);
}

static void cpus_without_caches_are_cores_of_one_llc(void)
{
	struct init_machine m;

	put("0-2\n", "sys/devices/system/cpu/online");
	init_machine_probe(root, &m);
	tap_eq(m.cpus, 3);
	tap_eq(m.llcs, 1);
	tap_eq(m.cores, 3);
	tap_eq(m.threads, 1);
}

static void nodes_llcs_cores_and_threads_are_counted(void)
{
	struct init_machine m;

	put("0-7\n", "sys/devices/system/cpu/online");
	put("0-1\n", "sys/devices/system/node/online");
	for (unsigned cpu = 0; cpu < 8; cpu++) {
		char pair[16];

		snprintf(pair, sizeof(pair), "%u-%u\n", cpu & ~1u, cpu | 1);
		put_cpu(cpu, pair, cpu < 4 ? "0-3\n" : "4-7\n");
	}
	put("MemTotal:  1000000 kB\nMemFree: 1 kB\n", "proc/meminfo");
	put("00001000-0009fbff : System RAM\n00100000-3fffffff : System RAM\n"
	    "  01000000-01ffffff : Kernel code\n40000000-400fffff : Reserved\n", "proc/iomem");
	init_machine_probe(root, &m);
	tap_eq(m.cpus, 8);
	tap_eq(m.numa_nodes, 2);
	tap_eq(m.llcs, 2);
	tap_eq(m.cores, 2);
	tap_eq(m.threads, 2);
	tap_eq(m.memory_kib, 1000000);
	tap_eq(m.ram_kib, (1024 - 1) * 1024 + 0x9ec00 / 1024);
	tap_eq(m.kernel_gpa, 0x1000000);
}

static void cpus_that_are_offline_do_not_count(void)
{
	struct init_machine m;

	put("0,2,4-6\n", "sys/devices/system/cpu/online");
	put_cpu(0, "0\n", "0,2\n");
	put_cpu(2, "2\n", "0,2\n");
	put_cpu(4, "4-5\n", "4-6\n");
	put_cpu(5, "4-5\n", "4-6\n");
	put_cpu(6, "6\n", "4-6\n");
	init_machine_probe(root, &m);
	tap_eq(m.cpus, 5);
	tap_eq(m.llcs, 2);
	tap_eq(m.cores, 2);
	tap_eq(m.threads, 1);
}

static void lists_that_make_no_sense_do_no_harm(void)
{
	struct init_machine m;

	put("4-1,99999999999,x\n", "sys/devices/system/cpu/online");
	put("\n", "sys/devices/system/node/online");
	put("MemTotal\n", "proc/meminfo");
	put("zzzz : System RAM\n5-1 : System RAM\n", "proc/iomem");
	init_machine_probe(root, &m);
	tap_ok(m.cpus >= 1 && m.llcs >= 1, "no CPU");
	tap_eq(m.ram_kib, 0);
}

static void each_requirement_is_compared(void)
{
	const struct init_machine m = {
		.cpus = 8, .numa_nodes = 2, .llcs = 2, .cores = 2, .threads = 2,
		.memory_kib = 480000, .ram_kib = 512 * 1024 - 385,
	};
	static const struct {
		struct ktstr_test test;
		const char *reason;	/* NULL: enough */
	} rows[] = {
		{ { .name = "nothing" }, NULL },
		{ { .numa_nodes = 2, .llcs = 2, .cores = 2, .threads = 2 }, NULL },
		{ { .cores = 16 }, "needs 16 CPUs, the guest has 8" },
		{ { .cores = 4 }, "needs 4 cores in each LLC, the guest has 2" },
		{ { .llcs = 4 }, "needs 4 LLCs, the guest has 2" },
		{ { .threads = 4 }, "needs 4 threads in each core, the guest has 2" },
		{ { .numa_nodes = 3 }, "needs 3 NUMA nodes, the guest has 2" },
		{ { .memory_mib = 512 }, NULL },
		{ { .memory_mib = 600 }, "needs 600 MiB of memory, the guest has 512" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char reason[160] = "";
		int n = init_machine_lacks(&m, &rows[i].test, reason, sizeof(reason));

		tap_eq(n, strlen(reason));
		tap_str(reason, rows[i].reason ? rows[i].reason : "");
	}
}

int main(void)
{
	if (!mkdtemp(root))
		return 99;
	TAP_RUN(what_the_kernel_does_not_tell_counts_as_one);
	TAP_RUN(cpus_without_caches_are_cores_of_one_llc);
	TAP_RUN(nodes_llcs_cores_and_threads_are_counted);
	TAP_RUN(cpus_that_are_offline_do_not_count);
	TAP_RUN(lists_that_make_no_sense_do_no_harm);
	TAP_RUN(each_requirement_is_compared);
	file_remove_tree(root, NULL);
	return tap_done();
}
