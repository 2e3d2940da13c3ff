/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_CHANNEL_H
#define KTSTR_LOOP_CHANNEL_H
/*
 * The host's end of a command's streams, whatever carries their frames: the
 * ring, COM2, or the wire of a nested run. shmring/wire.h has the protocol.
 *
 *   streams  three descriptors: stdin is read as far as the guest grants, what
 *            comes is written as far as the descriptors take it, and granted
 *            again when it is written
 *   relay    the inner ktstr of a nested run: frames go from the guest to a
 *            socket and back as they are; grants are between the ends
 *
 * Neither waits: a reader that has stopped costs a window of memory.
 *
 * Ownership: borrows the descriptors, but for a relay's. Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>

#include "shmring/shmring.h"

struct channel;
struct err;
struct ev_loop;

/* All called from the loop. */
struct channel_ops {
	/* A frame for the guest; 0 or a negative errno. */
	int (*send)(enum wire_type type, const void *payload, size_t len, void *arg);
	void (*begun)(void *arg);	/* the command runs; its output follows */
	void (*escape)(void *arg);	/* Ctrl-A X was typed */
	void (*wrong)(const char *what, void *arg);	/* the guest broke the rules */
	void (*drained)(void *arg);	/* after channel_finish(), once; may destroy */
	void *arg;
};

struct channel_streams {
	int fd[WIRE_STREAM_COUNT];	/* -1: stdin that is empty, output that nobody reads */
	bool escape;			/* stdin has Ctrl-A commands */
};

int channel_create_streams(struct ev_loop *loop, const struct channel_streams *q,
			   const struct channel_ops *ops, struct channel **ret, struct err *e);
/* Takes fd over, if it succeeds. */
int channel_create_relay(struct ev_loop *loop, int fd, const struct channel_ops *ops,
			 struct channel **ret, struct err *e);
void channel_destroy(struct channel *c);

/* The guest listens now: the window and the first grants go out. */
void channel_open(struct channel *c);
/* STDOUT, STDERR, GRANT or ENDED of the guest. */
void channel_frame(struct channel *c, const struct frame *f);
/* Size and kind of the terminal; kept until channel_open(). */
void channel_window(struct channel *c, const struct wire_window *w);
/* False: no command runs (or a relay, whose other end sends them). */
bool channel_signal(struct channel *c, int signo);
/* Nothing more comes from the guest: drained() follows, perhaps at once. */
void channel_finish(struct channel *c);
/* Bytes of output that the guest has sent and that did not come. */
uint64_t channel_lost(const struct channel *c);

/*
 * What n typed bytes mean: Ctrl-A X sets *ret_end, Ctrl-A A is Ctrl-A, and a
 * Ctrl-A before anything else is nothing special. out has room for n + 1 bytes;
 * returns how many there are. *armed is the state between calls, false at first.
 */
size_t channel_escape(bool *armed, const uint8_t *bytes, size_t n, uint8_t *out, bool *ret_end);

#endif
