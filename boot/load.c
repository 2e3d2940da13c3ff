/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel, its initramfs and the tables, written into fresh guest memory so
 * that the boot CPU can start at the 64-bit entry point: GDT, page tables,
 * boot_params ("zero page") with the e820 map. Everything below 1 MiB is ours,
 * everything from 1 MiB on belongs to the kernel and the initramfs; the two
 * are placed so that they cannot overlap.
 */
#include <asm/bootparam.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "boot/image.h"
#include "boot/tables.h"
#include "mm/mm.h"

/* Page table entries: present, writable; in a page directory: a 2 MiB page. */
#define PTE_TABLE 0x3
#define PTE_LARGE 0x83
#define PAGE_BYTES 4096
#define TABLE_ENTRIES 512
#define MAPPED_GIB 4

/* One boot_load() in the making. */
struct loader {
	const struct boot_request *q;
	struct mm *m;
	uint64_t initrd_gpa, initrd_bytes;
	struct err *e;
};

/* A region of RAM that holds gpa, or NULL. */
static const struct mm_region *find_ram(const struct mm_layout *l, uint64_t gpa)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->region[i].kind == MM_RAM && gpa >= l->region[i].gpa &&
		    gpa - l->region[i].gpa < l->region[i].size)
			return &l->region[i];
	return NULL;
}

/* First gpa at or above from that is not RAM. NUMA nodes follow each other without a gap. */
static uint64_t ram_end(const struct mm_layout *l, uint64_t from)
{
	const struct mm_region *r;

	while ((r = find_ram(l, from)))
		from = r->gpa + r->size;
	return from;
}

/* Bytes from gpa on that one mm_view() can give, at most n. */
static size_t viewable(const struct mm_layout *l, uint64_t gpa, uint64_t n)
{
	const struct mm_region *r = find_ram(l, gpa);

	assert(r);	/* the caller has checked [gpa, gpa + n) with ram_end() */
	return MIN(n, r->gpa + r->size - gpa);
}

/* Like mm_write(), across regions. */
static void write_ram(struct mm *m, uint64_t gpa, const uint8_t *bytes, uint64_t n)
{
	while (n) {
		size_t part = viewable(mm_layout(m), gpa, n);

		memcpy(mm_view(m, gpa, part), bytes, part);
		gpa += part;
		bytes += part;
		n -= part;
	}
}

/* Straight from the file into guest memory: a kernel is megabytes. */
static int load_segment(struct loader *ld, const struct boot_segment *s)
{
	uint64_t gpa = s->gpa, offset = s->offset, n = s->bytes;

	while (n) {
		size_t part = viewable(mm_layout(ld->m), gpa, n);
		int r = boot_image_read(ld->q->image, offset, mm_view(ld->m, gpa, part), part);

		if (r == -ENODATA)
			return err_set(ld->e, -ENOEXEC, "%s: shrank while it was read",
				       ld->q->image->path);
		if (r < 0)
			return err_sys(ld->e, r, "read %s", ld->q->image->path);
		gpa += part;
		offset += part;
		n -= part;
	}
	return 0;
}

