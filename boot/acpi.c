/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables: RSDP -> XSDT -> FADT (-> FACS, DSDT), MADT. Section numbers are
 * of ACPI 6.4.
 *
 * Not the hardware-reduced profile: with that Linux leaves out the ISA
 * interrupts, and a kernel without 8250_PNP would poll its UARTs. So there are
 * fixed PM1 registers, but no SMI command (ACPI mode is on), no PM timer, no
 * fixed buttons, no GPEs. The guest is told that there is no RTC, no VGA and
 * no keyboard controller: looking for an RTC that is not there costs a second.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "boot/aml.h"
#include "boot/boot.h"
#include "vcpu/topo.h"

#define LAPIC_GPA 0xfee00000u
#define IOAPIC_GPA 0xfec00000u
#define ISA_IRQS 16

/* Offsets in the system description table header (5.2.6). */
#define HEADER_LENGTH 4
#define HEADER_CHECKSUM 9
#define RSDP_BYTES 36

/* FADT (5.2.9): fixed feature flags and IA-PC boot architecture flags. */
enum fadt_flags {
	FADT_WBINVD = 1 << 0,		/* must be set */
	FADT_PROC_C1 = 1 << 2,		/* HLT works on all CPUs */
	FADT_NO_PWR_BUTTON = 1 << 4,
	FADT_NO_SLP_BUTTON = 1 << 5,
	FADT_NO_FIX_RTC = 1 << 6,
	FADT_RESET_REG = 1 << 10,
};

enum iapc_flags {
	IAPC_LEGACY_DEVICES = 1 << 0,	/* the UARTs are on the ISA bus; bit 1 clear: no 8042 */
	IAPC_NO_VGA = 1 << 2,
	IAPC_NO_RTC = 1 << 5,
};

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
	/* MPS INTI flags (table 5.26) */
	INTI_BUS = 0,
	INTI_EDGE_HIGH = 0x5,
	INTI_LEVEL_HIGH = 0xd,
};

static uint8_t checksum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum += *p++;
	return (uint8_t)-sum;
}

/* A table begins: its offset. The length and the checksum come with table_end(). */
static size_t table_begin(struct buf *out, const char sig[4], uint8_t revision)
{
	size_t at;

	buf_align(out, 8);
	at = out->len;
	buf_add(out, sig, 4);
	buf_le32(out, 0);		/* length */
	buf_u8(out, revision);
	buf_u8(out, 0);			/* checksum */
	buf_add(out, "KTSTR ", 6);
	buf_add(out, "KTSTRTBL", 8);
	buf_le32(out, 1);		/* OEM revision */
	buf_add(out, "KTST", 4);	/* creator */
	buf_le32(out, 1);
	return at;
}

static void table_end(struct buf *out, size_t at)
{
	size_t n = out->len - at;

	if (!buf_ok(out))
		return;
	for (unsigned i = 0; i < 4; i++)
		out->data[at + HEADER_LENGTH + i] = (uint8_t)(n >> (8 * i));
	out->data[at + HEADER_CHECKSUM] = checksum(out->data + at, n);
}

/* Generic address structure (5.2.3.2): bits wide I/O ports; port 0: none. */
static void add_gas_io(struct buf *out, uint16_t port, uint8_t bits, uint8_t access)
{
	if (!port) {
		buf_add_zero(out, 12);
		return;
	}
	buf_u8(out, 1);			/* system I/O */
	buf_u8(out, bits);
	buf_u8(out, 0);			/* bit offset */
	buf_u8(out, access);		/* 1 byte, 2 word, 3 dword */
	buf_le64(out, port);
}

/* Firmware ACPI control structure (5.2.10): no header checksum, 64-byte aligned. */
static size_t add_facs(struct buf *out)
{
	size_t at;

	buf_align(out, 64);
	at = out->len;
	buf_add(out, "FACS", 4);
	buf_le32(out, 64);
	buf_add_zero(out, 24);
	buf_u8(out, 2);			/* version */
	buf_add_zero(out, 31);
	return at;
}

