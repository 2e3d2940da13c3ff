/* SPDX-License-Identifier: GPL-2.0-only */
/* The grammars of --sched-enable and --stage, and the record of a scheduler. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/run.h"
#include "loop/sched.h"
#include "monitor/sched_ext.h"
#include "test/tap.h"

static bool command_is(const char *text, const char *value, const char *file)
{
	struct sched_command c;

	return sched_command_parse(text, &c, NULL) == 0 && c.value_len == strlen(value) &&
	       !memcmp(c.value, value, c.value_len) && c.file_len == strlen(file) &&
	       !memcmp(c.file, file, c.file_len);
}

static void an_echo_is_a_value_and_a_file(void)
{
	tap_ok(command_is("echo 1 > /proc/x", "1", "/proc/x"), "as usual");
	tap_ok(command_is("  echo\t1>/proc/x  ", "1", "/proc/x"), "other blanks");
	tap_ok(command_is("echo two words > /x", "two words", "/x"), "words");
	tap_ok(command_is("echo \"a > b\" > /x", "a > b", "/x"), "an arrow in quotes");
	tap_ok(command_is("echo '' > /x", "", "/x"), "an empty value in quotes");
	tap_ok(command_is("echo > /x", "", "/x"), "an empty value");
	tap_ok(command_is("echo \" > /x", "\"", "/x"), "half a pair of quotes is a value");
}

static void other_commands_are_refused(void)
{
	static const char *const cases[] = {
		"", "echo", "echo 1", "echo1 > /x", "cat /x", "echo 1 >> /x", "echo 1 > ",
		"echo 1 > x", "echo 1 > /x y", "> /x", "true; echo 1 > /x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sched_command c;
		struct err e = ERR_INIT;

		tap_eq(sched_command_parse(cases[i], &c, &e), -EINVAL);
		tap_ok(strstr(err_text(&e), "takes echo"), "\"%s\": %s", cases[i], err_text(&e));
	}
}

static void a_staged_scheduler_has_a_name_that_is_a_file_name(void)
{
	static const char *const bad[] = {
		"", "a", "=x", "a=", "../a=x", "a/b=x", ".=x", "..=x", "a b=x", "-?=x",
	};
	const char *path;
	size_t len;

	path = sched_stage_parse("my-sched_1.2=/a=b", &len, NULL);
	tap_str(path, "/a=b");
	tap_eq(len, strlen("my-sched_1.2"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_ok(!sched_stage_parse(bad[i], &len, NULL), "\"%s\" is taken", bad[i]);
}

/* --- what the guest says ------------------------------------------------------ */

static struct ktstr_run run;

static bool tell(enum wire_sched_event event, const char *ops, int status, const char *why)
{
	struct {
		struct wire_sched fixed;
		char text[600];
	} p = { .fixed = { .event = event, .has_status = status >= 0, .status = status } };
	struct frame f = {
		.type = WIRE_SCHED, .payload = (const uint8_t *)&p,
		.length = (uint32_t)(sizeof(p.fixed) + strlen(why)),
	};

	snprintf(p.fixed.ops, sizeof(p.fixed.ops), "%s", ops);
	snprintf(p.text, sizeof(p.text), "%s", why);
	return sched_on_event(&run, &f);
}

static void log_line(const char *text)
{
	const struct frame f = {
		.type = WIRE_SCHED_LOG, .payload = (const uint8_t *)text,
		.length = (uint32_t)strlen(text),
	};

	sched_on_log(&run, &f);
}

static void begin(const char *scheduler)
{
	memset(&run, 0, sizeof(run));
	facts_init(&run.facts);
	capture_init(&run.sched_log, NULL, NULL);
	run.facts.sched.path = strdup(scheduler);
	run.phases.now = PHASE_DONE;	/* without a loop: no phase is left to reach */
}

static void finish(void)
{
	capture_fini(&run.sched_log);
	facts_fini(&run.facts);
}

static void each_end_of_a_scheduler_is_a_reason_of_its_own(void)
{
	static const struct {
		enum wire_sched_event event;
		const char *stop, *says;
		enum verdict verdict;
	} cases[] = {
		{ WIRE_SCHED_NO_EXEC, "scheduler-exec", "scheduler x: w", VERDICT_ERROR },
		{ WIRE_SCHED_UNSUPPORTED, "scheduler-unsupported", "scheduler x: w",
		  VERDICT_ERROR },
		{ WIRE_SCHED_COMMAND, "scheduler-command", "sched-enable: w", VERDICT_ERROR },
		{ WIRE_SCHED_DIED_EARLY, "scheduler-died-early", "died early: w", VERDICT_FAIL },
		{ WIRE_SCHED_NOT_ATTACHED, "scheduler-not-attached", "attached: w",
		  VERDICT_FAIL },
		{ WIRE_SCHED_EJECTED, "scheduler-ejected", "by the kernel: w", VERDICT_FAIL },
		{ WIRE_SCHED_DIED, "scheduler-died", "scheduler x: died: w", VERDICT_FAIL },
	};
	char reason[FACTS_REASON_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin("/some/x");
		tap_ok(tell(cases[i].event, "", -1, "w"), "the frame is good");
		tap_str(stop_reason_name(run.facts.stop), cases[i].stop);
		tap_eq(facts_verdict(&run.facts, reason), cases[i].verdict);
		tap_ok(strstr(reason, cases[i].says), "%s", reason);
		finish();
	}
}

