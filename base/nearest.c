/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nearest known word by optimal string alignment: insertions, deletions,
 * substitutions and swaps of neighbours cost one each.
 */
#include "base/nearest.h"

#include <string.h>

#include "base/util.h"

#define WORD_MAX 64

static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][WORD_MAX + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= nb; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *free_row = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			now[j] = MIN(MIN(last[j], now[j - 1]) + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = free_row;
	}
	return last[nb];
}

void nearest_offer(struct nearest *n, const char *known)
{
	size_t a = strlen(n->word), b = strlen(known);
	unsigned d;

	if (a > WORD_MAX || b > WORD_MAX)
		return;
	d = distance(n->word, a, known, b);
	if (n->best && d >= n->distance)
		return;
	n->best = known;
	n->distance = d;
}

const char *nearest_get(const struct nearest *n)
{
	/* a third of the letters may be wrong, and one in a short word */
	size_t tolerated = MAX(strlen(n->word) / 3, (size_t)1);

	return n->best && n->distance <= tolerated && n->distance < strlen(n->best) ?
		n->best : NULL;
}
