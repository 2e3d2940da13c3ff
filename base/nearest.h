/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_NEAREST_H
#define KTSTR_BASE_NEAREST_H
/*
 * "Did you mean ...?": the word of a list that is nearest to one that was
 * mistyped. Offer every known word, then ask.
 *
 * Borrows the words. Thread: any.
 */
#include <stddef.h>

struct nearest {
	const char *word;
	const char *best;
	unsigned distance;	/* of best */
};

#define NEAREST_INIT(w) { .word = (w) }

void nearest_offer(struct nearest *n, const char *known);

/* The nearest one, or NULL when none is near enough to be worth a hint. */
const char *nearest_get(const struct nearest *n);

#endif
