/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding a kernel in memory: with KASLR, in odd states, and when it is another one. */
#include <errno.h>
#include <stdlib.h>

#include "base/units.h"
#include "monitor/walk.h"
#include "test/guest-kernel.h"

/* What every attached guest must be able to read. */
static void check_reads(struct guest_kernel *g)
{
	char banner[sizeof(VMLINUX_BANNER)] = "";
	uint64_t kva = 0, v = 0;

	tap_eq(monitor_map(g->monitor)->slide, g->slide);
	tap_eq(monitor_map(g->monitor)->text_gpa, g->text_gpa);
	tap_eq(monitor_map(g->monitor)->direct_kva, g->direct_kva);
	tap_ok(monitor_symbol(g->monitor, "linux_banner", &kva), "a symbol");
	tap_eq(kva, guest_kva(g, VMLINUX_AT_BANNER));
	tap_eq(monitor_read(g->monitor, kva, banner, sizeof(banner)), 0);
	tap_str(banner, VMLINUX_BANNER);

	guest_put(g, GUEST_KERNEL_PERCPU + GUEST_KERNEL_PERCPU_BYTES + VMLINUX_RUNQUEUES, 4711);
	tap_ok(monitor_symbol(g->monitor, "runqueues", &kva), "a per-CPU variable");
	tap_eq(kva, VMLINUX_RUNQUEUES);
	tap_eq(monitor_percpu(g->monitor, kva, 1, &kva), 0);
	tap_eq(monitor_uint(g->monitor, kva, 8, &v), 0);
	tap_eq(v, 4711);
	tap_eq(monitor_uint(g->monitor, kva, 2, &v), 0);
	tap_eq(v, 4711);
	tap_eq(monitor_percpu(g->monitor, 0, GUEST_KERNEL_CPUS, &kva), -EINVAL);
}

static void check_attaches(struct guest_kernel *g, uint64_t cr3, bool lstar)
{
	if (guest_kernel_open(g) &&
	    tap_ok(guest_kernel_attach(g, cr3, lstar) == 0, "%s", err_text(&g->err)))
		check_reads(g);
	guest_kernel_close(g);
}

static void a_kernel_that_kaslr_moved_is_found_by_lstar(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	check_attaches(&g, GUEST_KERNEL_CR3, true);
}

static void without_lstar_it_is_found_by_its_first_page(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	check_attaches(&g, GUEST_KERNEL_CR3, false);
}

static void a_kernel_at_its_link_address_is_found(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	g.slide = 0;
	g.text_gpa = 0x1000000;
	g.direct_kva = UINT64_C(0xffff888000000000);
	check_attaches(&g, GUEST_KERNEL_CR3, true);
}

static void with_five_levels_it_is_found(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	g.five_levels = true;
	g.direct_kva = UINT64_C(0xff11001240000000);
	check_attaches(&g, GUEST_KERNEL_CR3, true);
}

static void a_stripped_kernel_is_found(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	g.make.stripped = true;
	check_attaches(&g, GUEST_KERNEL_CR3, true);
}

static void a_vcpu_in_user_mode_with_page_table_isolation_will_do(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	check_attaches(&g, GUEST_KERNEL_USER_CR3, true);
}

static void vmalloc_is_walked_and_pages_need_not_follow_each_other(void)
{
	static const char text[] = "across two pages";
	struct guest_kernel g = GUEST_KERNEL_INIT;
	char read[sizeof(text)] = "";
	uint64_t v;

	if (guest_kernel_open(&g) && guest_kernel_attach(&g, GUEST_KERNEL_CR3, true) == 0) {
		mm_write(g.mm, GUEST_KERNEL_VMALLOC_GPA + 0x1ffb, text, 5);
		mm_write(g.mm, GUEST_KERNEL_VMALLOC_GPA, text + 5, sizeof(text) - 5);
		tap_eq(monitor_read(g.monitor, GUEST_KERNEL_VMALLOC + 0xffb, read,
				    sizeof(read)), 0);
		tap_str(read, text);
		tap_eq(monitor_uint(g.monitor, GUEST_KERNEL_VMALLOC + 0xffd, 8, &v), 0);
		tap_ok(!memcmp(&v, text + 2, 8), "a number, too");
		tap_eq(monitor_read(g.monitor, GUEST_KERNEL_VMALLOC + 0x1ffb, read,
				    sizeof(read)), -ENOENT);
	}
	guest_kernel_close(&g);
}

