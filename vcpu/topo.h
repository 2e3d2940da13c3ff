/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_TOPO_H
#define KTSTR_VCPU_TOPO_H
/*
 * The shape of the guest: NUMA nodes hold LLCs and memory, LLCs hold cores,
 * cores hold threads. CPU ids run thread fastest, then core, then LLC; nodes
 * own consecutive LLCs.
 *
 * As text, a shape is what --topology takes:
 *
 *   SHAPE = (PRESET | N,L,C,T | NnLlCcTt) { "/" PART }
 *   PART  = node:SPEC         one for each node, in order (--numa SPEC)
 *         | distances:MATRIX  --distances
 *         | package:WHAT      --package llc|node|Nnodes|all
 *         | possible:COUNT    --max-cpus
 *         | offline:CPULIST   --offline-cpus
 *         | no-srat           the tables do not tell nodes: a kernel without NUMA
 *   SPEC  = llcs=2,mem=512M,latency=100ns,bandwidth=50G,cache=1G:direct:wb:64
 *   MATRIX = 10,20;20,10      rows
 *
 * Where LLCs are fewer than nodes, each LLC spans several of them.
 *
 * Pure values. Thread: any.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpulist.h"

struct buf;
struct err;

#define TOPO_CPUS_MAX 512
#define TOPO_NODES_MAX 64
/* What an MSI can be sent to without interrupt remapping (KVM's and Hyper-V's 15 bits). */
#define TOPO_APIC_ID_MAX 0x7fffu
/* Borders of guest memory are multiples of it (mm/mm.h, MM_ALIGN). */
#define TOPO_MEMORY_UNIT (UINT64_C(2) << 20)
/* Of a node or a cache: more than any machine has, and sums of it fit. */
#define TOPO_MEMORY_MAX (UINT64_C(1) << 50)
static_assert(TOPO_CPUS_MAX <= CPULIST_MAX, "a list of CPUs has room for all");

/* SLIT's values (ACPI 6.4, 5.2.17); 255 would say that a node cannot be reached. */
#define TOPO_DISTANCE_LOCAL 10
#define TOPO_DISTANCE_REMOTE 20
#define TOPO_DISTANCE_MAX 254

/* What HMAT says of a node that does not: DRAM, and memory without CPUs (CXL). */
#define TOPO_DRAM_LATENCY_NS 100
#define TOPO_DRAM_BANDWIDTH_MBS (50 * 1024)
#define TOPO_CXL_LATENCY_NS 300
#define TOPO_CXL_BANDWIDTH_MBS (20 * 1024)
/* Linux takes latencies of up to 4.29 ms from HMAT, where a distance makes it more. */
#define TOPO_LATENCY_MAX_NS 1000000u
#define TOPO_BANDWIDTH_MAX_MBS 10000000u

/* The values are those of HMAT's memory side cache structure (5.2.27.5). */
enum topo_assoc { TOPO_ASSOC_NONE, TOPO_ASSOC_DIRECT, TOPO_ASSOC_COMPLEX, TOPO_ASSOC_COUNT };
enum topo_write { TOPO_WRITE_NONE, TOPO_WRITE_BACK, TOPO_WRITE_THROUGH, TOPO_WRITE_COUNT };

/* A cache in front of a node's memory. */
struct topo_cache {
	uint64_t size_bytes;		/* 0: there is none */
	enum topo_assoc assoc;
	enum topo_write write;
	unsigned line_bytes;
};

struct topo_node {
	bool has_llcs;			/* else its share of all */
	bool has_memory;		/* else its share of the rest */
	unsigned llcs;			/* 0: no CPUs */
	uint64_t memory_bytes;		/* a multiple of TOPO_MEMORY_UNIT; 0: none */
	unsigned latency_ns;		/* 0: not said; the same for bandwidth */
	unsigned bandwidth_mbs;		/* MiB/s */
	struct topo_cache cache;
};

/* What one processor package (socket) holds. */
enum topo_package {
	TOPO_PACKAGE_LLC,
	TOPO_PACKAGE_NODE,		/* or several: nodes_per_package */
	TOPO_PACKAGE_ALL,
	TOPO_PACKAGE_COUNT,
};

/* The first four alone are a uniform shape; all others may be zero. */
struct topo {
	unsigned numa_nodes;
	unsigned llcs;			/* in all */
	unsigned cores_per_llc;
	unsigned threads_per_core;

	enum topo_package package;
	unsigned nodes_per_package;	/* with TOPO_PACKAGE_NODE; 0: one */
	bool no_srat;
	unsigned described;		/* node[] holds this many: none or numa_nodes */
	unsigned distances;		/* rows in distance[]: none or numa_nodes */
	unsigned possible;		/* CPUs that the tables tell of; 0: those that are there */
	struct cpulist offline;		/* not online when the tests start */
	struct topo_node node[TOPO_NODES_MAX];
	uint8_t distance[TOPO_NODES_MAX][TOPO_NODES_MAX];
};

