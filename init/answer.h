/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_ANSWER_H
#define KTSTR_INIT_ANSWER_H
/*
 * PID 1's answer to one kind of request, in the page that it shares with tests:
 *
 *	before = atomic_load(&a->count); send the request; init_answer_wait(a, before);
 *
 * PID 1 outlives who waits, and kills a test whose time is over, so this ends.
 *
 * Thread: any.
 */
#include <stdatomic.h>

struct init_answer {
	atomic_uint count;	/* of answers, since the page is there */
	atomic_int code;	/* the last one: 0 or a negative errno */
};

void init_answer_post(struct init_answer *a, int code);
/* The code of the answer that makes count another than before. */
int init_answer_wait(const struct init_answer *a, unsigned before);

#endif
