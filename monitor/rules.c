/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules over samples: each is a row that says how bad one sample is. */
#include "monitor/rules.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/sample.h"

/* No guest has so many tasks in one DSQ: what was read is something else. */
#define DSQ_PLAUSIBLE_MAX 10000

struct streak {
	struct rule_finding f;		/* samples: so far */
	bool told;			/* it is in the list, at place */
	size_t place;
};

struct rules {
	struct rule_limits limits;
	unsigned cpus;
	uint64_t start_ns;		/* of the samples looked at; 0: none yet */
	uint64_t judged;		/* samples behind the warm-up */
	bool implausible, clock_moved;
	const char *unmeasured;		/* of limits that are no more */

	/* the sample before */
	bool has_last;
	uint64_t last_ns;
	uint64_t *clock, *host_cpu, *nr_running;	/* [cpus] */
	bool *has_cpu;			/* all three were there */
	struct rule_events events;

	struct streak global[RULE_COUNT];
	struct streak *local[RULE_COUNT];	/* [cpus], for rules by CPU */
	struct rule_finding finding[RULE_FINDINGS_MAX];
	size_t count;
	uint64_t dropped;
};

static bool has(const struct sample_cpu *c, enum sample_field f)
{
	return c->have >> f & 1;
}

/* --- how bad it is: NAN when it cannot be told ------------------------------ */

static double imbalance(const struct rules *r, const struct sample *s,
			const struct rule_events *events, unsigned cpu)
{
	uint64_t least = UINT64_MAX, most = 0;

	(void)r;
	(void)events;
	(void)cpu;
	for (unsigned i = 0; i < s->cpus; i++) {
		if (!has(&s->cpu[i], SAMPLE_NR_RUNNING))
			continue;
		least = MIN(least, s->cpu[i].value[SAMPLE_NR_RUNNING]);
		most = MAX(most, s->cpu[i].value[SAMPLE_NR_RUNNING]);
	}
	return least == UINT64_MAX ? NAN : (double)most / (double)MAX(least, UINT64_C(1));
}

static double local_dsq(const struct rules *r, const struct sample *s,
			const struct rule_events *events, unsigned cpu)
{
	(void)r;
	(void)events;
	return has(&s->cpu[cpu], SAMPLE_LOCAL_DSQ) ?
	       (double)s->cpu[cpu].value[SAMPLE_LOCAL_DSQ] : NAN;
}

/* How long the clock has stood still, in seconds; 0: it moves, or need not. */
static double stall(const struct rules *r, const struct sample *s,
		    const struct rule_events *events, unsigned cpu)
{
	const struct sample_cpu *c = &s->cpu[cpu];
	uint64_t dt = s->t_ns - r->last_ns;

	(void)events;
	if (!r->has_last || !r->has_cpu[cpu] || !has(c, SAMPLE_CLOCK) ||
	    !has(c, SAMPLE_NR_RUNNING) || !has(c, SAMPLE_HOST_CPU))
		return NAN;
	if (!c->value[SAMPLE_CLOCK] || c->value[SAMPLE_CLOCK] != r->clock[cpu])
		return 0;
	if (!c->value[SAMPLE_NR_RUNNING] || !r->nr_running[cpu])
		return 0;
	/* preempted by the host */
	if (c->value[SAMPLE_HOST_CPU] - r->host_cpu[cpu] < dt / 2)
		return 0;
	return (double)dt / 1e9;
}

static double rate(const struct rules *r, const struct sample *s, uint64_t before, uint64_t now)
{
	/* a counter that became smaller began again */
	return (double)(now >= before ? now - before : now) * 1e9 / (double)(s->t_ns - r->last_ns);
}

static double fallback(const struct rules *r, const struct sample *s,
		       const struct rule_events *events, unsigned cpu)
{
	(void)cpu;
	if (!r->has_last || !events->have || !r->events.have)
		return NAN;
	return rate(r, s, r->events.fallback, events->fallback);
}

static double keep_last(const struct rules *r, const struct sample *s,
			const struct rule_events *events, unsigned cpu)
{
	(void)cpu;
	if (!r->has_last || !events->have || !r->events.have)
		return NAN;
	return rate(r, s, r->events.keep_last, events->keep_last);
}

