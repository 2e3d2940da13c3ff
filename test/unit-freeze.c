/* SPDX-License-Identifier: GPL-2.0-only */
/* All vCPUs of a tiny guest are held and go on; what does not answer holds up nothing. */
#include <ev.h>

#include "loop/freeze.h"
#include "test/vcpu-guest.h"

#define PORT 0x11
#define COUNTER 0x3000
/* Long enough that a vCPU which runs counts, over and over. */
#define WHILE_S 0.02

static const uint8_t count[] = { 0xff, 0x06, 0x00, 0x30, 0xeb, 0xfa };	/* incw 0x3000, again */
static const uint8_t halt[] = { 0xf4, 0xeb, 0xfd };		/* hlt, again */
static const uint8_t out[] = { 0xe6, PORT, 0xeb, 0xfc };	/* out %al, $PORT, again */

/* A tiny guest on a loop, as a machine has it. */
struct world {
	struct guest g;
	struct ev_loop *loop;
	ev_io wake;
	ev_timer timer;
	struct freeze freeze;
	unsigned frozen, outs;
};

static void on_frozen(void *arg)
{
	struct world *w = arg;

	w->frozen++;
	ev_break(w->loop, EVBREAK_ALL);
}

static void on_exit_of(struct world *w, unsigned i)
{
	struct vcpu_exit x;

	vcpu_exit_get(w->g.v[i], &x);
	if (x.kind == VCPU_EXIT_ASKED && freeze_take(&w->freeze, i))
		return;
	w->outs += x.kind == VCPU_EXIT_PIO;
	vcpu_resume(w->g.v[i]);
}

