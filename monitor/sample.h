/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_SAMPLE_H
#define KTSTR_MONITOR_SAMPLE_H
/*
 * What the guest's schedulers do at one moment, CPU by CPU: a row of numbers each,
 * from a table of fields (sample.c) that names where each comes from. A kernel that
 * has not got a field has it absent, with the reason; a value that could not be
 * read at one moment is not there in that sample.
 *
 * Nothing that depends on an attached scheduler is kept from one sample to the next:
 * sched_ext's event counters lie where scx_root points at that moment. They are
 * summed up across re-attaches, since each scheduler starts its own at 0.
 *
 * CPUs are read one after the other and go on meanwhile: a sample is no snapshot.
 *
 * Ownership: the sampler owns its one sample, which the next one overwrites.
 * Thread: any, one at a time.
 */
#include <stdbool.h>
#include <stdint.h>

struct err;
struct kindex;
struct monitor;
struct sampler;

enum sample_field {
	/* of the runqueue */
	SAMPLE_NR_RUNNING,
	SAMPLE_CLOCK,
	SAMPLE_NR_SWITCHES,
	/* of sched_ext's part of it */
	SAMPLE_SCX_NR_RUNNING,
	SAMPLE_SCX_FLAGS,
	SAMPLE_LOCAL_DSQ,
	/* schedstat: CONFIG_SCHED_INFO, CONFIG_SCHEDSTATS */
	SAMPLE_RUN_DELAY,
	SAMPLE_PCOUNT,
	SAMPLE_YLD_COUNT,
	SAMPLE_SCHED_COUNT,
	SAMPLE_SCHED_GOIDLE,
	SAMPLE_TTWU_COUNT,
	SAMPLE_TTWU_LOCAL,
	/* of the host, about the vCPU's thread; the caller fills them in */
	SAMPLE_HOST_CPU,
	SAMPLE_HOST_RUN_DELAY,
	SAMPLE_FIELD_COUNT,
};

/* "nr_running", "clock_ns", ... as in records. */
const char *sample_field_name(enum sample_field f);
/* Does it only grow (its difference matters), or go up and down (its value does)? */
bool sample_field_is_counter(enum sample_field f);

#define SAMPLE_COMM_MAX 16

struct sample_cpu {
	uint64_t value[SAMPLE_FIELD_COUNT];
	uint32_t have;			/* bit f: value[f] was read */
	int32_t curr_pid;		/* of the running task, 0 idle; -1: not read */
	char curr_comm[SAMPLE_COMM_MAX];	/* clean text */
};

#define SAMPLE_EVENTS_MAX 32

struct sample {
	uint64_t t_ns;			/* the caller's clock */
	unsigned cpus;
	bool scheduler;			/* an scx_root was there: events are of a scheduler */
	/* sampler_event() of all CPUs together */
	uint64_t event[SAMPLE_EVENTS_MAX];
	struct sample_cpu *cpu;
};

/*
 * Look up all fields in the types of a kernel; needs no guest and may take some
 * milliseconds. Borrows the index. Fails for lack of memory only.
 */
int sampler_create(const struct kindex *k, unsigned cpus, struct sampler **ret, struct err *e);
void sampler_destroy(struct sampler *s);

/* Read everything now; m is attached. The sample is valid until the next. */
struct sample *sampler_take(struct sampler *s, const struct monitor *m, uint64_t t_ns);

/* Groups and fields that this kernel has, and those that it has not, with the reason. */
void sampler_available(const struct sampler *s, void (*fn)(const char *what, void *arg),
		       void *arg);
void sampler_absent(const struct sampler *s,
		    void (*fn)(const char *what, const char *why, void *arg), void *arg);

/* --- sched_ext's event counters ---------------------------------------------- */

unsigned sampler_events(const struct sampler *s);
/* "SCX_EV_SELECT_CPU_FALLBACK" */
const char *sampler_event_name(const struct sampler *s, unsigned event);
/* Counted on this CPU from the first sample on, over all schedulers. */
uint64_t sampler_event(const struct sampler *s, unsigned cpu, unsigned event);

/* --- scheduling domains -------------------------------------------------------- */

#define SAMPLE_DOMAINS_MAX 8
#define SAMPLE_DOMAIN_FIELDS_MAX 64

struct sample_domain {
	char name[16];			/* "MC"; "" where the kernel does not tell */
	uint64_t value[SAMPLE_DOMAIN_FIELDS_MAX];	/* by sampler_domain_field() */
};

unsigned sampler_domain_fields(const struct sampler *s);
/* "span_weight", "lb_count_idle", ... */
const char *sampler_domain_field(const struct sampler *s, unsigned field);
/* Those of a CPU in the last sample, smallest first; *ret_count up to SAMPLE_DOMAINS_MAX. */
const struct sample_domain *sampler_domains(const struct sampler *s, unsigned cpu,
					    unsigned *ret_count);

#endif
