/* SPDX-License-Identifier: GPL-2.0-only */
/* The shape of the guest: its rules, and who lives where. */
#include "vcpu/topo.h"

#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "base/util.h"

/* --- rules ----------------------------------------------------------------- */

int topo_check_numbers(const struct topo *t, struct err *e)
{
	const struct {
		const char *name;
		unsigned value, max;
	} field[] = {
		{ "NUMA nodes", t->numa_nodes, TOPO_NODES_MAX },
		{ "LLCs", t->llcs, TOPO_CPUS_MAX },
		{ "cores per LLC", t->cores_per_llc, TOPO_CPUS_MAX },
		{ "threads per core", t->threads_per_core, TOPO_CPUS_MAX },
	};
	char text[TOPO_TEXT_MAX];

	topo_format(t, text);
	for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
		if (!field[i].value || field[i].value > field[i].max)
			return err_set(e, -EINVAL, "topology %s: %u %s, must be 1 to %u", text,
				       field[i].value, field[i].name, field[i].max);
	/* 512 * 512 * 512 fits in 32 bits */
	if (topo_cpus(t) > TOPO_CPUS_MAX)
		return err_set(e, -EINVAL, "topology %s: %u CPUs, must be 1 to %u", text,
			       topo_cpus(t), TOPO_CPUS_MAX);
	return 0;
}

static int check_uniform(const struct topo *t, const char *text, struct err *e)
{
	unsigned span;

	if (t->llcs % t->numa_nodes == 0)
		return 0;
	if (t->llcs > t->numa_nodes || t->numa_nodes % t->llcs)
		return err_set(e, -EINVAL, "topology %s: %u LLCs do not divide among %u NUMA nodes",
			       text, t->llcs, t->numa_nodes);
	span = t->numa_nodes / t->llcs;
	if (t->cores_per_llc % span)
		return err_set(e, -EINVAL, "topology %s: the %u cores of an LLC do not divide "
			       "among the %u NUMA nodes that it spans", text, t->cores_per_llc,
			       span);
	if (t->package == TOPO_PACKAGE_NODE)
		return err_set(e, -EINVAL, "topology %s: a package cannot be a NUMA node where an "
			       "LLC spans %u of them", text, span);
	return 0;
}

static int check_node(const struct topo_node *n, unsigned i, struct err *e)
{
	if (n->has_memory && n->memory_bytes % TOPO_MEMORY_UNIT)
		return err_set(e, -EINVAL, "NUMA node %u: mem=%" PRIu64
			       " bytes, must be a multiple of 2M", i, n->memory_bytes);
	if (n->cache.size_bytes && n->has_memory && !n->memory_bytes)
		return err_set(e, -EINVAL, "NUMA node %u: a cache without memory behind it", i);
	return 0;
}

static int check_nodes(const struct topo *t, const char *text, struct err *e)
{
	unsigned told = 0, llcs = 0;
	bool memory = false;

	if (t->described != t->numa_nodes)
		return err_set(e, -EINVAL, "topology %s: %u NUMA nodes, but %u are described",
			       text, t->numa_nodes, t->described);
	for (unsigned i = 0; i < t->described; i++) {
		const struct topo_node *n = &t->node[i];
		int r = check_node(n, i, e);

		if (r < 0)
			return r;
		told += n->has_llcs;
		llcs += n->has_llcs ? n->llcs : 0;
		memory |= !n->has_memory || n->memory_bytes;
	}
	if (!memory)
		return err_set(e, -EINVAL, "topology %s: no NUMA node has memory", text);
	if (!told)
		return check_uniform(t, text, e);
	if (told != t->described)
		return err_set(e, -EINVAL, "topology %s: llcs= is said of %u NUMA nodes, must be "
			       "of all %u or of none", text, told, t->described);
	if (llcs != t->llcs)
		return err_set(e, -EINVAL, "topology %s: the NUMA nodes have %u LLCs in all, "
			       "must be %u", text, llcs, t->llcs);
	return 0;
}

static int check_distances(const struct topo *t, struct err *e)
{
	if (t->distances != t->numa_nodes)
		return err_set(e, -EINVAL, "distances for %u NUMA nodes, but there are %u",
			       t->distances, t->numa_nodes);
	for (unsigned i = 0; i < t->numa_nodes; i++) {
		for (unsigned j = 0; j < t->numa_nodes; j++) {
			unsigned d = t->distance[i][j];

			if (i == j && d != TOPO_DISTANCE_LOCAL)
				return err_set(e, -EINVAL, "distance of NUMA node %u to itself "
					       "is %u, must be 10", i, d);
			if (i != j && (d <= TOPO_DISTANCE_LOCAL || d > TOPO_DISTANCE_MAX))
				return err_set(e, -EINVAL, "distance of NUMA nodes %u and %u is "
					       "%u, must be 11 to 254", i, j, d);
			if (d != t->distance[j][i])
				return err_set(e, -EINVAL, "distance of NUMA nodes %u and %u is "
					       "%u one way and %u the other, must be the same",
					       i, j, d, t->distance[j][i]);
		}
	}
	return 0;
}

