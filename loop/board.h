/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_BOARD_H
#define KTSTR_LOOP_BOARD_H
/*
 * What the board of a shape looks like: where its memory lies, and what its
 * tables say. Pure, so that tables can be shown without a machine.
 * Thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

#include "boot/tables.h"

struct err;
struct mm_layout;
struct topo;

/*
 * Memory of all nodes (memory_bytes, a multiple of 2 MiB, split as the shape
 * says) and the ring behind it. -EINVAL or -E2BIG with the rule.
 */
int board_layout(const struct topo *t, uint64_t memory_bytes, bool ring, unsigned phys_bits,
		 struct mm_layout *ret, struct err *e);

/* For boot_acpi_build() and boot_mptable_build(). Borrows both. */
struct boot_machine board_describe(const struct topo *t, const struct mm_layout *memory);

#endif
