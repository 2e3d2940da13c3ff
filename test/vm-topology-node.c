/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA nodes, their memory and distances: vm-topology.h. */
#include "test/vm-topology.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024 * 1024ull)

/* RAM that the kernel counts for a node, by /proc/zoneinfo: it has no file of its own. */
static uint64_t present_bytes(unsigned node)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	unsigned at = UINT_MAX;
	uint64_t sum = 0;
	unsigned long long pages;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Node %u, zone", &at);
		if (at == node && sscanf(line, " present %llu", &pages) == 1)
			sum += pages * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	if (f)
		fclose(f);
	return sum;
}

static bool has_memory(const struct ktstr_topology *s, unsigned node)
{
	return !ktstr_topology_has_numa(s) || ktstr_topology_node_memory_bytes(s, node);
}

static bool has_cpu(const struct ktstr_topology *s, unsigned node)
{
	for (unsigned i = 0; i < ktstr_topology_cpus(s); i++)
		if (is_online(s, i) && node_of(s, i) == node)
			return true;
	return false;
}

static unsigned nodes_of(const struct ktstr_topology *s)
{
	return ktstr_topology_has_numa(s) ? ktstr_topology_nodes(s) : 1;
}

static bool kernel_has_nodes(struct ktstr_t *t)
{
	if (access(NODE_DIR, F_OK) == 0)
		return true;
	ktstr_skip(t, "this kernel has no NUMA");
	return false;
}

KTSTR_TEST(node_lists, .about = "nodes have the CPUs asked for, and memory where it was")
{
	const struct ktstr_topology *s = shape_of(t);
	struct set online = { 0 }, cpu = { 0 }, memory = { 0 };
	char path[64];

	if (!s || !kernel_has_nodes(t))
		return;
	for (unsigned n = 0; n < nodes_of(s); n++) {
		struct set cpus = { 0 };

		online.has[n] = true;		/* empty ones, too */
		cpu.has[n] = has_cpu(s, n);
		memory.has[n] = has_memory(s, n);
		for (unsigned i = 0; i < ktstr_topology_cpus(s); i++)
			cpus.has[i] = is_online(s, i) && node_of(s, i) == n;
		snprintf(path, sizeof(path), NODE_DIR "/node%u/cpulist", n);
		expect_list(t, &cpus, path);
	}
	expect_list(t, &online, NODE_DIR "/online");
	expect_list(t, &cpu, NODE_DIR "/has_cpu");
	expect_list(t, &memory, NODE_DIR "/has_memory");
}

static void expect_row(struct ktstr_t *t, const struct ktstr_topology *s, unsigned from)
{
	char line[1024], *at = line;

	if (!ktstr_check(t, read_line(line, sizeof(line), NODE_DIR "/node%u/distance", from),
			 "node %u: no distances", from))
		return;
	for (unsigned to = 0; to < nodes_of(s); to++) {
		unsigned long asked = ktstr_topology_distance(s, from, to);
		unsigned long seen = strtoul(at, &at, 10);

		ktstr_check(t, seen == asked, "node %u to %u: distance %lu, asked for %lu", from,
			    to, seen, asked);
	}
	ktstr_check(t, strspn(at, " ") == strlen(at), "node %u: more distances:%s", from, at);
}

KTSTR_TEST(node_distances, .about = "nodes are as far from each other as asked for")
{
	const struct ktstr_topology *s = shape_of(t);

	if (!s || !kernel_has_nodes(t))
		return;
	for (unsigned n = 0; n < nodes_of(s); n++)
		expect_row(t, s, n);
}

/* The first MiB has holes, and a border may cost some pages. */
#define MEMORY_SLACK (2 * MIB)

KTSTR_TEST(node_memory, .about = "nodes have as much memory as asked for")
{
	const struct ktstr_topology *s = shape_of(t);
	uint64_t least = UINT64_MAX, most = 0;

	for (unsigned n = 0; s && n < nodes_of(s); n++) {
		uint64_t seen = present_bytes(n);
		uint64_t asked = ktstr_topology_has_numa(s) ?
				 ktstr_topology_node_memory_bytes(s, n) : UINT64_MAX;

		ktstr_note(t, "node %u: %llu KiB", n, (unsigned long long)seen / 1024);
		if (asked != UINT64_MAX) {
			ktstr_check(t, seen <= asked && seen + MEMORY_SLACK >= asked,
				    "node %u: %llu KiB, asked for %llu", n,
				    (unsigned long long)seen / 1024,
				    (unsigned long long)asked / 1024);
			continue;
		}
		least = seen < least ? seen : least;
		most = seen > most ? seen : most;
	}
	/* shares are equal, but that the last has what is left of 2 MiB for each */
	if (most)
		ktstr_check(t, most - least <= MEMORY_SLACK * (nodes_of(s) + 1),
			    "equal shares are of %llu to %llu KiB",
			    (unsigned long long)least / 1024, (unsigned long long)most / 1024);
}

