/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_PROGRESS_H
#define KTSTR_CLI_PROGRESS_H
/*
 * "[ 3 s] booting the kernel" on the last line of a terminal while a run goes
 * on. Elsewhere nothing is drawn: -v says the steps as lines.
 *
 * Ownership: the caller's storage, embedded watcher. Thread: control.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct ktstr_run;

struct progress {
	struct ev_loop *loop;		/* NULL: nothing is drawn */
	const struct ktstr_run *run;	/* borrowed */
	ev_timer tick;
	uint64_t start_ns;
	bool drawn;
};

/* draw = false, or stderr is no terminal: does nothing. */
void progress_start(struct progress *p, struct ev_loop *loop, const struct ktstr_run *run,
		    bool draw);
/* Leaves a clean line. Also right for one that was zeroed and never started. */
void progress_stop(struct progress *p);

#endif
