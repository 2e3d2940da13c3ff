/* SPDX-License-Identifier: GPL-2.0-only */
/* The ACPI tables of a shape as files, for iasl and for people. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "cli/topo.h"
#include "loop/board.h"
#include "mm/mm.h"
#include "vcpu/topo.h"

/* Of a machine whose shape claims less. */
#define MEMORY_BYTES GIB
#define PHYS_BITS 52

/* It has no header, so that iasl does not take its file for a table's. */
static bool is_root_pointer(const struct boot_acpi_table *t)
{
	return !strcmp(t->name, "RSDP");
}

/* How many, without the root pointer. */
static int write_tables(const char *dir, const struct boot_acpi *acpi, struct err *e)
{
	int n = 0;

	for (unsigned i = 0; i < acpi->tables; i++) {
		const struct boot_acpi_table *t = &acpi->table[i];
		char path[512];
		int r;

		snprintf(path, sizeof(path), "%s/%s.%s", dir, t->name,
			 is_root_pointer(t) ? "bin" : "dat");
		r = file_write_atomic(path, acpi->bytes.data + t->offset, t->bytes, 0644, e);
		if (r < 0)
			return r;
		n += !is_root_pointer(t);
	}
	return n;
}

int topo_dump_acpi(const struct topo *t, const char *dir, struct err *e)
{
	_cleanup_(boot_acpi_fini) struct boot_acpi acpi = { 0 };
	unsigned sharing;
	uint64_t claimed = topo_memory_claimed(t, &sharing);
	uint64_t bytes = sharing ? claimed + MEMORY_BYTES : claimed;
	struct boot_machine mc;
	struct mm_layout memory;
	int r;

	if ((r = board_layout(t, bytes, true, PHYS_BITS, &memory, e)) < 0)
		return r;
	mc = board_describe(t, &memory);
	r = boot_acpi_build(&mc, BOOT_GPA_ACPI, &acpi, e);
	if (r < 0)
		return r;
	/* with its parents, a mistyped path would become a tree */
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "mkdir %s", dir);
	return write_tables(dir, &acpi, e);
}
