/* SPDX-License-Identifier: GPL-2.0-only */
/* What the monitor's summary has of each CPU: columns for all reports, and a table of text. */
#include "cli/report_summary.h"

#include <assert.h>
#include <json-c/json.h>
#include <string.h>

#include "base/util.h"
#include "cli/report_get.h"

/* CPUs that a table shows when it is not to show all. */
#define ROWS_BRIEF 16

static const struct summary_column columns[] = {
	{ "nr_running", "running", SUMMARY_VALUE, false },
	{ "scx_nr_running", "in sched_ext", SUMMARY_VALUE, true },
	{ "local_dsq", "local DSQ", SUMMARY_VALUE, true },
	{ "nr_switches", "switches", SUMMARY_COUNT, false },
	{ "sched_count", "schedule()", SUMMARY_COUNT, false },
	{ "ttwu_count", "wake-ups", SUMMARY_COUNT, false },
	{ "run_delay_ns", "waited ms", SUMMARY_NS, false },
	{ "host_run_delay_ns", "host took ms", SUMMARY_NS, false },
};
static_assert(ARRAY_SIZE(columns) <= SUMMARY_COLUMNS_MAX, "all of them may be there");

/* One cell, or several CPUs' together. */
struct number {
	double avg, max, sum;
	size_t n;			/* CPUs; 0: not measured */
};

static void add_number(const struct json_object *cpu, const struct summary_column *c,
		       struct number *to)
{
	const struct json_object *v = report_obj(cpu, c->key);
	double avg, max, sum;

	if (c->kind == SUMMARY_VALUE) {
		if (!report_num(v, "avg", &avg) || !report_num(v, "max", &max))
			return;
		to->avg += avg;
		to->max = MAX(to->max, max);
	} else {
		if (!report_num(cpu, c->key, &sum))
			return;
		to->sum += sum;
	}
	to->n++;
}

static void format(const struct number *v, enum summary_kind kind, char text[SUMMARY_CELL_MAX])
{
	if (!v->n)
		snprintf(text, SUMMARY_CELL_MAX, "-");
	else if (kind == SUMMARY_VALUE)
		snprintf(text, SUMMARY_CELL_MAX, "%.2f / %.0f", v->avg / (double)v->n, v->max);
	else
		snprintf(text, SUMMARY_CELL_MAX, kind == SUMMARY_NS ? "%.1f" : "%.0f",
			 kind == SUMMARY_NS ? v->sum / 1e6 : v->sum);
}

/* The columns that there are, and what all CPUs are together in each. */
static size_t add_up(const struct json_object *summary,
		     const struct summary_column *ret[SUMMARY_COLUMNS_MAX],
		     struct number ret_total[SUMMARY_COLUMNS_MAX])
{
	struct report_array a = report_array(summary, "cpus");
	struct number total[ARRAY_SIZE(columns)] = { 0 };
	const struct json_object *cpu;
	size_t n = 0;

	while ((cpu = report_next_obj(&a)))
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			add_number(cpu, &columns[i], &total[i]);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!total[i].n || (columns[i].of_scheduler && total[i].max <= 0))
			continue;
		ret_total[n] = total[i];
		ret[n++] = &columns[i];
	}
	return n;
}

size_t report_summary_columns(const struct json_object *summary,
			      const struct summary_column *ret[SUMMARY_COLUMNS_MAX])
{
	struct number total[SUMMARY_COLUMNS_MAX];

	return add_up(summary, ret, total);
}

bool report_summary_cell(const struct json_object *cpu, const struct summary_column *c,
			 char text[SUMMARY_CELL_MAX])
{
	struct number n = { 0 };

	add_number(cpu, c, &n);
	format(&n, c->kind, text);
	return n.n;
}

/* --- as text ------------------------------------------------------------------ */

struct table {
	FILE *out;
	const struct json_object *summary;
	const struct summary_column *column[SUMMARY_COLUMNS_MAX];
	struct number total[SUMMARY_COLUMNS_MAX];
	int width[SUMMARY_COLUMNS_MAX];
	size_t columns, rows, shown;
};

static void measure(struct table *t)
{
	struct report_array a = report_array(t->summary, "cpus");
	const struct json_object *cpu;
	char text[SUMMARY_CELL_MAX];

	for (size_t c = 0; c < t->columns; c++) {
		format(&t->total[c], t->column[c]->kind, text);
		t->width[c] = (int)MAX(strlen(t->column[c]->title), strlen(text));
	}
	for (size_t i = 0; i < t->shown && (cpu = report_next_obj(&a)); i++)
		for (size_t c = 0; c < t->columns; c++) {
			report_summary_cell(cpu, t->column[c], text);
			t->width[c] = MAX(t->width[c], (int)strlen(text));
		}
}

static void put_rows(const struct table *t)
{
	struct report_array a = report_array(t->summary, "cpus");
	const struct json_object *cpu;
	char text[SUMMARY_CELL_MAX];
	double id;

	for (size_t i = 0; i < t->shown && (cpu = report_next_obj(&a)); i++) {
		fprintf(t->out, "    %4.0f", report_num(cpu, "cpu", &id) ? id : (double)i);
		for (size_t c = 0; c < t->columns; c++) {
			report_summary_cell(cpu, t->column[c], text);
			fprintf(t->out, "  %*s", t->width[c], text);
		}
		fputc('\n', t->out);
	}
}

static void put_total(const struct table *t)
{
	char text[SUMMARY_CELL_MAX];

	if (t->rows < 2)
		return;
	fputs("     all", t->out);
	for (size_t c = 0; c < t->columns; c++) {
		format(&t->total[c], t->column[c]->kind, text);
		fprintf(t->out, "  %*s", t->width[c], text);
	}
	fputc('\n', t->out);
}

void report_summary_text(FILE *out, const struct json_object *record, bool all)
{
	const struct json_object *monitor = report_obj(record, "monitor");
	struct table t = { .out = out, .summary = report_obj(monitor, "summary") };
	double samples;

	t.rows = report_count_obj(t.summary, "cpus");
	t.shown = all ? t.rows : MIN(t.rows, (size_t)ROWS_BRIEF);
	t.columns = add_up(t.summary, t.column, t.total);
	if (!t.columns)
		return;
	measure(&t);
	fputs("CPUs, average / most", out);
	if (report_num(monitor, "samples", &samples))
		fprintf(out, " of %.0f samples", samples);
	fputs(":\n     cpu", out);
	for (size_t c = 0; c < t.columns; c++)
		fprintf(out, "  %*s", t.width[c], t.column[c]->title);
	fputc('\n', out);
	put_rows(&t);
	if (t.shown < t.rows)
		fprintf(out, "     ... and %zu more, all of them with -v\n", t.rows - t.shown);
	put_total(&t);
}