/* A 16550 (PNP0501) with its eight ports and its interrupt. */
static void add_uart(struct aml *a, const char *name, unsigned uid, uint16_t port, unsigned irq)
{
	aml_device_begin(a, name);
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0501");
	aml_name(a, "_UID");
	aml_int(a, uid);
	aml_name(a, "_CRS");
	aml_resources_begin(a);
	aml_io(a, port, 8);
	aml_irq(a, irq);
	aml_resources_end(a);
	aml_end(a);
}

static size_t add_dsdt(struct buf *out)
{
	size_t at = table_begin(out, "DSDT", 2);
	struct aml a;

	aml_init(&a, out);
	/* soft off: what to put in SLP_TYP of PM1a and PM1b (7.4.2) */
	aml_name(&a, "\\_S5");
	aml_package_begin(&a, 4);
	aml_int(&a, BOOT_SLP_TYP_S5);
	aml_int(&a, BOOT_SLP_TYP_S5);
	aml_int(&a, 0);
	aml_int(&a, 0);
	aml_end(&a);
	aml_scope_begin(&a, "\\_SB");
	add_uart(&a, "COM1", 1, 0x3f8, 4);
	add_uart(&a, "COM2", 2, 0x2f8, 3);
	aml_end(&a);
	table_end(out, at);
	return at;
}

/* The FADT up to offset 116: the fields of ACPI 1.0, in their order. */
static void add_fadt_fixed(struct buf *out, const struct boot_machine *mc, uint32_t facs,
			   uint32_t dsdt)
{
	buf_le32(out, facs);
	buf_le32(out, dsdt);
	buf_u8(out, 0);
	buf_u8(out, 0);			/* preferred profile: unspecified */
	buf_le16(out, (uint16_t)mc->sci_gsi);
	buf_le32(out, 0);		/* SMI_CMD: none, so ACPI mode is always on */
	buf_add_zero(out, 4);		/* ACPI_ENABLE ... PSTATE_CNT */
	buf_le32(out, mc->pm_port);	/* PM1a_EVT_BLK */
	buf_le32(out, 0);
	buf_le32(out, mc->pm_port + 4u);	/* PM1a_CNT_BLK */
	buf_le32(out, 0);
	buf_add_zero(out, 4 * 4);	/* PM2_CNT, PM_TMR, GPE0, GPE1: none */
	buf_u8(out, 4);			/* PM1_EVT_LEN */
	buf_u8(out, 2);			/* PM1_CNT_LEN */
	buf_add_zero(out, 6);		/* other lengths, GPE1_BASE, CST_CNT */
	buf_le16(out, 101);		/* P_LVL2_LAT: above 100 means no C2 */
	buf_le16(out, 1001);		/* P_LVL3_LAT: above 1000 means no C3 */
	buf_add_zero(out, 9);		/* FLUSH_SIZE ... CENTURY */
	buf_le16(out, IAPC_LEGACY_DEVICES | IAPC_NO_VGA | IAPC_NO_RTC);
	buf_u8(out, 0);
	buf_le32(out, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_PWR_BUTTON | FADT_NO_SLP_BUTTON |
		      FADT_NO_FIX_RTC | FADT_RESET_REG);
}

static size_t add_fadt(struct buf *out, const struct boot_machine *mc, uint32_t facs,
		       uint32_t dsdt)
{
	size_t at = table_begin(out, "FACP", 6);

	add_fadt_fixed(out, mc, facs, dsdt);
	add_gas_io(out, mc->reset_port, 8, 1);
	buf_u8(out, BOOT_RESET_VALUE);
	buf_le16(out, 0);		/* ARM_BOOT_ARCH */
	buf_u8(out, 4);			/* minor version: 6.4 */
	buf_le64(out, 0);		/* X_FIRMWARE_CTRL: only one of the two may be set */
	buf_le64(out, dsdt);
	add_gas_io(out, mc->pm_port, 32, 2);		/* X_PM1a_EVT_BLK */
	add_gas_io(out, 0, 0, 0);
	add_gas_io(out, (uint16_t)(mc->pm_port + 4), 16, 2);	/* X_PM1a_CNT_BLK */
	for (unsigned i = 0; i < 5; i++)	/* PM1b_CNT, PM2_CNT, PM_TMR, GPE0, GPE1 */
		add_gas_io(out, 0, 0, 0);
	add_gas_io(out, 0, 0, 0);		/* SLEEP_CONTROL, SLEEP_STATUS: reduced only */
	add_gas_io(out, 0, 0, 0);
	buf_add(out, "KTSTR\0\0\0", 8);		/* hypervisor vendor identity */
	assert(!buf_ok(out) || out->len - at == 276);
	table_end(out, at);
	return at;
}

