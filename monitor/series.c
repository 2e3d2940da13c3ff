/* SPDX-License-Identifier: GPL-2.0-only */
/* A store of samples that thins itself out, and running totals. */
#include "monitor/series.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"

struct total {
	struct series_stat stat;
	double sum;
};

struct series {
	unsigned cpus;
	size_t room, count;
	struct sample *sample;		/* [room], their CPUs in cells */
	struct sample_cpu *cells;	/* [room][cpus] */
	uint64_t came, stride;
	struct total *total;		/* [cpus][SAMPLE_FIELD_COUNT] */
	uint64_t imbalances;
	double imbalance_sum, imbalance_max;
};

int series_create(unsigned cpus, size_t bytes, struct series **ret, struct err *e)
{
	struct series *s = calloc(1, sizeof(*s));
	const size_t one = sizeof(struct sample) + cpus * sizeof(struct sample_cpu);

	if (!s)
		return err_sys(e, -ENOMEM, "samples");
	s->cpus = cpus;
	s->stride = 1;
	s->room = MAX(bytes / one, (size_t)2);
	s->sample = calloc(s->room, sizeof(*s->sample));
	s->cells = calloc(s->room * cpus, sizeof(*s->cells));
	s->total = calloc((size_t)cpus * SAMPLE_FIELD_COUNT, sizeof(*s->total));
	if (!s->sample || !s->cells || !s->total) {
		series_destroy(s);
		return err_sys(e, -ENOMEM, "samples");
	}
	*ret = s;
	return 0;
}

void series_destroy(struct series *s)
{
	if (!s)
		return;
	free(s->total);
	free(s->cells);
	free(s->sample);
	free(s);
}

/* --- totals ---------------------------------------------------------------- */

static void total_add(struct total *t, uint64_t v)
{
	struct series_stat *st = &t->stat;

	if (!st->n)
		st->first = v;
	else
		st->grown += v >= st->last ? v - st->last : v;
	st->last = v;
	st->max = MAX(st->max, v);
	t->sum += (double)v;
	st->n++;
}

static void add_imbalance(struct series *s, const struct sample *sample)
{
	uint64_t most = 0, least = UINT64_MAX;
	double ratio;

	for (unsigned i = 0; i < s->cpus; i++) {
		const struct sample_cpu *c = &sample->cpu[i];

		if (!(c->have & 1u << SAMPLE_NR_RUNNING))
			return;
		most = MAX(most, c->value[SAMPLE_NR_RUNNING]);
		least = MIN(least, c->value[SAMPLE_NR_RUNNING]);
	}
	ratio = (double)most / (double)MAX(least, UINT64_C(1));
	s->imbalances++;
	s->imbalance_sum += ratio;
	s->imbalance_max = MAX(s->imbalance_max, ratio);
}

/* --- the store --------------------------------------------------------------- */

static void put(struct series *s, size_t i, const struct sample *from)
{
	struct sample_cpu *cpu = &s->cells[i * s->cpus];

	s->sample[i] = *from;
	s->sample[i].cpu = cpu;
	memmove(cpu, from->cpu, s->cpus * sizeof(*cpu));
}

static void thin_out(struct series *s)
{
	s->count = (s->count + 1) / 2;
	for (size_t i = 1; i < s->count; i++)
		put(s, i, &s->sample[2 * i]);
	s->stride *= 2;
}

void series_add(struct series *s, const struct sample *sample)
{
	assert(sample->cpus == s->cpus);
	for (unsigned i = 0; i < s->cpus; i++)
		for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
			if (sample->cpu[i].have & 1u << f)
				total_add(&s->total[i * SAMPLE_FIELD_COUNT + (unsigned)f],
					  sample->cpu[i].value[f]);
	add_imbalance(s, sample);
	if (s->came++ % s->stride)
		return;
	if (s->count == s->room) {
		thin_out(s);
		if ((s->came - 1) % s->stride)
			return;
	}
	put(s, s->count++, sample);
}

uint64_t series_total(const struct series *s)
{
	return s->came;
}

size_t series_count(const struct series *s)
{
	return s->count;
}

const struct sample *series_get(const struct series *s, size_t i)
{
	return &s->sample[i];
}

uint64_t series_stride(const struct series *s)
{
	return s->stride;
}

struct series_stat series_stat(const struct series *s, unsigned cpu, enum sample_field f)
{
	const struct total *t = &s->total[cpu * SAMPLE_FIELD_COUNT + (unsigned)f];
	struct series_stat st = t->stat;

	st.avg = st.n ? t->sum / (double)st.n : 0;
	return st;
}

uint64_t series_imbalance(const struct series *s, double *ret_avg, double *ret_max)
{
	*ret_avg = s->imbalances ? s->imbalance_sum / (double)s->imbalances : 0;
	*ret_max = s->imbalance_max;
	return s->imbalances;
}
