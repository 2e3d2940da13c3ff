/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames into COM2. */
#include "loop/downlink.h"

#include <errno.h>

#include "serial/serial.h"
#include "shmring/shmring.h"

void downlink_init(struct downlink *d, struct uart *uart)
{
	*d = (struct downlink){ .uart = uart, .queue = BUF_INIT };
}

void downlink_fini(struct downlink *d)
{
	buf_fini(&d->queue);
}

int downlink_send(struct downlink *d, enum wire_type type, const void *payload, size_t len)
{
	int r;

	if (d->queue.len - d->sent > DOWNLINK_BYTES_MAX)
		return -EAGAIN;
	r = frame_to_stream(&d->queue, type, d->sequence, payload, len);
	if (r < 0)
		return r;
	d->sequence++;
	downlink_push(d);
	return 0;
}

void downlink_push(struct downlink *d)
{
	if (!d->queue.len)
		return;
	d->sent += uart_receive(d->uart, d->queue.data + d->sent, d->queue.len - d->sent);
	if (d->sent < d->queue.len)
		return;
	buf_reset(&d->queue);
	d->sent = 0;
}