static void on_wake(struct ev_loop *loop, ev_io *io, int revents)
{
	struct world *w = container_of(io, struct world, wake);
	uint64_t n;

	(void)loop;
	(void)revents;
	(void)!read(w->g.wake_fd, &n, sizeof(n));
	for (unsigned i = 0; i < w->g.cpus; i++)
		if (vcpu_has_exit(w->g.v[i]) && !freeze_holds(&w->freeze, i))
			on_exit_of(w, i);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

/* Until something breaks the loop, or for so long. */
static void turn(struct world *w, double seconds)
{
	ev_timer_set(&w->timer, seconds, 0.);
	ev_timer_start(w->loop, &w->timer);
	ev_run(w->loop, 0);
	ev_timer_stop(w->loop, &w->timer);
}

static bool world_open(struct world *w, unsigned cpus, const uint8_t *code, size_t bytes)
{
	*w = (struct world){ .freeze = { .bound_ns = FREEZE_BOUND_NS, .on_frozen = on_frozen } };
	w->freeze.arg = w;
	if (!guest_open_real(&w->g, cpus, code, bytes))
		return false;
	w->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	ev_io_init(&w->wake, on_wake, w->g.wake_fd, EV_READ);
	ev_io_start(w->loop, &w->wake);
	ev_timer_init(&w->timer, on_timer, 0., 0.);
	return tap_eq(freeze_init(&w->freeze, w->loop, w->g.vm, w->g.v, cpus), 0) &&
	       guest_start(&w->g);
}

static void world_close(struct world *w)
{
	freeze_fini(&w->freeze);
	if (w->g.cpus)
		guest_stop_once(&w->g);
	if (w->loop)
		ev_loop_destroy(w->loop);
	guest_close(&w->g);
}

static unsigned counter(const struct world *w)
{
	uint16_t n;

	memcpy(&n, w->g.memory + COUNTER, sizeof(n));
	return __atomic_load_n(&n, __ATOMIC_RELAXED);
}

static bool counts_on(struct world *w)
{
	const uint64_t deadline = units_now_ns() + GUEST_WAIT_MS * NSEC_PER_MSEC;
	const unsigned from = counter(w);

	while (counter(w) == from && units_now_ns() < deadline)
		turn(w, 0.001);
	return counter(w) != from;
}

static bool answers_on(struct world *w)
{
	const uint64_t deadline = units_now_ns() + GUEST_WAIT_MS * NSEC_PER_MSEC;
	const unsigned from = w->outs;

	while (w->outs == from && units_now_ns() < deadline)
		turn(w, 0.001);
	return w->outs != from;
}

static bool freeze_now(struct world *w)
{
	const unsigned before = w->frozen;

	if (!tap_eq(freeze_begin(&w->freeze), 0))
		return false;
	if (w->frozen == before)
		turn(w, GUEST_WAIT_MS / 1000.);
	return tap_eq(w->frozen, before + 1);
}

static void a_guest_stands_still_and_goes_on(void)
{
	struct world w;

	if (world_open(&w, 2, count, sizeof(count)) && tap_ok(counts_on(&w), "it runs")) {
		for (unsigned i = 0; i < 20 && freeze_now(&w); i++) {
			const unsigned at = counter(&w);
			struct vcpu_regs regs;

			tap_str(freeze_why(&w.freeze), "");
			turn(&w, WHILE_S / 10);
			tap_eq(counter(&w), at);
			for (unsigned v = 0; v < 2; v++) {
				tap_ok(freeze_holds(&w.freeze, v), "vCPU %u is held", v);
				tap_eq(vcpu_get_regs(w.g.v[v], &regs, NULL), 0);
			}
			tap_ok(freeze_end(&w.freeze) > 0, "it took time");
			tap_ok(!freeze_holds(&w.freeze, 0), "it is let go");
		}
		tap_ok(counts_on(&w), "it goes on");
	}
	world_close(&w);
}

static void a_halted_vcpu_is_held(void)
{
	struct world w;

	if (world_open(&w, 2, halt, sizeof(halt))) {
		turn(&w, WHILE_S);
		if (freeze_now(&w))
			tap_eq(w.freeze.count, 2);
		freeze_end(&w.freeze);
	}
	world_close(&w);
}

static void exits_that_pour_in_are_answered_meanwhile(void)
{
	struct world w;
	unsigned outs;

	if (world_open(&w, 4, out, sizeof(out)) && freeze_now(&w)) {
		tap_eq(w.freeze.count, 4);
		outs = w.outs;
		turn(&w, WHILE_S);
		tap_eq(w.outs, outs);
		freeze_end(&w.freeze);
		tap_ok(answers_on(&w), "it goes on");
	}
	world_close(&w);
}

static void there_is_one_freeze_at_a_time(void)
{
	struct world w;

	if (world_open(&w, 1, count, sizeof(count))) {
		tap_eq(freeze_end(&w.freeze), 0);
		tap_eq(freeze_begin(&w.freeze), 0);
		tap_eq(freeze_begin(&w.freeze), -EBUSY);
		turn(&w, GUEST_WAIT_MS / 1000.);
		tap_eq(w.frozen, 1);
		tap_eq(freeze_begin(&w.freeze), -EBUSY);
		freeze_end(&w.freeze);
		freeze_now(&w);
		freeze_end(&w.freeze);
	}
	world_close(&w);
}

static void a_vcpu_that_does_not_come_makes_it_partial(void)
{
	struct world w;

	if (world_open(&w, 3, count, sizeof(count))) {
		w.freeze.bound_ns = 50 * NSEC_PER_MSEC;
		/* one whose thread has gone stands for one whose thread never comes */
		vcpu_stop(w.g.v[2]);
		while (!vcpu_is_parked(w.g.v[2]))
			guest_wait_wake(&w.g, 10);
		if (freeze_now(&w)) {
			tap_eq(w.freeze.count, 2);
			tap_ok(!freeze_holds(&w.freeze, 2), "that one is not held");
			tap_ok(strstr(freeze_why(&w.freeze), "1 of 3 vCPUs") != NULL, "%s",
			       freeze_why(&w.freeze));
			tap_ok(!w.freeze.has_clock, "clocks are left alone");
			freeze_end(&w.freeze);
			tap_ok(counts_on(&w), "the others go on");
		}
	}
	world_close(&w);
}

static void a_stop_beats_a_freeze(void)
{
	struct world w;

	for (unsigned held = 0; held < 2; held++) {
		if (world_open(&w, 2, count, sizeof(count))) {
			if (held)
				freeze_now(&w);
			else
				freeze_begin(&w.freeze);
			freeze_drop(&w.freeze);
			guest_stop_once(&w.g);
			turn(&w, WHILE_S);
			tap_eq(w.frozen, held);
			tap_eq(freeze_end(&w.freeze), 0);
		}
		world_close(&w);
	}
}

/* Whatever was saved is the time afterwards: here an hour ahead of what it was. */
static void the_clocks_are_what_was_saved(void)
{
	const uint64_t hour_ns = 3600 * NSEC_PER_SEC, cycles = UINT64_C(1) << 42;
	struct guest_clock saved, now;
	struct err e = ERR_INIT;
	struct world w;
	int r;

	if (world_open(&w, 2, count, sizeof(count)) && freeze_now(&w)) {
		tap_eq(clock_save(w.g.vm, w.g.v[0], &saved, &e), 0);
		saved.kvmclock_ns += hour_ns;
		saved.tsc += cycles;
		r = clock_restore(w.g.vm, w.g.v, 2, &saved, &e);
		tap_eq(clock_save(w.g.vm, w.g.v[0], &now, &e), 0);
		tap_ok(now.kvmclock_ns - saved.kvmclock_ns < hour_ns / 2, "kvm-clock is off");
		if (r == -EOPNOTSUPP) {
			printf("# the TSC is not looked at: %s\n", err_text(&e));
			tap_ok(saved.tsc - now.tsc > cycles / 2, "it was moved all the same");
		} else {
			tap_eq(r, 0);
			tap_ok(now.tsc - saved.tsc < cycles / 2, "the TSC is off");
			tap_eq(clock_save(w.g.vm, w.g.v[1], &now, &e), 0);
			tap_ok(now.tsc - saved.tsc < cycles / 2, "the other TSC is off");
		}
		freeze_end(&w.freeze);
		tap_ok(counts_on(&w), "it goes on");
	}
	world_close(&w);
}

int main(void)
{
	TAP_RUN(a_guest_stands_still_and_goes_on);
	TAP_RUN(a_halted_vcpu_is_held);
	TAP_RUN(exits_that_pour_in_are_answered_meanwhile);
	TAP_RUN(there_is_one_freeze_at_a_time);
	TAP_RUN(a_vcpu_that_does_not_come_makes_it_partial);
	TAP_RUN(a_stop_beats_a_freeze);
	TAP_RUN(the_clocks_are_what_was_saved);
	return tap_done();
}