static void wild_addresses_are_errors_and_no_zeros(void)
{
	static const struct {
		uint64_t kva;
		int r;
	} wild[] = {
		{ 0, -EINVAL }, { 0x7fffdeadbeef, -EINVAL },
		{ UINT64_C(0xdead000000000100), -EINVAL },	/* not canonical */
		{ UINT64_C(0xffffffffff600000), -ENOENT }, { UINT64_MAX, -ENOENT },
	};
	struct guest_kernel g = GUEST_KERNEL_INIT;

	if (guest_kernel_open(&g) && guest_kernel_attach(&g, GUEST_KERNEL_CR3, true) == 0) {
		uint64_t v;

		for (size_t i = 0; i < ARRAY_SIZE(wild); i++)
			tap_eq(-monitor_uint(g.monitor, wild[i].kva, 8, &v), -wild[i].r);
		/* the direct map ends where RAM ends */
		tap_ok(monitor_uint(g.monitor, g.direct_kva + GUEST_KERNEL_BYTES, 8, &v) < 0,
		       "behind RAM");
		tap_eq(-monitor_uint(g.monitor, g.direct_kva + GUEST_KERNEL_BYTES - 4, 8, &v),
		       ENOENT);
	}
	guest_kernel_close(&g);
}

/* The index stays that of the usual kernel; what lies in memory is another one. */
static void check_stranger(const struct vmlinux_make *other, const char *said)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;
	static uint8_t image[VMLINUX_IMAGE_BYTES];

	if (guest_kernel_open(&g)) {
		vmlinux_image(other, image);
		mm_write(g.mm, g.text_gpa + VMLINUX_AT_BANNER, image + VMLINUX_AT_BANNER, 0x1000);
		mm_write(g.mm, g.text_gpa + VMLINUX_AT_NOTES, image + VMLINUX_AT_NOTES, 0x40);
		tap_eq(-guest_kernel_attach(&g, GUEST_KERNEL_CR3, true), ESTALE);
		tap_ok(strstr(err_text(&g.err), said), "%s", err_text(&g.err));
		tap_ok(!monitor_attached(g.monitor), "not attached");
	}
	guest_kernel_close(&g);
}

static void another_kernel_is_told_by_banner_or_build_id(void)
{
	check_stranger(&(struct vmlinux_make){ .banner = "Linux version 5.4.0 (x@y) #7\n" },
		       "it says \"Linux version 5.4.0 (x@y) #7");
	check_stranger(&(struct vmlinux_make){ .banner = "nothing" }, "its banner is not where");
	check_stranger(&(struct vmlinux_make){ .build_id = "XXXXXXXXXXXXXXXXXXXX" },
		       "another build-id");
}

static void before_the_kernel_is_mapped_it_says_try_again(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	if (guest_kernel_open(&g)) {
		tap_eq(-guest_kernel_attach(&g, 0x9000, false), EAGAIN);
		tap_eq(-guest_kernel_attach(&g, UINT64_C(0xfffffffff000), true), EAGAIN);
		tap_eq(guest_kernel_attach(&g, GUEST_KERNEL_CR3, true), 0);
	}
	guest_kernel_close(&g);
}

static void memory_that_contradicts_itself_is_not_believed(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	if (guest_kernel_open(&g)) {
		guest_put(&g, g.text_gpa + VMLINUX_AT_PHYS_BASE, 0x1234000);
		tap_eq(-guest_kernel_attach(&g, GUEST_KERNEL_CR3, true), EPROTO);
		tap_ok(strstr(err_text(&g.err), "phys_base"), "%s", err_text(&g.err));
	}
	guest_kernel_close(&g);
}

static void a_direct_map_that_is_not_there_is_not_used(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	if (guest_kernel_open(&g)) {
		guest_put(&g, g.text_gpa + VMLINUX_AT_PAGE_OFFSET_BASE, 0x4141414141414141);
		tap_eq(guest_kernel_attach(&g, GUEST_KERNEL_CR3, true), 0);
		tap_eq(monitor_map(g.monitor)->direct_kva, 0);
		/* page tables lead to per-CPU areas all the same */
		g.direct_kva = 0;
		check_reads(&g);
	}
	guest_kernel_close(&g);
}

