/* SPDX-License-Identifier: GPL-2.0-only */
/* A bounded series: what stays, what is dropped, and that totals count all. */
#include "base/err.h"
#include "base/util.h"
#include "monitor/series.h"
#include "test/tap.h"

#define CPUS 2
#define ROOM 8

static struct series *open_series(void)
{
	const size_t one = sizeof(struct sample) + CPUS * sizeof(struct sample_cpu);
	struct series *s = NULL;

	tap_eq(series_create(CPUS, ROOM * one, &s, NULL), 0);
	return s;
}

static void add(struct series *s, uint64_t t, uint64_t nr0, uint64_t nr1, uint64_t counter)
{
	struct sample_cpu cpu[CPUS] = { 0 };
	const struct sample one = { .t_ns = t, .cpus = CPUS, .cpu = cpu };

	cpu[0].value[SAMPLE_NR_RUNNING] = nr0;
	cpu[1].value[SAMPLE_NR_RUNNING] = nr1;
	cpu[1].value[SAMPLE_PCOUNT] = counter;
	cpu[0].have = 1u << SAMPLE_NR_RUNNING;
	cpu[1].have = 1u << SAMPLE_NR_RUNNING | 1u << SAMPLE_PCOUNT;
	series_add(s, &one);
}

static void a_short_series_is_kept_whole(void)
{
	struct series *s = open_series();

	for (uint64_t t = 0; t < ROOM; t++)
		add(s, t, t, 10 * t, 0);
	tap_eq(series_count(s), ROOM);
	tap_eq(series_stride(s), 1);
	for (uint64_t t = 0; t < ROOM; t++) {
		tap_eq(series_get(s, t)->t_ns, t);
		tap_eq(series_get(s, t)->cpu[1].value[SAMPLE_NR_RUNNING], 10 * t);
	}
	series_destroy(s);
}

static void a_long_series_is_thinned_out_evenly(void)
{
	for (uint64_t n = ROOM + 1; n < 200; n++) {
		struct series *s = open_series();
		uint64_t stride;

		for (uint64_t t = 0; t < n; t++)
			add(s, t, t, 7 * t, 0);
		stride = series_stride(s);
		tap_eq(series_total(s), n);
		/* every stride-th, from the first to the last that is due */
		tap_eq(series_count(s), (n + stride - 1) / stride);
		tap_ok(series_count(s) <= ROOM && series_count(s) >= ROOM / 2, "%zu of %d",
		       series_count(s), ROOM);
		for (size_t i = 0; i < series_count(s); i++) {
			tap_eq(series_get(s, i)->t_ns, i * stride);
			tap_eq(series_get(s, i)->cpu[1].value[SAMPLE_NR_RUNNING], 7 * i * stride);
		}
		series_destroy(s);
	}
}

static void totals_count_every_sample(void)
{
	struct series *s = open_series();
	struct series_stat st;

	for (uint64_t t = 1; t <= 101; t++)
		add(s, t, t, t == 50 ? 999 : 1, 1000 + 3 * t);
	st = series_stat(s, 0, SAMPLE_NR_RUNNING);
	tap_eq(st.n, 101);
	tap_ok(st.avg > 50.99 && st.avg < 51.01, "%f", st.avg);
	tap_eq(st.max, 101);
	tap_eq(series_stat(s, 1, SAMPLE_NR_RUNNING).max, 999);
	st = series_stat(s, 1, SAMPLE_PCOUNT);
	tap_ok(st.first == 1003 && st.last == 1303 && st.grown == 300, "grown %llu",
	       (unsigned long long)st.grown);
	tap_eq(series_stat(s, 0, SAMPLE_PCOUNT).n, 0);
	series_destroy(s);
}

static void a_counter_that_restarts_goes_on_counting(void)
{
	struct series *s = open_series();

	add(s, 1, 0, 0, 100);
	add(s, 2, 0, 0, 150);
	add(s, 3, 0, 0, 20);
	add(s, 4, 0, 0, 25);
	tap_eq(series_stat(s, 1, SAMPLE_PCOUNT).grown, 50 + 20 + 5);
	series_destroy(s);
}

static void imbalance_is_the_largest_by_the_smallest(void)
{
	struct series *s = open_series();
	double avg, max;

	tap_eq(series_imbalance(s, &avg, &max), 0);
	add(s, 1, 2, 4, 0);
	add(s, 2, 0, 3, 0);	/* an idle CPU counts as 1 */
	add(s, 3, 0, 0, 0);
	tap_eq(series_imbalance(s, &avg, &max), 3);
	tap_ok(max > 2.99 && max < 3.01, "%f", max);
	tap_ok(avg > 1.66 && avg < 1.67, "%f", avg);	/* (2 + 3 + 0) / 3 */
	series_destroy(s);
}

int main(void)
{
	TAP_RUN(a_short_series_is_kept_whole);
	TAP_RUN(a_long_series_is_thinned_out_evenly);
	TAP_RUN(totals_count_every_sample);
	TAP_RUN(a_counter_that_restarts_goes_on_counting);
	TAP_RUN(imbalance_is_the_largest_by_the_smallest);
	return tap_done();
}
