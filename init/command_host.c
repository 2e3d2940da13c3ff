/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host has for the command: input, the size of its terminal, signals, grants. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/util.h"
#include "init/command_private.h"

void command_send(struct command *c, enum wire_type type, const void *payload, size_t len)
{
	c->host->send(c->host, type, payload, len, NULL, 0);
}

void command_grant(struct command *c)
{
	struct wire_grant g = { .stream = WIRE_STREAM_IN };

	if (c->process.in < 0)
		return;
	g.bytes = stream_grant(&c->from_host);
	if (g.bytes)
		command_send(c, WIRE_GRANT, &g, sizeof(g));
}

/* --- input ------------------------------------------------------------------ */

/* The command does not read any more: the host shall not either. */
static void input_gone(struct command *c)
{
	const struct wire_grant g = { .stream = WIRE_STREAM_IN, .bytes = 0 };

	close_fd(&c->process.in);
	buf_reset(&c->in);
	command_send(c, WIRE_GRANT, &g, sizeof(g));
}

/* A terminal does not end, its reader is told: VEOF, as the kernel sets it. */
static void end_input(struct command *c)
{
	static const char eof = 0x04;

	if (c->q->terminal)
		(void)!write(c->process.in, &eof, 1);
	close_fd(&c->process.in);
}

void command_push_input(struct command *c)
{
	while (c->process.in >= 0 && c->in.len) {
		ssize_t n = write(c->process.in, c->in.data, c->in.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			input_gone(c);
			return;
		}
		c->in.len -= (size_t)n;
		memmove(c->in.data, c->in.data + n, c->in.len);
		stream_done(&c->from_host, (size_t)n);
	}
	if (c->in_end && c->process.in >= 0)
		end_input(c);
	command_grant(c);
}

static void on_stdin(struct command *c, const struct frame *f)
{
	if (c->process.in < 0 || c->in_end)
		return;
	c->in_end = !f->length;
	if (f->length && stream_arrived(&c->from_host, f->length))
		buf_add(&c->in, f->payload, f->length);
	command_push_input(c);
}

/* --- what the host says ------------------------------------------------------- */

void command_set_size(struct command *c)
{
	const struct winsize size = {
		.ws_row = c->window.rows, .ws_col = c->window.columns,
	};

	/* the kernel tells the foreground group by SIGWINCH */
	if (c->process.out[WIRE_STREAM_OUT] >= 0)
		(void)ioctl(c->process.out[WIRE_STREAM_OUT], TIOCSWINSZ, &size);
}

static void on_window(struct command *c, const struct frame *f)
{
	struct wire_window w;

	if (!frame_get_window(f, &w))
		return;
	if (c->has_window)
		memcpy(w.term, c->window.term, sizeof(w.term));
	c->window = w;
	c->has_window = true;
	if (c->started && c->q->terminal)
		command_set_size(c);
}

static void on_signal(struct command *c, const struct frame *f)
{
	struct wire_exit x;

	if (!frame_get_exit(f, &x) || x.code <= 0 || x.code > SIGRTMAX)
		return;
	if (init_proc_runs(&c->proc))
		kill(-c->proc.pid, x.code);
}

static void on_grant(struct command *c, const struct frame *f)
{
	struct wire_grant g;

	if (!frame_get_grant(f, &g) || g.stream == WIRE_STREAM_IN)
		return;
	(void)stream_granted(&c->to_host[g.stream], g.bytes);
	/* a writer to nobody gets its SIGPIPE here as it would there */
	if (c->to_host[g.stream].gone)
		close_fd(&c->process.out[g.stream]);
}

void command_on_frame(const struct frame *f, void *arg)
{
	struct command *c = arg;

	if (f->type == WIRE_STDIN)
		on_stdin(c, f);
	else if (f->type == WIRE_WINDOW)
		on_window(c, f);
	else if (f->type == WIRE_SIGNAL)
		on_signal(c, f);
	else if (f->type == WIRE_GRANT)
		on_grant(c, f);
}
