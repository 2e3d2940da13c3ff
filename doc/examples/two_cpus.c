/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two busy workers on two CPUs: both must make progress, neither may starve.
 *
 *	cc two_cpus.c $(pkg-config --cflags --libs ktstr) -o two_cpus
 *	ktstr run ./two_cpus
 *	ktstr run ./two_cpus -- ask_for_more
 */
#include <ktstr/test.h>

KTSTR_TEST(two_cpus, .cores = 2, .duration_ms = 400,
	   .about = "of two spinning workers neither starves")
{
	struct ktstr_report report[2];

	if (ktstr_run_workers(t, 2, ktstr_duration_ms(t), ktstr_work_spin, NULL, report) < 0) {
		ktstr_inconclusive(t, "the workers could not be started");
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (!ktstr_check(t, report[i].reported, "worker %u died", i))
			return;
		ktstr_check(t, report[i].work_units > 0, "worker %u did no work", i);
		ktstr_note(t, "worker %u: %llu ms of CPU in %llu ms, %llu migrations", i,
			   (unsigned long long)report[i].cpu_ns / 1000000,
			   (unsigned long long)report[i].wall_ns / 1000000,
			   (unsigned long long)report[i].migrations);
		/* two workers on one CPU would have half of it each, and these have two */
		ktstr_check(t, report[i].cpu_ns > report[i].wall_ns / 4,
			    "worker %u had a CPU for %llu %% of its time only", i,
			    (unsigned long long)(report[i].cpu_ns * 100 / report[i].wall_ns));
	}
}

/* Fails, to show how that looks; it runs by name only. */
KTSTR_TEST(ask_for_more, .tags = "manual", .about = "fails: the machine is too small")
{
	ktstr_check(t, ktstr_cpus(t) >= 1000, "only %u CPUs", ktstr_cpus(t));
}

KTSTR_MAIN
