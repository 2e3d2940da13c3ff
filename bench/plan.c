/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured, and in which order. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "bench/bench.h"

/* Of each guest, unless memory is what varies. */
#define MEMORY_MIB 256

static struct row *add_row(struct bench_plan *p, enum bench_vmm vmm, unsigned cpus,
			   unsigned memory_mib)
{
	struct row *row = &p->row[p->rows++];

	*row = (struct row){ .vmm = vmm, .cpus = cpus, .memory_mib = memory_mib };
	return row;
}

static void add_job(struct bench_plan *p, size_t i, enum bench_look look)
{
	const struct row *row = &p->row[i];

	p->job[p->count++] = (struct job){ i, row->vmm, row->cpus, row->memory_mib, look,
					   row->load, row->monitor };
}

static void compare_rows(struct bench_plan *p, const struct bench_options *o)
{
	static const unsigned cpus[] = { 1, 4 };

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		for (int v = 0; v < BENCH_VMM_COUNT; v++)
			if (v != BENCH_QEMU || o->qemu)
				add_row(p, (enum bench_vmm)v, cpus[i], MEMORY_MIB);
}

/*
 * A counted guest of 4 vCPUs and more stands still, nearly always: doc/benchmarks.md
 * has the line of QEMU that is to blame, and who has changed it says --cpus.
 */
#define COUNTED_CPUS_MAX 2

static unsigned cpus_max(const struct bench_options *o)
{
	return o->cpus ? o->cpus : o->counted ? COUNTED_CPUS_MAX : UINT_MAX;
}

/* How the time grows with memory, and with vCPUs (all with memory for the most). */
static void scale_rows(struct bench_plan *p, const struct bench_options *o)
{
	static const unsigned memory_mib[] = { 256, 1024, 4096, 8192 };
	static const unsigned cpus[] = { 1, 2, 4, 8, 16, 32, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(memory_mib); i++)
		add_row(p, BENCH_KTSTR_SET, 1, memory_mib[i]);
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		if (cpus[i] <= cpus_max(o))
			add_row(p, BENCH_KTSTR_SET, cpus[i], 512);
}

/* The whole way of a payload: packed or found, loaded, unpacked by the guest. */
static void payload_rows(struct bench_plan *p, const struct bench_options *o)
{
	static const unsigned mb[] = { 5, 60, 300 };

	(void)o;
	for (size_t i = 0; i < ARRAY_SIZE(mb); i++)
		for (int how = 0; how < BENCH_HOW_COUNT; how++)
			add_row(p, BENCH_KTSTR, 1, 0)->load =
				(struct bench_load){ mb[i], (enum bench_how)how };
}

/* The same guest with and without eyes on it, in turn. */
static void watch_rows(struct bench_plan *p, const struct bench_options *o)
{
	static const unsigned cpus[] = { 1, 4 };

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		for (int m = MONITOR_OFF; m < MONITOR_COUNT; m++)
			if (cpus[i] <= cpus_max(o))
				add_row(p, BENCH_KTSTR_SET, cpus[i], MEMORY_MIB)->monitor =
					(enum bench_monitor)m;
}

/* What is measured of each row: runs for their time, and looks that are made once. */
static const struct measured {
	void (*rows)(struct bench_plan *p, const struct bench_options *o);
	unsigned once;			/* bits: enum bench_look */
	unsigned direct, counted;	/* runs, when nobody says how many */
	bool in_turn;			/* a run of every row, then the next of every row */
} measured[] = {
	[BENCH_COMPARE] = { compare_rows, 1u << LOOK_EXITS | 1u << LOOK_MEMORY, 3, 1 },
	[BENCH_SCALE] = { scale_rows, 1u << LOOK_EXITS | 1u << LOOK_INSIDE, 3, 1 },
	[BENCH_PAYLOAD] = { payload_rows, 1u << LOOK_COLD, 3, 1 },
	[BENCH_WATCH] = { watch_rows, 1u << LOOK_EXITS, 10, 3, true },
};
_Static_assert(ARRAY_SIZE(measured) == BENCH_OF_COUNT, "something for each");

