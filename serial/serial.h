/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SERIAL_SERIAL_H
#define KTSTR_SERIAL_SERIAL_H
/*
 * A 16550A UART as a value: registers, FIFOs, an interrupt eventfd and a
 * callback for what the guest sends. It knows no KVM and no loop, so it can be
 * tested and fuzzed alone.
 *
 *   guest OUT THR --> tx(bytes) at once (the host is never slower than a wire)
 *   uart_receive() --> backlog --> 16-byte RX FIFO --> guest IN RBR
 *
 * The interrupt is an edge: irq_fd (an eventfd bound to a GSI by irqfd) gets a
 * 1 whenever the set of pending causes has changed and is not empty, so when
 *  - a cause appears, whether or not another one was pending already,
 *  - a cause was served and another one is still pending: a driver that
 *    serves one cause per interrupt must not sleep on the other,
 * and for every uart_receive() that leaves something to read. An edge that
 * finds nothing to do is harmless, one that is missing hangs a driver.
 *
 * Source: National PC16550D data sheet; the parts that Linux' 8250 driver
 * uses: RBR/THR/IER/IIR/FCR/LCR/MCR/LSR/MSR/SCR/DLL/DLM, loopback. The
 * transmitter is always empty; CTS, DSR and DCD are always on. The interrupt
 * does not depend on MCR OUT2.
 * Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_COM1_PORT 0x3f8
#define UART_COM1_GSI 4
#define UART_COM2_PORT 0x2f8
#define UART_COM2_GSI 3
#define UART_PORTS 8

#define UART_FIFO 16
#define UART_BACKLOG 4096		/* host -> guest bytes that wait for FIFO room */

struct uart {
	/* borrowed */
	int irq_fd;			/* -1: no interrupt */
	void (*tx)(const uint8_t *bytes, size_t n, void *arg);
	void *arg;

	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	uint8_t lsr_errors;		/* overrun, until LSR is read */
	uint8_t msr_delta;		/* changed modem lines, until MSR is read */
	bool thre_pending;		/* THR empty interrupt not yet read from IIR */
	uint8_t causes;			/* pending when last looked at, as IER bits */
	uint8_t fifo[UART_FIFO];
	unsigned fifo_at, fifo_len;
	uint8_t backlog[UART_BACKLOG];
	unsigned backlog_at, backlog_len;
	uint64_t tx_bytes;		/* sent by the guest */
	uint64_t rx_bytes;		/* accepted from the host */
	uint64_t irqs;			/* edges given */
};

/* irq_fd should be non-blocking: the guest decides how often it is written. */
void uart_init(struct uart *u, int irq_fd,
	       void (*tx)(const uint8_t *bytes, size_t n, void *arg), void *arg);

/* reg is the port minus the base, below UART_PORTS. */
void uart_write(struct uart *u, unsigned reg, uint8_t value);
uint8_t uart_read(struct uart *u, unsigned reg);

/* Bytes for the guest; returns how many were accepted (the backlog is bounded). */
size_t uart_receive(struct uart *u, const void *bytes, size_t n);

#endif
