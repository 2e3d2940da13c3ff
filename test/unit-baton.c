/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The baton between two threads, without KVM: whoever holds it owns the page
 * alone, and stop ends the thread from wherever it is. Run it under
 * ThreadSanitizer too: the page here is plain memory.
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "base/util.h"
#include "test/tap.h"
#include "vcpu/baton.h"

/* A vCPU thread with counting in the place of KVM_RUN. */
struct fake {
	struct baton baton;
	unsigned spin;
	unsigned posts_max;	/* then it only runs, until it is stopped */
	unsigned kicked;	/* stands for immediate_exit */
	unsigned page;		/* plain: its holder adds 1 */
	unsigned posts;
};

static void *fake_thread(void *arg)
{
	struct fake *f = arg;

	while (baton_get(&f->baton) == BATON_VCPU) {
		if (f->posts >= f->posts_max) {
			while (!__atomic_load_n(&f->kicked, __ATOMIC_ACQUIRE))
				sched_yield();
			continue;
		}
		f->page++;
		if (!baton_post(&f->baton))
			continue;
		f->posts++;
		baton_wait(&f->baton, f->spin);
	}
	baton_park(&f->baton);
	return NULL;
}

static bool loop_holds(const struct fake *f)
{
	enum baton_state s = baton_get(&f->baton);

	return s == BATON_LOOP || s == BATON_LOOP_ASLEEP;
}

/* Handle n exits, then stop; the join is the proof. Returns the exits handled. */
static unsigned run(struct fake *f, unsigned n, bool stop_while_holding)
{
	unsigned handled = 0;
	pthread_t t;

	tap_ok(baton_start(&f->baton), "started");
	if (!tap_ok(!pthread_create(&t, NULL, fake_thread, f), "thread"))
		return 0;
	while (handled < n) {
		if (!loop_holds(f)) {
			sched_yield();
			continue;
		}
		f->page++;
		handled++;
		if (handled < n || !stop_while_holding)
			baton_resume(&f->baton);
	}
	if (baton_stop(&f->baton))
		__atomic_store_n(&f->kicked, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	tap_eq(baton_get(&f->baton), BATON_PARKED);
	return handled;
}

static void each_side_owns_the_page_in_turn(void)
{
	static const unsigned spins[] = { 0, 1, 100, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(spins); i++) {
		struct fake f = { .spin = spins[i], .posts_max = 2000 };

		tap_eq(run(&f, 2000, false), 2000);
		tap_eq(f.page, 4000);
		tap_eq(f.posts, 2000);
	}
}

/* Stop arrives at every distance from the last post, with the thread awake and asleep. */
static void stop_ends_the_thread_from_anywhere(void)
{
	for (unsigned i = 0; i < 600; i++) {
		struct fake f = {
			.spin = i % 3 ? 0 : 1000,
			.posts_max = i % 5 == 4 ? i % 7 : ~0u,
		};

		run(&f, MIN(i % 7, f.posts_max), i % 2);
	}
}

/* The loop's calls mean nothing when it does not hold an exit. */
static void calls_out_of_turn_change_nothing(void)
{
	struct baton b = { BATON_NEW };

	baton_resume(&b);
	tap_eq(baton_get(&b), BATON_NEW);
	tap_ok(baton_start(&b) && !baton_start(&b), "starts once");
	baton_resume(&b);
	tap_eq(baton_get(&b), BATON_VCPU);
	tap_ok(baton_post(&b) && !baton_post(&b), "posts once");
	baton_resume(&b);
	tap_eq(baton_get(&b), BATON_VCPU);
	tap_ok(baton_stop(&b), "a running thread needs a kick");
	tap_ok(!baton_post(&b), "no exit after a stop");
	baton_resume(&b);
	tap_eq(baton_get(&b), BATON_STOP);
	tap_ok(baton_stop(&b), "and another kick, if asked again");
	baton_park(&b);
	tap_ok(!baton_stop(&b), "a parked one needs none");
	baton_resume(&b);
	tap_ok(!baton_start(&b), "and never starts again");
	tap_eq(baton_get(&b), BATON_PARKED);
}

static void stop_before_start_parks_at_once(void)
{
	struct baton b = { BATON_NEW };

	tap_ok(!baton_stop(&b), "nobody to kick");
	tap_eq(baton_get(&b), BATON_PARKED);
	tap_ok(!baton_start(&b), "too late");
	b = (struct baton){ BATON_NEW };
	baton_start(&b);
	baton_unstart(&b);
	tap_eq(baton_get(&b), BATON_NEW);
}

int main(void)
{
	TAP_RUN(each_side_owns_the_page_in_turn);
	TAP_RUN(stop_ends_the_thread_from_anywhere);
	TAP_RUN(calls_out_of_turn_change_nothing);
	TAP_RUN(stop_before_start_parks_at_once);
	return tap_done();
}
