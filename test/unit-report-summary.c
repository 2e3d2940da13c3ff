/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of CPUs: what was measured, and that nothing else is shown as if it were. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/report.h"
#include "cli/report_summary.h"
#include "test/tap.h"

static char *table(const char *record, bool all)
{
	struct json_object *o = json_tokener_parse(record);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	report_summary_text(f, o, all);
	fclose(f);
	json_object_put(o);
	return text;
}

static void each_cpu_has_a_row_and_all_have_one(void)
{
	char *text = table("{ \"monitor\": { \"samples\": 70, \"summary\": { \"cpus\": ["
			   " { \"cpu\": 0, \"nr_running\": { \"avg\": 1.5, \"max\": 3 },"
			   "   \"local_dsq\": { \"avg\": 0.25, \"max\": 12 },"
			   "   \"nr_switches\": 118, \"run_delay_ns\": 2500000 },"
			   " { \"cpu\": 5, \"nr_running\": { \"avg\": 0.5, \"max\": 1 },"
			   "   \"local_dsq\": { \"avg\": 0, \"max\": 0 },"
			   "   \"nr_switches\": 7 } ] } } }", false);

	tap_str(text, "CPUs, average / most of 70 samples:\n"
		"     cpu   running  local DSQ  switches  waited ms\n"
		"       0  1.50 / 3  0.25 / 12       118        2.5\n"
		"       5  0.50 / 1   0.00 / 0         7          -\n"
		"     all  1.00 / 3  0.12 / 12       125        2.5\n");
	free(text);
}

static void what_was_not_measured_is_no_column(void)
{
	/* no schedule(), since nobody counted; no sched_ext, since none was there */
	char *text = table("{ \"monitor\": { \"samples\": 2, \"summary\": { \"cpus\": ["
			   " { \"cpu\": 0, \"nr_running\": { \"avg\": 1, \"max\": 1 },"
			   "   \"scx_nr_running\": { \"avg\": 0, \"max\": 0 },"
			   "   \"nr_switches\": 0 } ] } } }", false);

	tap_str(text, "CPUs, average / most of 2 samples:\n"
		"     cpu   running  switches\n"
		"       0  1.00 / 1         0\n");
	free(text);
}

static void many_cpus_are_told_together_unless_all_are_wanted(void)
{
	struct buf record = BUF_INIT;
	char *text;

	buf_str(&record, "{ \"monitor\": { \"summary\": { \"cpus\": [");
	for (unsigned i = 0; i < 20; i++)
		buf_fmt(&record, "%s{ \"cpu\": %u, \"nr_switches\": 3 }", i ? "," : "", i);
	buf_str(&record, "] } } }");
	buf_u8(&record, 0);
	text = table((char *)record.data, false);
	tap_ok(strstr(text, "\n      15 ") && !strstr(text, "\n      16 "), "%s", text);
	tap_ok(strstr(text, "... and 4 more, all of them with -v\n"), "what is left out is said");
	tap_ok(strstr(text, "all        60\n"), "%s", text);
	free(text);
	text = table((char *)record.data, true);
	tap_ok(strstr(text, "\n      19 ") && !strstr(text, "more"), "%s", text);
	free(text);
	buf_fini(&record);
}

static void a_record_without_a_summary_has_no_table(void)
{
	static const char *const records[] = {
		"{}", "7", "{ \"monitor\": { \"summary\": { \"cpus\": [] } } }",
		"{ \"monitor\": { \"summary\": { \"cpus\": [ 7, \"x\", {} ] } } }",
		"{ \"monitor\": { \"summary\": { \"cpus\": [ { \"nr_running\": 7,"
		" \"nr_switches\": { \"avg\": 1 } } ] } } }",
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		char *text = table(records[i], true);

		tap_str(text, "");
		free(text);
	}
}

static void the_report_has_it_between_tests_and_verdict(void)
{
	static const char record[] =
		"{ \"verdict\": \"pass\", \"reason\": \"1 test passed\","
		" \"tests\": [ { \"name\": \"t1\", \"verdict\": \"pass\" } ],"
		" \"monitor\": { \"summary\": { \"cpus\": [ { \"cpu\": 0, \"nr_switches\": 3 } ] } } }";
	struct json_object *o = json_tokener_parse(record);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	report_text(f, o, false, false);
	fclose(f);
	tap_str(text, "pass t1\nCPUs, average / most:\n     cpu  switches\n       0         3\n"
		"pass: 1 test passed\n");
	free(text);
	json_object_put(o);
}

int main(void)
{
	TAP_RUN(each_cpu_has_a_row_and_all_have_one);
	TAP_RUN(what_was_not_measured_is_no_column);
	TAP_RUN(many_cpus_are_told_together_unless_all_are_wanted);
	TAP_RUN(a_record_without_a_summary_has_no_table);
	TAP_RUN(the_report_has_it_between_tests_and_verdict);
	return tap_done();
}
