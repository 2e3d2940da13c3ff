/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbols out of tables that were written as different releases write them. */
#include <errno.h>

#include "base/err.h"
#include "monitor/kallsyms.h"
#include "test/kallsyms-make.h"
#include "test/tap.h"

#define TEXT UINT64_C(0xffffffff81000000)
#define LONG_NAME 300

static const struct kallsyms_symbol symbols[] = {
	{ 0, "D__per_cpu_start" },
	{ 0x1c0, "d\x01" "rq" },
	{ TEXT, "T_text" },
	{ TEXT, "T_stext" },
	{ TEXT + 0x1000, "t\x01" "tick" },
	{ TEXT + 0x1800000, "B_end" },
};

struct seen {
	struct buf text;
	unsigned count, stop_at;
	uint64_t last;
	size_t longest;
};

static int on_symbol(uint64_t addr, char type, const char *name, size_t len, void *arg)
{
	struct seen *s = arg;

	buf_fmt(&s->text, "%s%lx %c %.*s", s->count ? "\n" : "", (unsigned long)addr, type,
		(int)len, name);
	s->count++;
	s->last = addr;
	s->longest = MAX(s->longest, len);
	return s->count == s->stop_at ? -EINTR : 0;
}

#define LINKED (TEXT + 0x1000000)

static uint64_t linked_at(size_t off, void *arg)
{
	const uint64_t *linked = arg;

	return *linked ? *linked + off : 0;
}

static int decode_linked(const struct buf *image, uint64_t linked, struct seen *ret)
{
	const struct kallsyms_image i = { image->data, image->len, linked_at, &linked };
	struct err e = ERR_INIT;

	buf_fini(&ret->text);
	*ret = (struct seen){ .stop_at = ret->stop_at };
	return kallsyms_decode(&i, on_symbol, ret, &e);
}

static int decode(const struct buf *image, struct seen *ret)
{
	return decode_linked(image, 0, ret);
}

/* With bytes before and behind that look like the beginnings of tables. */
static void make(const struct kallsyms_make *m, const struct kallsyms_symbol *s, size_t n,
		 struct buf *out)
{
	for (unsigned i = 0; i < 2000; i++)
		buf_le16(out, (uint16_t)(i * 3 % 700));
	if (!m->linked)
		buf_align(out, 8);
	kallsyms_make(m, s, n, out);
	buf_add_zero(out, 4096);
}

