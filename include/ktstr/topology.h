/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TOPOLOGY_H
#define KTSTR_TOPOLOGY_H
/*
 * The shape of a guest: NUMA nodes hold last-level caches (LLCs) and memory,
 * LLCs hold cores, cores hold threads. CPU numbers run thread fastest, then
 * core, then LLC; nodes own consecutive LLCs. Where LLCs are fewer than
 * nodes, each spans several of them.
 *
 * As text a shape is what --topology takes: "1n2l4c2t", "1,2,4,2", a preset of
 * 'ktstr list --topologies', each with parts behind slashes:
 * "2n3l2c2t/node:llcs=2,mem=1G/node:llcs=1" (ktstr(1)).
 *
 * A handle is never changed after it was made. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef KTSTR_API
#define KTSTR_API __attribute__((visibility("default")))
#endif

struct ktstr_topology;

/*
 * NULL when a rule is broken or memory is out; why (may be NULL) then names
 * the rule and the value.
 */
KTSTR_API struct ktstr_topology *ktstr_topology_parse(const char *shape, char *why,
						      size_t why_bytes);
KTSTR_API void ktstr_topology_destroy(struct ktstr_topology *t);
/* The whole shape as text that parses to the same; the caller's to free. NULL: no memory. */
KTSTR_API char *ktstr_topology_text(const struct ktstr_topology *t);

/* The presets by index: name and shape; NULL behind the last. Not to be freed. */
KTSTR_API const char *ktstr_topology_preset(size_t index, const char **ret_shape);

KTSTR_API unsigned ktstr_topology_nodes(const struct ktstr_topology *t);
KTSTR_API unsigned ktstr_topology_llcs(const struct ktstr_topology *t);
KTSTR_API unsigned ktstr_topology_packages(const struct ktstr_topology *t);
KTSTR_API unsigned ktstr_topology_threads_per_core(const struct ktstr_topology *t);
KTSTR_API unsigned ktstr_topology_cores_per_llc(const struct ktstr_topology *t);
/* CPUs that are there; and those with them that the tables only tell of. */
KTSTR_API unsigned ktstr_topology_cpus(const struct ktstr_topology *t);
KTSTR_API unsigned ktstr_topology_possible_cpus(const struct ktstr_topology *t);

/* Of a CPU below ktstr_topology_cpus(); UINT_MAX for any other. Numbered from 0 in all. */
KTSTR_API unsigned ktstr_topology_cpu_node(const struct ktstr_topology *t, unsigned cpu);
KTSTR_API unsigned ktstr_topology_cpu_llc(const struct ktstr_topology *t, unsigned cpu);
KTSTR_API unsigned ktstr_topology_cpu_package(const struct ktstr_topology *t, unsigned cpu);
KTSTR_API unsigned ktstr_topology_cpu_core(const struct ktstr_topology *t, unsigned cpu);
KTSTR_API unsigned ktstr_topology_cpu_thread(const struct ktstr_topology *t, unsigned cpu);
KTSTR_API unsigned ktstr_topology_cpu_apic_id(const struct ktstr_topology *t, unsigned cpu);
/* Is it taken offline before the tests start? */
KTSTR_API bool ktstr_topology_cpu_is_offline(const struct ktstr_topology *t, unsigned cpu);

/* Of a node below ktstr_topology_nodes(); 0 for any other. */
KTSTR_API unsigned ktstr_topology_node_cpus(const struct ktstr_topology *t, unsigned node);
KTSTR_API unsigned ktstr_topology_node_latency_ns(const struct ktstr_topology *t, unsigned node);
KTSTR_API unsigned ktstr_topology_node_bandwidth_mbs(const struct ktstr_topology *t,
						     unsigned node);
/* What the node claims of the guest's memory; UINT64_MAX: an equal share. */
KTSTR_API uint64_t ktstr_topology_node_memory_bytes(const struct ktstr_topology *t,
						    unsigned node);
/* The cache in front of the node's memory (HMAT): its size and its lines. 0: it has none. */
KTSTR_API uint64_t ktstr_topology_node_cache_bytes(const struct ktstr_topology *t, unsigned node);
KTSTR_API unsigned ktstr_topology_node_cache_line_bytes(const struct ktstr_topology *t,
							unsigned node);
/* Its words in a shape: "none", "direct", "complex"; "none", "wb", "wt". NULL: no cache. */
KTSTR_API const char *ktstr_topology_node_cache_assoc(const struct ktstr_topology *t,
						      unsigned node);
KTSTR_API const char *ktstr_topology_node_cache_write(const struct ktstr_topology *t,
						      unsigned node);
/* ACPI's: 10 is local. 0 when there is no such node. */
KTSTR_API unsigned ktstr_topology_distance(const struct ktstr_topology *t, unsigned from,
					   unsigned to);
/* Is the guest told of nodes at all? */
KTSTR_API bool ktstr_topology_has_numa(const struct ktstr_topology *t);

#ifdef __cplusplus
}
#endif
#endif
