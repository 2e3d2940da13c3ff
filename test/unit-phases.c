/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the phases of a run may last. */
#include <ev.h>

#include "base/util.h"
#include "loop/facts.h"
#include "loop/phases.h"
#include "test/tap.h"

struct world {
	struct ev_loop *loop;
	struct facts facts;
	struct phases phases;
};

static void start(struct world *w, unsigned cpus, bool slow)
{
	*w = (struct world){ .loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV) };
	w->phases.cpus = cpus;
	w->phases.slow = slow;
	w->phases.deadline_ns = 5 * NSEC_PER_SEC;
	phases_start(&w->phases, w->loop, &w->facts);
}

static void stop(struct world *w)
{
	phases_stop(&w->phases);
	ev_loop_destroy(w->loop);
}

/* What the watchdog is set to, in milliseconds; 0: it is off. */
static unsigned watchdog_ms(const struct world *w)
{
	return ev_is_active(&w->phases.watchdog) ?
		(unsigned)(w->phases.watchdog.repeat * 1000 + .5) : 0;
}

static void each_vcpu_adds_to_the_time_of_a_boot(void)
{
	static const struct {
		unsigned cpus, ms;
		bool slow;
	} rows[] = {
		{ 1, 30500, false },
		{ 512, 286000, false },
		{ 1, 122000, true },
		{ 512, 1144000, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		start(&w, rows[i].cpus, rows[i].slow);
		phases_reach(&w.phases, PHASE_LOADED);
		tap_eq(watchdog_ms(&w), rows[i].ms);
		stop(&w);
	}
}

static void a_test_has_no_watchdog_but_the_deadline(void)
{
	struct world w;

	start(&w, 512, true);
	tap_ok(!ev_is_active(&w.phases.deadline), "no deadline before the machine runs");
	phases_reach(&w.phases, PHASE_LOADED);
	phases_reach(&w.phases, PHASE_TEST);
	tap_eq(watchdog_ms(&w), 0);
	tap_ok(ev_is_active(&w.phases.deadline), "the deadline");
	tap_eq((unsigned)w.phases.deadline.repeat, 5);	/* as it was given */
	stop(&w);
}

static void a_phase_that_is_over_is_not_entered_again(void)
{
	struct world w;
	uint64_t at;

	start(&w, 1, false);
	phases_reach(&w.phases, PHASE_READY);
	at = w.facts.phase_ns[PHASE_READY];
	tap_ok(at > 0, "its time is kept");
	phases_reach(&w.phases, PHASE_BANNER);
	phases_reach(&w.phases, PHASE_READY);
	tap_eq(w.phases.now, PHASE_READY);
	tap_eq(w.facts.phase_ns[PHASE_BANNER], 0);
	tap_eq(w.facts.phase_ns[PHASE_READY], at);
	stop(&w);
}

static void a_guest_that_stands_still_has_no_deadline(void)
{
	struct world w;
	double left;

	start(&w, 1, false);
	phases_reach(&w.phases, PHASE_READY);
	left = ev_timer_remaining(w.loop, &w.phases.watchdog);
	phases_pause(&w.phases);
	phases_pause(&w.phases);
	tap_ok(!ev_is_active(&w.phases.watchdog) && !ev_is_active(&w.phases.deadline), "paused");
	phases_resume(&w.phases);
	tap_ok(ev_is_active(&w.phases.watchdog) && ev_is_active(&w.phases.deadline), "resumed");
	tap_ok(ev_timer_remaining(w.loop, &w.phases.watchdog) <= left, "it does not begin anew");
	tap_eq((unsigned)w.phases.deadline.repeat, 5);	/* the reason tells the limit as given */
	stop(&w);
}

static void what_is_set_in_a_pause_counts_behind_it(void)
{
	struct world w;

	start(&w, 1, false);
	phases_reach(&w.phases, PHASE_READY);
	phases_pause(&w.phases);
	phases_limit(&w.phases, 3600 * NSEC_PER_SEC);
	tap_ok(!ev_is_active(&w.phases.watchdog), "it is set in the pause");
	phases_reach(&w.phases, PHASE_RESULT);
	phases_limit(&w.phases, 3600 * NSEC_PER_SEC);
	phases_resume(&w.phases);
	tap_ok(ev_timer_remaining(w.loop, &w.phases.watchdog) > 1800, "an hour is left");
	tap_ok(!ev_is_active(&w.phases.deadline), "a result ends the deadline in a pause, too");
	stop(&w);
}

static double left_s(struct world *w)
{
	return ev_is_active(&w->phases.watchdog) ?
		ev_timer_remaining(w->loop, &w->phases.watchdog) : -1;
}

static void a_guest_that_is_to_end_gets_no_more_time(void)
{
	for (int paused = 0; paused < 2; paused++) {
		struct world w;

		start(&w, 1, true);
		phases_reach(&w.phases, PHASE_READY);
		facts_stop(&w.facts, STOP_CANCELLED, "cancelled");
		phases_limit(&w.phases, 10 * NSEC_PER_SEC);
		if (paused)
			phases_pause(&w.phases);
		phases_reach(&w.phases, PHASE_SCHED);	/* 80 s */
		phases_limit(&w.phases, 20 * NSEC_PER_SEC);
		phases_reach(&w.phases, PHASE_TEST);	/* no limit */
		phases_reach(&w.phases, PHASE_RESULT);	/* 40 s */
		phases_resume(&w.phases);
		tap_ok(left_s(&w) >= 0 && left_s(&w) <= 10, "%.1f s are left", left_s(&w));
		phases_limit(&w.phases, 2 * NSEC_PER_SEC);
		tap_eq(watchdog_ms(&w), 2000);	/* less is given at once */
		phases_reach(&w.phases, PHASE_POWEROFF);
		tap_eq(watchdog_ms(&w), 80200);	/* the vCPUs have their own */
		stop(&w);
		facts_fini(&w.facts);
	}
}

static void a_test_that_is_to_end_gets_a_limit(void)
{
	struct world w;

	start(&w, 1, false);
	phases_reach(&w.phases, PHASE_TEST);
	facts_stop(&w.facts, STOP_SCHED_EJECTED, "ejected");
	phases_limit(&w.phases, 10 * NSEC_PER_SEC);
	tap_eq(watchdog_ms(&w), 10000);
	stop(&w);
	facts_fini(&w.facts);
}

int main(void)
{
	TAP_RUN(each_vcpu_adds_to_the_time_of_a_boot);
	TAP_RUN(a_test_has_no_watchdog_but_the_deadline);
	TAP_RUN(a_phase_that_is_over_is_not_entered_again);
	TAP_RUN(a_guest_that_stands_still_has_no_deadline);
	TAP_RUN(what_is_set_in_a_pause_counts_behind_it);
	TAP_RUN(a_guest_that_is_to_end_gets_no_more_time);
	TAP_RUN(a_test_that_is_to_end_gets_a_limit);
	return tap_done();
}
