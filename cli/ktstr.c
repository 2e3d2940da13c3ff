/* SPDX-License-Identifier: GPL-2.0-only */
/* The ktstr program: the command, and the test that it carries by itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "ktstr/test.h"

#define NSEC_PER_MSEC 1000000u

/* A worker that the scheduler let run has done at least one unit. */
static void check_worker(struct ktstr_t *t, unsigned i, const struct ktstr_report *r)
{
	if (!r->reported && WIFSIGNALED(r->status))
		ktstr_fail(t, "WorkerDied", "worker %u died of signal %d", i, WTERMSIG(r->status));
	else if (!r->reported)
		ktstr_fail(t, "WorkerDied", "worker %u exited with status %d", i,
			   WEXITSTATUS(r->status));
	else if (!r->work_units)
		ktstr_fail(t, "Starved", "worker %u did nothing in %" PRIu64 " ms, %" PRIu64
			   " ms of them on a CPU", i, r->wall_ns / NSEC_PER_MSEC,
			   r->cpu_ns / NSEC_PER_MSEC);
}

KTSTR_TEST(smoke, .about = "one worker per CPU spins; each must make progress")
{
	unsigned n = ktstr_cpus(t);
	struct ktstr_report *reports = calloc(n, sizeof(*reports));
	int r;

	if (!reports) {
		ktstr_inconclusive(t, "no memory for %u reports", n);
		return;
	}
	r = ktstr_run_workers(t, n, ktstr_duration_ms(t), ktstr_work_spin, NULL, reports);
	if (r < 0)
		ktstr_inconclusive(t, "%u workers could not be started: error %d", n, -r);
	for (unsigned i = 0; r == 0 && i < n; i++)
		check_worker(t, i, &reports[i]);
	free(reports);
}

KTSTR_MAIN
