/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark program: bench.h has the idea. Three roles in one binary:
 *
 *	boot [OPTION...]		measures, here or in a counted nested run
 *	boot measure OPTION...		inside the nested run
 *	boot run ..., or PID 1		ktstr with the tests below
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "bench/bench.h"
#include "boot/kernels.h"
#include "ktstr/test.h"
#include "vcpu/probe.h"

KTSTR_TEST(empty, .tags = "manual", .about = "nothing")
{
	(void)t;
}

KTSTR_TEST(linger, .tags = "manual", .about = "time to look at the VMM from outside")
{
	(void)t;
	(void)poll(NULL, 0, 300);
}

KTSTR_TEST(work, .tags = "manual", .about = "a fixed amount of work on each CPU")
{
	ktstr_check(t, work_all(ktstr_cpus(t)), "every CPU did its work");
}

static const char usage[] =
	"usage: boot [--counted | --direct] [--runs N] [--kernel SPEC] [--outer-kernel SPEC]\n"
	"            [--qemu PATH | --no-qemu] [--scale | --payload | --watch] [--cpus N]\n"
	"--scale: boots of ktstr alone, by the number of vCPUs and by memory.\n"
	"--payload: boots of ktstr alone, by the size of the initramfs and how it is packed.\n"
	"--watch: the same work in a guest with and without the monitor, in turn.\n"
	"--cpus: of the widest guest of --scale and --watch.\n"
	"Without --counted and --direct: what this machine's /dev/kvm can do decides.\n";

enum {
	COUNTED = 256, DIRECT, RUNS, KERNEL, BZIMAGE, OUTER, QEMU, NO_QEMU, SCALE, PAYLOAD, WATCH,
	CPUS, FIRST,
};

static const struct option long_options[] = {
	{ "counted", no_argument, NULL, COUNTED },
	{ "direct", no_argument, NULL, DIRECT },
	{ "runs", required_argument, NULL, RUNS },
	{ "kernel", required_argument, NULL, KERNEL },
	{ "bzimage", required_argument, NULL, BZIMAGE },
	{ "outer-kernel", required_argument, NULL, OUTER },
	{ "qemu", required_argument, NULL, QEMU },
	{ "no-qemu", no_argument, NULL, NO_QEMU },
	{ "scale", no_argument, NULL, SCALE },
	{ "payload", no_argument, NULL, PAYLOAD },
	{ "watch", no_argument, NULL, WATCH },
	{ "cpus", required_argument, NULL, CPUS },
	{ "first", required_argument, NULL, FIRST },	/* measure: the jobs from this one on */
	{ 0 },
};

/* False: a usage error. *direct: 1 or 0 as said, -1: not said. */
static bool parse(int argc, char **argv, struct bench_options *o, int *direct, size_t *first)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0)
		switch (c) {
		case COUNTED: *direct = 0; break;
		case DIRECT: *direct = 1; break;
		case RUNS: o->runs = (unsigned)strtoul(optarg, NULL, 10); break;
		case KERNEL: o->kernel = optarg; break;
		case BZIMAGE: o->bzimage = optarg; break;
		case OUTER: o->outer_kernel = optarg; break;
		case QEMU: o->qemu = optarg; break;
		case NO_QEMU: o->qemu = NULL; break;
		case SCALE: o->of = BENCH_SCALE; break;
		case PAYLOAD: o->of = BENCH_PAYLOAD; break;
		case WATCH: o->of = BENCH_WATCH; break;
		case CPUS: o->cpus = (unsigned)strtoul(optarg, NULL, 10); break;
		case FIRST: *first = strtoul(optarg, NULL, 10); break;
		default: return false;
		}
	return optind == argc && o->runs <= RUNS_MAX;
}

/* The guest's kernel, once for all: paths of what ktstr and QEMU boot. */
static int resolve(struct bench_options *o, struct kernel *k, struct err *e)
{
	int r = kernel_find(o->kernel, k, e);

	if (r < 0)
		return err_ctx(e, r, "kernel");
	o->kernel = k->image;
	if (k->bzimage)
		o->bzimage = k->bzimage;
	return 0;
}

static int bench(int argc, char **argv)
{
	static struct bench_plan plan;
	struct bench_options o = {
		.qemu = "qemu-system-x86_64",
		.outer_kernel = getenv("KTSTR_OUTER_KERNEL"),
	};
	struct kernel k = { 0 };
	struct err e = ERR_INIT;
	int direct = -1, r;
	size_t first = 0;

	if (!parse(argc, argv, &o, &direct, &first)) {
		fputs(usage, stderr);
		return 64;
	}
	r = resolve(&o, &k, &e);
	if (r == 0) {
		if (direct < 0)
			direct = probe_kvm("/dev/kvm", NULL) == PROBE_OK;
		o.counted = !direct;
		bench_plan_init(&plan, &o);
		if (direct)
			bench_measure(&o, &plan);
		else
			r = bench_counted(&o, &plan, &e);
	}
	if (r < 0)
		fprintf(stderr, "bench: %s\n", err_text(&e));
	else
		bench_plan_print(&plan, !direct);
	kernel_fini(&k);
	return r < 0 ? 99 : !bench_plan_complete(&plan);
}

/* Everything is resolved by whoever packed us. */
static int measure(int argc, char **argv)
{
	struct bench_options o = { .counted = true };
	size_t first = 0;
	int direct;

	if (!parse(argc, argv, &o, &direct, &first))
		return 64;
	return bench_measure_lines(&o, first);
}

extern const struct ktstr_test *const __start_ktstr_tests[]
	__attribute__((weak, visibility("hidden")));
extern const struct ktstr_test *const __stop_ktstr_tests[]
	__attribute__((weak, visibility("hidden")));

static bool is_command(const char *word)
{
	static const char *const words[] = { "run", "list", "version" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (getpid() == 1 || is_command(word))
		return ktstr_main(argc, argv, __start_ktstr_tests,
				  (size_t)(__stop_ktstr_tests - __start_ktstr_tests));
	if (!strcmp(word, "measure"))
		return measure(argc - 1, argv + 1);
	return bench(argc, argv);
}
