/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_RULES_H
#define KTSTR_MONITOR_RULES_H
/*
 * What samples of a scheduler should not look like. Each rule looks at one
 * sample, or at two that follow each other; what it objects to counts when it
 * lasts for some samples in a row.
 *
 *   imbalance  largest by smallest nr_running of all CPUs (the smallest counts
 *              as 1 at least), above the limit
 *   local-dsq  tasks in a CPU's local DSQ, above the limit
 *   stall      a runqueue's clock stands still while tasks wait there. Not when
 *              the CPU is idle, and not when the host gave the vCPU less than
 *              half of the time: a CPU that does not run cannot tick. The limit
 *              is 1 (on) or 0 (off).
 *   fallback   SCX_EV_SELECT_CPU_FALLBACK per second, all CPUs, above the limit
 *   keep-last  SCX_EV_DISPATCH_KEEP_LAST per second, all CPUs, above the limit
 *
 * Rules are pure: what they say depends on the samples alone. What was not
 * measured breaks no rule; rules_measured() says whether there was enough.
 *
 * Thread: any, one at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct sample;

enum rule {
	RULE_IMBALANCE,
	RULE_LOCAL_DSQ,
	RULE_STALL,
	RULE_FALLBACK,
	RULE_KEEP_LAST,
	RULE_COUNT,
};

/* "imbalance", "local-dsq", ... */
const char *rule_name(enum rule r);

struct rule_limits {
	double limit[RULE_COUNT];	/* 0: the rule is off */
	unsigned sustain;		/* samples in a row that it takes */
	uint64_t warmup_ns;		/* not looked at, after the start and after a change */
	bool enforce;			/* what breaks a rule fails the run */
};

/* Two to three times of an imbalance come with every change of a cpuset. */
#define RULE_LIMITS_DEFAULT {							\
	.limit = { [RULE_IMBALANCE] = 4, [RULE_LOCAL_DSQ] = 50, [RULE_STALL] = 1,	\
		   [RULE_FALLBACK] = 200, [RULE_KEEP_LAST] = 100 },		\
	.sustain = 5, .warmup_ns = 500000000,					\
}

/*
 * "imbalance=2.5,stall=0,sustain=10,warmup=1s,enforce" over what is there;
 * "off" turns all rules off. -EINVAL with the word and what it takes.
 */
int rule_limits_parse(struct rule_limits *l, const char *text, struct err *e);

/* One breach: it began, lasted, and at its worst was so bad. */
struct rule_finding {
	enum rule rule;
	bool enforced;			/* it fails the run */
	int cpu;			/* -1: of all CPUs together */
	uint64_t since_ns, until_ns;	/* the samples' clock */
	uint64_t samples;
	double worst, limit;
};

#define RULE_FINDINGS_MAX 64

/* "ratio 6.0 of the longest to the shortest runqueue, limit 4.0, in 12 samples" */
#define RULE_TEXT_MAX 160
void rule_finding_text(const struct rule_finding *f, char text[RULE_TEXT_MAX]);

struct rules;

int rules_create(const struct rule_limits *limits, unsigned cpus, struct rules **ret,
		 struct err *e);
void rules_destroy(struct rules *r);

/*
 * Other limits from here on, as for another test. What was begun ends here; if
 * it was to be enforced and could not be measured, rules_unmeasured() tells.
 */
void rules_change(struct rules *r, const struct rule_limits *limits);

/* sched_ext's counters, summed over all CPUs; have false: the kernel has none. */
struct rule_events {
	bool have;
	uint64_t fallback, keep_last;
};

/* The samples in their order. */
void rules_add(struct rules *r, const struct sample *s, const struct rule_events *events);

const struct rule_finding *rules_findings(const struct rules *r, size_t *ret_count,
					  uint64_t *ret_dropped);

/*
 * Since the last change of limits: was enough seen to believe that no rule was
 * broken? False: why says what was missing. Samples of a kernel that is not
 * what we take it for do not count: clocks that all stand still, a DSQ with
 * more tasks than there can be.
 */
bool rules_measured(const struct rules *r, const char **ret_why);
/* Why limits that were to be enforced, now or before, were not measured; NULL: they were. */
const char *rules_unmeasured(const struct rules *r);

#endif
