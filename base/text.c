/* SPDX-License-Identifier: GPL-2.0-only */
/* Text that the guest wrote, made safe. */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the valid UTF-8 sequence at p, or 0. */
static size_t sequence(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		   p[0] < 0xf5 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;	/* overlong, a surrogate, or above U+10FFFF */
	return n;
}

void text_clean(char *s, size_t len)
{
	uint8_t *p = (uint8_t *)s;

	for (size_t i = 0; i < len && p[i];) {
		size_t n = sequence(p + i, len - i);

		if (!n) {
			p[i++] = '?';
			continue;
		}
		if (n == 1 && (p[i] < 0x20 || p[i] == 0x7f) && p[i] != '\n' && p[i] != '\t')
			p[i] = ' ';
		i += n;
	}
}

void text_clean_copy(char *dst, size_t size, const char *s)
{
	const size_t n = strnlen(s, size - 1);

	memcpy(dst, s, n);
	dst[n] = '\0';
	text_clean(dst, n);
}

void text_vappend(char *dst, size_t size, const char *fmt, va_list ap)
{
	const size_t n = strlen(dst);

	vsnprintf(dst + n, size - n, fmt, ap);
	text_clean(dst + n, size - n);
}

void text_append(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vappend(dst, size, fmt, ap);
	va_end(ap);
}

char *text_clean_dup(const void *bytes, size_t len)
{
	char *s = strndup(bytes, len);

	if (s)
		text_clean(s, strlen(s));
	return s;
}
