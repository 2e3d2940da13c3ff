/* SPDX-License-Identifier: GPL-2.0-only */
/* Stopping a vCPU: from every state, by one call, without a hang. */
#include <ctype.h>
#include <dirent.h>
#include <signal.h>

#include "test/vcpu-guest.h"
#include "vcpu/internal.h"

#define PORT 0x11

static const uint8_t spin[] = { 0xeb, 0xfe };			/* jmp . */
static const uint8_t halt[] = { 0xf4, 0xeb, 0xfd };		/* hlt, again */
static const uint8_t out[] = { 0xe6, PORT, 0xeb, 0xfc };	/* out %al, $PORT, again */

/* Let the guest get to where it is going. Not a condition: it only varies what is tested. */
static void let_run(struct guest *g, int ms)
{
	guest_wait_wake(g, ms);
}

static void a_halted_vcpu_parks_and_says_that_it_was_halted(void)
{
	struct vcpu_regs regs = { 0 };
	struct err e = ERR_INIT;
	struct guest g;

	if (guest_open_real(&g, 1, halt, sizeof(halt)) && guest_start(&g)) {
		let_run(&g, 50);
		tap_ok(!vcpu_is_parked(g.v[0]), "it runs");
		guest_stop_once(&g);
		tap_ok(!vcpu_get_regs(g.v[0], &regs, &e), "%s", err_text(&e));
		tap_eq(regs.rip, GUEST_CODE + 1);
		tap_ok(regs.halted, "halted");
		tap_ok(!vcpu_has_exit(g.v[0]), "no exit is left over");
	}
	guest_close(&g);
}

static void a_spinning_vcpu_parks_where_it_spins(void)
{
	struct vcpu_regs regs = { 0 };
	struct err e = ERR_INIT;
	struct guest g;

	if (guest_open_real(&g, 1, spin, sizeof(spin)) && guest_start(&g)) {
		let_run(&g, 20);
		guest_stop_once(&g);
		tap_ok(!vcpu_get_regs(g.v[0], &regs, &e), "%s", err_text(&e));
		tap_eq(regs.rip, GUEST_CODE);
		tap_ok(!regs.halted, "not halted");
		tap_ok(vcpu_exit_count(g.v[0], VCPU_EXIT_NONE) >= 1, "the kick is counted");
	}
	guest_close(&g);
}

static void a_vcpu_that_was_never_woken_parks(void)
{
	struct guest g;

	if (guest_open(&g, (struct topo)TOPO(1, 1, 2, 1)) && guest_add_vcpu(&g) &&
	    guest_add_vcpu(&g)) {
		tap_ok(!vcpu_start(g.v[1], NULL), "it waits for SIPI");
		let_run(&g, 20);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void stop_takes_back_an_exit_that_the_loop_holds(void)
{
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, out, sizeof(out)) && guest_start(&g) &&
	    guest_expect_pio(&g, g.v[0], PORT, true, 1, &x)) {
		vcpu_stop(g.v[0]);
		tap_ok(!vcpu_has_exit(g.v[0]), "it has no exit any more");
		/* a handler that called stop may still resume */
		vcpu_resume(g.v[0]);
		guest_stop_once(&g);
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_PIO), 1);
	}
	guest_close(&g);
}

/*
 * The two halves of what keeps a kick from being lost on the way to KVM_RUN,
 * where no test can place it: it stays set until KVM has seen it, and then the
 * thread takes it back.
 */
static void a_kick_that_comes_before_kvm_run_waits_for_it(void)
{
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, out, sizeof(out)) && guest_start(&g) &&
	    guest_expect_pio(&g, g.v[0], PORT, true, 1, &x)) {
		vcpu_stop(g.v[0]);	/* the thread is not in KVM_RUN */
		guest_stop_once(&g);
		tap_eq(g.v[0]->run->immediate_exit, 1);
	}
	guest_close(&g);
}

