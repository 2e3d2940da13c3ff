/* SPDX-License-Identifier: GPL-2.0-only */
/* System.map: one line per symbol, sorted by address: "<hex> <type> <name>". */
#include "loop/symbols.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/util.h"

/* A symbol further away than this is not where the address is. */
#define REACH (UINT64_C(1) << 20)

struct symbols {
	struct file_map map;
	uint64_t entry;			/* entry_SYSCALL_64 as linked, 0: not there */
};

/* The next line of text symbols from *at on; false at the end. */
static bool next(const struct symbols *s, size_t *at, uint64_t *addr, const char **name,
		 size_t *len)
{
	const char *text = (const char *)s->map.data;

	while (*at < s->map.size) {
		const char *line = text + *at;
		const char *end = memchr(line, '\n', s->map.size - *at);
		size_t n = end ? (size_t)(end - line) : s->map.size - *at;
		char hex[17] = "";

		*at += n + 1;
		/* 16 digits, a space, the type, a space, the name */
		if (n < 20 || line[16] != ' ' || tolower((unsigned char)line[17]) != 't')
			continue;
		memcpy(hex, line, 16);
		*addr = strtoull(hex, NULL, 16);
		*name = line + 19;
		*len = n - 19;
		return true;
	}
	return false;
}

struct symbols *symbols_load(const char *system_map)
{
	struct symbols *s = calloc(1, sizeof(*s));
	size_t at = 0, len, count = 0;
	const char *name;
	uint64_t addr;

	if (!s)
		return NULL;
	if (file_map(system_map, &s->map, NULL) < 0) {
		free(s);
		return NULL;
	}
	for (; next(s, &at, &addr, &name, &len); count++)
		if (len == strlen("entry_SYSCALL_64") && !memcmp(name, "entry_SYSCALL_64", len))
			s->entry = addr;
	if (!count) {
		symbols_destroy(s);
		return NULL;
	}
	return s;
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	file_unmap(&s->map);
	free(s);
}

char *symbols_name(const struct symbols *s, uint64_t rip, uint64_t lstar)
{
	uint64_t slide = lstar && s->entry ? lstar - s->entry : 0, addr, best = 0;
	const char *name, *best_name = NULL;
	size_t at = 0, len, best_len = 0;
	char *text;

	while (next(s, &at, &addr, &name, &len)) {
		addr += slide;
		if (addr > rip || addr < best)
			continue;
		best = addr;
		best_name = name;
		best_len = len;
	}
	if (!best_name || rip - best >= REACH)
		return NULL;
	if (asprintf(&text, "%.*s+0x%" PRIx64, (int)MIN(best_len, 100), best_name, rip - best) < 0)
		return NULL;
	return text;
}
