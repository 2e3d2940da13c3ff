/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports word for word, and of records that are not what they should be. */
#include <json-c/json.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/report.h"
#include "test/tap.h"

typedef void render_fn(FILE *out, const struct json_object *record);

static void text(FILE *out, const struct json_object *record)
{
	report_text(out, record, false, false);
}

static void verbose(FILE *out, const struct json_object *record)
{
	report_text(out, record, true, false);
}

static void color(FILE *out, const struct json_object *record)
{
	report_text(out, record, false, true);
}

/* The report of a record; the caller's to free. */
static char *render(render_fn *fn, const char *json)
{
	struct json_object *record = json_tokener_parse(json);
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	fn(f, record);
	fclose(f);
	json_object_put(record);
	return s;
}

static void is(render_fn *fn, const char *json, const char *want)
{
	_cleanup_free_ char *got = render(fn, json);

	tap_str(got, want);
}

static void has(render_fn *fn, const char *json, const char *want)
{
	_cleanup_free_ char *got = render(fn, json);

	tap_ok(strstr(got, want), "\"%s\" has no \"%s\"", got, want);
}

static void has_not(render_fn *fn, const char *json, const char *want)
{
	_cleanup_free_ char *got = render(fn, json);

	tap_ok(!strstr(got, want), "\"%s\" has \"%s\"", got, want);
}

static const char passed[] =
	"{\"schema\": \"ktstr.run/1\", \"verdict\": \"pass\", \"reason\": \"1 test passed\","
	"\"exit_code\": 0, \"accel\": \"kvm\", \"arch\": \"x86_64\","
	"\"kernel\": {\"path\": \"/k/vmlinuz\", \"release\": \"6.12.117\"},"
	"\"topology\": \"1n1l2c1t\", \"cpus\": 2, \"memory_mib\": 300,"
	"\"phases_ms\": {\"setup\": 100, \"boot\": 800.5, \"test\": 1000}, \"transport\": \"shmring\","
	"\"ring\": {\"frames\": 7, \"bytes\": 512}, \"tests\": [{\"name\": \"smoke\","
	"\"verdict\": \"pass\", \"duration_ms\": 520.25, \"details\": [], \"stats\": {\"workers\":"
	"[{\"id\": 0, \"work_units\": 10}]}}], \"vm\": {\"exits\": {\"io\": 5}}, \"findings\": []}";

static const char failed[] =
	"{\"schema\": \"ktstr.run/1\", \"verdict\": \"fail\","
	"\"reason\": \"two: Starved: worker 1 did nothing\", \"stop\": \"poweroff\","
	"\"exit_code\": 1, \"accel\": \"nested\","
	"\"kernel\": {\"path\": \"/my kernel/vmlinuz\", \"release\": \"6.12.117\"},"
	"\"topology\": \"1n1l2c1t\", \"memory_mib\": 300, \"tests\": ["
	"{\"name\": \"one\", \"verdict\": \"pass\", \"duration_ms\": 10, \"details\":"
	"[{\"kind\": \"Note\", \"verdict\": \"pass\", \"text\": \"seen\"}]},"
	"{\"name\": \"two\", \"verdict\": \"fail\", \"duration_ms\": 20, \"details\":"
	"[{\"kind\": \"Note\", \"verdict\": \"pass\", \"text\": \"first\"},"
	"{\"kind\": \"Starved\", \"verdict\": \"fail\", \"text\": \"worker 1 did nothing\"}]},"
	"{\"name\": \"three\", \"verdict\": \"skip\", \"details\":"
	"[{\"kind\": \"Skip\", \"verdict\": \"skip\", \"text\": \"no NUMA\"}]},"
	"{\"name\": \"four\", \"verdict\": \"inconclusive\", \"details\":"
	"[{\"kind\": \"Noise\", \"verdict\": \"inconclusive\", \"text\": \"too short\"}]}],"
	"\"findings\": [{\"kind\": \"BadFrame\", \"text\": \"crc\"}],"
	"\"vm\": {\"vcpus\": [{\"cpu\": 0, \"rip\": \"0xffffffff81000000\", \"symbol\": \"idle+0x1\","
	"\"halted\": true}, {\"cpu\": 1, \"rip\": \"0x10\", \"halted\": false}]},"
	"\"program_tail\": [\"hello\"], \"console_tail\": [\"[0.1] a\", \"[0.2] b\"]}";

