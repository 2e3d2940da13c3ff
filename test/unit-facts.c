/* SPDX-License-Identifier: GPL-2.0-only */
/* loop/: facts are bounded, the verdict is a pure function of them, the record tells. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/bus.h"
#include "loop/facts.h"
#include "loop/json.h"
#include "loop/run.h"
#include "test/tap.h"

static struct facts f;
static char reason[FACTS_REASON_MAX];

static void ended(int exit_code)
{
	facts_init(&f);
	f.stop = STOP_POWEROFF;
	f.has_exit = true;
	f.exit_code = exit_code;
}

static void result(const char *name, enum verdict v)
{
	struct fact_test *t = facts_test(&f, name);

	t->finished = true;
	t->verdict = v;
}

static void detail(const char *name, const char *kind, uint32_t verdict, const char *text)
{
	struct wire_detail d = { .verdict = verdict };

	snprintf(d.kind, sizeof(d.kind), "%s", kind);
	facts_detail(&f, facts_test(&f, name), &d, text, strlen(text));
}

static void all_passed_is_pass(void)
{
	ended(0);
	result("a", VERDICT_PASS);
	result("b", VERDICT_SKIP);
	tap_eq(facts_verdict(&f, reason), VERDICT_PASS);
	tap_eq(verdict_exit_code(VERDICT_PASS), 0);
	facts_fini(&f);
}

static void the_worst_test_decides_and_gives_the_reason(void)
{
	ended(1);
	result("a", VERDICT_PASS);
	result("b", VERDICT_INCONCLUSIVE);
	result("c", VERDICT_FAIL);
	detail("c", "Note", WIRE_PASS, "not this");
	detail("c", "Starved", WIRE_FAIL, "worker 3 did nothing");
	tap_eq(facts_verdict(&f, reason), VERDICT_FAIL);
	tap_str(reason, "c: Starved: worker 3 did nothing");
	facts_fini(&f);
}

static void rules_that_are_enforced_count_as_a_test_does(void)
{
	static const struct {
		enum verdict test, rules, want;
	} rows[] = {
		{ VERDICT_PASS, VERDICT_FAIL, VERDICT_FAIL },
		{ VERDICT_PASS, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE },
		{ VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_FAIL },
		{ VERDICT_PASS, VERDICT_PASS, VERDICT_PASS },
		{ VERDICT_SKIP, VERDICT_INCONCLUSIVE, VERDICT_SKIP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ended(verdict_exit_code(rows[i].test));
		result("a", rows[i].test);
		f.rules = rows[i].rules;
		snprintf(f.rules_text, sizeof(f.rules_text), "imbalance: 9 to 1");
		tap_eq(facts_verdict(&f, reason), rows[i].want);
		tap_ok(!strcmp(reason, "imbalance: 9 to 1") ==
		       (rows[i].want == rows[i].rules && rows[i].rules != rows[i].test),
		       "%s", reason);
		facts_fini(&f);
	}
}

static void a_watchdog_that_was_not_set_makes_no_pass(void)
{
	ended(0);
	result("a", VERDICT_PASS);
	snprintf(f.sched.watchdog_why, sizeof(f.sched.watchdog_why), "no symbol");
	tap_eq(facts_verdict(&f, reason), VERDICT_INCONCLUSIVE);
	tap_str(reason, "--watchdog-timeout: sched_ext's watchdog was not set: no symbol");
	facts_fini(&f);

	ended(1);
	result("a", VERDICT_FAIL);
	snprintf(f.sched.watchdog_why, sizeof(f.sched.watchdog_why), "no symbol");
	tap_eq(facts_verdict(&f, reason), VERDICT_FAIL);
	facts_fini(&f);
}

static void nor_does_it_of_a_command_whose_own_failure_is_kept(void)
{
	static const struct strlist words = { 0 };

	for (int status = 0; status < 6; status += 5) {
		enum verdict v;

		ended(0);
		f.command = &words;
		f.ended = true;
		f.end.status = status;
		v = facts_verdict(&f, reason);
		tap_eq(v, status ? VERDICT_FAIL : VERDICT_PASS);
		tap_eq(facts_exit_code(&f, v), status);
		snprintf(f.sched.watchdog_why, sizeof(f.sched.watchdog_why), "no symbol");
		v = facts_verdict(&f, reason);
		tap_eq(v, status ? VERDICT_FAIL : VERDICT_INCONCLUSIVE);
		tap_eq(facts_exit_code(&f, v), status ? status : 2);
		facts_fini(&f);
	}
}

static void what_was_not_measured_is_inconclusive(void)
{
	ended(0);
	facts_test(&f, "begun");
	tap_eq(facts_verdict(&f, reason), VERDICT_INCONCLUSIVE);
	tap_str(reason, "begun: no result came");
	facts_fini(&f);

	ended(12345);
	result("a", VERDICT_PASS);
	tap_eq(facts_verdict(&f, reason), VERDICT_INCONCLUSIVE);
	facts_fini(&f);

	ended(1);
	result("a", VERDICT_PASS);
	tap_eq(facts_verdict(&f, reason), VERDICT_FAIL);
	facts_fini(&f);

	tap_eq(facts_wire_verdict(99), VERDICT_INCONCLUSIVE);
}

static void no_test_is_skip_and_no_end_is_error(void)
{
	ended(77);
	tap_eq(facts_verdict(&f, reason), VERDICT_SKIP);
	facts_fini(&f);
	facts_init(&f);
	tap_eq(facts_verdict(&f, reason), VERDICT_ERROR);
}

static void the_first_reason_wins(void)
{
	facts_init(&f);
	f.phase_ns[PHASE_SETUP] = 1;
	f.phase_ns[PHASE_INIT] = 2;
	facts_stop(&f, STOP_PANIC, "first");
	facts_stop(&f, STOP_DEADLINE, "second");
	tap_eq(f.stop, STOP_PANIC);
	tap_eq(f.stop_phase, PHASE_INIT);
	tap_eq(facts_verdict(&f, reason), VERDICT_FAIL);
	tap_str(reason, "first");
}

static void a_reason_that_was_cut_is_still_text(void)
{
	char text[600];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 ? '\xa4' : '\xc3';
	text[sizeof(text) - 1] = '\0';
	facts_init(&f);
	/* 511 bytes of two each */
	facts_stop(&f, STOP_PANIC, "%s", text);
	tap_str(f.stop_text + sizeof(f.stop_text) - 4, "\xc3\xa4?");
	facts_fini(&f);
}

