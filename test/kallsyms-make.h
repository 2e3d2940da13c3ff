/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_KALLSYMS_MAKE_H
#define KTSTR_TEST_KALLSYMS_MAKE_H
/*
 * Writes kallsyms tables as scripts/kallsyms.c of different releases does,
 * but for the compression: here every token but one is one character.
 */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"

struct kallsyms_make {
	bool offsets_first;		/* to 6.4 */
	bool seqs;			/* from 6.2 */
	bool absolute;			/* per-CPU addresses as they are */
	uint64_t linked;		/* from 7.0: of the first byte of out; 0: before */
};

static unsigned kallsyms_align(const struct kallsyms_make *m)
{
	return m->linked ? 4 : 8;
}

struct kallsyms_symbol {
	uint64_t addr;
	const char *name;		/* its type in front: "Tstart_kernel" */
};

/* Stands for "sched_" in names. */
#define KALLSYMS_MAKE_SCHED '\x01'

static void kallsyms_tokens(const struct kallsyms_make *m, struct buf *out)
{
	uint16_t index[256];
	size_t start = out->len;

	for (int i = 0; i < 256; i++) {
		index[i] = (uint16_t)(out->len - start);
		if (i == KALLSYMS_MAKE_SCHED)
			buf_str(out, "sched_");
		else if (i > ' ' && i < 127)
			buf_u8(out, (uint8_t)i);
		else
			buf_fmt(out, "<%d>", i);
		buf_u8(out, 0);
	}
	buf_align(out, kallsyms_align(m));
	for (int i = 0; i < 256; i++)
		buf_le16(out, index[i]);
}

static void kallsyms_names(const struct kallsyms_make *m, const struct kallsyms_symbol *s,
			   size_t n, struct buf *out)
{
	_cleanup_(buf_fini) struct buf markers = BUF_INIT;
	size_t start;

	buf_le32(out, (uint32_t)n);
	buf_align(out, kallsyms_align(m));
	start = out->len;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(s[i].name);

		if (i % 256 == 0)
			buf_le32(&markers, (uint32_t)(out->len - start));
		if (len >= 0x80)
			buf_u8(out, (uint8_t)(len & 0x7f) | 0x80);
		buf_u8(out, (uint8_t)(len >= 0x80 ? len >> 7 : len));
		buf_str(out, s[i].name);
	}
	buf_align(out, kallsyms_align(m));
	buf_add(out, markers.data, markers.len);
	buf_align(out, kallsyms_align(m));
	if (m->offsets_first && m->seqs)
		buf_add_zero(out, 3 * n);
	buf_align(out, kallsyms_align(m));
}

static void kallsyms_offsets(const struct kallsyms_make *m, const struct kallsyms_symbol *s,
			     size_t n, struct buf *out)
{
	uint64_t base = 0;

	for (size_t i = 0; i < n && m->linked; i++)
		buf_le32(out, (uint32_t)(s[i].addr - (m->linked + out->len)));
	if (m->linked)
		return;
	for (size_t i = 0; i < n && !base; i++)
		if (!m->absolute || s[i].addr >> 63)
			base = s[i].addr;
	for (size_t i = 0; i < n; i++) {
		if (!m->absolute)
			buf_le32(out, (uint32_t)(s[i].addr - base));
		else if (s[i].addr >> 63)
			buf_le32(out, (uint32_t)(base - 1 - s[i].addr));
		else
			buf_le32(out, (uint32_t)s[i].addr);
	}
	buf_align(out, 8);
	buf_le64(out, base);
}

/* Sorted symbols in, tables at the end of out, which is aligned to 8 bytes (7.0: to 4). */
__attribute__((unused))
static void kallsyms_make(const struct kallsyms_make *m, const struct kallsyms_symbol *s, size_t n,
			  struct buf *out)
{
	if (m->offsets_first)
		kallsyms_offsets(m, s, n, out);
	kallsyms_names(m, s, n, out);
	kallsyms_tokens(m, out);
	if (m->offsets_first)
		return;
	kallsyms_offsets(m, s, n, out);
	if (m->seqs)
		buf_add_zero(out, 3 * n);
	buf_align(out, 8);
}

#endif
