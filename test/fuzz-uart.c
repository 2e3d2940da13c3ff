/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does what it likes with the UART while the host sends. Promises:
 * bounds hold, bytes keep their order, IIR agrees with what is pending, and a
 * cause that appears has its edge.
 */
#include "base/util.h"
#include "serial/serial.h"
#include "test/fuzz.h"

enum { REG_RBR, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR };

#define SEED(s) { s, sizeof(s) - 1 }

/* operations: 0 write reg value, 1 read reg, 2 receive n from */
const struct fuzz_seed fuzz_seeds[] = {
	SEED("\0\1\2" "\1\2" "\0\0x" "\1\2" "\0\1\0"),		/* THRE */
	SEED("\0\1\5" "\2\40\1" "\1\2" "\1\5" "\1\0\1\0\1\0"),	/* RX */
	SEED("\0\4\20" "\0\0a\0\0b" "\1\0\1\0" "\0\4\13" "\1\6"),	/* loopback */
	SEED("\0\2\7" "\2\377\3" "\0\2\0" "\0\3\200" "\1\0\1\1" "\0\3\3"),
	{ NULL, 0 },
};

struct world {
	struct uart u;
	uint8_t given;		/* the next byte that the host will give */
	uint8_t expect;		/* the least that the guest may see next */
	uint64_t sent;
	bool looped;		/* loopback was used: the FIFO holds other bytes, too */
};

static void on_tx(const uint8_t *bytes, size_t n, void *arg)
{
	struct world *w = arg;

	FUZZ_CHECK(n == 1 && bytes);
	w->sent += n;
}

/* What IIR would say, without the read. */
static uint8_t peek_iir(const struct uart *u)
{
	struct uart copy = *u;

	copy.tx = NULL;
	return uart_read(&copy, REG_IIR);
}

static void check_invariants(const struct world *w)
{
	const struct uart *u = &w->u;
	uint8_t id = peek_iir(u) & 0x0f;

	FUZZ_CHECK(u->fifo_len <= UART_FIFO && u->fifo_at < UART_FIFO);
	FUZZ_CHECK(u->backlog_len <= UART_BACKLOG && u->backlog_at < UART_BACKLOG);
	FUZZ_CHECK(!(u->ier & 0xf0) && !(u->mcr & 0xe0));
	FUZZ_CHECK(u->tx_bytes == w->sent);
	FUZZ_CHECK((id == 1) == !u->causes);
	switch (id) {
	case 0x06:
		FUZZ_CHECK(u->ier & 4);
		break;
	case 0x04:
	case 0x0c:
		FUZZ_CHECK((u->ier & 1) && u->fifo_len);
		break;
	case 0x02:
		FUZZ_CHECK(u->ier & 2);
		break;
	case 0x00:
		FUZZ_CHECK(u->ier & 8);
		break;
	default:
		FUZZ_CHECK(id == 1);
	}
	/* bytes may wait outside only when there is no room inside */
	if (u->backlog_len && !(u->mcr & 0x10))
		FUZZ_CHECK(u->fifo_len >= (u->fcr & 1 ? UART_FIFO : 1));
}

static void do_write(struct world *w, struct fuzz_in *in)
{
	unsigned reg = fuzz_u8(in) % UART_PORTS;
	uint8_t value = fuzz_u8(in);

	w->looped |= reg == REG_MCR && (value & 0x10);
	uart_write(&w->u, reg, value);
}

static void do_read(struct world *w, struct fuzz_in *in)
{
	unsigned reg = fuzz_u8(in) % UART_PORTS;
	bool data = reg == REG_RBR && !(w->u.lcr & 0x80) && w->u.fifo_len;
	uint8_t value = uart_read(&w->u, reg);

	if (reg == REG_LSR)
		FUZZ_CHECK((value & 0x9c) == 0 && (value & 0x60) == 0x60);
	if (!data || w->looped)
		return;
	/* ascending; a cleared FIFO leaves a gap, but nothing comes twice */
	FUZZ_CHECK((uint8_t)(value - w->expect) < 128);
	w->expect = value + 1;
}

static void do_receive(struct world *w, struct fuzz_in *in)
{
	uint8_t bytes[255];
	size_t n = fuzz_u8(in), took;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(w->given + i);
	took = uart_receive(&w->u, bytes, n);
	FUZZ_CHECK(took <= n);
	FUZZ_CHECK(took == n || w->u.backlog_len == UART_BACKLOG);
	w->given += (uint8_t)took;
	/* order is only comparable while at most 127 bytes are skipped at once */
	w->looped |= w->u.backlog_len > 64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct world w = { .given = 0 };

	uart_init(&w.u, -1, on_tx, &w);
	while (in.left) {
		uint8_t before = peek_iir(&w.u);
		uint64_t irqs = w.u.irqs;

		switch (fuzz_u8(&in) % 3) {
		case 0:
			do_write(&w, &in);
			break;
		case 1:
			do_read(&w, &in);
			break;
		case 2:
			do_receive(&w, &in);
			break;
		}
		check_invariants(&w);
		if ((before & 1) && !(peek_iir(&w.u) & 1))
			FUZZ_CHECK(w.u.irqs == irqs + 1);
	}
	return 0;
}
