/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules on samples that are made up, one for each thing that can go wrong or must not count. */
#include <errno.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/rules.h"
#include "monitor/sample.h"
#include "test/tap.h"

#define CPUS 2
#define STEP_NS UINT64_C(100000000)

struct feed {
	struct rules *rules;
	struct sample_cpu cpu[CPUS];
	struct sample s;
	struct rule_events events;
};

/* No warm-up; sampled every 100 ms; two CPUs that tick and run on the host all the time. */
static void feed_init(struct feed *f, const char *limits)
{
	struct rule_limits l = RULE_LIMITS_DEFAULT;
	struct err e = ERR_INIT;

	l.warmup_ns = 0;
	memset(f, 0, sizeof(*f));
	f->s = (struct sample){ .t_ns = 1000, .cpus = CPUS, .cpu = f->cpu };
	f->events.have = true;
	tap_ok(rule_limits_parse(&l, limits, &e) == 0, "%s", err_text(&e));
	tap_eq(rules_create(&l, CPUS, &f->rules, &e), 0);
	for (unsigned i = 0; i < CPUS; i++) {
		f->cpu[i].have = UINT32_MAX >> (32 - SAMPLE_FIELD_COUNT);
		f->cpu[i].value[SAMPLE_NR_RUNNING] = 1;
		f->cpu[i].value[SAMPLE_CLOCK] = 5;
	}
}

static void next(struct feed *f)
{
	rules_add(f->rules, &f->s, &f->events);
	f->s.t_ns += STEP_NS;
	for (unsigned i = 0; i < CPUS; i++) {
		f->cpu[i].value[SAMPLE_CLOCK] += STEP_NS;
		f->cpu[i].value[SAMPLE_HOST_CPU] += STEP_NS;
	}
}

static void run(struct feed *f, unsigned samples)
{
	while (samples--)
		next(f);
}

static size_t count(const struct feed *f)
{
	uint64_t dropped;
	size_t n;

	rules_findings(f->rules, &n, &dropped);
	return n;
}

static const struct rule_finding *only(const struct feed *f, enum rule rule)
{
	uint64_t dropped;
	size_t n;
	const struct rule_finding *found = rules_findings(f->rules, &n, &dropped);

	tap_eq(n, 1);
	tap_ok(n && found->rule == rule, "it is %s", rule_name(rule));
	return found;
}

static void a_scheduler_that_does_well_breaks_no_rule(void)
{
	struct feed f;
	const char *why;

	feed_init(&f, "");
	f.cpu[0].value[SAMPLE_NR_RUNNING] = 4;
	run(&f, 50);
	tap_eq(count(&f), 0);
	tap_ok(rules_measured(f.rules, &why), "measured: %s", why ? why : "yes");
	rules_destroy(f.rules);
}

static void an_imbalance_counts_when_it_lasts(void)
{
	const struct rule_finding *found;
	char text[RULE_TEXT_MAX];
	struct feed f;

	feed_init(&f, "");
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 6;
	run(&f, 4);
	tap_eq(count(&f), 0);
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 1;
	next(&f);
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 6;
	run(&f, 5);
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 9;
	next(&f);
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 1;
	next(&f);
	found = only(&f, RULE_IMBALANCE);
	tap_eq(found->samples, 6);
	tap_eq(found->since_ns, 1000 + 5 * STEP_NS);
	tap_eq(found->until_ns, 1000 + 10 * STEP_NS);
	tap_ok(found->worst == 9 && found->cpu == -1, "9 at its worst");
	rule_finding_text(found, text);
	tap_str(text, "the longest runqueue is 9.0 times the shortest, limit 4.0, in 6 samples");
	rules_destroy(f.rules);
}

static void a_deep_local_dsq_is_told_with_its_cpu(void)
{
	struct feed f;

	feed_init(&f, "local-dsq=10,sustain=3");
	f.cpu[1].value[SAMPLE_LOCAL_DSQ] = 11;
	run(&f, 3);
	tap_eq(only(&f, RULE_LOCAL_DSQ)->cpu, 1);
	rules_destroy(f.rules);
}

