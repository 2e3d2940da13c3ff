/* SPDX-License-Identifier: GPL-2.0-only */
/* The report that a person reads: the verdict and its reason are the last line. */
#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

#include "base/util.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "cli/report_summary.h"

#define TAIL_LINES 20

struct text {
	FILE *out;
	const struct json_object *record;
	bool verbose;
	bool color;
};

static void put_verdict(const struct text *t, enum verdict v)
{
	static const char *const colors[] = {
		[VERDICT_PASS] = "\033[32m",
		[VERDICT_FAIL] = "\033[31m",
		[VERDICT_SKIP] = "\033[33m",
		[VERDICT_INCONCLUSIVE] = "\033[33m",
		[VERDICT_ERROR] = "\033[31m",
	};

	fprintf(t->out, "%s%s%s", t->color ? colors[v] : "", verdict_name(v),
		t->color ? "\033[0m" : "");
}

/* "  key: value" for every number of an object, e.g. counters. */
static void put_numbers(const struct text *t, struct json_object *o, const char *title,
			const char *unit, int digits)
{
	bool any = false;

	if (!o)
		return;
	json_object_object_foreach(o, key, value) {
		double v;

		(void)value;
		if (!report_num(o, key, &v))
			continue;
		fprintf(t->out, "%s", any ? ", " : title);
		report_put_line(t->out, key);
		fprintf(t->out, " %.*f%s", digits, v, unit);
		any = true;
	}
	if (any)
		fputc('\n', t->out);
}

static void put_detail(const struct text *t, const struct json_object *o)
{
	const char *kind = report_str(o, "kind"), *text = report_str(o, "text");

	fputs("    ", t->out);
	report_put_line(t->out, kind && *kind ? kind : "note");
	if (text) {
		fputs(": ", t->out);
		report_put_line(t->out, text);
	}
	fputc('\n', t->out);
}

static void put_workers(const struct text *t, const struct json_object *test)
{
	struct report_array a = report_array(report_obj(test, "stats"), "workers");
	struct json_object *w;

	while ((w = report_next_obj(&a)))
		put_numbers(t, w, "    worker: ", "", 0);
}

static void put_tests(const struct text *t)
{
	struct report_array a = report_array(t->record, "tests");
	struct json_object *test, *detail;
	double ms;

	while ((test = report_next_obj(&a))) {
		struct report_array details = report_array(test, "details");

		put_verdict(t, report_test_verdict(test));
		fputc(' ', t->out);
		report_put_line(t->out, report_test_name(test));
		if (report_num(test, "duration_ms", &ms))
			fprintf(t->out, " %.2f s", ms / 1000);
		fputc('\n', t->out);
		while ((detail = report_next_obj(&details)))
			put_detail(t, detail);
		if (t->verbose)
			put_workers(t, test);
	}
}

static void put_tail(const struct text *t, const struct json_object *o, const char *key,
		     const char *title)
{
	struct report_array a = report_array(o, key);
	size_t n = report_count_str(o, key);
	size_t skip = n > TAIL_LINES && !t->verbose ? n - TAIL_LINES : 0;
	const char *line;

	if (!n)
		return;
	fprintf(t->out, "%s, last %zu line%s:\n", title, n - skip, n - skip == 1 ? "" : "s");
	for (size_t i = 0; (line = report_next_str(&a)); i++) {
		if (i < skip)
			continue;
		fputs("    ", t->out);
		report_put_line(t->out, line);
		fputc('\n', t->out);
	}
}

static void put_vcpus(const struct text *t)
{
	struct report_array a = report_array(report_obj(t->record, "vm"), "vcpus");
	struct json_object *v;
	bool any = false;
	double cpu;

	while ((v = report_next_obj(&a))) {
		const char *rip = report_str(v, "rip"), *symbol = report_str(v, "symbol");

		if (!rip || !report_num(v, "cpu", &cpu))
			continue;
		if (!any)
			fputs("vCPUs:\n", t->out);
		any = true;
		fprintf(t->out, "    cpu %.0f: rip ", cpu);
		report_put_line(t->out, rip);
		if (symbol) {
			fputc(' ', t->out);
			report_put_line(t->out, symbol);
		}
		fputs(report_bool(v, "halted") ? ", halted\n" : "\n", t->out);
	}
}

static void put_findings(const struct text *t)
{
	struct report_array a = report_array(t->record, "findings");
	struct json_object *f;

	if (!report_count_obj(t->record, "findings"))
		return;
	fputs("findings:\n", t->out);
	while ((f = report_next_obj(&a)))
		put_detail(t, f);
}

/* As one word for a shell; what cannot be shown is not reproduced. */
static void put_word(FILE *out, const char *s)
{
	static const char plain[] = "_-./:,+=@%";
	_cleanup_free_ char *copy = report_clean(s);
	bool quote = !*s;

	for (const char *p = copy; p && *p; p++)
		quote |= !isalnum((unsigned char)*p) && !strchr(plain, *p);
	fputs(quote ? "'" : "", out);
	for (const char *p = copy; p && *p; p++) {
		if (*p == '\'')
			fputs("'\\''", out);
		else
			fputc(*p == '\n' || *p == '\t' ? '?' : *p, out);
	}
	fputs(quote ? "'" : "", out);
}

