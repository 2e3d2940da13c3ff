/* SPDX-License-Identifier: GPL-2.0-only */
/* A 16550A UART as a value. Section numbers are those of the PC16550D data sheet. */
#include "serial/serial.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

/* Registers; the number is the offset from the base port. */
enum {
	REG_DATA,			/* RBR (read), THR (write); DLL with DLAB */
	REG_IER,			/* DLM with DLAB */
	REG_IIR_FCR,
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR,
	REG_SCR,
};

#define IER_RX 0x01
#define IER_THRE 0x02
#define IER_LINE 0x04
#define IER_MODEM 0x08
#define IER_ALL 0x0f

#define IIR_NONE 0x01
#define IIR_RX_TIMEOUT 0x0c
#define IIR_FIFOS 0xc0

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define FCR_KEPT 0xc9			/* the clear bits reset themselves */

#define LCR_DLAB 0x80

#define MCR_LOOP 0x10
#define MCR_ALL 0x1f

#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#define MSR_TERI 0x04
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

/*
 * What an IIR read says, the most urgent cause first (table IV). The causes
 * have the bits by which IER enables them.
 */
static const struct {
	uint8_t cause;
	uint8_t iir;
} priorities[] = {
	{ IER_LINE, 0x06 },
	{ IER_RX, 0x04 },
	{ IER_THRE, 0x02 },
	{ IER_MODEM, 0x00 },
};

void uart_init(struct uart *u, int irq_fd,
	       void (*tx)(const uint8_t *bytes, size_t n, void *arg), void *arg)
{
	*u = (struct uart){
		.irq_fd = irq_fd,
		.tx = tx,
		.arg = arg,
		/*
		 * 115200 baud, as a firmware would have left it: Linux' earlycon
		 * reads the divisor back and divides by it.
		 */
		.dll = 1,
	};
}

static uint8_t pending_causes(const struct uart *u)
{
	uint8_t all = 0;

	if (u->lsr_errors)
		all |= IER_LINE;
	if (u->fifo_len)
		all |= IER_RX;
	if (u->thre_pending)
		all |= IER_THRE;
	if (u->msr_delta)
		all |= IER_MODEM;
	return all & u->ier;
}

/* Give an edge when the header's rule asks for one. After every change of state. */
static void update_irq(struct uart *u)
{
	static const uint64_t one = 1;
	uint8_t now = pending_causes(u);
	bool edge = now && now != u->causes;

	u->causes = now;
	if (!edge)
		return;
	u->irqs++;
	/* EAGAIN means that 2^64 - 2 edges are waiting: one more changes nothing */
	if (u->irq_fd >= 0)
		(void)!write(u->irq_fd, &one, sizeof(one));
}

static void fifo_push(struct uart *u, uint8_t byte)
{
	u->fifo[(u->fifo_at + u->fifo_len++) % UART_FIFO] = byte;
}

