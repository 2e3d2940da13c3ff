/* SPDX-License-Identifier: GPL-2.0-only */
/* mm/: where memory lies, and the one door to it. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "mm/mm.h"
#include "test/tap.h"

static struct mm_layout build(const uint64_t *node, unsigned nodes, uint64_t ring)
{
	struct mm_layout l = { 0 };
	struct err e = ERR_INIT;
	int r = mm_layout_build(node, nodes, ring, 46, &l, &e);

	tap_ok(r == 0, "%s", err_text(&e));
	return l;
}

static void small_memory_is_one_region_and_the_ring_lies_above_4g(void)
{
	struct mm_layout l = build((uint64_t[]){ 256 * MIB }, 1, MIB);

	tap_eq(l.count, 2);
	tap_eq(l.region[0].gpa, 0);
	tap_eq(l.region[0].size, 256 * MIB);
	tap_ok(mm_layout_ring(&l) == &l.region[1], "the ring is the last");
	tap_eq(l.region[1].gpa, 4 * GIB);
	tap_eq(l.ram_bytes, 256 * MIB);
	tap_eq(l.ram_top, 256 * MIB);
}

static void memory_around_the_hole_is_never_in_it(void)
{
	static const uint64_t sizes[] = {
		3 * GIB - 2 * MIB, 3 * GIB, 3 * GIB + 2 * MIB, 5 * GIB, 64 * GIB,
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mm_layout l = build(&sizes[i], 1, MIB);
		uint64_t sum = 0;

		for (unsigned k = 0; k < l.count; k++) {
			const struct mm_region *r = &l.region[k];

			tap_ok(r->gpa + r->size <= MM_HOLE_START || r->gpa >= MM_HOLE_END,
			       "region %u of %llu", k, (unsigned long long)sizes[i]);
			tap_ok(!k || r->gpa >= r[-1].gpa + r[-1].size, "ascending");
			tap_eq(r->gpa % MM_ALIGN, 0);
			sum += r->kind == MM_RAM ? r->size : 0;
		}
		tap_eq(sum, sizes[i]);
		tap_ok(mm_layout_ring(&l)->gpa >= l.ram_top, "the ring is above RAM");
	}
}

static void a_node_that_straddles_the_hole_is_two_regions_of_one_node(void)
{
	const uint64_t node[] = { 2 * GIB, 2 * GIB, 0, GIB };
	struct mm_layout l = build(node, 4, 0);

	tap_eq(l.count, 4);
	tap_eq(l.region[0].node, 0);
	tap_eq(l.region[1].node, 1);
	tap_eq(l.region[1].gpa + l.region[1].size, MM_HOLE_START);
	tap_eq(l.region[2].node, 1);
	tap_eq(l.region[2].gpa, MM_HOLE_END);
	tap_eq(l.region[3].node, 3);
	tap_ok(!mm_layout_ring(&l), "no ring was asked for");
}

static void bad_sizes_are_refused_with_the_rule(void)
{
	struct mm_layout l;
	struct err e = ERR_INIT;
	uint64_t many[MM_NODES_MAX + 1] = { 0 };

	tap_eq(mm_layout_build((uint64_t[]){ MIB }, 1, 0, 46, &l, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "multiple of 2M"), "%s", err_text(&e));
	tap_eq(mm_layout_build((uint64_t[]){ 0 }, 1, 0, 46, &l, &e), -EINVAL);
	tap_eq(mm_layout_build(many, 0, 0, 46, &l, &e), -EINVAL);
	tap_eq(mm_layout_build(many, MM_NODES_MAX + 1, 0, 46, &l, &e), -EINVAL);
	tap_eq(mm_layout_build((uint64_t[]){ 2 * MIB }, 1, 100, 46, &l, &e), -EINVAL);
	tap_eq(mm_layout_build((uint64_t[]){ UINT64_MAX - 2 * MIB + 1 }, 1, 0, 46, &l, &e),
	       -E2BIG);
	tap_eq(mm_layout_build((uint64_t[]){ 64 * GIB }, 1, 0, 36, &l, &e), -E2BIG);
	tap_ok(strstr(err_text(&e), "36 bits"), "%s", err_text(&e));
}

/* 4 MiB, 2 MiB and a ring. */
static struct mm *two_nodes(void)
{
	struct mm_layout l = build((uint64_t[]){ 4 * MIB, 2 * MIB }, 2, MIB);
	struct err e = ERR_INIT;
	struct mm *m = NULL;

	tap_ok(mm_create(&l, &m, &e) == 0, "%s", err_text(&e));
	return m;
}

