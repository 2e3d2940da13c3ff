/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump-acpi FOLDER SHAPE: write the ACPI tables of a machine of this shape and
 * 1 GiB, one file each, for acpi-iasl.sh. dump-acpi --presets: their names.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "loop/board.h"
#include "mm/mm.h"
#include "vcpu/topo.h"

static int write_tables(const char *dir, const struct boot_acpi *acpi, struct err *e)
{
	for (unsigned i = 0; i < acpi->tables; i++) {
		const struct boot_acpi_table *t = &acpi->table[i];
		char path[512];
		int r;

		snprintf(path, sizeof(path), "%s/%s.dat", dir, t->name);
		r = file_write_atomic(path, acpi->bytes.data + t->offset, t->bytes, 0644, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dump(const char *dir, const char *shape, struct err *e)
{
	/* as many as the board could have one day */
	static const struct boot_virtio_mmio virtio[] = {
		{ 0xd0000000, 0x1000, 5 }, { 0xd0001000, 0x1000, 23 },
	};
	_cleanup_(boot_acpi_fini) struct boot_acpi acpi = { 0 };
	struct boot_machine mc;
	struct mm_layout memory;
	struct topo topo;
	int r;

	if ((r = topo_parse(shape, &topo, e)) < 0 ||
	    (r = board_layout(&topo, GIB, true, 46, &memory, e)) < 0)
		return r;
	mc = board_describe(&topo, &memory);
	mc.virtio_mmio = virtio;
	mc.virtio_mmios = ARRAY_SIZE(virtio);
	r = boot_acpi_build(&mc, BOOT_GPA_ACPI, &acpi, e);
	return r < 0 ? r : write_tables(dir, &acpi, e);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	size_t presets;
	const struct topo_preset *p = topo_presets(&presets);

	if (argc == 2 && !strcmp(argv[1], "--presets")) {
		for (size_t i = 0; i < presets; i++)
			puts(p[i].name);
		return 0;
	}
	if (argc != 3 || dump(argv[1], argv[2], &e) < 0) {
		fprintf(stderr, "usage: dump-acpi FOLDER SHAPE | --presets; %s\n", err_text(&e));
		return 64;
	}
	return 0;
}