static const char panicked[] =
	"{\"verdict\": \"fail\", \"reason\": \"kernel panic: oh <no>\", \"stop\": \"panic\","
	"\"tests\": [{\"name\": \"one\", \"verdict\": \"pass\"}], \"console_tail\": [\"a & b\"]}";

static const char error[] =
	"{\"verdict\": \"error\", \"reason\": \"kernel: open /x: No such file or directory\"}";

static const char skipped[] = "{\"verdict\": \"skip\", \"reason\": \"no KVM\", \"tests\": []}";

/* --- text ------------------------------------------------------------------ */

static void a_pass_is_a_line_per_test_and_the_verdict(void)
{
	is(text, passed, "pass smoke 0.52 s\n"
	   "pass: 1 test passed (kvm, 6.12.117, 1n1l2c1t, 1.9 s)\n");
}

static void verbose_adds_what_was_measured(void)
{
	is(verbose, passed, "pass smoke 0.52 s\n"
	   "    worker: id 0, work_units 10\n"
	   "phases: setup 100.0 ms, boot 800.5 ms, test 1000.0 ms\n"
	   "transport: shmring\n"
	   "ring: frames 7, bytes 512\n"
	   "exits: io 5\n"
	   "pass: 1 test passed (kvm, 6.12.117, 1n1l2c1t, 1.9 s)\n");
}

static void a_failure_tells_all_and_its_reason_last(void)
{
	is(text, failed, "pass one 0.01 s\n"
	   "    Note: seen\n"
	   "fail two 0.02 s\n"
	   "    Note: first\n"
	   "    Starved: worker 1 did nothing\n"
	   "skip three\n"
	   "    Skip: no NUMA\n"
	   "inconclusive four\n"
	   "    Noise: too short\n"
	   "program output, last 1 line:\n"
	   "    hello\n"
	   "kernel console, last 2 lines:\n"
	   "    [0.1] a\n"
	   "    [0.2] b\n"
	   "vCPUs:\n"
	   "    cpu 0: rip 0xffffffff81000000 idle+0x1, halted\n"
	   "    cpu 1: rip 0x10\n"
	   "findings:\n"
	   "    BadFrame: crc\n"
	   "reproduce: ktstr run --accel nested --kernel '/my kernel/vmlinuz' "
	   "--topology 1n1l2c1t --memory 300M -- two four\n"
	   "fail: two: Starved: worker 1 did nothing (nested, 6.12.117, 1n1l2c1t)\n");
}

static void an_error_is_one_line(void)
{
	is(text, error, "error: kernel: open /x: No such file or directory\n");
}

static void a_nested_run_takes_as_long_as_the_host_says(void)
{
	is(text, "{\"verdict\": \"pass\", \"reason\": \"r\", \"accel\": \"nested\","
	   "\"phases_ms\": {\"boot\": 3000, \"nested\": 9000}}", "pass: r (nested, 9.0 s)\n");
}

static void only_the_end_of_a_long_console_is_shown(void)
{
	char json[2000] = "{\"verdict\": \"fail\", \"reason\": \"r\", \"console_tail\": [\"line 1\"";

	for (int i = 2; i <= 30; i++)
		snprintf(json + strlen(json), sizeof(json) - strlen(json), ",\"line %d\"", i);
	strncat(json, "]}", sizeof(json) - strlen(json) - 1);
	has(text, json, "kernel console, last 20 lines:\n    line 11\n");
	has(text, json, "    line 30\n");
	has(verbose, json, "kernel console, last 30 lines:\n    line 1\n");
}

static void colors_are_only_where_they_are_wanted(void)
{
	is(color, error, "\033[31merror\033[0m: kernel: open /x: No such file or directory\n");
	has(color, passed, "\033[32mpass\033[0m smoke");
	has_not(text, failed, "\033");
}

static void a_guest_cannot_write_to_the_terminal(void)
{
	static const char json[] = "{\"verdict\": \"fail\", \"reason\": \"a\\u001b[2Jb\\nc\","
		"\"tests\": [{\"name\": \"x\\u001b]0;t\\u0007\", \"verdict\": \"fail\", \"details\":"
		"[{\"kind\": \"k\\u009b1m\", \"text\": \"l1\\nl2\\ttab\"}]}],"
		"\"console_tail\": [\"\\r\\u0000\\u007f\"]}";

	has_not(text, json, "\033");
	has_not(text, json, "\007");
	has_not(text, json, "\r");
	has_not(text, json, "\177");
	has_not(text, json, "\xc2\x9b");
	has(text, json, "    k??1m: l1 l2 tab\n");
	has(text, json, "fail: a [2Jb c\n");
}

