/* SPDX-License-Identifier: GPL-2.0-only */
/* The UART, driven as Linux' 8250 driver drives it. */
#include <errno.h>
#include <sys/eventfd.h>

#include "base/util.h"
#include "serial/serial.h"
#include "test/tap.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR, DLL = DATA, DLM = IER };

#define FCR_ON 0x01
#define FCR_CLEAR 0x07
#define THRI 0x02
#define RDI 0x01
#define RLSI 0x04
#define MSI 0x08
#define LOOP 0x10

struct rig {
	struct uart u;
	int irq_fd;
	uint8_t sent[4096];
	size_t sent_len;
};

static void on_tx(const uint8_t *bytes, size_t n, void *arg)
{
	struct rig *g = arg;

	for (size_t i = 0; i < n && g->sent_len < sizeof(g->sent); i++)
		g->sent[g->sent_len++] = bytes[i];
}

static void rig_init(struct rig *g)
{
	g->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->sent_len = 0;
	uart_init(&g->u, g->irq_fd, on_tx, g);
	uart_write(&g->u, FCR, FCR_ON);
}

static void rig_fini(struct rig *g)
{
	close(g->irq_fd);
}

/* Edges since the last look; the interrupt controller remembers them. */
static uint64_t edges(struct rig *g)
{
	uint64_t n = 0;

	return read(g->irq_fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void registers_after_reset_are_those_of_the_data_sheet(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, FCR, 0);
	tap_eq(uart_read(&g.u, IER), 0);
	tap_eq(uart_read(&g.u, IIR), 0x01);
	tap_eq(uart_read(&g.u, LCR), 0);
	tap_eq(uart_read(&g.u, MCR), 0);
	tap_eq(uart_read(&g.u, LSR), 0x60);
	tap_eq(uart_read(&g.u, MSR), 0xb0);
	tap_eq(edges(&g), 0);
	rig_fini(&g);
}

static void the_divisor_latch_hides_behind_dlab_and_is_never_zero_at_first(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, LCR, 0x80);
	tap_ok(uart_read(&g.u, DLL) | uart_read(&g.u, DLM) << 8, "earlycon divides by it");
	uart_write(&g.u, DLL, 0x0c);
	uart_write(&g.u, DLM, 0x34);
	tap_eq(uart_read(&g.u, DLL), 0x0c);
	tap_eq(uart_read(&g.u, DLM), 0x34);
	uart_write(&g.u, LCR, 0x03);
	tap_eq(uart_read(&g.u, IER), 0);
	tap_eq(uart_read(&g.u, DATA), 0);
	tap_eq(g.sent_len, 0);
	uart_write(&g.u, DATA, 'x');
	tap_eq(g.sent_len, 1);
	uart_write(&g.u, LCR, 0x83);
	tap_eq(uart_read(&g.u, DLL), 0x0c);
	rig_fini(&g);
}

/* The steps of autoconfig() and autoconfig_16550a() that decide the type. */
static void autoconfig_finds_a_16550a(void)
{
	struct rig g;
	uint8_t with, without;

	rig_init(&g);
	uart_write(&g.u, IER, 0);
	tap_eq(uart_read(&g.u, IER) & 0x0f, 0);
	uart_write(&g.u, IER, 0x0f);
	tap_eq(uart_read(&g.u, IER) & 0x0f, 0x0f);
	uart_write(&g.u, IER, 0);
	uart_write(&g.u, MCR, LOOP | 0x08 | 0x02);
	tap_eq(uart_read(&g.u, MSR) & 0xf0, 0x90);
	uart_write(&g.u, MCR, 0);
	uart_write(&g.u, LCR, 0xbf);
	uart_write(&g.u, FCR, 0);
	uart_write(&g.u, LCR, 0);
	uart_write(&g.u, FCR, FCR_ON);
	tap_eq(uart_read(&g.u, IIR) >> 6, 3);

	/* no enhanced features register, no 64 byte FIFO, no Xscale */
	uart_write(&g.u, LCR, 0x80);
	tap_ok(uart_read(&g.u, 2) != 0, "EFR");
	uart_write(&g.u, LCR, 0xbf);
	tap_ok(uart_read(&g.u, 2) != 0, "EFR");
	uart_write(&g.u, LCR, 0);
	uart_write(&g.u, FCR, FCR_ON | 0x20);
	without = uart_read(&g.u, IIR) & 0x20;
	uart_write(&g.u, LCR, 0x80);
	uart_write(&g.u, FCR, FCR_ON | 0x20);
	with = uart_read(&g.u, IIR) & 0x20;
	tap_eq(without | with, 0);
	uart_write(&g.u, LCR, 0);
	uart_write(&g.u, IER, 0x40);
	tap_eq(uart_read(&g.u, IER) & 0x40, 0);
	uart_write(&g.u, SCR, 0x5a);
	tap_eq(uart_read(&g.u, SCR), 0x5a);
	rig_fini(&g);
}

