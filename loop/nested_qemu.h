/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_NESTED_QEMU_H
#define KTSTR_LOOP_NESTED_QEMU_H
/*
 * QEMU as a process: its command line, its start and its end. What it says is
 * loop/nested.c's business; nothing here knows the loop.
 *
 * The process is in a session of its own, so that a Ctrl-C on the terminal is
 * ours alone; it gets SIGKILL when the thread that started it ends, however
 * it ends; and it has no other descriptors than those below, their ends for
 * it, and the files that it boots.
 *
 * Thread: control; the thread must live as long as the process shall.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct err;
struct nested_request;

struct nested_qemu {
	pid_t pid;		/* 0: not started, or reaped */
	int pidfd;		/* readable when it has ended */
	int wire;		/* COM2; non-blocking, as the next ones */
	int console;		/* COM1 */
	int text;		/* its stdout and stderr */
};

#define NESTED_QEMU_INIT { .pidfd = -1, .wire = -1, .console = -1, .text = -1 }

/* *ret is written only on success. */
int nested_qemu_start(const struct nested_request *q, struct nested_qemu *ret, struct err *e);
/* Kills and reaps. */
void nested_qemu_fini(struct nested_qemu *p);

void nested_qemu_kill(struct nested_qemu *p);
/*
 * Has it ended? Reaps it then; *ret tells how, with si_code 0 when somebody
 * else reaped it.
 */
bool nested_qemu_reap(struct nested_qemu *p, siginfo_t *ret);

#endif
