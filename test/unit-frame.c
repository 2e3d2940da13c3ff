/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames: checksum, text and stream form, the decoder, payloads. */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/util.h"
#include "shmring/shmring.h"
#include "test/tap.h"

/* What a decoder handed on. */
struct seen {
	struct buf text;
	unsigned frames;
	enum wire_type type;
	uint32_t sequence, length;
	uint8_t payload[WIRE_PAYLOAD_MAX + 1];
};

static void on_frame(const struct frame *f, void *arg)
{
	struct seen *s = arg;

	s->frames++;
	s->type = f->type;
	s->sequence = f->sequence;
	s->length = f->length;
	memcpy(s->payload, f->payload, f->length + 1);	/* with the NUL */
}

static void on_text(const void *bytes, size_t n, void *arg)
{
	struct seen *s = arg;

	buf_add(&s->text, bytes, n);
}

static struct seen *seen_new(void)
{
	return calloc(1, sizeof(struct seen));
}

static const char *seen_text(struct seen *s)
{
	buf_u8(&s->text, 0);
	s->text.len--;
	return (const char *)s->text.data;
}

static void seen_free(struct seen *s)
{
	buf_fini(&s->text);
	free(s);
}

/* Decode n bytes in pieces of at most step. */
static struct seen *decode(enum frame_form form, const void *bytes, size_t n, size_t step,
			   uint64_t *ret_bad)
{
	struct seen *s = seen_new();
	struct frame_decoder d;

	frame_decoder_init(&d, form, on_frame, on_text, s);
	for (size_t at = 0; at < n; at += step)
		frame_decoder_add(&d, (const char *)bytes + at, MIN(step, n - at));
	frame_decoder_finish(&d);
	*ret_bad = d.bad;
	tap_eq(d.frames, s->frames);
	frame_decoder_fini(&d);
	return s;
}

static void the_checksum_is_the_one_of_ieee_over_header_and_payload(void)
{
	/* computed with another program: crc32 of the 16 and 5 bytes */
	struct wire_frame h = { .type = WIRE_LOG, .sequence = 7, .length = 5, .crc32 = 0 };
	uint32_t crc = wire_crc(&h, "hello");
	const struct wire_part part[WIRE_PARTS] = { { "he", 2 }, { "llo", 3 } };
	struct wire_frame sealed = { .type = WIRE_LOG, .sequence = 7 };

	tap_eq(crc, 0x36a3d1a0);
	h.crc32 = 0xffffffff;
	tap_eq(wire_crc(&h, "hello"), crc);
	tap_ok(wire_seal(&sealed, part), "sealed");
	tap_eq(sealed.crc32, crc);
	tap_eq(sealed.length, 5);
	tap_ok(!wire_wrong(&sealed, "hello"), "good");
	tap_str(wire_wrong(&sealed, "hallo"), "wrong checksum");
	h.length = 0;
	tap_ok(wire_crc(&h, NULL) != crc, "no payload, no pointer");
}

