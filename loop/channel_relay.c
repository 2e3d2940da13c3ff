/* SPDX-License-Identifier: GPL-2.0-only */
/* The channel of an inner ktstr: frames between its guest and a socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/channel_private.h"

#define READ_BYTES (16u << 10)
/* Grants bound what is under way far below this; a guest that ignores them is cut off. */
#define QUEUE_MAX (1u << 20)

struct relay {
	struct channel channel;
	int fd;
	ev_io readable, writable;
	struct frame_decoder decoder;	/* of what comes from the socket */
	struct buf queue;		/* for it */
	uint32_t sequence;
};

static struct relay *of(struct channel *c)
{
	return container_of(c, struct relay, channel);
}

static void relay_destroy(struct channel *c)
{
	struct relay *r = of(c);

	ev_io_stop(c->loop, &r->readable);
	ev_io_stop(c->loop, &r->writable);
	frame_decoder_fini(&r->decoder);
	buf_fini(&r->queue);
	close_fd(&r->fd);
	free(r);
}

static void on_frame(const struct frame *f, void *arg)
{
	static const bool passes[WIRE_TYPE_COUNT] = {
		[WIRE_STDIN] = true, [WIRE_WINDOW] = true, [WIRE_SIGNAL] = true,
		[WIRE_GRANT] = true,
	};
	struct relay *r = arg;
	const struct channel_ops *ops = &r->channel.ops;

	if (!passes[f->type] || ops->send(f->type, f->payload, f->length, ops->arg) < 0)
		ops->wrong("a frame that could not be passed on", ops->arg);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct relay *r = container_of(w, struct relay, readable);
	uint8_t bytes[READ_BYTES];
	ssize_t n = read(w->fd, bytes, sizeof(bytes));

	(void)revents;
	if (n > 0)
		frame_decoder_add(&r->decoder, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		ev_io_stop(loop, w);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct relay *r = container_of(w, struct relay, writable);
	ssize_t n = send(w->fd, r->queue.data, r->queue.len, MSG_NOSIGNAL);

	(void)revents;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0)		/* nobody there: there is no one to tell */
		n = (ssize_t)r->queue.len;
	r->queue.len -= (size_t)n;
	memmove(r->queue.data, r->queue.data + n, r->queue.len);
	if (!r->queue.len)
		ev_io_stop(loop, w);
	channel_check_drained(&r->channel);
}

/* What was sent before the guest listened has waited in the socket. */
static void relay_open(struct channel *c)
{
	ev_io_start(c->loop, &of(c)->readable);
}

static void relay_frame(struct channel *c, const struct frame *f)
{
	struct relay *r = of(c);

	if (r->queue.len > QUEUE_MAX) {
		c->ops.wrong("more output than was granted", c->ops.arg);
		return;
	}
	if (frame_to_stream(&r->queue, f->type, r->sequence++, f->payload, f->length) < 0)
		c->ops.wrong("output for which there is no memory", c->ops.arg);
	ev_io_start(c->loop, &r->writable);
}

static bool relay_idle(const struct channel *c)
{
	return !container_of(c, const struct relay, channel)->queue.len;
}

static const struct channel_kind relay_kind = {
	.destroy = relay_destroy,
	.open = relay_open,
	.frame = relay_frame,
	.idle = relay_idle,
};

int channel_create_relay(struct ev_loop *loop, int fd, const struct channel_ops *ops,
			 struct channel **ret, struct err *e)
{
	struct relay *r;
	int err;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(e, -errno, "channel: descriptor %d", fd);
	r = calloc(1, sizeof(*r));
	err = r ? frame_decoder_init(&r->decoder, FRAME_STREAM, on_frame, NULL, r) : -ENOMEM;
	if (err < 0) {
		free(r);
		return err_sys(e, err, "channel");
	}
	r->channel = (struct channel){ .kind = &relay_kind, .loop = loop, .ops = *ops };
	r->fd = fd;
	ev_io_init(&r->readable, on_readable, fd, EV_READ);
	ev_io_init(&r->writable, on_writable, fd, EV_WRITE);
	*ret = &r->channel;
	return 0;
}
