/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured, and in which order. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "bench/bench.h"

/* Of each guest, unless memory is what varies. */
#define MEMORY_MIB 256

static void add_row(struct bench_plan *p, enum bench_vmm vmm, unsigned cpus, unsigned memory_mib)
{
	p->row[p->rows++] = (struct row){ .vmm = vmm, .cpus = cpus, .memory_mib = memory_mib };
}

static void add_job(struct bench_plan *p, const struct row *row, enum bench_look look)
{
	p->job[p->count++] = (struct job){ row->vmm, row->cpus, row->memory_mib, look,
					   row->load };
}

static void compare_rows(struct bench_plan *p, const struct bench_options *o)
{
	static const unsigned cpus[] = { 1, 4 };

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		for (int v = 0; v < BENCH_VMM_COUNT; v++)
			if (v != BENCH_QEMU || o->qemu)
				add_row(p, (enum bench_vmm)v, cpus[i], MEMORY_MIB);
}

/* A counted guest of 16 vCPUs stood still in each of eight tries (QEMU 7.2, see loop/nested.h). */
#define COUNTED_CPUS_MAX 4

/* How the time grows with memory, and with vCPUs (all with memory for the most). */
static void scale_rows(struct bench_plan *p, const struct bench_options *o)
{
	static const unsigned memory_mib[] = { 256, 1024, 4096, 8192 };
	static const unsigned cpus[] = { 1, 2, 4, 16, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(memory_mib); i++)
		add_row(p, BENCH_KTSTR_SET, 1, memory_mib[i]);
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		if (!o->counted || cpus[i] <= COUNTED_CPUS_MAX)
			add_row(p, BENCH_KTSTR_SET, cpus[i], 512);
}

/* The whole way of a payload: packed or found, loaded, unpacked by the guest. */
static void payload_rows(struct bench_plan *p)
{
	static const unsigned mb[] = { 5, 60, 300 };

	for (size_t i = 0; i < ARRAY_SIZE(mb); i++)
		for (int how = 0; how < BENCH_HOW_COUNT; how++) {
			add_row(p, BENCH_KTSTR, 1, 0);
			p->row[p->rows - 1].load.mb = mb[i];
			p->row[p->rows - 1].load.how = (enum bench_how)how;
		}
}

void bench_plan_init(struct bench_plan *p, const struct bench_options *o)
{
	memset(p, 0, sizeof(*p));
	p->of = o->of;
	if (o->of == BENCH_SCALE)
		scale_rows(p, o);
	else if (o->of == BENCH_PAYLOAD)
		payload_rows(p);
	else
		compare_rows(p, o);
	for (size_t i = 0; i < p->rows; i++) {
		if (o->of == BENCH_PAYLOAD)
			add_job(p, &p->row[i], LOOK_COLD);
		for (unsigned k = 0; k < MIN(o->runs, RUNS_MAX); k++)
			add_job(p, &p->row[i], LOOK_TIME);
		if (o->of != BENCH_PAYLOAD)
			add_job(p, &p->row[i], LOOK_EXITS);
		if (o->of == BENCH_COMPARE)
			add_job(p, &p->row[i], LOOK_MEMORY);
	}
}

static struct row *row_of(struct bench_plan *p, size_t job)
{
	for (size_t i = 0; i < p->rows; i++)
		if (p->row[i].vmm == p->job[job].vmm && p->row[i].cpus == p->job[job].cpus &&
		    p->row[i].memory_mib == p->job[job].memory_mib &&
		    p->row[i].load.mb == p->job[job].load.mb &&
		    p->row[i].load.how == p->job[job].load.how)
			return &p->row[i];
	return NULL;
}

void bench_plan_sample(struct bench_plan *p, size_t job, const struct sample *s)
{
	struct row *row = row_of(p, job);

	switch (p->job[job].look) {
	case LOOK_TIME:
		row->sample[row->done++] = *s;
		break;
	case LOOK_COLD:
		row->cold = *s;
		row->has_cold = true;
		break;
	case LOOK_EXITS:
		row->exits = *s;
		row->has_exits = true;
		break;
	case LOOK_MEMORY:
		row->memory = *s;
		row->has_memory = true;
		break;
	}
}

void bench_plan_failed(struct bench_plan *p, size_t job, const char *why)
{
	struct row *row = row_of(p, job);

	row->failed++;
	fprintf(stderr, "bench: %s, %u CPUs, %u MiB: %s\n", bench_vmm_name(row->vmm), row->cpus,
		row->memory_mib, why);
}

bool bench_plan_complete(const struct bench_plan *p)
{
	for (size_t i = 0; i < p->rows; i++)
		if (!p->row[i].done ||
		    (!p->row[i].has_exits && p->of != BENCH_PAYLOAD) ||
		    (!p->row[i].has_cold && p->of == BENCH_PAYLOAD) ||
		    (!p->row[i].has_memory && p->of == BENCH_COMPARE))
			return false;
	return true;
}

/* --- samples as text -------------------------------------------------------- */

#define SAMPLE_NUMBERS (6 + COUNTERS_MAX)

static void to_numbers(const struct sample *s, uint64_t v[SAMPLE_NUMBERS])
{
	const uint64_t first[] = { s->run_ns, s->init_ns, s->result_ns, s->end_ns,
				   s->private_kib, s->resident_kib };

	memcpy(v, first, sizeof(first));
	memcpy(v + ARRAY_SIZE(first), s->counts.value, sizeof(s->counts.value));
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
	*ret = (struct sample){ v[0], v[1], v[2], v[3], v[4], v[5], { { 0 }, { 0 } } };
	memcpy(ret->counts.value, v + 6, sizeof(ret->counts.value));
	return true;
}