/* Ids that do not fit in a byte (255 means all) need the x2APIC structure (5.2.12.12). */
static void add_madt_cpu(struct buf *out, unsigned cpu, uint32_t apic_id)
{
	if (apic_id < 255) {
		buf_u8(out, MADT_LAPIC);
		buf_u8(out, 8);
		buf_u8(out, (uint8_t)cpu);
		buf_u8(out, (uint8_t)apic_id);
		buf_le32(out, MADT_CPU_ENABLED);
		return;
	}
	buf_u8(out, MADT_X2APIC);
	buf_u8(out, 16);
	buf_le16(out, 0);
	buf_le32(out, apic_id);
	buf_le32(out, MADT_CPU_ENABLED);
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

static size_t add_madt(struct buf *out, const struct boot_machine *mc)
{
	size_t at = table_begin(out, "APIC", 5);
	unsigned cpus = topo_cpus(mc->topo);
	bool x2apic = topo_apic_id(mc->topo, cpus - 1) >= 255;

	buf_le32(out, LAPIC_GPA);
	buf_le32(out, MADT_PCAT_COMPAT);
	for (unsigned i = 0; i < cpus; i++)
		add_madt_cpu(out, i, topo_apic_id(mc->topo, i));
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
	if (x2apic) {
		buf_u8(out, MADT_X2APIC_NMI);
		buf_u8(out, 12);
		buf_le16(out, INTI_EDGE_HIGH);
		buf_le32(out, UINT32_MAX);
		buf_u8(out, 1);
		buf_add_zero(out, 3);
	}
	table_end(out, at);
	return at;
}

/* Root pointer (5.2.5.3): two checksums, over the first 20 bytes and over all. */
static void put_rsdp(uint8_t p[RSDP_BYTES], uint64_t xsdt)
{
	memset(p, 0, RSDP_BYTES);
	memcpy(p, "RSD PTR ", 8);
	memcpy(p + 9, "KTSTR ", 6);
	p[15] = 2;			/* revision; the RSDT's address at 16 stays 0 */
	p[20] = RSDP_BYTES;
	for (unsigned i = 0; i < 8; i++)
		p[24 + i] = (uint8_t)(xsdt >> (8 * i));
	p[8] = checksum(p, 20);
	p[32] = checksum(p, RSDP_BYTES);
}

int boot_acpi_build(const struct boot_machine *mc, uint64_t gpa, struct buf *out, struct err *e)
{
	size_t start = out->len, facs, dsdt, fadt, madt, xsdt;

	/* offsets are aligned instead of addresses; the FADT has 32 bits for some */
	assert(start == 0 && gpa % 64 == 0 && gpa < UINT32_MAX / 2);
	buf_add_zero(out, RSDP_BYTES);
	facs = add_facs(out);
	dsdt = add_dsdt(out);
	fadt = add_fadt(out, mc, (uint32_t)(gpa + facs), (uint32_t)(gpa + dsdt));
	madt = add_madt(out, mc);
	xsdt = table_begin(out, "XSDT", 1);
	buf_le64(out, gpa + fadt);
	buf_le64(out, gpa + madt);
	table_end(out, xsdt);
	if (!buf_ok(out))
		return err_sys(e, -ENOMEM, "ACPI tables");
	put_rsdp(out->data, gpa + xsdt);
	return 0;
}
