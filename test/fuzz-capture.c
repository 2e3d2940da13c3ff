/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that prints anything. Promises: lines are valid UTF-8 without control
 * characters and not too long, do not depend on how the bytes came, and the
 * tail is the end of them.
 */
#include "base/text.h"
#include "base/util.h"
#include "serial/capture.h"
#include "test/fuzz.h"

#define SEED(s) { s, sizeof(s) - 1 }

const struct fuzz_seed fuzz_seeds[] = {
	SEED("\5[    0.500000] Linux version 6.12\r\n[    1.0] Kernel panic - not syncing: x\n"),
	SEED("\3<0>[    1.000000][    T1] BUG: x[12]: segfault at 0\nOops: 0000 [#1]\n"),
	SEED("\221gr\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa7\xed\xa0\x80\xff\n\n\t\x1b[31m\xc2\x9b\n"),
	SEED("\2watchdog: CPU12: Watchdog detected hard LOCKUP on cpu 1\nOut of memory: Kill\n"),
	{ NULL, 0 },
};

struct hash {
	uint64_t lines, value;
};

static void add_hash(struct hash *h, const char *line)
{
	h->lines++;
	for (; *line; line++)
		h->value = (h->value ^ (uint8_t)*line) * UINT64_C(0x100000001b3);
	h->value = (h->value ^ '\n') * UINT64_C(0x100000001b3);
}

static void on_line(const char *line, void *arg)
{
	char copy[CAPTURE_LINE_MAX + 1];
	size_t n = strlen(line);

	FUZZ_CHECK(n <= CAPTURE_LINE_MAX);
	FUZZ_CHECK(!strchr(line, '\n'));
	memcpy(copy, line, n + 1);
	text_clean(copy, n);
	FUZZ_CHECK(!strcmp(copy, line));	/* another cleaner finds nothing to do */
	FUZZ_CHECK((unsigned)capture_mark(line) < CAPTURE_MARK_COUNT);
	add_hash(arg, line);
}

static void on_tail_line(const char *line, void *arg)
{
	FUZZ_CHECK(strlen(line) <= CAPTURE_LINE_MAX);
	add_hash(arg, line);
}

#define OLD_LINE 64

/* As after a long time: full of lines, and near bytes before the end of the ring. */
static void make_old(struct capture *c, unsigned near)
{
	c->ring = malloc(CAPTURE_BYTES);
	FUZZ_CHECK(c->ring);
	memset(c->ring, 'x', CAPTURE_BYTES);
	c->total = 3 * (uint64_t)CAPTURE_BYTES - near * OLD_LINE;
	for (unsigned at = OLD_LINE - 1; at < CAPTURE_BYTES; at += OLD_LINE)
		c->ring[at] = '\n';
}

static struct hash run(const uint8_t *data, size_t size, size_t step, int near)
{
	struct hash lines = { 0 }, kept = { 0 };
	struct capture c;

	capture_init(&c, on_line, &lines);
	if (near >= 0)
		make_old(&c, (unsigned)near);
	for (size_t at = 0; at < size; at += step)
		capture_add(&c, data + at, MIN(step, size - at));
	capture_finish(&c);
	FUZZ_CHECK(!c.line_len && !c.utf8_len);
	capture_tail(&c, (unsigned)lines.lines, on_tail_line, &kept);
	if (c.total < CAPTURE_BYTES || near >= 0)
		FUZZ_CHECK(kept.lines == lines.lines && kept.value == lines.value);
	capture_fini(&c);
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, MIN(size, (size_t)CAPTURE_BYTES / 2) };
	uint8_t how = fuzz_u8(&in);
	int near = how & 0x80 ? how >> 4 & 7 : -1;
	struct hash whole, cut;

	whole = run(in.data, in.left, in.left ? in.left : 1, near);
	cut = run(in.data, in.left, how % 16 + 1, near);
	FUZZ_CHECK(whole.lines == cut.lines && whole.value == cut.value);
	return 0;
}
