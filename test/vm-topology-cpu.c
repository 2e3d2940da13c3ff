/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUs, their siblings and caches: vm-topology.h. */
#include "test/vm-topology.h"

#include <cpuid.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Linux counts cores within the package, by APIC id: the first one's is 0 there. */
static unsigned core_id(const struct ktstr_topology *s, unsigned cpu)
{
	unsigned first = cpu, bits = 0;

	while (first && ktstr_topology_cpu_package(s, first - 1) ==
			ktstr_topology_cpu_package(s, cpu))
		first--;
	while (1u << bits < ktstr_topology_threads_per_core(s))
		bits++;
	return (ktstr_topology_cpu_apic_id(s, cpu) - ktstr_topology_cpu_apic_id(s, first)) >> bits;
}

typedef bool relation(const struct ktstr_topology *s, unsigned a, unsigned b);

static bool same_package(const struct ktstr_topology *s, unsigned a, unsigned b)
{
	return ktstr_topology_cpu_package(s, a) == ktstr_topology_cpu_package(s, b);
}

static bool same_core(const struct ktstr_topology *s, unsigned a, unsigned b)
{
	return ktstr_topology_cpu_core(s, a) == ktstr_topology_cpu_core(s, b);
}

/* Linux cuts an L3 at a node's border, but not in Intel's sysfs (match_llc()). */
static bool same_l3(const struct ktstr_topology *s, unsigned a, unsigned b)
{
	return ktstr_topology_cpu_llc(s, a) == ktstr_topology_cpu_llc(s, b) &&
	       (!is_amd() || node_of(s, a) == node_of(s, b));
}

KTSTR_TEST(cpu_lists, .about = "possible, present, online and offline CPUs are those asked for")
{
	static const char *const names[] = { "possible", "present", "online", "offline" };
	const struct ktstr_topology *s = shape_of(t);
	struct set list[4] = { 0 };

	if (!s)
		return;
	for (unsigned i = 0; i < ktstr_topology_possible_cpus(s); i++) {
		list[0].has[i] = true;
		list[1].has[i] = i < ktstr_topology_cpus(s);
		list[2].has[i] = is_online(s, i);
		list[3].has[i] = !is_online(s, i);
	}
	for (unsigned i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), CPU_DIR "/%s", names[i]);
		expect_list(t, &list[i], path);
	}
}

static void expect_related(struct ktstr_t *t, unsigned cpu, const char *file, relation *related)
{
	const struct ktstr_topology *s = ktstr_topology(t);
	struct set asked = { 0 };
	char path[128];

	for (unsigned i = 0; i < ktstr_topology_cpus(s); i++)
		asked.has[i] = is_online(s, i) && related(s, cpu, i);
	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/%s", cpu, file);
	expect_list(t, &asked, path);
}

static void expect_of_cpu(struct ktstr_t *t, unsigned cpu, const char *file, unsigned long asked)
{
	char path[128];

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/%s", cpu, file);
	expect_number(t, asked, path);
}

KTSTR_TEST(cpu_siblings, .about = "cores and packages have the CPUs and numbers asked for")
{
	static const struct {
		const char *file;
		relation *related;
	} lists[] = {
		{ "topology/core_cpus_list", same_core },
		{ "topology/thread_siblings_list", same_core },
		{ "topology/cluster_cpus_list", same_core },
		{ "topology/die_cpus_list", same_package },
		{ "topology/package_cpus_list", same_package },
		{ "topology/core_siblings_list", same_package },
	};
	const struct ktstr_topology *s = shape_of(t);

	for (unsigned cpu = 0; s && cpu < ktstr_topology_cpus(s); cpu++) {
		if (!is_online(s, cpu))
			continue;
		for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
			expect_related(t, cpu, lists[i].file, lists[i].related);
		expect_of_cpu(t, cpu, "topology/physical_package_id",
			      ktstr_topology_cpu_package(s, cpu));
		expect_of_cpu(t, cpu, "topology/core_id", core_id(s, cpu));
	}
}

