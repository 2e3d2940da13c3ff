/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A nested run on the loop: what the outer guest sends is taken and passed on,
 * what QEMU and the outer kernel say is kept for the story, and the end is one
 * event, the pidfd. All that comes in may be anything: nothing here grows with it.
 */
#include "loop/nested.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "loop/nested_qemu.h"
#include "serial/capture.h"
#include "shmring/shmring.h"

/*
 * QEMU 7.2 can forget an interrupt of a CPU that runs an inner guest: at each exit of
 * that guest do_vmexit() clears a bit of interrupt_request in one "and" without a lock,
 * and what the main thread sets there meanwhile is gone. Nothing more happens then, but
 * any other interrupt brings it back: two that had stood still for three minutes went
 * on when a byte came over the wire. (Counted, all of QEMU is one thread.)
 */
#define PULSE_S 0.2
/* After its status the outer guest powers off; a second is plenty. */
#define POWEROFF_S 5.0
#define READ_BYTES (32u << 10)
/* What a socket may still hold when its writer is dead; more is somebody else's. */
#define DRAIN_READS 64
/* Frames that the outer guest does not take: signals are few, streams are granted. */
#define OUT_BYTES_MAX (128u << 10)
#define STORY_LINES 3

enum { WIRE, CONSOLE, TEXT, STREAMS };

struct stream {
	ev_io input;
	struct nested *nested;
	void (*take)(struct nested *n, const void *bytes, size_t len);
};

struct nested {
	struct ev_loop *loop;		/* borrowed */
	struct nested_ops ops;
	bool dmesg;
	struct nested_qemu qemu;
	struct stream stream[STREAMS];
	ev_io writable;			/* the wire; runs while out has something */
	ev_io ended;
	ev_timer poweroff;
	bool counted;			/* its clock stands while it waits: no pulse */
	ev_timer pulse;

	struct frame_decoder decoder;
	uint32_t expected;		/* sequence of the next frame */
	uint64_t gaps;
	struct buf out;
	uint32_t sequence, channel_sequence;

	bool ready;			/* somebody there takes signals */
	uint64_t early;			/* signals from before that, as bits */
	bool killed;			/* by nested_kill() */
	int status;			/* of the inner ktstr; -1: not known */

	struct capture console;
	char announced[256];		/* first line that announces a death */
	char logged[256];		/* last words of the outer PID 1 */
	struct capture text;
};

/* --- frames from the outer guest --------------------------------------------- */

static int send_frame(struct nested *n, enum wire_type type, const void *payload, size_t len)
{
	int r;

	if (n->qemu.wire < 0)
		return -EPIPE;
	if (n->out.len > OUT_BYTES_MAX)
		return -EAGAIN;
	r = frame_to_stream(&n->out, type, n->sequence, payload, len);
	if (r < 0)
		return r;
	n->sequence++;
	ev_io_start(n->loop, &n->writable);
	return 0;
}

static void send_signal(struct nested *n, int signo)
{
	const struct wire_exit x = { .code = signo };

	(void)send_frame(n, WIRE_SIGNAL, &x, sizeof(x));
}

/* As kill(2) has it, signal 0 does nothing. */
static void on_pulse(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	send_signal(container_of(w, struct nested, pulse), 0);
}

static void take_lifecycle(struct nested *n, const struct frame *f)
{
	struct wire_lifecycle l;

	if (!frame_get_lifecycle(f, &l))
		return;
	if (l.phase == WIRE_PHASE_INIT)
		n->ops.on_progress("outer kernel", n->ops.arg);
	if (l.phase != WIRE_PHASE_READY || n->ready)
		return;
	n->ready = true;
	if (!n->counted)
		ev_timer_start(n->loop, &n->pulse);
	n->ops.on_progress(NESTED_INNER, n->ops.arg);
	for (int i = 1; i < 64; i++)
		if (n->early & UINT64_C(1) << i)
			send_signal(n, i);
}

static void take_status(struct nested *n, const struct frame *f)
{
	struct wire_exit x;

	if (n->status >= 0 || !frame_get_exit(f, &x))
		return;
	n->status = x.code & 0xff;	/* an exit status, whatever was sent */
	ev_timer_start(n->loop, &n->poweroff);
}

/* Belongs to what the kernel says, but must not end in the middle of its lines. */
static void take_log(struct nested *n, const struct frame *f)
{
	capture_finish(&n->console);
	capture_add(&n->console, f->payload, f->length);
	capture_finish(&n->console);
	snprintf(n->logged, sizeof(n->logged), "%s", (const char *)f->payload);
	text_clean(n->logged, sizeof(n->logged));
}

