/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_TABLES_H
#define KTSTR_BOOT_TABLES_H
/*
 * The tables that describe the machine to the kernel: ACPI, and the MP table
 * for kernels without it.
 *
 *   RSDP -> XSDT -> FACP -> FACS, DSDT
 *                   APIC         CPUs, I/O APIC
 *                   SRAT         which CPUs and memory belong to which node
 *                   SLIT         distances, if there are nodes to be apart
 *                   HMAT         latency, bandwidth, memory-side caches
 *
 * No PPTT: Linux reads it on arm64 and riscv only (ACPI_PPTT is selected by
 * these); on x86 CPUID tells of caches and cores.
 * Thread: any.
 */
#include <stdint.h>

#include "base/buf.h"

struct err;
struct mm_layout;
struct topo;

/* A virtio device with its registers in memory (virtio 1.1, 4.2). */
struct boot_virtio_mmio {
	uint32_t gpa, bytes;
	unsigned gsi;			/* edge, active high */
};
#define BOOT_VIRTIO_MMIO_MAX 64

/* What the machine looks like, for the tables. All borrowed. */
struct boot_machine {
	const struct topo *topo;
	const struct mm_layout *memory;	/* its regions are of topo's nodes */
	uint16_t pm_port;		/* ACPI PM1a event block (4 bytes), then PM1a control (2) */
	uint16_t reset_port;		/* a write of BOOT_RESET_VALUE resets */
	unsigned sci_gsi;
	const struct boot_virtio_mmio *virtio_mmio;
	unsigned virtio_mmios;
};

#define BOOT_RESET_VALUE 0xfe
#define BOOT_SLP_TYP_S5 5	/* SLP_TYP that \_S5 names; with SLP_EN: power off */

#define BOOT_ACPI_TABLES_MAX 10

/* One of the tables, by its signature; the root pointer goes as "RSDP". */
struct boot_acpi_table {
	char name[5];
	size_t offset, bytes;
};

/* All of them as they lie in guest memory, root pointer first. */
struct boot_acpi {
	struct buf bytes;
	struct boot_acpi_table table[BOOT_ACPI_TABLES_MAX];
	unsigned tables;
};

/*
 * To be placed at gpa (64-byte aligned). 0 or -ENOMEM; boot_acpi_fini() in any
 * case. The largest shape (512 CPUs, 64 nodes) takes less than 128 KiB.
 */
int boot_acpi_build(const struct boot_machine *mc, uint64_t gpa, struct boot_acpi *ret,
		    struct err *e);
void boot_acpi_fini(struct boot_acpi *a);

/*
 * MP floating pointer and table (Intel MP spec 1.4), at most 1 KiB: as many
 * CPUs as fit (40) of those with an APIC id below 255. Only CPUs that are
 * there, since the table knows no others.
 */
int boot_mptable_build(const struct boot_machine *mc, uint64_t gpa, struct buf *out, struct err *e);

#endif
