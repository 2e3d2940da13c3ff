/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as ld.so.cache: what is found lies in them and ends in them. */
#include <elf.h>

#include "base/util.h"
#include "boot/ldcache.h"
#include "test/fuzz.h"

struct new_cache {
	char magic[20];		/* all of it text: no room for a NUL */
	uint32_t count, string_bytes;
	uint8_t flags, padding[3];
	uint32_t extension, unused[3];
	struct {
		uint32_t flags, name, path, osversion;
		uint64_t hwcap;
	} entry[2];
	char text[32];
};

#define TEXT offsetof(struct new_cache, text)
#define NEW_CACHE {							\
	.magic = "glibc-ld.so.cache1.1", .count = 2, .flags = 2,		\
	.entry = {							\
		{ 0x0303, TEXT, TEXT + 8, 0, UINT64_C(1) << 62 },	\
		{ 0x0303, TEXT, TEXT + 8, 0, 0 },			\
	},								\
	.text = "liba.so\0/lib/liba.so",				\
}

static const struct new_cache alone = NEW_CACHE;

static const struct {
	char magic[12];
	uint32_t count;
	struct {
		uint32_t flags, name, path;
	} entry[2];
	struct new_cache behind;
} both = { .magic = "ld.so-1.7.0", .count = 2, .behind = NEW_CACHE };

const struct fuzz_seed fuzz_seeds[] = {
	{ &alone, sizeof(alone) },
	{ &both, sizeof(both) },
	{ NULL, 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "liba.so", "", "/lib/liba.so" };
	static const struct {
		unsigned elf_class, machine;
	} abis[] = {
		{ ELFCLASS64, EM_X86_64 },
		{ ELFCLASS32, EM_386 },
		{ ELFCLASS64, EM_AARCH64 },
	};
	struct ldcache c;

	if (ldcache_init(&c, data, size) < 0)
		return 0;
	FUZZ_CHECK(c.data >= data && c.data + c.size == data + size);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(abis); k++) {
			const char *path = ldcache_find(&c, names[i], abis[k].elf_class,
							abis[k].machine);

			if (!path)
				continue;
			FUZZ_CHECK(path[0] == '/');
			FUZZ_CHECK((const uint8_t *)path + strlen(path) < data + size);
		}
	}
	return 0;
}
