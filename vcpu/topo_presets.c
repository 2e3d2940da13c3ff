/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shapes with a name: a ladder of sizes, and a zoo of those in which real
 * schedulers were found broken (issues of github.com/sched-ext/scx, by number).
 */
#include <string.h>

#include "base/util.h"
#include "vcpu/topo.h"

#define SIZE(name_, shape_, about_) { .name = name_, .shape = shape_, .about = about_ }
#define ZOO(name_, shape_, about_) { .name = name_, .shape = shape_, .about = about_, .zoo = true }

static const struct topo_preset presets[] = {
	SIZE("tiny-1llc", "1n1l4c1t", "one LLC"),
	SIZE("tiny-2llc", "1n2l2c1t", "two LLCs"),
	SIZE("odd-3llc", "1n3l3c1t", "a number of LLCs that is no power of two"),
	SIZE("odd-5llc", "1n5l3c1t", "five LLCs"),
	SIZE("odd-7llc", "1n7l2c1t", "seven LLCs"),
	SIZE("smt-2llc", "1n2l2c2t", "two threads a core"),
	SIZE("smt-3llc", "1n3l2c2t", "two threads a core, three LLCs"),
	SIZE("medium-4llc", "1n4l4c2t", "32 CPUs"),
	SIZE("medium-8llc", "1n8l4c2t", "64 CPUs"),
	SIZE("large-4llc", "1n4l16c2t", "128 CPUs, large LLCs"),
	SIZE("large-8llc", "1n8l8c2t", "128 CPUs, small LLCs"),
	SIZE("near-max-llc", "1n15l8c2t", "240 CPUs"),
	SIZE("max-cpu", "1n14l9c2t", "252 CPUs: APIC ids do not fit in a byte"),
	SIZE("medium-4llc-nosmt", "1n4l8c1t", "32 CPUs, a thread a core"),
	SIZE("medium-8llc-nosmt", "1n8l8c1t", "64 CPUs, a thread a core"),
	SIZE("large-4llc-nosmt", "1n4l32c1t", "128 CPUs, large LLCs, a thread a core"),
	SIZE("large-8llc-nosmt", "1n8l16c1t", "128 CPUs, small LLCs, a thread a core"),
	SIZE("near-max-llc-nosmt", "1n15l16c1t", "240 CPUs, a thread a core"),
	SIZE("max-cpu-nosmt", "1n14l18c1t", "252 CPUs, a thread a core"),
	SIZE("numa2-4llc", "2n4l4c1t", "two NUMA nodes"),
	SIZE("numa2-8llc", "2n8l8c2t", "two NUMA nodes, 128 CPUs"),
	SIZE("numa2-8llc-nosmt", "2n8l16c1t", "two NUMA nodes, a thread a core"),
	SIZE("numa4-8llc", "4n8l4c1t", "four NUMA nodes"),
	SIZE("numa4-12llc", "4n12l8c2t", "four NUMA nodes, 192 CPUs"),

	ZOO("llc-spans-numa", "2n1l4c1t", "one LLC in two NUMA nodes (scx 981)"),
	ZOO("repeated-core-ids", "2n2l2c2t/package:node",
	    "each socket counts its cores from 0 (scx 1715, 1717)"),
	ZOO("smt4", "1n2l1c4t", "four threads a core (scx 146)"),
	ZOO("smt8", "1n1l1c8t", "eight threads a core"),
	ZOO("no-numa", "1n1l4c1t/no-srat", "the kernel is told of no NUMA nodes (scx 275)"),
	ZOO("memory-only-node", "2n1l4c1t/node:llcs=1/node:llcs=0",
	    "a node of memory without CPUs, as CXL's (scx 2988)"),
	ZOO("memoryless-node", "2n2l2c1t/node:/node:mem=0", "a node of CPUs without memory"),
	ZOO("empty-node", "3n1l4c1t/node:llcs=1/node:llcs=0,mem=0/node:llcs=0,mem=0",
	    "nodes without CPUs and memory (scx 2325)"),
	ZOO("late-cpus", "1n2l4c1t/offline:4-7", "half of the CPUs come later (scx 3434)"),
	ZOO("absent-cpus", "1n1l4c1t/possible:8", "more CPUs possible than present"),
	ZOO("cpus-512", "2n16l16c2t", "512 CPUs (scx 3129)"),
	ZOO("sub-numa", "4n8l2c1t/package:all/distances:10,12,12,12;12,10,12,12;12,12,10,12;12,12,12,10",
	    "four NUMA nodes in one socket: NPS4, sub-NUMA clustering"),
	ZOO("asymmetric-nodes", "2n3l2c2t/node:llcs=2/node:llcs=1", "nodes of different size"),
	ZOO("far-nodes", "4n4l2c1t/distances:10,16,32,32;16,10,32,32;32,32,10,16;32,32,16,10",
	    "two pairs of nodes, near and far"),
};

const struct topo_preset *topo_presets(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(presets);
	return presets;
}

const struct topo_preset *topo_preset_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++)
		if (!strcmp(name, presets[i].name))
			return &presets[i];
	return NULL;
}