static void on_frame(const struct frame *f, void *arg)
{
	struct nested *n = arg;

	if (f->sequence != n->expected)
		n->gaps++;
	n->expected = f->sequence + 1;
	switch (f->type) {
	case WIRE_STDOUT:
		n->ops.on_output(STDOUT_FILENO, f->payload, f->length, n->ops.arg);
		break;
	case WIRE_STDERR:
		n->ops.on_output(STDERR_FILENO, f->payload, f->length, n->ops.arg);
		break;
	case WIRE_CHANNEL:
		if (n->ops.on_channel)
			n->ops.on_channel(f->payload, f->length, n->ops.arg);
		break;
	case WIRE_LIFECYCLE:
		take_lifecycle(n, f);
		break;
	case WIRE_STATUS:
		take_status(n, f);
		break;
	case WIRE_LOG:
		take_log(n, f);
		break;
	default:		/* nobody sends the others here */
		break;
	}
}

static void on_console_line(const char *line, void *arg)
{
	struct nested *n = arg;
	enum capture_mark m = capture_mark(line);

	if (m != CAPTURE_PLAIN && m != CAPTURE_BANNER && !n->announced[0])
		snprintf(n->announced, sizeof(n->announced), "%.250s", line);
	if (!n->dmesg)
		return;
	n->ops.on_output(STDERR_FILENO, "outer: ", strlen("outer: "), n->ops.arg);
	n->ops.on_output(STDERR_FILENO, line, strlen(line), n->ops.arg);
	n->ops.on_output(STDERR_FILENO, "\n", 1, n->ops.arg);
}

/* --- streams ------------------------------------------------------------------ */

static void take_wire(struct nested *n, const void *bytes, size_t len)
{
	frame_decoder_add(&n->decoder, bytes, len);
}

static void take_console(struct nested *n, const void *bytes, size_t len)
{
	capture_add(&n->console, bytes, len);
}

static void take_text(struct nested *n, const void *bytes, size_t len)
{
	capture_add(&n->text, bytes, len);
}

/* One read, so that a flood leaves the loop to others. False: there is nothing. */
static bool read_once(struct stream *s)
{
	struct nested *n = s->nested;
	uint8_t bytes[READ_BYTES];
	ssize_t got = read(s->input.fd, bytes, sizeof(bytes));

	if (got > 0) {
		s->take(n, bytes, (size_t)got);
		return true;
	}
	if (got < 0 && errno == EINTR)
		return true;
	if (got == 0 || errno != EAGAIN)
		ev_io_stop(n->loop, &s->input);
	return false;
}

static void on_input(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	(void)read_once(container_of(w, struct stream, input));
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct nested *n = container_of(w, struct nested, writable);
	/* a closed socket is no reason for a SIGPIPE in somebody's program */
	ssize_t sent = send(w->fd, n->out.data, n->out.len, MSG_NOSIGNAL);

	(void)revents;
	if (sent < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (sent < 0)
		sent = (ssize_t)n->out.len;
	n->out.len -= (size_t)sent;
	memmove(n->out.data, n->out.data + sent, n->out.len);
	if (!n->out.len)
		ev_io_stop(loop, w);
}

/* --- the end -------------------------------------------------------------------- */

struct story {
	char text[512];
	size_t len;
};

static void add_line(const char *line, void *arg)
{
	struct story *s = arg;
	int n = snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s%s", s->len ? "; " : "",
			 line);

	s->len = MIN(s->len + (size_t)MAX(n, 0), sizeof(s->text) - 1);
}

/* QEMU ended in a way that needs no guest to explain it. */
static int qemu_failed(const struct nested *n, const siginfo_t *si, struct err *e)
{
	struct story said = { .text = "" };

	capture_tail(&n->text, STORY_LINES, add_line, &said);
	if (si->si_code == CLD_EXITED)
		return err_set(e, -EIO, "QEMU ended with status %d%s%s", si->si_status,
			       said.len ? ": " : "", said.text);
	return err_set(e, -EIO, "QEMU was killed by SIG%s%s%s",
		       sigabbrev_np(si->si_status) ? sigabbrev_np(si->si_status) : "?",
		       said.len ? ": " : "", said.text);
}

/* The status and, where there is something to say, the story. */
static int judge(const struct nested *n, const siginfo_t *si, struct err *e)
{
	struct story last = { .text = "" };

	if (n->status < 0 && n->killed)
		return err_set(e, -ECANCELED, "QEMU was told to end");
	if (n->announced[0])
		err_set(e, -EIO, "outer kernel: %s", n->announced);
	else if (n->gaps || n->decoder.bad)
		err_set(e, -EIO, "frames of the outer guest were lost or damaged");
	if (n->status >= 0)
		return n->status;
	if (n->announced[0])
		return -EIO;
	if (si->si_code && (si->si_code != CLD_EXITED || si->si_status != 0))
		return qemu_failed(n, si, e);
	if (n->logged[0])
		add_line(n->logged, &last);
	capture_tail(&n->console, STORY_LINES, add_line, &last);
	if (!last.len)
		return err_set(e, -EIO, "the outer guest ended before it said anything: "
			       "too little memory, or a kernel that cannot run there");
	return err_set(e, -EIO, "the outer guest ended without a status: %s", last.text);
}