static void every_stop_has_a_verdict_that_is_not_pass_but_poweroff(void)
{
	for (int s = STOP_NONE; s < STOP_COUNT; s++) {
		enum verdict v;

		ended(0);
		result("a", VERDICT_PASS);
		f.stop = (enum stop_reason)s;
		v = facts_verdict(&f, reason);
		tap_ok((v == VERDICT_PASS) == (s == STOP_POWEROFF), "%s gives %s",
		       stop_reason_name((enum stop_reason)s), verdict_name(v));
		facts_fini(&f);
	}
}

static void a_host_failure_is_an_error_whatever_the_tests_say(void)
{
	ended(0);
	result("a", VERDICT_PASS);
	f.error = strdup("kernel: open /x: No such file or directory");
	tap_eq(facts_verdict(&f, reason), VERDICT_ERROR);
	tap_str(reason, "kernel: open /x: No such file or directory");
	tap_eq(verdict_exit_code(VERDICT_ERROR), 99);
	facts_fini(&f);
}

static void a_guest_cannot_fill_our_memory(void)
{
	struct json_object *o, *d;
	char name[32];

	ended(0);
	for (int i = 0; i < RECORD_TESTS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		facts_test(&f, name);
	}
	tap_eq(f.test_count, RECORD_TESTS_MAX);
	tap_eq(f.tests_dropped, 10);
	for (int i = 0; i < RECORD_DETAILS_MAX + 7; i++)
		detail("t0", "k", WIRE_PASS, "text");
	tap_eq(f.details, RECORD_DETAILS_MAX);
	tap_eq(f.details_dropped, 7);
	for (int i = 0; i < RECORD_FINDINGS_MAX + 5; i++)
		facts_finding(&f, "k", "%d", i);
	tap_eq(f.finding_count, RECORD_FINDINGS_MAX);
	tap_eq(f.findings_dropped, 5);
	o = record_build(&f);
	tap_ok(json_object_object_get_ex(o, "dropped", &d) &&
	       json_object_object_get_ex(d, "details", &d) && json_object_get_int(d) == 7,
	       "the record says so");
	json_object_put(o);
	for (int i = 0; i < FACTS_STATS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		facts_stat_add(&f, name, 1);
	}
	tap_eq(f.stat_count, FACTS_STATS_MAX);
	facts_fini(&f);
}

