/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_RUN_FREEZE_H
#define KTSTR_LOOP_RUN_FREEZE_H
/*
 * What is done to a guest that stands still. One freeze serves all that was asked for
 * until it is on:
 *
 *   run_freeze_ask()    machine_freeze(), and deadlines wait
 *   run_freeze_begun()  writes into the kernel's memory, then a snapshot (--dump-hold)
 *   run_freeze_end()    guest and deadlines go on
 *
 * Writes are among it because what a host looked up in a kernel that runs may have been
 * freed before it writes. They are done only when every vCPU stands still.
 *
 * Thread: control.
 */
#include <stdbool.h>

struct ktstr_run;

enum run_freeze_for {
	RUN_FREEZE_WATCHDOG = 1,	/* fate_set_watchdog() */
	RUN_FREEZE_BPF_WRITE = 2,	/* bpf_write_frozen() */
	RUN_FREEZE_DUMP = 4,		/* run_dump_frozen() */
};

struct run_freeze {
	bool on;			/* asked for, and not ended */
	unsigned wanted;		/* of run_freeze_for, and not done yet */
};

/* -EAGAIN: nothing runs (any more). */
int run_freeze_ask(struct ktstr_run *run, enum run_freeze_for what);
/* The machine's answer. */
void run_freeze_begun(struct ktstr_run *run);
void run_freeze_end(struct ktstr_run *run);
/* The stop beats it: nothing of it is done any more. */
void run_freeze_release(struct ktstr_run *run);

#endif
