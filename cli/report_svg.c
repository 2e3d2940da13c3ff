/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the monitor saw over time, as inline SVG: one panel below the other on
 * one axis, which begins when the guest was ready.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/report_get.h"
#include "cli/report_html.h"
#include "cli/report_series.h"

/* In units of the picture; the page scales it. */
#define WIDTH 1040.0
#define LEFT 64.0
#define RIGHT 24.0
#define TITLE_HEIGHT 22.0
#define LINE_HEIGHT 70.0
#define ROWS_HEIGHT 260.0	/* of many CPUs together; few get more each */
#define ROW_MAX 16.0
#define GAP 10.0
#define TICKS 8
#define EVENTS_MAX 32
#define NAME_WIDTH 52.0		/* of the longest name of a phase */

struct svg {
	FILE *out;
	const struct series *s;
	const struct json_object *record;
	double *value;		/* of one CPU, times */
	double end_ms;		/* right end of the axis */
	double y;		/* where the next panel begins */
};

static double x_of(const struct svg *v, double ms)
{
	return LEFT + ms / v->end_ms * (WIDTH - LEFT - RIGHT);
}

static double row_height(const struct svg *v)
{
	double h = ROWS_HEIGHT / (double)v->s->count;

	return MIN(h, ROW_MAX);
}

static void put_title(struct svg *v, const char *title, double max)
{
	fprintf(v->out, "<text x=\"0\" y=\"%.1f\">%s", v->y + 14, title);
	if (max > 0)
		fprintf(v->out, "<tspan class=\"dim\"> (0 to %.4g)</tspan>", max);
	fputs("</text>\n", v->out);
	v->y += TITLE_HEIGHT;
}

/* CPU numbers down the side, as many as there is room for. */
static void put_cpu_names(const struct svg *v, double height)
{
	size_t step = 1;

	while (height * (double)step < 11)
		step *= 2;
	for (size_t i = 0; i < v->s->count; i += step)
		fprintf(v->out, "<text class=\"dim\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">"
			"%.0f</text>\n", LEFT - 6, v->y + height * ((double)i + 0.5) + 4,
			series_cpu_id(v->s, i));
}

/* --- heat map --------------------------------------------------------------- */

static double largest(struct svg *v, const char *field)
{
	double max = 0;

	for (size_t cpu = 0; cpu < v->s->count; cpu++) {
		if (!series_field(v->s, cpu, field, v->value))
			continue;
		for (size_t i = 0; i < v->s->times; i++)
			if (v->value[i] > max)
				max = v->value[i];
	}
	return max;
}

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* Neighbours of one value are one rectangle. */
static void put_heat_row(const struct svg *v, size_t cpu, double height, double max)
{
	double y = v->y + height * (double)cpu;

	for (size_t i = 0, end; i < v->s->times; i = end) {
		double x = x_of(v, v->s->t_ms[i]), to;

		for (end = i + 1; end < v->s->times && same(v->value[end], v->value[i]); end++)
			;
		to = x_of(v, series_end_ms(v->s, end - 1));
		if (isnan(v->value[i]) || v->value[i] <= 0)
			continue;
		fprintf(v->out, "<rect class=\"cell\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%.1f\" opacity=\"%.2f\"><title>CPU %.0f, %.0f to %.0f ms: %.4g"
			"</title></rect>\n", x, y, to - x, height > 4 ? height - 1 : height,
			0.15 + 0.85 * v->value[i] / max, series_cpu_id(v->s, cpu),
			v->s->t_ms[i], series_end_ms(v->s, end - 1), v->value[i]);
	}
}

static void put_frame(const struct svg *v, double height)
{
	fprintf(v->out, "<rect class=\"axis\" fill=\"none\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		"height=\"%.1f\"/>\n", LEFT, v->y, WIDTH - LEFT - RIGHT, height);
}

static void put_heat(struct svg *v, const char *field, const char *title)
{
	double max = largest(v, field), height = row_height(v);

	if (max <= 0)
		return;
	put_title(v, title, max);
	put_cpu_names(v, height);
	for (size_t cpu = 0; cpu < v->s->count; cpu++)
		if (series_field(v->s, cpu, field, v->value))
			put_heat_row(v, cpu, height, max);
	put_frame(v, height * (double)v->s->count);
	v->y += height * (double)v->s->count + GAP;
}

/* --- who ran ------------------------------------------------------------------ */

/* Neighbours in the list of tasks get colours that are far apart. */
static unsigned hue(double task)
{
	return (unsigned)task * 137 % 360;
}

