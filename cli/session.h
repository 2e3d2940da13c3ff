/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_SESSION_H
#define KTSTR_CLI_SESSION_H
/*
 * One run from the command line's options to its record, on a loop of its own:
 * what ktstr run, shell and exec share.
 *
 * SIGINT and SIGTERM: with a command the first goes to it; then, and without
 * one, each asks for the end with more force: the guest is asked, the machine
 * is ended, the signal has its default effect.
 *
 * Thread: control.
 */
#include "cli/options.h"

struct err;
struct ev_loop;
struct json_object;
struct ktstr_run;

/* For a command; all may be NULL. */
struct session_hooks {
	/* Before the start; 0 or a negative errno with its story. */
	int (*prepare)(struct ktstr_run *run, struct ev_loop *loop, void *arg, struct err *e);
	/* The command runs: called before its first output. */
	void (*begun)(struct ktstr_run *run, void *arg);
	/* The run is over, however. */
	void (*over)(void *arg);
	void *arg;
};

/*
 * 0 when the run took place, whatever came of it: its record, the caller's, and
 * its exit status. Otherwise -EINVAL for what was asked, or a failure.
 */
int session_run(const struct cli_options *o, const struct session_hooks *hooks,
		struct json_object **ret_record, int *ret_status, struct err *e);

/* An error of ours as a record; exit_code tells which kind. The caller's. */
struct json_object *session_error_record(const char *reason, int exit_code);

void session_log_level(const struct cli_options *o);
/* Returns the exit status. */
int session_print_config(const struct cli_options *o);

#endif
