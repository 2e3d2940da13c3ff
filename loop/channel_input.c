/* SPDX-License-Identifier: GPL-2.0-only */
/* stdin of a command: read no more than the guest takes. */
#include <errno.h>
#include <unistd.h>

#include "base/util.h"
#include "loop/channel_private.h"

#define CTRL_A 0x01

size_t channel_escape(bool *armed, const uint8_t *bytes, size_t n, uint8_t *out, bool *ret_end)
{
	size_t k = 0;

	*ret_end = false;
	for (size_t i = 0; i < n; i++) {
		uint8_t b = bytes[i];

		if (!*armed && b == CTRL_A) {
			*armed = true;
			continue;
		}
		if (*armed && (b == 'x' || b == 'X')) {
			*ret_end = true;
			return k;
		}
		if (*armed)
			out[k++] = CTRL_A;
		if (!*armed || (b != 'a' && b != 'A' && b != CTRL_A))
			out[k++] = b;
		*armed = false;
	}
	return k;
}

static void send_bytes(struct channel_input *in, const void *bytes, size_t n)
{
	struct channel *c = in->channel;

	if (c->ops.send(WIRE_STDIN, bytes, n, c->ops.arg) < 0)
		c->ops.wrong("input that could not be sent", c->ops.arg);
}

static void end_input(struct channel_input *in)
{
	channel_input_stop(in);
	if (!in->ended)
		send_bytes(in, NULL, 0);
	in->ended = true;
}

static void take(struct channel_input *in, const uint8_t *bytes, size_t n)
{
	uint8_t plain[WIRE_STREAM_CHUNK];
	bool end = false;

	if (in->escape) {
		n = channel_escape(&in->armed, bytes, n, plain, &end);
		bytes = plain;
	}
	if (n) {
		stream_sent(&in->to_guest, n);
		send_bytes(in, bytes, n);
	}
	if (!stream_room(&in->to_guest))
		ev_io_stop(in->channel->loop, &in->watcher);
	if (end)
		in->channel->ops.escape(in->channel->ops.arg);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct channel_input *in = container_of(w, struct channel_input, watcher);
	uint8_t bytes[WIRE_STREAM_CHUNK - 1];
	size_t room = stream_room(&in->to_guest);
	ssize_t n;

	(void)revents;
	/* a Ctrl-A that was held back comes in addition */
	if (room <= in->armed) {
		ev_io_stop(loop, w);
		return;
	}
	n = read(in->fd, bytes, MIN(room - in->armed, sizeof(bytes)));
	if (n > 0)
		take(in, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_input(in);
}

void channel_input_init(struct channel_input *in, struct channel *c, int fd, bool escape)
{
	*in = (struct channel_input){ .channel = c, .fd = fd, .escape = escape };
	stream_sender_init(&in->to_guest, WIRE_IN_WINDOW);
	ev_io_init(&in->watcher, on_readable, fd, EV_READ);
}

void channel_input_stop(struct channel_input *in)
{
	ev_io_stop(in->channel->loop, &in->watcher);
}

void channel_input_granted(struct channel_input *in, uint32_t bytes)
{
	struct channel *c = in->channel;

	if (!stream_granted(&in->to_guest, bytes)) {
		c->ops.wrong("more input granted than its window holds", c->ops.arg);
		return;
	}
	if (in->to_guest.gone)
		channel_input_stop(in);
	else if (in->fd < 0)
		end_input(in);
	else if (!in->ended && stream_room(&in->to_guest) > 1)
		ev_io_start(c->loop, &in->watcher);
}