static void add_looks(struct bench_plan *p, size_t row, unsigned looks)
{
	for (unsigned l = 0; l < LOOK_COUNT; l++)
		if (looks & 1u << l)
			add_job(p, row, (enum bench_look)l);
}

void bench_plan_init(struct bench_plan *p, const struct bench_options *o)
{
	const struct measured *m = &measured[o->of];
	const unsigned wanted = o->runs ? o->runs : o->counted ? m->counted : m->direct;
	const unsigned runs = MIN(wanted, RUNS_MAX), cold = m->once & 1u << LOOK_COLD;
	const unsigned turns = m->in_turn ? runs : 1;

	memset(p, 0, sizeof(*p));
	p->of = o->of;
	m->rows(p, o);
	for (unsigned turn = 0; turn < turns; turn++)
		for (size_t i = 0; i < p->rows; i++) {
			add_looks(p, i, turn ? 0 : cold);
			for (unsigned k = 0; k < runs / turns; k++)
				add_job(p, i, LOOK_TIME);
			add_looks(p, i, turn + 1 == turns ? m->once & ~cold : 0);
		}
}

/* Where a sample of that look goes. */
static struct sample *place(struct row *row, enum bench_look look)
{
	row->has |= 1u << look;
	return look == LOOK_TIME ? &row->sample[row->done++] : &row->once[look];
}

void bench_plan_sample(struct bench_plan *p, size_t job, const struct sample *s)
{
	*place(&p->row[p->job[job].row], p->job[job].look) = *s;
}

void bench_plan_failed(struct bench_plan *p, size_t job, const char *why)
{
	struct row *row = &p->row[p->job[job].row];

	row->failed++;
	fprintf(stderr, "bench: %s, %u CPUs, %u MiB: %s\n", bench_vmm_name(row->vmm), row->cpus,
		row->memory_mib, why);
}

bool bench_plan_complete(const struct bench_plan *p)
{
	const unsigned all = measured[p->of].once | 1u << LOOK_TIME;

	for (size_t i = 0; i < p->rows; i++)
		if (p->row[i].has != all)
			return false;
	return true;
}

/* --- samples as text -------------------------------------------------------- */

#define SAMPLE_OWN 9
#define SAMPLE_NUMBERS (SAMPLE_OWN + COUNTER_COUNT)

static void to_numbers(const struct sample *s, uint64_t v[SAMPLE_NUMBERS])
{
	const uint64_t own[SAMPLE_OWN] = { s->run_ns, s->init_ns, s->result_ns, s->end_ns,
					   s->inside_ns, s->work_ns, s->watched,
					   s->private_kib, s->resident_kib };

	memcpy(v, own, sizeof(own));
	memcpy(v + SAMPLE_OWN, s->counts.value, sizeof(s->counts.value));
}

void sample_print(size_t job, const struct sample *s)
{
	uint64_t v[SAMPLE_NUMBERS];

	to_numbers(s, v);
	printf("@sample %zu", job);
	for (size_t i = 0; i < SAMPLE_NUMBERS; i++)
		printf(" %" PRIu64, v[i]);
	printf("\n");
	fflush(stdout);
}

bool sample_parse(const char *line, size_t *ret_job, struct sample *ret)
{
	uint64_t v[SAMPLE_NUMBERS];
	int n = 0;

	if (sscanf(line, "@sample %zu%n", ret_job, &n) != 1)
		return false;
	for (size_t i = 0; i < SAMPLE_NUMBERS; i++) {
		char *end;

		v[i] = strtoull(line + n, &end, 10);
		if (end == line + n)
			return false;
		n = (int)(end - line);
	}
	*ret = (struct sample){ v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8],
				{ { 0 }, { 0 } } };
	memcpy(ret->counts.value, v + SAMPLE_OWN, sizeof(ret->counts.value));
	return true;
}