static void what_is_wrong_with_a_frame_is_said(void)
{
	static const struct {
		uint16_t type, flags;
		uint32_t length;
		const char *wrong;
	} rows[] = {
		{ WIRE_LOG, 0, 4, NULL },
		{ WIRE_SIGNAL, 0, 4, NULL },
		{ WIRE_NONE, 0, 4, "unknown type" },
		{ WIRE_TYPE_COUNT, 0, 4, "unknown type" },
		{ 0xffff, 0, 4, "unknown type" },
		{ WIRE_LOG, 1, 4, "unknown flags" },
		{ WIRE_LOG, 0, WIRE_PAYLOAD_MAX + 1, "length above the limit" },
		{ WIRE_LOG, 0, UINT32_MAX, "length above the limit" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wire_frame h = { rows[i].type, rows[i].flags, 1, rows[i].length, 0 };
		const char *wrong;

		if (h.length == 4)
			h.crc32 = wire_crc(&h, "abcd");
		wrong = wire_wrong(&h, "abcd");
		tap_ok(!wrong == !rows[i].wrong && (!wrong || !strcmp(wrong, rows[i].wrong)),
		       "row %zu: %s", i, wrong ? wrong : "good");
	}
}

static void every_type_and_verdict_has_a_name_of_its_own(void)
{
	for (int a = 0; a < WIRE_TYPE_COUNT; a++)
		for (int b = 0; b < a; b++)
			tap_ok(strcmp(wire_type_name(a), wire_type_name(b)), "%d and %d", a, b);
	for (int a = 0; a < WIRE_VERDICT_COUNT; a++)
		for (int b = 0; b < a; b++)
			tap_ok(strcmp(wire_verdict_name(a), wire_verdict_name(b)), "%d, %d", a, b);
	tap_str(wire_type_name(WIRE_TYPE_COUNT), "unknown");
	tap_str(wire_type_name((enum wire_type)-1), "unknown");
	tap_str(wire_verdict_name((enum wire_verdict)77), "unknown");
}

static void a_frame_survives_the_text_form_however_it_is_cut(void)
{
	char *text = frame_to_text(WIRE_DETAIL, 0xdeadbeef, "pay\n\xff", 5, "load", 4);
	uint64_t bad;

	tap_ok(!strncmp(text, "\nKTSTR-FRAME:0300", 17), "prefix and type");
	tap_ok(text[strlen(text) - 1] == '\n', "a line");
	for (size_t step = 1; step <= strlen(text); step++) {
		struct seen *s = decode(FRAME_TEXT, text, strlen(text), step, &bad);

		tap_eq(bad, 0);
		tap_eq(s->frames, 1);
		tap_eq(s->type, WIRE_DETAIL);
		tap_eq(s->sequence, 0xdeadbeef);
		tap_eq(s->length, 9);
		tap_ok(!memcmp(s->payload, "pay\n\xffload", 10), "payload and NUL");
		tap_eq(s->text.len, 0);
		seen_free(s);
	}
	free(text);
}

static void the_largest_payload_fits_and_one_more_byte_does_not(void)
{
	static uint8_t payload[WIRE_PAYLOAD_MAX + 1];
	struct buf stream = BUF_INIT;
	struct seen *s;
	uint64_t bad;
	char *text;

	memset(payload, 0xa5, sizeof(payload));
	text = frame_to_text(WIRE_LOG, 1, payload, WIRE_PAYLOAD_MAX - 1, payload, 1);
	s = decode(FRAME_TEXT, text, strlen(text), 4096, &bad);
	tap_eq(s->length, WIRE_PAYLOAD_MAX);
	tap_ok(!memcmp(s->payload, payload, WIRE_PAYLOAD_MAX), "text");
	seen_free(s);
	free(text);
	tap_ok(!frame_to_text(WIRE_LOG, 1, payload, WIRE_PAYLOAD_MAX, payload, 1), "too long");
	tap_ok(!frame_to_text(WIRE_LOG, 1, payload, SIZE_MAX, payload, 1), "far too long");

	tap_eq(frame_to_stream(&stream, WIRE_LOG, 1, payload, WIRE_PAYLOAD_MAX), 0);
	s = decode(FRAME_STREAM, stream.data, stream.len, 4096, &bad);
	tap_eq(s->length, WIRE_PAYLOAD_MAX);
	tap_ok(!memcmp(s->payload, payload, WIRE_PAYLOAD_MAX), "stream");
	seen_free(s);
	buf_reset(&stream);
	tap_eq(-frame_to_stream(&stream, WIRE_LOG, 1, payload, WIRE_PAYLOAD_MAX + 1), EMSGSIZE);
	tap_eq(stream.len, 0);
	stream.bad = true;
	tap_eq(-frame_to_stream(&stream, WIRE_LOG, 1, payload, 1), ENOMEM);
	buf_fini(&stream);
}

/*
 * Output of programs with frames in it; '@' stands for a frame as
 * frame_to_text() makes it, '#' for one as the tty makes it ("\r\n").
 */
static void program_output_around_frames_comes_out_as_it_was(void)
{
	static const struct {
		const char *in, *out;
		unsigned frames, bad;
	} rows[] = {
		{ "hello\nworld\n", "hello\nworld\n", 0, 0 },
		{ "hello\n@world\n", "hello\nworld\n", 1, 0 },
		{ "hello\n@@@world", "hello\nworld", 3, 0 },
		{ "no newline@more", "no newline\nmore", 1, 0 },	/* it ends the line */
		{ "empty\n\n@\nline\n", "empty\n\n\nline\n", 1, 0 },
		{ "\n\n\n", "\n\n\n", 0, 0 },
		{ "\r\n\r\nx\r\n", "\r\n\r\nx\r\n", 0, 0 },
		{ "hello\r\n#world\r\n", "hello\r\nworld\r\n", 1, 0 },
		{ "hello\r\n\r\n##x", "hello\r\n\r\nx", 2, 0 },
		{ "\rx\n", "\rx\n", 0, 0 },
		{ "\r\r\n", "\r\r\n", 0, 0 },
		{ "KTSTR\n", "KTSTR\n", 0, 0 },
		{ "\nKTSTR-", "\nKTSTR-", 0, 0 },
		{ "KTSTR-FRAME", "KTSTR-FRAME", 0, 0 },
		{ "x KTSTR-FRAME:00\n", "x KTSTR-FRAME:00\n", 0, 0 },
		{ "KTSTR-FRAME:\n", "KTSTR-FRAME:\n", 0, 1 },
		{ "KTSTR-FRAME:0102\n@", "KTSTR-FRAME:0102\n", 1, 1 },
		{ "\nKTSTR-FRAME:xyz\r\n@", "\nKTSTR-FRAME:xyz\r\n", 1, 1 },
		{ "KTSTR-FRAME:01", "KTSTR-FRAME:01", 0, 1 },
	};
	char *frame = frame_to_text(WIRE_LOG, 1, "f", 1, NULL, 0);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf in = BUF_INIT;

		for (const char *p = rows[i].in; *p; p++) {
			if (*p == '@')
				buf_str(&in, frame);
			else if (*p == '#')
				buf_fmt(&in, "\r\n%.*s\r\n", (int)strlen(frame) - 2, frame + 1);
			else
				buf_u8(&in, (uint8_t)*p);
		}
		for (size_t step = 1; step < 8; step++) {
			uint64_t bad;
			struct seen *s = decode(FRAME_TEXT, in.data, in.len, step, &bad);

			tap_str(seen_text(s), rows[i].out);
			tap_eq(s->frames, rows[i].frames);
			tap_eq(bad, rows[i].bad);
			seen_free(s);
		}
		buf_fini(&in);
	}
	free(frame);
}