static const char *str(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : NULL;
}

static void the_record_says_what_is_known_and_nothing_else(void)
{
	struct json_object *o, *v;

	ended(0);
	f.accel = ACCEL_KVM;
	f.topo = (struct topo)TOPO(1, 2, 2, 1);
	f.memory_bytes = 300 * MIB;
	f.by_ring = true;
	f.irqchip = VM_IRQCHIP_SPLIT;
	f.phase_ns[PHASE_SETUP] = 1000;
	f.phase_ns[PHASE_LOADED] = 1000 + 12345678;
	result("smoke", VERDICT_PASS);
	detail("smoke", "Note", WIRE_PASS, "bad \xff byte");
	o = record_build(&f);
	tap_str(str(o, "schema"), "ktstr.run/1");
	tap_str(str(o, "verdict"), "pass");
	tap_str(str(o, "accel"), "kvm");
	tap_str(str(o, "topology"), "1n2l2c1t");
	tap_str(str(o, "cpus"), "4");
	tap_str(str(o, "memory_mib"), "300");
	tap_str(str(o, "transport"), "shmring");
	tap_ok(!str(o, "console_tail"), "no console, no tail");
	json_object_object_get_ex(o, "phases_ms", &v);
	tap_str(str(v, "setup"), "12.345");
	tap_ok(!str(v, "boot"), "a phase that was not reached is absent");
	json_object_object_get_ex(o, "vm", &v);
	tap_str(str(v, "irqchip"), "split");
	json_object_object_get_ex(o, "kernel", &v);
	tap_ok(!str(v, "release"), "an unknown release is absent");
	tap_ok(strstr(json_object_to_json_string(o), "bad ? byte"), "clean text");
	json_object_put(o);
	facts_fini(&f);
}

static void all_that_a_record_has_is_clean_text(void)
{
	struct json_object *o;

	ended(0);
	snprintf(f.sched.why, sizeof(f.sched.why), "cut \xe2\x82");
	f.sched.event = WIRE_SCHED_DIED;
	f.sched.path = strdup("x");
	facts_finding(&f, "Kind", "a \x1b[31m");
	strlist_add(&f.console_tail, "b \xff");
	o = record_build(&f);
	tap_ok(strstr(json_object_to_json_string(o), "cut ??\""), "what was cut");
	tap_ok(strstr(json_object_to_json_string(o), "a  [31m"), "an escape sequence");
	tap_ok(strstr(json_object_to_json_string(o), "b ?\""), "a line of a list");
	json_object_put(o);
	facts_fini(&f);
}

static void what_is_found_out_behind_a_record_goes_into_it(void)
{
	struct json_object *o, *a;

	ended(0);
	facts_finding(&f, "First", "of the run");
	o = record_build(&f);
	record_add_finding(o, "Vmcore", "write /x: \xff");
	json_object_object_get_ex(o, "findings", &a);
	tap_eq(json_object_array_length(a), 2);
	tap_str(str(json_object_array_get_idx(a, 1), "text"), "write /x: ?");
	/* a record of somebody else's may have anything there */
	json_object_object_add(o, "findings", json_object_new_int(1));
	record_add_finding(o, "Vmcore", "alone");
	json_object_object_get_ex(o, "findings", &a);
	tap_eq(json_object_array_length(a), 1);
	json_object_put(o);
	facts_fini(&f);
}

