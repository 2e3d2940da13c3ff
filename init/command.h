/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_COMMAND_H
#define KTSTR_INIT_COMMAND_H
/*
 * One command in place of tests: its streams go to and come from the host as
 * frames (shmring/wire.h), its status is told by ENDED.
 *
 *   host --STDIN, WINDOW, SIGNAL, GRANT--> PID 1 --pipe or pty--> command
 *   host <--STDOUT, STDERR, GRANT, ENDED-- PID 1 <--pipes or pty-- command
 *
 * Like the supervisor of tests it behaves as PID 1 whatever its pid is.
 *
 * Thread: single-threaded process.
 */
#include <stdbool.h>

struct err;
struct init_host;
struct init_machine;
struct init_sched_plan;

#define INIT_STATUS_NOT_FOUND 127
#define INIT_STATUS_NOT_RUN 126

struct init_command {
	char *const *argv;
	bool terminal;		/* a pty, whose size and TERM the host tells */
	const char *motd;	/* printed first on the terminal; may be NULL */
	const struct init_sched_plan *sched;	/* attached while it runs; NULL: none */
	unsigned grace_ms;	/* between SIGTERM and SIGKILL when the host asks to stop */
};

/*
 * A scheduler that goes away takes the command with it; a terminal stays, and shows
 * a line. One that is not attached to begin with is the end: INIT_EXIT_FAIL.
 *
 * Returns the exit status, 128 + N for signal N, 127 when there is no such
 * program and 126 when it cannot be run, both with a line on its stderr; or a
 * negative errno when there was no process for it.
 */
int init_command_run(const struct init_command *q, struct init_host *host, struct err *e);

/* The role "command" or "terminal": run what the host packed; the status as above. */
int init_command_main(struct init_host *host, const struct init_machine *m,
		      const struct init_sched_plan *sched, bool terminal, struct err *e);

/* PATH: what the host packed for it, the usual folders, busybox' applets. */
void init_path_set(void);

#endif