static void text_is_handed_on_at_once_not_at_the_end_of_the_line(void)
{
	struct seen *s = seen_new();
	struct frame_decoder d;

	frame_decoder_init(&d, FRAME_TEXT, on_frame, on_text, s);
	frame_decoder_add(&d, "prompt> ", 8);
	tap_str(seen_text(s), "prompt> ");
	frame_decoder_add(&d, "ready\n", 6);
	tap_str(seen_text(s), "prompt> ready\n");
	frame_decoder_fini(&d);
	seen_free(s);
}

static void a_last_frame_without_its_newline_counts(void)
{
	char *text = frame_to_text(WIRE_EXIT, 3, "x", 1, NULL, 0);
	uint64_t bad;
	struct seen *s = decode(FRAME_TEXT, text, strlen(text) - 1, 1000, &bad);

	tap_eq(s->frames, 1);
	tap_eq(s->text.len, 0);
	tap_eq(bad, 0);
	seen_free(s);
	free(text);
}

static void a_frame_line_broken_by_other_text_is_bad_and_stays_visible(void)
{
	char *text = frame_to_text(WIRE_LOG, 1, "0123456789", 10, NULL, 0);
	struct buf in = BUF_INIT;
	struct seen *s;
	uint64_t bad;

	buf_add(&in, text, 30);
	buf_str(&in, "[    1.0] random: crng init done\n");
	buf_str(&in, text + 30);
	buf_str(&in, text);
	s = decode(FRAME_TEXT, in.data, in.len, 5, &bad);
	tap_eq(bad, 1);
	tap_eq(s->frames, 1);
	tap_ok(strstr(seen_text(s), "random: crng init done"), "the text is there");
	tap_ok(strstr(seen_text(s), text + 30), "what followed, too");
	seen_free(s);
	buf_fini(&in);
	free(text);
}

