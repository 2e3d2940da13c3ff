/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PHASES_H
#define KTSTR_LOOP_PHASES_H
/*
 * The one owner of deadlines. A run goes through its phases in order and may
 * leave some out; each has a watchdog of its own, and from the first KVM_RUN
 * there is the run's deadline (--timeout). The deadline starts again when PID 1
 * says READY, so that the boot does not eat the test's budget. Once there is a reason
 * to end (facts.stop) the guest gets no more time, whatever phases it still reaches.
 * Thread: control.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/record.h"

struct facts;

struct phases {
	struct ev_loop *loop;
	struct facts *facts;		/* phase_ns is kept there */
	enum phase now;
	uint64_t deadline_ns;		/* --timeout */
	unsigned cpus;			/* wide guests take longer to boot */
	uint64_t attach_ns;		/* PID 1 gives a scheduler so long to be attached */
	bool slow;			/* and so do emulated CPUs */
	ev_timer watchdog, deadline;
	bool paused;
	double watchdog_left_s, deadline_left_s;	/* paused; below 0: it was off */
	/* why is STOP_PHASE or STOP_DEADLINE; limit_ns what expired */
	void (*on_expired)(enum stop_reason why, uint64_t limit_ns, void *arg);
	void *arg;
};

/* Enters PHASE_SETUP. */
void phases_start(struct phases *p, struct ev_loop *loop, struct facts *f);
void phases_stop(struct phases *p);
/* Enter phase; ignored when it or a later one was reached already. */
void phases_reach(struct phases *p, enum phase phase);
/* The guest has come on in the present phase: its watchdog starts again. */
void phases_progress(struct phases *p);
/* From now on the present phase ends at the latest after limit_ns; 0: only at the deadline. */
void phases_limit(struct phases *p, uint64_t limit_ns);
/*
 * The guest stands still: what limits it waits until it goes on. What is set meanwhile
 * counts from then.
 */
void phases_pause(struct phases *p);
void phases_resume(struct phases *p);
/* What the phase was waiting for, for the reason: "PID 1 to start". */
const char *phase_awaits(enum phase p);

#endif
