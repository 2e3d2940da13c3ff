/* SPDX-License-Identifier: GPL-2.0-only */
/* Shapes for programs that embed and for tests: vcpu/topo.h behind a handle. */
#include "ktstr/topology.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "vcpu/topo.h"

struct ktstr_topology {
	struct topo topo;
};

struct ktstr_topology *ktstr_topology_parse(const char *shape, char *why, size_t why_bytes)
{
	struct ktstr_topology *t = malloc(sizeof(*t));
	struct err e = ERR_INIT;

	if (!t)
		err_set(&e, -1, "out of memory");
	else if (topo_parse(shape, &t->topo, &e) == 0)
		return t;
	if (why)
		snprintf(why, why_bytes, "%s", err_text(&e));
	free(t);
	return NULL;
}

void ktstr_topology_destroy(struct ktstr_topology *t)
{
	free(t);
}

char *ktstr_topology_text(const struct ktstr_topology *t)
{
	struct buf b = BUF_INIT;
	char *text;

	topo_format_whole(&t->topo, &b);
	text = buf_take(&b);
	buf_fini(&b);
	return text;
}

const char *ktstr_topology_preset(size_t index, const char **ret_shape)
{
	size_t count;
	const struct topo_preset *p = topo_presets(&count);

	if (index >= count)
		return NULL;
	if (ret_shape)
		*ret_shape = p[index].shape;
	return p[index].name;
}

unsigned ktstr_topology_nodes(const struct ktstr_topology *t)
{
	return t->topo.numa_nodes;
}

unsigned ktstr_topology_llcs(const struct ktstr_topology *t)
{
	return t->topo.llcs;
}

unsigned ktstr_topology_packages(const struct ktstr_topology *t)
{
	return topo_packages(&t->topo);
}

unsigned ktstr_topology_threads_per_core(const struct ktstr_topology *t)
{
	return t->topo.threads_per_core;
}

unsigned ktstr_topology_cores_per_llc(const struct ktstr_topology *t)
{
	return t->topo.cores_per_llc;
}

unsigned ktstr_topology_cpus(const struct ktstr_topology *t)
{
	return topo_cpus(&t->topo);
}

unsigned ktstr_topology_possible_cpus(const struct ktstr_topology *t)
{
	return topo_possible_cpus(&t->topo);
}

/* --- of a CPU -------------------------------------------------------------- */

static bool has_cpu(const struct ktstr_topology *t, unsigned cpu)
{
	return cpu < topo_cpus(&t->topo);
}

unsigned ktstr_topology_cpu_node(const struct ktstr_topology *t, unsigned cpu)
{
	return has_cpu(t, cpu) ? topo_cpu_node(&t->topo, cpu) : UINT_MAX;
}

unsigned ktstr_topology_cpu_llc(const struct ktstr_topology *t, unsigned cpu)
{
	return has_cpu(t, cpu) ? topo_cpu_llc(&t->topo, cpu) : UINT_MAX;
}

unsigned ktstr_topology_cpu_package(const struct ktstr_topology *t, unsigned cpu)
{
	return has_cpu(t, cpu) ? topo_cpu_package(&t->topo, cpu) : UINT_MAX;
}

unsigned ktstr_topology_cpu_core(const struct ktstr_topology *t, unsigned cpu)
{
	return has_cpu(t, cpu) ? cpu / t->topo.threads_per_core : UINT_MAX;
}

unsigned ktstr_topology_cpu_thread(const struct ktstr_topology *t, unsigned cpu)
{
	return has_cpu(t, cpu) ? cpu % t->topo.threads_per_core : UINT_MAX;
}

unsigned ktstr_topology_cpu_apic_id(const struct ktstr_topology *t, unsigned cpu)
{
	return has_cpu(t, cpu) ? topo_apic_id(&t->topo, cpu) : UINT_MAX;
}

bool ktstr_topology_cpu_is_offline(const struct ktstr_topology *t, unsigned cpu)
{
	return cpulist_has(&t->topo.offline, cpu);
}

/* --- of a node ------------------------------------------------------------- */

static bool has_node(const struct ktstr_topology *t, unsigned node)
{
	return node < t->topo.numa_nodes;
}

unsigned ktstr_topology_node_cpus(const struct ktstr_topology *t, unsigned node)
{
	return has_node(t, node) ? topo_node_cpus(&t->topo, node) : 0;
}

unsigned ktstr_topology_node_latency_ns(const struct ktstr_topology *t, unsigned node)
{
	return has_node(t, node) ? topo_node_latency_ns(&t->topo, node) : 0;
}

unsigned ktstr_topology_node_bandwidth_mbs(const struct ktstr_topology *t, unsigned node)
{
	return has_node(t, node) ? topo_node_bandwidth_mbs(&t->topo, node) : 0;
}

uint64_t ktstr_topology_node_memory_bytes(const struct ktstr_topology *t, unsigned node)
{
	const struct topo_node *n = has_node(t, node) ? topo_node(&t->topo, node) : NULL;

	if (!n)
		return 0;
	return n->has_memory ? n->memory_bytes : UINT64_MAX;
}

/* NULL: none. */
static const struct topo_cache *cache_of(const struct ktstr_topology *t, unsigned node)
{
	const struct topo_cache *c = has_node(t, node) ? &topo_node(&t->topo, node)->cache : NULL;

	return c && c->size_bytes ? c : NULL;
}

uint64_t ktstr_topology_node_cache_bytes(const struct ktstr_topology *t, unsigned node)
{
	const struct topo_cache *c = cache_of(t, node);

	return c ? c->size_bytes : 0;
}

unsigned ktstr_topology_node_cache_line_bytes(const struct ktstr_topology *t, unsigned node)
{
	const struct topo_cache *c = cache_of(t, node);

	return c ? c->line_bytes : 0;
}

const char *ktstr_topology_node_cache_assoc(const struct ktstr_topology *t, unsigned node)
{
	const struct topo_cache *c = cache_of(t, node);

	return c ? topo_assoc_name(c->assoc) : NULL;
}

const char *ktstr_topology_node_cache_write(const struct ktstr_topology *t, unsigned node)
{
	const struct topo_cache *c = cache_of(t, node);

	return c ? topo_write_name(c->write) : NULL;
}

unsigned ktstr_topology_distance(const struct ktstr_topology *t, unsigned from, unsigned to)
{
	return has_node(t, from) && has_node(t, to) ? topo_distance(&t->topo, from, to) : 0;
}

bool ktstr_topology_has_numa(const struct ktstr_topology *t)
{
	return !t->topo.no_srat;
}