static const struct {
	const char *name;
	bool by_cpu;
	bool sums;		/* a stall's length is that of its samples together */
	double (*bad)(const struct rules *r, const struct sample *s,
		      const struct rule_events *events, unsigned cpu);
	const char *text;	/* takes worst and limit */
} rules[] = {
	[RULE_IMBALANCE] = { "imbalance", false, false, imbalance,
		"the longest runqueue is %.1f times the shortest, limit %.1f" },
	[RULE_LOCAL_DSQ] = { "local-dsq", true, false, local_dsq,
		"%.0f tasks in the local DSQ, limit %.0f" },
	[RULE_STALL] = { "stall", true, true, stall,
		"the runqueue's clock stood still for %.2f s with tasks waiting" },
	[RULE_FALLBACK] = { "fallback", false, false, fallback,
		"%.0f select_cpu() fallbacks a second, limit %.0f" },
	[RULE_KEEP_LAST] = { "keep-last", false, false, keep_last,
		"%.0f times a second nothing else to run than the last task, limit %.0f" },
};
static_assert(ARRAY_SIZE(rules) == RULE_COUNT, "every rule has a row");

const char *rule_name(enum rule r)
{
	return rules[r].name;
}

void rule_finding_text(const struct rule_finding *f, char text[RULE_TEXT_MAX])
{
	int n = 0;

	if (f->cpu >= 0)
		n = snprintf(text, RULE_TEXT_MAX, "CPU %d: ", f->cpu);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n += snprintf(text + n, (size_t)(RULE_TEXT_MAX - n), rules[f->rule].text, f->worst,
		      f->limit);
#pragma GCC diagnostic pop
	snprintf(text + n, (size_t)(RULE_TEXT_MAX - n), ", in %llu samples",
		 (unsigned long long)f->samples);
}

/* --- life ------------------------------------------------------------------- */

int rules_create(const struct rule_limits *limits, unsigned cpus, struct rules **ret,
		 struct err *e)
{
	struct rules *r = calloc(1, sizeof(*r));
	bool ok = r;

	if (r) {
		r->limits = *limits;
		r->cpus = cpus;
		r->clock = calloc(cpus, sizeof(*r->clock));
		r->host_cpu = calloc(cpus, sizeof(*r->host_cpu));
		r->nr_running = calloc(cpus, sizeof(*r->nr_running));
		r->has_cpu = calloc(cpus, sizeof(*r->has_cpu));
		ok = r->clock && r->host_cpu && r->nr_running && r->has_cpu;
	}
	for (int i = 0; i < RULE_COUNT && ok; i++) {
		if (rules[i].by_cpu)
			r->local[i] = calloc(cpus, sizeof(*r->local[i]));
		ok = !rules[i].by_cpu || r->local[i];
	}
	if (!ok) {
		rules_destroy(r);
		return err_sys(e, -ENOMEM, "rules");
	}
	*ret = r;
	return 0;
}

void rules_destroy(struct rules *r)
{
	if (!r)
		return;
	for (int i = 0; i < RULE_COUNT; i++)
		free(r->local[i]);
	free(r->has_cpu);
	free(r->nr_running);
	free(r->host_cpu);
	free(r->clock);
	free(r);
}

void rules_change(struct rules *r, const struct rule_limits *limits)
{
	r->unmeasured = rules_unmeasured(r);
	r->limits = *limits;
	r->start_ns = 0;
	r->judged = 0;
	memset(r->global, 0, sizeof(r->global));
	for (int i = 0; i < RULE_COUNT; i++)
		if (r->local[i])
			memset(r->local[i], 0, r->cpus * sizeof(*r->local[i]));
}

/* --- samples ---------------------------------------------------------------- */

static void tell(struct rules *r, struct streak *k)
{
	if (k->told) {
		if (k->place < RULE_FINDINGS_MAX)
			r->finding[k->place] = k->f;
		return;
	}
	k->told = true;
	k->place = r->count;
	if (r->count == RULE_FINDINGS_MAX) {
		r->dropped++;
		return;
	}
	r->finding[r->count++] = k->f;
}

