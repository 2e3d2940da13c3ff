/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_SAMPLE_PRIVATE_H
#define KTSTR_MONITOR_SAMPLE_PRIVATE_H
/* What sample.c, sample_event.c and sample_domain.c share. */
#include "base/err.h"
#include "monitor/layout.h"
#include "monitor/sample.h"

/* Where event counters lie. */
enum event_source {
	EVENTS_NONE,
	EVENTS_SYMBOL,			/* a per-CPU variable, one for all schedulers: 6.15 */
	EVENTS_POINTER,			/* scx_root->event_stats_cpu, per CPU: 6.16 */
	EVENTS_PCPU,			/* scx_root->pcpu, per CPU, and in that event_stats: 6.18 */
};

struct events {
	enum event_source source;
	char why[LAYOUT_WHY_MAX];	/* EVENTS_NONE */
	struct layout_field pointer;	/* in struct scx_sched */
	uint32_t inner_offset;		/* of the counters behind it */
	unsigned count;
	struct event {
		char name[48];
		uint32_t offset, size;
	} event[SAMPLE_EVENTS_MAX];
	uint64_t last_root;		/* scx_root at the last sample */
	bool seen;			/* there was a sample */
	struct event_count {
		uint64_t raw, sum;
	} *counts;			/* [cpus][SAMPLE_EVENTS_MAX] */
};

struct domains {
	bool has;
	char why[LAYOUT_WHY_MAX];
	struct layout_field sd, parent, name;	/* rq.sd, sched_domain's */
	bool has_name;
	bool has_stats;			/* what is counted for schedstats */
	uint32_t size;			/* of struct sched_domain, as far as it is read */
	unsigned count;
	struct {
		char name[40];
		struct layout_field field;
	} field[SAMPLE_DOMAIN_FIELDS_MAX];
	unsigned *levels;		/* [cpus] */
	struct sample_domain *domain;	/* [cpus][SAMPLE_DOMAINS_MAX] */
};

struct sampler {
	const struct kindex *index;
	unsigned cpus;
	uint64_t runqueues;		/* the template's address, as linked */
	struct layout_place place[SAMPLE_FIELD_COUNT];
	struct layout_place curr, pid, comm;
	bool counts;			/* the kernel did for schedstats at the last sample, */
	bool uncounted;			/* ... and at none so far */
	bool taken;
	struct events events;
	struct domains domains;
	struct sample sample;
};

int events_init(struct events *v, const struct kindex *k, unsigned cpus);
void events_fini(struct events *v);
/* Reads all; true when a scheduler was there. */
bool events_take(struct events *v, const struct monitor *m);

/* Of all CPUs together, since the first sample. */
void events_sum(const struct events *v, unsigned cpus, uint64_t ret[SAMPLE_EVENTS_MAX]);

/* rq: the id of struct rq, 0 when there is none. */
int domains_init(struct domains *d, const struct kindex *k, uint32_t rq, unsigned cpus);
void domains_fini(struct domains *d);
void domains_take(struct domains *d, const struct monitor *m, unsigned cpu, uint64_t rq_kva);

#endif
