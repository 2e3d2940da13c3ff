/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one sample of the scheduler costs, by the number of CPUs, with the types of
 * a real kernel (the one that ktstr finds, or the argument) over memory that was
 * built here: no guest runs, so it works on every machine. A row: time, and
 * instructions where the kernel lets us count them.
 */
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/units.h"
#include "boot/kernels.h"
#include "loop/kernel_index.h"
#include "monitor/layout.h"
#include "monitor/sample.h"
#include "test/guest-kernel.h"

#define ROUNDS 2000
#define LEVELS 3
/* Scheduling domains: LEVELS of 1 KiB each for 256 CPUs. */
#define DOMAINS_GPA 0x3000000u

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

/* Each CPU's runqueue gets a list of domains, as the kernel's types have them. */
static bool add_domains(struct guest_kernel *g)
{
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

static void measure(const struct btf *btf, unsigned cpus, bool domains)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;
	struct sampler *s = NULL;
	int fd = open_counter();

	g.cpus = cpus;
	g.make.btf = btf;
	if (guest_kernel_open(&g) && guest_kernel_attach(&g, GUEST_KERNEL_CR3, true) == 0 &&
	    (!domains || add_domains(&g)) &&
	    sampler_create(g.index, cpus, &s, &g.err) == 0) {
		uint64_t t, n;

		for (unsigned i = 0; i < ROUNDS / 10; i++)
			sampler_take(s, g.monitor, i);
		n = instructions(fd);
		t = units_now_ns();
		for (unsigned i = 0; i < ROUNDS; i++)
			sampler_take(s, g.monitor, i);
		t = units_now_ns() - t;
		n = instructions(fd) - n;
		printf("%5u  %-8s %10" PRIu64 " %8" PRIu64, cpus, domains ? "3 levels" : "none",
		       t / ROUNDS, t / ROUNDS / cpus);
		if (n)
			printf(" %12" PRIu64, n / ROUNDS / cpus);
		printf("\n");
	} else {
		printf("%5u  %s\n", cpus, err_text(&g.err));
	}
	sampler_destroy(s);
	guest_kernel_close(&g);
	close_fd(&fd);
}

int main(int argc, char **argv)
{
	static const unsigned cpus[] = { 1, 16, 64, 256 };
	struct kernel kernel = { 0 };
	struct kindex *index = NULL;
	struct err e = ERR_INIT;

	if (kernel_find(argc > 1 ? argv[1] : NULL, &kernel, &e) < 0 ||
	    kernel_index_open(kernel.image, &index, &e) < 0) {
		fprintf(stderr, "sample: %s\n", err_text(&e));
		kernel_fini(&kernel);
		return 1;
	}
	printf("types of %s\n CPUs  domains   ns/sample   ns/CPU   insns/CPU\n", kernel.image);
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++)
		for (int domains = 0; domains < 2; domains++)
			measure(kindex_btf(index), cpus[i], domains);
	kindex_close(index);
	kernel_fini(&kernel);
	return 0;
}
