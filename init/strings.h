/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_STRINGS_H
#define KTSTR_INIT_STRINGS_H
/* Lists of strings, as the host hands them over: each with a NUL behind it. Thread: any. */
#include <stddef.h>

struct file_map;

/*
 * The n strings given and behind them those of the file, then NULL. The array
 * is the caller's to free, the strings are borrowed; NULL: no memory.
 */
char **init_strings(const struct file_map *m, const char *const *first, size_t n);

#endif
