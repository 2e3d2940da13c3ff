/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one sample of the scheduler costs, by the number of CPUs, with the types of
 * a real kernel over memory that was built here: no guest runs, so it works on every
 * machine. A row: time, and instructions where the kernel lets us count them.
 *
 *	sample [KERNEL [CPUS [WHAT]]]
 *
 * One row alone is for callgrind, which counts everywhere:
 * valgrind --tool=callgrind --toggle-collect=sample_rounds bench/sample KERNEL 64 base
 */
#include <bpf/btf.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/units.h"
#include "boot/kernels.h"
#include "loop/kernel_index.h"
#include "monitor/kbpf_seen.h"
#include "monitor/layout.h"
#include "monitor/sample.h"
#include "test/kbpf-guest.h"

/* So many rows of a CPU, in samples of all CPUs. */
#define CPU_ROUNDS 51200
#define LEVELS 3
/* Scheduling domains: LEVELS of 1 KiB each for 256 CPUs. */
#define DOMAINS_GPA 0x3000000u
#define SCHED_GPA 0x3200000u
#define EVENTS_PERCPU 0x4000u		/* in each CPU's area */
#define PROGRAMS 32			/* about what a scheduler has */

struct scene {
	struct kbpf_guest f;
	struct sampler *sampler;
	struct kbpf_seen *seen;
};

/* --- what a sample finds ------------------------------------------------------- */

/* Each CPU's runqueue gets a list of domains, as the kernel's types have them. */
static bool add_domains(struct scene *s)
{
	struct guest_kernel *g = &s->f.g;
	struct layout_field sd, parent;

	if (layout_field(kindex_btf(g->index), "rq", "sd", &sd, &g->err) < 0 ||
	    layout_field(kindex_btf(g->index), "sched_domain", "parent", &parent, &g->err) < 0)
		return false;
	for (unsigned cpu = 0; cpu < g->cpus; cpu++) {
		uint64_t at = GUEST_KERNEL_PERCPU + cpu * GUEST_KERNEL_PERCPU_BYTES +
			      VMLINUX_RUNQUEUES + sd.offset;

		for (unsigned i = 0; i < LEVELS; i++) {
			const uint64_t gpa = DOMAINS_GPA + (cpu * LEVELS + i) * 1024;

			guest_put(g, at, g->direct_kva + gpa);
			at = gpa + parent.offset;
		}
	}
	return true;
}

/* A scheduler is attached: its counters are where 6.16 has them. */
static bool add_events(struct scene *s)
{
	struct guest_kernel *g = &s->f.g;
	struct layout_field pointer;

	if (layout_field(kindex_btf(g->index), "scx_sched", "event_stats_cpu", &pointer,
			 &g->err) < 0)
		return false;
	guest_put(g, g->text_gpa + VMLINUX_AT_SCX_ROOT, g->direct_kva + SCHED_GPA);
	guest_put(g, SCHED_GPA + pointer.offset, EVENTS_PERCPU);
	return true;
}

static bool add_programs(struct scene *s, bool counted)
{
	kbpf_guest_node(&s->f, 0, 0, 0, 0);
	kbpf_guest_head(&s->f, VMLINUX_AT_PROG_IDR, kbpf_guest_entry(&s->f, 0));
	for (unsigned i = 0; i < PROGRAMS; i++)
		kbpf_guest_program(&s->f, i, i + 1, "select_cpu");
	kbpf_guest_put(&s->f, s->f.g.text_gpa + VMLINUX_AT_PROG_IDR + IDR_NEXT, 4, PROGRAMS + 1);
	kbpf_guest_put(&s->f, s->f.g.text_gpa + VMLINUX_AT_BPF_STATS_KEY, 4, counted);
	return kbpf_seen_create(s->f.g.index, &s->seen, &s->f.g.err) == 0;
}

static bool add_uncounted(struct scene *s)
{
	return add_programs(s, false);
}

static bool add_counted(struct scene *s)
{
	return add_programs(s, true);
}

/* A copy of the kernel's types, with the counters of 6.16 where it has none. */
static struct btf *types_events(const struct btf *kernel)
{
	static const char *const names[] = {
		"SCX_EV_SELECT_CPU_FALLBACK", "SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE",
		"SCX_EV_DISPATCH_KEEP_LAST", "SCX_EV_ENQ_SKIP_EXITING",
		"SCX_EV_ENQ_SKIP_MIGRATION_DISABLED", "SCX_EV_REFILL_SLICE_DFL",
		"SCX_EV_BYPASS_DURATION", "SCX_EV_BYPASS_DISPATCH", "SCX_EV_BYPASS_ACTIVATE",
	};
	uint32_t n;
	const void *raw = btf__raw_data(kernel, &n);
	struct btf *b = btf__new(raw, n);
	int s64, pointer;

