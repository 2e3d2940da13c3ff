/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_CPULIST_H
#define KTSTR_BASE_CPULIST_H
/*
 * A set of CPU numbers, and its text as the kernel writes it: "0,2-5"
 * (Documentation/admin-guide/cputopology.rst). Thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

#define CPULIST_MAX 512

struct buf;

struct cpulist {
	uint64_t word[CPULIST_MAX / 64];
};

/* CPUs below limit (at most CPULIST_MAX). -EINVAL: no such list; -ERANGE: a number too large. */
int cpulist_parse(const char *s, unsigned limit, struct cpulist *ret);
void cpulist_format(const struct cpulist *l, struct buf *out);

bool cpulist_has(const struct cpulist *l, unsigned cpu);
unsigned cpulist_count(const struct cpulist *l);

#endif