static int check_packages(const struct topo *t, const char *text, struct err *e)
{
	if (t->nodes_per_package && t->numa_nodes % t->nodes_per_package)
		return err_set(e, -EINVAL, "topology %s: %u NUMA nodes do not divide into packages "
			       "of %u", text, t->numa_nodes, t->nodes_per_package);
	return 0;
}

static int check_cpus(const struct topo *t, const char *text, struct err *e)
{
	unsigned cpus = topo_cpus(t);

	if (t->possible && (t->possible < cpus || t->possible > TOPO_CPUS_MAX))
		return err_set(e, -EINVAL, "topology %s: %u possible CPUs, must be %u to %u", text,
			       t->possible, cpus, TOPO_CPUS_MAX);
	if (cpulist_has(&t->offline, 0))
		return err_set(e, -EINVAL, "topology %s: CPU 0 cannot be offline, it boots", text);
	for (unsigned i = cpus; i < TOPO_CPUS_MAX; i++)
		if (cpulist_has(&t->offline, i))
			return err_set(e, -EINVAL, "topology %s: offline CPU %u, must be below %u",
				       text, i, cpus);
	if (topo_apic_id_max(t) > TOPO_APIC_ID_MAX)
		return err_set(e, -EINVAL, "topology %s: APIC ids up to %u, must be at most %u "
			       "(each package takes as many as the largest)", text,
			       topo_apic_id_max(t), TOPO_APIC_ID_MAX);
	return 0;
}

int topo_check(const struct topo *t, struct err *e)
{
	char text[TOPO_TEXT_MAX];
	int r;

	topo_format(t, text);
	r = topo_check_numbers(t, e);
	if (r == 0)
		r = t->described ? check_nodes(t, text, e) : check_uniform(t, text, e);
	if (r == 0 && t->distances)
		r = check_distances(t, e);
	if (r == 0)
		r = check_packages(t, text, e);
	return r < 0 ? r : check_cpus(t, text, e);
}

/* --- who lives where ------------------------------------------------------- */

unsigned topo_cpus_per_llc(const struct topo *t)
{
	return t->cores_per_llc * t->threads_per_core;
}

unsigned topo_cpus(const struct topo *t)
{
	return t->llcs * topo_cpus_per_llc(t);
}

unsigned topo_online_cpus(const struct topo *t)
{
	return topo_cpus(t) - cpulist_count(&t->offline);
}

unsigned topo_possible_cpus(const struct topo *t)
{
	return MAX(t->possible, topo_cpus(t));
}

unsigned topo_cpu_llc(const struct topo *t, unsigned cpu)
{
	assert(cpu < topo_cpus(t));
	return cpu / topo_cpus_per_llc(t);
}

const struct topo_node *topo_node(const struct topo *t, unsigned node)
{
	static const struct topo_node nothing_said;

	assert(node < t->numa_nodes);
	return node < t->described ? &t->node[node] : &nothing_said;
}

unsigned topo_node_cpus(const struct topo *t, unsigned node)
{
	const struct topo_node *n = topo_node(t, node);

	return n->has_llcs ? n->llcs * topo_cpus_per_llc(t) : topo_cpus(t) / t->numa_nodes;
}

unsigned topo_cpu_node(const struct topo *t, unsigned cpu)
{
	unsigned node = 0, end = topo_node_cpus(t, 0);

	assert(cpu < topo_cpus(t));
	while (cpu >= end)
		end += topo_node_cpus(t, ++node);
	return node;
}

unsigned topo_node_latency_ns(const struct topo *t, unsigned node)
{
	unsigned said = topo_node(t, node)->latency_ns;

	if (said)
		return said;
	return topo_node_cpus(t, node) ? TOPO_DRAM_LATENCY_NS : TOPO_CXL_LATENCY_NS;
}

unsigned topo_node_bandwidth_mbs(const struct topo *t, unsigned node)
{
	unsigned said = topo_node(t, node)->bandwidth_mbs;

	if (said)
		return said;
	return topo_node_cpus(t, node) ? TOPO_DRAM_BANDWIDTH_MBS : TOPO_CXL_BANDWIDTH_MBS;
}

uint8_t topo_distance(const struct topo *t, unsigned from, unsigned to)
{
	assert(from < t->numa_nodes && to < t->numa_nodes);
	if (t->distances)
		return t->distance[from][to];
	return from == to ? TOPO_DISTANCE_LOCAL : TOPO_DISTANCE_REMOTE;
}

/* --- packages, APIC ids ---------------------------------------------------- */

/* LLCs of the package of NUMA nodes that begins with *node; that moves on to the next one's. */
static unsigned next_package_llcs(const struct topo *t, unsigned *node)
{
	unsigned cpus = 0;

	for (unsigned n = MAX(t->nodes_per_package, 1u); n; n--)
		cpus += topo_node_cpus(t, (*node)++);
	return cpus / topo_cpus_per_llc(t);
}