static void expect_access(struct ktstr_t *t, unsigned node, const char *file, unsigned long asked)
{
	char path[128];

	snprintf(path, sizeof(path), NODE_DIR "/node%u/access0/initiators/%s", node, file);
	expect_number(t, asked, path);
}

/* From the nearest node with CPUs, which Linux takes for the memory's initiator. */
static unsigned least_distance(const struct ktstr_topology *s, unsigned to)
{
	unsigned least = UINT_MAX;

	for (unsigned from = 0; from < nodes_of(s); from++)
		if (ktstr_topology_node_cpus(s, from) &&
		    ktstr_topology_distance(s, from, to) < least)
			least = ktstr_topology_distance(s, from, to);
	return least;
}

/* What is asked for holds at distance 10; the tables scale it by the distance. */
KTSTR_TEST(node_performance, .about = "memory has the latency and bandwidth asked for (HMAT)")
{
	const struct ktstr_topology *s = shape_of(t);
	bool any = false;

	if (!s || !kernel_has_nodes(t))
		return;
	for (unsigned n = 0; n < nodes_of(s); n++) {
		unsigned latency, bandwidth;

		if (nodes_of(s) == 1 || !has_memory(s, n))
			continue;
		any = true;
		latency = ktstr_topology_node_latency_ns(s, n) * least_distance(s, n) / 10;
		bandwidth = ktstr_topology_node_bandwidth_mbs(s, n) * 10 / least_distance(s, n);
		expect_access(t, n, "read_latency", latency);
		expect_access(t, n, "write_latency", latency);
		expect_access(t, n, "read_bandwidth", bandwidth);
		expect_access(t, n, "write_bandwidth", bandwidth);
	}
	if (!any)
		ktstr_skip(t, "one node: there is no HMAT");
}

#define CACHE_DIR NODE_DIR "/node%u/memory_side_cache"

/* Linux numbers what a shape names (enum cache_indexing, enum cache_write_policy). */
static unsigned number_of(const char *name, const char *const names[3])
{
	unsigned i = 0;

	while (i < 2 && strcmp(name, names[i]))
		i++;
	return i;
}

static void expect_cache(struct ktstr_t *t, const struct ktstr_topology *s, unsigned node)
{
	static const char *const indexing[3] = { "direct", "complex", "none" };
	static const char *const policy[3] = { "wb", "wt", "none" };
	char path[128];

	/* Linux names the folder by the level, and we tell of one level */
	snprintf(path, sizeof(path), CACHE_DIR "/index1/size", node);
	expect_number(t, ktstr_topology_node_cache_bytes(s, node), path);
	snprintf(path, sizeof(path), CACHE_DIR "/index1/line_size", node);
	expect_number(t, ktstr_topology_node_cache_line_bytes(s, node), path);
	snprintf(path, sizeof(path), CACHE_DIR "/index1/indexing", node);
	expect_number(t, number_of(ktstr_topology_node_cache_assoc(s, node), indexing), path);
	snprintf(path, sizeof(path), CACHE_DIR "/index1/write_policy", node);
	expect_number(t, number_of(ktstr_topology_node_cache_write(s, node), policy), path);
}

KTSTR_TEST(node_cache, .about = "memory has the cache in front of it asked for (HMAT)")
{
	const struct ktstr_topology *s = shape_of(t);
	char path[64];

	if (!s || !kernel_has_nodes(t))
		return;
	for (unsigned n = 0; n < nodes_of(s); n++) {
		snprintf(path, sizeof(path), CACHE_DIR, n);
		if (ktstr_topology_node_cache_bytes(s, n))
			expect_cache(t, s, n);
		else
			ktstr_check(t, access(path, F_OK) < 0, "node %u has a cache", n);
	}
}
