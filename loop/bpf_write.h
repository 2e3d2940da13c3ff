/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_BPF_WRITE_H
#define KTSTR_LOOP_BPF_WRITE_H
/*
 * --bpf-write: the host writes into maps of the scheduler under test when it is
 * attached, before a test begins.
 *
 *   PID 1: attached -- WIRE_HOLD --> once the guest is watched: each write in order,
 *          the tests <-- WIRE_GO --- read back, into the record
 *                    <-- WIRE_STOP - one failed: the run ends, with that reason
 *
 * PID 1 holds only when there is something to write, each time that it attaches
 * the scheduler; the phase's watchdog bounds the wait.
 *
 * Thread: control.
 */
struct ktstr_run;

/* PID 1 waits. */
void bpf_write_hold(struct ktstr_run *run);
/* The guest is watched now, or it is known that it will not be. */
void bpf_write_go(struct ktstr_run *run);

#endif
