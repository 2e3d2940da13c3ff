/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_SERIES_H
#define KTSTR_MONITOR_SERIES_H
/*
 * The samples of a run in bounded memory, and what they amount to.
 *
 * When the store is full every second sample in it is dropped, and from then on
 * every second one that comes: what stays is spread evenly over the whole run, at
 * half the rate. Totals, averages and maxima are kept aside and count every sample.
 *
 * Pure. Thread: any, one at a time.
 */
#include <stddef.h>
#include <stdint.h>

#include "monitor/sample.h"

struct series;

/* bytes: room for samples, at least two. */
int series_create(unsigned cpus, size_t bytes, struct series **ret, struct err *e);
void series_destroy(struct series *s);

void series_add(struct series *s, const struct sample *sample);

/* Samples that came, that are stored, and the i-th of these. */
uint64_t series_total(const struct series *s);
size_t series_count(const struct series *s);
const struct sample *series_get(const struct series *s, size_t i);
/* Of so many that came one was kept. */
uint64_t series_stride(const struct series *s);

/* What one field of one CPU did; n 0: it was never read. */
struct series_stat {
	uint64_t n;			/* samples that had it */
	uint64_t first, last, max;
	double avg;
	uint64_t grown;			/* counters: sum of increases; a smaller number restarts */
};
struct series_stat series_stat(const struct series *s, unsigned cpu, enum sample_field f);

/*
 * Largest by smallest nr_running (at least 1) of all CPUs: average and maximum over
 * all samples that have both; returns how many.
 */
uint64_t series_imbalance(const struct series *s, double *ret_avg, double *ret_max);

#endif
