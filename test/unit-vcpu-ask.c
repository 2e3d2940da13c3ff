/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU that runs is asked for its registers, and goes on. */
#include "test/vcpu-guest.h"
#include "vcpu/internal.h"

#define PORT 0x11
#define CODE_BYTES 8

static const uint8_t spin[] = { 0x40, 0xeb, 0xfd };		/* inc %ax, again */
static const uint8_t halt[] = { 0xf4, 0xeb, 0xfd };		/* hlt, again */
static const uint8_t out[] = { 0xe6, PORT, 0xeb, 0xfc };	/* out %al, $PORT, again */

static bool expect_asked(struct guest *g, struct vcpu *v, struct vcpu_regs *regs)
{
	struct err e = ERR_INIT;
	struct vcpu_exit x;

	return guest_exit(g, v, &x) && tap_eq(x.kind, VCPU_EXIT_ASKED) &&
	       tap_ok(!vcpu_get_regs(v, regs, &e), "%s", err_text(&e));
}

static void a_spinning_vcpu_answers_and_goes_on(void)
{
	struct vcpu_regs regs;
	struct guest g;

	if (guest_open_real(&g, 1, spin, sizeof(spin)) && guest_start(&g)) {
		for (unsigned i = 1; i <= 50; i++) {
			vcpu_ask(g.v[0]);
			if (!expect_asked(&g, g.v[0], &regs))
				break;
			tap_ok(regs.rip >= GUEST_CODE && regs.rip < GUEST_CODE + CODE_BYTES,
			       "rip 0x%llx", (unsigned long long)regs.rip);
			tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_ASKED), i);
			vcpu_resume(g.v[0]);
		}
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void a_halted_vcpu_answers_and_halts_again(void)
{
	struct vcpu_regs regs;
	struct guest g;

	if (guest_open_real(&g, 1, halt, sizeof(halt)) && guest_start(&g)) {
		guest_wait_wake(&g, 20);
		for (unsigned i = 0; i < 2; i++) {
			vcpu_ask(g.v[0]);
			if (!expect_asked(&g, g.v[0], &regs))
				break;
			tap_ok(i == 0 || regs.halted, "halted");
			vcpu_resume(g.v[0]);
		}
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void an_exit_that_was_posted_comes_first_and_is_not_lost(void)
{
	struct vcpu_regs regs;
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, out, sizeof(out)) && guest_start(&g) &&
	    guest_expect_pio(&g, g.v[0], PORT, true, 1, &x)) {
		vcpu_ask(g.v[0]);
		vcpu_exit_get(g.v[0], &x);
		tap_eq(x.kind, VCPU_EXIT_PIO);
		vcpu_resume(g.v[0]);
		/* the access is finished before the vCPU answers: it stands behind it */
		if (expect_asked(&g, g.v[0], &regs)) {
			tap_eq(regs.rip, GUEST_CODE + 2);
			vcpu_resume(g.v[0]);
		}
		guest_expect_out(&g, g.v[0], PORT, 1);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void a_vcpu_that_was_asked_can_be_stopped(void)
{
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, spin, sizeof(spin)) && guest_start(&g)) {
		vcpu_ask(g.v[0]);
		guest_exit(&g, g.v[0], &x);
		guest_stop_once(&g);
		vcpu_ask(g.v[0]);	/* a parked one does not answer */
		tap_ok(!vcpu_has_exit(g.v[0]), "no exit");
	}
	guest_close(&g);
}

static void asked_while_exits_pour_in_every_vcpu_answers(void)
{
	struct guest g;

	if (guest_open_real(&g, 4, out, sizeof(out)) && guest_start(&g)) {
		unsigned answers = 0, exits = 0;

		for (unsigned i = 0; i < 4; i++)
			vcpu_ask(g.v[i]);
		while (answers < 4 && exits < 10000) {
			struct vcpu_exit x;
			unsigned i = exits % 4;

			if (!guest_exit(&g, g.v[i], &x))
				break;
			answers += x.kind == VCPU_EXIT_ASKED;
			exits++;
			vcpu_resume(g.v[i]);
		}
		tap_eq(answers, 4);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void a_vcpu_tells_its_thread(void)
{
	struct guest g;
	char path[64];

	if (guest_open_real(&g, 1, out, sizeof(out))) {
		tap_eq(vcpu_tid(g.v[0]), 0);
		guest_start(&g);
		guest_expect_out(&g, g.v[0], PORT, 1);
		snprintf(path, sizeof(path), "/proc/self/task/%d", (int)vcpu_tid(g.v[0]));
		tap_ok(vcpu_tid(g.v[0]) != getpid() && access(path, F_OK) == 0, "%s", path);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

int main(void)
{
	TAP_RUN(a_spinning_vcpu_answers_and_goes_on);
	TAP_RUN(a_halted_vcpu_answers_and_halts_again);
	TAP_RUN(an_exit_that_was_posted_comes_first_and_is_not_lost);
	TAP_RUN(a_vcpu_that_was_asked_can_be_stopped);
	TAP_RUN(asked_while_exits_pour_in_every_vcpu_answers);
	TAP_RUN(a_vcpu_tells_its_thread);
	return tap_done();
}
