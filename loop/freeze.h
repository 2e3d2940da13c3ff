/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_FREEZE_H
#define KTSTR_LOOP_FREEZE_H
/*
 * A guest that stands still for a while and does not notice.
 *
 *   freeze_begin()    every vCPU is asked for its baton (vcpu_ask())
 *   freeze_take()     one has answered: it is held, between two instructions
 *   on_frozen()       all are held, and the guest's clocks were read; or the bound has
 *                     passed, then those that came are held and time goes on
 *   freeze_end()      clocks as they were, all go on
 *
 * Exits of other kinds come first and are handled as ever, so what a vCPU was doing
 * is finished before it is held. One that does not come within the bound (its thread
 * gets no host CPU, or its exit is not answered) does not hold up anything: the freeze
 * is partial, freeze_why() says so, and clocks are left alone, since a vCPU that runs
 * must not see them go back.
 *
 * A stop beats a freeze: freeze_drop() forgets it, and vcpu_stop() takes the batons
 * back. on_frozen does not come then.
 *
 * Ownership: a member of the machine, whose VM, vCPUs and loop it borrows.
 * Thread: control.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/clock.h"

struct vcpu;
struct vm;

/* Far above what a kick takes (microseconds; on emulated CPUs milliseconds). */
#define FREEZE_BOUND_NS (5 * NSEC_PER_SEC)

enum freeze_state {
	FREEZE_NONE,
	FREEZE_ASKING,
	FREEZE_FROZEN,
};

struct freeze {
	struct ev_loop *loop;		/* NULL: not set up */
	struct vm *vm;
	struct vcpu **vcpu;
	unsigned cpus;
	uint64_t bound_ns;
	void (*on_frozen)(void *arg);	/* from the loop; may end the freeze */
	void *arg;

	enum freeze_state state;
	bool *held;			/* [cpus] */
	unsigned count;
	uint64_t begun_ns;
	ev_timer again;			/* a kick may be lost */
	bool has_clock;
	struct guest_clock clock;
	struct err why;			/* what is not as it should be */
};

/* bound_ns, on_frozen and arg are the caller's to set before. */
int freeze_init(struct freeze *f, struct ev_loop *loop, struct vm *vm, struct vcpu **vcpu,
		unsigned cpus);
/* Also of one that was never set up; nothing may be held. */
void freeze_fini(struct freeze *f);

/* -EBUSY: there is one under way. */
int freeze_begin(struct freeze *f);
/*
 * A vCPU has posted VCPU_EXIT_ASKED. True: it is held (and may be running again: the
 * owner does not touch it any more); false: nobody wants it, give the baton back.
 */
bool freeze_take(struct freeze *f, unsigned cpu);
/* Does it stand still by our doing? Its registers can be read. */
bool freeze_holds(const struct freeze *f, unsigned cpu);
bool freeze_is_on(const struct freeze *f);
/* "" or why it is partial; after freeze_end() also why the guest saw the time pass. */
const char *freeze_why(const struct freeze *f);
/* Let all go on; the time since freeze_begin(). 0 when there is no freeze. */
uint64_t freeze_end(struct freeze *f);
void freeze_drop(struct freeze *f);

#endif
