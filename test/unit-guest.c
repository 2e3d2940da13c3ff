/* SPDX-License-Identifier: GPL-2.0-only */
/* loop/: what frames of the guest do to a run, and what they may not do. */
#include <ev.h>

#include "base/units.h"
#include "base/util.h"
#include "loop/bpf_write.h"
#include "loop/run.h"
#include "test/tap.h"

static struct ev_loop *loop;
static struct ktstr_run *run;

/* A run with a scheduler. */
static void begin_boot(void)
{
	loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	run = ktstr_run_create();
	capture_init(&run->sched_log, NULL, NULL);
	phases_start(&run->phases, loop, &run->facts);
}

/* The same, as it is when PID 1 has said READY. */
static void begin(const char *bpf_write)
{
	begin_boot();
	if (bpf_write)
		tap_eq(ktstr_run_set(run, "bpf-write", bpf_write), 0);
	phases_reach(&run->phases, PHASE_READY);
}

static void end(void)
{
	ktstr_run_destroy(run);
	ev_loop_destroy(loop);
}

static void says(enum wire_type type, const void *payload, size_t bytes)
{
	const struct frame f = { .type = type, .length = (uint32_t)bytes, .payload = payload };

	guest_frame(run, &f);
}

static void says_attached(void)
{
	const struct {
		struct wire_sched w;
		char end;
	} x = { .w = { .event = WIRE_SCHED_ATTACHED, .attach_ns = 1, .ops = "simple" } };

	says(WIRE_SCHED, &x, sizeof(x.w));
}

static void says_hold(void)
{
	says(WIRE_HOLD, "", 0);
}

static void says_init(unsigned cpus)
{
	const struct wire_lifecycle l = { .phase = WIRE_PHASE_INIT, .cpus = cpus };

	says(WIRE_LIFECYCLE, &l, sizeof(l));
}

/* True: the watchdog has begun anew since it was set far off. */
static bool begun_anew(void)
{
	return ev_timer_remaining(loop, &run->phases.watchdog) < 1000;
}

static void set_far_off(void)
{
	phases_limit(&run->phases, 3600 * NSEC_PER_SEC);
}

static void each_cpu_that_comes_up_gives_the_next_one_time(void)
{
	begin_boot();
	run->facts.topo = (struct topo)TOPO(1, 1, 4, 1);
	says_init(1);
	tap_eq(run->phases.now, PHASE_INIT);
	for (unsigned cpus = 2; cpus <= 4; cpus++) {
		set_far_off();
		says_init(cpus);
		tap_ok(begun_anew(), "CPU %u is progress", cpus);
		tap_eq(run->facts.guest_cpus, cpus);
	}
	end();
}

static void cpus_that_will_be_offline_may_be_up_at_first(void)
{
	begin_boot();
	run->facts.topo = (struct topo)TOPO(1, 1, 4, 1);
	tap_eq(cpulist_parse("2-3", 4, &run->facts.topo.offline), 0);
	says_init(4);
	tap_eq(run->facts.guest_cpus, 2);
	end();
}

static void a_guest_that_says_it_again_or_too_much_gains_no_time(void)
{
	static const unsigned no_progress[] = { 3, 2, 0, 5, 0xffffffff };

	begin_boot();
	run->facts.topo = (struct topo)TOPO(1, 1, 4, 1);
	says_init(3);
	set_far_off();
	for (size_t i = 0; i < ARRAY_SIZE(no_progress); i++) {
		says_init(no_progress[i]);
		tap_ok(!begun_anew(), "%u CPUs", no_progress[i]);
	}
	tap_eq(run->facts.guest_cpus, 3);
	phases_reach(&run->phases, PHASE_READY);
	set_far_off();
	says_init(4);
	tap_ok(!begun_anew(), "it is ready already");
	end();
}

static void a_hold_that_nobody_asked_for_is_a_bad_frame(void)
{
	begin(NULL);
	run->watch.settled = true;	/* and not attached: a write would end the run */
	says_hold();
	says_attached();
	says_hold();
	tap_eq(run->facts.bad_frames, 2);
	tap_eq(run->facts.stop, STOP_NONE);
	end();
}

static void a_guest_holds_once_when_it_has_attached(void)
{
	begin("map.field=1");
	says_hold();
	tap_eq(run->facts.bad_frames, 1);
	says_attached();
	says_hold();
	tap_eq(run->facts.bad_frames, 1);
	for (int i = 0; i < 1000; i++)
		says_hold();
	tap_eq(run->facts.bad_frames, 1001);
	says_attached();	/* it was started anew */
	says_hold();
	tap_eq(run->facts.bad_frames, 1001);
	end();
}

static void writes_wait_until_the_frames_are_taken(void)
{
	begin("map.field=1");
	run->watch.settled = true;
	for (int i = 0; i < 1000; i++) {
		says_attached();
		says_hold();
	}
	tap_eq(run->facts.bad_frames, 0);
	tap_ok(!run->facts.sched.bpf_writes, "none was tried");
	end();
}

static void nothing_is_written_into_a_guest_that_is_to_end(void)
{
	begin("map.field=1");
	run->watch.settled = true;
	says_attached();
	says_hold();
	facts_stop(&run->facts, STOP_PANIC, "it has panicked");
	bpf_write_go(run);
	tap_ok(!run->facts.sched.bpf_writes, "none was tried");
	end();
}

int main(void)
{
	TAP_RUN(each_cpu_that_comes_up_gives_the_next_one_time);
	TAP_RUN(cpus_that_will_be_offline_may_be_up_at_first);
	TAP_RUN(a_guest_that_says_it_again_or_too_much_gains_no_time);
	TAP_RUN(a_hold_that_nobody_asked_for_is_a_bad_frame);
	TAP_RUN(a_guest_holds_once_when_it_has_attached);
	TAP_RUN(writes_wait_until_the_frames_are_taken);
	TAP_RUN(nothing_is_written_into_a_guest_that_is_to_end);
	return tap_done();
}
