/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured, in which order, and the tables. */
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
	p->job[p->count++] = (struct job){ row->vmm, row->cpus, row->memory_mib, look };
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

void bench_plan_init(struct bench_plan *p, const struct bench_options *o)
{
	memset(p, 0, sizeof(*p));
	p->scale = o->scale;
	if (o->scale)
		scale_rows(p, o);
	else
		compare_rows(p, o);
	for (size_t i = 0; i < p->rows; i++) {
		for (unsigned k = 0; k < MIN(o->runs, RUNS_MAX); k++)
			add_job(p, &p->row[i], LOOK_TIME);
		add_job(p, &p->row[i], LOOK_EXITS);
		if (!o->scale)
			add_job(p, &p->row[i], LOOK_MEMORY);
	}
}

static struct row *row_of(struct bench_plan *p, size_t job)
{
	for (size_t i = 0; i < p->rows; i++)
		if (p->row[i].vmm == p->job[job].vmm && p->row[i].cpus == p->job[job].cpus &&
		    p->row[i].memory_mib == p->job[job].memory_mib)
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
		if (!p->row[i].done || !p->row[i].has_exits ||
		    (!p->row[i].has_memory && !p->scale))
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

/* --- the tables ------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#define FROM_EXEC SIZE_MAX

/* Median of the time between two of a sample's members; UINT64_MAX: not known. */
static uint64_t span(const struct row *row, size_t from, size_t to)
{
	uint64_t v[RUNS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < row->done; i++) {
		const char *s = (const char *)&row->sample[i];
		uint64_t a = from == FROM_EXEC ? 0 : *(const uint64_t *)(s + from);
		uint64_t b = *(const uint64_t *)(s + to);

		if (b && (a || from == FROM_EXEC) && b >= a)
			v[n++] = b - a;
	}
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 2] : UINT64_MAX;
}

static const struct column {
	const char *head[2];
	size_t from, to;
} columns[] = {
	{ { "exec to", "KVM_RUN" }, FROM_EXEC, offsetof(struct sample, run_ns) },
	{ { "KVM_RUN", "to init" }, offsetof(struct sample, run_ns),
	  offsetof(struct sample, init_ns) },
	{ { "exec to", "init" }, FROM_EXEC, offsetof(struct sample, init_ns) },
	{ { "init to", "result" }, offsetof(struct sample, init_ns),
	  offsetof(struct sample, result_ns) },
	{ { "result", "to end" }, offsetof(struct sample, result_ns),
	  offsetof(struct sample, end_ns) },
	{ { "exec to", "end" }, FROM_EXEC, offsetof(struct sample, end_ns) },
};

static void print_heads(void)
{
	for (int line = 0; line < 2; line++) {
		printf("%-24s %4s", "", line ? "CPUs" : "");
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			printf(" %9s", columns[i].head[line]);
		printf(line ? " %9s %9s  runs\n" : " %9s %9s\n", line ? "KiB" : "private",
		       line ? "KiB" : "resident");
	}
}

static void print_spans(const struct row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		uint64_t ns = span(row, columns[i].from, columns[i].to);

		if (ns == UINT64_MAX)
			printf(" %9s", "-");
		else
			printf(" %9.1f", (double)ns / 1e6);
	}
}

static void print_times(const struct row *row)
{
	printf("%-24s %4u", bench_vmm_name(row->vmm), row->cpus);
	print_spans(row);
	if (row->has_memory)
		printf(" %9" PRIu64 " %9" PRIu64, row->memory.private_kib,
		       row->memory.resident_kib);
	else
		printf(" %9s %9s", "-", "-");
	printf("  %u", row->done);
	if (row->failed)
		printf(", %u more came to nothing", row->failed);
	printf("\n");
}

static void print_exits(const struct bench_plan *p)
{
	static const char *const shorts[] = {
		[BENCH_KTSTR] = "ktstr", [BENCH_KTSTR_SET] = "--memory",
		[BENCH_KTSTR_SLOW] = "--no-fast-boot", [BENCH_QEMU] = "microvm",
	};
	size_t count;
	const struct counter *c = counters(&count);

	_Static_assert(ARRAY_SIZE(shorts) == BENCH_VMM_COUNT, "a short name for each");
	printf("\nExits of one run, by the number of vCPUs\n\n%-16s", "");
	for (size_t i = 0; i < p->rows; i++)
		printf(" %14s/%u", shorts[p->row[i].vmm], p->row[i].cpus);
	printf("\n");
	for (size_t k = 0; k < count; k++) {
		printf("%-16s", c[k].name);
		for (size_t i = 0; i < p->rows; i++) {
			const struct row *row = &p->row[i];

			if (row->has_exits && row->exits.counts.value[k] != UINT64_MAX)
				printf(" %16" PRIu64, row->exits.counts.value[k]);
			else
				printf(" %16s", "-");
		}
		printf("\n");
	}
}

/* All exits, and those to user space: the first of trace.c's counters. */
#define SCALE_COUNTERS 2

static void print_scale(const struct bench_plan *p)
{
	static const char *const heads[SCALE_COUNTERS][2] = {
		{ "exits", "" }, { "to user", "space" },
	};

	for (int line = 0; line < 2; line++) {
		printf("%4s %9s", line ? "" : "CPUs", line ? "" : "MiB");
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			printf(" %9s", columns[i].head[line]);
		for (size_t k = 0; k < SCALE_COUNTERS; k++)
			printf(" %9s", heads[k][line]);
		printf("\n");
	}
	for (size_t i = 0; i < p->rows; i++) {
		const struct row *row = &p->row[i];

		printf("%4u %9u", row->cpus, row->memory_mib);
		print_spans(row);
		for (size_t k = 0; k < SCALE_COUNTERS; k++) {
			uint64_t n = row->has_exits ? row->exits.counts.value[k] : UINT64_MAX;

			if (n == UINT64_MAX)
				printf(" %9s", "-");
			else
				printf(" %9" PRIu64, n);
		}
		if (row->failed)
			printf("  %u came to nothing", row->failed);
		printf("\n");
	}
}

void bench_plan_print(const struct bench_plan *p, bool counted)
{
	printf("Milliseconds, median of the runs%s.%s\n\n",
	       counted ? "; clocks count instructions: 1 ms is 10^6 of them" : "",
	       p->scale ? "" : " Memory of the VMM beside guest RAM.");
	if (p->scale) {
		print_scale(p);
		return;
	}
	print_heads();
	for (size_t i = 0; i < p->rows; i++)
		print_times(&p->row[i]);
	print_exits(p);
}
