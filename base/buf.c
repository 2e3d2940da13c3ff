/* SPDX-License-Identifier: GPL-2.0-only */
/* A byte buffer that grows by doubling. */
#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->bad = false;
}

bool buf_ok(const struct buf *b)
{
	return !b->bad;
}

void *buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *data;

	if (b->bad || n > SIZE_MAX / 4 - b->len) {
		b->bad = true;
		return NULL;
	}
	if (b->len + n <= b->cap)
		return b->data + b->len;
	while (cap < b->len + n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->bad = true;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	void *at = n ? buf_reserve(b, n) : NULL;

	if (!at)
		return;
	memcpy(at, bytes, n);
	b->len += n;
}

void buf_add_zero(struct buf *b, size_t n)
{
	void *at = n ? buf_reserve(b, n) : NULL;

	if (!at)
		return;
	memset(at, 0, n);
	b->len += n;
}

void buf_align(struct buf *b, size_t align)
{
	size_t over = b->len % align;

	if (over)
		buf_add_zero(b, align - over);
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *at;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	at = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
	if (!at)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void buf_le16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	buf_add(b, &v, sizeof(v));
}

void buf_le32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_add(b, &v, sizeof(v));
}

void buf_le64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_add(b, &v, sizeof(v));
}

char *buf_take(struct buf *b)
{
	char *s;

	buf_u8(b, 0);
	if (b->bad) {
		buf_fini(b);
		return NULL;
	}
	s = (char *)b->data;
	*b = (struct buf)BUF_INIT;
	return s;
}