static void put_task_row(const struct svg *v, size_t cpu, double height)
{
	for (size_t i = 0, end; i < v->s->times; i = end) {
		double x = x_of(v, v->s->t_ms[i]), to, pid;
		const char *name = series_task(v->s, v->value[i], &pid);

		for (end = i + 1; end < v->s->times && same(v->value[end], v->value[i]); end++)
			;
		to = x_of(v, series_end_ms(v->s, end - 1));
		/* the idle tasks have pid 0 */
		if (!name || pid == 0)
			continue;
		fprintf(v->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
			"fill=\"hsl(%u 60%% 55%%)\"><title>CPU %.0f, %.0f to %.0f ms: ", x,
			v->y + height * (double)cpu, to - x, height > 4 ? height - 1 : height,
			hue(v->value[i]), series_cpu_id(v->s, cpu), v->s->t_ms[i],
			series_end_ms(v->s, end - 1));
		report_put_xml(v->out, name);
		fprintf(v->out, " (%.0f)</title></rect>\n", pid);
	}
}

static void put_tasks(struct svg *v)
{
	double height = row_height(v);

	if (!v->s->tasks || !series_has(v->s, "curr"))
		return;
	put_title(v, "running task, a colour each", 0);
	put_cpu_names(v, height);
	for (size_t cpu = 0; cpu < v->s->count; cpu++)
		if (series_field(v->s, cpu, "curr", v->value))
			put_task_row(v, cpu, height);
	put_frame(v, height * (double)v->s->count);
	v->y += height * (double)v->s->count + GAP;
}

/* --- curves ------------------------------------------------------------------- */

static void put_line(struct svg *v, const char *title, const double *y)
{
	double max = 0;

	for (size_t i = 0; i < v->s->times; i++)
		max = MAX(max, y[i]);
	if (max <= 0)
		return;
	put_title(v, title, max);
	fputs("<polyline class=\"curve\" points=\"", v->out);
	for (size_t i = 0; i < v->s->times; i++)
		fprintf(v->out, "%.1f,%.1f ", x_of(v, v->s->t_ms[i]),
			v->y + LINE_HEIGHT * (1 - y[i] / max));
	fputs("\"/>\n", v->out);
	put_frame(v, LINE_HEIGHT);
	v->y += LINE_HEIGHT + GAP;
}

/* Over all CPUs: the sum, or of a counter what was added since the sample before. */
static void put_curve(struct svg *v, const char *field, const char *title, bool is_counter,
		      double unit)
{
	double *sum = calloc(v->s->times, sizeof(*sum));

	for (size_t cpu = 0; sum && cpu < v->s->count; cpu++) {
		if (!series_field(v->s, cpu, field, v->value))
			continue;
		for (size_t i = 0; i < v->s->times; i++) {
			double d = is_counter ? i ? v->value[i] - v->value[i - 1] : 0 : v->value[i];

			sum[i] += d > 0 ? d / unit : 0;
		}
	}
	if (sum)
		put_line(v, title, sum);
	free(sum);
}

/* What sched_ext counted, one below the other; a record of a stranger may have any number. */
static void put_events(struct svg *v)
{
	double *added = calloc(v->s->times, sizeof(*added));
	unsigned left = EVENTS_MAX;

	if (!added || !v->s->events) {
		free(added);
		return;
	}
	json_object_object_foreach(v->s->events, name, values) {
		_cleanup_free_ char *title = NULL;
		size_t n = 0;
		FILE *f;

		(void)values;
		if (!left || !series_event(v->s, name, v->value) ||
		    !(f = open_memstream(&title, &n)))
			continue;
		left--;
		report_put_xml(f, name);
		fputs(" between samples", f);
		fclose(f);
		for (size_t i = 1; i < v->s->times; i++)
			added[i] = MAX(v->value[i] - v->value[i - 1], 0.);
		put_line(v, title, added);
	}
	free(added);
}

/* --- axis, phases, findings ---------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that there are at most TICKS of them. */
static double tick_step(double range)
{
	static const double factors[] = { 2, 2.5, 2 };
	double step = 0.001;

	for (size_t i = 0; range / step > TICKS; i++)
		step *= factors[i % ARRAY_SIZE(factors)];
	return step;
}

