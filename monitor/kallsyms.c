/* SPDX-License-Identifier: GPL-2.0-only */
/* From the bytes of a kernel image to its symbols; kallsyms.h draws the tables. */
#include "monitor/kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/le.h"

#define TOKENS 256u
#define INDEX_BYTES (TOKENS * 2)
#define TOKEN_MAX 64u			/* longer ones do not occur; keeps the search short */
#define MARKER_EVERY 256u
/* Candidates of one alignment may cost this many passes over the image, all together. */
#define PASSES 8u

/* What an offset is. */
enum encoding {
	FROM_BASE,
	ABSOLUTE_OR_BASE,		/* positive ones are addresses */
	FROM_ITSELF,
};

struct tables {
	const uint8_t *img;
	size_t n;
	size_t token_table, token_index;	/* offsets in img */
	size_t num_syms, names, markers, offsets;
	unsigned align;			/* of each table: 8, or 4 */
	uint32_t count;
	uint64_t base;			/* FROM_ITSELF: where offsets are linked */
	enum encoding encoding;
	uint64_t budget;		/* bytes that may still be looked at */
};

/* --- tokens ---------------------------------------------------------------- */

/* The text of a token is up to the NUL. */
static const char *token(const struct tables *t, uint8_t i)
{
	return (const char *)t->img + t->token_table + le16_at(t->img + t->token_index + 2u * i);
}

/* Are there 256 strings from table on, each where the index says? */
static bool tokens_fit(const struct tables *t, size_t table, size_t index)
{
	for (unsigned i = 0; i < TOKENS; i++) {
		size_t from = table + le16_at(t->img + index + 2 * i);
		size_t len;

		if (from >= index)
			return false;
		len = strnlen((const char *)t->img + from, MIN(TOKEN_MAX, index - from));
		if (!len || len == TOKEN_MAX || from + len >= index)
			return false;
		if (i + 1 < TOKENS &&
		    from + len + 1 != table + le16_at(t->img + index + 2 * (i + 1)))
			return false;
		/* behind the last one there is only padding */
		if (i + 1 == TOKENS && round_up(from + len + 1, t->align) != index)
			return false;
	}
	return true;
}

static bool index_rises(const uint8_t *p)
{
	if (le16_at(p))
		return false;
	for (unsigned i = 1; i < TOKENS; i++) {
		unsigned step = (unsigned)le16_at(p + 2 * i) - le16_at(p + 2 * i - 2);

		if (step < 2 || step > TOKEN_MAX)
			return false;
	}
	return true;
}

/* From *at on; false when there are none. */
static bool find_tokens(struct tables *t, size_t at)
{
	for (; at + INDEX_BYTES <= t->n; at += t->align) {
		const uint8_t *p = t->img + at;
		size_t last;

		if (!index_rises(p))
			continue;
		last = le16_at(p + INDEX_BYTES - 2);
		for (size_t len = 0; len <= TOKEN_MAX; len += t->align) {
			size_t bytes = round_up(last + 2, t->align) + len;

			if (bytes <= at && tokens_fit(t, at - bytes, at)) {
				t->token_table = at - bytes;
				t->token_index = at;
				return true;
			}
		}
	}
	return false;
}

/* --- names ----------------------------------------------------------------- */

/*
 * The tokens of the name at *at, which moves behind them; NULL when they do not
 * end before limit. Lengths of 128 and more take two bytes, since 6.1.
 */
static const uint8_t *next_name(const struct tables *t, size_t *at, size_t limit, size_t *ret_len)
{
	size_t len, from = *at;

	if (from >= limit)
		return NULL;
	len = t->img[from++];
	if (len & 0x80) {
		if (from >= limit)
			return NULL;
		len = (len & 0x7f) | (size_t)t->img[from++] << 7;
	}
	if (!len || len > limit - from)
		return NULL;
	*at = from + len;
	*ret_len = len;
	return t->img + from;
}

/* The end of all names, 0: they are none. */
static size_t names_end(struct tables *t, size_t limit)
{
	size_t at = t->names, len;

	for (uint32_t i = 0; i < t->count; i++)
		if (!next_name(t, &at, limit, &len))
			break;
		else if (i + 1 == t->count)
			return at;
	t->budget -= MIN(t->budget, at - t->names);
	return 0;
}

/* Every 256th name is where the markers say. */
static bool markers_fit(struct tables *t, size_t end)
{
	size_t at = t->names, len;

	t->budget -= MIN(t->budget, 2 * (end - at));
	for (uint32_t i = 0; i < t->count; i++) {
		if (i % MARKER_EVERY == 0 &&
		    le32_at(t->img + t->markers + i / MARKER_EVERY * 4) != at - t->names)
			return false;
		if (!next_name(t, &at, end, &len))
			return false;
	}
	return true;
}

