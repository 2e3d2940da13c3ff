/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The monitor's series as a timeline that Perfetto opens: Trace Event Format
 * (JSON). One process for the guest, with a thread for each CPU, which has the task
 * that ran, and counters; one for the run, with its phases, findings and the ends of
 * schedulers. Samples are points: a task is drawn until the next sample, whatever ran
 * between.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "cli/report_series.h"

/*
 * Perfetto (json_trace_parser_impl.cc) takes the thread that has its process's number
 * for the one of an event without any, and gives a name to whichever had the number
 * last: so all numbers differ. CPU 0 of the guest is FIRST_CPU.
 */
enum { RUN = 1, GUEST = 2, FIRST_CPU = 3 };

/* More than thirty years, and than any CPU; a record of a stranger may have any number. */
#define MS_MAX 1e12
#define CPU_MAX 1e6

/* In whole microseconds, which a record has: fractions of stretches would overlap. */
static int64_t us(double ms)
{
	return (int64_t)(MAX(MIN(ms, MS_MAX), 0.) * 1000 + 0.5);
}

static struct json_object *event(struct json_object *events, const char *phase, const char *name,
				 double ms, int pid)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ph", json_object_new_string(phase));
	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "ts", json_object_new_int64(us(ms)));
	json_object_object_add(o, "pid", json_object_new_int(pid));
	json_object_array_add(events, o);
	return o;
}

static struct json_object *thread_event(struct json_object *events, const char *phase,
					const char *name, double ms, double cpu)
{
	struct json_object *o = event(events, phase, name, ms, GUEST);
	const int tid = (int)MIN(cpu, CPU_MAX) + FIRST_CPU;

	json_object_object_add(o, "tid", json_object_new_int(tid));
	return o;
}

/* Of what the event is about: a process, a thread. */
static void add_name(struct json_object *o, const char *name)
{
	struct json_object *args = json_object_new_object();

	json_object_object_add(args, "name", json_object_new_string(name));
	json_object_object_add(o, "args", args);
}

static void add_names(struct json_object *events, const struct series *s)
{
	struct json_object *phases;

	add_name(event(events, "M", "process_name", 0, RUN), "run");
	phases = event(events, "M", "thread_name", 0, RUN);
	json_object_object_add(phases, "tid", json_object_new_int(RUN));
	add_name(phases, "phases");
	add_name(event(events, "M", "process_name", 0, GUEST), "guest");
	for (size_t cpu = 0; cpu < s->count; cpu++) {
		char name[32];

		snprintf(name, sizeof(name), "CPU %.0f", series_cpu_id(s, cpu));
		add_name(thread_event(events, "M", "thread_name", 0, series_cpu_id(s, cpu)), name);
	}
}

static void add_tasks(struct json_object *events, const struct series *s, size_t cpu,
		      const double *v)
{
	for (size_t i = 0, end; i < s->times; i = end) {
		double pid;
		const char *name = series_task(s, v[i], &pid);
		struct json_object *o;

		for (end = i + 1; end < s->times && v[end] == v[i]; end++)
			;
		if (!name || pid == 0)
			continue;
		o = thread_event(events, "X", name, s->t_ms[i], series_cpu_id(s, cpu));
		json_object_object_add(o, "dur", json_object_new_int64(
			us(series_end_ms(s, end - 1)) - us(s->t_ms[i])));
	}
}

static void add_counter(struct json_object *events, const struct series *s, const char *name,
			const char *unit, const double *v)
{
	for (size_t i = 0; i < s->times; i++) {
		struct json_object *args;

		if (isnan(v[i]) || (i && v[i] == v[i - 1]))
			continue;
		args = json_object_new_object();
		json_object_object_add(args, unit, json_object_new_double(v[i]));
		json_object_object_add(event(events, "C", name, s->t_ms[i], GUEST), "args", args);
	}
}

static void add_cpu_counter(struct json_object *events, const struct series *s, size_t cpu,
			    const char *field, const double *v)
{
	char name[64];

	snprintf(name, sizeof(name), "%s CPU %.0f", field, series_cpu_id(s, cpu));
	add_counter(events, s, name, "tasks", v);
}

/* What sched_ext counted, all CPUs together. */
static void add_events(struct json_object *events, const struct series *s, double *v)
{
	if (!s->events)
		return;
	json_object_object_foreach(s->events, name, values) {
		(void)values;
		if (series_event(s, name, v))
			add_counter(events, s, name, "events", v);
	}
}

/* --- the run ------------------------------------------------------------------ */

static void add_phases(struct json_object *events, const struct json_object *record)
{
	struct series_phase p[SERIES_PHASES_MAX];
	const size_t n = series_phases(record, p);
	struct json_object *o;

	for (size_t i = 0; i < n; i++) {
		o = event(events, "X", p[i].name, p[i].from_ms, RUN);
		json_object_object_add(o, "tid", json_object_new_int(RUN));
		json_object_object_add(o, "dur", json_object_new_int64(us(p[i].to_ms) -
								       us(p[i].from_ms)));
	}
}

/* A mark across all tracks. */
static void add_mark(struct json_object *events, const char *text, double ms)
{
	json_object_object_add(event(events, "i", text, ms, RUN), "s",
			       json_object_new_string("g"));
}

static void add_findings(struct json_object *events, const struct json_object *o)
{
	struct report_array a = report_array(o, "findings");
	const struct json_object *f;
	double t;

	while ((f = report_next_obj(&a))) {
		const char *text = report_str(f, "text");

		if (report_num(f, "t_ms", &t))
			add_mark(events, text ? text : "finding", t);
	}
}

static void add_exits(struct json_object *events, const struct json_object *record)
{
	struct series_exit x;

	for (size_t at = 0; series_next_exit(record, &at, &x); free(x.text))
		add_mark(events, x.text, x.t_ms);
}

void report_trace(FILE *out, const struct json_object *record)
{
	static const char *const counters[] = { "nr_running", "local_dsq" };
	struct json_object *doc = json_object_new_object(), *events = json_object_new_array();
	struct series s;
	double *v;

	json_object_object_add(doc, "traceEvents", events);
	json_object_object_add(doc, "displayTimeUnit", json_object_new_string("ms"));
	series_init(&s, record);
	v = calloc(s.times ? s.times : 1, sizeof(*v));
	add_names(events, &s);
	for (size_t cpu = 0; v && cpu < s.count; cpu++) {
		if (series_field(&s, cpu, "curr", v))
			add_tasks(events, &s, cpu, v);
		for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
			if (series_field(&s, cpu, counters[i], v))
				add_cpu_counter(events, &s, cpu, counters[i], v);
	}
	if (v)
		add_events(events, &s, v);
	add_phases(events, record);
	add_exits(events, record);
	add_findings(events, record);
	add_findings(events, report_obj(record, "monitor"));
	report_json(out, doc);
	free(v);
	series_fini(&s);
	json_object_put(doc);
}
