/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_KTSTR_H
#define KTSTR_KTSTR_H
/*
 * libktstr: run tests in a virtual machine, on an event loop that you own.
 *
 *	struct ktstr_run *run = ktstr_run_create();
 *	ktstr_run_set(run, "topology", "1,2,2,1");
 *	ktstr_run_set(run, "timeout", "30s");
 *	ktstr_run_start(run, loop, on_done, NULL);
 *	ev_run(loop, 0);
 *
 * Any number of runs may share one loop. The library keeps no state outside
 * its handles, installs no child or signal watcher and never touches the
 * default loop. Two things are process-wide: a handler that does nothing for
 * the signal SIGRTMIN, which interrupts vCPU threads; and the soft limit of
 * open files, which is raised for a machine with hundreds of CPUs.
 *
 * Every function is called on the thread that runs the loop. After a fork the
 * child must not use a handle.
 */
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef KTSTR_API
#define KTSTR_API __attribute__((visibility("default")))
#endif

struct ev_loop;
struct ktstr_run;

/* The version of the library, "0.1.0". */
KTSTR_API const char *ktstr_version(void);

/* A run with default options; NULL when out of memory. */
KTSTR_API struct ktstr_run *ktstr_run_create(void);

/*
 * Ends the run if it is still under way (without calling done) and frees it.
 * May be called from done. Accepts NULL.
 */
KTSTR_API void ktstr_run_destroy(struct ktstr_run *run);

/*
 * Set an option by its long name on the ktstr command line, without dashes:
 * "kernel", "topology", "memory", "timeout", "accel", "binary", ... A flag
 * takes "1" or "0". "test" adds one test to run; without any, all tests of the
 * binary run. Returns 0 or -EINVAL; ktstr_run_error() says why.
 */
KTSTR_API int ktstr_run_set(struct ktstr_run *run, const char *option, const char *value);

/*
 * The streams of a run's command ("command", a word at a time, and "tty"),
 * which otherwise has an empty stdin and output that is thrown away. The
 * descriptors are borrowed until done; -1 stands for such a stream. With "tty"
 * stdin may have Ctrl-A X in it, which ends the run. begun (may be NULL) is
 * called once, when the command runs and before its first output. Before
 * ktstr_run_start().
 */
struct ktstr_streams {
	int in, out, err;
	void (*begun)(struct ktstr_run *run, void *arg);
	void *arg;
};

KTSTR_API int ktstr_run_streams(struct ktstr_run *run, const struct ktstr_streams *streams);

/* The size of the command's terminal, at any time; term: its $TERM, counts before the start. */
KTSTR_API void ktstr_run_window(struct ktstr_run *run, unsigned rows, unsigned columns,
				const char *term);

/* Send the command a signal; -ESRCH when none runs. */
KTSTR_API int ktstr_run_signal(struct ktstr_run *run, int signo);

/*
 * Start on the caller's loop. done is called exactly once, from the loop,
 * when the run is over and everything but the result is released. Returns 0,
 * or a negative errno when the options contradict each other (done is then
 * not called).
 */
KTSTR_API int ktstr_run_start(struct ktstr_run *run, struct ev_loop *loop,
			      void (*done)(struct ktstr_run *run, void *arg), void *arg);

/*
 * Ask a started run to end: the first call asks the guest, the second ends it
 * at once. done follows in either case.
 */
KTSTR_API void ktstr_run_cancel(struct ktstr_run *run);

/*
 * Write a snapshot of the guest of a started run to the file of "dump", without
 * ending it: the guest stands still for that and does not notice. It is taken some
 * time later, from the loop; a run keeps 16 at most. why becomes its reason and may be
 * NULL. Returns 0; -ENOENT without "dump", -E2BIG when there are enough, -EAGAIN when
 * no guest runs or it is held ("dump-hold"); ktstr_run_error() says so. Where the run is
 * nested the file is written at its end.
 */
KTSTR_API int ktstr_run_dump(struct ktstr_run *run, const char *why);

/*
 * What a started run does just now, in a few words for a progress line; "" when
 * nothing is under way.
 */
KTSTR_API const char *ktstr_run_step(const struct ktstr_run *run);

/*
 * After done: 0 pass, 1 fail, 2 inconclusive, 77 skip, 99 error. Of a command its
 * own status (128 + N for signal N), 99 when there is none.
 */
KTSTR_API int ktstr_run_exit_code(const struct ktstr_run *run);

/* After done: the record, one JSON document (schema ktstr.run/1). Lives as long as run. */
KTSTR_API const char *ktstr_run_record(const struct ktstr_run *run);

/* Why the last call failed, or why the run ended in an error; "" if it did not. */
KTSTR_API const char *ktstr_run_error(const struct ktstr_run *run);

#ifdef __cplusplus
}
#endif
#endif
