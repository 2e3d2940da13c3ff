/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_DOWNLINK_H
#define KTSTR_LOOP_DOWNLINK_H
/*
 * Frames to a guest that has no ring: in stream form into COM2, whose backlog
 * is small, hence a queue. What is queued is bounded by the grants of streams
 * and by DOWNLINK_BYTES_MAX.
 *
 * Ownership: the owner's storage; borrows the UART. Thread: control.
 */
#include <stdint.h>

#include "base/buf.h"
#include "shmring/wire.h"

struct uart;

#define DOWNLINK_BYTES_MAX (128u << 10)

struct downlink {
	struct uart *uart;
	struct buf queue;
	size_t sent;		/* of the queue */
	uint32_t sequence;
};

void downlink_init(struct downlink *d, struct uart *uart);
void downlink_fini(struct downlink *d);
/* 0, -EAGAIN when too much waits, -EMSGSIZE, -ENOMEM. */
int downlink_send(struct downlink *d, enum wire_type type, const void *payload, size_t len);
/* After the guest has read from the UART: there may be room. */
void downlink_push(struct downlink *d);

#endif