static void each_damaged_digit_of_a_line_is_noticed(void)
{
	char *text = frame_to_text(WIRE_LOG, 1, "ab", 2, NULL, 0);
	size_t n = strlen(text), at = 1 + strlen(FRAME_TEXT_PREFIX);
	unsigned unnoticed = 0;

	for (; at < n - 1; at++) {
		char saved = text[at];
		struct seen *s;
		uint64_t bad;

		text[at] = saved == '0' ? '1' : '0';
		s = decode(FRAME_TEXT, text, n, n, &bad);
		unnoticed += s->frames != 0 || bad != 1 || s->text.len != n;
		text[at] = saved;
		seen_free(s);
	}
	tap_eq(unnoticed, 0);
	free(text);
}

static void a_line_must_be_as_long_as_its_frame_says(void)
{
	char *text = frame_to_text(WIRE_LOG, 1, "abcd", 4, NULL, 0);
	size_t n = strlen(text) - 1;		/* without the newline */
	struct buf in = BUF_INIT;
	struct seen *s;
	uint64_t bad;

	buf_add(&in, text, n);
	buf_str(&in, "00\n");			/* the checksum does not cover it */
	buf_add(&in, text, n - 2);		/* a byte less */
	buf_str(&in, "\n");
	buf_add(&in, text, n - 1);		/* half a byte less */
	buf_str(&in, "\n");
	s = decode(FRAME_TEXT, in.data, in.len, 9, &bad);
	tap_eq(bad, 3);
	tap_eq(s->frames, 0);
	tap_eq(s->text.len, in.len);
	seen_free(s);
	buf_fini(&in);
	free(text);
}

static void a_frame_line_without_end_needs_bounded_memory(void)
{
	const size_t total = 1 << 20;
	struct seen *s = seen_new();
	struct frame_decoder d;
	char *frame = frame_to_text(WIRE_LOG, 1, "x", 1, NULL, 0);

	frame_decoder_init(&d, FRAME_TEXT, on_frame, on_text, s);
	frame_decoder_add(&d, FRAME_TEXT_PREFIX, strlen(FRAME_TEXT_PREFIX));
	for (size_t i = strlen(FRAME_TEXT_PREFIX); i < total; i++)
		frame_decoder_add(&d, "K", 1);
	tap_eq(d.bad, 1);
	tap_eq(s->text.len, total);
	frame_decoder_add(&d, frame, strlen(frame));
	tap_eq(s->frames, 1);
	tap_ok(d.acc_cap < 256 << 10, "%zu bytes", d.acc_cap);
	frame_decoder_fini(&d);
	seen_free(s);
	free(frame);
}

static void a_stream_may_be_cut_anywhere(void)
{
	struct buf in = BUF_INIT;

	for (uint32_t i = 0; i < 5; i++)
		frame_to_stream(&in, WIRE_STDOUT, i, WIRE_STREAM_MARK "abc", i);
	for (size_t step = 1; step <= in.len; step++) {
		uint64_t bad;
		struct seen *s = decode(FRAME_STREAM, in.data, in.len, step, &bad);

		tap_eq(bad, 0);
		tap_eq(s->frames, 5);
		tap_eq(s->sequence, 4);
		tap_ok(!memcmp(s->payload, WIRE_STREAM_MARK, 5), "a mark in a payload is data");
		seen_free(s);
	}
	buf_fini(&in);
}

static void other_bytes_in_a_stream_are_skipped_and_counted_once(void)
{
	static const char *const junk[] = {
		"x", "junk", "\xab", "\xabK", "\xabKT", "\xab\xab", WIRE_STREAM_MARK,
		WIRE_STREAM_MARK WIRE_STREAM_MARK "0123456789abcdefghijklmnopqrstuvwxyz",
	};

	for (size_t i = 0; i < ARRAY_SIZE(junk); i++) {
		struct buf in = BUF_INIT;
		struct seen *s;
		uint64_t bad;

		frame_to_stream(&in, WIRE_STDOUT, 0, "a", 1);
		buf_str(&in, junk[i]);
		frame_to_stream(&in, WIRE_STDOUT, 1, "b", 1);
		frame_to_stream(&in, WIRE_STDOUT, 2, "c", 1);
		s = decode(FRAME_STREAM, in.data, in.len, 3, &bad);
		tap_ok(s->frames == 3, "junk %zu: %u frames", i, s->frames);
		tap_ok(bad == 1, "junk %zu: %llu bad", i, (unsigned long long)bad);
		seen_free(s);
		buf_fini(&in);
	}
}

