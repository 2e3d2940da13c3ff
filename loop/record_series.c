/* SPDX-License-Identifier: GPL-2.0-only */
/* The record's series: samples over time, column by column. Bounded. */
#include <json-c/json.h>
#include <string.h>

#include "base/util.h"
#include "loop/json.h"
#include "loop/watch.h"
#include "monitor/monitor.h"
#include "monitor/sample.h"
#include "monitor/series.h"

/* Numbers in it, all CPUs and columns together. */
#define SERIES_VALUES_MAX 16384
#define SERIES_TASKS_MAX 256

/* What a picture over time is made of; the rest is in the summary. */
static const enum sample_field columns[] = {
	SAMPLE_NR_RUNNING, SAMPLE_SCX_NR_RUNNING, SAMPLE_LOCAL_DSQ, SAMPLE_CLOCK,
	SAMPLE_NR_SWITCHES, SAMPLE_RUN_DELAY, SAMPLE_PCOUNT, SAMPLE_HOST_CPU,
	SAMPLE_HOST_RUN_DELAY,
};

struct tasks {
	struct json_object *array;
	struct task {
		int32_t pid;
		char comm[SAMPLE_COMM_MAX];
	} task[SERIES_TASKS_MAX];
	int count;
};

/* The place in the list of tasks; -1: not read, or the list is full. */
static int task_number(struct tasks *t, const struct sample_cpu *c)
{
	struct json_object *o;

	if (c->curr_pid < 0)
		return -1;
	for (int i = 0; i < t->count; i++)
		if (t->task[i].pid == c->curr_pid && !strcmp(t->task[i].comm, c->curr_comm))
			return i;
	if (t->count == SERIES_TASKS_MAX)
		return -1;
	t->task[t->count].pid = c->curr_pid;
	memcpy(t->task[t->count].comm, c->curr_comm, SAMPLE_COMM_MAX);
	o = json_object_new_object();
	json_object_object_add(o, "pid", json_object_new_int(c->curr_pid));
	json_object_object_add(o, "comm", json_object_new_string(c->curr_comm));
	json_object_array_add(t->array, o);
	return t->count++;
}

/* Values, or of a counter what was added since its first; null where it was not read. */
static struct json_object *values(const struct series *s, size_t step, unsigned cpu,
				  enum sample_field f)
{
	const uint64_t from = sample_field_is_counter(f) ? series_stat(s, cpu, f).first : 0;
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < series_count(s); i += step) {
		const struct sample_cpu *c = &series_get(s, i)->cpu[cpu];

		/* a counter that restarted lies below its first value: negative */
		json_object_array_add(a, c->have & 1u << f ?
				      json_object_new_int64((int64_t)(c->value[f] - from)) : NULL);
	}
	return a;
}

static struct json_object *column(const struct series *s, size_t step, unsigned cpu,
				  enum sample_field f)
{
	const struct series_stat st = series_stat(s, cpu, f);
	struct json_object *o;

	/* one number for a column of it: most of sched_ext's while no scheduler is attached */
	if (!sample_field_is_counter(f))
		return st.max ? values(s, step, cpu, f) : json_object_new_int(0);
	o = json_object_new_object();
	json_add_u64(o, "from", st.first);
	json_object_object_add(o, "plus", values(s, step, cpu, f));
	return o;
}

static struct json_object *cpu_series(const struct series *s, size_t step, unsigned cpu,
				      struct tasks *t)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();

	json_add_u64(o, "cpu", cpu);
	for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
		if (series_stat(s, cpu, columns[k]).n)
			json_object_object_add(o, sample_field_name(columns[k]),
					       column(s, step, cpu, columns[k]));
	for (size_t i = 0; i < series_count(s); i += step)
		json_object_array_add(a, json_object_new_int(
				task_number(t, &series_get(s, i)->cpu[cpu])));
	json_object_object_add(o, "curr", a);
	return o;
}

/* Did it happen at all? */
static bool has_event(const struct series *s, unsigned event)
{
	return series_count(s) && series_get(s, series_count(s) - 1)->event[event];
}

/* Of all CPUs together, as counted since the first sample. */
static void add_event_series(struct json_object *o, const struct watch *w, size_t step)
{
	struct json_object *e = json_object_new_object();

	for (unsigned i = 0; i < sampler_events(w->sampler); i++) {
		struct json_object *a;

		if (!has_event(w->series, i))
			continue;
		a = json_object_new_array();
		for (size_t k = 0; k < series_count(w->series); k += step)
			json_object_array_add(a, json_object_new_uint64(
						series_get(w->series, k)->event[i]));
		json_object_object_add(e, sampler_event_name(w->sampler, i), a);
	}
	if (json_object_object_length(e))
		json_object_object_add(o, "events", e);
	else
		json_object_put(e);
}

/* Numbers that the record has of one sample. */
static size_t numbers(const struct watch *w)
{
	size_t n = monitor_cpus(w->monitor) * (ARRAY_SIZE(columns) + 1);

	for (unsigned i = 0; i < sampler_events(w->sampler); i++)
		n += has_event(w->series, i);
	return n;
}

struct json_object *record_series(const struct watch *w)
{
	const struct series *s = w->series;
	const unsigned cpus = monitor_cpus(w->monitor);
	const size_t room = MAX(SERIES_VALUES_MAX / numbers(w), (size_t)2);
	const size_t step = (series_count(s) + room - 1) / room;
	struct json_object *o = json_object_new_object(), *t = json_object_new_array();
	struct json_object *a = json_object_new_array();
	struct tasks tasks = { .array = json_object_new_array() };

	json_add_u64(o, "one_of", series_stride(s) * MAX(step, (size_t)1));
	for (size_t i = 0; step && i < series_count(s); i += step)
		json_object_array_add(t, json_decimal((double)series_get(s, i)->t_ns / 1e6));
	json_object_object_add(o, "t_ms", t);
	for (unsigned cpu = 0; step && cpu < cpus; cpu++)
		json_object_array_add(a, cpu_series(s, step, cpu, &tasks));
	json_object_object_add(o, "cpus", a);
	json_object_object_add(o, "tasks", tasks.array);
	if (step)
		add_event_series(o, w, step);
	return o;
}