/* The tests of serial8250_do_startup(); a failed one means a polling timer or worse. */
static void startup_sees_thre_reassert_when_it_is_enabled_again(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, IER, THRI);
	tap_eq(uart_read(&g.u, IIR), 0xc2);
	tap_eq(uart_read(&g.u, IIR), 0xc1);
	uart_write(&g.u, IER, 0);
	tap_eq(edges(&g), 1);
	uart_write(&g.u, IER, THRI);
	tap_eq(uart_read(&g.u, LSR) & 0x60, 0x60);
	tap_eq(uart_read(&g.u, IIR), 0xc2);
	tap_eq(edges(&g), 1);
	uart_write(&g.u, IER, THRI);
	tap_eq(edges(&g), 0);
	rig_fini(&g);
}

static void iir_reports_causes_by_priority_and_only_enabled_ones(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, FCR, FCR_ON | 0x40);	/* trigger at 4 */
	uart_write(&g.u, MCR, LOOP);
	for (int i = 0; i < UART_FIFO + 1; i++)
		uart_write(&g.u, DATA, (uint8_t)i);
	tap_eq(uart_read(&g.u, IIR), 0xc1);
	tap_eq(edges(&g), 0);
	uart_write(&g.u, IER, 0x0f);
	tap_eq(uart_read(&g.u, IIR), 0xc6);
	tap_eq(uart_read(&g.u, LSR), 0x63);
	tap_eq(uart_read(&g.u, IIR), 0xc4);
	for (int i = 0; i < UART_FIFO - 3; i++)
		tap_eq(uart_read(&g.u, DATA), i);
	tap_eq(uart_read(&g.u, IIR), 0xcc);	/* below the trigger: "timeout" */
	for (int i = 0; i < 3; i++)
		(void)uart_read(&g.u, DATA);
	tap_eq(uart_read(&g.u, IIR), 0xc2);
	tap_eq(uart_read(&g.u, IIR), 0xc0);	/* entering loopback changed lines */
	tap_eq(uart_read(&g.u, MSR), 0x0b);
	tap_eq(uart_read(&g.u, IIR), 0xc1);
	tap_eq(uart_read(&g.u, MSR), 0x00);
	rig_fini(&g);
}

static void reading_iir_keeps_thre_while_a_higher_cause_hides_it(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, IER, RDI | THRI);
	uart_receive(&g.u, "a", 1);
	tap_eq(uart_read(&g.u, IIR), 0xcc - 0x08);
	tap_eq(uart_read(&g.u, DATA), 'a');
	tap_eq(uart_read(&g.u, IIR), 0xc2);
	tap_eq(uart_read(&g.u, IIR), 0xc1);
	rig_fini(&g);
}

