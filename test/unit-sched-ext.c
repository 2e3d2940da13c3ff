/* SPDX-License-Identifier: GPL-2.0-only */
/* sched_ext's state, exits and watchdog in a kernel that was built in memory. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/units.h"
#include "loop/dump_private.h"
#include "test/scx-guest.h"

static int read_exit(struct scx_guest *f)
{
	sched_ext_exit_fini(&f->x);
	return sched_ext_read_exit(f->s, f->g.monitor, &f->x);
}

/* --- exits ---------------------------------------------------------------------- */

static void check_exit(enum kernel kernel)
{
	char text[200];
	struct scx_guest f;

	if (scx_guest_open(&f, kernel)) {
		put_scheduler(&f, KIND_STALL);
		tap_eq(read_exit(&f), 0);
		tap_eq(f.x.kind, KIND_STALL);
		tap_str(f.x.kind_name, "SCX_EXIT_ERROR_STALL");
		tap_ok(f.x.is_error, "it was thrown out");
		tap_ok(f.x.has_code && f.x.code == -7, "the code is %lld", (long long)f.x.code);
		tap_str(f.x.ops, "sloth");
		tap_str(f.x.reason, "runnable task stall");
		tap_str(f.x.msg, "w[93] failed to run for 1.023s");
		tap_str(f.x.dump, "CPU 0: nr_run=1\n");
		sched_ext_exit_text(&f.x, text, sizeof(text));
		tap_str(text, "runnable task stall: w[93] failed to run for 1.023s");
	}
	scx_guest_close(&f);
}

static void its_text_is_clean_where_it_is_cut(void)
{
	struct sched_ext_exit x = { .reason = "\xc3\xa4", .msg = "\xc3\xb6" };
	char text[7];

	sched_ext_exit_text(&x, text, 6);
	tap_str(text, "\xc3\xa4: ?");
	sched_ext_exit_text(&x, text, 7);
	tap_str(text, "\xc3\xa4: \xc3\xb6");
}

static void an_exit_is_read_where_6_12_has_it(void)
{
	check_exit(BY_SYMBOLS);
}

static void an_exit_is_read_where_6_16_has_it(void)
{
	check_exit(BY_ROOT);
}

static void a_scheduler_that_runs_has_no_exit(void)
{
	struct scx_guest f;

	if (scx_guest_open(&f, BY_ROOT)) {
		tap_eq(read_exit(&f), -EAGAIN);
		put_scheduler(&f, 0);
		tap_eq(read_exit(&f), -EAGAIN);
		put32(&f, SCX_INFO + INFO_KIND, 1);		/* SCX_EXIT_DONE */
		tap_eq(read_exit(&f), -EAGAIN);
	}
	scx_guest_close(&f);
}

static void a_dump_is_whole_once_the_scheduler_is_being_disabled(void)
{
	struct scx_guest f;
	enum sched_ext_state state;

	if (scx_guest_open(&f, BY_SYMBOLS)) {
		put_scheduler(&f, KIND_UNREG);
		tap_eq(read_exit(&f), 0);
		tap_eq(f.x.kind, KIND_UNREG);
		tap_str(f.x.kind_name, "SCX_EXIT_UNREG");
		tap_ok(!f.x.is_error, "its process let go of it");
		tap_ok(!f.x.complete, "the kernel still writes");
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), DISABLING);
		tap_eq(sched_ext_read_state(f.s, f.g.monitor, &state), 0);
		tap_str(sched_ext_state_name(state), "disabling");
		tap_eq(read_exit(&f), 0);
		tap_ok(f.x.complete, "it has written all");
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), 77);
		tap_eq(sched_ext_read_state(f.s, f.g.monitor, &state), -ENODATA);
	}
	scx_guest_close(&f);
}

static void text_of_the_guest_is_bounded_and_clean(void)
{
	static char long_text[3 * 4096];
	struct scx_guest f;

	memset(long_text, 'x', sizeof(long_text));
	if (scx_guest_open(&f, BY_SYMBOLS)) {
		put_scheduler(&f, KIND_STALL);
		put_text(&f, SCX_REASON, "\x1b[31m\xff");
		mm_write(f.g.mm, SCX_MSG, long_text, sizeof(long_text));
		mm_write(f.g.mm, SCX_DUMP, long_text, sizeof(long_text));
		put32(&f, symbol(&f, VMLINUX_AT_SCX_OPS) + OPS_LEN, 5000);
		tap_eq(read_exit(&f), 0);
		tap_str(f.x.reason, " [31m?");
		tap_eq(strlen(f.x.msg), SCHED_EXT_MSG_MAX - 1);
		tap_eq(f.x.dump_bytes, 5000);
		/* as long as it likes to be, but no longer than all of memory */
		put32(&f, symbol(&f, VMLINUX_AT_SCX_OPS) + OPS_LEN, UINT32_MAX);
		tap_eq(read_exit(&f), 0);
		tap_eq(f.x.dump_bytes, sizeof(long_text));
	}
	scx_guest_close(&f);
}

