/* SPDX-License-Identifier: GPL-2.0-only */
/* The I/O APIC: registers, and what its pins send. */
#include "loop/ioapic.h"
#include "test/tap.h"

#define ID 0x00
#define VERSION 0x01
#define ARBITRATION 0x02
#define TABLE(pin) (uint8_t)(0x10 + 2 * (pin))

#define LOGICAL (1u << 11)
#define STATUS (1u << 12)
#define REMOTE_IRR (1u << 14)
#define LEVEL (1u << 15)
#define MASKED (1u << 16)
#define MODE(n) ((n) << 8)

/* What the model did last, and how often. */
struct world {
	struct ioapic io;
	struct vm_msi route[IOAPIC_PINS];
	bool routed[IOAPIC_PINS];
	unsigned routes, sends;
	struct vm_msi sent;
};

static void on_route(unsigned pin, const struct vm_msi *msi, void *arg)
{
	struct world *w = arg;

	w->routes++;
	w->routed[pin] = msi != NULL;
	w->route[pin] = msi ? *msi : (struct vm_msi){ 0 };
}

static void on_send(const struct vm_msi *msi, void *arg)
{
	struct world *w = arg;

	w->sends++;
	w->sent = *msi;
}

static void start(struct world *w)
{
	const struct ioapic_ops ops = { .route = on_route, .send = on_send, .arg = w };

	*w = (struct world){ .routes = 0 };
	ioapic_init(&w->io, &ops);
}

static uint32_t get(struct world *w, uint8_t reg)
{
	ioapic_write(&w->io, 0, reg);
	return ioapic_read(&w->io, 0x10);
}

static void put(struct world *w, uint8_t reg, uint32_t value)
{
	ioapic_write(&w->io, 0, reg);
	ioapic_write(&w->io, 0x10, value);
}

/* As Linux writes an entry: the destination first. */
static void set_entry(struct world *w, unsigned pin, uint32_t high, uint32_t low)
{
	put(w, TABLE(pin) + 1, high);
	put(w, TABLE(pin), low);
}

static void after_a_reset_every_pin_is_masked_and_nothing_is_routed(void)
{
	struct world w;

	start(&w);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		tap_eq(get(&w, TABLE(pin)), MASKED);
		tap_eq(get(&w, TABLE(pin) + 1), 0);
		ioapic_set_line(&w.io, pin, true);
	}
	tap_eq(w.routes, 0);
	tap_eq(w.sends, 0);
}

static void registers_read_as_the_data_sheet_says(void)
{
	struct world w;

	start(&w);
	tap_eq(get(&w, VERSION), 0x170020);	/* 24 pins, with an EOI register */
	put(&w, VERSION, 0xffffffff);
	tap_eq(get(&w, VERSION), 0x170020);
	put(&w, ID, 0xffffffff);
	tap_eq(get(&w, ID), 0x0f000000);
	tap_eq(get(&w, ARBITRATION), 0x0f000000);
	tap_eq(ioapic_read(&w.io, 0), ARBITRATION);
	tap_eq(get(&w, TABLE(24)), 0);		/* behind the last pin */
	put(&w, TABLE(24), 0xffffffff);
	put(&w, 0xff, 0xffffffff);
	put(&w, 0x0f, 0xffffffff);
	tap_eq(get(&w, 0xff), 0);
	tap_eq(ioapic_read(&w.io, 0x20), 0);
	ioapic_write(&w.io, 0x20, 0xffffffff);
	tap_eq(w.routes, 0);
	/* of an entry, what is reserved or read-only does not change */
	set_entry(&w, 3, 0xffffffff, 0xffffffff);
	tap_eq(get(&w, TABLE(3)), 0x1ffff & ~(STATUS | REMOTE_IRR));
	tap_eq(get(&w, TABLE(3) + 1), 0xffff0000);
}

