/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One self-contained HTML page of a record: what was run, what came out, and
 * what the monitor saw over time. No script, nothing from the network.
 */
#include "cli/report_html.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "cli/report_series.h"
#include "cli/report_summary.h"

static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#667;--line:#d8dce2;"
	"--pass:#1a7f37;--fail:#c62828;--skip:#9a6700;--h:#1f6feb}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e3e6ea;--dim:#99a2ad;"
	"--line:#343a42;--pass:#4fc06d;--fail:#ff7b72;--skip:#d8a531;--h:#79b8ff}}\n"
	"body{font:15px/1.45 system-ui,sans-serif;background:var(--bg);color:var(--fg);"
	"max-width:1080px;margin:2em auto;padding:0 1em}\n"
	"h1{font-size:1.5em;margin:0}h2{font-size:1.1em;margin:1.8em 0 .5em}\n"
	"table{border-collapse:collapse;width:100%}\n"
	"th,td{text-align:left;padding:.25em .8em .25em 0;border-bottom:1px solid var(--line);"
	"vertical-align:top}th{color:var(--dim);font-weight:normal}\n"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	"pre{background:color-mix(in srgb,var(--fg) 6%,transparent);padding:.8em;overflow:auto;"
	"font-size:13px}\n"
	".pass{color:var(--pass)}.fail,.error{color:var(--fail)}.skip,.inconclusive{color:var(--skip)}\n"
	".pairs th,.pairs td:first-child{width:11em}\n"
	".dim{color:var(--dim)}.wide{overflow-x:auto}\n"
	"svg{width:100%;height:auto;display:block}svg text{fill:var(--fg);font-size:11px}\n"
	"svg .dim{fill:var(--dim)}svg .axis{stroke:var(--line)}svg .cell{fill:var(--h)}\n"
	"svg .curve{fill:none;stroke:var(--h);stroke-width:1.5}\n";

static void put_cell(FILE *out, const char *class, const char *text)
{
	fprintf(out, "<td%s%s%s>", class ? " class=\"" : "", class ? class : "", class ? "\"" : "");
	report_put_xml(out, text ? text : "");
	fputs("</td>", out);
}

static void put_number(FILE *out, const struct json_object *o, const char *key, int digits)
{
	double v;

	if (report_num(o, key, &v))
		fprintf(out, "<td class=\"n\">%.*f</td>", digits, v);
	else
		fputs("<td class=\"n dim\">-</td>", out);
}

static void put_row(FILE *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(out, "<tr><th>%s</th>", name);
	put_cell(out, NULL, value);
	fputs("</tr>\n", out);
}

static void put_head(FILE *out, const struct json_object *record)
{
	const char *verdict = verdict_name(report_run_verdict(record));
	const struct json_object *kernel = report_obj(record, "kernel");
	double ms;

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width\"><title>ktstr: ", out);
	report_put_xml(out, verdict);
	fprintf(out, "</title>\n<style>\n%s</style></head>\n<body>\n<h1 class=\"%s\">%s</h1>\n<p>",
		style, verdict, verdict);
	report_put_xml(out, report_reason(record));
	fputs("</p>\n<table class=\"pairs\">\n", out);
	put_row(out, "kernel", report_str(kernel, "release"));
	put_row(out, "topology", report_str(record, "shape") ? report_str(record, "shape") :
		report_str(record, "topology"));
	put_row(out, "scheduler", report_str(report_obj(record, "scheduler"), "ops"));
	put_row(out, "accelerator", report_str(record, "accel"));
	if (report_num(record, "memory_mib", &ms))
		fprintf(out, "<tr><th>memory</th><td>%.0f MiB</td></tr>\n", ms);
	if (report_total_ms(record, &ms))
		fprintf(out, "<tr><th>time</th><td>%.2f s</td></tr>\n", ms / 1000);
	fputs("</table>\n", out);
}

/* --- tests, findings -------------------------------------------------------- */

static void put_details(FILE *out, const struct json_object *test)
{
	struct report_array a = report_array(test, "details");
	const struct json_object *d;

	fputs("<td>", out);
	while ((d = report_next_obj(&a))) {
		const char *kind = report_str(d, "kind"), *text = report_str(d, "text");

		report_put_xml(out, kind ? kind : "note");
		fputs(": ", out);
		report_put_xml(out, text ? text : "");
		fputs("<br>", out);
	}
	fputs("</td>", out);
}

