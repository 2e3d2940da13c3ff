/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_CPIO_READ_H
#define KTSTR_TEST_CPIO_READ_H
/*
 * A reader of newc archives that shares nothing with their writer. Everything
 * it returns lies in the buffer that it was given.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"

#define CPIO_READ_MAX 256

struct cpio_item {
	const char *name;
	uint32_t ino, mode, uid, gid, links, mtime;
	const uint8_t *data;
	uint32_t size;
};

struct cpio_archive {
	struct cpio_item item[CPIO_READ_MAX];
	unsigned count;
	bool trailer, broken;
	size_t end;		/* behind the trailer */
};

static uint32_t cpio_hex8(const uint8_t *p)
{
	char text[9] = { 0 };

	memcpy(text, p, 8);
	return (uint32_t)strtoul(text, NULL, 16);
}

__attribute__((unused)) static struct cpio_archive cpio_read(const struct buf *b)
{
	struct cpio_archive a = { .broken = true };
	size_t at = 0;

	while (at + 110 <= b->len && !a.trailer) {
		const uint8_t *h = b->data + at;
		uint32_t name_bytes = cpio_hex8(h + 94), size = cpio_hex8(h + 54);
		size_t data = (at + 110 + name_bytes + 3) & ~(size_t)3;

		if (memcmp(h, "070701", 6) || at % 4 || data + size > b->len ||
		    h[110 + name_bytes - 1] || a.count == ARRAY_SIZE(a.item))
			return a;
		a.item[a.count] = (struct cpio_item){
			.name = (const char *)h + 110, .ino = cpio_hex8(h + 6),
			.mode = cpio_hex8(h + 14), .uid = cpio_hex8(h + 22),
			.gid = cpio_hex8(h + 30), .links = cpio_hex8(h + 38),
			.mtime = cpio_hex8(h + 46), .data = b->data + data, .size = size,
		};
		a.trailer = !strcmp(a.item[a.count].name, "TRAILER!!!");
		a.count += !a.trailer;
		at = (data + size + 3) & ~(size_t)3;
	}
	a.end = at;
	a.broken = !a.trailer;
	return a;
}

/* NULL when it is not there. name has no leading slash. */
__attribute__((unused))
static const struct cpio_item *cpio_find(const struct cpio_archive *a, const char *name)
{
	for (unsigned i = 0; i < a->count; i++)
		if (!strcmp(a->item[i].name, name))
			return &a->item[i];
	return NULL;
}

#endif
