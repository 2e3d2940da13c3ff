/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HMAT (5.2.27, revision 2): what CPUs of a node see of memory of another. A
 * node says the latency and bandwidth of its own memory; from elsewhere they
 * are as much worse as SLIT's distance is more than the local 10.
 *
 * Linux shows bandwidth in MiB/s and latency in ns, rounded up.
 */
#include "base/util.h"
#include "boot/acpi_private.h"
#include "vcpu/topo.h"

enum hmat_type {
	HMAT_PROXIMITY = 0,		/* memory proximity domain attributes (5.2.27.3) */
	HMAT_LOCALITY = 1,		/* system locality latency and bandwidth (5.2.27.4) */
	HMAT_CACHE = 2,			/* memory side cache (5.2.27.5) */
};

enum hmat_values {
	HMAT_INITIATOR_VALID = 1,
	HMAT_ACCESS_LATENCY = 0,
	HMAT_ACCESS_BANDWIDTH = 3,
	HMAT_ENTRY_MAX = 0xfffe,	/* behind it: cannot be reached; 0: not said */
};

#define LOCALITY_BYTES 32

/* One of the two matrices. */
struct matrix {
	uint8_t data_type;
	uint64_t unit;			/* of an entry, at least: picoseconds, or MiB/s */
	uint64_t (*value)(const struct topo *t, unsigned from, unsigned to);
};

static uint64_t latency_ps(const struct topo *t, unsigned from, unsigned to)
{
	return UINT64_C(1000) * topo_node_latency_ns(t, to) * topo_distance(t, from, to) /
	       TOPO_DISTANCE_LOCAL;
}

static uint64_t bandwidth_mbs(const struct topo *t, unsigned from, unsigned to)
{
	return (uint64_t)topo_node_bandwidth_mbs(t, to) * TOPO_DISTANCE_LOCAL /
	       topo_distance(t, from, to);
}

/* Linux takes an entry times its unit as 32 bits, and no more: 4.29 ms, 4096 TiB/s. */
static uint64_t capped(const struct matrix *m, const struct topo *t, unsigned from, unsigned to)
{
	return MIN(m->value(t, from, to), UINT32_MAX);
}

/* Nodes by what they have; how many. */
struct nodes {
	uint8_t node[TOPO_NODES_MAX];
	unsigned count;
};

static struct nodes with_cpus(const struct topo *t)
{
	struct nodes n = { 0 };

	for (unsigned i = 0; i < t->numa_nodes; i++)
		if (topo_node_cpus(t, i))
			n.node[n.count++] = (uint8_t)i;
	return n;
}

static struct nodes with_memory(const struct boot_machine *mc)
{
	struct nodes n = { 0 };

	for (unsigned i = 0; i < mc->topo->numa_nodes; i++)
		if (acpi_node_has_memory(mc, i))
			n.node[n.count++] = (uint8_t)i;
	return n;
}

/* The CPUs that a node's memory belongs to: its own, else the nearest; the first of equals. */
static unsigned nearest_initiator(const struct topo *t, const struct nodes *cpus, unsigned node)
{
	unsigned best = cpus->node[0];

	if (topo_node_cpus(t, node))
		return node;
	for (unsigned i = 1; i < cpus->count; i++)
		if (topo_distance(t, cpus->node[i], node) < topo_distance(t, best, node))
			best = cpus->node[i];
	return best;
}

/* Without the initiator Linux leaves out latency and bandwidth, whatever the matrices say. */
static void add_proximity(struct buf *out, unsigned initiator, unsigned node)
{
	buf_le16(out, HMAT_PROXIMITY);
	buf_le16(out, 0);
	buf_le32(out, 40);
	buf_le16(out, HMAT_INITIATOR_VALID);
	buf_le16(out, 0);
	buf_le32(out, initiator);
	buf_le32(out, node);
	buf_le32(out, 0);
	buf_le64(out, 0);
	buf_le64(out, 0);
}

