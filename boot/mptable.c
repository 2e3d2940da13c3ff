/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MP table for kernels without ACPI: Intel MultiProcessor Specification 1.4,
 * chapter 4. It lies in the last KiB below 640 KiB, where kernels look for it;
 * CPUs that do not fit are left out. Kernels with ACPI read the MADT instead.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/tables.h"
#include "vcpu/topo.h"

#define LAPIC_GPA 0xfee00000u
#define IOAPIC_GPA 0xfec00000u
#define TABLE_BYTES_MAX (BOOT_GPA_VGA - BOOT_GPA_EBDA)

enum mp_entry {
	MP_PROCESSOR,
	MP_BUS,
	MP_IOAPIC,
	MP_IO_INTERRUPT,
	MP_LOCAL_INTERRUPT,
};

enum mp_interrupt {
	MP_INT,
	MP_NMI,
	MP_SMI,
	MP_EXTINT,
};

enum mp_bytes {
	MP_POINTER_BYTES = 16,
	MP_HEADER_BYTES = 44,
	MP_PROCESSOR_BYTES = 20,
	MP_OTHER_BYTES = 8,
};

#define ISA_IRQS 16
#define APIC_VERSION 0x14		/* integrated local APIC */
#define IOAPIC_VERSION 0x11
/* bus, I/O APIC, 15 ISA interrupts (2 is the cascade of the PICs), 2 local ones */
#define OTHER_ENTRIES (1 + 1 + (ISA_IRQS - 1) + 2)
#define CPUS_MAX ((TABLE_BYTES_MAX - MP_POINTER_BYTES - MP_HEADER_BYTES - \
		   OTHER_ENTRIES * MP_OTHER_BYTES) / MP_PROCESSOR_BYTES)

static void set_checksum(uint8_t *p, size_t n, size_t at)
{
	uint8_t sum = 0;

	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum += p[i];
	p[at] = (uint8_t)-sum;
}

/* CPUs to list: the first ones, as long as their ids fit in a byte and they in the table. */
static unsigned listed_cpus(const struct topo *t)
{
	unsigned n = 0;

	while (n < topo_cpus(t) && n < CPUS_MAX && topo_apic_id(t, n) < 255)
		n++;
	return n;
}

static void add_pointer(struct buf *out, uint64_t table_gpa)
{
	buf_add(out, "_MP_", 4);
	buf_le32(out, (uint32_t)table_gpa);
	buf_u8(out, MP_POINTER_BYTES / 16);
	buf_u8(out, 4);			/* specification 1.4 */
	buf_u8(out, 0);			/* checksum */
	buf_u8(out, 0);			/* there is a table */
	buf_le32(out, 0);		/* virtual wire mode, no IMCR */
	set_checksum(out->data, MP_POINTER_BYTES, 10);
}

static void add_header(struct buf *out, unsigned cpus)
{
	buf_add(out, "PCMP", 4);
	buf_le16(out, (uint16_t)(MP_HEADER_BYTES + cpus * MP_PROCESSOR_BYTES +
				 OTHER_ENTRIES * MP_OTHER_BYTES));
	buf_u8(out, 4);
	buf_u8(out, 0);			/* checksum */
	buf_add(out, "KTSTR   ", 8);
	buf_add(out, "KTSTRTBL    ", 12);
	buf_le32(out, 0);		/* no OEM table */
	buf_le16(out, 0);
	buf_le16(out, (uint16_t)(cpus + OTHER_ENTRIES));
	buf_le32(out, LAPIC_GPA);
	buf_le32(out, 0);		/* no extended table */
}

static void add_cpu(struct buf *out, unsigned cpu, uint32_t apic_id)
{
	buf_u8(out, MP_PROCESSOR);
	buf_u8(out, (uint8_t)apic_id);
	buf_u8(out, APIC_VERSION);
	buf_u8(out, cpu == 0 ? 3 : 1);	/* usable; CPU 0 is the boot CPU */
	buf_le32(out, 0x600);		/* family 6; kernels ask CPUID */
	buf_le32(out, 0x201);		/* FPU, APIC */
	buf_le64(out, 0);
}

static void add_interrupt(struct buf *out, enum mp_entry entry, enum mp_interrupt type,
			  uint8_t irq, uint8_t apic, uint8_t pin)
{
	buf_u8(out, entry);
	buf_u8(out, type);
	buf_le16(out, 0);		/* polarity and trigger as usual on the bus */
	buf_u8(out, 0);			/* bus: ISA */
	buf_u8(out, irq);
	buf_u8(out, apic);
	buf_u8(out, pin);
}

static void add_others(struct buf *out)
{
	buf_u8(out, MP_BUS);
	buf_u8(out, 0);
	buf_add(out, "ISA   ", 6);
	buf_u8(out, MP_IOAPIC);
	buf_u8(out, 0);			/* id, as in the MADT */
	buf_u8(out, IOAPIC_VERSION);
	buf_u8(out, 1);			/* usable */
	buf_le32(out, IOAPIC_GPA);
	for (uint8_t irq = 0; irq < ISA_IRQS; irq++)
		if (irq != 2)		/* the PIT is wired to pin 2 */
			add_interrupt(out, MP_IO_INTERRUPT, MP_INT, irq, 0, irq ? irq : 2);
	add_interrupt(out, MP_LOCAL_INTERRUPT, MP_EXTINT, 0, 0xff, 0);
	add_interrupt(out, MP_LOCAL_INTERRUPT, MP_NMI, 0, 0xff, 1);
}

int boot_mptable_build(const struct boot_machine *mc, uint64_t gpa, struct buf *out, struct err *e)
{
	unsigned cpus = listed_cpus(mc->topo);

	assert(out->len == 0 && gpa % 16 == 0 && gpa < UINT32_MAX / 2);
	/* one reservation, so that nothing below can fail */
	if (!buf_reserve(out, TABLE_BYTES_MAX))
		return err_sys(e, -ENOMEM, "MP table");
	add_pointer(out, gpa + MP_POINTER_BYTES);
	add_header(out, cpus);
	for (unsigned i = 0; i < cpus; i++)
		add_cpu(out, i, topo_apic_id(mc->topo, i));
	add_others(out);
	assert(out->len <= TABLE_BYTES_MAX);
	set_checksum(out->data + MP_POINTER_BYTES, out->len - MP_POINTER_BYTES, 7);
	return 0;
}
