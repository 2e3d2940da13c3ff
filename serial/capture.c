/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest printed: cleaned, cut into lines, the last ones kept. */
#include "serial/capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

_Static_assert((CAPTURE_BYTES & (CAPTURE_BYTES - 1)) == 0, "positions are masked");
_Static_assert(CAPTURE_LINE_MAX < CAPTURE_BYTES, "a line fits");

void capture_init(struct capture *c, void (*on_line)(const char *line, void *arg), void *arg)
{
	*c = (struct capture){ .on_line = on_line, .arg = arg };
}

void capture_fini(struct capture *c)
{
	free(c->ring);
	c->ring = NULL;
}

/* Copy to the ring at position total, around its end. */
static void keep(struct capture *c, const char *bytes, size_t n)
{
	size_t at = c->total & (CAPTURE_BYTES - 1);
	size_t first = MIN(n, CAPTURE_BYTES - at);

	/* without memory nothing is kept, but on_line still gets the lines */
	if (!c->total)
		c->ring = malloc(CAPTURE_BYTES);
	c->total += n;
	if (!c->ring)
		return;
	memcpy(c->ring + at, bytes, first);
	memcpy(c->ring, bytes + first, n - first);
}

static void end_line(struct capture *c)
{
	unsigned len = c->line_len;

	c->line[len] = '\n';
	keep(c, c->line, len + 1);
	c->line[len] = '\0';
	c->line_len = 0;
	if (c->on_line)
		c->on_line(c->line, c->arg);
}

static void add_char(struct capture *c, const uint8_t *bytes, unsigned n)
{
	if (c->line_len + n > CAPTURE_LINE_MAX)
		end_line(c);
	memcpy(c->line + c->line_len, bytes, n);
	c->line_len += n;
}

static void add_ascii(struct capture *c, uint8_t b)
{
	if (b == '\n')
		end_line(c);
	else if ((b >= 0x20 && b != 0x7f) || b == '\t')
		add_char(c, &b, 1);
}

/*
 * Well-formed UTF-8 beyond ASCII, Unicode 15 table 3-7: by the first byte, how
 * many bytes and the range of the second one; the others are 80..BF. The range
 * excludes overlong forms, surrogates and what is above U+10FFFF. For C2 it
 * begins at A0 instead of 80: U+0080..U+009F are control characters that some
 * terminals obey.
 */
struct utf8_form {
	uint8_t first, last;
	uint8_t bytes;
	uint8_t low, high;
};

static const struct utf8_form utf8_forms[] = {
	{ 0xc2, 0xc2, 2, 0xa0, 0xbf },
	{ 0xc3, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct utf8_form *find_form(uint8_t first)
{
	for (size_t i = 0; i < ARRAY_SIZE(utf8_forms); i++)
		if (first >= utf8_forms[i].first && first <= utf8_forms[i].last)
			return &utf8_forms[i];
	return NULL;
}

/* Does b continue the character in c->utf8? Then it is added, else '?' replaces it. */
static bool continue_char(struct capture *c, uint8_t b)
{
	const struct utf8_form *f = find_form(c->utf8[0]);
	bool second = c->utf8_len == 1;

	if (b < (second ? f->low : 0x80) || b > (second ? f->high : 0xbf)) {
		c->utf8_len = 0;
		add_char(c, (const uint8_t *)"?", 1);
		return false;
	}
	c->utf8[c->utf8_len++] = b;
	if (c->utf8_len == f->bytes) {
		c->utf8_len = 0;
		add_char(c, c->utf8, f->bytes);
	}
	return true;
}

static void add_byte(struct capture *c, uint8_t b)
{
	/* a byte that ends a broken character begins the next one */
	if (c->utf8_len && continue_char(c, b))
		return;
	if (b < 0x80)
		add_ascii(c, b);
	else if (find_form(b))
		c->utf8[c->utf8_len++] = b;
	else
		add_char(c, (const uint8_t *)"?", 1);
}

void capture_add(struct capture *c, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		add_byte(c, p[i]);
}

void capture_finish(struct capture *c)
{
	if (c->utf8_len) {
		c->utf8_len = 0;
		add_char(c, (const uint8_t *)"?", 1);
	}
	if (c->line_len)
		end_line(c);
}

uint64_t capture_dropped(const struct capture *c)
{
	if (!c->ring)
		return c->total;
	return c->total > CAPTURE_BYTES ? c->total - CAPTURE_BYTES : 0;
}

static char ring_at(const struct capture *c, uint64_t pos)
{
	return c->ring[pos & (CAPTURE_BYTES - 1)];
}

/* Where the last max whole lines begin; a line cut by the edge does not count. */
static uint64_t tail_start(const struct capture *c, unsigned max)
{
	uint64_t oldest = capture_dropped(c);
	uint64_t start = c->total;

	for (; max && start > oldest; max--) {
		uint64_t p = start - 1;		/* the newline of the line before */

		while (p > oldest && ring_at(c, p - 1) != '\n')
			p--;
		if (p == oldest && oldest > 0)
			break;			/* who knows whether it begins here */
		start = p;
	}
	return start;
}

void capture_tail(const struct capture *c, unsigned max,
		  void (*fn)(const char *line, void *arg), void *arg)
{
	char line[CAPTURE_LINE_MAX + 1];
	bool incomplete = c->line_len && max;
	size_t n = 0;

	for (uint64_t p = tail_start(c, incomplete ? max - 1 : max); p < c->total; p++) {
		line[n] = ring_at(c, p);
		if (line[n++] != '\n')
			continue;
		line[n - 1] = '\0';
		fn(line, arg);
		n = 0;
	}
	if (!incomplete)
		return;
	memcpy(line, c->line, c->line_len);
	line[c->line_len] = '\0';
	fn(line, arg);
}
