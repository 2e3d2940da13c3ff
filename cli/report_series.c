/* SPDX-License-Identifier: GPL-2.0-only */
/* The monitor's series as numbers. */
#include "cli/report_series.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "cli/report_get.h"

static const struct json_object *array_of(const struct json_object *o, const char *key,
					  size_t max, size_t *ret_count)
{
	struct report_array a = report_array(o, key);

	*ret_count = a.array ? MIN(json_object_array_length(a.array), max) : 0;
	return a.array;
}

static double number(const struct json_object *v)
{
	double d;

	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		return NAN;
	d = json_object_get_double(v);
	/* no count and no time is larger; sums of it stay finite */
	return isfinite(d) && fabs(d) < 1e18 ? d : NAN;
}

/* Times that do not ascend end the series: a picture of them would tell lies. */
static size_t read_times(const struct json_object *array, double *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		t[i] = number(json_object_array_get_idx(array, i));
		if (isnan(t[i]) || (i && t[i] <= t[i - 1]))
			return i;
	}
	return count;
}

bool series_init(struct series *s, const struct json_object *record)
{
	const struct json_object *o = report_obj(report_obj(record, "monitor"), "series");
	const struct json_object *times;
	size_t n;

	*s = (struct series){ 0 };
	times = array_of(o, "t_ms", SERIES_TIMES_MAX, &n);
	s->cpus = array_of(o, "cpus", SERIES_CPUS_MAX, &s->count);
	s->tasks = report_array(o, "tasks").array;
	s->events = report_obj(o, "events");
	if (!n || !s->count)
		return true;
	s->t_ms = calloc(n, sizeof(*s->t_ms));
	if (!s->t_ms)
		return false;
	s->times = read_times(times, s->t_ms, n);
	return true;
}

void series_fini(struct series *s)
{
	free(s->t_ms);
	*s = (struct series){ 0 };
}

double series_cpu_id(const struct series *s, size_t cpu)
{
	const struct json_object *o = json_object_array_get_idx(s->cpus, cpu);
	double id;

	return report_num(o, "cpu", &id) ? id : (double)cpu;
}

/* The values behind a counter are what it has more than "from". */
static bool read_values(const struct series *s, const struct json_object *array, double *out)
{
	bool any = false;

	for (size_t i = 0; i < s->times; i++) {
		out[i] = number(json_object_array_get_idx(array, i));
		any |= !isnan(out[i]);
	}
	return any;
}

bool series_field(const struct series *s, size_t cpu, const char *field, double *out)
{
	const struct json_object *o = json_object_array_get_idx(s->cpus, cpu);
	struct report_array plain = report_array(o, field);
	double always;

	if (!plain.array)
		plain = report_array(report_obj(o, field), "plus");
	if (plain.array)
		return read_values(s, plain.array, out);
	if (!report_num(o, field, &always))
		always = NAN;
	for (size_t i = 0; i < s->times; i++)
		out[i] = always;
	return !isnan(always);
}

bool series_has(const struct series *s, const char *field)
{
	double *v = calloc(s->times ? s->times : 1, sizeof(*v));
	bool any = false;

	for (size_t cpu = 0; v && cpu < s->count && !any; cpu++) {
		bool known = series_field(s, cpu, field, v);

		for (size_t i = 0; i < s->times && known && !any; i++)
			any = v[i] > 0;
	}
	free(v);
	return any;
}

const char *series_task(const struct series *s, double i, double *ret_pid)
{
	const struct json_object *o;

	if (!s->tasks || !(i >= 0) || i >= (double)json_object_array_length(s->tasks))
		return NULL;
	o = json_object_array_get_idx(s->tasks, (size_t)i);
	if (!report_num(o, "pid", ret_pid))
		*ret_pid = NAN;
	return report_str(o, "comm");
}

double series_end_ms(const struct series *s, size_t i)
{
	if (i + 1 < s->times)
		return s->t_ms[i + 1];
	return s->t_ms[i] + (i ? s->t_ms[i] - s->t_ms[i - 1] : 1);
}

bool series_event(const struct series *s, const char *name, double *out)
{
	const struct report_array a = report_array(s->events, name);

	return a.array && read_values(s, a.array, out);
}

/* --- the rest of the run on the same axis ---------------------------------------- */

bool series_axis_ms(const struct json_object *record, double run_ms, double *ret)
{
	double ready;

	if (!report_num(report_obj(record, "monitor"), "ready_ms", &ready))
		return false;
	*ret = run_ms - ready;
	return true;
}

/* When the tests began, counted from the run's beginning: behind these. */
static double tests_begin(const struct json_object *phases)
{
	static const char *const before[] = { "setup", "boot", "init" };
	double sum = 0, ms;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		sum += report_num(phases, before[i], &ms) ? ms : 0;
	return sum;
}

size_t series_phases(const struct json_object *record, struct series_phase out[SERIES_PHASES_MAX])
{
	static const char *const names[] = { "test", "poweroff" };
	const struct json_object *phases = report_obj(record, "phases_ms");
	double at, ms;
	size_t n = 0;

	/* an older record: the little that PID 1 does before the tests is left out */
	if (!series_axis_ms(record, tests_begin(phases), &at) || at < 0)
		at = 0;
	if (at > 0)
		out[n++] = (struct series_phase){ "init", 0, at };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!report_num(phases, names[i], &ms) || ms <= 0)
			continue;
		out[n++] = (struct series_phase){ names[i], at, at + ms };
		at += ms;
	}
	return n;
}

bool series_next_exit(const struct json_object *record, size_t *at, struct series_exit *ret)
{
	struct report_array a = report_array(report_obj(record, "scheduler"), "kernel_exits");
	const struct json_object *o;
	double t;

	a.at = *at;
	while ((o = report_next_obj(&a))) {
		const char *part[] = { report_str(o, "ops"), report_str(o, "reason"),
				       report_str(o, "msg") };

		*at = a.at;
		if (!report_num(o, "t_ms", &t) || !series_axis_ms(record, t, &ret->t_ms) ||
		    ret->t_ms < 0)
			continue;
		if (asprintf(&ret->text, "%s: %s%s%s", part[0] ? part[0] : "scheduler",
			     part[1] ? part[1] : "it ended", part[2] ? ": " : "",
			     part[2] ? part[2] : "") < 0)
			return false;
		return true;
	}
	return false;
}
