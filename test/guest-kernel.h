/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_GUEST_KERNEL_H
#define KTSTR_TEST_GUEST_KERNEL_H
/*
 * Guest memory as a kernel leaves it, without a guest: the image of
 * vmlinux-make.h somewhere, page tables, per-CPU areas. A case changes what it
 * wants to see go wrong.
 *
 *   gpa 0x10000     page tables of a process: upper half as the kernel's
 *       0x11000     ... its twin for user mode: maps the entry's page alone
 *       0x20000     tables that all share: text, direct map, vmalloc
 *       text_gpa    the image, 4 MiB
 *       0x2000000   per-CPU areas, 64 KiB each
 */
#include "base/err.h"
#include "mm/mm.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "test/tap.h"
#include "test/vmlinux-make.h"

#define GUEST_KERNEL_CPUS 2
#define GUEST_KERNEL_BYTES (UINT64_C(64) << 20)
#define GUEST_KERNEL_CR3 0x10000u
#define GUEST_KERNEL_USER_CR3 0x11000u
#define GUEST_KERNEL_PERCPU 0x2000000u
#define GUEST_KERNEL_PERCPU_BYTES 0x10000u
/* Two pages here map to the second per-CPU area, in reverse order. */
#define GUEST_KERNEL_VMALLOC UINT64_C(0xffffc90000000000)
#define GUEST_KERNEL_VMALLOC_GPA (GUEST_KERNEL_PERCPU + GUEST_KERNEL_PERCPU_BYTES)

struct guest_kernel {
	uint64_t slide, text_gpa, direct_kva;
	bool five_levels;
	unsigned cpus;			/* up to 256 */
	struct vmlinux_make make;

	struct mm *mm;
	struct kindex *index;
	struct monitor *monitor;
	struct err err;
	uint64_t next_table;
};

#define GUEST_KERNEL_INIT {							\
	.slide = 0x14e00000, .text_gpa = 0x1600000,				\
	.direct_kva = UINT64_C(0xffff9a3140000000), .err = ERR_INIT,		\
	.cpus = GUEST_KERNEL_CPUS,						\
}

static void guest_put(struct guest_kernel *g, uint64_t gpa, uint64_t v)
{
	tap_ok(mm_write(g->mm, gpa, &v, sizeof(v)) == 0, "write at 0x%llx",
	       (unsigned long long)gpa);
}

/* Map bytes at va under root with pages of 1 << shift bytes. */
static void guest_map(struct guest_kernel *g, uint64_t root, uint64_t va, uint64_t gpa,
		      unsigned shift)
{
	uint64_t table = root;

	for (unsigned s = g->five_levels ? 48 : 39; ; s -= 9) {
		const uint64_t at = table + (va >> s & 511) * 8;
		uint64_t entry = 0;

		if (s == shift) {
			guest_put(g, at, gpa | 0x63 | (s > 12 ? 0x80 : 0) | UINT64_C(1) << 63);
			return;
		}
		mm_read(g->mm, at, &entry, sizeof(entry));
		if (!entry) {
			entry = g->next_table | 0x67;
			guest_put(g, at, entry);
			g->next_table += 0x1000;
		}
		table = entry & UINT64_C(0xffffffffff000);
	}
}

static uint64_t guest_kva(const struct guest_kernel *g, unsigned at)
{
	return VMLINUX_TEXT + g->slide + at;
}

static bool guest_open_memory(struct guest_kernel *g)
{
	const uint64_t bytes = GUEST_KERNEL_BYTES;
	struct mm_layout layout;

	return tap_ok(mm_layout_build(&bytes, 1, 0, 46, &layout, &g->err) == 0 &&
		      mm_create(&layout, &g->mm, &g->err) == 0, "%s", err_text(&g->err));
}

static void guest_map_all(struct guest_kernel *g)
{
	const uint64_t top = g->text_gpa + VMLINUX_AT_TOP_PGT;
	const uint64_t roots[] = { top, GUEST_KERNEL_CR3 };
	uint8_t copy[2048];

	g->next_table = 0x20000;
	for (uint64_t off = 0; off < VMLINUX_END - VMLINUX_TEXT; off += 2 << 20)
		guest_map(g, top, VMLINUX_TEXT + g->slide + off, g->text_gpa + off, 21);
	for (uint64_t off = 0; off < GUEST_KERNEL_BYTES; off += 2 << 20)
		guest_map(g, top, g->direct_kva + off, off, 21);
	guest_map(g, top, GUEST_KERNEL_VMALLOC, GUEST_KERNEL_VMALLOC_GPA + 0x1000, 12);
	guest_map(g, top, GUEST_KERNEL_VMALLOC + 0x1000, GUEST_KERNEL_VMALLOC_GPA, 12);
	/* processes share the tables below the upper half of the top one */
	mm_read(g->mm, roots[0] + 2048, copy, sizeof(copy));
	mm_write(g->mm, roots[1] + 2048, copy, sizeof(copy));
	guest_map(g, GUEST_KERNEL_USER_CR3, guest_kva(g, VMLINUX_AT_ENTRY),
		  g->text_gpa + VMLINUX_AT_ENTRY, 12);
}

/* False: said why. */
__attribute__((unused)) static bool guest_kernel_open(struct guest_kernel *g)
{
	_cleanup_(buf_fini) struct buf elf = BUF_INIT;
	static uint8_t image[VMLINUX_IMAGE_BYTES];
	struct buf bytes = BUF_INIT;

	if (!guest_open_memory(g))
		return false;
	vmlinux_make(&g->make, &elf);
	if (!tap_ok(kindex_build(elf.data, elf.len, &bytes, &g->err) == 0 &&
		    kindex_open(&bytes, &g->index, &g->err) == 0 &&
		    monitor_create(g->mm, g->index, g->cpus, &g->monitor, &g->err) == 0,
		    "%s", err_text(&g->err)))
		return false;
	vmlinux_image(&g->make, image);
	mm_write(g->mm, g->text_gpa, image, sizeof(image));
	guest_put(g, g->text_gpa + VMLINUX_AT_PHYS_BASE,
		  g->text_gpa - (guest_kva(g, 0) - UINT64_C(0xffffffff80000000)));
	guest_put(g, g->text_gpa + VMLINUX_AT_PAGE_OFFSET_BASE, g->direct_kva);
	for (unsigned i = 0; i < g->cpus; i++)
		guest_put(g, g->text_gpa + VMLINUX_AT_PER_CPU_OFFSET + 8 * i,
			  g->direct_kva + GUEST_KERNEL_PERCPU + i * GUEST_KERNEL_PERCPU_BYTES);
	guest_map_all(g);
	return true;
}

__attribute__((unused))
static int guest_kernel_attach(struct guest_kernel *g, uint64_t cr3, bool lstar)
{
	const struct monitor_regs regs = {
		.cr3 = cr3, .cr4 = g->five_levels ? 1 << 12 : 0,
		.lstar = lstar ? guest_kva(g, VMLINUX_AT_ENTRY) : 0,
	};

	err_clear(&g->err);
	return monitor_attach(g->monitor, &regs, &g->err);
}

__attribute__((unused)) static void guest_kernel_close(struct guest_kernel *g)
{
	monitor_destroy(g->monitor);
	kindex_close(g->index);
	mm_destroy(g->mm);
}

#endif