static void judge(struct rules *r, enum rule rule, int cpu, double bad, uint64_t t_ns)
{
	struct streak *k = cpu < 0 ? &r->global[rule] : &r->local[rule][cpu];
	/* a stall is bad by itself: its limit is a switch */
	double limit = rules[rule].sums ? 0 : r->limits.limit[rule];

	/* what was not measured neither goes on nor ends */
	if (isnan(bad))
		return;
	if (bad <= limit) {
		*k = (struct streak){ 0 };
		return;
	}
	if (!k->f.samples)
		k->f = (struct rule_finding){ .rule = rule, .cpu = cpu, .since_ns = t_ns,
					      .limit = r->limits.limit[rule],
					      .enforced = r->limits.enforce };
	k->f.samples++;
	k->f.until_ns = t_ns;
	k->f.worst = rules[rule].sums ? k->f.worst + bad : MAX(k->f.worst, bad);
	if (k->f.samples >= r->limits.sustain)
		tell(r, k);
}

static void judge_all(struct rules *r, const struct sample *s, const struct rule_events *events)
{
	for (int i = 0; i < RULE_COUNT; i++) {
		if (!(r->limits.limit[i] > 0))
			continue;
		if (!rules[i].by_cpu) {
			judge(r, (enum rule)i, -1, rules[i].bad(r, s, events, 0), s->t_ns);
			continue;
		}
		for (unsigned cpu = 0; cpu < s->cpus; cpu++)
			judge(r, (enum rule)i, (int)cpu, rules[i].bad(r, s, events, cpu), s->t_ns);
	}
}

static void remember(struct rules *r, const struct sample *s, const struct rule_events *events)
{
	for (unsigned i = 0; i < s->cpus; i++) {
		const struct sample_cpu *c = &s->cpu[i];

		if (r->has_cpu[i] && has(c, SAMPLE_CLOCK) &&
		    c->value[SAMPLE_CLOCK] != r->clock[i])
			r->clock_moved = true;
		r->has_cpu[i] = has(c, SAMPLE_CLOCK) && has(c, SAMPLE_NR_RUNNING) &&
				has(c, SAMPLE_HOST_CPU);
		r->clock[i] = c->value[SAMPLE_CLOCK];
		r->host_cpu[i] = c->value[SAMPLE_HOST_CPU];
		r->nr_running[i] = c->value[SAMPLE_NR_RUNNING];
		if (has(c, SAMPLE_LOCAL_DSQ) && c->value[SAMPLE_LOCAL_DSQ] > DSQ_PLAUSIBLE_MAX)
			r->implausible = true;
	}
	r->events = *events;
	r->last_ns = s->t_ns;
	r->has_last = true;
}

void rules_add(struct rules *r, const struct sample *s, const struct rule_events *events)
{
	assert(s->cpus <= r->cpus);
	/* two of one moment tell nothing of what lies between */
	if (r->has_last && s->t_ns <= r->last_ns)
		return;
	if (!r->start_ns)
		r->start_ns = s->t_ns;
	if (s->t_ns - r->start_ns >= r->limits.warmup_ns) {
		r->judged++;
		judge_all(r, s, events);
	}
	remember(r, s, events);
}

const struct rule_finding *rules_findings(const struct rules *r, size_t *ret_count,
					  uint64_t *ret_dropped)
{
	*ret_count = r->count;
	*ret_dropped = r->dropped;
	return r->finding;
}

bool rules_measured(const struct rules *r, const char **ret_why)
{
	*ret_why = NULL;
	if (r->judged < r->limits.sustain)
		*ret_why = "too few samples behind the warm-up";
	else if (r->implausible)
		*ret_why = "a DSQ had more tasks than there can be: the kernel is not read right";
	else if (!r->clock_moved)
		*ret_why = "no runqueue's clock ever moved, or none could be read";
	return !*ret_why;
}

const char *rules_unmeasured(const struct rules *r)
{
	const char *why;

	if (r->unmeasured || !r->limits.enforce || rules_measured(r, &why))
		return r->unmeasured;
	return why;
}