static void put_option(FILE *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(out, " --%s ", name);
	put_word(out, value);
}

static bool passed(const struct json_object *test)
{
	enum verdict v = report_test_verdict(test);

	return v == VERDICT_PASS || v == VERDICT_SKIP;
}

/* The tests that did not pass; where it was none of them, all. */
static void put_names(const struct text *t)
{
	struct report_array a = report_array(t->record, "tests"), b = a;
	const struct json_object *test;
	bool all = true, any = false;

	while ((test = report_next_obj(&a)))
		all &= passed(test);
	while ((test = report_next_obj(&b))) {
		if ((passed(test) && !all) || !report_str(test, "name"))
			continue;
		fputs(any ? " " : " -- ", t->out);
		put_word(t->out, report_test_name(test));
		any = true;
	}
}

/* The command that does this run again. */
static void put_reproduction(const struct text *t)
{
	struct report_array arguments = report_array(t->record, "arguments");
	const char *binary = report_str(t->record, "binary"), *argument;
	/* the whole shape, where it is more than the four numbers */
	const char *shape = report_str(t->record, "shape");
	double mib;

	fputs("reproduce: ktstr run", t->out);
	put_option(t->out, "accel", report_str(t->record, "accel"));
	put_option(t->out, "kernel", report_str(report_obj(t->record, "kernel"), "path"));
	put_option(t->out, "topology", shape && *shape ? shape : report_str(t->record, "topology"));
	if (report_num(t->record, "memory_mib", &mib) && mib >= 1)
		fprintf(t->out, " --memory %.0fM", mib);
	while ((argument = report_next_str(&arguments))) {
		fputc(' ', t->out);
		put_word(t->out, argument);
	}
	if (binary && *binary) {
		fputc(' ', t->out);
		put_word(t->out, binary);
	}
	put_names(t);
	fputc('\n', t->out);
}

static void put_failure(const struct text *t)
{
	put_tail(t, report_obj(t->record, "scheduler"), "log_tail", "scheduler's log");
	put_tail(t, t->record, "program_tail", "program output");
	put_tail(t, t->record, "console_tail", "kernel console");
	put_vcpus(t);
	put_findings(t);
	/* an error says by itself what to do; other ends are worth another look */
	if (report_run_verdict(t->record) != VERDICT_ERROR && report_str(t->record, "topology"))
		put_reproduction(t);
}

static void put_more(const struct text *t)
{
	const char *transport = report_str(t->record, "transport");
	struct json_object *vm = report_obj(t->record, "vm");

	put_numbers(t, report_obj(t->record, "phases_ms"), "phases: ", " ms", 1);
	if (transport) {
		fputs("transport: ", t->out);
		report_put_line(t->out, transport);
		fputc('\n', t->out);
	}
	put_numbers(t, report_obj(t->record, "ring"), "ring: ", "", 0);
	put_numbers(t, report_obj(t->record, "initramfs"), "initramfs: ", "", 0);
	put_numbers(t, report_obj(vm, "exits"), "exits: ", "", 0);
	put_numbers(t, report_obj(vm, "kvm_stats"), "KVM: ", "", 0);
}

/* "(kvm, 6.12.117, 1n1l2c1t, 1.9 s)", of what is known */
static void put_setting(const struct text *t)
{
	const char *known[] = {
		report_str(t->record, "accel"),
		report_str(report_obj(t->record, "kernel"), "release"),
		report_str(t->record, "topology"),
		report_str(report_obj(t->record, "scheduler"), "ops"),
	};
	const char *sep = " (", *phase = report_str(t->record, "phase");
	double ms;

	/* nothing ran: what was chosen for it says nothing */
	if (report_run_verdict(t->record) == VERDICT_ERROR && phase && !strcmp(phase, "setup"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!known[i] || !*known[i])
			continue;
		fputs(sep, t->out);
		report_put_line(t->out, known[i]);
		sep = ", ";
	}
	if (report_total_ms(t->record, &ms)) {
		fprintf(t->out, "%s%.1f s", sep, ms / 1000);
		sep = ", ";
	}
	if (*sep == ',')
		fputc(')', t->out);
}

void report_text(FILE *out, const struct json_object *record, bool verbose, bool color)
{
	struct text t = { .out = out, .record = record, .verbose = verbose, .color = color };
	enum verdict v = report_run_verdict(record);

	put_tests(&t);
	report_summary_text(out, record, verbose);
	if (v == VERDICT_PASS || v == VERDICT_SKIP)
		put_findings(&t);
	else
		put_failure(&t);
	if (verbose)
		put_more(&t);
	put_verdict(&t, v);
	fputs(": ", out);
	report_put_line(out, report_reason(record));
	put_setting(&t);
	fputc('\n', out);
}