static void the_thread_clears_a_kick_that_was_not_for_parking(void)
{
	struct guest g;

	if (guest_open_real(&g, 1, out, sizeof(out))) {
		g.v[0]->run->immediate_exit = 1;
		guest_start(&g);
		guest_expect_out(&g, g.v[0], PORT, 1);
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_NONE), 1);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void a_vcpu_that_never_started_is_parked_and_stays_so(void)
{
	struct err e = ERR_INIT;
	struct guest g;

	if (guest_open_real(&g, 1, spin, sizeof(spin))) {
		struct vcpu_regs regs;

		tap_ok(vcpu_is_parked(g.v[0]), "parked");
		tap_ok(!vcpu_get_regs(g.v[0], &regs, &e) && regs.rip == GUEST_CODE, "%s",
		       err_text(&e));
		vcpu_stop(g.v[0]);
		tap_eq(vcpu_start(g.v[0], &e), -EALREADY);
		tap_ok(vcpu_is_parked(g.v[0]), "still parked");
	}
	guest_close(&g);
}

static void a_vcpu_starts_once(void)
{
	struct err e = ERR_INIT;
	struct guest g;

	if (guest_open_real(&g, 1, spin, sizeof(spin)) && guest_start(&g)) {
		tap_eq(vcpu_start(g.v[0], &e), -EALREADY);
		guest_stop_once(&g);
		tap_eq(vcpu_start(g.v[0], &e), -EALREADY);
	}
	guest_close(&g);
}

static void pause_rounds(unsigned n)
{
	while (n--)
		vcpu_arch_relax();
}

/* Each on its own vCPU: a parked one does not start again. */
static void stop_right_after_start_never_hangs(void)
{
	static const struct {
		const uint8_t *code;
		size_t bytes;
	} guests[] = {
		{ spin, sizeof(spin) }, { halt, sizeof(halt) }, { out, sizeof(out) },
	};
	struct err e = ERR_INIT;
	struct guest g;

	if (!guest_open(&g, (struct topo)TOPO(1, 200, 1, 1)))
		return guest_close(&g);
	while (g.cpus < 200) {
		unsigned i = g.cpus;

		if (!guest_add_vcpu(&g))
			break;
		memcpy(g.memory + GUEST_CODE, guests[i % 3].code, guests[i % 3].bytes);
		tap_ok(!vcpu_set_entry_real(g.v[i], GUEST_CODE, &e), "%s", err_text(&e));
		tap_ok(!vcpu_start(g.v[i], &e), "%s", err_text(&e));
		/* from "before the thread exists" to "in the guest for long" */
		pause_rounds(i * i / 4);
		guest_stop_once(&g);
	}
	tap_eq(g.cpus, 200);
	guest_close(&g);
}

/* The thread is on its way from the baton to KVM_RUN, or just in it. */
static void stop_right_after_resume_never_hangs(void)
{
	static const uint8_t out_and_spin[] = { 0xe6, PORT, 0xeb, 0xfe };
	struct guest g;

	if (!guest_open_real(&g, 200, out_and_spin, sizeof(out_and_spin)))
		return guest_close(&g);
	for (unsigned i = 0; i < g.cpus; i++) {
		tap_ok(!vcpu_start(g.v[i], NULL), "start");
		guest_expect_out(&g, g.v[i], PORT, 1);
		pause_rounds(i * 2);
		vcpu_stop(g.v[i]);
		while (!vcpu_is_parked(g.v[i]))
			guest_wait_wake(&g, GUEST_WAIT_MS);
	}
	guest_stop_once(&g);
	guest_close(&g);
}

static void stop_while_exits_pour_in_never_hangs(void)
{
	struct guest g;

	for (unsigned round = 0; round < 20; round++) {
		struct vcpu_exit x;

		if (!guest_open_real(&g, 1, out, sizeof(out)) || !guest_start(&g))
			return guest_close(&g);
		for (unsigned i = 0; i < round; i++)
			guest_expect_out(&g, g.v[0], PORT, 1);
		if (round % 2)
			guest_exit(&g, g.v[0], &x);
		guest_stop_once(&g);
		guest_close(&g);
	}
}

