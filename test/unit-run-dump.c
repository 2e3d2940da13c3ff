/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop/: a run's snapshots: who is answered, what ends a hold, what they add to limits.
 * The machine has no vCPUs and hears by COM2 only; the cases say when it stands still.
 */
#include <ev.h>

#include "base/units.h"
#include "base/util.h"
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
	run_dump_frozen(run);
	tap_eq(sent(), 2);
	run_dump_test(run, "once more");
	run_dump_frozen(run);
	tap_eq(sent(), 3);
	end();
}

static void others_that_join_are_not_answered(void)
{
	begin(0);
	tap_eq(run_dump_ask(run, "user", "wants it"), 0);
	run_dump_test(run, "does, too");
	tap_eq(run_dump_ask(run, "early", "so does this"), 0);
	run_dump_frozen(run);
	tap_eq(sent(), 1);
	end();
}

static void one_that_comes_in_a_hold_is_refused_at_once(void)
{
	begin(3600 * NSEC_PER_SEC);
	run_dump_test(run, "held");
	run_dump_frozen(run);
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
	run_dump_frozen(run);
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
	run_dump_frozen(run);
	tap_ok(!machine_is_frozen(&machine), "it goes on");
	tap_ok(ev_is_active(&run->phases.watchdog), "its grace runs");
	tap_eq(run->facts.freezes, 1);
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
	TAP_RUN(the_limit_of_a_nested_run_has_room_for_each_hold);
	return tap_done();
}
