/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames: names, checksum, text and stream form, payloads. Finding them: decode.c. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/util.h"
#include "shmring/shmring.h"

const char *wire_type_name(enum wire_type t)
{
	static const char *const names[] = {
		[WIRE_NONE] = "none",
		[WIRE_LIFECYCLE] = "lifecycle",
		[WIRE_TEST_START] = "test-start",
		[WIRE_DETAIL] = "detail",
		[WIRE_WORKER] = "worker",
		[WIRE_RESULT] = "result",
		[WIRE_CRASH] = "crash",
		[WIRE_LOST] = "lost",
		[WIRE_EXIT] = "exit",
		[WIRE_LOG] = "log",
		[WIRE_SCHED] = "sched",
		[WIRE_SCHED_LOG] = "sched-log",
		[WIRE_SCHED_STAYS] = "sched-stays",
		[WIRE_KERNEL] = "kernel",
		[WIRE_HOLD] = "hold",
		[WIRE_DUMP_ASK] = "dump-ask",
		[WIRE_SCHED_ASK] = "sched-ask",
		[WIRE_STDOUT] = "stdout",
		[WIRE_STDERR] = "stderr",
		[WIRE_ENDED] = "ended",
		[WIRE_STATUS] = "status",
		[WIRE_STOP] = "stop",
		[WIRE_KERNEL_ASK] = "kernel-ask",
		[WIRE_GO] = "go",
		[WIRE_DUMPED] = "dumped",
		[WIRE_SIGNAL] = "signal",
		[WIRE_STDIN] = "stdin",
		[WIRE_WINDOW] = "window",
		[WIRE_GRANT] = "grant",
		[WIRE_CHANNEL] = "channel",
	};

	static_assert(ARRAY_SIZE(names) == WIRE_TYPE_COUNT, "a name for each type");
	return (unsigned)t < WIRE_TYPE_COUNT ? names[t] : "unknown";
}

const char *wire_verdict_name(enum wire_verdict v)
{
	static const char *const names[] = {
		[WIRE_PASS] = "pass",
		[WIRE_FAIL] = "fail",
		[WIRE_SKIP] = "skip",
		[WIRE_INCONCLUSIVE] = "inconclusive",
	};

	static_assert(ARRAY_SIZE(names) == WIRE_VERDICT_COUNT, "a name for each verdict");
	return (unsigned)v < WIRE_VERDICT_COUNT ? names[v] : "unknown";
}

static uint32_t crc_parts(const struct wire_frame *hdr, const struct wire_part *part, size_t count)
{
	struct wire_frame h = *hdr;
	uLong crc;

	h.crc32 = 0;
	crc = crc32(0, (const Bytef *)&h, sizeof(h));
	/* zlib takes a NULL for "begin anew", hence no empty parts */
	for (size_t i = 0; i < count; i++)
		if (part[i].len)
			crc = crc32(crc, part[i].bytes, (uInt)part[i].len);
	return (uint32_t)crc;
}

uint32_t wire_crc(const struct wire_frame *hdr, const void *payload)
{
	const struct wire_part part = { payload, hdr->length };

	return crc_parts(hdr, &part, 1);
}

bool wire_seal(struct wire_frame *hdr, const struct wire_part part[WIRE_PARTS])
{
	if (part[0].len > WIRE_PAYLOAD_MAX || part[1].len > WIRE_PAYLOAD_MAX - part[0].len)
		return false;
	hdr->length = (uint32_t)(part[0].len + part[1].len);
	hdr->crc32 = crc_parts(hdr, part, WIRE_PARTS);
	return true;
}

const char *wire_wrong(const struct wire_frame *hdr, const void *payload)
{
	if (hdr->length > WIRE_PAYLOAD_MAX)
		return "length above the limit";
	if (wire_crc(hdr, payload) != hdr->crc32)
		return "wrong checksum";
	if (hdr->flags)
		return "unknown flags";
	if (hdr->type == WIRE_NONE || hdr->type >= WIRE_TYPE_COUNT)
		return "unknown type";
	return NULL;
}

static void add_hex(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;
	uint8_t *at = n ? buf_reserve(b, 2 * n) : NULL;

	if (!at)
		return;
	for (size_t i = 0; i < n; i++) {
		*at++ = (uint8_t)digits[p[i] >> 4];
		*at++ = (uint8_t)digits[p[i] & 15];
	}
	b->len += 2 * n;
}