static void the_reproduction_can_be_pasted_into_a_shell(void)
{
	static const char json[] = "{\"verdict\": \"fail\", \"reason\": \"r\", \"topology\": \"1,1,1,1\","
		"\"arguments\": [\"--cmdline=a b\", \"--no-ring\", 5],"
		"\"binary\": \"./it's $HOME\", \"tests\":"
		"[{\"name\": \"a;b\", \"verdict\": \"fail\"}]}";

	has(text, json, "reproduce: ktstr run --topology 1,1,1,1 "
	    "'--cmdline=a b' --no-ring './it'\\''s $HOME' -- 'a;b'\n");
}

static void the_reproduction_has_the_whole_shape(void)
{
	static const char json[] = "{\"verdict\": \"fail\", \"reason\": \"r\", "
		"\"topology\": \"2n2l2c1t\", \"shape\": \"2n2l2c1t/distances:10,30;30,10\"}";

	has(text, json, "reproduce: ktstr run --topology '2n2l2c1t/distances:10,30;30,10'");
}

/* --- TAP -------------------------------------------------------------------- */

static void tap_has_a_point_per_test(void)
{
	is(report_tap, failed, "TAP version 13\n"
	   "1..4\n"
	   "ok 1 - one\n"
	   "# Note: seen\n"
	   "# duration: 10.000 ms\n"
	   "not ok 2 - two\n"
	   "# Note: first\n"
	   "# Starved: worker 1 did nothing\n"
	   "# duration: 20.000 ms\n"
	   "ok 3 - three # SKIP no NUMA\n"
	   "# Skip: no NUMA\n"
	   "not ok 4 - four\n"
	   "# inconclusive\n"
	   "# Noise: too short\n"
	   "# fail: two: Starved: worker 1 did nothing\n");
}

static void tap_is_not_green_when_the_run_failed_between_tests(void)
{
	is(report_tap, panicked, "TAP version 13\n"
	   "1..2\n"
	   "ok 1 - one\n"
	   "not ok 2 - run\n"
	   "# fail: kernel panic: oh <no>\n");
}

static void tap_bails_out_of_an_error_and_skips_a_skip(void)
{
	is(report_tap, error, "TAP version 13\n"
	   "Bail out! kernel: open /x: No such file or directory\n");
	is(report_tap, skipped, "TAP version 13\n1..0 # SKIP no KVM\n");
}

static void tap_descriptions_cannot_pretend_to_be_directives(void)
{
	has(report_tap, "{\"verdict\": \"fail\", \"tests\": [{\"name\": \"a # SKIP b\\\\\\nok 2\","
	    "\"verdict\": \"fail\"}]}", "not ok 1 - a \\# SKIP b\\\\ ok 2\n");
}

/* --- JUnit ------------------------------------------------------------------- */

static void junit_has_a_case_per_test(void)
{
	is(report_junit, passed, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	   "<testsuites tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"1.900500\">\n"
	   "  <testsuite name=\"ktstr\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""
	   " time=\"1.900500\">\n"
	   "   <properties>\n"
	   "    <property name=\"accel\" value=\"kvm\"/>\n"
	   "    <property name=\"arch\" value=\"x86_64\"/>\n"
	   "    <property name=\"kernel\" value=\"6.12.117\"/>\n"
	   "    <property name=\"topology\" value=\"1n1l2c1t\"/>\n"
	   "    <property name=\"transport\" value=\"shmring\"/>\n"
	   "    <property name=\"verdict\" value=\"pass\"/>\n"
	   "    <property name=\"reason\" value=\"1 test passed\"/>\n"
	   "   </properties>\n"
	   "   <testcase classname=\"ktstr\" name=\"smoke\" time=\"0.520250\">\n"
	   "   </testcase>\n"
	   "   <system-out></system-out>\n"
	   "  </testsuite>\n"
	   "</testsuites>\n");
}

static void junit_tells_a_failure_by_the_detail_that_decided(void)
{
	has(report_junit, failed, "tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\"");
	has(report_junit, failed, "    <failure message=\"worker 1 did nothing\" type=\"Starved\">"
	    "Note: first\nStarved: worker 1 did nothing\n</failure>\n");
	has(report_junit, failed, "    <skipped message=\"no NUMA\"></skipped>\n");
	has(report_junit, failed, "    <error message=\"too short\" type=\"Noise\">");
}