static void a_stream_frame_with_a_wrong_checksum_costs_only_itself(void)
{
	struct buf in = BUF_INIT;
	struct seen *s;
	uint64_t bad;

	frame_to_stream(&in, WIRE_STDOUT, 0, "aaaa", 4);
	in.data[in.len - 1] ^= 1;
	frame_to_stream(&in, WIRE_STDOUT, 1, "b", 1);
	s = decode(FRAME_STREAM, in.data, in.len, in.len, &bad);
	tap_eq(bad, 1);
	tap_eq(s->frames, 1);
	tap_eq(s->sequence, 1);
	seen_free(s);
	buf_fini(&in);
}

static void at_the_end_a_frame_behind_a_false_length_is_still_found(void)
{
	struct buf in = BUF_INIT;
	struct seen *s;
	uint64_t bad;

	frame_to_stream(&in, WIRE_STDOUT, 0, "a", 1);
	in.data[4 + offsetof(struct wire_frame, length) + 1] = 0x80;
	frame_to_stream(&in, WIRE_STATUS, 1, "b", 1);
	s = decode(FRAME_STREAM, in.data, in.len, 7, &bad);
	tap_eq(s->frames, 1);
	tap_eq(s->type, WIRE_STATUS);
	tap_eq(bad, 1);
	seen_free(s);
	buf_fini(&in);
}

/* A payload of n bytes, all 0xff but for the first word. */
static struct frame payload_of(uint8_t *bytes, size_t n, uint32_t first)
{
	memset(bytes, 0xff, n);
	memcpy(bytes, &first, MIN(n, sizeof(first)));
	bytes[n] = '\0';
	return (struct frame){ .type = WIRE_LOG, .length = (uint32_t)n, .payload = bytes };
}

