/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_RECORD_H
#define KTSTR_LOOP_RECORD_H
/*
 * The facts of a run, collected on the loop, and the record made from them
 * (JSON, schema ktstr.run/1). Reports are rendered from the record, never from
 * the facts: a nested run hands us a record, and it must read the same.
 *
 * Everything that came from the guest is bounded here: RECORD_TESTS_MAX tests,
 * RECORD_DETAILS_MAX details in all, RECORD_FINDINGS_MAX findings; what is
 * dropped is counted and said.
 * Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

#define RECORD_SCHEMA "ktstr.run/1"

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_SKIP,
	VERDICT_INCONCLUSIVE,
	VERDICT_ERROR,
	VERDICT_COUNT,
};

const char *verdict_name(enum verdict v);
int verdict_exit_code(enum verdict v);		/* 0, 1, 77, 2, 99 */
/* fail > inconclusive > pass > skip; error above all. */
enum verdict verdict_worse(enum verdict a, enum verdict b);

/* Why a run ended; the first reason wins. */
enum stop_reason {
	STOP_NONE,
	STOP_POWEROFF,		/* the guest powered off or reset after its EXIT frame */
	STOP_EARLY_OFF,		/* ... without one */
	STOP_PANIC,		/* panic text on the console */
	STOP_OOPS,		/* oops text on the console */
	STOP_TRIPLE_FAULT,
	STOP_INTERNAL,		/* KVM internal error */
	STOP_PHASE,		/* a phase's watchdog expired */
	STOP_DEADLINE,		/* the run's deadline expired */
	STOP_SCHED_EXEC,	/* the scheduler could not be executed */
	STOP_SCHED_UNSUPPORTED,	/* the kernel has no sched_ext */
	STOP_SCHED_COMMAND,	/* a command of --sched-enable failed */
	STOP_SCHED_DIED_EARLY,	/* the scheduler ended before it was attached */
	STOP_SCHED_NOT_ATTACHED,	/* it runs, but was not attached in time */
	STOP_BPF_WRITE,		/* a map of it could not be written (--bpf-write) */
	STOP_SCHED_EJECTED,	/* the kernel threw it out */
	STOP_SCHED_DIED,	/* it ended while the tests ran */
	STOP_ESCAPE,		/* at the command's terminal: by Ctrl-A X, or powered off */
	STOP_CANCELLED,		/* by ktstr_run_cancel() or a signal */
	STOP_HOST,		/* a host failure while running */
	STOP_COUNT,
};

const char *stop_reason_name(enum stop_reason r);

/*
 * The phases that a run passes through. Each begins with the event it is
 * named after; its watchdog runs until the next one begins.
 */
enum phase {
	PHASE_SETUP,		/* from the start of the run */
	PHASE_LOADED,		/* first KVM_RUN */
	PHASE_OUTPUT,		/* first byte on the console */
	PHASE_BANNER,		/* "Linux version" on the console */
	PHASE_INIT,		/* PID 1 said INIT */
	PHASE_READY,		/* PID 1 said READY */
	PHASE_SCHED,		/* the scheduler under test is attached */
	PHASE_TEST,		/* first test started */
	PHASE_RESULT,		/* PID 1 said EXIT */
	PHASE_POWEROFF,		/* the VM ended */
	PHASE_DONE,		/* everything released */
	PHASE_COUNT,
};

const char *phase_name(enum phase p);

#define RECORD_TESTS_MAX 512
#define RECORD_DETAILS_MAX 4096
#define RECORD_FINDINGS_MAX 64
#define RECORD_TAIL_LINES 64

struct facts;

/* One JSON document from the facts. A new object, the caller's. */
struct json_object *record_build(const struct facts *f);
/* What was found out behind it. */
void record_add_finding(struct json_object *record, const char *kind, const char *text);

#endif