static void junit_has_a_case_for_the_run_when_tests_do_not_tell(void)
{
	has(report_junit, panicked, "tests=\"2\" failures=\"1\" errors=\"0\"");
	has(report_junit, panicked, "name=\"run\">\n    <failure message=\"kernel panic: "
	    "oh &lt;no&gt;\" type=\"panic\"></failure>\n");
	has(report_junit, panicked, "<system-out>a &amp; b\n</system-out>");
	has(report_junit, error, "tests=\"1\" failures=\"0\" errors=\"1\"");
}

static void junit_has_only_characters_that_xml_allows(void)
{
	static const char json[] = "{\"verdict\": \"fail\", \"reason\": \"\\u0001\\u001b\\uffff<>&\\\"\\n\"}";

	has(report_junit, json, "message=\"  ?&lt;&gt;&amp;&quot;&#10;\"");
}

/* --- records that are not what they should be ----------------------------------- */

static void members_that_are_missing_or_of_another_type_are_left_out(void)
{
	static const char *const records[] = {
		"null", "[]", "7", "\"x\"", "{}",
		"{\"verdict\": 5, \"reason\": [], \"tests\": {}, \"kernel\": 1, \"phases_ms\": []}",
		"{\"verdict\": \"maybe\", \"tests\": [null, 1, [], {}, {\"name\": null}]}",
		"{\"verdict\": \"fail\", \"tests\": [{\"details\": [null, 3, {}], \"stats\": []}],"
		"\"vm\": {\"vcpus\": [{}, {\"cpu\": -1, \"rip\": 5}], \"exits\": 3},"
		"\"console_tail\": [1, null, {}], \"findings\": [[], \"x\"]}",
		"{\"verdict\": \"pass\", \"phases_ms\": {\"a\": 1e308, \"b\": 1e308, \"c\": -5}}",
	};
	static render_fn *const fns[] = {
		text, verbose, color, report_json, report_tap, report_junit,
	};

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(fns); k++) {
			_cleanup_free_ char *s = render(fns[k], records[i]);

			tap_ok(*s && s[strlen(s) - 1] == '\n', "%s: %s", records[i], s);
		}
	}
}

static void a_record_without_a_verdict_is_never_a_pass(void)
{
	is(text, "{}", "error: the record has no verdict\n");
	is(text, "{\"verdict\": \"great\"}", "error: no reason was given\n");
	is(report_tap, "{}", "TAP version 13\nBail out! the record has no verdict\n");
	has(report_junit, "{}", "errors=\"1\"");
	has(report_tap, "{\"verdict\": \"fail\", \"tests\": [{\"name\": \"a\"}]}", "not ok 1 - a\n");
}

static void json_is_one_document_of_valid_utf8(void)
{
	struct json_object *o = json_object_new_object();
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	json_object_object_add(o, "reason", json_object_new_string("a\xff\xc3:\xe2\x82\xac"));
	report_json(f, o);
	fclose(f);
	json_object_put(o);
	tap_str(s, "{\n  \"reason\": \"a??:\xe2\x82\xac\"\n}\n");
	free(s);
}

int main(void)
{
	TAP_RUN(a_pass_is_a_line_per_test_and_the_verdict);
	TAP_RUN(verbose_adds_what_was_measured);
	TAP_RUN(a_failure_tells_all_and_its_reason_last);
	TAP_RUN(an_error_is_one_line);
	TAP_RUN(a_nested_run_takes_as_long_as_the_host_says);
	TAP_RUN(only_the_end_of_a_long_console_is_shown);
	TAP_RUN(colors_are_only_where_they_are_wanted);
	TAP_RUN(a_guest_cannot_write_to_the_terminal);
	TAP_RUN(the_reproduction_can_be_pasted_into_a_shell);
	TAP_RUN(the_reproduction_has_the_whole_shape);
	TAP_RUN(tap_has_a_point_per_test);
	TAP_RUN(tap_is_not_green_when_the_run_failed_between_tests);
	TAP_RUN(tap_bails_out_of_an_error_and_skips_a_skip);
	TAP_RUN(tap_descriptions_cannot_pretend_to_be_directives);
	TAP_RUN(junit_has_a_case_per_test);
	TAP_RUN(junit_tells_a_failure_by_the_detail_that_decided);
	TAP_RUN(junit_has_a_case_for_the_run_when_tests_do_not_tell);
	TAP_RUN(junit_has_only_characters_that_xml_allows);
	TAP_RUN(members_that_are_missing_or_of_another_type_are_left_out);
	TAP_RUN(a_record_without_a_verdict_is_never_a_pass);
	TAP_RUN(json_is_one_document_of_valid_utf8);
	return tap_done();
}
