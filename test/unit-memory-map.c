/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One map of memory: the layout (which memslots are made of), host memory
 * behind it, e820 and SRAT agree at every size around the hole. The tables are
 * read from guest memory, as a kernel would.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "loop/board.h"
#include "mm/mm.h"
#include "test/kernel-make.h"
#include "test/tap.h"
#include "vcpu/topo.h"

static char dir[] = "/tmp/ktstr-map.XXXXXX";
static char path[sizeof(dir) + 16];

/* A guest of that many nodes, loaded but for a real kernel. */
struct guest {
	struct topo topo;
	struct mm *mm;
	struct boot_params bp;
};

static bool load(struct guest *g, struct err *e)
{
	_cleanup_(boot_image_close) struct boot_image img = { .fd = -1 };
	struct boot_machine mc = board_describe(&g->topo, mm_layout(g->mm));
	struct boot_entry entry;
	struct cmdline cmdline;
	const struct boot_request q = { .image = &img, .cmdline = &cmdline, .machine = &mc };

	cmdline_init(&cmdline);
	return boot_image_open(path, &img, e) == 0 && boot_load(&q, g->mm, &entry, e) == 0 &&
	       mm_read(g->mm, entry.rsi, &g->bp, sizeof(g->bp)) == 0;
}

static bool guest_init(struct guest *g, unsigned nodes, uint64_t bytes)
{
	struct err e = ERR_INIT;
	struct mm_layout l;

	*g = (struct guest){ .topo = TOPO(nodes, nodes, 1, 1) };
	return tap_ok(board_layout(&g->topo, bytes, true, 46, &l, &e) == 0 &&
		      mm_create(&l, &g->mm, &e) == 0 && load(g, &e), "%s", err_text(&e));
}

/* Bytes of e820 RAM in [from, to). */
static uint64_t e820_ram(const struct guest *g, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < g->bp.e820_entries; i++) {
		const struct boot_e820_entry *x = &g->bp.e820_table[i];
		uint64_t a = MAX(x->addr, from), b = MIN(x->addr + x->size, to);

		sum += x->type == 1 && a < b ? b - a : 0;
	}
	return sum;
}

/* A table of the XSDT, and its length. */
static const uint8_t *acpi_table(const struct guest *g, const char *sig, uint32_t *ret_n)
{
	const uint8_t *rsdp = mm_view(g->mm, g->bp.acpi_rsdp_addr, 36), *p;
	uint64_t xsdt, gpa;
	uint32_t n;

	memcpy(&xsdt, rsdp + 24, 8);
	memcpy(&n, (uint8_t *)mm_view(g->mm, xsdt, 36) + 4, 4);
	for (uint32_t at = 36; at < n; at += 8) {
		memcpy(&gpa, mm_view(g->mm, xsdt + at, 8), 8);
		p = mm_view(g->mm, gpa, 36);
		memcpy(ret_n, p + 4, 4);
		if (!memcmp(p, sig, 4))
			return p;
	}
	*ret_n = 0;
	return NULL;
}

/* The bytes that SRAT gives to a node; all of them must be RAM with memory behind it. */
static uint64_t srat_bytes(const struct guest *g, uint32_t node)
{
	const uint64_t first = BOOT_GPA_HIGH - BOOT_GPA_EBDA;
	uint64_t base, size, sum = 0;
	uint32_t n, domain;
	const uint8_t *p = acpi_table(g, "SRAT", &n);

	for (uint32_t at = 48; at < n; at += p[at + 1]) {
		memcpy(&domain, p + at + 2, 4);
		if (p[at] != 1 || domain != node)
			continue;
		memcpy(&base, p + at + 8, 8);
		memcpy(&size, p + at + 16, 8);
		sum += size;
		tap_ok(mm_view(g->mm, base, size), "0x%llx has memory", (unsigned long long)base);
		tap_eq(e820_ram(g, base, base + size) + (base ? 0 : first), size);
	}
	return sum;
}

/* Both sides of a border and what lies 1 MiB off it can be written and read. */
static void check_border(const struct guest *g, uint64_t gpa)
{
	for (int step = -1; step <= 1; step++) {
		uint64_t at = gpa + (uint64_t)step * MIB - (step <= 0 ? 8 : 0);
		uint64_t v = at * 3, back = 0;
		const struct mm_layout *l = mm_layout(g->mm);
		bool inside = at < MM_HOLE_START ? at < l->ram_top :
			      at >= MM_HOLE_END && at < l->ram_top;

		tap_eq(mm_write(g->mm, at, &v, 8), inside ? 0 : -EFAULT);
		tap_eq(mm_read(g->mm, at, &back, 8), inside ? 0 : -EFAULT);
		tap_ok(!inside || back == v, "at 0x%llx", (unsigned long long)at);
	}
}

static void check_map(unsigned nodes, uint64_t bytes)
{
	const struct mm_layout *l;
	uint64_t sum = 0;
	struct guest g;

	if (!guest_init(&g, nodes, bytes)) {
		mm_destroy(g.mm);
		return;
	}
	l = mm_layout(g.mm);
	tap_eq(e820_ram(&g, 0, UINT64_MAX), bytes - (BOOT_GPA_HIGH - BOOT_GPA_EBDA));
	tap_eq(e820_ram(&g, MM_HOLE_START, MM_HOLE_END), 0);
	for (unsigned i = 0; i < nodes; i++)
		sum += srat_bytes(&g, i);
	tap_eq(sum, bytes);
	for (unsigned i = 0; i < l->count; i++) {
		const struct mm_region *r = &l->region[i];

		/* what a memslot is made of: large pages on both sides */
		tap_eq(((uintptr_t)mm_view(g.mm, r->gpa, r->size) - r->gpa) % MM_ALIGN, 0);
		if (r->kind == MM_RAM)
			check_border(&g, r->gpa + r->size);
	}
	mm_destroy(g.mm);
}

static void layout_e820_and_SRAT_agree_around_the_hole(void)
{
	static const uint64_t bytes[] = {
		3 * GIB - 2 * MIB, 3 * GIB, 3 * GIB + 2 * MIB, 5 * GIB,
	};

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		check_map(1, bytes[i]);
		check_map(2, bytes[i]);
		check_map(4, bytes[i]);
	}
}

static void sixty_four_nodes_agree_too(void)
{
	check_map(64, 64 * 66 * MIB);
}

static void a_guest_above_what_the_CPU_addresses_is_refused(void)
{
	const struct topo t = TOPO(2, 2, 1, 1);
	struct err e = ERR_INIT;
	struct mm_layout l;

	tap_eq(board_layout(&t, 63 * GIB, false, 36, &l, &e), 0);
	tap_eq(l.ram_top, 64 * GIB);
	/* the ring lies behind RAM */
	tap_eq(board_layout(&t, 63 * GIB, true, 36, &l, &e), -E2BIG);
	tap_ok(strstr(err_text(&e), "36 bits"), "%s", err_text(&e));
}

int main(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	int r;

	if (!mkdtemp(dir))
		return 99;
	snprintf(path, sizeof(path), "%s/kernel", dir);
	make_bzimage(&b, "6.1", "");
	r = file_write_atomic(path, b.data, b.len, 0644, NULL);
	if (r == 0) {
		TAP_RUN(layout_e820_and_SRAT_agree_around_the_hole);
		TAP_RUN(sixty_four_nodes_agree_too);
		TAP_RUN(a_guest_above_what_the_CPU_addresses_is_refused);
	}
	unlink(path);
	rmdir(dir);
	return r < 0 ? 99 : tap_done();
}
