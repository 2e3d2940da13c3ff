/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SRAT and SLIT: which CPUs and which memory belong to which node, and how far
 * nodes are from each other. Memory comes from the layout that memslots and
 * e820 come from, too.
 *
 * Linux numbers its nodes in the order in which it meets their domains: first
 * those of CPUs and of generic initiators, as they stand in the table, then
 * those of memory (acpi_numa_init(), Linux 5.10 to 6.12). A node of memory
 * alone would so come behind all others, and one of nothing never. Where that
 * would change a number, the node has a generic initiator.
 */
#include "base/util.h"
#include "boot/acpi_private.h"
#include "mm/mm.h"
#include "vcpu/topo.h"

/* 5.2.16 */
enum srat_type {
	SRAT_MEMORY = 1,
	SRAT_X2APIC = 2,
	SRAT_INITIATOR = 5,
};

enum srat_flags {
	SRAT_ENABLED = 1,		/* the same bit in all three */
	SRAT_HANDLE_ACPI = 0,		/* what a device is named by: HID and UID */
};

bool acpi_node_has_memory(const struct boot_machine *mc, unsigned node)
{
	const struct mm_layout *l = mc->memory;

	for (unsigned i = 0; i < l->count; i++)
		if (l->region[i].kind == MM_RAM && l->region[i].node == node)
			return true;
	return false;
}

bool acpi_node_is_initiator(const struct boot_machine *mc, unsigned node)
{
	if (topo_node_cpus(mc->topo, node))
		return false;
	if (!acpi_node_has_memory(mc, node))
		return true;
	for (unsigned i = node + 1; i < mc->topo->numa_nodes; i++)
		if (topo_node_cpus(mc->topo, i) || !acpi_node_has_memory(mc, i))
			return true;
	return false;
}

/* 5.2.16.3 */
static void add_cpu(struct buf *out, uint32_t domain, uint32_t apic_id)
{
	buf_u8(out, SRAT_X2APIC);
	buf_u8(out, 24);
	buf_le16(out, 0);
	buf_le32(out, domain);
	buf_le32(out, apic_id);
	buf_le32(out, SRAT_ENABLED);
	buf_le32(out, 0);		/* clock domain */
	buf_le32(out, 0);
}

/* 5.2.16.6 */
static void add_initiator(struct buf *out, uint32_t domain)
{
	buf_u8(out, SRAT_INITIATOR);
	buf_u8(out, 32);
	buf_u8(out, 0);
	buf_u8(out, SRAT_HANDLE_ACPI);
	buf_le32(out, domain);
	buf_add(out, ACPI_NODE_HID, 8);
	buf_le32(out, domain);		/* _UID */
	buf_le32(out, 0);
	buf_le32(out, SRAT_ENABLED);
	buf_le32(out, 0);
}

/* 5.2.16.2 */
static void add_memory(struct buf *out, const struct mm_region *r)
{
	buf_u8(out, SRAT_MEMORY);
	buf_u8(out, 40);
	buf_le32(out, r->node);
	buf_le16(out, 0);
	buf_le64(out, r->gpa);
	buf_le64(out, r->size);
	buf_le32(out, 0);
	buf_le32(out, SRAT_ENABLED);
	buf_le64(out, 0);
}

bool acpi_has_srat(const struct boot_machine *mc)
{
	return !mc->topo->no_srat;
}

/* CPUs that may come one day are of no node yet. */
void acpi_add_srat(struct buf *out, const struct boot_machine *mc)
{
	const struct topo *t = mc->topo;
	const struct mm_layout *l = mc->memory;
	unsigned cpu = 0;

	buf_le32(out, 1);		/* reserved, 1 for old readers */
	buf_le64(out, 0);
	/* nodes own consecutive CPUs */
	for (unsigned node = 0; node < t->numa_nodes; node++) {
		for (unsigned n = topo_node_cpus(t, node); n; n--, cpu++)
			add_cpu(out, node, topo_apic_id(t, cpu));
		if (acpi_node_is_initiator(mc, node))
			add_initiator(out, node);
	}
	for (unsigned i = 0; i < l->count; i++)
		if (l->region[i].kind == MM_RAM)
			add_memory(out, &l->region[i]);
}

bool acpi_has_slit(const struct boot_machine *mc)
{
	return acpi_has_srat(mc) && mc->topo->numa_nodes > 1;
}

/* 5.2.17 */
void acpi_add_slit(struct buf *out, const struct boot_machine *mc)
{
	unsigned n = mc->topo->numa_nodes;

	buf_le64(out, n);
	for (unsigned from = 0; from < n; from++)
		for (unsigned to = 0; to < n; to++)
			buf_u8(out, topo_distance(mc->topo, from, to));
}
