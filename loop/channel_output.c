/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stdout or stderr of a command: written when the descriptor takes it, granted
 * again when it is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "loop/channel_private.h"

/* Move the queue to its start when this much of it has been written. */
#define COMPACT_BYTES (64u << 10)

static void grant(struct channel_output *out)
{
	struct channel *c = out->channel;
	struct wire_grant g = { .stream = out->stream };

	g.bytes = stream_grant(&out->from_guest);
	if (g.bytes && !c->finishing &&
	    c->ops.send(WIRE_GRANT, &g, sizeof(g), c->ops.arg) < 0)
		c->ops.wrong("a grant that could not be sent", c->ops.arg);
}

/* Nobody reads any more: the command shall know, as it would in a pipe. */
static void reader_gone(struct channel_output *out)
{
	const struct wire_grant g = { .stream = out->stream, .bytes = 0 };
	struct channel *c = out->channel;

	ev_io_stop(c->loop, &out->watcher);
	out->fd = -1;
	buf_reset(&out->queue);
	out->sent = 0;
	if (!c->finishing)
		(void)c->ops.send(WIRE_GRANT, &g, sizeof(g), c->ops.arg);
}

static void written(struct channel_output *out, size_t n)
{
	size_t left;

	out->sent += n;
	stream_done(&out->from_guest, n);
	left = out->queue.len - out->sent;
	if (!left)
		ev_io_stop(out->channel->loop, &out->watcher);
	if (!left || out->sent >= COMPACT_BYTES) {
		memmove(out->queue.data, out->queue.data + out->sent, left);
		out->queue.len = left;
		out->sent = 0;
	}
	grant(out);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct channel_output *out = container_of(w, struct channel_output, watcher);
	size_t n = out->queue.len - out->sent;
	ssize_t did;

	(void)loop;
	(void)revents;
	/* a pipe that says it is writable takes so much without waiting */
	if (out->own_fd < 0 && !out->regular)
		n = MIN(n, PIPE_BUF);
	did = write(w->fd, out->queue.data + out->sent, n);
	if (did < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (did < 0)
		reader_gone(out);
	else
		written(out, (size_t)did);
	channel_check_drained(out->channel);
}

/*
 * Others may share the description, a shell for one, and would be surprised by
 * O_NONBLOCK in it: so pipes and terminals are opened once more. What cannot be
 * is written in small pieces.
 */
static int open_own(int fd, bool *ret_regular)
{
	char path[32];
	struct stat st;

	*ret_regular = false;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	*ret_regular = S_ISREG(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void channel_output_init(struct channel_output *out, struct channel *c, enum wire_stream stream,
			 int fd)
{
	*out = (struct channel_output){
		.channel = c, .stream = stream, .fd = fd, .queue = BUF_INIT,
	};
	out->own_fd = open_own(fd, &out->regular);
	stream_receiver_init(&out->from_guest, WIRE_OUT_WINDOW);
	ev_io_init(&out->watcher, on_writable, out->own_fd >= 0 ? out->own_fd : fd, EV_WRITE);
}

void channel_output_fini(struct channel_output *out)
{
	ev_io_stop(out->channel->loop, &out->watcher);
	close_fd(&out->own_fd);
	buf_fini(&out->queue);
}

void channel_output_open(struct channel_output *out)
{
	grant(out);
}

void channel_output_add(struct channel_output *out, const void *bytes, size_t n)
{
	if (out->fd < 0) {	/* thrown away */
		stream_done(&out->from_guest, n);
		grant(out);
		return;
	}
	buf_add(&out->queue, bytes, n);
	ev_io_start(out->channel->loop, &out->watcher);
}

bool channel_output_idle(const struct channel_output *out)
{
	return out->fd < 0 || out->queue.len == out->sent;
}