static void put_axis(struct svg *v)
{
	const double step = tick_step(v->end_ms), unit = step >= 1000 ? 1000 : 1;

	for (double t = 0; t <= v->end_ms; t += step)
		fprintf(v->out, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"dim\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.10g"
			"</text>\n", x_of(v, t), x_of(v, t), v->y, v->y + 4, x_of(v, t), v->y + 16,
			t / unit);
	fprintf(v->out, "<text class=\"dim\" x=\"0\" y=\"%.1f\">%s</text>\n", v->y + 16,
		unit > 1 ? "s" : "ms");
	v->y += 22;
}

static void put_phases(struct svg *v)
{
	struct series_phase p[SERIES_PHASES_MAX];
	const size_t n = series_phases(v->record, p);

	for (size_t i = 0; i < n && p[i].from_ms < v->end_ms; i++) {
		const double from = x_of(v, p[i].from_ms);
		const double width = x_of(v, MIN(p[i].to_ms, v->end_ms)) - from;

		fprintf(v->out, "<rect class=\"cell\" opacity=\"%s\" x=\"%.1f\" y=\"%.1f\" "
			"width=\"%.1f\" height=\"14\"><title>%s: to %.1f ms</title></rect>\n",
			i % 2 ? "0.35" : "0.18", from, v->y, width, p[i].name, p[i].to_ms);
		if (width > NAME_WIDTH)
			fprintf(v->out, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", from + 4,
				v->y + 11, p[i].name);
	}
	fprintf(v->out, "<text class=\"dim\" x=\"0\" y=\"%.1f\">phase</text>\n", v->y + 11);
	v->y += 14 + GAP;
}

static void put_mark(const struct svg *v, double t, const char *kind, const char *text)
{
	fprintf(v->out, "<path d=\"M%.1f %.1fl5 9h-10z\" fill=\"var(--fail)\"><title>%.0f ms: ",
		x_of(v, t), v->y, t);
	report_put_xml(v->out, kind);
	fputs(": ", v->out);
	report_put_xml(v->out, text);
	fputs("</title></path>\n", v->out);
}

static void end_marks(struct svg *v, const char *name)
{
	fprintf(v->out, "<text class=\"dim\" x=\"0\" y=\"%.1f\">%s</text>\n", v->y + 10, name);
	v->y += 12 + GAP;
}

/* A mark for each finding that says when it was. */
static void put_findings(struct svg *v)
{
	const struct json_object *from[] = { v->record, report_obj(v->record, "monitor") };
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		struct report_array a = report_array(from[i], "findings");
		const struct json_object *f;
		double t;

		while ((f = report_next_obj(&a))) {
			const char *kind = report_str(f, "kind"), *text = report_str(f, "text");

			if (!report_num(f, "t_ms", &t) || t > v->end_ms)
				continue;
			any = true;
			put_mark(v, t, kind ? kind : "", text ? text : "");
		}
	}
	if (any)
		end_marks(v, "findings");
}

/* And one where the kernel let go of a scheduler. */
static void put_exits(struct svg *v)
{
	struct series_exit x;
	bool any = false;

	for (size_t at = 0; series_next_exit(v->record, &at, &x); free(x.text)) {
		if (x.t_ms > v->end_ms)
			continue;
		any = true;
		put_mark(v, x.t_ms, "end of scheduler", x.text);
	}
	if (any)
		end_marks(v, "exits");
}

/* The height is known at the end, but stands in front: the panels go to memory first. */
void report_svg(FILE *out, const struct json_object *record, const struct series *s)
{
	_cleanup_free_ char *panels = NULL;
	size_t n = 0;
	struct svg v = {
		.out = open_memstream(&panels, &n), .s = s, .record = record,
		.value = calloc(s->times, sizeof(*v.value)),
		.end_ms = series_end_ms(s, s->times - 1),
	};

	if (v.out && v.value && v.end_ms > 0) {
		put_phases(&v);
		put_exits(&v);
		put_findings(&v);
		put_heat(&v, "nr_running", "runqueue depth by CPU");
		put_heat(&v, "scx_nr_running", "tasks of sched_ext by CPU");
		put_heat(&v, "local_dsq", "local DSQ depth by CPU");
		put_tasks(&v);
		put_curve(&v, "nr_running", "running, all CPUs", false, 1);
		put_curve(&v, "nr_switches", "switches between samples, all CPUs", true, 1);
		put_curve(&v, "host_run_delay_ns",
			  "ms that vCPUs waited for the host, between samples", true, 1e6);
		put_events(&v);
		put_axis(&v);
	}
	if (v.out)
		fclose(v.out);
	if (panels && v.y > 0)
		fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" xmlns=\"http://www.w3.org/2000/svg\">\n"
			"%s</svg>\n", WIDTH, v.y, panels);
	free(v.value);
}