static void an_edge_comes_for_each_cause_that_appears_or_is_left(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, IER, RDI | THRI | MSI);
	tap_eq(edges(&g), 1);
	uart_receive(&g.u, "ab", 2);		/* on top of THRE */
	tap_eq(edges(&g), 1);
	uart_receive(&g.u, "c", 1);		/* more of the same: news all the same */
	tap_eq(edges(&g), 1);
	(void)uart_read(&g.u, DATA);
	(void)uart_read(&g.u, DATA);
	tap_eq(edges(&g), 0);
	(void)uart_read(&g.u, DATA);		/* served; THRE is left */
	tap_eq(edges(&g), 1);
	tap_eq(uart_read(&g.u, IIR), 0xc2);
	tap_eq(edges(&g), 0);
	uart_write(&g.u, DATA, 'x');		/* empty again */
	tap_eq(edges(&g), 1);
	uart_write(&g.u, DATA, 'y');
	tap_eq(edges(&g), 0);
	uart_write(&g.u, IER, 0);
	uart_write(&g.u, IER, THRI);		/* as a console write leaves it */
	tap_eq(edges(&g), 1);
	rig_fini(&g);
}

static void nothing_is_signalled_while_its_interrupt_is_disabled(void)
{
	struct rig g;

	rig_init(&g);
	uart_receive(&g.u, "abc", 3);
	uart_write(&g.u, DATA, 'x');
	uart_write(&g.u, MCR, LOOP);
	uart_write(&g.u, MCR, 0);
	tap_eq(edges(&g), 0);
	tap_eq(uart_read(&g.u, IIR), 0xc1);
	uart_write(&g.u, IER, RDI);
	tap_eq(edges(&g), 1);
	rig_fini(&g);
}

static void modem_lines_report_their_changes_once(void)
{
	struct rig g;

	rig_init(&g);
	tap_eq(uart_read(&g.u, MSR), 0xb0);
	uart_write(&g.u, MCR, LOOP | 0x04 | 0x02);	/* OUT1 and RTS: RI and CTS */
	tap_eq(uart_read(&g.u, MSR), 0x5a);		/* DSR and DCD went; RI rose untold */
	uart_write(&g.u, MCR, LOOP | 0x02);
	tap_eq(uart_read(&g.u, MSR), 0x14);		/* RI fell */
	tap_eq(uart_read(&g.u, MSR), 0x10);
	uart_write(&g.u, MCR, 0xe0);
	tap_eq(uart_read(&g.u, MCR), 0);
	tap_eq(uart_read(&g.u, MSR), 0xba);
	rig_fini(&g);
}

static void loopback_is_cut_off_from_both_lines(void)
{
	struct rig g;

	rig_init(&g);
	uart_write(&g.u, MCR, LOOP);
	uart_write(&g.u, DATA, 'l');
	tap_eq(uart_receive(&g.u, "host", 4), 4);
	tap_eq(g.sent_len, 0);
	tap_eq(uart_read(&g.u, DATA), 'l');
	tap_eq(uart_read(&g.u, LSR) & 1, 0);
	uart_write(&g.u, IER, RDI);
	tap_eq(edges(&g), 0);
	uart_write(&g.u, MCR, 0);
	tap_eq(edges(&g), 1);
	tap_eq(uart_read(&g.u, DATA), 'h');
	rig_fini(&g);
}

static void clearing_the_receiver_drops_the_fifo_but_not_the_backlog(void)
{
	struct rig g;
	uint8_t bytes[40];

	rig_init(&g);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	tap_eq(uart_receive(&g.u, bytes, sizeof(bytes)), sizeof(bytes));
	uart_write(&g.u, FCR, FCR_CLEAR);
	tap_eq(uart_read(&g.u, DATA), UART_FIFO);
	uart_write(&g.u, FCR, 0);	/* 16450: a FIFO of one */
	tap_eq(uart_read(&g.u, IIR), 0x01);
	tap_eq(uart_read(&g.u, DATA), UART_FIFO + 17);
	rig_fini(&g);
}

static void the_backlog_is_bounded_and_keeps_the_order(void)
{
	static uint8_t bytes[UART_BACKLOG * 2];
	struct rig g;
	size_t took, got = 0;

	rig_init(&g);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	took = uart_receive(&g.u, bytes, sizeof(bytes));
	tap_ok(took >= UART_BACKLOG && took <= UART_BACKLOG + UART_FIFO, "%zu", took);
	tap_eq(g.u.rx_bytes, took);
	tap_eq(uart_receive(&g.u, "x", 1), 0);
	for (; uart_read(&g.u, LSR) & 1; got++)
		if (uart_read(&g.u, DATA) != bytes[got])
			break;
	tap_eq(got, took);
	tap_eq(uart_read(&g.u, DATA), 0);
	tap_eq(uart_receive(&g.u, "x", 1), 1);
	rig_fini(&g);
}

