/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-hwloc FILE.xml: what hwloc knows of a machine, as the lines that
 * survey_lines() takes. A program of its own, so that libhwloc is no part of
 * the binary that rides in every guest.
 */
#include <hwloc.h>
#include <hwloc/distances.h>
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

/*
 * The NUMA node below o that says of itself that the PU is its own. hwloc has
 * nodes of memory alone there as well, without PUs or with all of the machine's;
 * a memory side cache may lie between.
 */
static hwloc_obj_t node_below(hwloc_obj_t o, hwloc_obj_t pu)
{
	hwloc_obj_t m, found;

	for (m = o->memory_first_child; m; m = m->next_sibling) {
		if (m->type != HWLOC_OBJ_NUMANODE) {
			found = node_below(m, pu);
			if (found)
				return found;
		} else if (hwloc_bitmap_isset(m->cpuset, pu->os_index)) {
			return m;
		}
	}
	return NULL;
}

/* The nearest, which is the smallest that has it. */
static unsigned node_of(hwloc_obj_t pu)
{
	hwloc_obj_t o, node = NULL;

	for (o = pu; o && !node; o = o->parent)
		node = node_below(o, pu);
	return node ? node->os_index : 0;
}

static void print_cpu(hwloc_topology_t t, hwloc_obj_t pu)
{
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(t, HWLOC_OBJ_CORE, pu);

	printf("cpu %u %u %u %u %u\n", pu->os_index, node_of(pu),
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

int main(int argc, char **argv)
{
	hwloc_topology_t t;
	hwloc_obj_t o = NULL;

	if (argc != 2 || hwloc_topology_init(&t)) {
		fprintf(stderr, "usage: ktstr-hwloc FILE.xml\n");
		return 64;
	}
	if (hwloc_topology_set_xml(t, argv[1]) || hwloc_topology_load(t)) {
		fprintf(stderr, "hwloc does not take this file\n");
		return 1;
	}
	while ((o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, o)))
		printf("node %u %d\n", o->os_index, o->attr->numanode.local_memory > 0);
	o = NULL;
	while ((o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_PU, o)))
		print_cpu(t, o);
	print_distances(t);
	hwloc_topology_destroy(t);
	return 0;
}