/* Is there a count at t->num_syms, with names and markers that end at the tokens? */
static bool names_fit(struct tables *t)
{
	uint64_t room, end, markers_end;

	t->count = le32_at(t->img + t->num_syms);
	t->names = t->num_syms + t->align;
	room = t->token_table - t->names;
	/* a name takes a length and a token at least, and can take KALLSYMS_NAME_MAX */
	if (!t->count || t->count > room / 2 || room / (KALLSYMS_NAME_MAX + 8) > t->count ||
	    (t->align == 8 && le32_at(t->img + t->num_syms + 4)))
		return false;
	end = names_end(t, t->token_table);
	if (!end)
		return false;
	t->markers = round_up(end, t->align);
	markers_end = round_up(t->markers + (t->count + MARKER_EVERY - 1) / MARKER_EVERY * 4,
			       t->align);
	if (markers_end != t->token_table &&
	    round_up(markers_end + UINT64_C(3) * t->count, t->align) != t->token_table)
		return false;
	return markers_fit(t, end);
}

static bool find_names(struct tables *t)
{
	for (t->num_syms = t->token_table; t->num_syms >= t->align && t->budget;) {
		t->num_syms -= t->align;
		t->budget -= MIN(t->budget, (uint64_t)t->align);
		if (t->num_syms + 2 * t->align <= t->token_table && names_fit(t))
			return true;
	}
	return false;
}

/* --- addresses -------------------------------------------------------------- */

static uint64_t address(const struct tables *t, uint32_t i)
{
	uint32_t raw = le32_at(t->img + t->offsets + UINT64_C(4) * i);

	if (t->encoding == FROM_BASE)
		return t->base + raw;
	if (t->encoding == FROM_ITSELF)
		return t->base + UINT64_C(4) * i + (uint64_t)(int64_t)(int32_t)raw;
	return raw <= INT32_MAX ? raw : t->base - 1 - (uint64_t)(int64_t)(int32_t)raw;
}

/* They are sorted, in the one encoding that they were written in. */
static bool addresses_rise(const struct tables *t)
{
	for (uint32_t i = 1; i < t->count; i++)
		if (address(t, i) < address(t, i - 1))
			return false;
	return t->count == 1 || address(t, t->count - 1) > address(t, 0);
}

static bool find_addresses(struct tables *t)
{
	const uint64_t bytes = round_up(UINT64_C(4) * t->count, 8);
	const struct {
		bool can;
		size_t offsets, base;
	} place[] = {
		{ bytes + 8 <= t->n - t->token_index - INDEX_BYTES,
		  t->token_index + INDEX_BYTES, t->token_index + INDEX_BYTES + bytes },
		{ bytes + 8 <= t->num_syms, t->num_syms - 8 - bytes, t->num_syms - 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
		if (!place[i].can)
			continue;
		t->offsets = place[i].offsets;
		t->base = le64_at(t->img + place[i].base);
		/* kernels lie in the upper half */
		if (!(t->base >> 63))
			continue;
		for (t->encoding = FROM_BASE; t->encoding <= ABSOLUTE_OR_BASE; t->encoding++)
			if (addresses_rise(t))
				return true;
	}
	return false;
}

static bool find_own_addresses(struct tables *t, const struct kallsyms_image *image)
{
	t->offsets = t->token_index + INDEX_BYTES;
	if (UINT64_C(4) * t->count > t->n - t->offsets)
		return false;
	t->base = image->linked(t->offsets, image->arg);
	t->encoding = FROM_ITSELF;
	return t->base >> 63 && addresses_rise(t);
}

/* --- all ------------------------------------------------------------------- */

static int emit(const struct tables *t, kallsyms_fn *fn, void *arg)
{
	size_t at = t->names, tokens;

	for (uint32_t i = 0; i < t->count; i++) {
		const uint8_t *p = next_name(t, &at, t->markers, &tokens);
		char name[KALLSYMS_NAME_MAX + TOKEN_MAX];
		size_t len = 0;
		int r;

		for (size_t k = 0; p && k < tokens && len < KALLSYMS_NAME_MAX; k++)
			len = (size_t)(stpncpy(name + len, token(t, p[k]), TOKEN_MAX) - name);
		/* the first character is the type */
		if (len < 2)
			continue;
		r = fn(address(t, i), name[0], name + 1, len - 1, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

int kallsyms_decode(const struct kallsyms_image *image, kallsyms_fn *fn, void *arg, struct err *e)
{
	for (unsigned align = 8; align >= 4; align -= 4) {
		struct tables t = {
			.img = image->bytes, .n = image->n, .align = align,
			.budget = PASSES * (uint64_t)image->n,
		};

		for (size_t at = 0; t.budget && find_tokens(&t, at); at = t.token_index + align)
			if (find_names(&t) && (align == 8 ? find_addresses(&t) :
						 find_own_addresses(&t, image)))
				return emit(&t, fn, arg);
	}
	return err_set(e, -ENODATA, "no symbol tables (CONFIG_KALLSYMS) in the image");
}
