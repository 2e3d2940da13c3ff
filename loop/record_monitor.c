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
	if (w->kernel_gpa)
		json_object_object_add(o, "confirmed", json_object_new_boolean(true));
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
	json_object_object_add(v, "avg", json_decimal(st.avg));
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
		json_object_object_add(v, "avg", json_decimal(avg));
		json_object_object_add(v, "max", json_decimal(max));
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

/* --- findings, all ------------------------------------------------------------ */

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
		json_object_object_add(o, "t_ms", json_decimal((double)f[i].since_ns / 1e6));
		json_object_object_add(o, "until_ms", json_decimal((double)f[i].until_ns / 1e6));
		json_object_object_add(o, "worst", json_decimal(f[i].worst));
		json_add_u64(o, "samples", f[i].samples);
		json_object_object_add(o, "enforced", json_object_new_boolean(f[i].enforced));
		json_object_array_add(a, o);
	}
	return a;
}

struct json_object *record_monitor(const struct watch *w, uint64_t since_ns)
{
	struct json_object *o, *bpf;

	if (!w->interval_ns)
		return NULL;
	o = json_object_new_object();
	json_object_object_add(o, "interval_ms", json_decimal((double)w->interval_ns / 1e6));
	if (w->start_ns > since_ns)
		json_add_ms(o, "ready_ms", w->start_ns - since_ns);
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
	json_object_object_add(o, "series", record_series(w));
	return o;
}