static void without_an_interrupt_and_a_sink_it_still_works(void)
{
	struct uart u;

	uart_init(&u, -1, NULL, NULL);
	uart_write(&u, IER, 0x0f);
	uart_write(&u, DATA, 'x');
	tap_eq(u.tx_bytes, 1);
	tap_eq(uart_receive(&u, "r", 1), 1);
	tap_eq(uart_read(&u, DATA), 'r');
	tap_ok(u.irqs > 0, "edges are counted");
}

/* A driver as serial8250_handle_irq() and its caller are. */
struct driver {
	struct rig g;
	const uint8_t *out;
	size_t out_len, out_at;
	uint8_t in[1000];
	size_t in_len;
	uint8_t ier;
	bool one_cause;			/* serve one cause per interrupt, then return */
	unsigned interrupts, idle;	/* idle: found nothing to do */
};

static void driver_ier(struct driver *d, uint8_t ier)
{
	d->ier = ier;
	uart_write(&d->g.u, IER, ier);
}

static void driver_rx(struct driver *d)
{
	for (int max = 256; max && uart_read(&d->g.u, LSR) & 1; max--) {
		uint8_t b = uart_read(&d->g.u, DATA);

		if (d->in_len < sizeof(d->in))
			d->in[d->in_len++] = b;
	}
}

static void driver_tx(struct driver *d)
{
	for (int i = 0; i < UART_FIFO && d->out_at < d->out_len; i++)
		uart_write(&d->g.u, DATA, d->out[d->out_at++]);
	if (d->out_at == d->out_len)
		driver_ier(d, d->ier & ~THRI);
}

static bool driver_handle(struct driver *d)
{
	uint8_t iir = uart_read(&d->g.u, IIR), lsr;

	if (iir & 1)
		return false;
	lsr = uart_read(&d->g.u, LSR);
	if (lsr & 1) {
		driver_rx(d);
		if (d->one_cause)
			return true;
	}
	(void)uart_read(&d->g.u, MSR);
	if ((lsr & 0x20) && (d->ier & THRI))
		driver_tx(d);
	return true;
}

static void driver_interrupt(struct driver *d)
{
	unsigned served = 0;

	d->interrupts++;
	while (driver_handle(d)) {
		if (++served == 512 || d->one_cause)
			break;
	}
	d->idle += !served;
}

static void driver_start(struct driver *d, const uint8_t *out, size_t n, bool one_cause)
{
	*d = (struct driver){ .out = out, .out_len = n, .one_cause = one_cause };
	rig_init(&d->g);
	driver_ier(d, RDI | RLSI);
}

/* Interrupts until there are none: what is then undone was a lost wake-up. */
static void driver_run(struct driver *d)
{
	for (int i = 0; i < 10000 && edges(&d->g); i++)
		driver_interrupt(d);
}

static void fill(uint8_t *bytes, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)((i * 2654435761u + seed) >> 7);
}

static void send_and_receive_1000(bool one_cause)
{
	uint8_t out[1000], in[1000];
	struct driver d;
	size_t given = 0;

	fill(out, sizeof(out), 1);
	fill(in, sizeof(in), 2);
	driver_start(&d, out, sizeof(out), one_cause);
	driver_ier(&d, d.ier | THRI);		/* start_tx */
	while (given < sizeof(in)) {
		size_t n = MIN((size_t)37, sizeof(in) - given);

		given += uart_receive(&d.g.u, in + given, n);
		driver_run(&d);
	}
	driver_run(&d);
	tap_eq(d.g.sent_len, sizeof(out));
	tap_ok(!memcmp(d.g.sent, out, sizeof(out)), "as it was written");
	tap_eq(d.in_len, sizeof(in));
	tap_ok(!memcmp(d.in, in, sizeof(in)), "as the host gave it");
	tap_eq(d.g.u.tx_bytes, 1000);
	tap_eq(d.g.u.rx_bytes, 1000);
	tap_ok(d.interrupts > 0, "interrupts");
	tap_ok(d.idle * 2 <= d.interrupts, "%u of %u interrupts were idle", d.idle, d.interrupts);
	rig_fini(&d.g);
}

