/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SUPERVISE_PRIVATE_H
#define KTSTR_INIT_SUPERVISE_PRIVATE_H
/* What the files of the supervisor share. */
#include <signal.h>
#include <stdint.h>

#include "init/host.h"
#include "init/reap.h"
#include "init/sched.h"
#include "init/supervise.h"
#include "init/test.h"

struct supervisor {
	/* borrowed */
	const struct init_plan *plan;
	struct init_host *host;

	struct init_shared *shared;
	uint8_t *packet;
	int sigfd;
	int timerfd;
	sigset_t old_mask;
	unsigned verdicts[WIRE_VERDICT_COUNT];
	struct init_sched sched;
	bool asked;		/* a test waits for the end of a start or a stop */
	unsigned dumps;		/* that tests asked for and the host has not answered */
	unsigned stale_dumps;	/* of them those whose test has ended */
	bool sched_failed;	/* the one under test: no test can run any more */
};

enum fate {
	FATE_RUNS,
	FATE_TIMEOUT,		/* killed: it outlived its budget */
	FATE_STOPPED,		/* killed: it outlived the grace after a stop */
	FATE_SCHEDULER,		/* killed: its scheduler is gone */
};

/* Of a test's output so much is kept to be told with a result that is not good. */
#define INIT_PRINTED_MAX 4096
#define INIT_PRINTED_LINES 20

struct running {
	struct init_child child;
	struct init_proc proc;
	enum fate fate;
	bool undead;		/* killed, and did not die */
	bool stopping;
	bool finished;		/* it said so itself */
	enum wire_verdict verdict;
	unsigned budget_ms;
	uint64_t start_ns;
	char doing[160];	/* when it was killed */
	char lost[640];		/* what became of its scheduler */
	char printed[INIT_PRINTED_MAX];	/* the last of its output */
	size_t printed_len;
};

/* Frames that wait in the socket of a test, at most max; returns how many there were. */
unsigned supervise_take_packets(struct supervisor *s, struct running *r, unsigned max);
/* What it printed; returns the bytes. */
size_t supervise_take_output(struct supervisor *s, struct running *r);
/* The last lines that it printed, as details of its result. */
void supervise_tell_output(struct supervisor *s, const struct running *r);

/* --- the scheduler: supervise_sched.c --- */

/* Start the one under test and wait until it is attached; false when it is not. */
bool supervise_sched_begin(struct supervisor *s);
/* Stop what runs and wait for its end. */
void supervise_sched_finish(struct supervisor *s);
/* At the end of a test: what became of its scheduler, by now or in a moment? */
void supervise_sched_look(struct supervisor *s);
/* Each test finds the scheduler under test attached, and no other. */
void supervise_sched_restore(struct supervisor *s);
/* Whatever poll said of it; answers a test that waits. */
void supervise_sched_ready(struct supervisor *s);
/* A test asks for a start or a stop. False: nonsense. */
bool supervise_sched_ask(struct supervisor *s, const struct frame *f);

/* --- snapshots: supervise_dump.c --- */

/* A test asks for one. False: nonsense. */
bool supervise_dump_ask(struct supervisor *s, const struct frame *f);
/* The test has ended: answers to it are nobody's. */
void supervise_dump_restore(struct supervisor *s);
/* A frame of the host, arg is the supervisor: answers a test that waits. */
void supervise_on_frame(const struct frame *f, void *arg);

enum wire_verdict supervise_worse(enum wire_verdict a, enum wire_verdict b);

#endif
