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

/* Reap everything that has exited; true, with its wait status, when pid is among it. */
bool init_reap(pid_t pid, int *ret_status);

/*
 * Kill every child that is left, and what comes to us when those die, whatever
 * process group it is in; wait at most timeout_ms. Returns how many could not
 * be got rid of.
 */
unsigned init_reap_rest(int sigfd, unsigned timeout_ms);

/* Empty a signalfd. */
void init_reap_ack(int sigfd);

/* "state S, in do_sys_pause": what a process is doing; "" when nobody knows. */
void init_reap_describe(pid_t pid, char *text, size_t size);

/* "SIGSEGV", or "SIG34" for those without a name. */
void init_signal_name(int signo, char text[16]);

#endif
