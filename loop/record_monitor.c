/* SPDX-License-Identifier: GPL-2.0-only */
/* What was watched, to JSON; doc/monitor.md describes it. Bounded. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "loop/json.h"
#include "loop/watch.h"
#include "monitor/kbpf_seen.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/sample.h"
#include "monitor/sched_ext.h"
#include "monitor/series.h"

/* Numbers in the record's series, all CPUs and columns together. */
#define SERIES_VALUES_MAX 16384
#define SERIES_TASKS_MAX 256

/* With three digits behind the point, written as such. */
static struct json_object *decimal(double v)
{
	char text[40];

	snprintf(text, sizeof(text), "%.3f", v);
	return json_object_new_double_s(v, text);
}

/* --- what there is ----------------------------------------------------------- */

static void on_available(const char *what, void *arg)
{
	json_object_array_add(arg, json_object_new_string(what));
}

static void on_absent(const char *what, const char *why, void *arg)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "what", what);
	json_add_str(o, "why", why);
	json_object_array_add(arg, o);
}

static void add_presence(struct json_object *o, const struct watch *w)
{
	struct json_object *available = json_object_new_array(), *absent = json_object_new_array();

	json_object_object_add(o, "available", available);
	json_object_object_add(o, "absent", absent);
	if (!w->series) {
		on_absent("everything", err_text(&w->why), absent);
		return;
	}
	sampler_available(w->sampler, on_available, available);
	sampler_absent(w->sampler, on_absent, absent);
	sched_ext_available(w->sched_ext, on_available, available);
	sched_ext_absent(w->sched_ext, on_absent, absent);
	if (kbpf_seen_none(w->bpf))
		on_absent("bpf", kbpf_seen_none(w->bpf), absent);
	else
		on_available("bpf", available);
	if (kbpf_seen_uncounted(w->bpf))
		on_absent("bpf_runs", kbpf_seen_uncounted(w->bpf), absent);
	else
		on_available("bpf_runs", available);
	if (series_stat(w->series, 0, SAMPLE_HOST_CPU).n) {
		on_available(sample_field_name(SAMPLE_HOST_CPU), available);
		on_available(sample_field_name(SAMPLE_HOST_RUN_DELAY), available);
		return;
	}
	on_absent(sample_field_name(SAMPLE_HOST_CPU), "/proc/self/task/TID/schedstat is not there "
		  "or empty on the host (CONFIG_SCHED_INFO)", absent);
	on_absent(sample_field_name(SAMPLE_HOST_RUN_DELAY), "as host_cpu_ns", absent);
}

static struct json_object *kernel(const struct watch *w)
{
	const struct kindex *k = monitor_index(w->monitor);
	const struct monitor_map *map = monitor_map(w->monitor);
	struct json_object *o = json_object_new_object();
	char id[2 * KINDEX_BUILD_ID_MAX + 1] = "";
	size_t n;
	const uint8_t *build_id = kindex_build_id(k, &n);

	for (size_t i = 0; i < n; i++)
		snprintf(id + 2 * i, 3, "%02x", build_id[i]);
	json_add_str(o, "source", w->told.done ? "guest" : "file");
	if (*id)
		json_add_str(o, "build_id", id);
	json_add_u64(o, "symbols", kindex_symbols(k));
	json_add_hex(o, "kaslr_slide", map->slide);
	json_add_hex(o, "text_gpa", map->text_gpa);
	if (map->direct_kva)
		json_add_hex(o, "direct_map", map->direct_kva);
	return o;
}

/* --- summary ----------------------------------------------------------------- */

static void add_field(struct json_object *o, const struct series *s, unsigned cpu,
		      enum sample_field f)
{
	const struct series_stat st = series_stat(s, cpu, f);
	struct json_object *v;

	if (!st.n)
		return;
	if (sample_field_is_counter(f)) {
		json_add_u64(o, sample_field_name(f), st.grown);
		return;
	}
	v = json_object_new_object();
	json_object_object_add(v, "avg", decimal(st.avg));
	json_add_u64(v, "max", st.max);
	json_object_object_add(o, sample_field_name(f), v);
}

static bool is_counter_of_domain(const char *name)
{
	return strstr(name, "_count") || strncmp(name, "lb_", 3) == 0 ||
	       strncmp(name, "alb_", 4) == 0 || strncmp(name, "sb", 2) == 0 ||
	       strncmp(name, "ttwu_", 5) == 0 || !strcmp(name, "newidle_call") ||
	       !strcmp(name, "newidle_success");
}

/* Numbers as they are, counters as they grew; counters that did not are left out. */
static struct json_object *domain(const struct watch *w, const struct sample_domain *last,
				  const struct sample_domain *first)
{
	struct json_object *o = json_object_new_object();

	if (*last->name)
		json_add_str(o, "name", last->name);
	for (unsigned i = 0; i < sampler_domain_fields(w->sampler); i++) {
		const char *name = sampler_domain_field(w->sampler, i);
		uint64_t v = last->value[i];

		if (is_counter_of_domain(name)) {
			if (first && v >= first->value[i])
				v -= first->value[i];
			if (!v)
				continue;
		}
		json_add_u64(o, name, v);
	}
	return o;
}

