/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking for exits while time goes on: a kernel in memory whose scheduler comes and goes. */
#include <ev.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/units.h"
#include "loop/fate.h"
#include "test/scx-guest.h"

#define TURNS_MAX 400

struct fixture {
	struct scx_guest k;
	struct ev_loop *loop;
	struct fate fate;
	unsigned seen;			/* calls of on_exit */
	unsigned freezes;		/* that were asked for */
	bool moving;			/* none comes */
	char last[200];
};

static void on_exit_seen(struct fate_exit *x, void *arg)
{
	struct fixture *f = arg;

	f->seen++;
	snprintf(x->test, sizeof(x->test), "busy");
	sched_ext_exit_text(&x->exit, f->last, sizeof(f->last));
}

static void on_watchdog(void *arg)
{
	struct fixture *f = arg;

	f->freezes++;
	if (!f->moving)
		fate_set_watchdog(&f->fate, "");
}

static bool fixture_open(struct fixture *f, uint64_t watchdog_ns)
{
	*f = (struct fixture){ .loop = ev_loop_new(EVFLAG_AUTO) };
	if (!scx_guest_open(&f->k, BY_SYMBOLS))
		return false;
	put32(&f->k, symbol(&f->k, VMLINUX_AT_SCX_STATE), ENABLED);
	fate_init(&f->fate, true, watchdog_ns);
	f->fate.on_exit = on_exit_seen;
	f->fate.on_watchdog = on_watchdog;
	f->fate.arg = f;
	fate_begin(&f->fate, f->loop, f->k.s, f->k.g.monitor);
	return true;
}

static void fixture_close(struct fixture *f)
{
	fate_fini(&f->fate);
	ev_loop_destroy(f->loop);
	scx_guest_close(&f->k);
}

static void turn(struct fixture *f)
{
	ev_run(f->loop, EVRUN_ONCE);
}

static void until_seen(struct fixture *f, unsigned count)
{
	for (unsigned i = 0; i < TURNS_MAX && f->seen < count; i++)
		turn(f);
	tap_eq(f->seen, count);
}

/* The kernel frees it. */
static void forget(struct fixture *f)
{
	guest_put(&f->k.g, symbol(&f->k, VMLINUX_AT_SCX_EXIT_INFO), 0);
	for (unsigned i = 0; i < TURNS_MAX && f->fate.now; i++)
		turn(f);
	tap_ok(!f->fate.now, "it is gone");
}

static const char *get_str(struct json_object *a, size_t i, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(json_object_array_get_idx(a, i), key, &v) ?
	       json_object_get_string(v) : "";
}

static void an_exit_is_told_once_and_kept_as_it_was_last_seen(void)
{
	struct json_object *a;
	struct fixture f;

	if (fixture_open(&f, 0)) {
		turn(&f);
		tap_eq(f.seen, 0);
		put_scheduler(&f.k, KIND_STALL);
		put_text(&f.k, SCX_DUMP, "CPU 0");
		until_seen(&f, 1);
		tap_str(f.last, "runnable task stall: w[93] failed to run for 1.023s");
		/* the dump grows until the scheduler is being disabled; then it is being freed */
		put_text(&f.k, SCX_DUMP, "CPU 0 and CPU 1");
		put32(&f.k, symbol(&f.k, VMLINUX_AT_SCX_STATE), DISABLING);
		for (unsigned i = 0; i < TURNS_MAX && !f.fate.now->exit.complete; i++)
			turn(&f);
		put_text(&f.k, SCX_DUMP, "garbage");
		turn(&f);
		turn(&f);
		forget(&f);
		tap_eq(f.seen, 1);
		a = fate_exits_to_json(&f.fate, 0);
		tap_eq(json_object_array_length(a), 1);
		tap_str(get_str(a, 0, "dump"), "CPU 0 and CPU 1");
		tap_str(get_str(a, 0, "kind_name"), "SCX_EXIT_ERROR_STALL");
		tap_str(get_str(a, 0, "test"), "busy");
		tap_str(get_str(a, 0, "incomplete"), "");
		json_object_put(a);
	}
	fixture_close(&f);
}

static void one_that_is_gone_before_it_was_whole_says_so(void)
{
	struct json_object *a;
	struct fixture f;

	if (fixture_open(&f, 0)) {
		put_scheduler(&f.k, KIND_STALL);
		until_seen(&f, 1);
		forget(&f);
		a = fate_exits_to_json(&f.fate, 0);
		tap_str(get_str(a, 0, "incomplete"), "true");
		json_object_put(a);
	}
	fixture_close(&f);
}

