/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * boot_load(): what is in guest memory before the first instruction. Read as
 * the kernel would: through the zero page, and only by guest addresses.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/tables.h"
#include "mm/mm.h"
#include "test/kernel-make.h"
#include "test/tap.h"
#include "vcpu/topo.h"

static char dir[] = "/tmp/ktstr-load.XXXXXX";
static char path[sizeof(dir) + 16];

/* One guest: its memory, what is loaded, and the result. */
struct guest {
	struct mm *mm;
	struct boot_image img;
	struct cmdline cmdline;
	struct topo topo;
	struct boot_machine machine;
	struct buf initrd;		/* 100 bytes of it go as the tail */
	struct boot_request q;
	struct boot_entry entry;
	struct boot_params bp;
	struct err e;
};

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = (uint8_t)(seed >> 16);
	}
}

/* A bzImage with payload bytes of noise, which asks for init_size bytes. */
static void write_kernel(uint32_t payload, uint32_t init_size)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT, big = BUF_INIT;
	struct setup_header *h;

	make_bzimage(&b, "6.1", "");
	h = (struct setup_header *)(b.data + 0x1f1);
	h->syssize = payload / 16;
	h->init_size = init_size;
	h->setup_data = 0x1234;			/* must not reach the guest */
	buf_add(&big, b.data, 1024);
	buf_add_zero(&big, payload);
	fill(big.data + 1024, payload, 1);
	tap_eq(file_write_atomic(path, big.data, big.len, 0644, NULL), 0);
}

static void guest_init(struct guest *g, const uint64_t *node_mib, unsigned nodes,
		       uint64_t ring, size_t initrd)
{
	uint64_t bytes[MM_NODES_MAX];
	struct mm_layout l;

	*g = (struct guest){ .topo = TOPO(nodes, nodes, 2, 1), .img.fd = -1, .e = ERR_INIT };
	for (unsigned i = 0; i < nodes; i++)
		bytes[i] = node_mib[i] * MIB;
	if (mm_layout_build(bytes, nodes, ring, 46, &l, &g->e) < 0 ||
	    mm_create(&l, &g->mm, &g->e) < 0 || boot_image_open(path, &g->img, &g->e) < 0)
		tap_ok(false, "%s", err_text(&g->e));
	cmdline_init(&g->cmdline);
	cmdline_add(&g->cmdline, "console=ttyS0 a=%d", 1);
	g->machine = (struct boot_machine){
		.topo = &g->topo, .memory = mm_layout(g->mm), .pm_port = 0x600,
		.reset_port = 0x64, .sci_gsi = 9,
	};
	buf_add_zero(&g->initrd, initrd);
	fill(g->initrd.data, initrd, 2);
	g->q = (struct boot_request){
		.image = &g->img, .cmdline = &g->cmdline, .machine = &g->machine,
		.initrd = g->initrd.data, .initrd_bytes = initrd, .initrd_fd = -1,
	};
	if (initrd > 100) {
		g->q.initrd_bytes = initrd - 100;
		g->q.initrd_tail = g->initrd.data + initrd - 100;
		g->q.initrd_tail_bytes = 100;
	}
}

static void guest_fini(struct guest *g)
{
	boot_image_close(&g->img);
	mm_destroy(g->mm);
	buf_fini(&g->initrd);
}

static int guest_load(struct guest *g)
{
	int r = boot_load(&g->q, g->mm, &g->entry, &g->e);

	if (r == 0 && mm_read(g->mm, g->entry.rsi, &g->bp, sizeof(g->bp)) < 0)
		return -EFAULT;
	return r;
}

/* Are these bytes there? They may lie in several regions. */
static bool has_bytes(const struct guest *g, uint64_t gpa, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = mm_view(g->mm, gpa + i, 1);

		if (!p || *p != bytes[i])
			return false;
	}
	return true;
}