/* The first LLC of the package that holds this one, and how many it has. */
static void package_of(const struct topo *t, unsigned llc, unsigned *ret_first,
		       unsigned *ret_count)
{
	unsigned node = 0, first = 0, count = 1;

	switch (t->package) {
	case TOPO_PACKAGE_ALL:
		count = t->llcs;
		break;
	case TOPO_PACKAGE_NODE:
		count = next_package_llcs(t, &node);
		while (llc >= first + count) {
			first += count;
			count = next_package_llcs(t, &node);
		}
		break;
	default:
		first = llc;
	}
	*ret_first = first;
	*ret_count = count;
}

/* The package's number: nodes without CPUs have none. */
static unsigned package_number(const struct topo *t, unsigned llc)
{
	unsigned n = 0, first, count;

	if (t->package == TOPO_PACKAGE_LLC)
		return llc;
	for (unsigned at = 0; ; at = first + count, n++) {
		package_of(t, at, &first, &count);
		if (llc < first + count)
			return n;
	}
}

unsigned topo_cpu_package(const struct topo *t, unsigned cpu)
{
	return package_number(t, topo_cpu_llc(t, cpu));
}

unsigned topo_packages(const struct topo *t)
{
	return package_number(t, t->llcs - 1) + 1;
}

unsigned topo_package_cpus(const struct topo *t, unsigned cpu)
{
	unsigned first, count;

	package_of(t, topo_cpu_llc(t, cpu), &first, &count);
	return count * topo_cpus_per_llc(t);
}

/* Bits that tell n things apart: ceil(log2(n)). */
static unsigned width(unsigned n)
{
	unsigned bits = 0;

	while (n > 1u << bits)
		bits++;
	return bits;
}

unsigned topo_thread_bits(const struct topo *t)
{
	return width(t->threads_per_core);
}

unsigned topo_core_bits(const struct topo *t)
{
	return width(t->cores_per_llc);
}

unsigned topo_llc_bits(const struct topo *t)
{
	unsigned most = 1, first, count;

	if (t->package == TOPO_PACKAGE_LLC)
		return 0;
	for (unsigned at = 0; at < t->llcs; at = first + count) {
		package_of(t, at, &first, &count);
		most = MAX(most, count);
	}
	return width(most);
}

unsigned topo_cpu_core(const struct topo *t, unsigned cpu)
{
	unsigned llc = topo_cpu_llc(t, cpu), first, count;
	unsigned in_llc = cpu % topo_cpus_per_llc(t) / t->threads_per_core;

	package_of(t, llc, &first, &count);
	return (llc - first) << topo_core_bits(t) | in_llc;
}

uint32_t topo_apic_id(const struct topo *t, unsigned cpu)
{
	uint32_t thread = cpu % t->threads_per_core;
	uint32_t core = cpu % topo_cpus_per_llc(t) / t->threads_per_core;
	uint32_t llc = cpu / topo_cpus_per_llc(t), package;
	unsigned first = llc, count;

	assert(cpu < topo_possible_cpus(t));
	if (llc < t->llcs) {
		package_of(t, llc, &first, &count);
		package = package_number(t, llc);
	} else {
		/* CPUs that may come one day come in packages of their own, each full */
		llc -= t->llcs;
		package = topo_packages(t) + (llc >> topo_llc_bits(t));
		first = llc & ~((1u << topo_llc_bits(t)) - 1);
	}
	return ((package << topo_llc_bits(t) | (llc - first)) << topo_core_bits(t) | core)
		       << topo_thread_bits(t) | thread;
}

uint32_t topo_apic_id_max(const struct topo *t)
{
	return topo_apic_id(t, topo_possible_cpus(t) - 1);
}

/* --- memory ---------------------------------------------------------------- */

uint64_t topo_memory_claimed(const struct topo *t, unsigned *ret_sharing)
{
	uint64_t sum = 0;

	*ret_sharing = 0;
	for (unsigned i = 0; i < t->numa_nodes; i++) {
		const struct topo_node *n = topo_node(t, i);

		if (n->has_memory)
			sum += n->memory_bytes;
		else
			++*ret_sharing;
	}
	return sum;
}

int topo_split_memory(const struct topo *t, uint64_t total, uint64_t unit,
		      uint64_t node_bytes[TOPO_NODES_MAX], struct err *e)
{
	unsigned sharing, last = 0;
	uint64_t claimed = topo_memory_claimed(t, &sharing), share;

	if (total < claimed + sharing * unit || (!sharing && total != claimed))
		return err_set(e, -EINVAL, "memory: %" PRIu64 "M in all, but the NUMA nodes claim %"
			       PRIu64 "M and %u of them share what is left", total / MIB,
			       claimed / MIB, sharing);
	share = sharing ? round_down((total - claimed) / sharing, unit) : 0;
	for (unsigned i = 0; i < t->numa_nodes; i++) {
		const struct topo_node *n = topo_node(t, i);

		node_bytes[i] = n->has_memory ? n->memory_bytes : share;
		if (!n->has_memory)
			last = i;
	}
	if (sharing)
		node_bytes[last] += round_down(total - claimed - share * sharing, unit);
	return 0;
}