static void add_domains(struct json_object *o, const struct watch *w, unsigned cpu)
{
	unsigned n;
	const struct sample_domain *d = sampler_domains(w->sampler, cpu, &n);
	const struct sample_domain *first = w->first ?
		&w->first[cpu * SAMPLE_DOMAINS_MAX] : NULL;
	struct json_object *a;

	if (!n)
		return;
	a = json_object_new_array();
	for (unsigned i = 0; i < n; i++)
		json_object_array_add(a, domain(w, &d[i], first ? &first[i] : NULL));
	json_object_object_add(o, "domains", a);
}

/* Of the CPUs from ... to - 1 together. */
static void add_events(struct json_object *o, const struct watch *w, unsigned from, unsigned to)
{
	struct json_object *e;

	if (!sampler_events(w->sampler))
		return;
	e = json_object_new_object();
	for (unsigned i = 0; i < sampler_events(w->sampler); i++) {
		uint64_t sum = 0;

		for (unsigned cpu = from; cpu < to; cpu++)
			sum += sampler_event(w->sampler, cpu, i);
		json_add_u64(e, sampler_event_name(w->sampler, i), sum);
	}
	json_object_object_add(o, "events", e);
}

static struct json_object *summary(const struct watch *w)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array(), *v;
	unsigned cpus = monitor_cpus(w->monitor);
	double avg, max;

	if (series_imbalance(w->series, &avg, &max)) {
		v = json_object_new_object();
		json_object_object_add(v, "avg", decimal(avg));
		json_object_object_add(v, "max", decimal(max));
		json_object_object_add(o, "imbalance", v);
	}
	add_events(o, w, 0, cpus);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		v = json_object_new_object();
		json_add_u64(v, "cpu", cpu);
		for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
			add_field(v, w->series, cpu, (enum sample_field)f);
		add_events(v, w, cpu, cpu + 1);
		add_domains(v, w, cpu);
		json_object_array_add(a, v);
	}
	json_object_object_add(o, "cpus", a);
	return o;
}

/* --- series ------------------------------------------------------------------ */

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

static struct json_object *series(const struct watch *w)
{
	const struct series *s = w->series;
	const unsigned cpus = monitor_cpus(w->monitor);
	const size_t room = MAX(SERIES_VALUES_MAX / (cpus * (ARRAY_SIZE(columns) + 1)),
				(size_t)2);
	const size_t step = (series_count(s) + room - 1) / room;
	struct json_object *o = json_object_new_object(), *t = json_object_new_array();
	struct json_object *a = json_object_new_array();
	struct tasks tasks = { .array = json_object_new_array() };

	json_add_u64(o, "one_of", series_stride(s) * MAX(step, (size_t)1));
	for (size_t i = 0; step && i < series_count(s); i += step)
		json_object_array_add(t, decimal((double)series_get(s, i)->t_ns / 1e6));
	json_object_object_add(o, "t_ms", t);
	for (unsigned cpu = 0; step && cpu < cpus; cpu++)
		json_object_array_add(a, cpu_series(s, step, cpu, &tasks));
	json_object_object_add(o, "cpus", a);
	json_object_object_add(o, "tasks", tasks.array);
	return o;
}

static struct json_object *findings(const struct watch *w)
{
	struct json_object *a = json_object_new_array();
	const struct rule_finding *f = NULL;
	uint64_t dropped = 0;
	size_t n = 0;

	if (w->rules)
		f = rules_findings(w->rules, &n, &dropped);
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		char text[RULE_TEXT_MAX];

		rule_finding_text(&f[i], text);
		json_add_str(o, "kind", rule_name(f[i].rule));
		json_add_str(o, "text", text);
		if (f[i].cpu >= 0)
			json_add_u64(o, "cpu", (uint64_t)f[i].cpu);
		json_object_object_add(o, "t_ms", decimal((double)f[i].since_ns / 1e6));
		json_object_object_add(o, "until_ms", decimal((double)f[i].until_ns / 1e6));
		json_object_object_add(o, "worst", decimal(f[i].worst));
		json_add_u64(o, "samples", f[i].samples);
		json_object_object_add(o, "enforced", json_object_new_boolean(f[i].enforced));
		json_object_array_add(a, o);
	}
	return a;
}

struct json_object *record_monitor(const struct watch *w)
{
	struct json_object *o, *bpf;

	if (!w->interval_ns)
		return NULL;
	o = json_object_new_object();
	json_object_object_add(o, "interval_ms", decimal((double)w->interval_ns / 1e6));
	json_add_u64(o, "samples", w->series ? series_total(w->series) : 0);
	json_add_u64(o, "late", w->late);
	add_presence(o, w);
	json_object_object_add(o, "findings", findings(w));
	if (!w->series)
		return o;
	json_object_object_add(o, "scheduler_samples", json_object_new_uint64(w->schedulers));
	json_object_object_add(o, "kernel", kernel(w));
	bpf = record_bpf(w->bpf);
	if (bpf)
		json_object_object_add(o, "bpf", bpf);
	json_object_object_add(o, "summary", summary(w));
	json_object_object_add(o, "series", series(w));
	return o;
}