/* Keeps CPU 1's clock where it is. */
static void run_stalled(struct feed *f, unsigned samples, uint64_t host_ns)
{
	while (samples--) {
		next(f);
		f->cpu[1].value[SAMPLE_CLOCK] -= STEP_NS;
		f->cpu[1].value[SAMPLE_HOST_CPU] += host_ns - STEP_NS;
	}
}

static void a_clock_that_stands_still_is_a_stall(void)
{
	const struct rule_finding *found;
	struct feed f;

	feed_init(&f, "");
	run_stalled(&f, 11, STEP_NS);
	found = only(&f, RULE_STALL);
	tap_ok(found->cpu == 1 && found->samples == 10, "CPU 1");
	tap_ok(found->worst > 0.99 && found->worst < 1.01, "for %f s", found->worst);
	rules_destroy(f.rules);
}

static void an_idle_cpu_or_one_that_the_host_took_away_does_not_stall(void)
{
	struct feed f;

	feed_init(&f, "");
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 0;
	run_stalled(&f, 20, STEP_NS);
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 1;
	run_stalled(&f, 20, STEP_NS / 3);
	f.cpu[1].have &= ~(1u << SAMPLE_HOST_CPU);
	run_stalled(&f, 20, STEP_NS);
	tap_eq(count(&f), 0);
	rules_destroy(f.rules);
}

static void event_rates_are_of_all_cpus_by_the_second(void)
{
	struct feed f;

	feed_init(&f, "");
	for (unsigned i = 0; i < 7; i++) {
		f.events.fallback += 21;
		f.events.keep_last += 10;
		next(&f);
	}
	tap_ok(only(&f, RULE_FALLBACK)->worst == 210, "210 a second");
	rules_destroy(f.rules);
	feed_init(&f, "");
	f.events.have = false;
	for (unsigned i = 0; i < 7; i++) {
		f.events.fallback += 21;
		next(&f);
	}
	tap_eq(count(&f), 0);
	rules_destroy(f.rules);
}

static void the_warm_up_and_what_was_not_read_do_not_count(void)
{
	struct feed f;
	const char *why;

	feed_init(&f, "warmup=1s");
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 60;
	run(&f, 10);
	tap_eq(count(&f), 0);
	tap_ok(!rules_measured(f.rules, &why) && strstr(why, "too few"), "%s", why);
	run(&f, 4);
	tap_eq(count(&f), 0);
	f.cpu[0].have = f.cpu[1].have = 0;
	run(&f, 3);
	tap_eq(count(&f), 0);
	f.cpu[0].have = f.cpu[1].have = 1u << SAMPLE_NR_RUNNING;
	next(&f);
	tap_eq(count(&f), 1);
	rules_destroy(f.rules);
}

static void a_kernel_that_is_read_wrong_is_not_measured(void)
{
	struct feed f;
	const char *why;

	feed_init(&f, "");
	f.cpu[0].value[SAMPLE_LOCAL_DSQ] = 10001;
	run(&f, 10);
	tap_ok(!rules_measured(f.rules, &why) && strstr(why, "DSQ"), "%s", why);
	rules_destroy(f.rules);
	feed_init(&f, "");
	for (unsigned i = 0; i < 10; i++) {
		next(&f);
		f.cpu[0].value[SAMPLE_CLOCK] = f.cpu[1].value[SAMPLE_CLOCK] = 0;
	}
	rules_destroy(f.rules);
	feed_init(&f, "");
	for (unsigned i = 0; i < 10; i++) {
		f.cpu[0].value[SAMPLE_CLOCK] = f.cpu[1].value[SAMPLE_CLOCK] = 0;
		next(&f);
	}
	tap_ok(!rules_measured(f.rules, &why) && strstr(why, "clock"), "%s", why);
	rules_destroy(f.rules);
}

static void other_limits_begin_anew(void)
{
	struct rule_limits l = RULE_LIMITS_DEFAULT;
	struct feed f;

	feed_init(&f, "");
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 6;
	run(&f, 4);
	l.warmup_ns = 0;
	rules_change(f.rules, &l);
	run(&f, 4);
	tap_eq(count(&f), 0);
	next(&f);
	tap_eq(count(&f), 1);
	rules_destroy(f.rules);
}

