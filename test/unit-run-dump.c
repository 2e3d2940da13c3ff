/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop/: a run's snapshots and writes while the guest stands still: who is answered, what
 * ends a hold, what they add to limits.
 * The machine has no vCPUs and hears by COM2 only; the cases say when it stands still.
 */
#include <errno.h>
#include <ev.h>
#include <json-c/json.h>

#include "base/units.h"
#include "base/util.h"
#include "loop/bpf_write.h"
#include "loop/dump.h"
#include "loop/machine_private.h"
#include "loop/run.h"
#include "test/tap.h"

static struct ev_loop *loop;
static struct machine machine;
static struct ktstr_run *run;

static void begin(uint64_t hold_ns)
{
	loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	machine = (struct machine){ .loop = loop, .by_com2 = true };
	uart_init(&machine.com2, -1, NULL, NULL);
	downlink_init(&machine.downlink, &machine.com2);
	tap_eq(freeze_init(&machine.freeze, loop, NULL, NULL, 0), 0);
	run = ktstr_run_create();
	run->loop = loop;
	run->machine = &machine;
	run->config.relay_dump = true;
	run->config.dump_hold_ns = hold_ns;
	phases_start(&run->phases, loop, &run->facts);
	phases_reach(&run->phases, PHASE_READY);
}

static void end(void)
{
	run->machine = NULL;
	ktstr_run_destroy(run);
	freeze_fini(&machine.freeze);
	downlink_fini(&machine.downlink);
	ev_loop_destroy(loop);
}

/* Frames that were sent to the guest. */
static unsigned sent(void)
{
	return machine.downlink.sequence;
}

static void each_request_of_a_test_is_answered(void)
{
	begin(0);
	run_dump_test(run, "of one that is killed then");
	run_dump_test(run, "of the next");
	tap_eq(sent(), 0);
	run_freeze_begun(run);
	tap_eq(sent(), 2);
	run_dump_test(run, "once more");
	run_freeze_begun(run);
	tap_eq(sent(), 3);
	end();
}

static void others_that_join_are_not_answered(void)
{
	begin(0);
	tap_eq(run_dump_ask(run, "user", "wants it"), 0);
	run_dump_test(run, "does, too");
	tap_eq(run_dump_ask(run, "early", "so does this"), 0);
	run_freeze_begun(run);
	tap_eq(sent(), 1);
	end();
}

static void one_that_comes_in_a_hold_is_refused_at_once(void)
{
	begin(3600 * NSEC_PER_SEC);
	run_dump_test(run, "held");
	run_freeze_begun(run);
	run_dump_test(run, "too late");
	tap_eq(sent(), 1);
	run_kvm_cancel(run, false);
	tap_eq(sent(), 3);	/* the other answer, and the request to stop */
	end();
}

static void a_cancel_ends_a_hold(void)
{
	begin(3600 * NSEC_PER_SEC);
	tap_eq(run_dump_ask(run, "user", "looks around"), 0);
	run_freeze_begun(run);
	tap_ok(machine_is_frozen(&machine) && !ev_is_active(&run->phases.watchdog), "it is held");
	run_kvm_cancel(run, false);
	tap_ok(!machine_is_frozen(&machine), "it goes on");
	tap_ok(!ev_is_active(&run->dump.hold), "nobody lets it go once more");
	tap_ok(ev_is_active(&run->phases.watchdog), "its grace runs");
	tap_eq(sent(), 1);
	end();
}

static void a_freeze_that_is_under_way_is_not_held_after_a_cancel(void)
{
	begin(3600 * NSEC_PER_SEC);
	tap_eq(run_dump_ask(run, "user", "looks around"), 0);
	run_kvm_cancel(run, false);
	tap_ok(machine_is_frozen(&machine), "the snapshot is still taken");
	run_freeze_begun(run);
	tap_ok(!machine_is_frozen(&machine), "it goes on");
	tap_ok(ev_is_active(&run->phases.watchdog), "its grace runs");
	tap_eq(run->facts.freezes, 1);
	end();
}

/* PID 1 waits for --bpf-write; there is no kernel that it could be written into. */
static void ask_for_a_write(void)
{
	tap_eq(strlist_add(&run->config.bpf_write, ".bss.x=1"), 0);
	run->watch.settled = true;
	run->hold = RUN_HELD;
	bpf_write_go(run);
}

static void a_write_waits_until_the_guest_stands_still(void)
{
	begin(0);
	ask_for_a_write();
	tap_ok(machine_is_frozen(&machine), "it is asked to");
	tap_ok(!run->facts.sched.bpf_writes, "none was tried");
	run_freeze_begun(run);
	tap_ok(run->facts.sched.bpf_writes != NULL, "it was tried");
	tap_ok(!machine_is_frozen(&machine), "it goes on");
	tap_eq(run->facts.stop, STOP_BPF_WRITE);
	end();
}