static void put_tests(FILE *out, const struct json_object *record)
{
	struct report_array a = report_array(record, "tests");
	const struct json_object *t;

	if (!report_count_obj(record, "tests"))
		return;
	fputs("<h2>Tests</h2>\n<table><tr><th>verdict</th><th>test</th><th class=\"n\">ms</th>"
	      "<th>details</th></tr>\n", out);
	while ((t = report_next_obj(&a))) {
		const char *verdict = verdict_name(report_test_verdict(t));

		fputs("<tr>", out);
		put_cell(out, verdict, verdict);
		put_cell(out, NULL, report_test_name(t));
		put_number(out, t, "duration_ms", 0);
		put_details(out, t);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

/* Objects with two texts each, as a table: findings, what is absent. */
static void put_pairs(FILE *out, const struct json_object *o, const char *key, const char *title,
		      const char *const columns[2])
{
	struct report_array a = report_array(o, key);
	const struct json_object *f;

	if (!report_count_obj(o, key))
		return;
	fprintf(out, "<h2>%s</h2>\n<table class=\"pairs\">\n", title);
	while ((f = report_next_obj(&a))) {
		fputs("<tr>", out);
		put_cell(out, NULL, report_str(f, columns[0]));
		put_cell(out, NULL, report_str(f, columns[1]));
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void put_lines(FILE *out, const struct json_object *record, const char *key,
		      const char *title)
{
	struct report_array a = report_array(record, key);
	const char *line;

	if (!report_count_str(record, key))
		return;
	fprintf(out, "<h2>%s</h2>\n<pre>", title);
	while ((line = report_next_str(&a))) {
		report_put_xml(out, line);
		fputc('\n', out);
	}
	fputs("</pre>\n", out);
}

/* --- the monitor's summary ---------------------------------------------------- */

static void put_summary(FILE *out, const struct json_object *monitor)
{
	const struct json_object *summary = report_obj(monitor, "summary");
	struct report_array a = report_array(summary, "cpus");
	const struct summary_column *column[SUMMARY_COLUMNS_MAX];
	const size_t n = report_summary_columns(summary, column);
	const struct json_object *cpu;

	if (!n)
		return;
	fputs("<h2>CPUs <span class=\"dim\">(average / most)</span></h2>\n"
	      "<div class=\"wide\"><table><tr><th class=\"n\">CPU</th>", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<th class=\"n\">%s</th>", column[i]->title);
	fputs("</tr>\n", out);
	while ((cpu = report_next_obj(&a))) {
		fputs("<tr>", out);
		put_number(out, cpu, "cpu", 0);
		for (size_t i = 0; i < n; i++) {
			char text[SUMMARY_CELL_MAX];
			const bool known = report_summary_cell(cpu, column[i], text);

			fprintf(out, "<td class=\"n%s\">%s</td>", known ? "" : " dim", text);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void put_events(FILE *out, const struct json_object *monitor)
{
	struct json_object *events = report_obj(report_obj(monitor, "summary"), "events");
	bool any = false;

	if (!events)
		return;
	json_object_object_foreach(events, key, value) {
		(void)value;
		fputs(any ? "" : "<h2>sched_ext events</h2>\n<table>\n", out);
		any = true;
		fputs("<tr>", out);
		put_cell(out, NULL, key);
		put_number(out, events, key, 0);
		fputs("</tr>\n", out);
	}
	fputs(any ? "</table>\n" : "", out);
}

/* BPF programs, where the kernel counted their runs. */
static void put_programs(FILE *out, const struct json_object *monitor)
{
	struct report_array a = report_array(report_obj(monitor, "bpf"), "programs");
	const struct json_object *p;
	double runs, run_ns;
	bool any = false;

	while ((p = report_next_obj(&a))) {
		if (!report_num(p, "runs", &runs) || !report_num(p, "run_ns", &run_ns))
			continue;
		fputs(any ? "" : "<h2>BPF programs</h2>\n<table><tr><th>program</th>"
		      "<th class=\"n\">runs</th><th class=\"n\">ns each</th>"
		      "<th class=\"n\">missed</th></tr>\n", out);
		any = true;
		fputs("<tr>", out);
		put_cell(out, NULL, report_str(p, "name"));
		put_number(out, p, "runs", 0);
		fprintf(out, "<td class=\"n\">%.0f</td>", runs > 0 ? run_ns / runs : 0);
		put_number(out, p, "misses", 0);
		fputs("</tr>\n", out);
	}
	fputs(any ? "</table>\n" : "", out);
}

static void put_monitor(FILE *out, const struct json_object *record)
{
	static const char *const absent[2] = { "what", "why" };
	const struct json_object *monitor = report_obj(record, "monitor");
	struct series s;

	if (!monitor)
		return;
	if (series_init(&s, record) && s.times) {
		fputs("<h2>Over time</h2>\n", out);
		report_svg(out, record, &s);
	}
	series_fini(&s);
	put_summary(out, monitor);
	put_events(out, monitor);
	put_programs(out, monitor);
	put_pairs(out, monitor, "absent", "Not measured", absent);
}

void report_html(FILE *out, const struct json_object *record)
{
	static const char *const finding[2] = { "kind", "text" };

	put_head(out, record);
	put_tests(out, record);
	put_pairs(out, record, "findings", "Findings", finding);
	put_monitor(out, record);
	put_lines(out, report_obj(record, "scheduler"), "log_tail", "Scheduler log");
	put_lines(out, record, "program_tail", "Program output");
	put_lines(out, record, "console_tail", "Kernel console");
	fputs("</body></html>\n", out);
}
