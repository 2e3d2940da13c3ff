/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes with frames in them, whole, damaged and cut, in both forms. Promises:
 * what comes out does not depend on how the bytes came, a frame is sound, and
 * in text form every byte is either in a frame's line or handed on.
 */
#include "base/buf.h"
#include "base/util.h"
#include "shmring/shmring.h"
#include "test/fuzz.h"

#define SEED(s) { s, sizeof(s) - 1 }

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* form, then operations: 0 n bytes; 1 frame: type n bytes; 2 damaged: at, frame */
const struct fuzz_seed fuzz_seeds[] = {
	SEED("\0\1\11\5hello\0\7text\r\n!\1\10\0\0\1\n"),
	SEED("\0\2\40\11\3abc\1\11\3abc\0\20KTSTR-FRAME:0901\n\n"),
	SEED("\1\1\12\5hello\0\4\xabKT\xba\1\13\3abc\1\14\10\0\0\0\0\0\0\0\0"),
	SEED("\1\2\12\5\3abc\2\1\6\4defg\1\15\0\0\4junk"),
	/* long enough for every fixed part */
	SEED("\0\1\1\312\2\0\0\0" X50 X50 X50 X50 "\1\3\312\3\0\0\0" X50 X50 X50 X50),
	{ NULL, 0 },
};

struct out {
	uint64_t frames, hash;
	uint64_t text;
};

static void mix(struct out *o, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		o->hash = (o->hash ^ p[i]) * UINT64_C(0x100000001b3);
}

/* Each getter must cope with any payload; strings must end. */
static void use_payload(const struct frame *f)
{
	union {
		struct wire_lifecycle lifecycle;
		struct wire_name name;
		struct wire_detail detail;
		struct wire_worker worker;
		struct wire_result result;
		struct wire_crash crash;
		struct wire_lost lost;
		struct wire_exit exit;
		struct wire_sched sched;
	} u;
	const char *text = NULL;

	if (frame_get_lifecycle(f, &u.lifecycle))
		FUZZ_CHECK(strlen(u.lifecycle.release) < WIRE_NAME_MAX);
	if (frame_get_start(f, &u.name, &text))
		FUZZ_CHECK(strlen(u.name.name) < WIRE_NAME_MAX &&
			   strlen(text) <= f->length - sizeof(u.name));
	if (frame_get_detail(f, &u.detail, &text))
		FUZZ_CHECK(strlen(text) <= f->length - sizeof(u.detail));
	if (frame_get_result(f, &u.result))
		FUZZ_CHECK(*wire_verdict_name(u.result.verdict) != 'u');
	if (frame_get_crash(f, &u.crash, &text))
		FUZZ_CHECK(strlen(text) <= f->length - sizeof(u.crash));
	if (frame_get_sched(f, &u.sched, &text))
		FUZZ_CHECK(strlen(u.sched.ops) < WIRE_NAME_MAX &&
			   strlen(text) <= f->length - sizeof(u.sched));
	(void)frame_get_worker(f, &u.worker);
	(void)frame_get_lost(f, &u.lost);
	(void)frame_get_exit(f, &u.exit);
}

static void on_frame(const struct frame *f, void *arg)
{
	struct out *o = arg;

	FUZZ_CHECK(f->type > WIRE_NONE && f->type < WIRE_TYPE_COUNT);
	FUZZ_CHECK(f->length <= WIRE_PAYLOAD_MAX);
	FUZZ_CHECK(f->payload[f->length] == '\0');
	o->frames++;
	mix(o, &f->sequence, sizeof(f->sequence));
	mix(o, f->payload, f->length);
	use_payload(f);
}

static void on_text(const void *bytes, size_t n, void *arg)
{
	struct out *o = arg;

	FUZZ_CHECK(n);
	o->text += n;
	/* text and frames in their order, but not where text was cut */
	mix(o, bytes, n);
}

static void add_frame(struct buf *b, enum frame_form form, struct fuzz_in *in)
{
	enum wire_type type = fuzz_u8(in) % WIRE_TYPE_COUNT;
	uint8_t len = fuzz_u8(in);
	size_t n;
	const uint8_t *payload = fuzz_take(in, len, &n);
	char *text;

	if (form == FRAME_STREAM) {
		FUZZ_CHECK(frame_to_stream(b, type, len, payload, n) == 0);
		return;
	}
	text = frame_to_text(type, len, payload, n, NULL, 0);
	FUZZ_CHECK(text);
	buf_str(b, text);
	free(text);
}

/* The bytes that the decoder will see. */
static struct buf make_bytes(enum frame_form form, struct fuzz_in *in)
{
	struct buf b = BUF_INIT;
	const uint8_t *bytes;
	size_t n, at;

	while (in->left) {
		switch (fuzz_u8(in) % 3) {
		case 0:
			bytes = fuzz_take(in, fuzz_u8(in), &n);
			buf_add(&b, bytes, n);
			break;
		case 1:
			add_frame(&b, form, in);
			break;
		case 2:
			n = fuzz_u8(in);
			at = b.len;
			add_frame(&b, form, in);
			b.data[at + n % (b.len - at)] ^= (uint8_t)(1 + n / 32);
			break;
		}
	}
	return b;
}

static struct out decode(enum frame_form form, const struct buf *b, size_t step)
{
	struct out o = { 0 };
	struct frame_decoder d;

	FUZZ_CHECK(frame_decoder_init(&d, form, on_frame, on_text, &o) == 0);
	for (size_t at = 0; at < b->len; at += step) {
		frame_decoder_add(&d, b->data + at, MIN(step, b->len - at));
		FUZZ_CHECK(d.acc_len <= d.acc_cap);
	}
	frame_decoder_finish(&d);
	FUZZ_CHECK(d.acc_len == 0 && d.frames == o.frames);
	/* prefix and header in hex, and the newlines, which a last frame may lack */
	if (form == FRAME_TEXT)
		FUZZ_CHECK(o.text + d.frames * (12 + 32) + 2 * d.bytes <= b->len);
	if (form == FRAME_TEXT && !d.frames)
		FUZZ_CHECK(o.text == b->len);
	o.hash ^= d.bad << 32;
	frame_decoder_fini(&d);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	uint8_t how = fuzz_u8(&in);
	enum frame_form form = how & 1 ? FRAME_STREAM : FRAME_TEXT;
	struct buf b = make_bytes(form, &in);
	struct out whole = decode(form, &b, b.len ? b.len : 1);
	struct out cut = decode(form, &b, (how >> 1) % 32 + 1);

	FUZZ_CHECK(whole.frames == cut.frames && whole.text == cut.text &&
		   whole.hash == cut.hash);
	buf_fini(&b);
	return 0;
}
