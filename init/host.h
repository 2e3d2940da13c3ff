/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_HOST_H
#define KTSTR_INIT_HOST_H
/*
 * The host as PID 1 sees it: somebody who takes frames and program output and
 * may ask to stop. The supervisor knows no more; init/link.h is the real one,
 * and a test has a list in its place.
 *
 * Thread: PID 1's only one.
 */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "shmring/wire.h"

struct frame;
struct init_machine;

struct init_host {
	/* A frame; payload2 (may be NULL) follows payload. Waits for a bounded time. */
	void (*send)(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		     const void *payload2, size_t len2);
	/* Bytes that a test printed. Does not wait. */
	void (*output)(struct init_host *h, const void *bytes, size_t n);
	/* What to poll for the host's sake (fd -1: nothing), and what poll said. */
	void (*want)(struct init_host *h, struct pollfd *ret);
	void (*ready)(struct init_host *h, short revents);
	/* Wait until what a test printed is out, so that it does not disturb the next one. */
	void (*settle)(struct init_host *h);
	/* In a child: let go of what only PID 1 may use. */
	void (*forked)(struct init_host *h);

	/* Called by ready() with the frames that are for somebody else; may be NULL. */
	void (*on_frame)(const struct frame *f, void *arg);
	void *frame_arg;

	bool stop;	/* the host asked to end the test */
	bool go;	/* it answered WIRE_HOLD */
	bool busy;	/* output is waiting: hand on no more for now */
};

/* A WIRE_LOG line, at most 512 bytes. */
__attribute__((format(printf, 2, 3)))
void init_log(struct init_host *h, const char *fmt, ...);

/* A detail of the running test; bounded like its payload. */
__attribute__((format(printf, 4, 5)))
void init_detail(struct init_host *h, enum wire_verdict verdict, const char *kind,
		 const char *fmt, ...);

void init_lifecycle(struct init_host *h, enum wire_phase phase, const struct init_machine *m);
void init_exit(struct init_host *h, int code);

#endif