/*
 * The unit by which the largest value fits an entry: doubled as often as it
 * takes, so that small values stay exact and large ones, round in binary, do.
 */
static uint64_t base_unit(const struct matrix *m, const struct topo *t, const struct nodes *cpus,
			  const struct nodes *memory)
{
	uint64_t most = 0, unit = m->unit;

	for (unsigned i = 0; i < cpus->count; i++)
		for (unsigned k = 0; k < memory->count; k++)
			most = MAX(most, capped(m, t, cpus->node[i], memory->node[k]));
	while (most / unit > HMAT_ENTRY_MAX)
		unit *= 2;
	return unit;
}

static void add_matrix(struct buf *out, const struct matrix *m, const struct topo *t,
		       const struct nodes *cpus, const struct nodes *memory)
{
	uint64_t unit = base_unit(m, t, cpus, memory);
	size_t entries = (size_t)cpus->count * memory->count;

	buf_le16(out, HMAT_LOCALITY);
	buf_le16(out, 0);
	buf_le32(out, (uint32_t)(LOCALITY_BYTES + 4 * (cpus->count + memory->count) +
				 2 * entries));
	buf_u8(out, 0);			/* of memory, not of a cache in front of it */
	buf_u8(out, m->data_type);
	buf_le16(out, 0);		/* minimum transfer size: none */
	buf_le32(out, cpus->count);
	buf_le32(out, memory->count);
	buf_le32(out, 0);
	buf_le64(out, unit);
	for (unsigned i = 0; i < cpus->count; i++)
		buf_le32(out, cpus->node[i]);
	for (unsigned i = 0; i < memory->count; i++)
		buf_le32(out, memory->node[i]);
	for (unsigned i = 0; i < cpus->count; i++)
		for (unsigned k = 0; k < memory->count; k++) {
			uint64_t v = capped(m, t, cpus->node[i], memory->node[k]) / unit;

			buf_le16(out, (uint16_t)MAX(v, UINT64_C(1)));
		}
}

/* A single level. */
static void add_cache(struct buf *out, unsigned node, const struct topo_cache *c)
{
	buf_le16(out, HMAT_CACHE);
	buf_le16(out, 0);
	buf_le32(out, 32);
	buf_le32(out, node);
	buf_le32(out, 0);
	buf_le64(out, c->size_bytes);
	buf_le32(out, 1 | 1 << 4 | (uint32_t)c->assoc << 8 | (uint32_t)c->write << 12 |
		      (uint32_t)c->line_bytes << 16);
	buf_le16(out, 0);
	buf_le16(out, 0);		/* SMBIOS handles */
}

/* One node needs it only if something is said of it. */
bool acpi_has_hmat(const struct boot_machine *mc)
{
	const struct topo_node *only = topo_node(mc->topo, 0);

	return acpi_has_srat(mc) &&
	       (mc->topo->numa_nodes > 1 || only->latency_ns || only->bandwidth_mbs ||
		only->cache.size_bytes);
}

void acpi_add_hmat(struct buf *out, const struct boot_machine *mc)
{
	static const struct matrix latency = { HMAT_ACCESS_LATENCY, 1000, latency_ps };
	static const struct matrix bandwidth = { HMAT_ACCESS_BANDWIDTH, 1, bandwidth_mbs };
	const struct topo *t = mc->topo;
	struct nodes cpus = with_cpus(t), memory = with_memory(mc);

	buf_le32(out, 0);
	for (unsigned i = 0; i < memory.count; i++)
		add_proximity(out, nearest_initiator(t, &cpus, memory.node[i]), memory.node[i]);
	add_matrix(out, &latency, t, &cpus, &memory);
	add_matrix(out, &bandwidth, t, &cpus, &memory);
	for (unsigned i = 0; i < memory.count; i++) {
		const struct topo_cache *c = &topo_node(t, memory.node[i])->cache;

		if (c->size_bytes)
			add_cache(out, memory.node[i], c);
	}
}
