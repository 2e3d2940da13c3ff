/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_BPF_WRITE_H
#define KTSTR_LOOP_BPF_WRITE_H
/*
 * --bpf-write: the host writes into maps of the scheduler under test when it is
 * attached, before a test begins.
 *
 *   PID 1: attached -- WIRE_HOLD --> once the guest is watched: it is frozen; each write
 *          the tests <-- WIRE_GO --- in order, read back, into the record
 *                    <-- WIRE_STOP - one failed: the run ends, with that reason
 *
 * PID 1 holds only when there is something to write, once each time that it attaches
 * the scheduler; the phase's watchdog bounds the wait. The freeze is asked for when the
 * frames of a turn are taken, so that a guest that floods has it once a turn.
 *
 * Thread: control.
 */
#include <stdbool.h>

struct ktstr_run;

/* The scheduler was attached: PID 1 may hold. */
void bpf_write_attached(struct ktstr_run *run);
/* PID 1 waits. False: it has no cause to. */
bool bpf_write_hold(struct ktstr_run *run);
/* Set about what PID 1 waits for, if it waits and the guest is watched, or will not be. */
void bpf_write_go(struct ktstr_run *run);
/* The guest stands still; partial: why not all of it does, "": it does. */
void bpf_write_frozen(struct ktstr_run *run, const char *partial);

#endif
