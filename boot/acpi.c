/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables: the root pointer, the list of tables, and the FADT. Section
 * numbers are of ACPI 6.4.
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
#include "boot/acpi_private.h"

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

static uint8_t checksum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum += *p++;
	return (uint8_t)-sum;
}

/* What follows is a table of this name. Its offset. */
static size_t note(struct boot_acpi *t, const char *name)
{
	assert(t->tables < BOOT_ACPI_TABLES_MAX);
	t->table[t->tables] = (struct boot_acpi_table){ .offset = t->bytes.len };
	memcpy(t->table[t->tables].name, name, 4);
	return t->table[t->tables++].offset;
}

/* The last table ends here. */
static void note_end(struct boot_acpi *t)
{
	struct boot_acpi_table *last = &t->table[t->tables - 1];

	last->bytes = t->bytes.len - last->offset;
}

/* A table begins; its length and its checksum come with table_end(). Its offset. */
static size_t table_begin(struct boot_acpi *t, const char *sig, uint8_t revision)
{
	struct buf *out = &t->bytes;
	size_t at;

	buf_align(out, 8);
	at = note(t, sig);
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

static void table_end(struct boot_acpi *t)
{
	const struct boot_acpi_table *last = &t->table[t->tables - 1];
	uint8_t *p;

	note_end(t);
	if (!buf_ok(&t->bytes))
		return;
	p = t->bytes.data + last->offset;
	for (unsigned i = 0; i < 4; i++)
		p[HEADER_LENGTH + i] = (uint8_t)(last->bytes >> (8 * i));
	p[HEADER_CHECKSUM] = checksum(p, last->bytes);
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
static size_t add_facs(struct boot_acpi *t)
{
	struct buf *out = &t->bytes;
	size_t at;

	buf_align(out, 64);
	at = note(t, "FACS");
	buf_add(out, "FACS", 4);
	buf_le32(out, 64);
	buf_add_zero(out, 24);
	buf_u8(out, 2);			/* version */
	buf_add_zero(out, 31);
	note_end(t);
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

static void add_fadt(struct boot_acpi *t, const struct boot_machine *mc, uint32_t facs,
		     uint32_t dsdt)
{
	size_t at = table_begin(t, "FACP", 6);
	struct buf *out = &t->bytes;

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
	table_end(t);
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

/* The tables that need no address of others, in the order of the XSDT. */
static const struct {
	const char *sig;
	uint8_t revision;
	bool (*has)(const struct boot_machine *mc);	/* NULL: always */
	void (*add)(struct buf *out, const struct boot_machine *mc);
} listed[] = {
	{ "APIC", 5, NULL, acpi_add_madt },
	{ "SRAT", 3, acpi_has_srat, acpi_add_srat },
	{ "SLIT", 1, acpi_has_slit, acpi_add_slit },
	{ "HMAT", 2, acpi_has_hmat, acpi_add_hmat },
};

/* FADT and all that follow it. */
static size_t add_xsdt(struct boot_acpi *t, uint64_t gpa, unsigned fadt)
{
	unsigned end = t->tables;
	size_t at = table_begin(t, "XSDT", 1);

	for (unsigned i = fadt; i < end; i++)
		buf_le64(&t->bytes, gpa + t->table[i].offset);
	table_end(t);
	return at;
}

int boot_acpi_build(const struct boot_machine *mc, uint64_t gpa, struct boot_acpi *ret,
		    struct err *e)
{
	struct boot_acpi *t = ret;
	size_t facs, dsdt, xsdt;
	unsigned fadt;

	/* offsets are aligned instead of addresses; the FADT has 32 bits for some */
	assert(gpa % 64 == 0 && gpa < UINT32_MAX / 2);
	*t = (struct boot_acpi){ 0 };
	note(t, "RSDP");
	buf_add_zero(&t->bytes, RSDP_BYTES);
	note_end(t);
	facs = add_facs(t);
	dsdt = table_begin(t, "DSDT", 2);
	acpi_add_dsdt(&t->bytes, mc);
	table_end(t);
	fadt = t->tables;
	add_fadt(t, mc, (uint32_t)(gpa + facs), (uint32_t)(gpa + dsdt));
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++) {
		if (listed[i].has && !listed[i].has(mc))
			continue;
		table_begin(t, listed[i].sig, listed[i].revision);
		listed[i].add(&t->bytes, mc);
		table_end(t);
	}
	xsdt = add_xsdt(t, gpa, fadt);
	if (!buf_ok(&t->bytes))
		return err_sys(e, -ENOMEM, "ACPI tables");
	put_rsdp(t->bytes.data, gpa + xsdt);
	return 0;
}

void boot_acpi_fini(struct boot_acpi *a)
{
	buf_fini(&a->bytes);
}
