/* SPDX-License-Identifier: GPL-2.0-only */
/* The baton's transitions; baton.h draws them. */
#include "vcpu/baton.h"

#include <assert.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vcpu/internal.h"

/*
 * Each swap releases what its maker wrote into the page; a swap that fails
 * acquires, since its maker then acts on what it found.
 */
static bool swap(struct baton *b, enum baton_state from, enum baton_state to)
{
	uint32_t expected = from;

	return __atomic_compare_exchange_n(&b->word, &expected, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* Returns early for signals and for no reason at all: callers look at the word again. */
static void futex_wait(struct baton *b, enum baton_state state)
{
	(void)syscall(SYS_futex, &b->word, FUTEX_WAIT_PRIVATE, state, NULL, NULL, 0);
}

static void futex_wake(struct baton *b)
{
	(void)syscall(SYS_futex, &b->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool baton_start(struct baton *b)
{
	return swap(b, BATON_NEW, BATON_VCPU);
}

void baton_unstart(struct baton *b)
{
	__atomic_store_n(&b->word, BATON_NEW, __ATOMIC_RELEASE);
}

bool baton_post(struct baton *b)
{
	return swap(b, BATON_VCPU, BATON_LOOP);
}

void baton_wait(struct baton *b, unsigned spin)
{
	for (; spin && baton_get(b) == BATON_LOOP; spin--)
		vcpu_arch_relax();
	if (!swap(b, BATON_LOOP, BATON_LOOP_ASLEEP))
		return;
	while (baton_get(b) == BATON_LOOP_ASLEEP)
		futex_wait(b, BATON_LOOP_ASLEEP);
}

void baton_park(struct baton *b)
{
	assert(baton_get(b) == BATON_STOP);
	__atomic_store_n(&b->word, BATON_PARKED, __ATOMIC_RELEASE);
}

void baton_resume(struct baton *b)
{
	if (swap(b, BATON_LOOP, BATON_VCPU))
		return;
	if (swap(b, BATON_LOOP_ASLEEP, BATON_VCPU))
		futex_wake(b);
}

bool baton_stop(struct baton *b)
{
	uint32_t old = baton_get(b), new;

	do {
		if (old == BATON_PARKED)
			return false;
		new = old == BATON_NEW ? BATON_PARKED : BATON_STOP;
	} while (!__atomic_compare_exchange_n(&b->word, &old, new, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	if (old == BATON_LOOP_ASLEEP)
		futex_wake(b);
	return new == BATON_STOP;
}