static void wild_pointers_leave_their_part_empty(void)
{
	struct scx_guest f;

	if (scx_guest_open(&f, BY_SYMBOLS)) {
		put_scheduler(&f, KIND_STALL);
		guest_put(&f.g, SCX_INFO + INFO_REASON, UINT64_C(0xffffdead00000000));
		guest_put(&f.g, SCX_INFO + INFO_MSG, 0);
		guest_put(&f.g, SCX_INFO + INFO_DUMP, 0x1234);
		tap_eq(read_exit(&f), 0);
		tap_str(f.x.reason, "");
		tap_str(f.x.msg, "");
		tap_ok(!f.x.dump, "no dump");
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_EXIT_INFO), UINT64_C(0xffffdead00000000));
		tap_ok(read_exit(&f) < 0, "no exit");
	}
	scx_guest_close(&f);
}

static void on_what(const char *what, void *arg)
{
	strcat(strcat(arg, what), " ");
}

static void on_why(const char *what, const char *why, void *arg)
{
	strcat(strcat(strcat(strcat(arg, what), ": "), why), "; ");
}

static void what_a_kernel_has_not_is_listed_with_the_reason(void)
{
	char text[1000] = "";
	struct scx_guest f;

	if (scx_guest_open(&f, WITHOUT)) {
		sched_ext_absent(f.s, on_why, text);
		tap_str(text, "scx_exit: no struct scx_exit_info; scx_exit code: no struct "
			"scx_exit_info; scx_exit reason: no struct scx_exit_info; scx_exit msg: "
			"no struct scx_exit_info; scx_exit dump: no struct scx_exit_info; ");
		tap_eq(read_exit(&f), -EAGAIN);
	}
	scx_guest_close(&f);
	*text = '\0';
	if (scx_guest_open(&f, ALL_BY_ROOT)) {
		sched_ext_available(f.s, on_what, text);
		tap_str(text, "scx_state scx_exit scx_exit code scx_exit reason scx_exit msg "
			"scx_exit dump scx_watchdog ");
	}
	scx_guest_close(&f);
}

/* --- the watchdog ------------------------------------------------------------------ */

#define SECONDS(n) ((n) * UINT64_C(250))	/* in jiffies */

static int look(struct scx_guest *f, struct sched_ext_watchdog *w)
{
	err_clear(&f->why);
	return sched_ext_watchdog_look(f->s, f->g.monitor, w, &f->why);
}

static int set(struct scx_guest *f, struct sched_ext_watchdog *w)
{
	err_clear(&f->why);
	return sched_ext_watchdog_set(f->s, f->g.monitor, w, &f->why);
}

static void a_shorter_watchdog_counts_from_the_kernels_next_look(void)
{
	struct sched_ext_watchdog w = { .want_ns = 2 * NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, BY_SYMBOLS)) {
		const uint64_t timeout = symbol(&f, VMLINUX_AT_SCX_TIMEOUT);
		const uint64_t stamp = symbol(&f, VMLINUX_AT_SCX_TIMESTAMP);

		guest_put(&f.g, timeout, SECONDS(30));
		guest_put(&f.g, stamp, 100);
		guest_put(&f.g, symbol(&f, VMLINUX_AT_JIFFIES), 1000);
		tap_eq(look(&f, &w), 0);
		tap_eq(get(&f, timeout), SECONDS(30));
		tap_eq(set(&f, &w), 0);
		tap_ok(w.held, "it is held");
		tap_eq(w.was_ns, 30 * NSEC_PER_SEC);
		tap_eq(w.now_ns, 2 * NSEC_PER_SEC);
		tap_eq(get(&f, timeout), SECONDS(2));
		tap_eq(get(&f, stamp), 100 + SECONDS(15));
		tap_eq(look(&f, &w), 1);
		tap_eq(w.was_ns, 30 * NSEC_PER_SEC);
	}
	scx_guest_close(&f);
}