/* The texts of the snapshots that are left of count, each of this letter onwards and of bytes. */
static const char *relayed(unsigned count, size_t bytes, const char **ret_finding)
{
	static struct ktstr_run run;
	static char names[8];
	struct json_object *o, *a = NULL;
	char *text = malloc(bytes + 1);

	ended(0);
	run = (struct ktstr_run){
		.config.relay_dump = true, .dump.snapshots = json_object_new_array(),
	};
	memset(text, '-', bytes);
	text[bytes] = '\0';
	for (unsigned i = 0; i < count; i++) {
		text[0] = (char)('a' + i);
		json_object_array_add(run.dump.snapshots, json_object_new_string(text));
	}
	free(text);
	o = record_build(&f);
	run_dump_to_record(&run, o);
	tap_ok(strlen(json_text(o)) <= DUMP_RECORD_MAX + 200, "%zu", strlen(json_text(o)));
	json_object_object_get_ex(o, "snapshots", &a);
	memset(names, 0, sizeof(names));
	for (size_t i = 0; a && i < json_object_array_length(a); i++)
		names[i] = *json_object_get_string(json_object_array_get_idx(a, i));
	json_object_object_get_ex(o, "findings", &a);
	*ret_finding = json_object_array_length(a) ? "said" : "";
	json_object_put(o);
	json_object_put(run.dump.snapshots);
	facts_fini(&f);
	return names;
}

static void snapshots_leave_a_nested_record_before_it_is_too_large(void)
{
	const char *finding;

	tap_str(relayed(3, 100, &finding), "abc");
	tap_str(finding, "");
	/* the first and the last tell most */
	tap_str(relayed(3, DUMP_RECORD_MAX * 2 / 5, &finding), "ac");
	tap_str(finding, "said");
	tap_str(relayed(2, DUMP_RECORD_MAX * 3 / 5, &finding), "b");
	tap_str(relayed(1, DUMP_RECORD_MAX, &finding), "");
	tap_str(finding, "said");
}

static uint32_t answer(void *dev, uint16_t offset, unsigned width)
{
	(void)width;
	return *(uint32_t *)dev + offset;
}

static void take(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	(void)offset;
	(void)width;
	*(uint32_t *)dev = value;
}

static void an_address_belongs_to_one_device_or_to_nobody(void)
{
	static const struct bus_ops ops = { answer, take };
	struct bus b = { 0 };
	struct err e = ERR_INIT;
	uint32_t dev = 100;

	tap_eq(bus_add(&b, 0x3f8, 8, &ops, &dev, &e), 0);
	tap_eq(bus_add(&b, 0x3ff, 1, &ops, &dev, &e), -EEXIST);
	tap_eq(bus_add(&b, 0x3f0, 9, &ops, &dev, &e), -EEXIST);
	tap_eq(bus_add(&b, 0x400, 1, &ops, &dev, &e), 0);
	tap_eq(bus_read(&b, 0x3fa, 1), 102);
	tap_eq(bus_read(&b, 0x401, 1), UINT32_MAX);
	tap_eq(bus_read(&b, UINT64_MAX, 1), UINT32_MAX);
	tap_ok(bus_has(&b, 0x400) && !bus_has(&b, 0x401), "who is there");
	tap_eq(bus_add(&b, 0xfec003f8, 8, &ops, &dev, &e), 0);
	tap_eq(bus_read(&b, 0xfec003f9, 4), 101);
	bus_write(&b, 0x500, 1, 5);
	tap_eq(dev, 100);
	bus_write(&b, 0x3f8, 1, 5);
	tap_eq(dev, 5);
}

int main(void)
{
	TAP_RUN(all_passed_is_pass);
	TAP_RUN(the_worst_test_decides_and_gives_the_reason);
	TAP_RUN(rules_that_are_enforced_count_as_a_test_does);
	TAP_RUN(a_watchdog_that_was_not_set_makes_no_pass);
	TAP_RUN(nor_does_it_of_a_command_whose_own_failure_is_kept);
	TAP_RUN(what_was_not_measured_is_inconclusive);
	TAP_RUN(no_test_is_skip_and_no_end_is_error);
	TAP_RUN(the_first_reason_wins);
	TAP_RUN(a_reason_that_was_cut_is_still_text);
	TAP_RUN(every_stop_has_a_verdict_that_is_not_pass_but_poweroff);
	TAP_RUN(a_host_failure_is_an_error_whatever_the_tests_say);
	TAP_RUN(a_guest_cannot_fill_our_memory);
	TAP_RUN(the_record_says_what_is_known_and_nothing_else);
	TAP_RUN(all_that_a_record_has_is_clean_text);
	TAP_RUN(what_is_found_out_behind_a_record_goes_into_it);
	TAP_RUN(snapshots_leave_a_nested_record_before_it_is_too_large);
	TAP_RUN(an_address_belongs_to_one_device_or_to_nobody);
	return tap_done();
}
