/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_RUN_H
#define KTSTR_LOOP_RUN_H
/*
 * One run, from options to record; the inside of the public handle.
 *
 *   ktstr_run_start                                    loop/run.c
 *     job: plan_make()                                 loop/plan.c
 *     -> machine on this KVM                           loop/run_kvm.c
 *     or QEMU with a KVM of its own                    loop/run_nested.c
 *   events -> facts                                    loop/guest.c (frames)
 *   the end: facts -> record, done()                   loop/run.c
 *
 * Thread: control.
 */
#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "ktstr/ktstr.h"
#include "loop/config.h"
#include "loop/facts.h"
#include "loop/fate.h"
#include "loop/phases.h"
#include "loop/plan.h"
#include "loop/run_freeze.h"
#include "loop/watch.h"
#include "serial/capture.h"
#include "shmring/shmring.h"

struct channel;
struct dump_cpu;
struct dump_source;
struct job;
struct json_object;
struct ktstr_run;
struct machine;
struct nested;
struct run_vmcore;

/* Snapshots of --dump (loop/run_dump.c). */
struct run_dump {
	struct json_object *snapshots;	/* NULL: none yet */
	char trigger[24];		/* who asked for the one that is under way; "": none is */
	char reason[512];
	unsigned tests_wait;		/* so many requests of tests for it; each is answered */
	bool held;			/* it is taken, the guest stands still for longer */
	bool in_haste;			/* none is held any more */
	ev_timer hold;
};

enum run_hold {
	RUN_NO_HOLD,
	RUN_MAY_HOLD,			/* PID 1 may wait */
	RUN_HELD,			/* it does */
};

struct ktstr_run {
	struct config config;
	struct err err;
	struct ev_loop *loop;		/* NULL: not started */
	void (*done)(struct ktstr_run *run, void *arg);
	void *arg;
	unsigned cancels;

	struct job *job;
	struct plan plan;
	struct phases phases;
	struct facts facts;

	/* accel kvm */
	struct machine *machine;
	struct watch watch;
	struct run_freeze freeze;
	struct run_dump dump;
	struct run_vmcore *vmcore;	/* NULL: none is being written */
	struct fate fate;		/* of schedulers, as the kernel has it */
	struct capture console, program, sched_log;
	struct frame_decoder com2;
	enum run_hold hold;		/* for writes into BPF maps */
	bool sched_stays;		/* one is attached and nobody has asked it to go */
	size_t current;			/* test that runs: index + 1 in facts.test, 0: none */

	/* accel nested */
	struct nested *nested;
	int vmcore_window;		/* -1: none */
	struct buf inner_out;		/* the inner ktstr's stdout: its record */
	bool inner_overflow;

	/* a command's streams (loop/run_channel.c) */
	struct ktstr_streams streams;
	struct wire_window window;	/* of the terminal; all 0: not told */
	struct channel *channel;	/* NULL: no command */
	struct frame_decoder from_inner;	/* nested: the channel's bytes */

	/* the end */
	bool finishing;			/* only output is still being written */
	struct json_object *record;
	char *record_text;
	int exit_code;
};

/* Both are called from the loop, once plan_make() has succeeded. */
int run_kvm_start(struct ktstr_run *run, struct err *e);
int run_nested_start(struct ktstr_run *run, struct err *e);

/* Ask (hard = false) or force (hard = true) the end. Some time later run_finish() is called. */
void run_kvm_cancel(struct ktstr_run *run, bool hard);
void run_nested_cancel(struct ktstr_run *run, bool hard);

/* The time for the inner run; 0: no limit. */
uint64_t run_nested_limit_ns(const struct ktstr_run *run);

/* Pass a request for a dump on to the inner run; errors as those of run_dump_ask(). */
int run_nested_dump(struct ktstr_run *run);

/* A failure that ends the run: PID 1 is asked to stop, and has a while for it. */
__attribute__((format(printf, 3, 4)))
void run_kvm_end(struct ktstr_run *run, enum stop_reason why, const char *fmt, ...);