/* Is all of it RAM by the map that the kernel gets? */
static bool is_e820_ram(const struct guest *g, uint64_t gpa, uint64_t n)
{
	for (unsigned i = 0; i < g->bp.e820_entries; i++) {
		const struct boot_e820_entry *x = &g->bp.e820_table[i];

		if (x->type == 1 && gpa >= x->addr && gpa - x->addr < x->size &&
		    n <= x->size - (gpa - x->addr))
			return true;
	}
	return false;
}

/* Sorted, without overlap, RAM where we have RAM, the ring reserved. */
static void check_e820(const struct guest *g)
{
	const struct mm_layout *l = mm_layout(g->mm);
	const struct mm_region *ring = mm_layout_ring(l);
	uint64_t end = 0, ram = 0;
	bool ring_seen = false;

	for (unsigned i = 0; i < g->bp.e820_entries; i++) {
		const struct boot_e820_entry *x = &g->bp.e820_table[i];

		tap_ok(x->addr >= end && x->size, "entry %u overlaps", i);
		end = x->addr + x->size;
		if (x->type == 1) {
			ram += x->size;
			tap_ok(mm_view(g->mm, x->addr, 1) && mm_view(g->mm, end - 1, 1),
			       "entry %u is RAM without memory", i);
			tap_ok(end <= BOOT_GPA_EBDA || x->addr >= BOOT_GPA_HIGH,
			       "entry %u covers what we keep", i);
		} else {
			tap_eq(x->type, 2);
			ring_seen |= ring && x->addr == ring->gpa && x->size == ring->size;
		}
	}
	tap_eq(ram, l->ram_bytes - (BOOT_GPA_HIGH - BOOT_GPA_EBDA));
	tap_ok(ring_seen == (ring != NULL), "the ring is reserved");
}

/* Where the page tables send an address; 2 MiB pages only. */
static uint64_t walk(const struct guest *g, uint64_t va)
{
	uint64_t table = g->entry.cr3, entry = 0;

	for (unsigned shift = 39; shift >= 21; shift -= 9) {
		if (mm_read(g->mm, table + (va >> shift & 511) * 8, &entry, 8) < 0 || !(entry & 1))
			return UINT64_MAX;
		table = entry & ~UINT64_C(0xfff);
	}
	return entry & 0x80 ? (entry & ~UINT64_C(0x1fffff)) | (va & 0x1fffff) : UINT64_MAX;
}

static void check_cpu_tables(const struct guest *g)
{
	static const uint64_t addresses[] = {
		0, 0x7000, 0x1000000, 0x1fffff, 0x200000, 0x3fffffff, 0x40000000, 0xbfffffff,
		0xfee00000, 0xffffffff,
	};
	uint64_t gdt[8] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		tap_eq(walk(g, addresses[i]), addresses[i]);
	tap_eq(walk(g, UINT64_C(1) << 32), UINT64_MAX);
	tap_eq(g->entry.gdt_limit, BOOT_GDT_BYTES - 1);
	tap_eq(mm_read(g->mm, g->entry.gdt, gdt, BOOT_GDT_BYTES), 0);
	tap_eq(gdt[0], 0);
	/* access bytes (bits 40 to 47) and flags (52 to 55): L for code, G for both */
	tap_eq(gdt[BOOT_CS / 8] >> 40 & 0xff, 0x9b);
	tap_eq(gdt[BOOT_CS / 8] >> 52 & 0xf, 0xa);
	tap_eq(gdt[BOOT_DS / 8] >> 40 & 0xff, 0x93);
	tap_eq(gdt[BOOT_TSS / 8] >> 40 & 0xff, 0x8b);
}

