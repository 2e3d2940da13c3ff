/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SCHED_H
#define KTSTR_INIT_SCHED_H
/*
 * The scheduler under test: a process that loads a BPF scheduler and stays
 * while the kernel uses it. One at a time, as in the kernel.
 *
 *   OFF --start--> STARTING --uevent "add"--> ATTACHED --stop--> STOPPING
 *    ^                |                          |                  |
 *    |        died, or too late          died, or ejected      exit, or SIGKILL
 *    |                v                          v                  v
 *    +----- the kernel says "disabled" <------ LEAVING <------------+
 *
 * Every arrow is an event: uevents and the kernel's log (scx.h), the process's
 * end by the reaper of PID 1, its output by a pipe, a timer. What happens is
 * told by WIRE_SCHED, what the process prints goes to the host as WIRE_SCHED_LOG,
 * bounded: its beginning as it comes, its end when the process is gone.
 *
 * The kernel calls ops.exit, of which a loader learns, before it says "remove". So
 * a process that ended after the kernel has logged an ejection was ejected, too. So
 * was one whose scheduler failed while the kernel still enabled it, of which the log
 * alone tells (scx.h); the loader may try again, so its end or the time decides.
 *
 * A loader that dies takes its scheduler along when it has used a BPF link; the
 * kernel then says "unregistered from user space" before we see the death. So
 * that reason waits for the process (GOING), and every other one is an ejection.
 *
 * Thread: PID 1's only one.
 */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "init/reap.h"
#include "shmring/wire.h"

struct init_host;

/* All borrowed. */
struct init_sched_plan {
	const char *path;		/* the scheduler under test; NULL: none */
	char *const *argv;		/* its arguments, from argv[0] to NULL */
	const char *staged;		/* others: STAGED/NAME/scheduler */
	const char *sysfs;		/* SCX_SYSFS, but for tests */
	const char *sysrq;		/* SCX_SYSRQ, but for tests */
	int events;			/* of scx_events_open(), or -1 */
	int kmsg;			/* /dev/kmsg of its own, or -1 */
	bool hold;			/* attached: wait for WIRE_GO before the tests */
	unsigned attach_ms;		/* watchdog of an attach; 0: 15 s, as the host's default */
	unsigned stop_ms;		/* after SIGINT; 0: 5 s */
};

enum init_sched_state {
	SCHED_OFF,
	SCHED_STARTING,
	SCHED_ATTACHED,
	SCHED_GOING,			/* its process let go of it; is it ending? */
	SCHED_STOPPING,			/* the process is to end */
	SCHED_LEAVING,			/* it has, the kernel is not done */
};

struct init_sched {
	const struct init_sched_plan *plan;
	struct init_host *host;
	enum init_sched_state state;
	struct init_proc proc;
	int timer;
	int output;			/* -1: nobody has the other end */
	char staged[WIRE_NAME_MAX];	/* name of a staged one, "" for the one under test */
	char ops[WIRE_NAME_MAX];
	uint64_t start_ns, attach_ns;
	enum wire_sched_event end;	/* how it ended, or is about to; 0: it has not */
	char why[400];
	bool killed;			/* by SIGKILL */
	bool looking;			/* ATTACHED: the kernel has yet to say why it lets go */
	unsigned looks;			/* at the state, while LEAVING or looking */
	size_t log_bytes, log_told;	/* what it has printed, and told of that */
	struct buf log_tail;		/* what is not told until it is gone */
};

int init_sched_init(struct init_sched *s, const struct init_sched_plan *plan,
		    struct init_host *host);
void init_sched_fini(struct init_sched *s);

/*
 * Only when OFF. path and argv are used before it returns. A scheduler that
 * cannot be started is OFF again, with end and why.
 */
void init_sched_start(struct init_sched *s, const char *staged, const char *path,
		      char *const *argv);
/* Begin to stop it; nothing when it is OFF. */
void init_sched_stop(struct init_sched *s);

/* What to poll, and what poll said; call it after each reaping as well. */
#define INIT_SCHED_POLLS 3
void init_sched_want(const struct init_sched *s, struct pollfd ret[INIT_SCHED_POLLS]);
void init_sched_ready(struct init_sched *s);

/*
 * Does the kernel's state say what its events have not? While it is "disabling" the
 * reason is not in the log yet: busy until it is.
 */
void init_sched_look(struct init_sched *s);

/* --- for who has nothing else to do meanwhile; sigfd is of SIGCHLD --- */

/* Until it is not between two states. Each of these has a timer, so this ends. */
void init_sched_settle(struct init_sched *s, int sigfd);
/* Start the one under test and let the host write into its maps: is it attached? */
bool init_sched_begin(struct init_sched *s, int sigfd);

/* Between two states: something is awaited. */
static inline bool init_sched_busy(const struct init_sched *s)
{
	return s->looking || (s->state != SCHED_OFF && s->state != SCHED_ATTACHED);
}

/* It was attached and is not any more, against our will. Else it has never come. */
static inline bool init_sched_lost(const struct init_sched *s)
{
	return s->attach_ns && (s->end == WIRE_SCHED_EJECTED || s->end == WIRE_SCHED_DIED);
}

#endif