static void a_check_that_does_not_come_is_not_made_up_for(void)
{
	struct sched_ext_watchdog w = { .want_ns = 2 * NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, BY_SYMBOLS)) {
		const uint64_t stamp = symbol(&f, VMLINUX_AT_SCX_TIMESTAMP);

		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_TIMEOUT), SECONDS(30));
		guest_put(&f.g, stamp, 1000);
		/* due, and not here: the watchdog may be one of the tasks that wait */
		guest_put(&f.g, symbol(&f, VMLINUX_AT_JIFFIES), 1000 + SECONDS(15));
		tap_eq(set(&f, &w), 0);
		tap_ok(w.held, "it is held");
		tap_eq(get(&f, stamp), 1000);
	}
	scx_guest_close(&f);
}

static void a_watchdog_that_is_as_wanted_needs_no_write(void)
{
	struct sched_ext_watchdog w = { .want_ns = 30 * NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, BY_SYMBOLS)) {
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_TIMEOUT), SECONDS(30));
		tap_eq(look(&f, &w), 1);
		tap_ok(w.held, "it is held");
		tap_eq(w.was_ns, 30 * NSEC_PER_SEC);
		tap_eq(w.now_ns, 30 * NSEC_PER_SEC);
	}
	scx_guest_close(&f);
}

/* 7.1: else the second check would come after 15 s, and the first tick behind 2 s finds it late */
static void the_time_between_checks_is_made_as_short(void)
{
	struct sched_ext_watchdog w = { .want_ns = 2 * NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, ALL_BY_ROOT)) {
		const uint64_t interval = symbol(&f, VMLINUX_AT_SCX_INTERVAL);

		put_scheduler(&f, 0);
		guest_put(&f.g, SCX_SCHED + SCHED_TIMEOUT, SECONDS(30));
		guest_put(&f.g, interval, SECONDS(15));
		tap_eq(set(&f, &w), 0);
		tap_eq(get(&f, interval), SECONDS(1));
		tap_eq(look(&f, &w), 1);
		/* computed anew, and then shorter than ours */
		guest_put(&f.g, interval, SECONDS(15));
		tap_eq(look(&f, &w), 0);
		tap_eq(set(&f, &w), 0);
		tap_eq(get(&f, interval), SECONDS(1));
		tap_eq(w.was_ns, 30 * NSEC_PER_SEC);
		guest_put(&f.g, interval, 7);
		tap_eq(look(&f, &w), 1);
		tap_eq(set(&f, &w), 0);
		tap_eq(get(&f, interval), 7);
	}
	scx_guest_close(&f);
}

/* 7.1: checks come after an interval that may be less than half of the time */
static void a_check_is_due_after_the_interval_that_was(void)
{
	struct sched_ext_watchdog w = { .want_ns = 2 * NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, ALL_BY_ROOT)) {
		const uint64_t stamp = symbol(&f, VMLINUX_AT_SCX_TIMESTAMP);
		const uint64_t jiffies = symbol(&f, VMLINUX_AT_JIFFIES);

		put_scheduler(&f, 0);
		guest_put(&f.g, SCX_SCHED + SCHED_TIMEOUT, SECONDS(30));
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_INTERVAL), SECONDS(5));
		guest_put(&f.g, stamp, 1000);
		guest_put(&f.g, jiffies, 1000 + SECONDS(4));
		tap_eq(set(&f, &w), 0);
		tap_eq(get(&f, stamp), 1000 + SECONDS(5));
		guest_put(&f.g, SCX_SCHED + SCHED_TIMEOUT, SECONDS(30));
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_INTERVAL), SECONDS(5));
		guest_put(&f.g, stamp, 1000);
		guest_put(&f.g, jiffies, 1000 + SECONDS(6));
		tap_eq(set(&f, &w), 0);
		tap_eq(get(&f, stamp), 1000);
	}
	scx_guest_close(&f);
}