static void of_many_the_first_ones_and_the_last_are_kept(void)
{
	struct json_object *a;
	struct fixture f;

	if (fixture_open(&f, 0)) {
		for (unsigned i = 0; i < FATE_EXITS_MAX + 3; i++) {
			char text[40];

			snprintf(text, sizeof(text), "number %u", i);
			put_scheduler(&f.k, KIND_STALL);
			put_text(&f.k, SCX_MSG, text);
			until_seen(&f, i + 1);
			forget(&f);
		}
		a = fate_exits_to_json(&f.fate, 0);
		tap_eq(json_object_array_length(a), FATE_EXITS_MAX);
		tap_str(get_str(a, FATE_EXITS_MAX - 2, "msg"), "number 14");
		tap_str(get_str(a, FATE_EXITS_MAX - 1, "msg"), "number 18");
		tap_eq(f.fate.dropped, 3);
		json_object_put(a);
	}
	fixture_close(&f);
}

static void an_exit_that_stays_is_read_less_often(void)
{
	struct fixture f;

	if (fixture_open(&f, 0)) {
		put_scheduler(&f.k, KIND_STALL);
		until_seen(&f, 1);
		tap_ok(f.fate.look.repeat < 0.01, "often at first");
		f.fate.spent = FATE_SPENT_MAX - 1;
		turn(&f);
		tap_ok(f.fate.look.repeat > 0.05, "every %g s", f.fate.look.repeat);
		forget(&f);
		tap_ok(f.fate.look.repeat < 0.01, "and often again");
	}
	fixture_close(&f);
}

static bool is_slow_behind(struct fixture *f, uint32_t kind)
{
	put32(&f->k, SCX_INFO + INFO_KIND, kind);
	turn(f);
	return f->fate.look.repeat > 0.05;
}

static void exits_without_end_are_read_less_often(void)
{
	struct fixture f;

	if (fixture_open(&f, 0)) {
		put_scheduler(&f.k, KIND_STALL);
		f.fate.spent = FATE_SPENT_MAX - 2 * FATE_LOOK_PRICE;
		tap_ok(!is_slow_behind(&f, KIND_STALL), "often at first");
		tap_ok(is_slow_behind(&f, KIND_STALL + 1), "another one, and enough of them");
		tap_ok(is_slow_behind(&f, KIND_STALL), "still");
		tap_eq(f.seen, 3);
		tap_ok(!is_slow_behind(&f, 0), "none");
		tap_ok(is_slow_behind(&f, KIND_STALL), "one that was away for a moment");
		f.fate.spent = FATE_LOOK_PRICE;
		for (unsigned i = 0; i < FATE_LOOK_PRICE; i++)
			tap_ok(!is_slow_behind(&f, 0), "none");
		tap_eq(f.fate.spent, 0);
	}
	fixture_close(&f);
}

static void a_watchdog_is_told_as_it_was_set_or_why_not(void)
{
	struct json_object *o;
	struct fixture f;

	if (fixture_open(&f, 2 * NSEC_PER_SEC)) {
		guest_put(&f.k.g, symbol(&f.k, VMLINUX_AT_SCX_TIMEOUT), 250 * 30);
		tap_str(fate_watchdog_failed(&f.fate), "no scheduler was seen");
		for (unsigned i = 0; i < TURNS_MAX && !f.fate.watchdog.held; i++)
			turn(&f);
		tap_ok(!fate_watchdog_failed(&f.fate), "it is held");
		o = fate_watchdog_to_json(&f.fate);
		tap_str(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			"{\"requested_ms\":2000.000,\"was_ms\":30000.000,\"now_ms\":2000.000}");
		json_object_put(o);
	}
	fixture_close(&f);
	if (fixture_open(&f, 2 * NSEC_PER_SEC)) {
		put32(&f.k, symbol(&f.k, VMLINUX_AT_JIFFIES_CLOCK), 7);
		for (unsigned i = 0; i < TURNS_MAX && !f.fate.attached; i++)
			turn(&f);
		tap_ok(strstr(fate_watchdog_failed(&f.fate), "jiffy"), "%s",
		       fate_watchdog_failed(&f.fate));
	}
	fixture_close(&f);
}

static void put_timeout(struct fixture *f, uint64_t jiffies)
{
	guest_put(&f->k.g, symbol(&f->k, VMLINUX_AT_SCX_TIMEOUT), jiffies);
}