static int load_kernel(struct loader *ld)
{
	const struct boot_image *img = ld->q->image;
	uint64_t end = ram_end(mm_layout(ld->m), 0);

	if (img->load_gpa >= end || img->memory_bytes > end - img->load_gpa)
		return err_set(ld->e, -E2BIG,
			       "%s: needs guest RAM from %" PRIu64 "M to %" PRIu64
			       "M, the guest's ends at %" PRIu64 "M", img->path,
			       img->load_gpa / MIB,
			       round_up(img->load_gpa + img->memory_bytes, MIB) / MIB, end / MIB);
	for (unsigned i = 0; i < img->segments; i++) {
		int r = load_segment(ld, &img->segment[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * The highest 2 MiB aligned place of n bytes that ends at or below top; 0:
 * none above 1 MiB. Aligned, so that the host can use large pages for it.
 */
static uint64_t place_below(uint64_t top, uint64_t n)
{
	uint64_t gpa = n <= top ? round_down(top - n, MM_ALIGN) : 0;

	return gpa >= BOOT_GPA_HIGH ? gpa : 0;
}

/* The first part is shared with other guests where it can be, else copied. */
static void put_initrd(const struct loader *ld, uint64_t gpa)
{
	const struct boot_request *q = ld->q;

	if (q->initrd_fd < 0 ||
	    mm_map_file(ld->m, gpa, q->initrd_fd, q->initrd_bytes, q->initrd_copied) < 0)
		write_ram(ld->m, gpa, q->initrd, q->initrd_bytes);
}

static int place_initrd(struct loader *ld)
{
	const struct boot_image *img = ld->q->image;
	uint64_t low_end = ram_end(mm_layout(ld->m), 0);
	uint64_t kernel_end = img->load_gpa + img->memory_bytes;
	uint64_t limit = MIN(img->initrd_max, MM_HOLE_START - 1) + 1;
	uint64_t n = ld->q->initrd_bytes + ld->q->initrd_tail_bytes, gpa;

	if (!n)
		return 0;
	if (n < ld->q->initrd_bytes)
		return err_set(ld->e, -E2BIG, "initramfs: its two parts are too large to add");
	gpa = place_below(MIN(limit, low_end), n);
	/* where the kernel is, nothing above it is left: try below it */
	if (gpa < kernel_end && gpa + n > img->load_gpa)
		gpa = place_below(img->load_gpa, n);
	if (!gpa)
		return err_set(ld->e, -E2BIG,
			       "initramfs: no room for %" PRIu64 "M: guest RAM ends at %" PRIu64
			       "M, the kernel takes %" PRIu64 "M to %" PRIu64
			       "M and wants it below %" PRIu64 "M", round_up(n, MIB) / MIB,
			       low_end / MIB, img->load_gpa / MIB, round_up(kernel_end, MIB) / MIB,
			       limit / MIB);
	ld->initrd_gpa = gpa;
	ld->initrd_bytes = n;
	put_initrd(ld, gpa);
	write_ram(ld->m, gpa + ld->q->initrd_bytes, ld->q->initrd_tail, ld->q->initrd_tail_bytes);
	return 0;
}

/* Identity map of the first 4 GiB: a PML4, a PDPT and four page directories, one by one. */
static void put_page_tables(uint64_t *table)
{
	uint64_t *pdpt = table + TABLE_ENTRIES, *pd = pdpt + TABLE_ENTRIES;
	const uint64_t pdpt_gpa = BOOT_GPA_PAGE_TABLES + PAGE_BYTES;

	table[0] = pdpt_gpa | PTE_TABLE;
	for (unsigned i = 0; i < MAPPED_GIB; i++)
		pdpt[i] = (pdpt_gpa + (i + 1) * PAGE_BYTES) | PTE_TABLE;
	for (uint64_t i = 0; i < MAPPED_GIB * TABLE_ENTRIES; i++)
		pd[i] = i * MM_ALIGN | PTE_LARGE;
}

static void put_gdt(uint64_t *gdt)
{
	/* flat, 4 KiB granules, limit 0xfffff; the last one is the low half of a busy TSS */
	gdt[BOOT_CS / 8] = 0x00af9b000000ffff;
	gdt[BOOT_DS / 8] = 0x00cf93000000ffff;
	gdt[BOOT_TSS / 8] = 0x008f8b000000ffff;
}

/* Append to the e820 map; RAM that goes on where the last entry ends makes that one longer. */
static void add_e820(struct boot_params *bp, uint64_t from, uint64_t to, uint32_t type)
{
	struct boot_e820_entry *last = bp->e820_table + bp->e820_entries - 1;

	if (from >= to)
		return;
	if (bp->e820_entries && last->type == type && last->addr + last->size == from) {
		last->size += to - from;
		return;
	}
	/* at most MM_REGIONS_MAX and the three of the first MiB */
	assert(bp->e820_entries < E820_MAX_ENTRIES_ZEROPAGE);
	bp->e820_table[bp->e820_entries++] = (struct boot_e820_entry){
		.addr = from, .size = to - from, .type = type,
	};
}

enum e820_type {
	E820_RAM = 1,
	E820_RESERVED = 2,
};

static void put_e820(struct boot_params *bp, const struct mm_layout *l)
{
	static_assert(MM_REGIONS_MAX + 3 <= E820_MAX_ENTRIES_ZEROPAGE, "the map fits");
	add_e820(bp, 0, BOOT_GPA_EBDA, E820_RAM);
	add_e820(bp, BOOT_GPA_EBDA, BOOT_GPA_VGA, E820_RESERVED);
	add_e820(bp, BOOT_GPA_ACPI, BOOT_GPA_HIGH, E820_RESERVED);
	for (unsigned i = 0; i < l->count; i++) {
		const struct mm_region *r = &l->region[i];

		/* not RAM to the guest: so that it stays away from it, and may map it */
		add_e820(bp, MAX(r->gpa, (uint64_t)BOOT_GPA_HIGH), r->gpa + r->size,
			 r->kind == MM_RAM ? E820_RAM : E820_RESERVED);
	}
}

static void put_boot_params(const struct loader *ld, struct boot_params *bp)
{
	const struct boot_image *img = ld->q->image;

	/* boot.rst: a zeroed page, and setup_header as the file has it, by its own length */
	memcpy((uint8_t *)bp + offsetof(struct boot_params, hdr), img->setup_header,
	       img->setup_header_len);
	bp->hdr.type_of_loader = 0xff;		/* none of the registered ones */
	bp->hdr.cmd_line_ptr = BOOT_GPA_CMDLINE;
	bp->hdr.ramdisk_image = (uint32_t)ld->initrd_gpa;
	bp->hdr.ramdisk_size = (uint32_t)ld->initrd_bytes;
	bp->hdr.setup_data = 0;			/* a list of ours, and there is none */
	/*
	 * The decompressor sets it when it has moved the kernel. An ELF file has
	 * none, and its text stays; but the kernel draws the places of the direct
	 * map, vmalloc and vmemmap by itself when the flag is set (6.12,
	 * arch/x86/mm/kaslr.c).
	 */
	if (img->format == BOOT_VMLINUX && !cmdline_has(ld->q->cmdline, "nokaslr"))
		bp->hdr.loadflags |= KASLR_FLAG;
	bp->hdr.hardware_subarch = 0;
	bp->acpi_rsdp_addr = BOOT_GPA_ACPI;	/* 2.14; older kernels scan for it */
	put_e820(bp, mm_layout(ld->m));
}

static int load_tables(struct loader *ld)
{
	_cleanup_(boot_acpi_fini) struct boot_acpi acpi = { 0 };
	_cleanup_(buf_fini) struct buf mp = BUF_INIT;
	int r;

	r = boot_acpi_build(ld->q->machine, BOOT_GPA_ACPI, &acpi, ld->e);
	if (r < 0)
		return r;
	if (acpi.bytes.len > BOOT_GPA_HIGH - BOOT_GPA_ACPI)
		return err_set(ld->e, -E2BIG, "ACPI tables: %zu bytes, there is room for %d",
			       acpi.bytes.len, BOOT_GPA_HIGH - BOOT_GPA_ACPI);
	r = boot_mptable_build(ld->q->machine, BOOT_GPA_EBDA, &mp, ld->e);
	if (r < 0)
		return r;
	write_ram(ld->m, BOOT_GPA_ACPI, acpi.bytes.data, acpi.bytes.len);
	write_ram(ld->m, BOOT_GPA_EBDA, mp.data, mp.len);
	return 0;
}

/* What the CPU and the kernel find in the first MiB, tables apart. */
static void load_low(struct loader *ld)
{
	static_assert(BOOT_GPA_HIGH <= MM_ALIGN, "all of it lies in the first region");
	put_gdt(mm_view(ld->m, BOOT_GPA_GDT, BOOT_GDT_BYTES));
	put_page_tables(mm_view(ld->m, BOOT_GPA_PAGE_TABLES, (2 + MAPPED_GIB) * PAGE_BYTES));
	put_boot_params(ld, mm_view(ld->m, BOOT_GPA_PARAMS, sizeof(struct boot_params)));
	write_ram(ld->m, BOOT_GPA_CMDLINE, (const uint8_t *)ld->q->cmdline->text,
		  ld->q->cmdline->len + 1);
}

int boot_load(const struct boot_request *q, struct mm *m, struct boot_entry *ret, struct err *e)
{
	struct loader ld = { .q = q, .m = m, .e = e };
	int r;

	assert(q->machine->memory == mm_layout(m));
	r = cmdline_check(q->cmdline, q->image->cmdline_max, e);
	if (r == 0)
		r = load_kernel(&ld);
	if (r == 0)
		r = place_initrd(&ld);
	if (r == 0)
		r = load_tables(&ld);
	if (r < 0)
		return r;
	load_low(&ld);
	*ret = (struct boot_entry){
		.rip = q->image->entry_gpa,
		.rsi = BOOT_GPA_PARAMS,
		.rsp = BOOT_GPA_STACK,
		.cr3 = BOOT_GPA_PAGE_TABLES,
		.gdt = BOOT_GPA_GDT,
		.gdt_limit = BOOT_GDT_BYTES - 1,
	};
	return 0;
}
