/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_FATE_H
#define KTSTR_LOOP_FATE_H
/*
 * What becomes of schedulers, looked up in the guest kernel's memory while the run
 * goes on; and the watchdog of sched_ext, held at a time of ours.
 *
 * The kernel frees what it knows of an exit some milliseconds after it happened
 * (monitor/sched_ext.h), so this looks more often than samples are taken: every
 * FATE_BUSY_MS while a scheduler is there or one is expected, else every
 * FATE_IDLE_MS. A look costs a few reads (0.3 us where it was measured; 150 us with an exit
 * whose dump has 32 KiB).
 *
 * Ownership: a member of the run; borrows monitor and layout, which must outlive
 * it. Thread: control.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "monitor/sched_ext.h"
#include "shmring/wire.h"

struct json_object;
struct monitor;

#define FATE_BUSY_MS 5
#define FATE_IDLE_MS 100
/*
 * Looks that read an exit, at FATE_BUSY_MS: of one that the kernel does not get done with,
 * or of a guest that makes them up, the next ones come at FATE_IDLE_MS. FATE_LOOK_PRICE
 * looks that found none give one back.
 */
#define FATE_LOOKS_MAX 200
#define FATE_LOOK_PRICE 16
#define FATE_SPENT_MAX (FATE_LOOKS_MAX * FATE_LOOK_PRICE)
/*
 * The same for freezes to set the watchdog: of a guest that keeps changing it there is
 * one in FATE_SET_PRICE looks, once it has had FATE_SETS_MAX / FATE_SET_PRICE.
 */
#define FATE_SET_PRICE 20
#define FATE_SETS_MAX (64 * FATE_SET_PRICE)
/* Exits that are kept; the last one is always kept. */
#define FATE_EXITS_MAX 16

struct fate_exit {
	struct sched_ext_exit exit;
	uint64_t seen_ns;		/* CLOCK_MONOTONIC */
	char test[WIRE_NAME_MAX];	/* that ran; "": none */
};

struct fate {
	struct ev_loop *loop;		/* NULL: it does not look */
	const struct sched_ext *layout;
	struct monitor *monitor;
	ev_timer look;
	bool expect;			/* a scheduler may come at any moment */
	bool looked;			/* the state could be read */
	bool attached;			/* one was seen to be */

	struct fate_exit *exit[FATE_EXITS_MAX];
	unsigned exits;
	uint64_t dropped;
	struct fate_exit *now;		/* the one that is still in memory; NULL: none */
	unsigned spent;			/* on looks that read one, at most FATE_SPENT_MAX */

	struct sched_ext_watchdog watchdog;	/* want_ns 0: it is left alone */
	struct err why;			/* why it is not held, when it is not */
	bool given_up;			/* and will not be */
	unsigned sets;			/* that are not paid for yet, at most FATE_SETS_MAX */

	/* An exit was seen: may fill in x->test. */
	void (*on_exit)(struct fate_exit *x, void *arg);
	/* Have the guest stand still for fate_set_watchdog(), if it can now. */
	void (*on_watchdog)(void *arg);
	void *arg;
};

/* Set what the caller decides: all of it may be 0. */
void fate_init(struct fate *f, bool expect, uint64_t watchdog_ns);
/* Begin to look; on_exit and arg are set. */
void fate_begin(struct fate *f, struct ev_loop *loop, const struct sched_ext *layout,
		struct monitor *monitor);
/* A last look, and no more. */
void fate_stop(struct fate *f);
void fate_fini(struct fate *f);

/* The guest stands still; partial: why not all of it does, "": it does. */
void fate_set_watchdog(struct fate *f, const char *partial);
/* The watchdog is not held: why. NULL: it is, or nobody asked. */
const char *fate_watchdog_failed(const struct fate *f);
/* The same, if a scheduler was there, or may have been: told, by PID 1; seen; nobody could look. */
const char *fate_watchdog_missed(const struct fate *f, bool told);

/*
 * For the record (doc/schedulers.md): "kernel_exits", "watchdog". since_ns: the run's
 * beginning. New objects, the caller's; NULL: nothing to tell.
 */
struct json_object *fate_exits_to_json(const struct fate *f, uint64_t since_ns);
struct json_object *fate_watchdog_to_json(const struct fate *f);

#endif