static void nothing_is_written_when_a_vcpu_runs_on(void)
{
	begin(0);
	ask_for_a_write();
	err_set(&machine.freeze.why, -ETIMEDOUT, "1 of 4 vCPUs did not stand still");
	run_freeze_begun(run);
	tap_eq(run->facts.stop, STOP_BPF_WRITE);
	tap_str(run->facts.stop_text,
		"--bpf-write was not tried: 1 of 4 vCPUs did not stand still");
	tap_eq(json_object_array_length(run->facts.sched.bpf_writes), 0);
	end();
}

static void a_write_shares_the_freeze_of_a_snapshot(void)
{
	begin(0);
	tap_eq(run_dump_ask(run, "user", "looks around"), 0);
	ask_for_a_write();
	run_freeze_begun(run);
	tap_ok(run->facts.sched.bpf_writes != NULL, "it was tried");
	tap_eq(json_object_array_length(run->dump.snapshots), 1);
	tap_eq(run->facts.freezes, 1);
	end();
}

static void what_is_wanted_during_a_hold_is_done_at_its_end(void)
{
	begin(3600 * NSEC_PER_SEC);
	tap_eq(run_dump_ask(run, "user", "looks around"), 0);
	run_freeze_begun(run);
	ask_for_a_write();
	tap_ok(!run->facts.sched.bpf_writes, "none was tried");
	ev_feed_event(loop, &run->dump.hold, EV_TIMER);
	ev_run(loop, EVRUN_NOWAIT);
	tap_ok(run->facts.sched.bpf_writes != NULL, "it was tried");
	tap_ok(!machine_is_frozen(&machine), "it goes on");
	tap_eq(run->facts.freezes, 1);
	end();
}

static void a_stop_beats_what_is_wanted(void)
{
	begin(0);
	ask_for_a_write();
	run_kvm_cancel(run, true);
	tap_ok(!machine_is_frozen(&machine) && !run->freeze.on && !run->freeze.wanted,
	       "it is forgotten");
	tap_eq(run_dump_ask(run, "user", "is late"), -EAGAIN);
	tap_ok(!run->facts.sched.bpf_writes, "none was tried");
	end();
}

/* PID 1 says whether a scheduler shall stay; then the kernel is seen to let go of it. */
static void goes(int32_t stays, bool is_error)
{
	const struct wire_exit x = { .code = stays };
	const struct frame f = {
		.type = WIRE_SCHED_STAYS, .length = sizeof(x), .payload = (const uint8_t *)&x,
	};
	struct fate_exit e = {
		.exit = { .is_error = is_error, .ops = "simple", .reason = "gone" },
	};

	guest_frame(run, &f);
	run->fate.on_exit(&e, run);
}

static void a_scheduler_that_goes_unasked_is_a_snapshot(void)
{
	begin(0);
	run->facts.by_ring = true;
	run_fate_init(run);
	goes(0, false);
	tap_str(run->dump.trigger, "");
	goes(1, false);
	tap_str(run->dump.trigger, "scheduler-exit");
	tap_str(run->dump.reason, "simple: gone");
	tap_ok(!run->sched_stays, "it is gone");
	run_freeze_begun(run);
	goes(0, true);
	tap_str(run->dump.trigger, "scheduler-error");
	end();
}

static void by_com2_nobody_knows_whether_it_was_asked(void)
{
	begin(0);
	run_fate_init(run);
	goes(1, false);
	tap_str(run->dump.trigger, "");
	end();
}

static void the_limit_of_a_nested_run_has_room_for_each_hold(void)
{
	uint64_t without;

	begin(60 * NSEC_PER_SEC);
	run->plan.timeout_ns = 10 * NSEC_PER_SEC;
	without = run_nested_limit_ns(run);
	tap_ok(without > 2 * run->plan.timeout_ns, "the inner run owns its deadline");
	run->config.dump = strdup("/nowhere");
	tap_ok(run_nested_limit_ns(run) - without >= DUMP_SNAPSHOTS_MAX * 60 * NSEC_PER_SEC,
	       "all its holds fit");
	run->plan.timeout_ns = 0;
	tap_eq(run_nested_limit_ns(run), 0);
	end();
}

int main(void)
{
	TAP_RUN(each_request_of_a_test_is_answered);
	TAP_RUN(others_that_join_are_not_answered);
	TAP_RUN(one_that_comes_in_a_hold_is_refused_at_once);
	TAP_RUN(a_cancel_ends_a_hold);
	TAP_RUN(a_freeze_that_is_under_way_is_not_held_after_a_cancel);
	TAP_RUN(a_write_waits_until_the_guest_stands_still);
	TAP_RUN(nothing_is_written_when_a_vcpu_runs_on);
	TAP_RUN(a_write_shares_the_freeze_of_a_snapshot);
	TAP_RUN(what_is_wanted_during_a_hold_is_done_at_its_end);
	TAP_RUN(a_stop_beats_what_is_wanted);
	TAP_RUN(a_scheduler_that_goes_unasked_is_a_snapshot);
	TAP_RUN(by_com2_nobody_knows_whether_it_was_asked);
	TAP_RUN(the_limit_of_a_nested_run_has_room_for_each_hold);
	return tap_done();
}
