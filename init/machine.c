/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine as the guest's kernel shows it: Documentation/ABI/testing/
 * sysfs-devices-system-cpu and sysfs-devices-node, proc(5).
 */
#include "init/machine.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "ktstr/test.h"

#define CPUS_MAX 1024
#define CACHE_INDEX_MAX 8

/* Which LLC and core each online CPU belongs to, each named by its lowest CPU. */
struct cpu_map {
	bool online[CPUS_MAX];
	uint16_t llc[CPUS_MAX];
	uint16_t core[CPUS_MAX];
};

/* The first size - 1 bytes of a file, or false. */
__attribute__((format(printf, 3, 4)))
static bool read_text(char *text, size_t size, const char *fmt, ...)
{
	_cleanup_close_ int fd = -1;
	char path[256];
	ssize_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

/* "0-3,8": the next range of a list, or false at its end. */
static bool next_range(const char **list, unsigned *ret_first, unsigned *ret_last)
{
	char *end;

	if (**list < '0' || **list > '9')
		return false;
	*ret_first = *ret_last = (unsigned)strtoul(*list, &end, 10);
	if (*end == '-')
		*ret_last = (unsigned)strtoul(end + 1, &end, 10);
	*list = *end == ',' ? end + 1 : end;
	return *ret_last >= *ret_first;
}

static unsigned count_list(const char *list)
{
	unsigned first, last, n = 0;

	while (next_range(&list, &first, &last))
		n += last - first + 1;
	return n;
}

static unsigned first_of_list(const char *list, unsigned otherwise)
{
	unsigned first, last;

	return next_range(&list, &first, &last) && first < CPUS_MAX ? first : otherwise;
}

/* The lowest CPU that shares the last-level cache of this one. */
static unsigned probe_llc(const char *root, unsigned cpu)
{
	unsigned best = 0, llc = 0;
	char text[4096];

	for (unsigned i = 0; i < CACHE_INDEX_MAX; i++) {
		unsigned level;

		if (!read_text(text, sizeof(text),
			       "%s/sys/devices/system/cpu/cpu%u/cache/index%u/level", root, cpu, i))
			break;
		level = (unsigned)strtoul(text, NULL, 10);
		if (level < best ||
		    !read_text(text, sizeof(text),
			       "%s/sys/devices/system/cpu/cpu%u/cache/index%u/shared_cpu_list",
			       root, cpu, i))
			continue;
		best = level;
		llc = first_of_list(text, 0);
	}
	return llc;
}

static void probe_cpu(const char *root, unsigned cpu, struct cpu_map *map)
{
	char text[4096];

	map->online[cpu] = true;
	map->core[cpu] = (uint16_t)cpu;
	if (read_text(text, sizeof(text),
		      "%s/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", root, cpu))
		map->core[cpu] = (uint16_t)first_of_list(text, cpu);
	map->llc[cpu] = (uint16_t)probe_llc(root, cpu);
}

/* The least number that a group has, among those that have any; and how many have. */
static unsigned least(const unsigned *n, unsigned *ret_groups)
{
	unsigned min = 0, groups = 0;

	for (unsigned i = 0; i < CPUS_MAX; i++) {
		if (!n[i])
			continue;
		groups++;
		if (!min || n[i] < min)
			min = n[i];
	}
	*ret_groups = groups;
	return min;
}

static void probe_cpus(const char *root, struct init_machine *m)
{
	unsigned threads[CPUS_MAX] = { 0 }, cores[CPUS_MAX] = { 0 };
	struct cpu_map map = { 0 };
	unsigned first, last, all;
	const char *list;
	char text[4096];

	m->cpus = m->llcs = m->cores = m->threads = 1;
	if (!read_text(text, sizeof(text), "%s/sys/devices/system/cpu/online", root))
		return;
	m->cpus = MAX(count_list(text), 1u);
	list = text;
	while (next_range(&list, &first, &last))
		for (unsigned cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++)
			probe_cpu(root, cpu, &map);
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!map.online[cpu])
			continue;
		threads[map.core[cpu]]++;
		if (map.core[cpu] == cpu)
			cores[map.llc[cpu]]++;
	}
	m->threads = MAX(least(threads, &all), 1u);
	m->cores = MAX(least(cores, &m->llcs), 1u);
	m->llcs = MAX(m->llcs, 1u);
}

/*
 * /proc/iomem, whose addresses only root sees: "System RAM", and in it "Kernel code",
 * which begins at _text (arch/x86/kernel/setup.c).
 */
static void probe_iomem(const char *root, struct init_machine *m)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long start, end;
	char path[256], line[256];
	uint64_t bytes = 0;

	snprintf(path, sizeof(path), "%s/proc/iomem", root);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2 || end <= start)
			continue;
		if (line[0] != ' ' && strstr(line, ": System RAM"))
			bytes += end - start + 1;
		else if (line[0] == ' ' && strstr(line, ": Kernel code"))
			m->kernel_gpa = start;
	}
	m->ram_kib = bytes / KIB;
}

void init_machine_probe(const char *root, struct init_machine *ret)
{
	struct init_machine m = { 0 };
	const char *total;
	char text[4096];

	probe_cpus(root, &m);
	m.numa_nodes = 1;
	if (read_text(text, sizeof(text), "%s/sys/devices/system/node/online", root))
		m.numa_nodes = MAX(count_list(text), 1u);
	if (read_text(text, sizeof(text), "%s/proc/meminfo", root)) {
		total = strstr(text, "MemTotal:");
		if (total)
			m.memory_kib = strtoull(total + strlen("MemTotal:"), NULL, 10);
	}
	probe_iomem(root, &m);
	*ret = m;
}

int init_machine_lacks(const struct init_machine *m, const struct ktstr_test *t,
		       char *reason, size_t size)
{
	/*
	 * The legacy hole below 1 MiB is not RAM to the kernel, so RAM is rounded
	 * up; MemTotal lacks the kernel itself and is only used when there is no other.
	 */
	uint64_t mib = ((m->ram_kib ? m->ram_kib : m->memory_kib) + KIB - 1) / KIB;
	const struct {
		const char *what;
		uint64_t need, have;
	} rows[] = {
		{ "CPUs", (uint64_t)MAX(t->llcs, 1u) * MAX(t->cores, 1u) * MAX(t->threads, 1u),
		  m->cpus },
		{ "NUMA nodes", t->numa_nodes, m->numa_nodes },
		{ "LLCs", t->llcs, m->llcs },
		{ "cores in each LLC", t->cores, m->cores },
		{ "threads in each core", t->threads, m->threads },
		{ "MiB of memory", t->memory_mib, mib },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].need > rows[i].have)
			return snprintf(reason, size, "needs %llu %s, the guest has %llu",
					(unsigned long long)rows[i].need, rows[i].what,
					(unsigned long long)rows[i].have);
	return 0;
}
