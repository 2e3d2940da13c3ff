/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache of the dynamic linker, as sysdeps/generic/dl-cache.h of glibc lays
 * it out; in the byte order of the machine, of which ours is little-endian.
 *
 *   new  +0 "glibc-ld.so.cache" "1.1", +20 entries, +24 bytes of strings,
 *        +28 flags (2: little-endian), 48 bytes; then entries of 24 bytes:
 *        +0 flags, +4 name, +8 path (offsets from the header), +16 hwcap
 *   old  +0 "ld.so-1.7.0", +12 entries, 16 bytes; then entries of 12 bytes
 */
#include "boot/ldcache.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

#define NEW_MAGIC "glibc-ld.so.cache1.1"
#define NEW_HEADER 48
#define NEW_ENTRY 24
#define NEW_ALIGN 8
#define OLD_MAGIC "ld.so-1.7.0"
#define OLD_HEADER 16
#define OLD_ENTRY 12
#define ENDIAN_MASK 3
#define ENDIAN_LITTLE 2

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* Where the new format starts: behind the old one, when that is there. */
static uint64_t new_start(const uint8_t *p, size_t n)
{
	if (n < OLD_HEADER || memcmp(p, OLD_MAGIC, strlen(OLD_MAGIC)))
		return 0;
	return round_up(OLD_HEADER + (uint64_t)get32(p + 12) * OLD_ENTRY, NEW_ALIGN);
}

int ldcache_init(struct ldcache *c, const void *bytes, size_t n)
{
	uint64_t start = new_start(bytes, n);
	const uint8_t *p = bytes;
	unsigned endian;
	uint32_t count;

	*c = (struct ldcache){ 0 };
	if (start > n || n - start < NEW_HEADER)
		return -EINVAL;
	p += start;
	n -= start;
	if (memcmp(p, NEW_MAGIC, strlen(NEW_MAGIC)))
		return -EINVAL;
	endian = p[28] & ENDIAN_MASK;
	if (endian && endian != ENDIAN_LITTLE)	/* old ldconfigs leave it 0 */
		return -EINVAL;
	count = get32(p + 20);
	if (count > (n - NEW_HEADER) / NEW_ENTRY)
		return -EINVAL;
	*c = (struct ldcache){ .data = p, .size = n, .count = count };
	return 0;
}

/* The string at an offset from the header, NULL unless it ends in the file. */
static const char *string_at(const struct ldcache *c, uint32_t offset)
{
	if (offset >= c->size || !memchr(c->data + offset, '\0', c->size - offset))
		return NULL;
	return (const char *)c->data + offset;
}

/* Without a search for the end of the string: entries are many. */
static bool string_is(const struct ldcache *c, uint32_t offset, const char *s)
{
	size_t n = strlen(s) + 1;

	return offset < c->size && n <= c->size - offset && !memcmp(c->data + offset, s, n);
}

/* Entry flags: type of the library (3: ELF for glibc 2) and the ABI. */
static int wanted_flags(unsigned elf_class, unsigned machine)
{
	static const struct {
		unsigned elf_class, machine;
		int flags;
	} abis[] = {
		{ ELFCLASS64, EM_X86_64, 0x0303 },
		{ ELFCLASS32, EM_X86_64, 0x0803 },
		{ ELFCLASS32, EM_386, 0x0003 },
		{ ELFCLASS64, EM_AARCH64, 0x0a03 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		if (abis[i].elf_class == elf_class && abis[i].machine == machine)
			return abis[i].flags;
	return -1;
}

const char *ldcache_find(const struct ldcache *c, const char *soname, unsigned elf_class,
			 unsigned machine)
{
	int flags = wanted_flags(elf_class, machine);

	if (flags < 0)
		return NULL;
	for (uint32_t i = 0; i < c->count; i++) {
		const uint8_t *ent = c->data + NEW_HEADER + (size_t)i * NEW_ENTRY;
		const char *path;

		if (get32(ent) != (uint32_t)flags || get64(ent + 16))
			continue;
		if (!string_is(c, get32(ent + 4), soname))
			continue;
		path = string_at(c, get32(ent + 8));
		return path && path[0] == '/' ? path : NULL;
	}
	return NULL;
}