/* Initializer of a uniform shape. */
#define TOPO(n, l, c, t) \
	{ .numa_nodes = (n), .llcs = (l), .cores_per_llc = (c), .threads_per_core = (t) }
#define TOPO_DEFAULT TOPO(1, 1, 2, 1)

/* --- text: topo_text.c ----------------------------------------------------- */

/* A whole shape, checked. -EINVAL with the rule that is broken and the value. */
int topo_parse(const char *s, struct topo *ret, struct err *e);

/*
 * The same for a shape that other parts may yet complete: only its four numbers
 * are checked.
 */
int topo_parse_unchecked(const char *s, struct topo *ret, struct err *e);

/*
 * One part, as its option takes it: "node", "distances", "package", "possible",
 * "offline". The whole is to be checked by topo_check() behind the last.
 */
int topo_parse_part(struct topo *t, const char *part, const char *value, struct err *e);

/* --- back to text: topo_format.c ------------------------------------------- */

#define TOPO_TEXT_MAX 48
/* "2n4l4c2t": the four numbers alone. */
void topo_format(const struct topo *t, char text[TOPO_TEXT_MAX]);
/* As text has them. */
const char *topo_package_name(enum topo_package package);
const char *topo_assoc_name(enum topo_assoc assoc);
const char *topo_write_name(enum topo_write policy);
/* And back; TOPO_..._COUNT: there is no such word. */
enum topo_package topo_package_find(const char *s);
enum topo_assoc topo_assoc_find(const char *s);
enum topo_write topo_write_find(const char *s);
/* The whole shape: topo_parse() makes the same of it. */
void topo_format_whole(const struct topo *t, struct buf *out);

/* --- presets: topo_presets.c ----------------------------------------------- */

struct topo_preset {
	const char *name;
	const char *shape;		/* as text, without a preset's name */
	const char *about;		/* what it is for, or which bug it finds */
	bool zoo;			/* shapes that broke real schedulers */
};

const struct topo_preset *topo_presets(size_t *ret_count);
const struct topo_preset *topo_preset_find(const char *name);

/* --- rules and queries: topo.c --------------------------------------------- */

/* Each number by itself. */
int topo_check_numbers(const struct topo *t, struct err *e);
/* All rules. What follows wants a shape that keeps them, and cpu < topo_cpus(). */
int topo_check(const struct topo *t, struct err *e);

unsigned topo_cpus(const struct topo *t);
/* Without those that are taken offline. */
unsigned topo_online_cpus(const struct topo *t);
/* CPUs that are there and those that the tables only tell of. */
unsigned topo_possible_cpus(const struct topo *t);
unsigned topo_cpu_node(const struct topo *t, unsigned cpu);
unsigned topo_cpu_llc(const struct topo *t, unsigned cpu);
/* Counted within the package, as the guest's core ids are. */
unsigned topo_cpu_core(const struct topo *t, unsigned cpu);
unsigned topo_cpu_package(const struct topo *t, unsigned cpu);
/* How many CPUs the package of this one has. */
unsigned topo_package_cpus(const struct topo *t, unsigned cpu);
unsigned topo_packages(const struct topo *t);
unsigned topo_cpus_per_llc(const struct topo *t);

unsigned topo_node_cpus(const struct topo *t, unsigned node);
/* What node[] says, or what holds for a node of which nothing was said. */
const struct topo_node *topo_node(const struct topo *t, unsigned node);
unsigned topo_node_latency_ns(const struct topo *t, unsigned node);
unsigned topo_node_bandwidth_mbs(const struct topo *t, unsigned node);
uint8_t topo_distance(const struct topo *t, unsigned from, unsigned to);

/* Bytes that nodes claim for themselves; *ret_sharing is how many take a share of the rest. */
uint64_t topo_memory_claimed(const struct topo *t, unsigned *ret_sharing);
/*
 * Split total bytes (a multiple of unit) over the nodes: the claims, then equal
 * shares in units, the remainder to the last that shares. -EINVAL with the
 * numbers when total is less than the claims and a unit for each that shares,
 * or differs from the claims where no node shares.
 */
int topo_split_memory(const struct topo *t, uint64_t total, uint64_t unit,
		      uint64_t node_bytes[TOPO_NODES_MAX], struct err *e);

/*
 * APIC id of a CPU, package | LLC | core | thread, each field as wide as its
 * count needs (Intel SDM vol. 3, 9.9.1). Defined for all possible CPUs.
 */
uint32_t topo_apic_id(const struct topo *t, unsigned cpu);
uint32_t topo_apic_id_max(const struct topo *t);
unsigned topo_thread_bits(const struct topo *t);
unsigned topo_core_bits(const struct topo *t);
/* LLCs within a package: 0 when an LLC is one. */
unsigned topo_llc_bits(const struct topo *t);

#endif
