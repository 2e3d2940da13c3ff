/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SELECT_H
#define KTSTR_INIT_SELECT_H
/* Which tests run, and in which order. Pure. Thread: any. */
#include <stdbool.h>
#include <stddef.h>

struct ktstr_test;

/*
 * Calls fn for each test to run: those whose names are the lines of names, in
 * that order, with t NULL for a name that no test has; without any name, all
 * but those tagged "manual". -ENOMEM or 0.
 *
 * A test from a program that was built with another version of the header is
 * handed on with the members that both know; t dies with the call.
 */
int init_select(const struct ktstr_test *const *tests, size_t count, const char *names,
		void (*fn)(const char *name, const struct ktstr_test *t, void *arg), void *arg);

/* Is word one of the comma-separated tags? tags may be NULL. */
bool init_select_has_tag(const char *tags, const char *word);

#endif