static void what_is_to_be_enforced_must_have_been_measured(void)
{
	struct rule_limits l = RULE_LIMITS_DEFAULT;
	struct feed f;

	feed_init(&f, "enforce,imbalance=2");
	f.cpu[1].value[SAMPLE_NR_RUNNING] = 6;
	run(&f, 4);
	tap_ok(rules_unmeasured(f.rules) != NULL, "%s", rules_unmeasured(f.rules));
	run(&f, 4);
	tap_ok(!rules_unmeasured(f.rules), "measured");
	tap_ok(only(&f, RULE_IMBALANCE)->enforced, "and it counts");
	rules_change(f.rules, &l);
	tap_ok(!rules_unmeasured(f.rules), "nothing is enforced any more");
	l.enforce = true;
	rules_change(f.rules, &l);
	l.enforce = false;
	rules_change(f.rules, &l);
	tap_ok(rules_unmeasured(f.rules) != NULL, "what was not measured then stays so");
	rules_destroy(f.rules);
}

static void findings_are_bounded_and_what_is_dropped_is_counted(void)
{
	struct feed f;
	uint64_t dropped;
	size_t n;

	feed_init(&f, "sustain=1");
	for (unsigned i = 0; i < 2 * (RULE_FINDINGS_MAX + 3); i++) {
		f.cpu[1].value[SAMPLE_NR_RUNNING] = i % 2 ? 9 : 1;
		next(&f);
	}
	rules_findings(f.rules, &n, &dropped);
	tap_eq(n, RULE_FINDINGS_MAX);
	tap_eq(dropped, 3);
	rules_destroy(f.rules);
}

static void limits_are_taken_from_text(void)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "speed=1", "\"speed\": takes imbalance=" }, { "imbalance", "takes a number" },
		{ "imbalance=x", "imbalance=x: takes a number" }, { "stall=-1", "takes a number" },
		{ "imbalance=nan", "takes a number" }, { "sustain=0", "takes a number of samples" },
		{ "warmup=5", "takes a duration" }, { "enforce=1", "takes imbalance=" },
		{ "stall=0,,", "\"\": takes" },
	};
	struct rule_limits l = RULE_LIMITS_DEFAULT;
	struct err e = ERR_INIT;

	tap_eq(rule_limits_parse(&l, "off,imbalance=2.5,sustain=7,warmup=1s,enforce", &e), 0);
	tap_ok(l.limit[RULE_IMBALANCE] == 2.5 && l.limit[RULE_STALL] == 0 && l.sustain == 7 &&
	       l.warmup_ns == 1000000000 && l.enforce, "all");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		tap_eq(rule_limits_parse(&l, bad[i].text, &e), -EINVAL);
		tap_ok(strstr(err_text(&e), bad[i].says), "%s: %s", bad[i].text, err_text(&e));
	}
	tap_ok(l.sustain == 7, "a text that is refused changes nothing");
}

int main(void)
{
	TAP_RUN(a_scheduler_that_does_well_breaks_no_rule);
	TAP_RUN(an_imbalance_counts_when_it_lasts);
	TAP_RUN(a_deep_local_dsq_is_told_with_its_cpu);
	TAP_RUN(a_clock_that_stands_still_is_a_stall);
	TAP_RUN(an_idle_cpu_or_one_that_the_host_took_away_does_not_stall);
	TAP_RUN(event_rates_are_of_all_cpus_by_the_second);
	TAP_RUN(the_warm_up_and_what_was_not_read_do_not_count);
	TAP_RUN(a_kernel_that_is_read_wrong_is_not_measured);
	TAP_RUN(other_limits_begin_anew);
	TAP_RUN(what_is_to_be_enforced_must_have_been_measured);
	TAP_RUN(findings_are_bounded_and_what_is_dropped_is_counted);
	TAP_RUN(limits_are_taken_from_text);
	return tap_done();
}
