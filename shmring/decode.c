/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames found in bytes: lines among program output, or marks in a stream. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "shmring/shmring.h"

#define PREFIX_LEN (sizeof(FRAME_TEXT_PREFIX) - 1)
#define MARK_LEN (sizeof(WIRE_STREAM_MARK) - 1)
#define FRAME_MAX (sizeof(struct wire_frame) + WIRE_PAYLOAD_MAX)

/* A line: prefix, hex, "\r". Behind it is room for the frame and a NUL. */
#define LINE_MAX_BYTES (PREFIX_LEN + 2 * FRAME_MAX + 1)

int frame_decoder_init(struct frame_decoder *d, enum frame_form form,
		       void (*on_frame)(const struct frame *f, void *arg),
		       void (*on_text)(const void *bytes, size_t n, void *arg), void *arg)
{
	size_t cap = form == FRAME_TEXT ? LINE_MAX_BYTES : MARK_LEN + FRAME_MAX;
	size_t extra = form == FRAME_TEXT ? FRAME_MAX + 1 : 1;

	*d = (struct frame_decoder){
		.form = form,
		.on_frame = on_frame,
		.on_text = on_text,
		.arg = arg,
		.acc = malloc(cap + extra),
		.acc_cap = cap,
	};
	return d->acc ? 0 : -ENOMEM;
}

void frame_decoder_fini(struct frame_decoder *d)
{
	free(d->acc);
	d->acc = NULL;
}

/* payload[h->length] must be writable: a NUL stands there during the call. */
static void give_frame(struct frame_decoder *d, const struct wire_frame *h, uint8_t *payload)
{
	const struct frame f = {
		.type = h->type,
		.sequence = h->sequence,
		.length = h->length,
		.payload = payload,
	};
	uint8_t saved = payload[h->length];

	d->frames++;
	d->bytes += h->length;
	payload[h->length] = '\0';
	if (d->on_frame)
		d->on_frame(&f, d->arg);
	payload[h->length] = saved;
}

/* --- text ----------------------------------------------------------------- */

static void give_text(struct frame_decoder *d, const void *bytes, size_t n)
{
	if (n && d->on_text)
		d->on_text(bytes, n, d->arg);
}

