/* SPDX-License-Identifier: GPL-2.0-only */
/* A word that two processes share, and a futex to wait on it. */
#include "init/answer.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void init_answer_post(struct init_answer *a, int code)
{
	atomic_store(&a->code, code);
	atomic_fetch_add(&a->count, 1);
	syscall(SYS_futex, &a->count, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int init_answer_wait(const struct init_answer *a, unsigned before)
{
	while (atomic_load(&a->count) == before)
		syscall(SYS_futex, &a->count, FUTEX_WAIT, before, NULL, NULL, 0);
	return atomic_load(&a->code);
}
