/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_TOPO_SURVEY_H
#define KTSTR_CLI_TOPO_SURVEY_H
/*
 * What was found out about a real machine, CPU by CPU, and the shape that
 * comes nearest to it. Ids are whatever the machine calls its things.
 */
#include <stdbool.h>
#include <stdint.h>

#include "cli/topo.h"
#include "vcpu/topo.h"

struct survey_cpu {
	unsigned id;
	unsigned node, llc, core, package;
};

struct survey_node {
	unsigned id;
	bool has_memory;
	/* as its nearest CPUs see it; 0: not known */
	unsigned latency_ns, bandwidth_mbs;
	struct topo_cache cache;
};

struct survey {
	struct survey_cpu cpu[TOPO_CPUS_MAX];
	unsigned cpus;
	unsigned offline;		/* CPUs that tell nothing because they are offline */
	unsigned absent;		/* CPUs that are possible, but not there */
	struct survey_node node[TOPO_NODES_MAX];
	unsigned nodes;			/* 0: the machine tells of none */
	unsigned distances;		/* rows, by ascending ids of nodes; 0: not known */
	uint8_t distance[TOPO_NODES_MAX][TOPO_NODES_MAX];
};

/* -EINVAL when there is no such shape: too many CPUs, no memory, ... */
int survey_fit(struct survey *s, struct topo *ret, topo_note_fn *note, void *arg,
	       struct err *e);

/* A memory-side cache, if a shape can say it; nothing where bytes or line are out of range. */
void survey_set_cache(struct survey_node *n, uint64_t bytes, uint64_t line_bytes,
		      enum topo_assoc assoc, enum topo_write policy);

/* sys/devices/system below root. */
int survey_sysfs(const char *root, struct survey *ret, struct err *e);
/*
 * Lines "cpu ID NODE LLC CORE PACKAGE", "node ID MEMORY(0|1)", for a node above
 * "access ID LATENCY BANDWIDTH" and "cache ID BYTES LINE DIRECT(0|1)", and "distance
 * ROW COLUMN VALUE", as the helper for hwloc's XML prints them. Changes text.
 */
int survey_lines(char *text, struct survey *ret, struct err *e);

#endif
