/* SPDX-License-Identifier: GPL-2.0-only */
/* Port writes that KVM collects: in order, before the exit that follows, none lost. */
#include "test/vcpu-guest.h"

#define PORT_TX 0x16
#define PORT_SYNC 0x17

struct taken {
	uint8_t byte[1024];
	unsigned n, other;
};

static void take(uint16_t port, unsigned width, uint32_t value, void *arg)
{
	struct taken *t = arg;

	if (port != PORT_TX || width != 1 || t->n == sizeof(t->byte))
		t->other++;
	else
		t->byte[t->n++] = (uint8_t)value;
}

/* False: this KVM exits for each write, which is right as well; said as a skip. */
static bool collects(struct guest *g)
{
	struct err e = ERR_INIT;
	int r = vm_collect_port(g->vm, PORT_TX, &e);

	if (r == -EOPNOTSUPP) {
		tap_skip("this KVM has no coalesced PIO");
		return false;
	}
	return tap_ok(r == 0, "%s", err_text(&e));
}

static void collected_writes_come_in_order_before_the_exit_that_follows(void)
{
	static const uint8_t code[] = {
		0xb0, 0x00,		/* mov $0, %al */
		0xb9, 0x64, 0x00,	/* mov $100, %cx */
		0xe6, PORT_TX,		/* 1: out %al, $PORT_TX */
		0xfe, 0xc0,		/* inc %al */
		0xe2, 0xfa,		/* loop 1b */
		0xe4, PORT_SYNC,	/* in $PORT_SYNC, %al */
		0xeb, 0xf1,		/* from the start */
	};
	struct vcpu_exit x;
	struct taken t;
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code)) && collects(&g) && guest_start(&g)) {
		for (unsigned round = 0; round < 10; round++) {
			t = (struct taken){ 0 };
			if (!guest_expect_pio(&g, g.v[0], PORT_SYNC, false, 1, &x))
				break;
			vcpu_take_writes(g.v[0], take, &t);
			tap_eq(t.n, 100);
			tap_eq(t.other, 0);
			for (unsigned i = 0; i < t.n; i++)
				tap_ok(t.byte[i] == i, "byte %u is %u", i, t.byte[i]);
			vcpu_resume(g.v[0]);
		}
		guest_stop_once(&g);
		tap_ok(vcpu_exit_count(g.v[0], VCPU_EXIT_PIO) <= 11, "%llu exits",
		       (unsigned long long)vcpu_exit_count(g.v[0], VCPU_EXIT_PIO));
	}
	guest_close(&g);
}

static void more_writes_than_kvm_can_collect_are_not_lost(void)
{
	static const uint8_t code[] = {
		0xb9, 0x00, 0x02,	/* mov $512, %cx */
		0x88, 0xc8,		/* 1: mov %cl, %al */
		0xe6, PORT_TX,		/* out %al, $PORT_TX */
		0xe2, 0xfa,		/* loop 1b */
		0xe4, PORT_SYNC,	/* in $PORT_SYNC, %al */
		0xf4,			/* hlt */
	};
	struct taken t = { 0 };
	struct vcpu_exit x;
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code)) && collects(&g) && guest_start(&g)) {
		while (guest_exit(&g, g.v[0], &x)) {
			vcpu_take_writes(g.v[0], take, &t);
			if (x.addr == PORT_SYNC)
				break;
			take((uint16_t)x.addr, x.width, *x.data, &t);
			vcpu_resume(g.v[0]);
		}
		tap_eq(t.n, 512);
		tap_eq(t.other, 0);
		for (unsigned i = 0; i < t.n; i++)
			tap_ok(t.byte[i] == (uint8_t)(512 - i), "byte %u is %u", i, t.byte[i]);
		guest_stop_once(&g);
	}
	guest_close(&g);
}

int main(void)
{
	TAP_RUN(collected_writes_come_in_order_before_the_exit_that_follows);
	TAP_RUN(more_writes_than_kvm_can_collect_are_not_lost);
	return tap_done();
}
