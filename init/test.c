/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test says: each word is a frame on the socket to PID 1. */
#include "init/test.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "ktstr/test.h"

#define DEFAULT_DURATION_MS 500

int init_packet_send(int sock, enum wire_type type, const void *payload, size_t len,
		     const void *payload2, size_t len2)
{
	struct {
		struct wire_frame hdr;
		uint8_t payload[sizeof(struct wire_detail) + INIT_TEXT_MAX];
	} p;
	ssize_t n;

	if (len > sizeof(p.payload) || len2 > sizeof(p.payload) - len)
		return -EMSGSIZE;
	if (len)
		memcpy(p.payload, payload, len);
	if (len2)
		memcpy(p.payload + len, payload2, len2);
	p.hdr = (struct wire_frame){ .type = (uint16_t)type, .length = (uint32_t)(len + len2) };
	p.hdr.crc32 = wire_crc(&p.hdr, p.payload);
	do
		n = send(sock, &p, sizeof(p.hdr) + len + len2, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

bool init_packet_parse(const void *packet, size_t n, struct frame *ret)
{
	const uint8_t *payload = (const uint8_t *)packet + sizeof(struct wire_frame);
	struct wire_frame hdr;

	if (n < sizeof(hdr))
		return false;
	memcpy(&hdr, packet, sizeof(hdr));
	if (hdr.type <= WIRE_NONE || hdr.type >= WIRE_TYPE_COUNT ||
	    hdr.length != n - sizeof(hdr) || hdr.crc32 != wire_crc(&hdr, payload))
		return false;
	*ret = (struct frame){ .type = hdr.type, .length = hdr.length, .payload = payload };
	return true;
}

__attribute__((format(printf, 4, 0)))
static void detail(struct ktstr_t *t, enum wire_verdict verdict, const char *kind,
		   const char *fmt, va_list ap)
{
	struct wire_detail d = { .verdict = verdict };
	char text[INIT_TEXT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	n = n < 0 ? 0 : MIN(n, (int)sizeof(text) - 1);
	snprintf(d.kind, sizeof(d.kind), "%s", kind);
	/* without PID 1 there is nobody to tell: the host sees that by itself */
	(void)init_packet_send(t->sock, WIRE_DETAIL, &d, sizeof(d), text, (size_t)n);
}

bool ktstr_check(struct ktstr_t *t, bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	va_start(ap, fmt);
	detail(t, WIRE_FAIL, "Check", fmt, ap);
	va_end(ap);
	return false;
}

void ktstr_fail(struct ktstr_t *t, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	detail(t, WIRE_FAIL, kind, fmt, ap);
	va_end(ap);
}

void ktstr_inconclusive(struct ktstr_t *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	detail(t, WIRE_INCONCLUSIVE, "Inconclusive", fmt, ap);
	va_end(ap);
}

void ktstr_skip(struct ktstr_t *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	detail(t, WIRE_SKIP, "Skip", fmt, ap);
	va_end(ap);
}

void ktstr_note(struct ktstr_t *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	detail(t, WIRE_PASS, "Note", fmt, ap);
	va_end(ap);
}

const struct ktstr_topology *ktstr_topology(const struct ktstr_t *t)
{
	return t->topology;
}

unsigned ktstr_cpus(const struct ktstr_t *t)
{
	return t->cpus;
}

unsigned ktstr_duration_ms(const struct ktstr_t *t)
{
	return t->test->duration_ms ? t->test->duration_ms : DEFAULT_DURATION_MS;
}

bool ktstr_stopping(const struct ktstr_t *t)
{
	return atomic_load_explicit(&t->shared->stop, memory_order_relaxed);
}