static void every_order_and_encoding_is_decoded(void)
{
	static const char expected[] =
		"0 D __per_cpu_start\n"
		"1c0 d sched_rq\n"
		"ffffffff81000000 T _text\n"
		"ffffffff81000000 T _stext\n"
		"ffffffff81001000 t sched_tick\n"
		"ffffffff82800000 B _end";
	static const struct kallsyms_make forms[] = {
		{ .offsets_first = true, .absolute = true },
		{ .offsets_first = true, .absolute = true, .seqs = true },
		{ .absolute = true, .seqs = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_(buf_fini) struct buf image = BUF_INIT;
		struct seen seen = { .count = 0 };

		make(&forms[i], symbols, ARRAY_SIZE(symbols), &image);
		tap_eq(decode(&image, &seen), 0);
		buf_u8(&seen.text, 0);
		tap_str((char *)seen.text.data, expected);
		buf_fini(&seen.text);
	}
}

static void offsets_without_absolute_ones_are_decoded(void)
{
	static const struct kallsyms_make forms[] = {
		{ .offsets_first = true },
		{ .offsets_first = true, .seqs = true },
		{ .seqs = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_(buf_fini) struct buf image = BUF_INIT;
		struct seen seen = { .count = 0 };

		make(&forms[i], symbols + 2, ARRAY_SIZE(symbols) - 2, &image);
		tap_eq(decode(&image, &seen), 0);
		tap_eq(seen.count, ARRAY_SIZE(symbols) - 2);
		tap_eq(seen.last, TEXT + 0x1800000);
		buf_fini(&seen.text);
	}
}

/* At every place in 8 bytes, and with names whose length moves what follows. */
static void offsets_from_where_they_are_linked_are_decoded(void)
{
	for (unsigned i = 0; i < 16; i++) {
		static const char names[][16] = { "T_text", "T_text1", "T_text12", "T_text123" };
		const struct kallsyms_symbol own[] = {
			{ TEXT - 0x1000, names[i / 4] }, { TEXT, "T_stext" },
			{ LINKED + 0x100, "t\x01" "tick" }, { TEXT + 0x1800000, "B_end" },
		};
		_cleanup_(buf_fini) struct buf image = BUF_INIT;
		struct seen seen = { .count = 0 };

		buf_add_zero(&image, 4 * (i % 4));
		make(&(struct kallsyms_make){ .seqs = i & 1, .linked = LINKED }, own,
		     ARRAY_SIZE(own), &image);
		tap_eq(decode_linked(&image, LINKED, &seen), 0);
		tap_eq(seen.count, ARRAY_SIZE(own));
		tap_eq(seen.last, TEXT + 0x1800000);
		/* and they say nothing when that is not known */
		tap_eq(decode(&image, &seen), -ENODATA);
		buf_fini(&seen.text);
	}
}

static void many_symbols_and_long_names_are_decoded(void)
{
	enum { COUNT = 3000 };
	static struct kallsyms_symbol many[COUNT];
	static char names[COUNT][LONG_NAME + 2];
	_cleanup_(buf_fini) struct buf image = BUF_INIT;
	struct seen seen = { .count = 0 };

	for (unsigned i = 0; i < COUNT; i++) {
		many[i] = (struct kallsyms_symbol){ TEXT + 16 * i, names[i] };
		snprintf(names[i], sizeof(names[i]), "tsymbol_%u", i);
	}
	memset(names[700] + 1, 'x', LONG_NAME);
	make(&(struct kallsyms_make){ .absolute = true, .seqs = true }, many, COUNT, &image);
	tap_eq(decode(&image, &seen), 0);
	tap_eq(seen.count, COUNT);
	tap_eq(seen.longest, LONG_NAME);
	buf_fini(&seen.text);
}

static void damaged_tables_are_refused(void)
{
	_cleanup_(buf_fini) struct buf image = BUF_INIT;
	struct seen seen = { .count = 0 };
	size_t at;

	make(&(struct kallsyms_make){ .absolute = true }, symbols, ARRAY_SIZE(symbols), &image);
	for (at = image.len - 4096; image.data[at - 1] != 0xff; at--)
		;
	image.data[at - 1] = 0x7f;	/* the base is no kernel address now */
	tap_eq(decode(&image, &seen), -ENODATA);
	tap_eq(seen.count, 0);
	image.data[at - 1] = 0xff;
	tap_eq(decode(&image, &seen), 0);
	for (at = 0; memcmp(image.data + at, "T_text", 6); at++)
		;
	image.data[at - 1]++;		/* the length of a name */
	tap_eq(decode(&image, &seen), -ENODATA);
	buf_fini(&seen.text);
}

static void an_image_without_tables_is_refused(void)
{
	struct buf image = BUF_INIT;
	struct seen seen = { .count = 0 };

	tap_eq(decode(&image, &seen), -ENODATA);
	buf_add_zero(&image, 1 << 20);
	tap_eq(decode(&image, &seen), -ENODATA);
	buf_fini(&image);
}

static void the_receiver_can_stop(void)
{
	_cleanup_(buf_fini) struct buf image = BUF_INIT;
	struct seen seen = { .stop_at = 2 };

	make(&(struct kallsyms_make){ .absolute = true }, symbols, ARRAY_SIZE(symbols), &image);
	tap_eq(decode(&image, &seen), -EINTR);
	tap_eq(seen.count, 2);
	buf_fini(&seen.text);
}

int main(void)
{
	TAP_RUN(every_order_and_encoding_is_decoded);
	TAP_RUN(offsets_without_absolute_ones_are_decoded);
	TAP_RUN(offsets_from_where_they_are_linked_are_decoded);
	TAP_RUN(many_symbols_and_long_names_are_decoded);
	TAP_RUN(damaged_tables_are_refused);
	TAP_RUN(an_image_without_tables_is_refused);
	TAP_RUN(the_receiver_can_stop);
	return tap_done();
}
