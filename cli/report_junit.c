/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JUnit XML as CI systems read it: <failure> for a verdict of the test,
 * <error> for what could not be measured or done, one flat suite. What the
 * tests do not tell is a test case of its own named "run".
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "cli/report_html.h"

/* Element per verdict, NULL for none. */
static const char *const elements[] = {
	[VERDICT_PASS] = NULL,
	[VERDICT_FAIL] = "failure",
	[VERDICT_SKIP] = "skipped",
	[VERDICT_INCONCLUSIVE] = "error",
	[VERDICT_ERROR] = "error",
};

static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	report_put_xml(out, value);
	fputc('"', out);
}

static void put_property(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	fputs("    <property", out);
	put_attribute(out, "name", name);
	put_attribute(out, "value", value);
	fputs("/>\n", out);
}

static void put_properties(FILE *out, const struct json_object *record)
{
	struct json_object *kernel = report_obj(record, "kernel");

	fputs("   <properties>\n", out);
	put_property(out, "accel", report_str(record, "accel"));
	put_property(out, "arch", report_str(record, "arch"));
	put_property(out, "kernel", report_str(kernel, "release"));
	put_property(out, "topology", report_str(record, "topology"));
	put_property(out, "transport", report_str(record, "transport"));
	put_property(out, "verdict", verdict_name(report_run_verdict(record)));
	put_property(out, "reason", report_reason(record));
	fputs("   </properties>\n", out);
}

/* The detail that asks for the verdict v, else the first one; NULL: none. */
static struct json_object *deciding_detail(const struct json_object *test, enum verdict v)
{
	struct report_array a = report_array(test, "details"), first = a;
	struct json_object *d;

	while ((d = report_next_obj(&a))) {
		const char *asks = report_str(d, "verdict");

		if (asks && !strcmp(asks, verdict_name(v)))
			return d;
	}
	return report_next_obj(&first);
}

static void put_details(FILE *out, const struct json_object *test)
{
	struct report_array a = report_array(test, "details");
	struct json_object *d;

	while ((d = report_next_obj(&a))) {
		const char *kind = report_str(d, "kind"), *text = report_str(d, "text");

		report_put_xml(out, kind ? kind : "note");
		if (text) {
			fputs(": ", out);
			report_put_xml(out, text);
		}
		fputc('\n', out);
	}
}

static void put_outcome(FILE *out, enum verdict v, const char *type, const char *message,
			const struct json_object *test)
{
	fprintf(out, "    <%s", elements[v]);
	put_attribute(out, "message", message);
	if (v != VERDICT_SKIP)
		put_attribute(out, "type", type);
	fputc('>', out);
	if (test && v != VERDICT_SKIP)
		put_details(out, test);
	fprintf(out, "</%s>\n", elements[v]);
}

static void put_test(FILE *out, const struct json_object *test)
{
	enum verdict v = report_test_verdict(test);
	struct json_object *d = deciding_detail(test, v);
	const char *kind = report_str(d, "kind"), *text = report_str(d, "text");
	double ms;

	fputs("   <testcase classname=\"ktstr\"", out);
	put_attribute(out, "name", report_test_name(test));
	if (report_num(test, "duration_ms", &ms))
		fprintf(out, " time=\"%.6f\"", ms / 1000);
	fputs(">\n", out);
	if (elements[v])
		put_outcome(out, v, kind ? kind : verdict_name(v),
			    text ? text : verdict_name(v), test);
	fputs("   </testcase>\n", out);
}

static void put_run(FILE *out, const struct json_object *record)
{
	enum verdict v = report_run_verdict(record);
	const char *stop = report_str(record, "stop");

	fputs("   <testcase classname=\"ktstr\" name=\"run\">\n", out);
	if (elements[v])
		put_outcome(out, v, stop ? stop : verdict_name(v), report_reason(record), NULL);
	fputs("   </testcase>\n", out);
}

static void put_output(FILE *out, const struct json_object *record)
{
	static const char *const keys[] = { "program_tail", "console_tail" };

	fputs("   <system-out>", out);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct report_array a = report_array(record, keys[i]);
		const char *line;

		while ((line = report_next_str(&a))) {
			report_put_xml(out, line);
			fputc('\n', out);
		}
	}
	fputs("</system-out>\n", out);
}

struct counts {
	size_t tests, of[VERDICT_COUNT];
};

static struct counts count(const struct json_object *record, bool with_run)
{
	struct report_array a = report_array(record, "tests");
	struct counts c = { 0 };
	struct json_object *test;

	for (; (test = report_next_obj(&a)); c.tests++)
		c.of[report_test_verdict(test)]++;
	if (with_run) {
		c.tests++;
		c.of[report_run_verdict(record)]++;
	}
	return c;
}

static void put_counts(FILE *out, const struct counts *c, const struct json_object *record)
{
	double ms;

	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", c->tests,
		c->of[VERDICT_FAIL], c->of[VERDICT_INCONCLUSIVE] + c->of[VERDICT_ERROR],
		c->of[VERDICT_SKIP]);
	if (report_total_ms(record, &ms))
		fprintf(out, " time=\"%.6f\"", ms / 1000);
}

void report_junit(FILE *out, const struct json_object *record)
{
	bool with_run = !report_tests_tell(record);
	struct counts c = count(record, with_run);
	struct report_array a = report_array(record, "tests");
	struct json_object *test;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", out);
	put_counts(out, &c, record);
	fputs(">\n  <testsuite name=\"ktstr\"", out);
	put_counts(out, &c, record);
	fputs(">\n", out);
	put_properties(out, record);
	while ((test = report_next_obj(&a)))
		put_test(out, test);
	if (with_run)
		put_run(out, record);
	put_output(out, record);
	fputs("  </testsuite>\n</testsuites>\n", out);
}
