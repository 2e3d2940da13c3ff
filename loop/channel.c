/* SPDX-License-Identifier: GPL-2.0-only */
/* The channel as its owner sees it, and the kind that has three descriptors. */
#include "loop/channel.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/channel_private.h"

struct streams {
	struct channel channel;
	struct channel_input in;
	struct channel_output out[WIRE_STREAM_COUNT];	/* OUT and ERR */
};

static struct streams *of(struct channel *c)
{
	return container_of(c, struct streams, channel);
}

static void streams_destroy(struct channel *c)
{
	struct streams *s = of(c);

	channel_input_stop(&s->in);
	for (int i = WIRE_STREAM_OUT; i < WIRE_STREAM_COUNT; i++)
		channel_output_fini(&s->out[i]);
	free(s);
}

static void streams_open(struct channel *c)
{
	for (int i = WIRE_STREAM_OUT; i < WIRE_STREAM_COUNT; i++)
		channel_output_open(&of(c)->out[i]);
}

static void take_output(struct channel *c, enum wire_stream i, const struct frame *f)
{
	struct channel_output *out = &of(c)->out[i];

	if (stream_arrived(&out->from_guest, f->length))
		channel_output_add(out, f->payload, f->length);
	else
		c->ops.wrong("more output than was granted", c->ops.arg);
}

static void take_grant(struct channel *c, const struct frame *f)
{
	struct wire_grant g;

	if (!frame_get_grant(f, &g) || g.stream != WIRE_STREAM_IN) {
		c->ops.wrong("a grant that makes no sense", c->ops.arg);
		return;
	}
	if (!c->begun) {
		c->begun = true;
		c->ops.begun(c->ops.arg);
	}
	channel_input_granted(&of(c)->in, g.bytes);
}

static void take_ended(struct channel *c, const struct frame *f)
{
	struct wire_ended d;

	if (!frame_get_ended(f, &d))
		return;
	channel_input_stop(&of(c)->in);
	c->lost = 0;
	for (int i = WIRE_STREAM_OUT; i < WIRE_STREAM_COUNT; i++)
		c->lost += d.bytes[i] - MIN(d.bytes[i], of(c)->out[i].from_guest.bytes);
}

static void streams_frame(struct channel *c, const struct frame *f)
{
	if (f->type == WIRE_STDOUT)
		take_output(c, WIRE_STREAM_OUT, f);
	else if (f->type == WIRE_STDERR)
		take_output(c, WIRE_STREAM_ERR, f);
	else if (f->type == WIRE_GRANT)
		take_grant(c, f);
	else if (f->type == WIRE_ENDED)
		take_ended(c, f);
}

static bool streams_idle(const struct channel *c)
{
	const struct streams *s = container_of(c, const struct streams, channel);

	return channel_output_idle(&s->out[WIRE_STREAM_OUT]) &&
	       channel_output_idle(&s->out[WIRE_STREAM_ERR]);
}

static const struct channel_kind streams_kind = {
	.destroy = streams_destroy,
	.open = streams_open,
	.frame = streams_frame,
	.idle = streams_idle,
};

int channel_create_streams(struct ev_loop *loop, const struct channel_streams *q,
			   const struct channel_ops *ops, struct channel **ret, struct err *e)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(e, -ENOMEM, "streams of the command");
	s->channel = (struct channel){ .kind = &streams_kind, .loop = loop, .ops = *ops };
	channel_input_init(&s->in, &s->channel, q->fd[WIRE_STREAM_IN], q->escape);
	for (int i = WIRE_STREAM_OUT; i < WIRE_STREAM_COUNT; i++)
		channel_output_init(&s->out[i], &s->channel, (enum wire_stream)i, q->fd[i]);
	*ret = &s->channel;
	return 0;
}

/* --- either kind --------------------------------------------------------------- */

void channel_destroy(struct channel *c)
{
	if (c)
		c->kind->destroy(c);
}

static void send_window(struct channel *c)
{
	(void)c->ops.send(WIRE_WINDOW, &c->window, sizeof(c->window), c->ops.arg);
}

void channel_open(struct channel *c)
{
	if (c->opened)
		return;
	c->opened = true;
	if (c->has_window)
		send_window(c);
	c->kind->open(c);
}

void channel_frame(struct channel *c, const struct frame *f)
{
	c->kind->frame(c, f);
}

void channel_window(struct channel *c, const struct wire_window *w)
{
	c->window = *w;
	c->has_window = true;
	if (c->opened && !c->finishing)
		send_window(c);
}

bool channel_signal(struct channel *c, int signo)
{
	const struct wire_exit x = { .code = signo };

	return c->begun && !c->finishing &&
	       c->ops.send(WIRE_SIGNAL, &x, sizeof(x), c->ops.arg) == 0;
}

void channel_check_drained(struct channel *c)
{
	if (!c->finishing || c->drained || !c->kind->idle(c))
		return;
	c->drained = true;
	c->ops.drained(c->ops.arg);
}

void channel_finish(struct channel *c)
{
	c->finishing = true;
	channel_check_drained(c);
}

uint64_t channel_lost(const struct channel *c)
{
	return c->lost;
}
