/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of what is sampled of each CPU, and the sampling. */
#include "monitor/sample.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/sample_private.h"

static const struct row {
	const char *name;
	const char *path;		/* in struct rq; NULL: the caller's */
	bool is_counter;
	bool is_schedstat;		/* counted while kernel.sched_schedstats is 1 */
} rows[] = {
	[SAMPLE_NR_RUNNING] = { "nr_running", "nr_running", false },
	[SAMPLE_CLOCK] = { "clock_ns", "clock", true },
	[SAMPLE_NR_SWITCHES] = { "nr_switches", "nr_switches", true },
	[SAMPLE_SCX_NR_RUNNING] = { "scx_nr_running", "scx.nr_running", false },
	[SAMPLE_SCX_FLAGS] = { "scx_flags", "scx.flags", false },
	[SAMPLE_LOCAL_DSQ] = { "local_dsq", "scx.local_dsq.nr", false },
	[SAMPLE_RUN_DELAY] = { "run_delay_ns", "rq_sched_info.run_delay", true },
	[SAMPLE_PCOUNT] = { "pcount", "rq_sched_info.pcount", true },
	[SAMPLE_YLD_COUNT] = { "yld_count", "yld_count", true, true },
	[SAMPLE_SCHED_COUNT] = { "sched_count", "sched_count", true, true },
	[SAMPLE_SCHED_GOIDLE] = { "sched_goidle", "sched_goidle", true, true },
	[SAMPLE_TTWU_COUNT] = { "ttwu_count", "ttwu_count", true, true },
	[SAMPLE_TTWU_LOCAL] = { "ttwu_local", "ttwu_local", true, true },
	[SAMPLE_HOST_CPU] = { "host_cpu_ns", NULL, true },
	[SAMPLE_HOST_RUN_DELAY] = { "host_run_delay_ns", NULL, true },
};
static_assert(ARRAY_SIZE(rows) == SAMPLE_FIELD_COUNT, "a row for every field");
static_assert(SAMPLE_FIELD_COUNT <= 32, "sample_cpu.have has a bit for each");

const char *sample_field_name(enum sample_field f)
{
	return rows[f].name;
}

bool sample_field_is_counter(enum sample_field f)
{
	return rows[f].is_counter;
}

/* --- look-up --------------------------------------------------------------- */

static void find_task(struct sampler *s)
{
	struct err e = ERR_INIT;
	uint32_t task;

	if (layout_type(kindex_btf(s->index), "task_struct", &task, &e) < 0) {
		layout_absent(&s->curr, &e);
		return;
	}
	(void)layout_place(kindex_btf(s->index), task, "pid", &s->pid);
	(void)layout_place(kindex_btf(s->index), task, "comm", &s->comm);
}

static uint32_t find_fields(struct sampler *s)
{
	struct err e = ERR_INIT;
	uint32_t rq = 0;
	int r = layout_type(kindex_btf(s->index), "rq", &rq, &e);

	if (r == 0 && !kindex_find(s->index, "runqueues", &s->runqueues))
		r = err_set(&e, -ENOENT, "the kernel has no symbol runqueues");
	for (int f = 0; f < SAMPLE_FIELD_COUNT; f++) {
		if (r < 0 && rows[f].path)
			layout_absent(&s->place[f], &e);
		else if (rows[f].path)
			(void)layout_place(kindex_btf(s->index), rq, rows[f].path, &s->place[f]);
	}
	if (r < 0)
		return 0;
	(void)layout_place(kindex_btf(s->index), rq, "curr", &s->curr);
	find_task(s);
	return rq;
}

int sampler_create(const struct kindex *k, unsigned cpus, struct sampler **ret, struct err *e)
{
	struct sampler *s = calloc(1, sizeof(*s));
	uint32_t rq;
	int r = 0;

	if (s) {
		s->index = k;
		s->cpus = s->sample.cpus = cpus;
		s->sample.cpu = calloc(cpus, sizeof(*s->sample.cpu));
		rq = find_fields(s);
		if ((r = events_init(&s->events, k, cpus)) == 0)
			r = domains_init(&s->domains, k, rq, cpus);
	}
	if (!s || !s->sample.cpu || r < 0) {
		sampler_destroy(s);
		return err_sys(e, -ENOMEM, "monitor");
	}
	*ret = s;
	return 0;
}

void sampler_destroy(struct sampler *s)
{
	if (!s)
		return;
	domains_fini(&s->domains);
	events_fini(&s->events);
	free(s->sample.cpu);
	free(s);
}

/* --- sampling -------------------------------------------------------------- */

