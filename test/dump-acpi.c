/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump-acpi FOLDER TOPOLOGY: write the ACPI tables of a machine of this shape,
 * one file each, for acpi-iasl.sh.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "vcpu/topo.h"

static int write_table(const char *dir, const char *name, const uint8_t *p, size_t n)
{
	struct err e = ERR_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/%.4s.dat", dir, name);
	if (file_write_atomic(path, p, n, 0644, &e) == 0)
		return 0;
	fprintf(stderr, "dump-acpi: %s\n", err_text(&e));
	return 1;
}

int main(int argc, char **argv)
{
	static const char *const sigs[] = { "XSDT", "FACP", "FACS", "DSDT", "APIC" };
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct topo topo;
	const struct boot_machine mc = {
		.topo = &topo, .pm_port = 0x600, .reset_port = 0x64, .sci_gsi = 9,
	};

	if (argc != 3 || topo_parse(argv[2], &topo, &e) < 0 ||
	    boot_acpi_build(&mc, BOOT_GPA_ACPI, &b, &e) < 0) {
		fprintf(stderr, "usage: dump-acpi FOLDER TOPOLOGY %s\n", err_text(&e));
		return 64;
	}
	/* tables are 8-byte aligned; none has such a word inside */
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		for (size_t at = 40; at + 8 <= b.len; at += 8) {
			uint32_t n;

			memcpy(&n, b.data + at + 4, sizeof(n));
			if (!memcmp(b.data + at, sigs[i], 4) && n <= b.len - at &&
			    write_table(argv[1], sigs[i], b.data + at, n))
				return 1;
		}
	return 0;
}
