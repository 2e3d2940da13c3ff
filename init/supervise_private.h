/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SUPERVISE_PRIVATE_H
#define KTSTR_INIT_SUPERVISE_PRIVATE_H
/* What the files of the supervisor share. */
#include <signal.h>
#include <stdint.h>

#include "init/host.h"
#include "init/reap.h"
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
};

enum fate {
	FATE_RUNS,
	FATE_TIMEOUT,		/* killed: it outlived its budget */
	FATE_STOPPED,		/* killed: it outlived the grace after a stop */
};

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
};

/* Frames that wait in the socket of a test, at most max; returns how many there were. */
unsigned supervise_take_packets(struct supervisor *s, struct running *r, unsigned max);
/* What it printed; returns the bytes. */
size_t supervise_take_output(struct supervisor *s, struct running *r);

enum wire_verdict supervise_worse(enum wire_verdict a, enum wire_verdict b);

#endif