/* The task may be gone by the time it is read: its memory is there, its name may not be. */
static void take_curr(const struct sampler *s, const struct monitor *m, uint64_t rq,
		      struct sample_cpu *c)
{
	uint64_t task, pid;

	c->curr_pid = -1;
	memset(c->curr_comm, 0, sizeof(c->curr_comm));
	if (!s->curr.has || monitor_field(m, rq, &s->curr.field, &task) < 0 ||
	    !s->pid.has || monitor_field(m, task, &s->pid.field, &pid) < 0)
		return;
	c->curr_pid = (int32_t)pid;
	if (!s->comm.has || monitor_read(m, task + s->comm.field.offset, c->curr_comm,
					 MIN(sizeof(c->curr_comm), s->comm.field.size)) < 0)
		return;
	c->curr_comm[sizeof(c->curr_comm) - 1] = '\0';
	text_clean(c->curr_comm, sizeof(c->curr_comm));
}

/*
 * schedstat_enabled(): a static key, whose count comes first. A kernel without the key
 * has no such fields either; a key that cannot be read says nothing against them.
 */
static bool counts_schedstats(const struct monitor *m)
{
	uint64_t key, enabled;

	return !monitor_symbol(m, "sched_schedstats", &key) ||
	       monitor_uint(m, key, 4, &enabled) < 0 || enabled;
}

static void take_cpu(struct sampler *s, const struct monitor *m, unsigned cpu, uint64_t rq)
{
	struct sample_cpu *c = &s->sample.cpu[cpu];

	for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
		if (s->place[f].has && (s->counts || !rows[f].is_schedstat) &&
		    monitor_field(m, rq, &s->place[f].field, &c->value[f]) == 0)
			c->have |= 1u << f;
	take_curr(s, m, rq, c);
	domains_take(&s->domains, m, cpu, rq);
}

struct sample *sampler_take(struct sampler *s, const struct monitor *m, uint64_t t_ns)
{
	uint64_t template = 0, rq;
	bool has = monitor_symbol(m, "runqueues", &template);

	s->sample.t_ns = t_ns;
	s->counts = counts_schedstats(m);
	s->uncounted = !s->counts && (!s->taken || s->uncounted);
	s->taken = true;
	for (unsigned cpu = 0; cpu < s->cpus; cpu++) {
		s->sample.cpu[cpu].have = 0;
		s->sample.cpu[cpu].curr_pid = -1;
		if (has && monitor_percpu(m, template, cpu, &rq) == 0)
			take_cpu(s, m, cpu, rq);
	}
	s->sample.scheduler = events_take(&s->events, m);
	events_sum(&s->events, s->cpus, s->sample.event);
	return &s->sample;
}

/* --- what there is ----------------------------------------------------------- */

#define UNCOUNTED "kernel.sched_schedstats is 0 (schedstats=enable makes it 1)"

static bool is_measured(const struct sampler *s, int f)
{
	return s->place[f].has && !(s->uncounted && rows[f].is_schedstat);
}

void sampler_available(const struct sampler *s, void (*fn)(const char *what, void *arg),
		       void *arg)
{
	for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
		if (is_measured(s, f))
			fn(rows[f].name, arg);
	if (s->curr.has && s->pid.has)
		fn("curr", arg);
	if (s->events.source != EVENTS_NONE)
		fn("events", arg);
	if (s->domains.has)
		fn("domains", arg);
	if (s->domains.has && s->domains.has_name)
		fn("domain names", arg);
	if (s->domains.has && s->domains.has_stats && !s->uncounted)
		fn("domain counters", arg);
}

void sampler_absent(const struct sampler *s,
		    void (*fn)(const char *what, const char *why, void *arg), void *arg)
{
	for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
		if (!is_measured(s, f) && rows[f].path)
			fn(rows[f].name, s->place[f].has ? UNCOUNTED : s->place[f].why, arg);
	if (!s->curr.has || !s->pid.has)
		fn("curr", s->curr.has ? s->pid.why : s->curr.why, arg);
	if (s->events.source == EVENTS_NONE)
		fn("events", s->events.why, arg);
	if (!s->domains.has) {
		fn("domains", s->domains.why, arg);
		return;
	}
	if (!s->domains.has_name)
		fn("domain names", "struct sched_domain has no member name (CONFIG_SCHED_DEBUG)",
		   arg);
	if (!s->domains.has_stats)
		fn("domain counters", "struct sched_domain has no member lb_count "
		   "(CONFIG_SCHEDSTATS)", arg);
	else if (s->uncounted)
		fn("domain counters", UNCOUNTED, arg);
}