static void check_zero_page(const struct guest *g)
{
	const struct boot_params *bp = &g->bp;
	char rsdp[8] = "", mp[4] = "";

	tap_eq(bp->hdr.boot_flag, 0xaa55);
	tap_eq(bp->hdr.type_of_loader, 0xff);
	tap_eq(bp->sentinel, 0);
	tap_eq(bp->hdr.setup_data, 0);
	tap_eq(bp->hdr.pref_address, g->img.load_gpa);
	tap_ok(has_bytes(g, bp->hdr.cmd_line_ptr, (const uint8_t *)"console=ttyS0 a=1", 18),
	       "command line");
	tap_eq(mm_read(g->mm, bp->acpi_rsdp_addr, rsdp, 8), 0);
	tap_ok(!memcmp(rsdp, "RSD PTR ", 8), "RSDP");
	tap_eq(mm_read(g->mm, 0x9fc00, mp, 4), 0);
	tap_ok(!memcmp(mp, "_MP_", 4), "MP pointer");
	tap_eq(bp->ext_ramdisk_image, 0);
	tap_eq(bp->ext_ramdisk_size, 0);
}

/* Kernel and initramfs are where the zero page says, in RAM, and apart. */
static void check_payload(const struct guest *g, const uint8_t *kernel, size_t kernel_bytes)
{
	uint64_t load = g->img.load_gpa, image = g->bp.hdr.ramdisk_image;

	tap_eq(g->entry.rip, load + 0x200);
	tap_ok(is_e820_ram(g, load, g->img.memory_bytes), "the kernel's memory is RAM");
	tap_ok(has_bytes(g, load, kernel, kernel_bytes), "the kernel");
	tap_eq(g->bp.hdr.ramdisk_size, g->initrd.len);
	if (!g->initrd.len) {
		tap_eq(image, 0);
		return;
	}
	tap_eq(image % MM_ALIGN, 0);
	tap_ok(image >= BOOT_GPA_HIGH, "initramfs at 0x%llx", (unsigned long long)image);
	tap_ok(image + g->initrd.len - 1 <= g->img.initrd_max, "initramfs below its limit");
	tap_ok(image + g->initrd.len <= MM_HOLE_START, "initramfs below the hole");
	tap_ok(is_e820_ram(g, image, g->initrd.len), "the initramfs' memory is RAM");
	tap_ok(image + g->initrd.len <= load || image >= load + g->img.memory_bytes,
	       "initramfs at 0x%llx overlaps the kernel", (unsigned long long)image);
	tap_ok(has_bytes(g, image, g->initrd.data, g->initrd.len), "the initramfs");
}

static void check_guest(const uint64_t *node_mib, unsigned nodes, uint64_t ring, size_t initrd)
{
	_cleanup_(buf_fini) struct buf kernel = BUF_INIT;
	const uint32_t payload = 5 * MIB;
	struct guest g;

	write_kernel(payload, 6 * MIB);
	buf_add_zero(&kernel, payload);
	fill(kernel.data, payload, 1);
	guest_init(&g, node_mib, nodes, ring, initrd);
	if (tap_ok(guest_load(&g) == 0, "%s", err_text(&g.e))) {
		check_e820(&g);
		check_cpu_tables(&g);
		check_zero_page(&g);
		check_payload(&g, kernel.data, kernel.len);
	}
	guest_fini(&g);
}

static void everything_is_where_the_zero_page_says(void)
{
	check_guest((const uint64_t[]){ 64 }, 1, 0, 3 * MIB + 7);
	check_guest((const uint64_t[]){ 256 }, 1, 16 * MIB, 101);
	check_guest((const uint64_t[]){ 256 }, 1, 16 * MIB, 0);
	/* the smallest guest: the initramfs only fits below the kernel */
	check_guest((const uint64_t[]){ 22 }, 1, 0, 13 * MIB);
	check_guest((const uint64_t[]){ 24 }, 1, 0, 2 * MIB);
	check_guest((const uint64_t[]){ 24 }, 1, 0, 2 * MIB + 1);
}

static void kernel_and_initramfs_may_cross_nodes(void)
{
	check_guest((const uint64_t[]){ 2, 16, 2, 2, 2, 2, 4, 2, 2, 30 }, 10, 0, 3 * MIB);
	check_guest((const uint64_t[]){ 18, 2, 2, 10, 0, 2, 2, 2 }, 8, 4096, 7 * MIB);
}