static void a_driver_sends_and_receives_1000_bytes_by_interrupts(void)
{
	send_and_receive_1000(false);
}

static void a_driver_that_serves_one_cause_per_interrupt_does_not_hang(void)
{
	send_and_receive_1000(true);
}

static void a_console_write_between_does_not_lose_the_transmitter(void)
{
	uint8_t out[1000];
	struct driver d;

	fill(out, sizeof(out), 3);
	driver_start(&d, out, sizeof(out), false);
	driver_ier(&d, d.ier | THRI);
	(void)edges(&d.g);			/* delivered, but before the handler ran ... */
	(void)uart_read(&d.g.u, IIR);		/* ... something else has read IIR */
	uart_write(&d.g.u, IER, 0);
	uart_write(&d.g.u, DATA, '!');
	uart_write(&d.g.u, IER, d.ier);
	driver_run(&d);
	tap_eq(d.g.sent_len, sizeof(out) + 1);
	rig_fini(&d.g);
}

/* Each operation at random; after each, whatever is pending must have had its edge. */
static void random_use_never_leaves_a_cause_without_an_edge(void)
{
	struct rig g;
	uint32_t rnd = 12345;
	unsigned lost = 0;

	rig_init(&g);
	for (int i = 0; i < 200000; i++) {
		struct uart before = g.u, peek;
		uint8_t was, is;

		rnd = rnd * 1664525 + 1013904223;
		if ((rnd >> 8) % 3 == 0)
			uart_write(&g.u, (rnd >> 16) % 8, (uint8_t)(rnd >> 24));
		else if ((rnd >> 8) % 3 == 1)
			(void)uart_read(&g.u, (rnd >> 16) % 8);
		else
			(void)uart_receive(&g.u, &rnd, (rnd >> 16) % 4);
		before.irq_fd = -1;
		before.tx = NULL;
		was = uart_read(&before, IIR);
		peek = g.u;
		peek.irq_fd = -1;
		is = uart_read(&peek, IIR);
		if (!(is & 1) && (was & 1) && !edges(&g))
			lost++;
		(void)edges(&g);
	}
	tap_eq(lost, 0);
	rig_fini(&g);
}

int main(void)
{
	TAP_RUN(registers_after_reset_are_those_of_the_data_sheet);
	TAP_RUN(the_divisor_latch_hides_behind_dlab_and_is_never_zero_at_first);
	TAP_RUN(autoconfig_finds_a_16550a);
	TAP_RUN(startup_sees_thre_reassert_when_it_is_enabled_again);
	TAP_RUN(iir_reports_causes_by_priority_and_only_enabled_ones);
	TAP_RUN(reading_iir_keeps_thre_while_a_higher_cause_hides_it);
	TAP_RUN(an_edge_comes_for_each_cause_that_appears_or_is_left);
	TAP_RUN(nothing_is_signalled_while_its_interrupt_is_disabled);
	TAP_RUN(modem_lines_report_their_changes_once);
	TAP_RUN(loopback_is_cut_off_from_both_lines);
	TAP_RUN(clearing_the_receiver_drops_the_fifo_but_not_the_backlog);
	TAP_RUN(the_backlog_is_bounded_and_keeps_the_order);
	TAP_RUN(without_an_interrupt_and_a_sink_it_still_works);
	TAP_RUN(a_driver_sends_and_receives_1000_bytes_by_interrupts);
	TAP_RUN(a_driver_that_serves_one_cause_per_interrupt_does_not_hang);
	TAP_RUN(a_console_write_between_does_not_lose_the_transmitter);
	TAP_RUN(random_use_never_leaves_a_cause_without_an_edge);
	return tap_done();
}
