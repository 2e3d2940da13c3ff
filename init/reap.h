/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_REAP_H
#define KTSTR_INIT_REAP_H
/*
 * Children of PID 1: its own and the orphans of others.
 * Thread: single-threaded process, SIGCHLD blocked and read by a signalfd.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A child whose end is of interest. pid 0: none. */
struct init_proc {
	pid_t pid;
	bool exited;
	int status;		/* wait status, once it has exited */
};

/* Does it run? */
static inline bool init_proc_runs(const struct init_proc *p)
{
	return p->pid > 0 && !p->exited;
}

/* Reap everything that has exited; those of the n that are among it are told so. */
void init_reap(struct init_proc *const *proc, size_t n);

/*
 * Kill every child that is left but keep (may be NULL), and what comes to us
 * when those die, whatever process group it is in; wait at most timeout_ms.
 * Returns how many could not be got rid of.
 */
unsigned init_reap_rest(int sigfd, struct init_proc *keep, unsigned timeout_ms);

/* Empty a signalfd. */
void init_reap_ack(int sigfd);

/* "state S, in do_sys_pause": what a process is doing; "" when nobody knows. */
void init_reap_describe(pid_t pid, char *text, size_t size);

/* "exited with status 3", "died of SIGSEGV". */
void init_status_describe(int status, char *text, size_t size);

/* "SIGSEGV", or "SIG34" for those without a name. */
void init_signal_name(int signo, char text[16]);

#endif
