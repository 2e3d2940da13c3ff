/* SPDX-License-Identifier: GPL-2.0-only */
/* The story of a host failure, written from right to left. */
#include "base/err.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void err_clear(struct err *e)
{
	if (!e)
		return;
	e->start = ERR_TEXT_MAX - 1;
	e->text[e->start] = '\0';
}

const char *err_text(const struct err *e)
{
	return e && e->start < ERR_TEXT_MAX - 1 ? e->text + e->start : "";
}

/* Put text before what is there; false when it does not fit. */
static int prepend(struct err *e, const char *text, size_t len)
{
	if (len > e->start)
		return 0;
	e->start -= (unsigned)len;
	memcpy(e->text + e->start, text, len);
	return 1;
}

static void prepend_fmt(struct err *e, const char *fmt, va_list ap)
{
	char text[ERR_TEXT_MAX / 2];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	prepend(e, text, (size_t)n);
}

int err_sys(struct err *e, int r, const char *fmt, ...)
{
	const char *why;
	va_list ap;

	assert(r < 0);
	if (!e)
		return r;
	err_clear(e);
	why = strerrordesc_np(-r);
	if (!why)
		why = "unknown error";
	prepend(e, why, strlen(why));
	prepend(e, ": ", 2);
	va_start(ap, fmt);
	prepend_fmt(e, fmt, ap);
	va_end(ap);
	return r;
}

int err_set(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;

	assert(r < 0);
	if (!e)
		return r;
	err_clear(e);
	va_start(ap, fmt);
	prepend_fmt(e, fmt, ap);
	va_end(ap);
	return r;
}

int err_ctx(struct err *e, int r, const char *fmt, ...)
{
	unsigned before;
	va_list ap;

	if (!e)
		return r;
	before = e->start;
	if (before < ERR_TEXT_MAX - 1 && !prepend(e, ": ", 2))
		return r;
	va_start(ap, fmt);
	prepend_fmt(e, fmt, ap);
	va_end(ap);
	if (e->start == before - 2)	/* the context did not fit: no lone ": " */
		e->start = before;
	return r;
}
