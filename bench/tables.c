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

static void print_ms(uint64_t ns)
{
	if (ns && ns != UINT64_MAX)
		printf(" %9.1f", (double)ns / 1e6);
	else
		printf(" %9s", "-");
}

static void print_spans(const struct row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		print_ms(span(row, columns[i].from, columns[i].to));
}

static void print_times(const struct row *row)
{
	printf("%-24s %4u", bench_vmm_name(row->vmm), row->cpus);
	print_spans(row);
	if (row->has & 1u << LOOK_MEMORY)
		printf(" %9" PRIu64 " %9" PRIu64, row->once[LOOK_MEMORY].private_kib,
		       row->once[LOOK_MEMORY].resident_kib);
	else
		printf(" %9s %9s", "-", "-");
	printf("  %u", row->done);
	if (row->failed)
		printf(", %u more came to nothing", row->failed);
	printf("\n");
}

static void print_count(const struct row *row, enum bench_counter counter)
{
	uint64_t n = row->has & 1u << LOOK_EXITS ? row->once[LOOK_EXITS].counts.value[counter] :
						   UINT64_MAX;

	if (n == UINT64_MAX)
		printf(" %9s", "-");
	else
		printf(" %9" PRIu64, n);
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
			printf("       ");
			print_count(&p->row[i], k);
		}
		printf("\n");
	}
}

static void print_scale(const struct bench_plan *p)
{
	static const struct { const char *head[2]; enum bench_counter counter; } counts[] = {
		{ { "exits", "" }, COUNTER_EXITS }, { { "to user", "space" }, COUNTER_USER },
		{ { "page", "faults" }, COUNTER_FAULTS },
	};

	for (int line = 0; line < 2; line++) {
		printf("%4s %9s", line ? "" : "CPUs", line ? "" : "MiB");
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			printf(" %9s", columns[i].head[line]);
		printf(" %9s", line ? "guest" : "in the");
		for (size_t k = 0; k < ARRAY_SIZE(counts); k++)
			printf(" %9s", counts[k].head[line]);
		printf("\n");
	}
	for (size_t i = 0; i < p->rows; i++) {
		const struct row *row = &p->row[i];

		printf("%4u %9u", row->cpus, row->memory_mib);
		print_spans(row);
		print_ms(row->once[LOOK_INSIDE].inside_ns);
		for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
			print_count(row, counts[k].counter);
		}
		if (row->failed)
			printf("  %u came to nothing", row->failed);
		printf("\n");
	}
	printf("\nIn the guest: of the time from KVM_RUN to the result. Seen in a run of its own, "
	       "where being traced costs time outside of it.\n");
}

/* --- payloads ---------------------------------------------------------------- */

static void print_payload(const struct bench_plan *p)
{
	printf("%6s %-16s %9s %9s %9s %9s %9s\n%6s %-16s %9s %9s %9s %9s %9s\n",
	       "", "", "first run", "", "again", "", "",
	       "MB", "", "to KVM_RUN", "to init", "to KVM_RUN", "unpacking", "to init");
	for (size_t i = 0; i < p->rows; i++) {
		const struct row *row = &p->row[i];
		const struct sample *warm = &row->sample[0], *cold = &row->once[LOOK_COLD];

		printf("%6u %-16s", row->load.mb, bench_how_name(row->load.how));
		print_ms(cold->run_ns);
		print_ms(cold->init_ns);
		print_ms(warm->run_ns);
		print_ms(warm->init_ns - MIN(warm->run_ns, warm->init_ns));
		print_ms(warm->init_ns);
		if (row->failed)
			printf("  %u came to nothing", row->failed);
		printf("\n");
	}
}

/* --- what a guest loses to the monitor ------------------------------------------ */

/* The row of the same guest without a monitor stands before those with one. */
static const struct row *unwatched(const struct bench_plan *p, size_t i)
{
	while (p->row[i].monitor != MONITOR_OFF)
		i--;
	return &p->row[i];
}

/* How much longer the work took than in the same turn's run without: sorted, *ret_n of them. */
static void differences(const struct row *row, const struct row *off, double v[RUNS_MAX],
			unsigned *ret_n)
{
	unsigned n = MIN(row->done, off->done);

	for (unsigned i = 0; i < n; i++) {
		const uint64_t base = off->sample[i].work_ns;
		unsigned at = i;
		double d = base ? ((double)row->sample[i].work_ns - (double)base) * 100 /
				  (double)base : 0;

		for (; at && v[at - 1] > d; at--)
			v[at] = v[at - 1];
		v[at] = d;
	}
	*ret_n = n;
}

static void print_watch(const struct bench_plan *p)
{
	printf("%4s  %-14s %9s %9s %9s %9s   %s\n", "CPUs", "monitor", "work", "exits", "to user",
	       "samples", "more work than without: median of pairs, least to most");
	for (size_t i = 0; i < p->rows; i++) {
		const struct row *row = &p->row[i], *off = unwatched(p, i);
		double v[RUNS_MAX];
		unsigned n;

		printf("%4u  %-14s", row->cpus, bench_monitor_name(row->monitor));
		print_ms(span(row, FROM_EXEC, offsetof(struct sample, work_ns)));
		print_count(row, COUNTER_EXITS);
		print_count(row, COUNTER_USER);
		printf(" %9" PRIu64, row->once[LOOK_EXITS].watched);
		differences(row, off, v, &n);
		if (n && row != off)
			printf("   %+.2f %%  (%+.2f to %+.2f, %u pairs)", v[n / 2], v[0], v[n - 1],
			       n);
		if (row->failed)
			printf("  %u came to nothing", row->failed);
		printf("\n");
	}
}

static void print_compare(const struct bench_plan *p)
{
	print_heads();
	for (size_t i = 0; i < p->rows; i++)
		print_times(&p->row[i]);
	print_exits(p);
}

void bench_plan_print(const struct bench_plan *p, bool counted)
{
	static void (*const print[])(const struct bench_plan *p) = {
		[BENCH_COMPARE] = print_compare, [BENCH_SCALE] = print_scale,
		[BENCH_PAYLOAD] = print_payload, [BENCH_WATCH] = print_watch,
	};
	_Static_assert(ARRAY_SIZE(print) == BENCH_OF_COUNT, "a table for each");

	printf("Milliseconds, median of the runs%s.%s\n\n",
	       counted ? "; clocks count instructions: 1 ms is 10^6 of them" : "",
	       p->of == BENCH_COMPARE ? " Memory of the VMM beside guest RAM." : "");
	print[p->of](p);
}