static void four_vcpus_stop_together(void)
{
	struct guest g;

	if (guest_open_real(&g, 4, spin, sizeof(spin)) && guest_start(&g)) {
		let_run(&g, 50);
		guest_stop_once(&g);
	}
	guest_close(&g);
	if (guest_open_real(&g, 4, out, sizeof(out)) && guest_start(&g)) {
		for (unsigned i = 0; i < 40; i++)
			guest_expect_out(&g, g.v[i % 4], PORT, 1);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void two_machines_run_side_by_side(void)
{
	struct guest a, b;
	bool ok = guest_open_real(&a, 1, out, sizeof(out)) && guest_start(&a);

	if (ok && guest_open_real(&b, 1, out, sizeof(out)) && guest_start(&b)) {
		for (unsigned i = 0; i < 20; i++) {
			guest_expect_out(&a, a.v[0], PORT, 1);
			guest_expect_out(&b, b.v[0], PORT, 1);
		}
		guest_stop_once(&a);
		guest_close(&a);
		guest_expect_out(&b, b.v[0], PORT, 1);
		guest_stop_once(&b);
		guest_close(&b);
		return;
	}
	guest_close(&a);
}

/* The value of a line "name: value" in /proc/self/task/TID/status, of the thread called comm. */
static bool thread_status(const char *comm, const char *name, char value[64])
{
	DIR *dir = opendir("/proc/self/task");
	bool found = false;

	for (struct dirent *d; dir && !found && (d = readdir(dir));) {
		char path[300], line[256];
		bool is_it = false;
		FILE *f;

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", d->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			char key[64], text[64];

			if (sscanf(line, "%63[^:]: %63s", key, text) != 2)
				continue;
			is_it |= !strcmp(key, "Name") && !strcmp(text, comm);
			if (is_it && !strcmp(key, name)) {
				strcpy(value, text);
				found = true;
			}
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void a_vcpu_thread_has_a_name_and_hears_one_signal(void)
{
	/* SIGKILL and SIGSTOP cannot be blocked */
	const unsigned long long heard = 1ull << (VCPU_SIGNAL - 1) | 1ull << (SIGKILL - 1) |
					 1ull << (SIGSTOP - 1);
	char value[64] = "";
	struct guest g;

	if (guest_open_real(&g, 2, out, sizeof(out)) && guest_start(&g)) {
		/* the first exit comes after the name */
		guest_expect_out(&g, g.v[1], PORT, 1);
		if (tap_ok(thread_status("vcpu-1", "SigBlk", value), "vcpu-1 is there")) {
			unsigned long long blocked = strtoull(value, NULL, 16);

			/* libc keeps 32 and 33 for itself */
			tap_eq(~blocked & ~(3ull << 31), heard);
		}
		guest_stop_once(&g);
	}
	guest_close(&g);
}

int main(void)
{
	TAP_RUN(a_halted_vcpu_parks_and_says_that_it_was_halted);
	TAP_RUN(a_spinning_vcpu_parks_where_it_spins);
	TAP_RUN(a_vcpu_that_was_never_woken_parks);
	TAP_RUN(stop_takes_back_an_exit_that_the_loop_holds);
	TAP_RUN(a_kick_that_comes_before_kvm_run_waits_for_it);
	TAP_RUN(the_thread_clears_a_kick_that_was_not_for_parking);
	TAP_RUN(a_vcpu_that_never_started_is_parked_and_stays_so);
	TAP_RUN(a_vcpu_starts_once);
	TAP_RUN(stop_right_after_start_never_hangs);
	TAP_RUN(stop_right_after_resume_never_hangs);
	TAP_RUN(stop_while_exits_pour_in_never_hangs);
	TAP_RUN(four_vcpus_stop_together);
	TAP_RUN(two_machines_run_side_by_side);
	TAP_RUN(a_vcpu_thread_has_a_name_and_hears_one_signal);
	return tap_done();
}