static void large_guests_have_their_initramfs_below_the_hole(void)
{
	/* initrd_max of the kernel is 2 GiB - 1 */
	check_guest((const uint64_t[]){ 2046 }, 1, 0, 5000);
	check_guest((const uint64_t[]){ 3072 }, 1, 4096, 5000);
	check_guest((const uint64_t[]){ 1024, 4096 }, 2, 4096, 5000);
	check_guest((const uint64_t[]){ 8192, 8192, 8192 }, 3, 16 * MIB, 5000);
}

static void a_vmlinux_gets_a_made_up_header(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct guest g;

	make_vmlinux(&b, "6.6.1");
	tap_eq(file_write_atomic(path, b.data, b.len, 0644, NULL), 0);
	guest_init(&g, (const uint64_t[]){ 64 }, 1, 0, 5000);
	tap_ok(guest_load(&g) == 0, "%s", err_text(&g.e));
	tap_eq(g.entry.rip, 0x1000000);
	tap_ok(has_bytes(&g, 0x1000000, b.data + 4096, 4096), "the segment");
	tap_eq(g.bp.hdr.header, 0x53726448);
	tap_ok(g.bp.hdr.loadflags & KASLR_FLAG, "its memory may be moved");
	tap_eq(g.bp.hdr.ramdisk_size, 5000);
	tap_ok(has_bytes(&g, g.bp.hdr.ramdisk_image, g.initrd.data, 5000), "the initramfs");
	check_e820(&g);
	guest_fini(&g);
	guest_init(&g, (const uint64_t[]){ 64 }, 1, 0, 0);
	cmdline_add(&g.cmdline, "nokaslr");
	tap_ok(guest_load(&g) == 0 && !(g.bp.hdr.loadflags & KASLR_FLAG), "nokaslr is heard");
	guest_fini(&g);
}

static void what_does_not_fit_is_an_error_with_the_numbers(void)
{
	static const struct {
		uint64_t mib;
		size_t initrd;
		const char *words[4];
	} cases[] = {
		{ 16, 0, { "needs guest RAM from 16M to 22M", "ends at 16M" } },
		{ 20, 0, { "needs guest RAM from 16M to 22M", "ends at 20M" } },
		{ 22, 15 * MIB, { "no room for 15M", "RAM ends at 22M", "takes 16M to 22M",
				  "below 2048M" } },
		{ 32, 33 * MIB, { "no room for 33M", "RAM ends at 32M" } },
	};

	write_kernel(4096, 6 * MIB);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct guest g;

		guest_init(&g, &cases[i].mib, 1, 0, cases[i].initrd);
		tap_eq(guest_load(&g), -E2BIG);
		for (size_t j = 0; j < ARRAY_SIZE(cases[i].words) && cases[i].words[j]; j++)
			tap_ok(strstr(err_text(&g.e), cases[i].words[j]), "%zu: \"%s\" not in %s",
			       i, cases[i].words[j], err_text(&g.e));
		guest_fini(&g);
	}
}

static void the_kernels_limits_are_kept(void)
{
	struct guest g;

	write_kernel(4096, MIB);
	guest_init(&g, (const uint64_t[]){ 256 }, 1, 0, 5000);
	g.img.cmdline_max = 16;
	tap_eq(guest_load(&g), -E2BIG);
	tap_str(err_text(&g.e), "kernel command line: 17 bytes, the kernel takes 16");
	g.img.cmdline_max = 17;
	g.img.initrd_max = 40 * MIB - 1;
	err_clear(&g.e);
	tap_ok(guest_load(&g) == 0, "%s", err_text(&g.e));
	tap_eq(g.bp.hdr.ramdisk_image, 38 * MIB);
	g.img.initrd_max = 40 * MIB - 2;
	tap_ok(guest_load(&g) == 0, "%s", err_text(&g.e));
	tap_eq(g.bp.hdr.ramdisk_image, 38 * MIB);
	g.img.initrd_max = 38 * MIB + 4998;
	tap_ok(guest_load(&g) == 0, "%s", err_text(&g.e));
	tap_eq(g.bp.hdr.ramdisk_image, 36 * MIB);
	g.img.initrd_max = 0;
	tap_eq(guest_load(&g), -E2BIG);
	guest_fini(&g);
}