/* Each of them refuses one byte less than its fixed part. */
#define CHECK_FIXED(get, type, first, ...)						\
	do {										\
		uint8_t bytes_[sizeof(struct type) + 8];				\
		struct frame f_ = payload_of(bytes_, sizeof(struct type) - 1, first);	\
		struct type out_;							\
											\
		tap_ok(!get(&f_, &out_ __VA_OPT__(,) __VA_ARGS__), #get ": short");	\
		f_ = payload_of(bytes_, 0, first);					\
		tap_ok(!get(&f_, &out_ __VA_OPT__(,) __VA_ARGS__), #get ": empty");	\
		f_ = payload_of(bytes_, sizeof(struct type), first);			\
		tap_ok(get(&f_, &out_ __VA_OPT__(,) __VA_ARGS__), #get ": exact");	\
		f_ = payload_of(bytes_, sizeof(struct type) + 4, first);		\
		tap_ok(get(&f_, &out_ __VA_OPT__(,) __VA_ARGS__), #get ": more");	\
	} while (0)

static void short_payloads_are_refused(void)
{
	const char *text;

	CHECK_FIXED(frame_get_lifecycle, wire_lifecycle, WIRE_PHASE_READY);
	CHECK_FIXED(frame_get_start, wire_name, 0, &text);
	CHECK_FIXED(frame_get_detail, wire_detail, WIRE_FAIL, &text);
	CHECK_FIXED(frame_get_worker, wire_worker, 0);
	CHECK_FIXED(frame_get_result, wire_result, WIRE_FAIL);
	CHECK_FIXED(frame_get_crash, wire_crash, 0, &text);
	CHECK_FIXED(frame_get_lost, wire_lost, 0);
	CHECK_FIXED(frame_get_exit, wire_exit, 0);
	CHECK_FIXED(frame_get_sched, wire_sched, WIRE_SCHED_EJECTED, &text);
	CHECK_FIXED(frame_get_grant, wire_grant, WIRE_STREAM_ERR);
	CHECK_FIXED(frame_get_window, wire_window, 0);
	CHECK_FIXED(frame_get_ended, wire_ended, 255);
}

static void names_end_and_values_are_ours_whatever_the_guest_wrote(void)
{
	uint8_t bytes[512];
	struct frame f;
	struct wire_lifecycle l;
	struct wire_name n;
	struct wire_detail d;
	struct wire_result res;
	struct wire_crash c;
	struct wire_sched sched;
	const char *text;

	f = payload_of(bytes, sizeof(l), WIRE_PHASE_INIT);
	tap_ok(frame_get_lifecycle(&f, &l) && strlen(l.release) == WIRE_NAME_MAX - 1, "release");
	f = payload_of(bytes, sizeof(n), 'n');
	tap_ok(frame_get_start(&f, &n, &text) && !n.name[WIRE_NAME_MAX - 1], "name");
	f = payload_of(bytes, sizeof(d) + 4, WIRE_SKIP);
	memcpy(bytes + sizeof(d), "text", 4);
	tap_ok(frame_get_detail(&f, &d, &text) && strlen(d.kind) == sizeof(d.kind) - 1, "kind");
	tap_str(text, "text");
	f = payload_of(bytes, sizeof(res), WIRE_PASS);
	tap_ok(frame_get_result(&f, &res) && strlen(res.name) == WIRE_NAME_MAX - 1, "result");
	f = payload_of(bytes, sizeof(c), 11);
	tap_ok(frame_get_crash(&f, &c, &text) && strlen(c.name) == WIRE_NAME_MAX - 1 &&
	       strlen(c.signal_name) == sizeof(c.signal_name) - 1, "crash");
	tap_str(text, "");

	f = payload_of(bytes, sizeof(l), 0);
	tap_ok(!frame_get_lifecycle(&f, &l), "no phase");
	f = payload_of(bytes, sizeof(l), WIRE_PHASE_COUNT);
	tap_ok(!frame_get_lifecycle(&f, &l), "unknown phase");
	f = payload_of(bytes, sizeof(d), WIRE_VERDICT_COUNT);
	tap_ok(!frame_get_detail(&f, &d, &text), "unknown verdict");
	f = payload_of(bytes, sizeof(res), UINT32_MAX);
	tap_ok(!frame_get_result(&f, &res), "unknown verdict");
	f = payload_of(bytes, sizeof(sched), WIRE_SCHED_ATTACHED);
	tap_ok(frame_get_sched(&f, &sched, &text) && strlen(sched.ops) == WIRE_NAME_MAX - 1, "ops");
	f = payload_of(bytes, sizeof(sched), 0);
	tap_ok(!frame_get_sched(&f, &sched, &text), "no event");
	f = payload_of(bytes, sizeof(sched), WIRE_SCHED_EVENT_COUNT);
	tap_ok(!frame_get_sched(&f, &sched, &text), "unknown event");
}

int main(void)
{
	TAP_RUN(the_checksum_is_the_one_of_ieee_over_header_and_payload);
	TAP_RUN(what_is_wrong_with_a_frame_is_said);
	TAP_RUN(every_type_and_verdict_has_a_name_of_its_own);
	TAP_RUN(a_frame_survives_the_text_form_however_it_is_cut);
	TAP_RUN(the_largest_payload_fits_and_one_more_byte_does_not);
	TAP_RUN(program_output_around_frames_comes_out_as_it_was);
	TAP_RUN(text_is_handed_on_at_once_not_at_the_end_of_the_line);
	TAP_RUN(a_last_frame_without_its_newline_counts);
	TAP_RUN(a_frame_line_broken_by_other_text_is_bad_and_stays_visible);
	TAP_RUN(each_damaged_digit_of_a_line_is_noticed);
	TAP_RUN(a_line_must_be_as_long_as_its_frame_says);
	TAP_RUN(a_frame_line_without_end_needs_bounded_memory);
	TAP_RUN(a_stream_may_be_cut_anywhere);
	TAP_RUN(other_bytes_in_a_stream_are_skipped_and_counted_once);
	TAP_RUN(a_stream_frame_with_a_wrong_checksum_costs_only_itself);
	TAP_RUN(at_the_end_a_frame_behind_a_false_length_is_still_found);
	TAP_RUN(short_payloads_are_refused);
	TAP_RUN(names_end_and_values_are_ours_whatever_the_guest_wrote);
	return tap_done();
}
