/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_ACPI_PRIVATE_H
#define KTSTR_BOOT_ACPI_PRIVATE_H
/*
 * Between the files of the ACPI tables. Each function adds what is behind the
 * header of its table. Section numbers in these files are of ACPI 6.4.
 */
#include <stdbool.h>

#include "boot/tables.h"

/* acpi_madt.c */
void acpi_add_madt(struct buf *out, const struct boot_machine *mc);

/* acpi_dsdt.c */
void acpi_add_dsdt(struct buf *out, const struct boot_machine *mc);

/* acpi_numa.c, acpi_hmat.c; whether the machine has such a table */
bool acpi_has_srat(const struct boot_machine *mc);
void acpi_add_srat(struct buf *out, const struct boot_machine *mc);
bool acpi_has_slit(const struct boot_machine *mc);
void acpi_add_slit(struct buf *out, const struct boot_machine *mc);
bool acpi_has_hmat(const struct boot_machine *mc);
void acpi_add_hmat(struct buf *out, const struct boot_machine *mc);

/* Does the node have a region of RAM? */
bool acpi_node_has_memory(const struct boot_machine *mc, unsigned node);
/*
 * A node without CPUs that Linux must be told of in other ways than by its
 * memory: a generic initiator of SRAT stands for it (acpi_numa.c has why).
 */
bool acpi_node_is_initiator(const struct boot_machine *mc, unsigned node);
/* The HID of these nodes' devices in the DSDT, and of their handles in SRAT: a module device. */
#define ACPI_NODE_HID "ACPI0004"

#endif
