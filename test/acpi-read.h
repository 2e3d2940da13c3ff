/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_ACPI_READ_H
#define KTSTR_TEST_ACPI_READ_H
/* Tables of a shape, built and read back as a kernel would: by address. */
#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "boot/tables.h"
#include "mm/mm.h"
#include "test/tap.h"
#include "vcpu/topo.h"

#define ACPI_GPA 0xe0000u
#define MP_GPA 0x9fc00u
#define PM_PORT 0x600
#define RESET_PORT 0x64
#define SCI 9

/* The tables of one shape, as they lie in guest memory. */
struct tables {
	struct topo topo;
	struct mm_layout memory;
	struct boot_acpi acpi;
	struct buf mp;
};

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = bytes; i--;)
		v = v << 8 | p[i];
	return v;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += p[i];
	return s;
}

/* The tables of a shape with as much memory, and these devices. */
static struct tables build_with(const struct topo *topo, uint64_t memory_bytes,
				const struct boot_virtio_mmio *virtio, unsigned virtios)
{
	struct tables t = { .topo = *topo };
	struct boot_machine mc = {
		.topo = &t.topo, .memory = &t.memory, .pm_port = PM_PORT,
		.reset_port = RESET_PORT, .sci_gsi = SCI,
		.virtio_mmio = virtio, .virtio_mmios = virtios,
	};
	uint64_t node_bytes[TOPO_NODES_MAX];
	struct err e = ERR_INIT;

	tap_ok(topo_check(topo, &e) == 0 &&
	       topo_split_memory(topo, memory_bytes, MM_ALIGN, node_bytes, &e) == 0 &&
	       mm_layout_build(node_bytes, topo->numa_nodes, MIB, 46, &t.memory, &e) == 0,
	       "%s", err_text(&e));
	tap_ok(boot_acpi_build(&mc, ACPI_GPA, &t.acpi, &e) == 0, "%s", err_text(&e));
	tap_ok(boot_mptable_build(&mc, MP_GPA, &t.mp, &e) == 0, "%s", err_text(&e));
	return t;
}

/* By its text. */
__attribute__((unused))
static struct tables build(const char *shape, uint64_t memory_bytes)
{
	struct err e = ERR_INIT;
	struct topo t = TOPO_DEFAULT;

	tap_ok(topo_parse(shape, &t, &e) == 0, "%s: %s", shape, err_text(&e));
	return build_with(&t, memory_bytes, NULL, 0);
}

static void fini(struct tables *t)
{
	boot_acpi_fini(&t->acpi);
	buf_fini(&t->mp);
}

/* n bytes at a guest address, or a zero page when they are not all in the tables. */
static const uint8_t *at(const struct tables *t, uint64_t gpa, size_t n)
{
	static const uint8_t nothing[4096];
	bool inside = gpa >= ACPI_GPA && gpa - ACPI_GPA <= t->acpi.bytes.len &&
		      n <= t->acpi.bytes.len - (gpa - ACPI_GPA);

	tap_ok(inside, "0x%llx is outside of the tables", (unsigned long long)gpa);
	return inside ? t->acpi.bytes.data + (gpa - ACPI_GPA) : nothing;
}

/* A table with a good signature, length and checksum, and its length. */
static const uint8_t *table(const struct tables *t, uint64_t gpa, const char *sig, size_t *ret_n)
{
	const uint8_t *p = at(t, gpa, 36);
	size_t n = le(p + 4, 4);

	p = at(t, gpa, n);
	tap_ok(!memcmp(p, sig, 4), "%.4s at 0x%llx", sig, (unsigned long long)gpa);
	tap_eq(sum(p, n), 0);
	tap_ok(!memcmp(p + 10, "KTSTR KTSTRTBL", 14), "OEM ids of %.4s", sig);
	*ret_n = n;
	return p;
}

/* The table with this signature that the XSDT lists, or NULL. */
__attribute__((unused))
static const uint8_t *find_listed(const struct tables *t, const char *sig, size_t *ret_n)
{
	const uint8_t *rsdp = at(t, ACPI_GPA, 36), *xsdt;
	size_t n;

	xsdt = table(t, le(rsdp + 24, 8), "XSDT", &n);
	for (size_t i = 36; i + 8 <= n; i += 8) {
		uint64_t gpa = le(xsdt + i, 8);

		if (!memcmp(at(t, gpa, 36), sig, 4))
			return table(t, gpa, sig, ret_n);
	}
	return NULL;
}

/* The same; that there is one is part of the test. */
__attribute__((unused))
static const uint8_t *listed(const struct tables *t, const char *sig, size_t *ret_n)
{
	const uint8_t *p = find_listed(t, sig, ret_n);

	tap_ok(p, "no %.4s", sig);
	*ret_n = p ? *ret_n : 36;
	return p ? p : at(t, ACPI_GPA, 36);
}

#endif
