/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_TERMINAL_H
#define KTSTR_CLI_TERMINAL_H
/*
 * The terminal of ktstr shell: raw while the command runs, its size passed on
 * and followed, and as it was again whatever happens. A small process waits for
 * our end and puts the terminal right if we could not: a crash and SIGKILL
 * leave nobody else who could.
 *
 * Ownership: the caller's storage, embedded watchers. Thread: control.
 */
#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct err;
struct ktstr_run;

struct terminal {
	struct ktstr_run *run;		/* borrowed */
	struct ev_loop *loop;		/* NULL: not opened */
	int fd;
	struct termios saved;
	bool raw;
	pid_t guard;
	int guard_fd;			/* closing it without a word is a call for help */
	ev_signal resized, continued;
};

/* fd is a terminal. Tells run its size and follows it. Still cooked. */
int terminal_open(struct terminal *t, int fd, struct ktstr_run *run, struct ev_loop *loop,
		  struct err *e);
void terminal_raw(struct terminal *t);
/* Cooked again. Also right for one that was zeroed and never opened. */
void terminal_close(struct terminal *t);

#endif