/* Release what the accelerator holds, in any state. */
void run_kvm_release(struct ktstr_run *run);
void run_nested_release(struct ktstr_run *run);

/*
 * Everything is over: make the record (or take this one) and call done().
 * The caller must not touch run afterwards.
 */
void run_finish(struct ktstr_run *run, struct json_object *record);

bool run_dump_is_wanted(const struct ktstr_run *run);
/* What a guest that stands still has; cpu has room for all its vCPUs, both are borrowed. */
void run_dump_source(const struct ktstr_run *run, struct dump_cpu *cpu, struct dump_source *ret);
/*
 * Freeze the guest and take a snapshot of it; a request that comes meanwhile is
 * served by the same. -ENOENT: no --dump; -E2BIG: there are enough; -EAGAIN: nothing
 * runs (any more), or the guest is held (--dump-hold).
 */
__attribute__((format(printf, 3, 4)))
int run_dump_ask(struct ktstr_run *run, const char *trigger, const char *fmt, ...);
/* A test asks for one, and waits for the answer. */
void run_dump_test(struct ktstr_run *run, const char *why);
/* The run is asked to end: a guest that is held goes on, and none is held from now on. */
void run_dump_hurry(struct ktstr_run *run);
/* The guest stands still. True: it is held, and run_freeze_end() follows. */
bool run_dump_frozen(struct ktstr_run *run);
/* It is over; goes_on: the guest is there to be answered. */
void run_dump_thawed(struct ktstr_run *run, bool goes_on);
/* The vCPUs have parked: a dump, if it was wanted and the end was a bad one. */
void run_dump_end(struct ktstr_run *run);
void run_dump_release(struct ktstr_run *run);
/* Nested: from the inner run to the outer one, in a record of at most that many bytes of text. */
#define DUMP_RECORD_MAX (32u << 20)
void run_dump_to_record(const struct ktstr_run *run, struct json_object *record);
void run_dump_from_record(struct ktstr_run *run, struct json_object *record);

/*
 * --vmcore (loop/run_vmcore.c): write a core of the guest that has parked, if its end
 * was a bad one; of a nested run, the one that the inner ktstr has left in the window.
 * True: run_finish() follows, with the record, from the loop.
 */
bool run_vmcore_of_guest(struct ktstr_run *run);
bool run_vmcore_of_window(struct ktstr_run *run, struct json_object *record);
/* Give up soon. */
void run_vmcore_cancel(struct ktstr_run *run);
/* Waits for the job. */
void run_vmcore_release(struct ktstr_run *run);
/* Neither in order nor because somebody wanted it. */
bool run_ended_badly(const struct ktstr_run *run);

/* Why schedulers had to go, and their watchdog (loop/run_fate.c): before the guest runs, ... */
void run_fate_init(struct ktstr_run *run);
/* ... when its kernel was found, ... */
void run_fate_begin(struct ktstr_run *run);
/* ... and when it has ended. */
void run_fate_collect(struct ktstr_run *run);
/* Take the frames that wait in the ring; of very many the rest comes in the next turn. */
void run_kvm_drain(struct ktstr_run *run);

/* The guest said READY: begin to watch it. */
void run_kvm_ready(struct ktstr_run *run, uint64_t kernel_gpa);
/* With a command: make its channel. From run_finish(): close it, then run_end(). */
int run_channel_create(struct ktstr_run *run, struct err *e);
void run_channel_finish(struct ktstr_run *run);
void run_channel_release(struct ktstr_run *run);
/* Bytes of a nested run's channel. */
void run_channel_bytes(const void *bytes, size_t n, void *arg);
/* The channel is closed, or there was none: call done(). */
void run_end(struct ktstr_run *run);

/* A frame of the guest becomes facts (loop/guest.c). */
void guest_frame(struct ktstr_run *run, const struct frame *f);

#endif
