/* SPDX-License-Identifier: GPL-2.0-only */
/* All vCPUs held, and let go. */
#include "loop/freeze.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/util.h"
#include "vcpu/vcpu.h"

/* The signal of a kick is lost where a user's queue is full. */
#define ASK_AGAIN_S 0.01

static void ask(struct freeze *f)
{
	for (unsigned i = 0; i < f->cpus; i++)
		if (!f->held[i])
			vcpu_ask(f->vcpu[i]);
}

static void frozen(struct freeze *f)
{
	ev_timer_stop(f->loop, &f->again);
	f->state = FREEZE_FROZEN;
	if (f->count == f->cpus)
		f->has_clock = clock_save(f->vm, f->vcpu[0], &f->clock, &f->why) == 0;
	else
		err_set(&f->why, -ETIMEDOUT, "%u of %u vCPUs did not stand still within %.1f s",
			f->cpus - f->count, f->cpus, (double)f->bound_ns / 1e9);
	f->on_frozen(f->arg);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct freeze *f = container_of(w, struct freeze, again);

	(void)loop;
	(void)revents;
	if (units_now_ns() - f->begun_ns < f->bound_ns)
		ask(f);
	else
		frozen(f);
}

int freeze_init(struct freeze *f, struct ev_loop *loop, struct vm *vm, struct vcpu **vcpu,
		unsigned cpus)
{
	f->held = calloc(cpus, sizeof(*f->held));
	if (!f->held)
		return -ENOMEM;
	f->loop = loop;
	f->vm = vm;
	f->vcpu = vcpu;
	f->cpus = cpus;
	f->why = (struct err)ERR_INIT;
	ev_timer_init(&f->again, on_again, ASK_AGAIN_S, ASK_AGAIN_S);
	return 0;
}

void freeze_fini(struct freeze *f)
{
	if (f->loop)
		freeze_drop(f);
	free(f->held);
	f->held = NULL;
	f->loop = NULL;
}

int freeze_begin(struct freeze *f)
{
	if (f->state != FREEZE_NONE)
		return -EBUSY;
	f->state = FREEZE_ASKING;
	f->begun_ns = units_now_ns();
	err_clear(&f->why);
	ev_timer_start(f->loop, &f->again);
	ask(f);
	return 0;
}

bool freeze_take(struct freeze *f, unsigned cpu)
{
	/* a request that was repeated is answered twice */
	if (f->state != FREEZE_ASKING)
		return false;
	f->held[cpu] = true;
	if (++f->count == f->cpus)
		frozen(f);
	return true;
}

bool freeze_holds(const struct freeze *f, unsigned cpu)
{
	return f->state != FREEZE_NONE && f->held[cpu];
}

bool freeze_is_on(const struct freeze *f)
{
	return f->state != FREEZE_NONE;
}

const char *freeze_why(const struct freeze *f)
{
	return err_text(&f->why);
}

void freeze_drop(struct freeze *f)
{
	ev_timer_stop(f->loop, &f->again);
	memset(f->held, 0, f->cpus * sizeof(*f->held));
	f->count = 0;
	f->has_clock = false;
	f->state = FREEZE_NONE;
}

uint64_t freeze_end(struct freeze *f)
{
	if (f->state == FREEZE_NONE)
		return 0;
	if (f->has_clock)
		(void)clock_restore(f->vm, f->vcpu, f->cpus, &f->clock, &f->why);
	for (unsigned i = 0; i < f->cpus; i++)
		if (f->held[i])
			vcpu_resume(f->vcpu[i]);
	freeze_drop(f);
	return units_now_ns() - f->begun_ns;
}
