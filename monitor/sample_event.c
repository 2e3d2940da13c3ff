/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched_ext's event counters: per CPU, s64, one struct of them, which kernels keep
 * in three places (6.15, 6.16, 6.18). Members are the kernel's own, whatever they are.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/sample_private.h"

#define STATS_MAX (SAMPLE_EVENTS_MAX * 8)	/* bytes of the struct that are read */

static int add_event(const char *name, const struct layout_field *f, void *arg)
{
	struct events *v = arg;
	struct event *n = &v->event[v->count];

	if (v->count == SAMPLE_EVENTS_MAX)
		return -E2BIG;
	if (f->size != 8 || f->bit_size || f->offset > STATS_MAX - f->size)
		return 0;
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->offset = f->offset;
	n->size = f->size;
	v->count++;
	return 0;
}

/* The kernel's scx_sched, by what is in it. */
static void find_pointer(struct events *v, const struct btf *btf)
{
	struct layout_field inner;
	uint32_t sched;

	if (layout_type(btf, "scx_sched", &sched, NULL) < 0)
		return;
	if (layout_field_in(btf, sched, "event_stats_cpu", &v->pointer, NULL) == 0) {
		v->source = EVENTS_POINTER;
	} else if (layout_field_in(btf, sched, "pcpu", &v->pointer, NULL) == 0 &&
		   layout_field(btf, "scx_sched_pcpu", "event_stats", &inner, NULL) == 0) {
		v->source = EVENTS_PCPU;
		v->inner_offset = inner.offset;
	}
}

static void find_source(struct events *v, const struct kindex *k)
{
	uint64_t addr;

	if (kindex_find(k, "scx_root", &addr))
		find_pointer(v, kindex_btf(k));
	if (v->source == EVENTS_NONE && kindex_find(k, "event_stats_cpu", &addr))
		v->source = EVENTS_SYMBOL;
	if (v->source == EVENTS_NONE)
		snprintf(v->why, sizeof(v->why), "struct scx_event_stats is not where it is looked for");
}

int events_init(struct events *v, const struct kindex *k, unsigned cpus)
{
	uint32_t stats;

	v->counts = calloc((size_t)cpus * SAMPLE_EVENTS_MAX, sizeof(*v->counts));
	if (!v->counts)
		return -ENOMEM;
	if (layout_type(kindex_btf(k), "scx_event_stats", &stats, NULL) < 0) {
		snprintf(v->why, sizeof(v->why), "no struct scx_event_stats (since 6.15)");
		return 0;
	}
	layout_each(kindex_btf(k), stats, add_event, v);
	find_source(v, k);
	return 0;
}

void events_fini(struct events *v)
{
	free(v->counts);
}

/*
 * A scheduler's counters start at 0, so a number that is smaller than before, or
 * another scheduler's, counts from there. The first sample is where ours start.
 */
static void count(struct event_count *c, uint64_t raw, bool restarted, bool first)
{
	if (!first)
		c->sum += restarted || raw < c->raw ? raw : raw - c->raw;
	c->raw = raw;
}

static void take_cpu(struct events *v, const struct monitor *m, unsigned cpu, uint64_t kva,
		     bool restarted)
{
	struct event_count *c = &v->counts[(size_t)cpu * SAMPLE_EVENTS_MAX];

	for (unsigned i = 0; i < v->count; i++) {
		uint64_t raw;

		if (monitor_uint(m, kva + v->event[i].offset, v->event[i].size, &raw) == 0)
			count(&c[i], raw, restarted, !v->seen);
	}
}

/* Where the counters are now, per CPU. False: they are not seen; *ret_root 0: no scheduler. */
static bool find_now(const struct events *v, const struct monitor *m, uint64_t *ret_root,
		     uint64_t *ret_kva)
{
	uint64_t root_kva;

	*ret_root = v->last_root;
	if (v->source == EVENTS_SYMBOL)
		return monitor_symbol(m, "event_stats_cpu", ret_kva);
	if (!monitor_symbol(m, "scx_root", &root_kva) ||
	    monitor_uint(m, root_kva, 8, ret_root) < 0 || !*ret_root ||
	    monitor_field(m, *ret_root, &v->pointer, ret_kva) < 0 || !*ret_kva)
		return false;
	*ret_kva += v->inner_offset;
	return true;
}

bool events_take(struct events *v, const struct monitor *m)
{
	uint64_t root = 0, kva, cpu_kva;
	bool there;

	if (v->source == EVENTS_NONE)
		return false;
	there = find_now(v, m, &root, &kva);
	for (unsigned cpu = 0; there && cpu < monitor_cpus(m); cpu++)
		if (monitor_percpu(m, kva, cpu, &cpu_kva) == 0)
			take_cpu(v, m, cpu, cpu_kva, root != v->last_root);
	/* the next one may be where this one was, and has counted as far */
	if (there || !root)
		v->last_root = root;
	v->seen = true;
	return there;
}

void events_sum(const struct events *v, unsigned cpus, uint64_t ret[SAMPLE_EVENTS_MAX])
{
	memset(ret, 0, SAMPLE_EVENTS_MAX * sizeof(*ret));
	if (v->source == EVENTS_NONE)
		return;
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		for (unsigned i = 0; i < v->count; i++)
			ret[i] += v->counts[(size_t)cpu * SAMPLE_EVENTS_MAX + i].sum;
}

unsigned sampler_events(const struct sampler *s)
{
	return s->events.source == EVENTS_NONE ? 0 : s->events.count;
}

const char *sampler_event_name(const struct sampler *s, unsigned event)
{
	return s->events.event[event].name;
}

uint64_t sampler_event(const struct sampler *s, unsigned cpu, unsigned event)
{
	return s->events.counts[(size_t)cpu * SAMPLE_EVENTS_MAX + event].sum;
}