/* What was held back is no frame. */
static void release_text(struct frame_decoder *d)
{
	static const char blank[] = "\r\n";

	give_text(d, blank + strlen(blank) - d->blank_len, d->blank_len);
	give_text(d, d->acc, d->acc_len);
	d->blank_len = 0;
	d->acc_len = 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(const uint8_t *hex, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++, hex += 2) {
		int high = hex_digit(hex[0]), low = hex_digit(hex[1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The line in acc, without its newline; false when it is no good frame. */
static bool take_line(struct frame_decoder *d)
{
	uint8_t *out = d->acc + LINE_MAX_BYTES;
	size_t n = d->acc_len - PREFIX_LEN;
	struct wire_frame h;

	if (d->acc[d->acc_len - 1] == '\r')
		n--;
	/* at most FRAME_MAX bytes: LINE_MAX_BYTES sees to it */
	if (n % 2 || n / 2 < sizeof(h) || !from_hex(d->acc + PREFIX_LEN, out, n / 2))
		return false;
	memcpy(&h, out, sizeof(h));
	if (h.length != n / 2 - sizeof(h) || wire_wrong(&h, out + sizeof(h)))
		return false;
	d->acc_len = 0;
	d->blank_len = 0;
	give_frame(d, &h, out + sizeof(h));
	return true;
}

static bool has_prefix(const struct frame_decoder *d)
{
	return d->acc_len >= PREFIX_LEN && !memcmp(d->acc, FRAME_TEXT_PREFIX, PREFIX_LEN);
}

/* May what is collected become a frame line, or an empty one? */
static bool line_may_be_frame(const struct frame_decoder *d)
{
	if (d->acc_len == 1 && d->acc[0] == '\r')
		return true;
	return !memcmp(d->acc, FRAME_TEXT_PREFIX, MIN(d->acc_len, PREFIX_LEN));
}

static void end_text_line(struct frame_decoder *d)
{
	size_t len = d->acc_len;

	if (len == 0 || (len == 1 && d->acc[0] == '\r')) {
		d->acc_len = 0;
		release_text(d);	/* an empty line that was held before this one */
		d->blank_len = (unsigned)len + 1;
		return;
	}
	if (has_prefix(d) && take_line(d))
		return;
	if (has_prefix(d))
		d->bad++;
	release_text(d);
	give_text(d, "\n", 1);
}

static void collect_text(struct frame_decoder *d, uint8_t b)
{
	if (b == '\n') {
		end_text_line(d);
		return;
	}
	if (d->acc_len < d->acc_cap) {
		d->acc[d->acc_len++] = b;
		if (line_may_be_frame(d))
			return;
		release_text(d);
	} else {		/* longer than any frame line */
		d->bad++;
		release_text(d);
		give_text(d, &b, 1);
	}
	d->skipping = true;
}

static void add_text(struct frame_decoder *d, const uint8_t *p, size_t n)
{
	while (n) {
		const uint8_t *end;
		size_t k;

		if (!d->skipping) {
			collect_text(d, *p++);
			n--;
			continue;
		}
		end = memchr(p, '\n', n);
		k = end ? (size_t)(end - p) + 1 : n;
		give_text(d, p, k);
		d->skipping = !end;
		p += k;
		n -= k;
	}
}

static void finish_text(struct frame_decoder *d)
{
	/* the newline may be all that is missing */
	if (has_prefix(d) && !take_line(d))
		d->bad++;
	release_text(d);
	d->skipping = false;
}

/* --- stream --------------------------------------------------------------- */

/* Bytes at p that cannot begin a mark. */
static size_t before_mark(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n && memcmp(p + at, WIRE_STREAM_MARK, MIN(n - at, MARK_LEN)))
		at++;
	return at;
}

static size_t skip_bytes(struct frame_decoder *d, size_t n)
{
	d->bad += !d->skipping;
	d->skipping = true;
	return n;
}

/* Bytes done with at p; 0: more must come first. With last, nothing comes. */
static size_t take_stream(struct frame_decoder *d, uint8_t *p, size_t n, bool last)
{
	size_t skip = before_mark(p, n);
	struct wire_frame h;

	if (skip)
		return skip_bytes(d, skip);
	if (n < MARK_LEN + sizeof(h))
		return last ? skip_bytes(d, 1) : 0;
	memcpy(&h, p + MARK_LEN, sizeof(h));
	if (h.length > WIRE_PAYLOAD_MAX || h.flags || h.type == WIRE_NONE ||
	    h.type >= WIRE_TYPE_COUNT)
		return skip_bytes(d, 1);
	if (n < MARK_LEN + sizeof(h) + h.length)
		return last ? skip_bytes(d, 1) : 0;
	p += MARK_LEN + sizeof(h);
	if (wire_wrong(&h, p)) {
		d->bad++;
	} else {
		d->skipping = false;
		give_frame(d, &h, p);
	}
	return MARK_LEN + sizeof(h) + h.length;
}

static void drain_stream(struct frame_decoder *d, bool last)
{
	size_t at = 0, k;

	while (at < d->acc_len && (k = take_stream(d, d->acc + at, d->acc_len - at, last)))
		at += k;
	d->acc_len -= at;
	memmove(d->acc, d->acc + at, d->acc_len);
}

static void add_stream(struct frame_decoder *d, const uint8_t *p, size_t n)
{
	while (n) {
		/* never 0: a full acc holds a frame, or what is none */
		size_t k = MIN(n, d->acc_cap - d->acc_len);

		memcpy(d->acc + d->acc_len, p, k);
		d->acc_len += k;
		drain_stream(d, false);
		p += k;
		n -= k;
	}
}

/* -------------------------------------------------------------------------- */

void frame_decoder_add(struct frame_decoder *d, const void *bytes, size_t n)
{
	if (d->form == FRAME_TEXT)
		add_text(d, bytes, n);
	else
		add_stream(d, bytes, n);
}

void frame_decoder_finish(struct frame_decoder *d)
{
	if (d->form == FRAME_TEXT)
		finish_text(d);
	else
		drain_stream(d, true);
}
