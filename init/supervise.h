/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SUPERVISE_H
#define KTSTR_INIT_SUPERVISE_H
/*
 * Runs the chosen tests one after the other, each in a process of its own, and
 * tells the host what became of it:
 *
 *   TEST_START, then DETAIL and WORKER as they come, CRASH if it died of a
 *   signal, then RESULT
 *
 *   signalfd  (SIGCHLD) --+
 *   timerfd   (budget)  --+-- poll --> the end of a test: what it left behind is
 *   socket    (frames)  --+            killed and reaped, the socket and the pipe
 *   pipe      (output)  --+            are emptied, then RESULT
 *   host      (stop)    --+
 *   scheduler (events)  --+
 *
 * A verdict is the worst that its details ask for, fail > inconclusive > skip >
 * pass; a process that dies of a signal, exits by itself or outlives its budget
 * fails. Over all tests the order is fail > inconclusive > pass > skip.
 *
 * A scheduler under test (sched.h) is attached before the first test begins and
 * stopped behind the last one; each test finds it attached. When the kernel
 * throws it out or its process ends, the running test is killed and fails with
 * that reason, and the tests behind it are skipped. Without it no test runs.
 *
 * The supervisor behaves as PID 1 whatever its pid is: every child of the
 * process is reaped, orphans come to it, and those that a test leaves behind
 * are killed. SIGCHLD is blocked while it runs.
 *
 * Thread: single-threaded process.
 */
#include <stddef.h>

#include "init/machine.h"

struct err;
struct init_host;
struct init_sched_plan;
struct ktstr_test;
struct ktstr_topology;

#define INIT_EXIT_PASS 0
#define INIT_EXIT_FAIL 1
#define INIT_EXIT_INCONCLUSIVE 2
#define INIT_EXIT_SKIP 77
#define INIT_EXIT_ERROR 99

struct init_plan {
	const struct ktstr_test *const *tests;
	size_t count;
	const char *names;		/* lines; NULL or empty: all but "manual" ones */
	const struct init_machine *machine;
	const struct ktstr_topology *topology;	/* what the run asked for; may be NULL */
	unsigned stop_grace_ms;		/* for the running test after a stop; 0: 3 s */
	int kmsg_fd;			/* /dev/kmsg, to say where a test crashed; or -1 */
	const struct init_sched_plan *sched;	/* NULL: none under test, none staged */
};

/* One of INIT_EXIT_PASS ... INIT_EXIT_SKIP, or a negative errno. */
int init_supervise(const struct init_plan *plan, struct init_host *host, struct err *e);

#endif