static void a_kernel_that_shrinks_while_it_is_read_is_an_error(void)
{
	struct guest g;

	write_kernel(64 * KIB, MIB);
	guest_init(&g, (const uint64_t[]){ 64 }, 1, 0, 0);
	tap_eq(truncate(path, 4096), 0);
	tap_eq(guest_load(&g), -ENOEXEC);
	tap_ok(strstr(err_text(&g.e), path) && strstr(err_text(&g.e), "shrank"), "%s",
	       err_text(&g.e));
	guest_fini(&g);
}

static void the_memory_that_is_needed_grows_with_what_is_loaded(void)
{
	const struct boot_image img = { .load_gpa = 16 * MIB, .memory_bytes = 40 * MIB };
	struct boot_image larger = img;
	uint64_t base = boot_memory_needed(&img, 0, 0, 1);

	larger.memory_bytes += 100 * MIB;
	tap_ok(base > 56 * MIB && base < 256 * MIB, "%llu", (unsigned long long)base);
	tap_eq(base % MM_ALIGN, 0);
	tap_ok(boot_memory_needed(&larger, 0, 0, 1) >= base + 100 * MIB, "kernel");
	tap_ok(boot_memory_needed(&img, 100 * MIB, 0, 1) >= base + 100 * MIB, "packed");
	tap_ok(boot_memory_needed(&img, 0, 100 * MIB, 1) >= base + 100 * MIB, "unpacked");
	tap_ok(boot_memory_needed(&img, 50 * MIB, 100 * MIB, 1) >= base + 150 * MIB, "both");
	tap_ok(boot_memory_needed(&img, 0, 0, 65) >= base + 64 * MIB, "CPUs");
	/* nothing that a file may claim makes it wrap */
	larger.load_gpa = 3 * GIB;
	larger.memory_bytes = UINT32_MAX;
	tap_ok(boot_memory_needed(&larger, UINT64_C(1) << 50, UINT64_C(1) << 50, 512) >
	       UINT64_C(1) << 51, "no overflow");
}

static void the_memory_that_is_needed_is_enough_to_load(void)
{
	static const size_t initrd[] = { 0, 1, 5 * MIB, 40 * MIB };
	static const uint32_t init_size[] = { MIB, 40 * MIB, 100 * MIB };

	for (size_t i = 0; i < ARRAY_SIZE(initrd); i++)
		for (size_t j = 0; j < ARRAY_SIZE(init_size); j++) {
			struct boot_image img = { .fd = -1 };
			struct guest g;
			uint64_t mib;

			write_kernel(MIB, init_size[j]);
			tap_eq(boot_image_open(path, &img, NULL), 0);
			mib = boot_memory_needed(&img, initrd[i], initrd[i], 1) / MIB;
			boot_image_close(&img);
			guest_init(&g, &mib, 1, 0, initrd[i]);
			tap_ok(guest_load(&g) == 0, "%s", err_text(&g.e));
			guest_fini(&g);
		}
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/kernel", dir);
	TAP_RUN(everything_is_where_the_zero_page_says);
	TAP_RUN(kernel_and_initramfs_may_cross_nodes);
	TAP_RUN(large_guests_have_their_initramfs_below_the_hole);
	TAP_RUN(a_vmlinux_gets_a_made_up_header);
	TAP_RUN(what_does_not_fit_is_an_error_with_the_numbers);
	TAP_RUN(the_kernels_limits_are_kept);
	TAP_RUN(a_kernel_that_shrinks_while_it_is_read_is_an_error);
	TAP_RUN(the_memory_that_is_needed_grows_with_what_is_loaded);
	TAP_RUN(the_memory_that_is_needed_is_enough_to_load);
	(void)file_remove_tree(dir, NULL);
	return tap_done();
}
