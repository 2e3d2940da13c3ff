/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP 13: one point per test. What the tests do not tell (a panic between
 * them) is a point of its own named "run", so that no consumer sees green; an
 * error of ktstr bails out.
 */
#include <json-c/json.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/report.h"
#include "cli/report_get.h"

/* A description ends at "#", and a backslash escapes. */
static void put_description(FILE *out, const char *s)
{
	_cleanup_free_ char *copy = report_clean(s);

	for (char *p = copy; p && *p; p++) {
		if (*p == '#' || *p == '\\')
			fputc('\\', out);
		fputc(*p == '\n' || *p == '\t' ? ' ' : *p, out);
	}
}

static void put_comment(FILE *out, const char *kind, const char *text)
{
	fputs("# ", out);
	report_put_line(out, kind);
	if (text) {
		fputs(": ", out);
		report_put_line(out, text);
	}
	fputc('\n', out);
}

/* why is for a skip; NULL when it is not known. */
static void put_point(FILE *out, size_t number, const char *name, enum verdict v, const char *why)
{
	bool good = v == VERDICT_PASS || v == VERDICT_SKIP;

	fprintf(out, "%sok %zu - ", good ? "" : "not ", number);
	put_description(out, name);
	if (v == VERDICT_SKIP) {
		fputs(" # SKIP", out);
		if (why) {
			fputc(' ', out);
			report_put_line(out, why);
		}
	}
	fputc('\n', out);
	if (v == VERDICT_INCONCLUSIVE)
		put_comment(out, "inconclusive", why);
}

static void put_test(FILE *out, size_t number, const struct json_object *test)
{
	struct report_array a = report_array(test, "details");
	enum verdict v = report_test_verdict(test);
	struct json_object *detail = report_next_obj(&a);
	double ms;

	put_point(out, number, report_test_name(test), v,
		  v == VERDICT_SKIP ? report_str(detail, "text") : NULL);
	for (; detail; detail = report_next_obj(&a)) {
		const char *kind = report_str(detail, "kind");

		put_comment(out, kind ? kind : "note", report_str(detail, "text"));
	}
	if (report_num(test, "duration_ms", &ms))
		fprintf(out, "# duration: %.3f ms\n", ms);
}

void report_tap(FILE *out, const struct json_object *record)
{
	struct report_array a = report_array(record, "tests");
	size_t tests = report_count_obj(record, "tests"), number = 0;
	enum verdict v = report_run_verdict(record);
	bool tell = report_tests_tell(record);
	struct json_object *test;

	fputs("TAP version 13\n", out);
	if (v == VERDICT_SKIP && !tests) {
		fputs("1..0 # SKIP ", out);
		report_put_line(out, report_reason(record));
		fputc('\n', out);
		return;
	}
	if (v != VERDICT_ERROR || tests)
		fprintf(out, "1..%zu\n", tests + (!tell && v != VERDICT_ERROR));
	while ((test = report_next_obj(&a)))
		put_test(out, ++number, test);
	if (v == VERDICT_ERROR) {
		fputs("Bail out! ", out);
		report_put_line(out, report_reason(record));
		fputc('\n', out);
		return;
	}
	if (!tell)
		put_point(out, ++number, "run", v, report_reason(record));
	put_comment(out, verdict_name(v), report_reason(record));
}
