/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_WALK_H
#define KTSTR_MONITOR_WALK_H
/*
 * Page tables of the guest, walked in software. They are guest data: each entry
 * is read once, and a walk has as many steps as there are levels, so tables that
 * point to themselves or nowhere cost nothing and yield an error.
 *
 * Each architecture has its file (x86_walk.c). Pure; thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

struct mm;

struct walk {
	uint64_t root_gpa;		/* of the top table */
	bool five_levels;		/* x86: CR4.LA57 */
};

/*
 * Where va lies, and how many bytes from there on lie in the same page.
 * -ENOENT: not mapped. -EFAULT: a table is not in guest memory. -EINVAL: va is
 * not canonical, or an entry is one that the CPU refuses.
 */
int walk_translate(const struct mm *mm, const struct walk *w, uint64_t va, uint64_t *ret_gpa,
		   uint64_t *ret_left);

#endif
