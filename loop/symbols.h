/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_SYMBOLS_H
#define KTSTR_LOOP_SYMBOLS_H
/*
 * Names for the guest's code addresses, from a System.map, for the reason of a
 * hang. KASLR moves the kernel's text by one distance; it is found by
 * comparing MSR_LSTAR with where entry_SYSCALL_64 was linked.
 * Thread: control. Blocks for the time it takes to read the file.
 */
#include <stdint.h>

struct symbols;

/* NULL when the file cannot be read or has no text symbols. */
struct symbols *symbols_load(const char *system_map);
void symbols_destroy(struct symbols *s);

/* "do_idle+0x12" (malloc'ed), or NULL. lstar 0: KASLR's distance is not known. */
char *symbols_name(const struct symbols *s, uint64_t rip, uint64_t lstar);

#endif