	if (!b || btf__find_by_name_kind(b, "scx_event_stats", BTF_KIND_STRUCT) >= 0)
		return b;
	s64 = btf__add_int(b, "ev64", 8, BTF_INT_SIGNED);
	pointer = btf__add_ptr(b, 0);
	btf__add_struct(b, "scx_event_stats", 8 * ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		btf__add_field(b, names[i], s64, (uint32_t)i * 64, 0);
	btf__add_struct(b, "scx_sched", 64);
	btf__add_field(b, "event_stats_cpu", pointer, 32 * 8, 0);
	return b;
}

static struct btf *types_bpf(const struct btf *kernel)
{
	uint32_t ops;

	(void)kernel;
	return kbpf_guest_kernel_types(&ops);
}

static const struct what {
	const char *name;
	struct btf *(*types)(const struct btf *kernel);		/* NULL: the kernel's */
	bool (*add)(struct scene *s);
} whats[] = {
	{ "base", NULL, NULL },
	{ "domains", NULL, add_domains },
	{ "events", types_events, add_events },
	/* beside the sample */
	{ "bpf", types_bpf, add_uncounted },
	{ "bpf-counted", types_bpf, add_counted },
};

/* --- measuring ------------------------------------------------------------------- */

static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* 0: they cannot be counted here. */
static uint64_t instructions(int fd)
{
	uint64_t v = 0;

	return fd >= 0 && read(fd, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

static void take(struct scene *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		if (s->seen)
			kbpf_seen_take(s->seen, s->f.g.monitor);
		else
			sampler_take(s->sampler, s->f.g.monitor, i);
	}
}

/* By this name for callgrind. */
void sample_rounds(struct scene *s, unsigned rounds);
__attribute__((noinline)) void sample_rounds(struct scene *s, unsigned rounds)
{
	take(s, rounds);
}

static bool scene_open(struct scene *s, const struct btf *types, const struct what *w,
		       unsigned cpus)
{
	struct guest_kernel *g = &s->f.g;

	g->cpus = cpus;
	g->make.btf = types;
	if (!guest_kernel_open(g))
		return false;
	/* kernel.sched_schedstats is 1: there is more to read then */
	kbpf_guest_put(&s->f, g->text_gpa + VMLINUX_AT_SCHEDSTATS, 4, 1);
	return guest_kernel_attach(g, GUEST_KERNEL_CR3, true) == 0 &&
	       sampler_create(g->index, cpus, &s->sampler, &g->err) == 0 &&
	       (!w->add || w->add(s));
}

static void measure(const struct btf *kernel, const struct what *w, unsigned cpus)
{
	struct scene s = { .f.g = GUEST_KERNEL_INIT };
	struct btf *own = w->types ? w->types(kernel) : NULL;
	const unsigned rounds = CPU_ROUNDS / cpus;
	int fd = open_counter();

	if (scene_open(&s, own ? own : kernel, w, cpus)) {
		uint64_t t, n;

		take(&s, rounds / 10);
		n = instructions(fd);
		t = units_now_ns();
		sample_rounds(&s, rounds);
		t = units_now_ns() - t;
		n = instructions(fd) - n;
		printf("%5u  %-12s %10" PRIu64 " %8" PRIu64, cpus, w->name, t / rounds,
		       t / rounds / cpus);
		if (n)
			printf(" %12" PRIu64, n / rounds / cpus);
		printf("\n");
	} else {
		printf("%5u  %s: %s\n", cpus, w->name, err_text(&s.f.g.err));
	}
	kbpf_seen_destroy(s.seen);
	sampler_destroy(s.sampler);
	guest_kernel_close(&s.f.g);
	btf__free(own);
	close_fd(&fd);
}

int main(int argc, char **argv)
{
	static const unsigned cpus[] = { 1, 16, 64, 256 };
	const unsigned only = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	struct kernel kernel = { 0 };
	struct kindex *index = NULL;
	struct err e = ERR_INIT;

	if (kernel_find(argc > 1 ? argv[1] : NULL, &kernel, &e) < 0 ||
	    kernel_index_open(kernel.image, &index, &e) < 0) {
		fprintf(stderr, "sample: %s\n", err_text(&e));
		kernel_fini(&kernel);
		return 1;
	}
	printf("types of %s\n CPUs  what          ns/sample   ns/CPU   insns/CPU\n", kernel.image);
	for (size_t w = 0; w < ARRAY_SIZE(whats); w++)
		for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
			if ((!only || only == cpus[i]) &&
			    (argc < 4 || !strcmp(argv[3], whats[w].name)))
				measure(kindex_btf(index), &whats[w], cpus[i]);
	kindex_close(index);
	kernel_fini(&kernel);
	return 0;
}
