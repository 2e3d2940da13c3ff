/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does what it likes with the IOAPIC while lines go up and down.
 * Promises: what was routed last is what the entries say, nothing is told
 * twice, a message never asks for remapping nor for an exception's vector, and
 * a level line that is asserted has its interrupt under way unless it is masked.
 */
#include "loop/ioapic.h"
#include "test/fuzz.h"

#define SEED(s) { s, sizeof(s) - 1 }

/* operations: 0 write offset value, 1 read offset, 2 line pin up, 3 line pin down, 4 EOI vector */
const struct fuzz_seed fuzz_seeds[] = {
	SEED("\0\0\x18\0\0\0" "\0\x10\x31\0\0\0" "\2\4" "\3\4"),	/* an edge */
	SEED("\0\0\x22\0\0\0" "\0\x10\x31\x80\0\0" "\2\x09" "\4\x31" "\3\x09" "\4\x31"),
	SEED("\0\0\x22\0\0\0" "\0\x10\x31\x80\0\0" "\2\x09" "\0\x10\x31\x80\1\0" "\4\x31"),
	SEED("\0\0\x19\0\0\0" "\0\x10\0\0\xff\xff" "\0\0\x18\0\0\0" "\0\x10\x41\x08\0\0" "\2\4"),
	SEED("\0\0\1\0\0\0" "\1\x10" "\0\x40\x31\0\0\0"),
	{ NULL, 0 },
};

struct world {
	struct ioapic io;
	struct vm_msi route[IOAPIC_PINS];
	bool routed[IOAPIC_PINS];
};

static void check_message(const struct vm_msi *msi)
{
	const unsigned mode = msi->data >> 8 & 7;

	FUZZ_CHECK((msi->addr & ~UINT64_C(0xfffe4)) == 0xfee00000);
	FUZZ_CHECK(!(msi->data & ~0xc7ffu));
	FUZZ_CHECK(mode < 3 || mode == 4 || mode == 5);
	FUZZ_CHECK(mode > 1 || (msi->data & 0xff) >= 16);
	FUZZ_CHECK(mode <= 1 || !(msi->data & 0xc000));
}

static void on_route(unsigned pin, const struct vm_msi *msi, void *arg)
{
	struct world *w = arg;

	FUZZ_CHECK(pin < IOAPIC_PINS);
	if (!msi) {
		FUZZ_CHECK(w->routed[pin]);
		w->routed[pin] = false;
		return;
	}
	check_message(msi);
	FUZZ_CHECK(!w->routed[pin] || msi->addr != w->route[pin].addr ||
		   msi->data != w->route[pin].data);
	w->routed[pin] = true;
	w->route[pin] = *msi;
}

static void on_send(const struct vm_msi *msi, void *arg)
{
	(void)arg;
	check_message(msi);
}

static void check_pin(const struct world *w, unsigned pin)
{
	const uint64_t e = w->io.entry[pin];
	const bool masked = e >> 16 & 1, remote_irr = e >> 14 & 1;
	const bool level = w->routed[pin] && w->route[pin].data & 0x8000;

	FUZZ_CHECK(!(e & UINT64_C(0x0000fffffffe1000)));
	if (remote_irr)		/* the guest may have spoilt the vector since */
		FUZZ_CHECK(e >> 15 & 1 && (e >> 8 & 7) <= 1 && (level || (e & 0xff) < 16));
	else if (masked)
		FUZZ_CHECK(!w->routed[pin]);
	if (w->routed[pin]) {
		FUZZ_CHECK((w->route[pin].data & 0x7ff) == (e & 0x7ff));
		FUZZ_CHECK((w->route[pin].addr >> 12 & 0xff) == e >> 56);
		FUZZ_CHECK((w->route[pin].addr >> 5 & 0x7f) == (e >> 49 & 0x7f));
	}
	if (level && !masked && w->io.lines >> pin & 1)
		FUZZ_CHECK(remote_irr);
}

static void step(struct world *w, struct fuzz_in *in)
{
	const unsigned op = fuzz_u8(in) % 5;
	const uint8_t at = fuzz_u8(in);
	uint32_t value;

	switch (op) {
	case 0:
		value = fuzz_u16(in);
		value |= (uint32_t)fuzz_u16(in) << 16;
		ioapic_write(&w->io, at, value);
		break;
	case 1:
		(void)ioapic_read(&w->io, at);
		break;
	case 4:
		ioapic_eoi(&w->io, at);
		break;
	default:
		ioapic_set_line(&w->io, at % IOAPIC_PINS, op == 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct world w = { .routed = { false } };
	const struct ioapic_ops ops = { .route = on_route, .send = on_send, .arg = &w };

	ioapic_init(&w.io, &ops);
	while (in.left) {
		step(&w, &in);
		for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
			check_pin(&w, pin);
	}
	return 0;
}
