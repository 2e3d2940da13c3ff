/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_BATON_H
#define KTSTR_VCPU_BATON_H
/*
 * The baton: one atomic word per vCPU that says whose the kvm_run page is.
 * Private to vcpu/; vcpu.h has the picture.
 *
 *  who     call     from -> to
 *  loop    start    NEW -> VCPU
 *  thread  post     VCPU -> LOOP
 *  thread  wait     LOOP -> LOOP_ASLEEP, if spinning was not enough
 *  loop    resume   LOOP, LOOP_ASLEEP -> VCPU
 *  loop    stop     NEW -> PARKED; VCPU, LOOP, LOOP_ASLEEP -> STOP
 *  thread  park     STOP -> PARKED
 *
 * Why stopping cannot hang, in any interleaving: the request to stop lives in
 * the same word as the ownership, so there is always one order of events.
 *  - stop before the thread's post: the post's compare-and-swap wants VCPU,
 *    finds STOP, and the thread parks instead of waiting for the loop.
 *  - stop after the post: it finds LOOP or LOOP_ASLEEP and takes the baton
 *    back to the thread's side in the same step, waking it if it sleeps. The
 *    exit is dropped: nobody wants it any more.
 *  - stop while the thread falls asleep: either its swap LOOP -> LOOP_ASLEEP
 *    fails, or stop sees LOOP_ASLEEP and wakes it; the futex compares the word
 *    again before it sleeps.
 *  - stop before start: NEW becomes PARKED, and no thread is made.
 * What is left is a thread inside KVM_RUN, or on its way there: that takes the
 * kick, whose half of the reasoning stands at vcpu_stop().
 *
 * Thread: as the names say; every call is a few atomic operations, but for
 * baton_wait(), which sleeps.
 */
#include <stdbool.h>
#include <stdint.h>

enum baton_state {
	BATON_NEW,		/* the loop's; there is no thread */
	BATON_VCPU,		/* the thread's */
	BATON_LOOP,		/* the loop's, with an exit; the thread spins */
	BATON_LOOP_ASLEEP,	/* the same, the thread sleeps on the word */
	BATON_STOP,		/* the thread's, but it may only park */
	BATON_PARKED,		/* the loop's, for good */
};

struct baton {
	uint32_t word;		/* an enum baton_state, only through __atomic */
};

/* Where the baton is; what its last holder wrote can be seen (acquire). */
static inline enum baton_state baton_get(const struct baton *b)
{
	return (enum baton_state)__atomic_load_n(&b->word, __ATOMIC_ACQUIRE);
}

/* Loop: NEW -> VCPU, and back when no thread could be made. False: not NEW. */
bool baton_start(struct baton *b);
void baton_unstart(struct baton *b);

/* Thread: give the page to the loop. False: it must park. */
bool baton_post(struct baton *b);
/* Thread, after a post: until the loop gives the page back. Spins spin times first. */
void baton_wait(struct baton *b, unsigned spin);
/* Thread: its last word. */
void baton_park(struct baton *b);

/* Loop: give the page back. Nothing happens unless the loop holds an exit. */
void baton_resume(struct baton *b);
/* Loop: ask to park. True: the thread may be in KVM_RUN and needs a kick. */
bool baton_stop(struct baton *b);

#endif