static void an_entry_becomes_a_message(void)
{
	static const struct {
		uint32_t high, low, addr, data;
	} rows[] = {
		{ 0x00000000, 0x31, 0xfee00000, 0x31 },
		{ 0x05000000, 0x31, 0xfee05000, 0x31 },
		{ 0xff000000, LOGICAL | MODE(1) | 0xef, 0xfeeff004, 0x1ef },
		{ 0x00000000, LEVEL | 0x42, 0xfee00000, 0xc042 },
		/* the pin's polarity is the board's business */
		{ 0x00000000, 1u << 13 | 0x42, 0xfee00000, 0x42 },
		/* bits 14:8 of an id: 0x1ff, 0x7f01 */
		{ 0xff020000, 0x31, 0xfeeff020, 0x31 },
		{ 0x01fe0000, 0x31, 0xfee01fe0, 0x31 },
		/* an index for a remapper that is not there */
		{ 0x00010000, 0x31, 0xfee00000, 0x31 },
		/* SMI, NMI, INIT: no vector, never level */
		{ 0x01000000, MODE(2), 0xfee01000, 0x200 },
		{ 0x01000000, LEVEL | MODE(4), 0xfee01000, 0x400 },
		{ 0x01000000, MODE(5), 0xfee01000, 0x500 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		start(&w);
		set_entry(&w, 4, rows[i].high, rows[i].low);
		tap_ok(w.routed[4], "row %u", i);
		tap_eq(w.route[4].addr, rows[i].addr);
		tap_eq(w.route[4].data, rows[i].data);
		ioapic_set_line(&w.io, 4, true);
		tap_eq(w.sends, 1);
		tap_eq(w.sent.addr, rows[i].addr);
		tap_eq(w.sent.data, rows[i].data);
	}
}

static void what_no_cpu_could_take_is_not_sent(void)
{
	static const uint32_t low[] = {
		0x00, 0x0f, LEVEL | 0x0f,	/* vectors of exceptions */
		MODE(3) | 0x31, MODE(6) | 0x31,	/* reserved */
		MODE(7) | 0x31,			/* ExtINT: ask the 8259 */
		MASKED | 0x31,
	};

	for (unsigned i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
		struct world w;

		start(&w);
		set_entry(&w, 4, 0, low[i]);
		ioapic_set_line(&w.io, 4, true);
		tap_ok(!w.routed[4] && !w.sends, "low %x", low[i]);
	}
}

static void a_route_is_told_only_when_it_changes(void)
{
	struct world w;

	start(&w);
	set_entry(&w, 4, 0, MASKED | 0x31);
	set_entry(&w, 4, 0x01000000, MASKED | 0x31);
	tap_eq(w.routes, 0);
	put(&w, TABLE(4), 0x31);
	tap_eq(w.routes, 1);
	put(&w, TABLE(4), 0x31);
	tap_eq(w.routes, 1);
	put(&w, TABLE(4) + 1, 0x02000000);	/* another CPU */
	tap_eq(w.routes, 2);
	tap_eq(w.route[4].addr, 0xfee02000);
	put(&w, TABLE(4), MASKED | 0x31);
	tap_eq(w.routes, 3);
	tap_ok(!w.routed[4], "masked");
	tap_ok(!w.routed[5], "another pin");
}

static void an_edge_pin_sends_as_its_line_rises(void)
{
	struct world w;

	start(&w);
	set_entry(&w, 5, 0, 0x31);
	ioapic_set_line(&w.io, 5, true);
	ioapic_set_line(&w.io, 5, true);
	tap_eq(w.sends, 1);
	tap_eq(get(&w, TABLE(5)), 0x31);	/* no Remote IRR */
	ioapic_eoi(&w.io, 0x31);
	ioapic_set_line(&w.io, 5, false);
	tap_eq(w.sends, 1);
	/* an edge on a masked pin is lost */
	put(&w, TABLE(5), MASKED | 0x31);
	ioapic_set_line(&w.io, 5, true);
	put(&w, TABLE(5), 0x31);
	tap_eq(w.sends, 1);
	ioapic_set_line(&w.io, 5, false);
	ioapic_set_line(&w.io, 5, true);
	tap_eq(w.sends, 2);
}

static void a_level_pin_sends_again_until_its_line_falls(void)
{
	struct world w;

	start(&w);
	set_entry(&w, 9, 0, LEVEL | 0x31);
	ioapic_set_line(&w.io, 9, true);
	tap_eq(w.sends, 1);
	tap_eq(get(&w, TABLE(9)), LEVEL | REMOTE_IRR | 0x31);
	ioapic_set_line(&w.io, 9, true);
	tap_eq(w.sends, 1);
	ioapic_eoi(&w.io, 0x32);		/* somebody else's */
	tap_eq(w.sends, 1);
	ioapic_eoi(&w.io, 0x31);
	tap_eq(w.sends, 2);
	ioapic_set_line(&w.io, 9, false);
	tap_eq(get(&w, TABLE(9)), LEVEL | REMOTE_IRR | 0x31);
	ioapic_write(&w.io, 0x40, 0x31);	/* the EOI register does the same */
	tap_eq(w.sends, 2);
	tap_eq(get(&w, TABLE(9)), LEVEL | 0x31);
	tap_eq(w.routes, 1);
}

static void a_masked_level_pin_waits_and_sends_when_it_is_unmasked(void)
{
	struct world w;

	start(&w);
	set_entry(&w, 9, 0, LEVEL | MASKED | 0x31);
	ioapic_set_line(&w.io, 9, true);
	tap_eq(w.sends, 0);
	put(&w, TABLE(9), LEVEL | 0x31);
	tap_eq(w.sends, 1);
	/* a level that is gone by then is forgotten */
	put(&w, TABLE(9), LEVEL | MASKED | 0x31);
	ioapic_eoi(&w.io, 0x31);
	ioapic_set_line(&w.io, 9, false);
	put(&w, TABLE(9), LEVEL | 0x31);
	tap_eq(w.sends, 1);
}

static void a_level_pin_masked_by_its_handler_keeps_its_route_until_the_eoi(void)
{
	struct world w;

	start(&w);
	set_entry(&w, 9, 0, LEVEL | 0x31);
	ioapic_set_line(&w.io, 9, true);
	put(&w, TABLE(9), LEVEL | MASKED | 0x31);
	tap_ok(w.routed[9], "else nobody would tell of the EOI");
	ioapic_eoi(&w.io, 0x31);
	tap_ok(!w.routed[9], "masked");
	tap_eq(w.sends, 1);
	put(&w, TABLE(9), LEVEL | 0x31);	/* still asserted */
	tap_eq(w.sends, 2);
}

static void making_a_pin_an_edge_one_clears_remote_irr(void)
{
	struct world w;

	start(&w);
	set_entry(&w, 9, 0, LEVEL | 0x31);
	ioapic_set_line(&w.io, 9, true);
	put(&w, TABLE(9), MASKED | 0x31);
	tap_eq(get(&w, TABLE(9)), MASKED | 0x31);
	tap_ok(!w.routed[9], "masked");
	put(&w, TABLE(9), LEVEL | 0x31);
	tap_eq(w.sends, 2);
}

static void one_eoi_serves_all_pins_of_its_vector(void)
{
	struct world w;

	start(&w);
	for (unsigned pin = 9; pin < 12; pin++) {
		set_entry(&w, pin, 0, LEVEL | 0x31);
		ioapic_set_line(&w.io, pin, true);
	}
	tap_eq(w.sends, 3);
	ioapic_set_line(&w.io, 10, false);
	ioapic_eoi(&w.io, 0x31);
	tap_eq(w.sends, 5);
	tap_eq(get(&w, TABLE(10)), LEVEL | 0x31);
}

int main(void)
{
	TAP_RUN(after_a_reset_every_pin_is_masked_and_nothing_is_routed);
	TAP_RUN(registers_read_as_the_data_sheet_says);
	TAP_RUN(an_entry_becomes_a_message);
	TAP_RUN(what_no_cpu_could_take_is_not_sent);
	TAP_RUN(a_route_is_told_only_when_it_changes);
	TAP_RUN(an_edge_pin_sends_as_its_line_rises);
	TAP_RUN(a_level_pin_sends_again_until_its_line_falls);
	TAP_RUN(a_masked_level_pin_waits_and_sends_when_it_is_unmasked);
	TAP_RUN(a_level_pin_masked_by_its_handler_keeps_its_route_until_the_eoi);
	TAP_RUN(making_a_pin_an_edge_one_clears_remote_irr);
	TAP_RUN(one_eoi_serves_all_pins_of_its_vector);
	return tap_done();
}
