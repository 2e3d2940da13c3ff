/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine as its kernel shows it: Documentation/ABI/testing/
 * sysfs-devices-system-cpu and sysfs-devices-node.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/topo_survey.h"

#define CACHE_INDEX_MAX 16
#define NODE_ID_MAX 1024

/* A file below the root, without its newline, or false. */
__attribute__((format(printf, 3, 4)))
static bool read_text(char text[4096], const char *root, const char *fmt, ...)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX], name[256];
	ssize_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if ((size_t)snprintf(path, sizeof(path), "%s/sys/devices/system/%s", root, name) >=
	    sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, 4095);
	if (n < 0)
		return false;
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	text[n] = '\0';
	return true;
}

static bool read_list(const char *root, const char *name, struct cpulist *ret)
{
	char text[4096];

	*ret = (struct cpulist){ 0 };
	return read_text(text, root, "%s", name) &&
	       (!text[0] || cpulist_parse(text, CPULIST_MAX, ret) == 0);
}

static unsigned lowest(const struct cpulist *l, unsigned otherwise)
{
	for (unsigned i = 0; i < CPULIST_MAX; i++)
		if (cpulist_has(l, i))
			return i;
	return otherwise;
}

/* The lowest CPU of a list that a CPU has: a name for what they share. */
static unsigned sharer(const char *root, unsigned cpu, const char *file, unsigned otherwise)
{
	struct cpulist l;
	char name[128];

	snprintf(name, sizeof(name), "cpu/cpu%u/%s", cpu, file);
	return read_list(root, name, &l) ? lowest(&l, otherwise) : otherwise;
}

static unsigned find_llc(const char *root, unsigned cpu, unsigned otherwise)
{
	unsigned best = 0, llc = otherwise;
	char text[4096], file[64];

	for (unsigned i = 0; i < CACHE_INDEX_MAX; i++) {
		unsigned level;

		if (!read_text(text, root, "cpu/cpu%u/cache/index%u/level", cpu, i))
			continue;
		level = (unsigned)strtoul(text, NULL, 10);
		if (level <= best)
			continue;
		best = level;
		snprintf(file, sizeof(file), "cache/index%u/shared_cpu_list", i);
		llc = sharer(root, cpu, file, otherwise);
	}
	return llc;
}

static void add_cpu(const char *root, unsigned cpu, struct survey *s)
{
	struct survey_cpu *c = &s->cpu[s->cpus++];
	char text[4096];

	c->id = cpu;
	c->core = sharer(root, cpu, "topology/thread_siblings_list", cpu);
	c->package = sharer(root, cpu, "topology/core_siblings_list", 0);
	c->llc = find_llc(root, cpu, c->package);
	if (read_text(text, root, "cpu/cpu%u/topology/physical_package_id", cpu) &&
	    text[0] >= '0' && text[0] <= '9')
		c->package = (unsigned)strtoul(text, NULL, 10);
}

/* "Node 0 MemTotal:  16265436 kB" */
static bool node_has_memory(const char *root, unsigned node)
{
	char text[4096];
	const char *p;

	if (!read_text(text, root, "node/node%u/meminfo", node))
		return true;
	p = strstr(text, "MemTotal:");
	return !p || strtoull(p + strlen("MemTotal:"), NULL, 10) > 0;
}

static unsigned read_access(const char *root, unsigned node, const char *what, unsigned max)
{
	char text[4096];

	if (!read_text(text, root, "node/node%u/access0/initiators/read_%s", node, what))
		return 0;
	return (unsigned)MIN(strtoul(text, NULL, 10), (unsigned long)max);
}

/* A file of the memory-side cache; only one level is looked at, the first that there is. */
static unsigned long read_cache(const char *root, unsigned node, const char *what)
{
	char text[4096];

	for (unsigned i = 0; i < CACHE_INDEX_MAX; i++)
		if (read_text(text, root, "node/node%u/memory_side_cache/index%u/%s", node, i,
			      what))
			return strtoul(text, NULL, 10);
	return 0;
}

/* Linux' numbers (enum cache_indexing, enum cache_write_policy); 2 is "other". */
static void add_cache(const char *root, struct survey_node *n)
{
	static const enum topo_assoc assoc[] = { TOPO_ASSOC_DIRECT, TOPO_ASSOC_COMPLEX };
	static const enum topo_write policy[] = { TOPO_WRITE_BACK, TOPO_WRITE_THROUGH };
	unsigned long a = read_cache(root, n->id, "indexing");
	unsigned long w = read_cache(root, n->id, "write_policy");

	survey_set_cache(n, read_cache(root, n->id, "size"), read_cache(root, n->id, "line_size"),
			 a < ARRAY_SIZE(assoc) ? assoc[a] : TOPO_ASSOC_NONE,
			 w < ARRAY_SIZE(policy) ? policy[w] : TOPO_WRITE_NONE);
}

static void add_distances(const char *root, struct survey *s)
{
	char text[4096], *p;

	for (unsigned i = 0; i < s->nodes; i++) {
		if (!read_text(text, root, "node/node%u/distance", s->node[i].id))
			return;
		p = text;
		for (unsigned j = 0; j < s->nodes; j++) {
			unsigned long v = strtoul(p, &p, 10);

			s->distance[i][j] = (uint8_t)MIN(v, 255ul);
		}
	}
	s->distances = s->nodes;
}

static void add_node(const char *root, unsigned id, const struct cpulist *cpus,
		     struct survey *s)
{
	struct survey_node *n = &s->node[s->nodes++];

	*n = (struct survey_node){
		.id = id, .has_memory = node_has_memory(root, id),
		.latency_ns = read_access(root, id, "latency", TOPO_LATENCY_MAX_NS),
		.bandwidth_mbs = read_access(root, id, "bandwidth", TOPO_BANDWIDTH_MAX_MBS),
	};
	add_cache(root, n);
	for (unsigned i = 0; i < s->cpus; i++)
		if (cpulist_has(cpus, s->cpu[i].id))
			s->cpu[i].node = id;
}

int survey_sysfs(const char *root, struct survey *s, struct err *e)
{
	struct cpulist online, present, possible;
	char name[64];

	if (!read_list(root, "cpu/online", &online) || !cpulist_count(&online))
		return err_set(e, -EINVAL, "%s/sys/devices/system/cpu/online: no list of CPUs below %u",
			       root, CPULIST_MAX);
	if (!read_list(root, "cpu/present", &present))
		present = online;
	/* a kernel may allow more CPUs than any machine has: that is no part of this one */
	if (!read_list(root, "cpu/possible", &possible))
		possible = present;
	*s = (struct survey){
		.offline = cpulist_count(&present) - cpulist_count(&online),
		.absent = cpulist_count(&possible) - cpulist_count(&present),
	};
	for (unsigned i = 0; i < TOPO_CPUS_MAX; i++)
		if (cpulist_has(&online, i))
			add_cpu(root, i, s);
	for (unsigned i = 0; i < NODE_ID_MAX && s->nodes < TOPO_NODES_MAX; i++) {
		struct cpulist cpus;

		snprintf(name, sizeof(name), "node/node%u/cpulist", i);
		if (read_list(root, name, &cpus))
			add_node(root, i, &cpus, s);
	}
	add_distances(root, s);
	return 0;
}
