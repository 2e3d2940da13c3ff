/* SPDX-License-Identifier: GPL-2.0-only */
/* The jobs of a plan, one after the other, on this machine's KVM. */
#include <stdio.h>

#include "base/err.h"
#include "bench/bench.h"

/*
 * The first run of a machine pays for its first touch of everything: its time is
 * nobody's. One that fails is told where it counts, by the next.
 */
static void warm_up(const struct bench_options *o, const struct job *first)
{
	struct sample s;
	struct err e = ERR_INIT;

	(void)bench_run(o, first, &s, &e);
}

void bench_measure(const struct bench_options *o, struct bench_plan *p)
{
	if (p->count)
		warm_up(o, &p->job[0]);
	for (size_t i = 0; i < p->count; i++) {
		unsigned tries = 0;
		struct sample s;
		struct err e = ERR_INIT;

		while (tries++ < TRIES_MAX && bench_run(o, &p->job[i], &s, &e) < 0) {
			bench_plan_failed(p, i, err_text(&e));
			err_clear(&e);
			s.end_ns = 0;
		}
		if (s.end_ns)
			bench_plan_sample(p, i, &s);
	}
}

int bench_measure_lines(const struct bench_options *o, size_t first)
{
	static struct bench_plan p;
	struct err e = ERR_INIT;
	struct sample s;

	bench_plan_init(&p, o);
	if (first < p.count)
		warm_up(o, &p.job[first]);
	for (size_t i = first; i < p.count; i++) {
		/* whoever started us knows what is left, and starts us again */
		if (bench_run(o, &p.job[i], &s, &e) < 0) {
			fprintf(stderr, "%s\n", err_text(&e));
			return 1;
		}
		sample_print(i, &s);
	}
	return 0;
}