static void a_failure_stays_one_and_gets_its_status_later(void)
{
	struct json_object *o, *v;

	begin("/some/x");
	tell(WIRE_SCHED_ATTACHED, "ops\033[1m", -1, "");
	tap_eq(run.facts.stop, STOP_NONE);
	log_line("its last words\n");
	tell(WIRE_SCHED_EJECTED, "", -1, "runnable task stall\a");
	tell(WIRE_SCHED_STOPPED, "", 11, "");
	o = sched_facts_to_json(&run.facts.sched);
	tap_ok(json_object_object_get_ex(o, "status", &v), "a status");
	tap_str(json_object_get_string(v), "ejected");
	tap_ok(json_object_object_get_ex(o, "ops", &v), "the ops");
	tap_ok(!strchr(json_object_get_string(v), '\033'), "are clean");
	tap_ok(json_object_object_get_ex(o, "exit", &v), "an exit");
	tap_ok(strstr(json_object_to_json_string(v), "SIGSEGV"), "by its name");
	tap_ok(strstr(run.facts.stop_text, "its last words: its last words"), "%s",
	       run.facts.stop_text);
	tap_ok(!strchr(run.facts.stop_text, '\a'), "the guest's words are clean");
	json_object_put(o);
	finish();
}

static void at_a_terminal_an_ejection_ends_the_run_only_before_it_is_there(void)
{
	for (int there = 0; there < 2; there++) {
		begin("/some/x");
		run.config.tty = true;
		run.phases.now = there ? PHASE_TEST : PHASE_READY;
		tell(WIRE_SCHED_EJECTED, "", 2, "scx_bpf_error: boo");
		tap_eq(run.facts.stop, there ? STOP_NONE : STOP_SCHED_EJECTED);
		finish();
	}
}

static void what_the_kernels_memory_says_is_the_reason(void)
{
	const struct sched_ext_exit thrown_out = {
		.kind = 1026, .is_error = true, .reason = "runnable task stall", .msg = "w[93]",
	};
	const struct sched_ext_exit let_go = { .kind = 64, .reason = "by user" };

	begin("/some/x");
	log_line("attached\n");
	tap_ok(!sched_on_kernel_exit(&run, &thrown_out), "not the run's affair");
	tap_eq(run.facts.stop, STOP_NONE);	/* one that a test started */
	tell(WIRE_SCHED_ATTACHED, "x", -1, "");
	tap_ok(!sched_on_kernel_exit(&run, &let_go), "PID 1 will tell");
	tap_eq(run.facts.stop, STOP_NONE);
	tap_ok(sched_on_kernel_exit(&run, &thrown_out), "the run is to end");
	tap_eq(run.facts.stop, STOP_SCHED_EJECTED);
	tap_str(run.facts.stop_text, "scheduler x: ejected by the kernel: runnable task stall: w[93]");
	/* what PID 1 says of it then adds its status alone */
	tell(WIRE_SCHED_EJECTED, "", 0, "the log does not say");
	tap_str(run.facts.sched.why, "runnable task stall: w[93]");
	tap_ok(run.facts.sched.has_status, "a status");
	finish();
}

static void a_watchdog_needs_a_scheduler_and_the_monitor(void)
{
	static const struct {
		const char *option, *value, *says;
	} cases[] = {
		{ "tty", "0", "no scheduler" },
		{ "no-monitor", "1", "drop --no-monitor" },
		{ "watchdog-timeout", "1ms", "100ms to 60m" },
		{ "watchdog-timeout", "61m", "100ms to 60m" },
		{ "watchdog-timeout", "2s", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct config c;

		tap_eq(config_init(&c), 0);
		tap_eq(config_set(&c, "watchdog-timeout", "3s", &e), 0);
		if (i)
			tap_eq(config_set(&c, "scheduler", "x", &e), 0);
		tap_eq(config_set(&c, cases[i].option, cases[i].value, &e), 0);
		tap_eq(sched_options_check(&c, &e), cases[i].says ? -EINVAL : 0);
		tap_ok(!cases[i].says || strstr(err_text(&e), cases[i].says), "%s", err_text(&e));
		config_fini(&c);
	}
}

static void a_guest_can_neither_invent_events_nor_flood(void)
{
	char much[600];

	begin("/some/x");
	tap_ok(!tell(WIRE_SCHED_EVENT_COUNT, "", -1, ""), "an unknown event");
	tap_ok(!tell(0, "", -1, ""), "no event");
	memset(much, 'x', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	tell(WIRE_SCHED_DIED, much, -1, much);
	tap_ok(strlen(run.facts.sched.why) < sizeof(run.facts.sched.why), "bounded");
	finish();
}

static void without_a_scheduler_the_record_has_none(void)
{
	struct sched_facts f = { 0 };

	tap_ok(!sched_facts_to_json(&f), "nothing");
}

int main(void)
{
	TAP_RUN(an_echo_is_a_value_and_a_file);
	TAP_RUN(other_commands_are_refused);
	TAP_RUN(a_staged_scheduler_has_a_name_that_is_a_file_name);
	TAP_RUN(each_end_of_a_scheduler_is_a_reason_of_its_own);
	TAP_RUN(a_failure_stays_one_and_gets_its_status_later);
	TAP_RUN(at_a_terminal_an_ejection_ends_the_run_only_before_it_is_there);
	TAP_RUN(what_the_kernels_memory_says_is_the_reason);
	TAP_RUN(a_watchdog_needs_a_scheduler_and_the_monitor);
	TAP_RUN(a_guest_can_neither_invent_events_nor_flood);
	TAP_RUN(without_a_scheduler_the_record_has_none);
	return tap_done();
}
