/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 4- and 5-level paging with pages of 4 KiB, 2 MiB and 1 GiB.
 * Source: Intel SDM vol. 3A, 4.5 "4-level paging and 5-level paging".
 */
#include "monitor/walk.h"

#include <errno.h>
#include <stddef.h>

#include "mm/mm.h"
#include "monitor/le.h"

#define PRESENT (UINT64_C(1) << 0)
#define PAGE_SIZE_BIT (UINT64_C(1) << 7)	/* this entry maps a page, not a table */
#define ADDRESS UINT64_C(0x000ffffffffff000)	/* bits 51:12 */
#define PAGE_SHIFT 12
#define LEVEL_BITS 9
#define LEVEL_1G 2				/* counted from the 4 KiB level, 0 */

static bool canonical(uint64_t va, unsigned bits)
{
	const int64_t top = (int64_t)va >> (bits - 1);

	return top == 0 || top == -1;
}

int walk_translate(const struct mm *mm, const struct walk *w, uint64_t va, uint64_t *ret_gpa,
		   uint64_t *ret_left)
{
	const unsigned levels = w->five_levels ? 5 : 4;
	uint64_t table = w->root_gpa & ADDRESS;

	if (!canonical(va, PAGE_SHIFT + levels * LEVEL_BITS))
		return -EINVAL;
	for (unsigned level = levels; level-- > 0;) {
		const unsigned shift = PAGE_SHIFT + level * LEVEL_BITS;
		const uint64_t slot = va >> shift & ((1u << LEVEL_BITS) - 1);
		const uint64_t inside = (UINT64_C(1) << shift) - 1;
		uint64_t entry;

		if (mm_read(mm, table + slot * sizeof(entry), &entry, sizeof(entry)) < 0)
			return -EFAULT;
		entry = le64toh(entry);
		if (!(entry & PRESENT))
			return -ENOENT;
		if (level > 0 && !(entry & PAGE_SIZE_BIT)) {
			table = entry & ADDRESS;
			continue;
		}
		if (level > LEVEL_1G)	/* reserved: there are no pages of 512 GiB */
			return -EINVAL;
		*ret_gpa = (entry & ADDRESS & ~inside) | (va & inside);
		*ret_left = inside + 1 - (va & inside);
		return 0;
	}
	return -EINVAL;
}