static uint32_t x2apic_id(unsigned cpu)
{
	unsigned eax, ebx, ecx, edx = UINT_MAX;
	cpu_set_t one;		/* has room for 1024 */

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) == 0)
		__get_cpuid_count(0xb, 0, &eax, &ebx, &ecx, &edx);
	return edx;
}

KTSTR_TEST(cpu_apic_ids, .about = "each CPU's CPUID has the APIC id that the shape gives it")
{
	const struct ktstr_topology *s = shape_of(t);

	for (unsigned cpu = 0; s && cpu < ktstr_topology_cpus(s); cpu++)
		if (is_online(s, cpu))
			ktstr_check(t, x2apic_id(cpu) == ktstr_topology_cpu_apic_id(s, cpu),
				    "CPU %u: APIC id %u, asked for %u", cpu, x2apic_id(cpu),
				    ktstr_topology_cpu_apic_id(s, cpu));
}

KTSTR_TEST(cpu_caches, .about = "caches have the sizes and sharers asked for")
{
	static const struct {
		unsigned level, kib;
		const char *type;
		relation *related;
	} caches[] = {
		{ 1, 32, "Data", same_core },
		{ 1, 32, "Instruction", same_core },
		{ 2, 512, "Unified", same_core },
		{ 3, 16 * 1024, "Unified", same_l3 },
	};
	const unsigned n = sizeof(caches) / sizeof(caches[0]);
	const struct ktstr_topology *s = shape_of(t);
	char file[64], line[64];

	for (unsigned cpu = 0; s && cpu < ktstr_topology_cpus(s); cpu++) {
		if (!is_online(s, cpu))
			continue;
		for (unsigned i = 0; i < n; i++) {
			snprintf(file, sizeof(file), "cache/index%u/shared_cpu_list", i);
			expect_related(t, cpu, file, caches[i].related);
			snprintf(file, sizeof(file), "cache/index%u/level", i);
			expect_of_cpu(t, cpu, file, caches[i].level);
			snprintf(file, sizeof(file), "cache/index%u/size", i);
			expect_of_cpu(t, cpu, file, caches[i].kib);	/* "32K" */
			ktstr_check(t, read_line(line, sizeof(line),
						 CPU_DIR "/cpu%u/cache/index%u/type", cpu, i) &&
				    !strcmp(line, caches[i].type),
				    "CPU %u: cache %u: %s, asked for %s", cpu, i, line,
				    caches[i].type);
		}
		ktstr_check(t, !read_line(line, sizeof(line), CPU_DIR "/cpu%u/cache/index%u/level",
					  cpu, n), "CPU %u has more than %u caches", cpu, n);
	}
}

/* Schedulers take it for the LLC, whatever its CPU list says. */
KTSTR_TEST(cpu_llc_numbers, .about = "L3 caches have a number each")
{
	const struct ktstr_topology *s = shape_of(t);
	char line[64];
	unsigned cpus = s ? ktstr_topology_cpus(s) : 0;
	unsigned long id[CPUS_MAX];

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		bool ok = is_online(s, cpu) && ktstr_check(t, read_line(line, sizeof(line),
				CPU_DIR "/cpu%u/cache/index3/id", cpu), "CPU %u: no id", cpu);

		id[cpu] = ok ? strtoul(line, NULL, 10) : ULONG_MAX;
		for (unsigned b = 0; ok && b < cpu; b++)
			if (id[b] != ULONG_MAX)
				ktstr_check(t, (id[b] == id[cpu]) ==
					    (ktstr_topology_cpu_llc(s, b) ==
					     ktstr_topology_cpu_llc(s, cpu)),
					    "L3 of CPUs %u and %u: %lu and %lu", b, cpu, id[b],
					    id[cpu]);
	}
}