char *frame_to_text(enum wire_type type, uint32_t sequence, const void *payload, size_t len,
		    const void *payload2, size_t len2)
{
	const struct wire_part part[WIRE_PARTS] = { { payload, len }, { payload2, len2 } };
	struct wire_frame h = { .type = (uint16_t)type, .sequence = sequence };
	struct buf b = BUF_INIT;

	if (!wire_seal(&h, part))
		return NULL;
	buf_str(&b, "\n" FRAME_TEXT_PREFIX);
	add_hex(&b, &h, sizeof(h));
	add_hex(&b, payload, len);
	add_hex(&b, payload2, len2);
	buf_str(&b, "\n");
	return buf_take(&b);
}

int frame_to_stream(struct buf *out, enum wire_type type, uint32_t sequence,
		    const void *payload, size_t len)
{
	const struct wire_part part[WIRE_PARTS] = { { payload, len }, { NULL, 0 } };
	struct wire_frame h = { .type = (uint16_t)type, .sequence = sequence };

	if (!wire_seal(&h, part))
		return -EMSGSIZE;
	/* whole or not at all: half a frame would spoil the next one */
	if (!buf_reserve(out, strlen(WIRE_STREAM_MARK) + sizeof(h) + len))
		return -ENOMEM;
	buf_str(out, WIRE_STREAM_MARK);
	buf_add(out, &h, sizeof(h));
	buf_add(out, payload, len);
	return 0;
}

static bool get_fixed(const struct frame *f, void *out, size_t size)
{
	if (f->length < size)
		return false;
	memcpy(out, f->payload, size);
	return true;
}

/* The text behind a fixed part of size bytes. */
static const char *text_behind(const struct frame *f, size_t size)
{
	return (const char *)f->payload + size;
}

#define END_NAME(array) ((array)[sizeof(array) - 1] = '\0')

bool frame_get_lifecycle(const struct frame *f, struct wire_lifecycle *out)
{
	struct wire_lifecycle l;

	if (!get_fixed(f, &l, sizeof(l)) || !l.phase || l.phase >= WIRE_PHASE_COUNT)
		return false;
	END_NAME(l.release);
	*out = l;
	return true;
}

bool frame_get_start(const struct frame *f, struct wire_name *out, const char **ret_text)
{
	if (!get_fixed(f, out, sizeof(*out)))
		return false;
	END_NAME(out->name);
	*ret_text = (const char *)f->payload + sizeof(*out);
	return true;
}

bool frame_get_detail(const struct frame *f, struct wire_detail *out, const char **ret_text)
{
	struct wire_detail d;

	if (!get_fixed(f, &d, sizeof(d)) || d.verdict >= WIRE_VERDICT_COUNT)
		return false;
	END_NAME(d.kind);
	*out = d;
	*ret_text = text_behind(f, sizeof(d));
	return true;
}

bool frame_get_worker(const struct frame *f, struct wire_worker *out)
{
	return get_fixed(f, out, sizeof(*out));
}

bool frame_get_result(const struct frame *f, struct wire_result *out)
{
	struct wire_result res;

	if (!get_fixed(f, &res, sizeof(res)) || res.verdict >= WIRE_VERDICT_COUNT)
		return false;
	END_NAME(res.name);
	*out = res;
	return true;
}

bool frame_get_crash(const struct frame *f, struct wire_crash *out, const char **ret_text)
{
	if (!get_fixed(f, out, sizeof(*out)))
		return false;
	END_NAME(out->name);
	END_NAME(out->signal_name);
	*ret_text = text_behind(f, sizeof(*out));
	return true;
}

bool frame_get_lost(const struct frame *f, struct wire_lost *out)
{
	return get_fixed(f, out, sizeof(*out));
}

bool frame_get_exit(const struct frame *f, struct wire_exit *out)
{
	return get_fixed(f, out, sizeof(*out));
}

bool frame_get_sched(const struct frame *f, struct wire_sched *out, const char **ret_text)
{
	struct wire_sched s;

	if (!get_fixed(f, &s, sizeof(s)) || !s.event || s.event >= WIRE_SCHED_EVENT_COUNT)
		return false;
	*out = s;
	END_NAME(out->ops);
	*ret_text = text_behind(f, sizeof(*out));
	return true;
}

bool frame_get_grant(const struct frame *f, struct wire_grant *out)
{
	struct wire_grant g;

	if (!get_fixed(f, &g, sizeof(g)) || g.stream >= WIRE_STREAM_COUNT)
		return false;
	*out = g;
	return true;
}

bool frame_get_window(const struct frame *f, struct wire_window *out)
{
	if (!get_fixed(f, out, sizeof(*out)))
		return false;
	END_NAME(out->term);
	return true;
}

bool frame_get_ended(const struct frame *f, struct wire_ended *out)
{
	struct wire_ended d;

	if (!get_fixed(f, &d, sizeof(d)) || d.status < 0 || d.status > 255)
		return false;
	*out = d;
	return true;
}
