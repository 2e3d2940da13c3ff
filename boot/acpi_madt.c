/* SPDX-License-Identifier: GPL-2.0-only */
/* MADT: the CPUs, the I/O APIC and how the ISA interrupts reach it. */
#include "base/util.h"
#include "boot/acpi_private.h"
#include "vcpu/topo.h"

#define LAPIC_GPA 0xfee00000u
#define IOAPIC_GPA 0xfec00000u
#define ISA_IRQS 16

/* MADT (5.2.12) */
enum madt_type {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
};

enum madt_flags {
	MADT_PCAT_COMPAT = 1,		/* there are 8259s to mask */
	MADT_CPU_ENABLED = 1,
	MADT_CPU_ONLINE_CAPABLE = 2,	/* not there, but may come (since MADT revision 5) */
	/* MPS INTI flags (table 5.26) */
	INTI_BUS = 0,
	INTI_EDGE_HIGH = 0x5,
	INTI_LEVEL_HIGH = 0xd,
};

/* Ids that do not fit in a byte (255 means all) need the x2APIC structure (5.2.12.12). */
static void add_madt_cpu(struct buf *out, unsigned cpu, uint32_t apic_id, uint32_t flags)
{
	if (apic_id < 255) {
		buf_u8(out, MADT_LAPIC);
		buf_u8(out, 8);
		buf_u8(out, (uint8_t)cpu);
		buf_u8(out, (uint8_t)apic_id);
		buf_le32(out, flags);
		return;
	}
	buf_u8(out, MADT_X2APIC);
	buf_u8(out, 16);
	buf_le16(out, 0);
	buf_le32(out, apic_id);
	buf_le32(out, flags);
	buf_le32(out, cpu);
}

static void add_madt_override(struct buf *out, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	buf_u8(out, MADT_OVERRIDE);
	buf_u8(out, 10);
	buf_u8(out, 0);			/* bus: ISA */
	buf_u8(out, irq);
	buf_le32(out, gsi);
	buf_le16(out, flags);
}

void acpi_add_madt(struct buf *out, const struct boot_machine *mc)
{
	const struct topo *t = mc->topo;

	buf_le32(out, LAPIC_GPA);
	buf_le32(out, MADT_PCAT_COMPAT);
	for (unsigned i = 0; i < topo_possible_cpus(t); i++)
		add_madt_cpu(out, i, topo_apic_id(t, i),
			     i < topo_cpus(t) ? MADT_CPU_ENABLED : MADT_CPU_ONLINE_CAPABLE);
	buf_u8(out, MADT_IOAPIC);
	buf_u8(out, 12);
	buf_u8(out, 0);			/* id */
	buf_u8(out, 0);
	buf_le32(out, IOAPIC_GPA);
	buf_le32(out, 0);		/* its first GSI */
	/* the PIT is wired to pin 2, as on all PCs */
	add_madt_override(out, 0, 2, INTI_BUS);
	if (mc->sci_gsi < ISA_IRQS)
		add_madt_override(out, (uint8_t)mc->sci_gsi, mc->sci_gsi, INTI_LEVEL_HIGH);
	buf_u8(out, MADT_LAPIC_NMI);
	buf_u8(out, 6);
	buf_u8(out, 0xff);		/* all CPUs */
	buf_le16(out, INTI_EDGE_HIGH);
	buf_u8(out, 1);			/* LINT1 */
	if (topo_apic_id_max(t) >= 255) {
		buf_u8(out, MADT_X2APIC_NMI);
		buf_u8(out, 12);
		buf_le16(out, INTI_EDGE_HIGH);
		buf_le32(out, UINT32_MAX);
		buf_u8(out, 1);
		buf_add_zero(out, 3);
	}
}
