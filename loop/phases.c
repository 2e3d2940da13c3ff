/* SPDX-License-Identifier: GPL-2.0-only */
/* Phases, their watchdogs and the deadline. */
#include "loop/phases.h"

#include <assert.h>

#include "base/units.h"
#include "base/util.h"
#include "loop/facts.h"

#define SLOW_FACTOR 4

/*
 * How long a phase may last, and what ends it. A watchdog is no budget: it is
 * far above what a slow machine needs (nested boots take 1 to 4 s), so that
 * only a hang meets it. With a quiet console the guest goes from "loaded" to
 * "init" directly. Each vCPU adds its part, whether the host has a CPU for it
 * or not; on emulated CPUs all of it counts SLOW_FACTOR times.
 */
static const struct {
	unsigned limit_s;		/* 0: only the deadline */
	unsigned per_cpu_ms;
	const char *awaits;
} table[] = {
	[PHASE_SETUP] = { 120, 0, "the machine to be built" },
	[PHASE_LOADED] = { 30, 500, "the kernel to show a sign of life" },
	[PHASE_OUTPUT] = { 30, 500, "the kernel's banner" },
	[PHASE_BANNER] = { 30, 500, "PID 1 to start" },
	/* PID 1 may have to bring the vCPUs up, and tells of each: phases_progress() */
	[PHASE_INIT] = { 20, 50, "PID 1 to be ready" },
	/* and the time that a scheduler has to attach */
	[PHASE_READY] = { 20, 50, "the scheduler to attach, or the first test to start" },
	[PHASE_SCHED] = { 20, 50, "the first test to start" },
	[PHASE_TEST] = { 0, 0, "a result" },
	[PHASE_RESULT] = { 10, 50, "the guest to power off" },
	[PHASE_POWEROFF] = { 20, 50, "the vCPUs to park" },
	[PHASE_DONE] = { 0, 0, "nothing" },
};
static_assert(ARRAY_SIZE(table) == PHASE_COUNT, "every phase has a row");

const char *phase_awaits(enum phase p)
{
	return table[p].awaits;
}

static uint64_t limit_ns(const struct phases *p, enum phase phase)
{
	return (phase == PHASE_READY ? p->attach_ns : 0) +
	       (table[phase].limit_s * NSEC_PER_SEC +
		table[phase].per_cpu_ms * NSEC_PER_MSEC * p->cpus) * (p->slow ? SLOW_FACTOR : 1);
}

static void on_watchdog(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct phases *p = container_of(w, struct phases, watchdog);

	(void)loop;
	(void)revents;
	p->on_expired(STOP_PHASE, (uint64_t)(w->repeat * 1e9), p->arg);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct phases *p = container_of(w, struct phases, deadline);

	(void)loop;
	(void)revents;
	p->on_expired(STOP_DEADLINE, p->deadline_ns, p->arg);
}

/* (Re)start a timer from now: ev_now() may be old after long callbacks. */
static void rearm(struct phases *p, ev_timer *t, uint64_t ns)
{
	ev_now_update(p->loop);
	t->repeat = (double)ns / 1e9;
	if (p->paused)
		*(t == &p->watchdog ? &p->watchdog_left_s : &p->deadline_left_s) =
			ns ? t->repeat : -1;
	else if (ns)
		ev_timer_again(p->loop, t);
	else
		ev_timer_stop(p->loop, t);
}

/* How long the watchdog still waits; below 0: it is off. */
static double watchdog_left_s(struct phases *p)
{
	if (p->paused)
		return p->watchdog_left_s;
	ev_now_update(p->loop);
	return ev_is_active(&p->watchdog) ? ev_timer_remaining(p->loop, &p->watchdog) : -1;
}

void phases_limit(struct phases *p, uint64_t ns)
{
	const double left_s = watchdog_left_s(p);
	/* once it is stopped the time is ours, not the guest's */
	const bool ending = p->facts->stop != STOP_NONE && p->now < PHASE_POWEROFF;

	if (ending && left_s >= 0 && (!ns || (double)ns / 1e9 > left_s))
		return;
	rearm(p, &p->watchdog, ns);
}

void phases_progress(struct phases *p)
{
	phases_limit(p, limit_ns(p, p->now));
}

static void resume(struct phases *p, ev_timer *t, double left_s)
{
	if (left_s < 0)
		return;
	ev_timer_set(t, left_s, t->repeat);
	ev_timer_start(p->loop, t);
}

static double pause_timer(struct phases *p, ev_timer *t)
{
	/* also one that has expired, and whose callback is still to come */
	const double left_s = ev_is_active(t) ? MAX(ev_timer_remaining(p->loop, t), 0.) : -1;

	ev_timer_stop(p->loop, t);
	return left_s;
}

void phases_pause(struct phases *p)
{
	if (p->paused)
		return;
	ev_now_update(p->loop);
	p->paused = true;
	p->watchdog_left_s = pause_timer(p, &p->watchdog);
	p->deadline_left_s = pause_timer(p, &p->deadline);
}

void phases_resume(struct phases *p)
{
	if (!p->paused)
		return;
	ev_now_update(p->loop);
	p->paused = false;
	resume(p, &p->watchdog, p->watchdog_left_s);
	resume(p, &p->deadline, p->deadline_left_s);
}

void phases_start(struct phases *p, struct ev_loop *loop, struct facts *f)
{
	p->loop = loop;
	p->facts = f;
	p->now = PHASE_SETUP;
	f->phase_ns[PHASE_SETUP] = units_now_ns();
	ev_timer_init(&p->watchdog, on_watchdog, 0., 0.);
	ev_timer_init(&p->deadline, on_deadline, 0., 0.);
	phases_limit(p, limit_ns(p, PHASE_SETUP));
}

void phases_stop(struct phases *p)
{
	if (!p->loop)
		return;
	p->paused = false;
	ev_timer_stop(p->loop, &p->watchdog);
	ev_timer_stop(p->loop, &p->deadline);
}

void phases_reach(struct phases *p, enum phase phase)
{
	if (phase <= p->now)
		return;
	p->now = phase;
	p->facts->phase_ns[phase] = units_now_ns();
	phases_limit(p, limit_ns(p, phase));
	if (phase == PHASE_LOADED || phase == PHASE_READY)
		rearm(p, &p->deadline, p->deadline_ns);
	if (phase >= PHASE_RESULT)
		rearm(p, &p->deadline, 0);
}
