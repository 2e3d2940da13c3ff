/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_LDCACHE_H
#define KTSTR_BOOT_LDCACHE_H
/*
 * Reads /etc/ld.so.cache: the format "glibc-ld.so.cache1.1", alone or behind a
 * table of the old format. Any bytes are fine as input; what does not hold
 * together is an empty cache.
 *
 * Thread: any.
 */
#include <stddef.h>
#include <stdint.h>

struct ldcache {
	const uint8_t *data;	/* borrowed: the new format's header */
	size_t size;		/* to the end of the file */
	uint32_t count;		/* entries that lie in data */
};

/* 0 or -EINVAL. The bytes are borrowed. */
int ldcache_init(struct ldcache *c, const void *bytes, size_t n);

/*
 * The path of soname for this ELF class and machine, NULL when there is none.
 * Variants for particular CPUs (glibc-hwcaps) are passed over: the guest's CPU
 * may be another one, and the base version runs everywhere.
 */
const char *ldcache_find(const struct ldcache *c, const char *soname, unsigned elf_class,
			 unsigned machine);

#endif
