/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KALLSYMS_H
#define KTSTR_MONITOR_KALLSYMS_H
/*
 * The symbol tables that a kernel carries for itself (CONFIG_KALLSYMS), found
 * and decoded in the bytes of its image: a distribution's bzImage has no other.
 *
 * The tables have no header and moved about between releases, so nothing is
 * told by a version: the tokens are found by their form, what lies around them
 * by whether it fits together. Known orders (scripts/kallsyms.c), each table
 * aligned to 8 bytes, from 7.0 to 4:
 *
 *   to 6.4    offsets base | count names markers [seqs, from 6.2] | tokens token_index
 *   from 6.5                 count names markers | tokens token_index | offsets base seqs
 *   from 7.0                 count names markers | tokens token_index | offsets seqs
 *
 * and offsets that count from base, or where a positive one is an absolute
 * (per-CPU) address and a negative one counts from base - 1; from 7.0 each counts
 * from where it is linked itself.
 *
 * Thread: any. Bounded: the work is at most some passes over the image.
 */
#include <stddef.h>
#include <stdint.h>

struct err;

#define KALLSYMS_NAME_MAX 512		/* KSYM_NAME_LEN since 6.1 */

/* A symbol, ascending by address. type is nm's letter; name is no string. Negative: stop. */
typedef int kallsyms_fn(uint64_t addr, char type, const char *name, size_t len, void *arg);

/* Where byte off of the image is linked; 0: nowhere. */
typedef uint64_t kallsyms_linked_fn(size_t off, void *arg);

struct kallsyms_image {
	const uint8_t *bytes;
	size_t n;
	kallsyms_linked_fn *linked;
	void *arg;
};

/* -ENODATA when no such tables are in the image; what fn returned when it was negative. */
int kallsyms_decode(const struct kallsyms_image *image, kallsyms_fn *fn, void *arg, struct err *e);

#endif
