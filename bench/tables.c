/* SPDX-License-Identifier: GPL-2.0-only */
/* What came of the plan, as text. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "bench/bench.h"

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

/* --- payloads ---------------------------------------------------------------- */

static void print_ms(uint64_t from, uint64_t to)
{
	if (to > from)
		printf(" %9.1f", (double)(to - from) / 1e6);
	else
		printf(" %9s", "-");
}

static void print_payload(const struct bench_plan *p)
{
	printf("%6s %-16s %9s %9s %9s %9s %9s\n%6s %-16s %9s %9s %9s %9s %9s\n",
	       "", "", "first run", "", "again", "", "",
	       "MB", "", "to KVM_RUN", "to init", "to KVM_RUN", "unpacking", "to init");
	for (size_t i = 0; i < p->rows; i++) {
		const struct row *row = &p->row[i];
		const struct sample *warm = &row->sample[0];

		printf("%6u %-16s", row->load.mb, bench_how_name(row->load.how));
		print_ms(0, row->cold.run_ns);
		print_ms(0, row->cold.init_ns);
		print_ms(0, warm->run_ns);
		print_ms(warm->run_ns, warm->init_ns);
		print_ms(0, warm->init_ns);
		if (row->failed)
			printf("  %u came to nothing", row->failed);
		printf("\n");
	}
}

void bench_plan_print(const struct bench_plan *p, bool counted)
{
	printf("Milliseconds, median of the runs%s.%s\n\n",
	       counted ? "; clocks count instructions: 1 ms is 10^6 of them" : "",
	       p->of == BENCH_COMPARE ? " Memory of the VMM beside guest RAM." : "");
	if (p->of == BENCH_SCALE) {
		print_scale(p);
		return;
	}
	if (p->of == BENCH_PAYLOAD) {
		print_payload(p);
		return;
	}
	print_heads();
	for (size_t i = 0; i < p->rows; i++)
		print_times(&p->row[i]);
	print_exits(p);
}
