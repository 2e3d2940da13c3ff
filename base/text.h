/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_TEXT_H
#define KTSTR_BASE_TEXT_H
/*
 * Text that the guest wrote, made safe for a terminal and for JSON.
 * Thread: any.
 */
#include <stdarg.h>
#include <stddef.h>

/*
 * In place, up to len or the first NUL: control characters other than newline
 * and tab become spaces, bytes that are no valid UTF-8 become '?'.
 */
void text_clean(char *s, size_t len);

/* As much of s as has room in dst[size], clean and ended; what lies behind is not read. */
void text_clean_copy(char *dst, size_t size, const char *s);

/*
 * Append formatted text to the clean text in dst[size]: what has no room is cut off, also of
 * a character, and the whole is clean and ended.
 */
__attribute__((format(printf, 3, 4)))
void text_append(char *dst, size_t size, const char *fmt, ...);
void text_vappend(char *dst, size_t size, const char *fmt, va_list ap);

/* A clean copy of at most len bytes, up to the first NUL; the caller's to free. NULL: no memory. */
char *text_clean_dup(const void *bytes, size_t len);

#endif