static void the_door_opens_only_for_what_lies_in_one_region(void)
{
	struct mm *m = two_nodes();
	char back[4] = "";
	uint64_t ring;

	if (!m)
		return;
	ring = mm_layout_ring(mm_layout(m))->gpa;
	tap_ok(mm_view(m, 0, 4 * MIB), "a whole region");
	tap_ok(!mm_view(m, 0, 4 * MIB + 1), "one byte into the next");
	tap_ok(!mm_view(m, 6 * MIB, 1), "behind RAM");
	tap_ok(mm_view(m, 4 * MIB - 1, 1), "the last byte");
	tap_ok(!mm_view(m, 4 * MIB - 1, 2), "two bytes from the last");
	tap_ok(!mm_view(m, 8, UINT64_MAX), "a length that wraps");
	tap_ok(!mm_view(m, UINT64_MAX, 2), "an address that wraps");
	tap_ok(mm_view(m, ring, MIB) && !mm_view(m, ring, MIB + 1), "the ring");
	tap_eq((uintptr_t)mm_view(m, 0, 1) % MM_ALIGN, 0);
	tap_eq((uintptr_t)mm_view(m, 4 * MIB, 1) % MM_ALIGN, 0);
	tap_eq(mm_write(m, 4 * MIB - 3, "abc", 3), 0);
	tap_eq(mm_read(m, 4 * MIB - 3, back, 3), 0);
	tap_str(back, "abc");
	tap_eq(mm_write(m, 4 * MIB - 3, "abcd", 4), -EFAULT);
	tap_eq(mm_read(m, 5 * GIB, back, 1), -EFAULT);
	mm_destroy(m);
	mm_destroy(NULL);
}

/* A file of n bytes 'f'. */
static int file_of(size_t n)
{
	char page[4096];
	int fd = memfd_create("file", MFD_CLOEXEC);

	memset(page, 'f', sizeof(page));
	for (size_t done = 0; done < n; done += MIN(n - done, sizeof(page)))
		if (write(fd, page, MIN(n - done, sizeof(page))) < 0)
			abort();
	return fd;
}

static void a_file_is_seen_in_ram_and_keeps_what_it_has(void)
{
	struct mm *m = two_nodes();
	int fd = file_of(12288);
	struct err e = ERR_INIT;
	char byte;

	if (!m)
		return;
	mm_write(m, 2 * MIB - 1, "<", 1);
	mm_write(m, 2 * MIB + 12288, ">", 1);
	tap_ok(mm_map_file(m, 2 * MIB, fd, 10000, &e) == 0, "%s", err_text(&e));
	tap_eq(*(char *)mm_view(m, 2 * MIB, 1), 'f');
	tap_eq(*(char *)mm_view(m, 2 * MIB + 12287, 1), 'f');
	tap_eq(*(char *)mm_view(m, 2 * MIB - 1, 1), '<');
	tap_eq(*(char *)mm_view(m, 2 * MIB + 12288, 1), '>');
	tap_eq(mm_write(m, 2 * MIB + 5000, "guest", 5), 0);
	tap_ok(!memcmp(mm_view(m, 2 * MIB + 5000, 6), "guestf", 6), "the guest sees its own");
	tap_ok(pread(fd, &byte, 1, 5000) == 1 && byte == 'f', "the file does not");
	close(fd);
	mm_destroy(m);
}

static void what_is_no_whole_pages_of_ram_and_of_the_file_is_refused(void)
{
	struct mm *m = two_nodes();
	int fd = file_of(12288), odd = file_of(10000);
	struct err e = ERR_INIT;

	if (!m)
		return;
	tap_eq(mm_map_file(m, 100, fd, 4096, &e), -EINVAL);
	tap_eq(mm_map_file(m, 4096, fd, 0, &e), -EINVAL);
	tap_eq(mm_map_file(m, 4 * MIB - 4096, fd, 4097, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "one region"), "%s", err_text(&e));
	tap_eq(mm_map_file(m, 6 * MIB, fd, 4096, &e), -EINVAL);
	tap_eq(mm_map_file(m, 4096, fd, UINT64_MAX - 100, &e), -EINVAL);
	tap_eq(mm_map_file(m, mm_layout_ring(mm_layout(m))->gpa, fd, 4096, &e), -EINVAL);
	tap_eq(mm_map_file(m, 4096, fd, 12289, &e), -EINVAL);
	tap_eq(mm_map_file(m, 4096, odd, 10000, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "10000"), "%s", err_text(&e));
	close(odd);
	close(fd);
	mm_destroy(m);
}

int main(void)
{
	TAP_RUN(small_memory_is_one_region_and_the_ring_lies_above_4g);
	TAP_RUN(memory_around_the_hole_is_never_in_it);
	TAP_RUN(a_node_that_straddles_the_hole_is_two_regions_of_one_node);
	TAP_RUN(bad_sizes_are_refused_with_the_rule);
	TAP_RUN(the_door_opens_only_for_what_lies_in_one_region);
	TAP_RUN(a_file_is_seen_in_ram_and_keeps_what_it_has);
	TAP_RUN(what_is_no_whole_pages_of_ram_and_of_the_file_is_refused);
	return tap_done();
}
