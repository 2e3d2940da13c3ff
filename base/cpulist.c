/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPU numbers and their text. */
#include "base/cpulist.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>

#include "base/buf.h"
#include "base/util.h"

static void cpulist_add(struct cpulist *l, unsigned cpu)
{
	assert(cpu < CPULIST_MAX);
	l->word[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

bool cpulist_has(const struct cpulist *l, unsigned cpu)
{
	return cpu < CPULIST_MAX && l->word[cpu / 64] >> cpu % 64 & 1;
}

unsigned cpulist_count(const struct cpulist *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(l->word); i++)
		n += (unsigned)__builtin_popcountll(l->word[i]);
	return n;
}

/* A number below limit at *s, which moves behind it. */
static int take_number(const char **s, unsigned limit, unsigned *ret)
{
	unsigned v = 0;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); ++*s)
		v = MIN(v * 10 + (unsigned)(**s - '0'), (unsigned)CPULIST_MAX);
	if (v >= limit)
		return -ERANGE;
	*ret = v;
	return 0;
}

int cpulist_parse(const char *s, unsigned limit, struct cpulist *ret)
{
	struct cpulist l = { 0 };

	assert(limit <= CPULIST_MAX);
	do {
		unsigned first, last;
		int r = take_number(&s, limit, &first);

		last = first;
		if (r == 0 && *s == '-') {
			s++;
			r = take_number(&s, limit, &last);
		}
		if (r < 0)
			return r;
		if (last < first)
			return -EINVAL;
		for (unsigned i = first; i <= last; i++)
			cpulist_add(&l, i);
	} while (*s++ == ',');
	if (s[-1])
		return -EINVAL;
	*ret = l;
	return 0;
}

void cpulist_format(const struct cpulist *l, struct buf *out)
{
	const char *comma = "";

	for (unsigned i = 0; i < CPULIST_MAX; i++) {
		unsigned last = i;

		if (!cpulist_has(l, i))
			continue;
		while (cpulist_has(l, last + 1))
			last++;
		buf_fmt(out, last > i ? "%s%u-%u" : "%s%u", comma, i, last);
		comma = ",";
		i = last;
	}
}
