/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables of any bytes: a place and a rest of the page that fit together, or an error. */
#include <errno.h>

#include "mm/mm.h"
#include "monitor/walk.h"
#include "test/fuzz.h"

#define TABLES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t bytes = UINT64_C(2) << 20;
	struct fuzz_in in = { data, size };
	struct mm_layout layout;
	struct walk w;
	struct mm *mm;
	unsigned used = 0;

	FUZZ_CHECK(mm_layout_build(&bytes, 1, 0, 46, &layout, NULL) == 0);
	FUZZ_CHECK(mm_create(&layout, &mm, NULL) == 0);
	w.root_gpa = fuzz_u8(&in) % TABLES << 12;
	w.five_levels = fuzz_u8(&in) & 1;
	/* entries that mostly lead to one of the tables, in slots that va selects */
	while (in.left > 16 && used < 64) {
		uint64_t entry = fuzz_u64(&in);

		if (fuzz_u8(&in) & 7)
			entry = (entry & UINT64_C(0x80000000000000ff)) |
				(uint64_t)(fuzz_u8(&in) % TABLES) << 12 | 1;
		mm_write(mm, (uint64_t)(fuzz_u8(&in) % TABLES) << 12 | (fuzz_u8(&in) & 3) * 8,
			 &entry, sizeof(entry));
		used++;
	}
	for (unsigned i = 0; i < 64; i++) {
		/* slots 0 to 3 on each level; now and then anything */
		uint64_t va = 0, gpa = 0, left = 0;
		int r;

		for (unsigned level = 0; level < 5; level++)
			va |= (uint64_t)(i >> level & 3) << (12 + 9 * level);
		if (i > 56)
			va = fuzz_u64(&in);
		r = walk_translate(mm, &w, va, &gpa, &left);
		FUZZ_CHECK(r == 0 || r == -ENOENT || r == -EFAULT || r == -EINVAL);
		if (r == 0)
			FUZZ_CHECK(left && left <= UINT64_C(1) << 30 && !(gpa >> 52) &&
				   !((gpa ^ va) & 0xfff) && !((gpa + left) & 0xfff));
	}
	mm_destroy(mm);
	return 0;
}