static void a_longer_watchdog_is_set_and_left_alone(void)
{
	struct sched_ext_watchdog w = { .want_ns = 60 * NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, ALL_BY_ROOT)) {
		tap_eq(look(&f, &w), -EAGAIN);
		tap_ok(strstr(err_text(&f.why), "no scheduler"), "%s", err_text(&f.why));
		put_scheduler(&f, 0);
		guest_put(&f.g, SCX_SCHED + SCHED_TIMEOUT, SECONDS(5));
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_TIMESTAMP), 100);
		tap_eq(set(&f, &w), 0);
		tap_eq(get(&f, SCX_SCHED + SCHED_TIMEOUT), SECONDS(60));
		tap_eq(get(&f, symbol(&f, VMLINUX_AT_SCX_TIMESTAMP)), 100);
		/* another scheduler is enabled */
		guest_put(&f.g, SCX_SCHED + SCHED_TIMEOUT, SECONDS(7));
		tap_eq(look(&f, &w), 0);
		tap_ok(!w.held, "its own time counts");
		tap_eq(set(&f, &w), 0);
		tap_eq(w.was_ns, 7 * NSEC_PER_SEC);
		tap_eq(get(&f, SCX_SCHED + SCHED_TIMEOUT), SECONDS(60));
	}
	scx_guest_close(&f);
}

static void a_watchdog_that_cannot_be_held_says_why(void)
{
	struct sched_ext_watchdog w = { .want_ns = NSEC_PER_SEC };
	struct scx_guest f;

	if (scx_guest_open(&f, BY_SYMBOLS)) {
		put32(&f, symbol(&f, VMLINUX_AT_JIFFIES_CLOCK), 7);
		tap_ok(look(&f, &w) < 0 && set(&f, &w) < 0, "a jiffy of nothing");
		tap_ok(strstr(err_text(&f.why), "jiffy"), "%s", err_text(&f.why));
		tap_ok(!w.held, "it is not held");
	}
	scx_guest_close(&f);
}

/* --- in a dump --------------------------------------------------------------------- */

static void dump_has(struct scx_guest *f, const char *scx, const char *unavailable)
{
	const struct dump_source source = { .index = f->g.index };
	struct dump_section s = {
		.source = &source, .monitor = f->g.monitor,
		.out = json_object_new_object(), .unavailable = json_object_new_array(),
	};

	dump_scx(&s);
	tap_ok(strstr(json_object_to_json_string(s.out), scx), "%s",
	       json_object_to_json_string(s.out));
	tap_str(json_object_to_json_string_ext(s.unavailable, JSON_C_TO_STRING_PLAIN),
		unavailable);
	json_object_put(s.out);
	json_object_put(s.unavailable);
}

static void what_a_dump_could_not_read_it_says(void)
{
	struct scx_guest f;

	if (scx_guest_open(&f, ALL_BY_ROOT)) {
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), DISABLING);
		dump_has(&f, "disabling", "[]");
		put_scheduler(&f, 0);
		guest_put(&f.g, SCX_SCHED + SCHED_TIMEOUT, 250);
		dump_has(&f, "\"watchdog_ms\": 1000.000", "[]");
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), 77);
		put32(&f, symbol(&f, VMLINUX_AT_JIFFIES_CLOCK), 7);
		dump_has(&f, "{ }", "[{\"what\":\"scx: state\",\"why\":\"it is none that is "
			 "known\"},{\"what\":\"scx: watchdog\",\"why\":\"the length of a jiffy "
			 "is not known\"}]");
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), DISABLING);
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_ROOT), 0x1000);
		dump_has(&f, "disabling", "[{\"what\":\"scx: watchdog\",\"why\":\"scx_root "
			 "cannot be read\"}]");
	}
	scx_guest_close(&f);
}

int main(void)
{
	TAP_RUN(its_text_is_clean_where_it_is_cut);
	TAP_RUN(an_exit_is_read_where_6_12_has_it);
	TAP_RUN(an_exit_is_read_where_6_16_has_it);
	TAP_RUN(a_scheduler_that_runs_has_no_exit);
	TAP_RUN(a_dump_is_whole_once_the_scheduler_is_being_disabled);
	TAP_RUN(text_of_the_guest_is_bounded_and_clean);
	TAP_RUN(wild_pointers_leave_their_part_empty);
	TAP_RUN(what_a_kernel_has_not_is_listed_with_the_reason);
	TAP_RUN(a_shorter_watchdog_counts_from_the_kernels_next_look);
	TAP_RUN(a_check_that_does_not_come_is_not_made_up_for);
	TAP_RUN(the_time_between_checks_is_made_as_short);
	TAP_RUN(a_watchdog_that_is_as_wanted_needs_no_write);
	TAP_RUN(a_check_is_due_after_the_interval_that_was);
	TAP_RUN(a_longer_watchdog_is_set_and_left_alone);
	TAP_RUN(a_watchdog_that_cannot_be_held_says_why);
	TAP_RUN(what_a_dump_could_not_read_it_says);
	return tap_done();
}