static void a_guest_that_knows_better_is_not_watched(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	if (guest_kernel_open(&g)) {
		tap_eq(guest_kernel_attach(&g, GUEST_KERNEL_CR3, true), 0);
		tap_eq(monitor_confirm(g.monitor, g.text_gpa, &g.err), 0);
		tap_eq(monitor_confirm(g.monitor, 0, &g.err), 0);
		tap_ok(monitor_attached(g.monitor), "it says the same, or nothing");
		tap_eq(monitor_confirm(g.monitor, g.text_gpa + 0x200000, &g.err), -EPROTO);
		tap_ok(strstr(err_text(&g.err), "the guest says that its kernel lies at 0x"), "%s",
		       err_text(&g.err));
		tap_ok(!monitor_attached(g.monitor), "it says something else");
	}
	guest_kernel_close(&g);
}

static void code_addresses_have_names(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;

	if (guest_kernel_open(&g)) {
		const uint64_t lstar = guest_kva(&g, VMLINUX_AT_ENTRY);
		_cleanup_free_ char *a = monitor_code_name(g.index, lstar + 0x52, lstar);
		_cleanup_free_ char *b = monitor_code_name(g.index, VMLINUX_TEXT + 0x1003, 0);

		tap_str(a, "do_idle+0x12");
		tap_str(b, "entry_SYSCALL_64+0x3");
		tap_ok(!monitor_code_name(g.index, 0x401000, lstar), "user space has none");
	}
	guest_kernel_close(&g);
}

static void pages_of_every_size_are_walked(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;
	struct walk w = { .root_gpa = 0x100000 };
	uint64_t gpa, left;

	if (guest_open_memory(&g)) {
		g.next_table = 0x200000;
		guest_map(&g, w.root_gpa, UINT64_C(0xffffffff80000000), 0x40000000, 30);
		guest_map(&g, w.root_gpa, 0x40000000, 0x600000, 21);
		guest_map(&g, w.root_gpa, 0x1000, 0x5000, 12);
		tap_eq(walk_translate(g.mm, &w, UINT64_C(0xffffffff80000123), &gpa, &left), 0);
		tap_ok(gpa == 0x40000123 && left == 0x40000000 - 0x123, "1 GiB");
		tap_eq(walk_translate(g.mm, &w, 0x401fffff, &gpa, &left), 0);
		tap_ok(gpa == 0x7fffff && left == 1, "2 MiB");
		tap_eq(walk_translate(g.mm, &w, 0x1fff, &gpa, &left), 0);
		tap_ok(gpa == 0x5fff && left == 1, "4 KiB");
		tap_eq(-walk_translate(g.mm, &w, 0x2000, &gpa, &left), ENOENT);
		/* a page of 512 GiB does not exist */
		guest_put(&g, w.root_gpa + 8, 0x83);
		tap_eq(-walk_translate(g.mm, &w, UINT64_C(1) << 39, &gpa, &left), EINVAL);
		/* a table outside of memory */
		guest_put(&g, w.root_gpa + 16, 0x7000000000 | 3);
		tap_eq(-walk_translate(g.mm, &w, UINT64_C(2) << 39, &gpa, &left), EFAULT);
		/* one that is its own table ends after as many steps as there are levels */
		guest_put(&g, w.root_gpa + 24, w.root_gpa | 3);
		tap_eq(walk_translate(g.mm, &w, UINT64_C(0x180c0603000), &gpa,
				      &left), 0);
		tap_eq(gpa, w.root_gpa);
	}
	guest_kernel_close(&g);
}

int main(void)
{
	TAP_RUN(a_kernel_that_kaslr_moved_is_found_by_lstar);
	TAP_RUN(without_lstar_it_is_found_by_its_first_page);
	TAP_RUN(a_kernel_at_its_link_address_is_found);
	TAP_RUN(with_five_levels_it_is_found);
	TAP_RUN(a_stripped_kernel_is_found);
	TAP_RUN(a_vcpu_in_user_mode_with_page_table_isolation_will_do);
	TAP_RUN(vmalloc_is_walked_and_pages_need_not_follow_each_other);
	TAP_RUN(wild_addresses_are_errors_and_no_zeros);
	TAP_RUN(another_kernel_is_told_by_banner_or_build_id);
	TAP_RUN(before_the_kernel_is_mapped_it_says_try_again);
	TAP_RUN(memory_that_contradicts_itself_is_not_believed);
	TAP_RUN(a_direct_map_that_is_not_there_is_not_used);
	TAP_RUN(a_guest_that_knows_better_is_not_watched);
	TAP_RUN(code_addresses_have_names);
	TAP_RUN(pages_of_every_size_are_walked);
	return tap_done();
}
