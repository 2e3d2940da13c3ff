/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_TTY_H
#define KTSTR_INIT_TTY_H
/*
 * A serial line that is never waited for: bytes go into a queue and leave when
 * the line takes them. COM2 in the guest, a socket in unit tests.
 *
 * Ownership: owns the descriptor. Thread: one owner.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

struct err;

#define INIT_COM2 "/dev/ttyS1"
/* Whoever can wait does not add to a queue that is longer than this. */
#define INIT_TTY_BUSY (16u << 10)

struct init_tty {
	int fd;			/* -1: there is none, or it is gone */
	struct buf out;
	size_t sent;		/* of out */
};

#define INIT_TTY_INIT { .fd = -1, .out = BUF_INIT }

/* Raw mode, no echo, no flow control, non-blocking. */
int init_tty_open(struct init_tty *t, const char *path, struct err *e);
void init_tty_fini(struct init_tty *t);

/* Bytes that wait. Add by buf_*(&t->out, ...), then init_tty_push(). */
size_t init_tty_waiting(const struct init_tty *t);
/* What the line takes without waiting. */
void init_tty_push(struct init_tty *t);
/* Wait until the kernel has everything; give up when nothing moves for timeout_ms. */
bool init_tty_flush(struct init_tty *t, unsigned timeout_ms);
/* The same, and until the UART has sent it. */
bool init_tty_drain(struct init_tty *t, unsigned timeout_ms);
/* Up to size bytes that came in; 0: none for now, or the line is gone (fd -1). */
size_t init_tty_read(struct init_tty *t, void *bytes, size_t size);

#endif