static void stop_watchers(struct nested *n)
{
	for (int i = 0; i < STREAMS; i++)
		ev_io_stop(n->loop, &n->stream[i].input);
	ev_io_stop(n->loop, &n->writable);
	ev_io_stop(n->loop, &n->ended);
	ev_timer_stop(n->loop, &n->poweroff);
	ev_timer_stop(n->loop, &n->pulse);
}

/* on_done() may destroy n, so it is the last thing that happens. */
static void on_ended(struct ev_loop *loop, ev_io *w, int revents)
{
	struct nested *n = container_of(w, struct nested, ended);
	struct err e = ERR_INIT;
	siginfo_t si;
	int r;

	(void)loop;
	(void)revents;
	if (!nested_qemu_reap(&n->qemu, &si))
		return;
	for (int i = 0; i < STREAMS; i++)
		for (int k = 0; k < DRAIN_READS; k++)
			if (!read_once(&n->stream[i]))
				break;
	frame_decoder_finish(&n->decoder);
	capture_finish(&n->console);
	capture_finish(&n->text);
	stop_watchers(n);
	r = judge(n, &si, &e);
	n->ops.on_done(r, &e, n->ops.arg);
}

static void on_poweroff_late(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct nested *n = container_of(w, struct nested, poweroff);

	(void)loop;
	(void)revents;
	log_debug("nested run: the outer guest does not power off");
	nested_qemu_kill(&n->qemu);
}

/* --- the interface ---------------------------------------------------------------- */

static void watch(struct nested *n)
{
	const int fd[STREAMS] = { n->qemu.wire, n->qemu.console, n->qemu.text };
	void (*const take[STREAMS])(struct nested *, const void *, size_t) = {
		take_wire, take_console, take_text,
	};

	for (int i = 0; i < STREAMS; i++) {
		n->stream[i].nested = n;
		n->stream[i].take = take[i];
		ev_io_init(&n->stream[i].input, on_input, fd[i], EV_READ);
		ev_io_start(n->loop, &n->stream[i].input);
	}
	ev_io_init(&n->writable, on_writable, n->qemu.wire, EV_WRITE);
	ev_timer_init(&n->poweroff, on_poweroff_late, POWEROFF_S, 0.);
	ev_timer_init(&n->pulse, on_pulse, PULSE_S, PULSE_S);
	ev_io_init(&n->ended, on_ended, n->qemu.pidfd, EV_READ);
	ev_io_start(n->loop, &n->ended);
}

static void nested_free(struct nested *n)
{
	nested_qemu_fini(&n->qemu);
	frame_decoder_fini(&n->decoder);
	capture_fini(&n->console);
	capture_fini(&n->text);
	buf_fini(&n->out);
	free(n);
}

int nested_start(struct ev_loop *loop, const struct nested_request *q,
		 const struct nested_ops *ops, struct nested **ret, struct err *e)
{
	struct nested *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return err_sys(e, -ENOMEM, "nested run");
	n->loop = loop;
	n->ops = *ops;
	n->dmesg = q->dmesg;
	n->counted = q->counted;
	n->status = -1;
	n->qemu = (struct nested_qemu)NESTED_QEMU_INIT;
	capture_init(&n->console, on_console_line, n);
	capture_init(&n->text, NULL, NULL);
	r = frame_decoder_init(&n->decoder, FRAME_STREAM, on_frame, NULL, n);
	if (r < 0)
		err_sys(e, r, "nested run");
	else
		r = nested_qemu_start(q, &n->qemu, e);
	if (r < 0) {
		nested_free(n);
		return r;
	}
	watch(n);
	*ret = n;
	return 0;
}

void nested_destroy(struct nested *n)
{
	if (!n)
		return;
	stop_watchers(n);
	nested_free(n);
}

void nested_signal(struct nested *n, int signo)
{
	if (signo <= 0 || signo >= 64 || n->status >= 0)
		return;
	if (n->ready)
		send_signal(n, signo);
	else
		n->early |= UINT64_C(1) << signo;
}

int nested_channel(struct nested *n, enum wire_type type, const void *payload, size_t len)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	int r = frame_to_stream(&b, type, n->channel_sequence, payload, len);

	if (r == 0)
		r = send_frame(n, WIRE_CHANNEL, b.data, b.len);
	if (r == 0)
		n->channel_sequence++;
	return r;
}

void nested_kill(struct nested *n)
{
	n->killed = true;
	nested_qemu_kill(&n->qemu);
}

void nested_console_tail(const struct nested *n, unsigned max,
			 void (*fn)(const char *line, void *arg), void *arg)
{
	capture_tail(&n->console, max, fn, arg);
}
