/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-hwloc FILE.xml: what hwloc knows of a machine, as the lines that
 * survey_lines() takes. A program of its own, so that libhwloc is no part of
 * the binary that rides in every guest.
 */
#include <hwloc.h>
#include <hwloc/distances.h>
#include <hwloc/memattrs.h>
#include <stdbool.h>
#include <stdio.h>

/* The last cache of a PU, else its package, else the machine. */
static hwloc_obj_t last_cache(hwloc_obj_t pu)
{
	hwloc_obj_t best = NULL, o;

	for (o = pu; o; o = o->parent)
		if (hwloc_obj_type_is_dcache(o->type))
			best = o;
		else if (o->type == HWLOC_OBJ_PACKAGE && !best)
			best = o;
	return best;
}

static unsigned index_of(hwloc_obj_t o)
{
	return o ? o->logical_index : 0;
}

static unsigned long long attribute(hwloc_topology_t t, hwloc_obj_t node,
				    hwloc_memattr_id_t which)
{
	struct hwloc_location from;
	hwloc_uint64_t v;

	/* the nearest CPUs are what it is best for */
	return hwloc_memattr_get_best_initiator(t, which, node, 0, &from, &v) ? 0 : v;
}

/* Is it better for its CPUs than the other? What is not known is no better. */
static bool is_nearer(hwloc_topology_t t, hwloc_obj_t node, hwloc_obj_t other)
{
	unsigned long long a = attribute(t, node, HWLOC_MEMATTR_ID_LATENCY);

	return a && a < attribute(t, other, HWLOC_MEMATTR_ID_LATENCY);
}

/*
 * The NUMA node below o that says of itself that the PU is its own, in *best.
 * hwloc has nodes of memory alone there as well: with the PUs that are nearest
 * to them, with all of the machine's, or without any. A memory-side cache may
 * lie between.
 */
static void look_below(hwloc_topology_t t, hwloc_obj_t o, hwloc_obj_t pu, hwloc_obj_t *best)
{
	hwloc_obj_t m;

	for (m = o->memory_first_child; m; m = m->next_sibling) {
		if (m->type != HWLOC_OBJ_NUMANODE)
			look_below(t, m, pu, best);
		else if (hwloc_bitmap_isset(m->cpuset, pu->os_index) &&
			 (!*best || is_nearer(t, m, *best)))
			*best = m;
	}
}

/*
 * The nearest, which is the smallest that has it. hwloc leaves out nodes without
 * memory: a PU of such a one goes where the first PU is.
 */
static unsigned node_of(hwloc_topology_t t, hwloc_obj_t pu)
{
	hwloc_obj_t o, node = NULL;

	for (o = pu; o && !node; o = o->parent)
		look_below(t, o, pu, &node);
	if (!node && pu->prev_cousin)
		return node_of(t, hwloc_get_obj_by_type(t, HWLOC_OBJ_PU, 0));
	return node ? node->os_index : 0;
}

static void print_cpu(hwloc_topology_t t, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(t, HWLOC_OBJ_CORE, pu);

	printf("cpu %u %u %u %u %u\n", pu->os_index, node_of(t, pu),
	       index_of(last_cache(pu)), index_of(core ? core : pu),
	       index_of(hwloc_get_ancestor_obj_by_type(t, HWLOC_OBJ_PACKAGE, pu)));
}

/* A row has its node's place among all by the kernel's number, not by hwloc's. */
static unsigned row_of(hwloc_topology_t t, hwloc_obj_t node)
{
	hwloc_obj_t o = NULL;
	unsigned row = 0;

	while ((o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, o)))
		row += o->os_index < node->os_index;
	return row;
}

static void print_distances(hwloc_topology_t t)
{
	struct hwloc_distances_s *d;
	unsigned n = 1;

	if (hwloc_distances_get_by_type(t, HWLOC_OBJ_NUMANODE, &n, &d,
					HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) || !n)
		return;
	for (unsigned i = 0; i < d->nbobjs; i++)
		for (unsigned j = 0; j < d->nbobjs; j++)
			printf("distance %u %u %llu\n", row_of(t, d->objs[i]),
			       row_of(t, d->objs[j]),
			       (unsigned long long)d->values[i * d->nbobjs + j]);
	hwloc_distances_release(t, d);
}

static void print_node(hwloc_topology_t t, hwloc_obj_t node)
{
	hwloc_obj_t cache = node->parent;

	printf("node %u %d\n", node->os_index, node->attr->numanode.local_memory > 0);
	printf("access %u %llu %llu\n", node->os_index,
	       attribute(t, node, HWLOC_MEMATTR_ID_LATENCY),
	       attribute(t, node, HWLOC_MEMATTR_ID_BANDWIDTH));
	if (cache && cache->type == HWLOC_OBJ_MEMCACHE)
		printf("cache %u %llu %u %d\n", node->os_index,
		       (unsigned long long)cache->attr->cache.size, cache->attr->cache.linesize,
		       cache->attr->cache.associativity == 1);
}

int main(int argc, char **argv)
{
	hwloc_topology_t t;
	hwloc_obj_t o = NULL;

	if (argc != 2 || hwloc_topology_init(&t)) {
		fprintf(stderr, "usage: ktstr-hwloc FILE.xml\n");
		return 64;
	}
	if (hwloc_topology_set_xml(t, argv[1]) ||
	    hwloc_topology_set_type_filter(t, HWLOC_OBJ_MEMCACHE, HWLOC_TYPE_FILTER_KEEP_ALL) ||
	    hwloc_topology_load(t)) {
		fprintf(stderr, "hwloc does not take this file\n");
		return 1;
	}
	while ((o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, o)))
		print_node(t, o);
	o = NULL;
	while ((o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_PU, o)))
		print_cpu(t, o);
	print_distances(t);
	hwloc_topology_destroy(t);
	return 0;
}