static unsigned fifo_depth(const struct uart *u)
{
	return u->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

/* In loopback the receiver is cut off from the line: what waits there waits. */
static void refill_fifo(struct uart *u)
{
	if (u->mcr & MCR_LOOP)
		return;
	while (u->backlog_len && u->fifo_len < fifo_depth(u)) {
		fifo_push(u, u->backlog[u->backlog_at]);
		u->backlog_at = (u->backlog_at + 1) % UART_BACKLOG;
		u->backlog_len--;
	}
}

size_t uart_receive(struct uart *u, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t k = 0;

	for (; k < n; k++) {
		if (u->backlog_len == UART_BACKLOG)
			refill_fifo(u);
		if (u->backlog_len == UART_BACKLOG)
			break;
		u->backlog[(u->backlog_at + u->backlog_len++) % UART_BACKLOG] = p[k];
	}
	refill_fifo(u);
	u->rx_bytes += k;
	if (k)
		u->causes &= (uint8_t)~IER_RX;	/* news, though it was pending before */
	update_irq(u);
	return k;
}

/* The four modem lines as MSR shows them (8.9); in loopback they are MCR's outputs. */
static uint8_t modem_lines(const struct uart *u)
{
	/* DTR -> DSR, RTS -> CTS, OUT1 -> RI, OUT2 -> DCD */
	static const uint8_t looped[] = { MSR_DSR, MSR_CTS, MSR_RI, MSR_DCD };
	uint8_t lines = 0;

	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	for (unsigned i = 0; i < ARRAY_SIZE(looped); i++)
		if (u->mcr & (1u << i))
			lines |= looped[i];
	return lines;
}

static void write_mcr(struct uart *u, uint8_t value)
{
	uint8_t before = modem_lines(u), after;
	uint8_t changed;

	u->mcr = value & MCR_ALL;
	after = modem_lines(u);
	changed = (before ^ after) >> 4;
	if (after & MSR_RI)	/* RI tells only its trailing edge */
		changed &= (uint8_t)~MSR_TERI;
	u->msr_delta |= changed;
	refill_fifo(u);
}

static void write_thr(struct uart *u, uint8_t byte)
{
	if (!(u->mcr & MCR_LOOP)) {
		u->tx_bytes++;
		if (u->tx)
			u->tx(&byte, 1, u->arg);
	} else if (u->fifo_len < fifo_depth(u)) {
		fifo_push(u, byte);
	} else {
		u->lsr_errors |= LSR_OE;
	}
	u->thre_pending = true;		/* it is empty again */
}

static void write_ier(struct uart *u, uint8_t value)
{
	uint8_t before = u->ier;

	u->ier = value & IER_ALL;
	/* Enabling it with an empty THR interrupts at once; drivers start so. */
	if (!(before & IER_THRE) && (u->ier & IER_THRE))
		u->thre_pending = true;
}

static void write_fcr(struct uart *u, uint8_t value)
{
	/* the other bits count only with the enable bit, whose change clears (8.5) */
	bool clear = (value ^ u->fcr) & FCR_ENABLE;

	if (!(value & FCR_ENABLE))
		value = 0;
	if (clear || (value & FCR_CLEAR_RX))
		u->fifo_len = 0;
	u->fcr = value & FCR_KEPT;
	refill_fifo(u);
}

void uart_write(struct uart *u, unsigned reg, uint8_t value)
{
	bool dlab = u->lcr & LCR_DLAB;

	assert(reg < UART_PORTS);
	switch (reg) {
	case REG_DATA:
		if (dlab)
			u->dll = value;
		else
			write_thr(u, value);
		break;
	case REG_IER:
		if (dlab)
			u->dlm = value;
		else
			write_ier(u, value);
		break;
	case REG_IIR_FCR:
		write_fcr(u, value);
		break;
	case REG_LCR:
		u->lcr = value;
		break;
	case REG_MCR:
		write_mcr(u, value);
		break;
	case REG_SCR:
		u->scr = value;
		break;
	}
	update_irq(u);
}

static uint8_t read_rbr(struct uart *u)
{
	uint8_t byte = 0;

	if (u->fifo_len) {
		byte = u->fifo[u->fifo_at];
		u->fifo_at = (u->fifo_at + 1) % UART_FIFO;
		u->fifo_len--;
	}
	refill_fifo(u);
	return byte;
}

static uint8_t read_iir(struct uart *u)
{
	static const uint8_t trigger[] = { 1, 4, 8, 14 };
	uint8_t now = pending_causes(u);
	uint8_t id = IIR_NONE;

	for (unsigned i = 0; i < ARRAY_SIZE(priorities); i++) {
		if (now & priorities[i].cause) {
			now = priorities[i].cause;
			id = priorities[i].iir;
			break;
		}
	}
	if (now == IER_THRE)
		u->thre_pending = false;
	/* below the trigger level a real one waits a while, then says so (8.6) */
	if (now == IER_RX && (u->fcr & FCR_ENABLE) && u->fifo_len < trigger[u->fcr >> 6])
		id = IIR_RX_TIMEOUT;
	return u->fcr & FCR_ENABLE ? id | IIR_FIFOS : id;
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t lsr = LSR_THRE | LSR_TEMT | u->lsr_errors;

	u->lsr_errors = 0;
	return u->fifo_len ? lsr | LSR_DR : lsr;
}

static uint8_t read_msr(struct uart *u)
{
	uint8_t msr = modem_lines(u) | u->msr_delta;

	u->msr_delta = 0;
	return msr;
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
	bool dlab = u->lcr & LCR_DLAB;
	uint8_t value = 0;

	assert(reg < UART_PORTS);
	switch (reg) {
	case REG_DATA:
		value = dlab ? u->dll : read_rbr(u);
		break;
	case REG_IER:
		value = dlab ? u->dlm : u->ier;
		break;
	case REG_IIR_FCR:
		value = read_iir(u);
		break;
	case REG_LCR:
		value = u->lcr;
		break;
	case REG_MCR:
		value = u->mcr;
		break;
	case REG_LSR:
		value = read_lsr(u);
		break;
	case REG_MSR:
		value = read_msr(u);
		break;
	case REG_SCR:
		value = u->scr;
		break;
	}
	update_irq(u);
	return value;
}