static uint64_t get_timeout(struct fixture *f)
{
	return get(&f->k, symbol(&f->k, VMLINUX_AT_SCX_TIMEOUT));
}

static void a_watchdog_is_set_only_in_a_guest_that_stands_still(void)
{
	struct fixture f;

	if (fixture_open(&f, 2 * NSEC_PER_SEC)) {
		f.moving = true;
		put_timeout(&f, 250 * 30);
		turn(&f);
		turn(&f);
		tap_eq(f.freezes, 2);
		tap_eq(get_timeout(&f), 250 * 30);
		tap_str(fate_watchdog_failed(&f.fate),
			"the guest has not stood still for it yet");
		/* the scheduler has gone meanwhile */
		put32(&f.k, symbol(&f.k, VMLINUX_AT_SCX_STATE), DISABLING);
		fate_set_watchdog(&f.fate, "");
		tap_eq(get_timeout(&f), 250 * 30);
		tap_ok(strstr(fate_watchdog_failed(&f.fate), "gone"), "%s",
		       fate_watchdog_failed(&f.fate));
		put32(&f.k, symbol(&f.k, VMLINUX_AT_SCX_STATE), ENABLED);
		fate_set_watchdog(&f.fate, "1 of 4 vCPUs did not stand still");
		turn(&f);
		tap_eq(f.freezes, 2);
		tap_eq(get_timeout(&f), 250 * 30);
		tap_str(fate_watchdog_failed(&f.fate), "1 of 4 vCPUs did not stand still");
	}
	fixture_close(&f);
}

static void a_guest_that_keeps_changing_it_is_not_always_frozen(void)
{
	struct fixture f;

	if (fixture_open(&f, 2 * NSEC_PER_SEC)) {
		f.fate.sets = FATE_SETS_MAX - 2 * FATE_SET_PRICE + 2;
		put_timeout(&f, 250 * 30);
		turn(&f);
		tap_eq(f.freezes, 1);
		for (unsigned i = 0; i < FATE_SET_PRICE / 2; i++) {
			put_timeout(&f, 250 * 30 + i);
			turn(&f);
		}
		tap_eq(f.freezes, 2);
		/* and is in the end */
		for (unsigned i = 0; i < 2 * FATE_SET_PRICE && !f.fate.watchdog.held; i++)
			turn(&f);
		tap_eq(f.freezes, 3);
		tap_eq(get_timeout(&f), 250 * 2);
	}
	fixture_close(&f);
}

static void a_watchdog_is_missed_where_a_scheduler_may_have_been(void)
{
	struct fixture f;

	fate_init(&f.fate, true, 2 * NSEC_PER_SEC);
	tap_ok(fate_watchdog_missed(&f.fate, false), "nobody looked");
	if (fixture_open(&f, 2 * NSEC_PER_SEC)) {
		put32(&f.k, symbol(&f.k, VMLINUX_AT_SCX_STATE), 77);
		turn(&f);
		tap_str(fate_watchdog_missed(&f.fate, false),
			"the state of sched_ext cannot be read");
		put32(&f.k, symbol(&f.k, VMLINUX_AT_SCX_STATE), DISABLING);
		for (unsigned i = 0; i < TURNS_MAX && !f.fate.looked; i++)
			turn(&f);
		tap_ok(!fate_watchdog_missed(&f.fate, false), "there was none");
		tap_ok(fate_watchdog_missed(&f.fate, true), "PID 1 saw one");
		put_scheduler(&f.k, KIND_STALL);
		put32(&f.k, symbol(&f.k, VMLINUX_AT_SCX_STATE), DISABLING);
		until_seen(&f, 1);
		tap_ok(fate_watchdog_missed(&f.fate, false), "it was gone before it was seen");
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(an_exit_is_told_once_and_kept_as_it_was_last_seen);
	TAP_RUN(one_that_is_gone_before_it_was_whole_says_so);
	TAP_RUN(of_many_the_first_ones_and_the_last_are_kept);
	TAP_RUN(an_exit_that_stays_is_read_less_often);
	TAP_RUN(exits_without_end_are_read_less_often);
	TAP_RUN(a_watchdog_is_told_as_it_was_set_or_why_not);
	TAP_RUN(a_watchdog_is_set_only_in_a_guest_that_stands_still);
	TAP_RUN(a_guest_that_keeps_changing_it_is_not_always_frozen);
	TAP_RUN(a_watchdog_is_missed_where_a_scheduler_may_have_been);
	return tap_done();
}
