/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_ERR_H
#define KTSTR_BASE_ERR_H
/*
 * Errors of the host: a negative errno as return value, and the story in a
 * struct err that gains context as it climbs: "kernel: open /x: No such file
 * or directory". Only cli/ (or an embedding program) prints it.
 *
 * A struct err is fixed-size, allocates nothing and needs no free. It is
 * written from right to left; when it is full the outer context is dropped
 * and the cause is kept. Text is lower case, without a full stop.
 *
 * A function that takes a struct err does not log above debug level. NULL is
 * a valid struct err pointer for callers that only want the number.
 *
 * Thread: any, one owner at a time.
 */
#include <stdarg.h>

#define ERR_TEXT_MAX 1024

struct err {
	unsigned start;			/* text + start is the story */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT { .start = ERR_TEXT_MAX - 1 }

/* Forget what was said. */
void err_clear(struct err *e);

/* The story so far, "" when nothing was said. */
const char *err_text(const struct err *e);

/* Start a story: "<fmt>: strerror(-r)". Returns r, which is negative. */
__attribute__((format(printf, 3, 4)))
int err_sys(struct err *e, int r, const char *fmt, ...);

/* Start a story whose reason is in the text. Returns r, which is negative. */
__attribute__((format(printf, 3, 4)))
int err_set(struct err *e, int r, const char *fmt, ...);

/* Add context in front: "<fmt>: <story>". Returns r. */
__attribute__((format(printf, 3, 4)))
int err_ctx(struct err *e, int r, const char *fmt, ...);

#endif
