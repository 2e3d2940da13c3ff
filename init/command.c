/* SPDX-License-Identifier: GPL-2.0-only */
/* The loop around one command: streams, signals, its end. */
#include "init/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/command_private.h"
#include "init/supervise.h"

#define KILL_MS 2000
#define GRACE_MS 3000
/* A host that does not tell the size of its terminal within this has none. */
#define WINDOW_MS 5000

/* --- output -------------------------------------------------------------------- */

static void on_output(struct command *c, enum wire_stream s)
{
	static const enum wire_type type[] = {
		[WIRE_STREAM_OUT] = WIRE_STDOUT, [WIRE_STREAM_ERR] = WIRE_STDERR,
	};
	uint8_t bytes[WIRE_STREAM_CHUNK];
	int *fd = &c->process.out[s];
	ssize_t n = read(*fd, bytes, stream_room(&c->to_host[s]));

	if (n > 0) {
		stream_sent(&c->to_host[s], (size_t)n);
		command_send(c, type[s], bytes, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(fd);	/* EIO is how a pty says that all its users are gone */
	}
}

/* --- the loop -------------------------------------------------------------------- */

static void on_child(struct command *c)
{
	struct init_proc *const proc[] = { &c->proc, &c->sched.proc };

	init_reap_ack(c->sigfd);
	init_reap(proc, ARRAY_SIZE(proc));
	/* whoever it left behind would keep the pipes open for ever */
	if (c->proc.exited)
		(void)init_reap_rest(c->sigfd, &c->sched.proc, KILL_MS);
}

static void on_stop(struct command *c)
{
	uint64_t now = units_now_ns();

	if (!c->kill_ns) {
		c->kill_ns = now + (c->q->grace_ms ? c->q->grace_ms : GRACE_MS) * NSEC_PER_MSEC;
		if (!c->proc.exited)
			kill(-c->proc.pid, c->q->terminal ? SIGHUP : SIGTERM);
	} else if (now >= c->kill_ns && !c->proc.exited) {
		kill(-c->proc.pid, SIGKILL);
	}
}

/* --- the scheduler ----------------------------------------------------------------- */

/* Whoever sits at a terminal may want to look around; it is in raw mode there. */
static void show_lost(struct command *c)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	buf_fmt(&b, "\r\nktstr: the scheduler %s%s\r\n",
		c->sched.end == WIRE_SCHED_EJECTED ? "was ejected: " : "is gone: ", c->sched.why);
	if (!buf_ok(&b) || b.len > stream_room(&c->to_host[WIRE_STREAM_OUT]))
		return;
	stream_sent(&c->to_host[WIRE_STREAM_OUT], b.len);
	command_send(c, WIRE_STDOUT, b.data, b.len);
}

/* True: the command has lost what it was to run on. */
static bool sched_lost(struct command *c)
{
	if (!c->q->sched)
		return false;
	init_sched_ready(&c->sched);
	if (!init_sched_lost(&c->sched))
		return false;
	if (!c->q->terminal)
		return true;
	if (!c->sched_told)
		show_lost(c);
	c->sched_told = true;
	return false;
}

/* --- turns ------------------------------------------------------------------------- */

enum {
	CHILD, HOST, INPUT, OUTPUT, SCHED = OUTPUT + WIRE_STREAM_COUNT,
	COUNT = SCHED + INIT_SCHED_POLLS
};

/* Once the command is gone, a stream that is empty is over, though nobody granted to read it. */
static bool has_output(struct command *c, int s)
{
	int n = 0;

	if (c->process.out[s] >= 0 && c->proc.exited && !stream_room(&c->to_host[s]) &&
	    ioctl(c->process.out[s], FIONREAD, &n) == 0 && !n)
		close_fd(&c->process.out[s]);
	return c->process.out[s] >= 0;
}

/* True when output waits that the host does not take now. */
static bool want(struct command *c, struct pollfd p[COUNT])
{
	bool blocked = false;

	p[CHILD] = (struct pollfd){ .fd = c->sigfd, .events = POLLIN };
	p[HOST] = (struct pollfd){ .fd = -1 };
	p[INPUT] = (struct pollfd){ .fd = c->in.len ? c->process.in : -1, .events = POLLOUT };
	for (int s = 0; s < WIRE_STREAM_COUNT; s++) {
		bool open = has_output(c, s);
		bool may = open && !c->host->busy && stream_room(&c->to_host[s]);

		p[OUTPUT + s] = (struct pollfd){ .fd = may ? c->process.out[s] : -1,
						 .events = POLLIN };
		blocked = blocked || (open && !may);
	}
	c->host->want(c->host, &p[HOST]);
	init_sched_want(&c->sched, &p[SCHED]);
	return blocked;
}

static int timeout_ms(const struct command *c, bool blocked)
{
	uint64_t now;

	if (!c->kill_ns || c->proc.exited) {
		/* once it is gone what is readable now is all there will be */
		if (c->proc.exited && (!blocked || c->kill_ns))
			return 0;
		return -1;
	}
	now = units_now_ns();
	return now >= c->kill_ns ? KILL_MS : (int)((c->kill_ns - now) / NSEC_PER_MSEC) + 1;
}

/* Until the command is gone and its output is with the host. */
static void serve(struct command *c)
{
	struct pollfd p[COUNT];
	int n;

	do {
		bool blocked = want(c, p);

		if (c->host->stop || sched_lost(c))
			on_stop(c);
		n = poll(p, COUNT, timeout_ms(c, blocked));
		if (n <= 0)
			continue;
		if (p[HOST].revents)
			c->host->ready(c->host, p[HOST].revents);
		if (p[INPUT].revents)
			command_push_input(c);
		for (int s = WIRE_STREAM_OUT; s < WIRE_STREAM_COUNT; s++)
			/* ready() may have closed it */
			if (p[OUTPUT + s].revents && c->process.out[s] >= 0)
				on_output(c, (enum wire_stream)s);
		if (p[CHILD].revents && !c->proc.exited)
			on_child(c);
	} while (!c->proc.exited || (n != 0 && (c->process.out[WIRE_STREAM_OUT] >= 0 ||
					   c->process.out[WIRE_STREAM_ERR] >= 0)));
}

/* A program looks at the size of its terminal when it starts. */
static void await_window(struct command *c)
{
	uint64_t end = units_now_ns() + WINDOW_MS * NSEC_PER_MSEC;

	while (!c->has_window && !c->host->stop) {
		struct pollfd p = { .fd = -1 };
		uint64_t now = units_now_ns();

		c->host->want(c->host, &p);
		if (now >= end || p.fd < 0)
			return;
		if (poll(&p, 1, (int)((end - now) / NSEC_PER_MSEC) + 1) > 0)
			c->host->ready(c->host, p.revents);
	}
}

static int start(struct command *c, struct err *e)
{
	struct init_process_spec spec = {
		.argv = c->q->argv, .terminal = c->q->terminal, .motd = c->q->motd,
		.term = c->window.term, .host = c->host,
	};
	int r;

	if (c->q->terminal)
		await_window(c);
	r = init_process_start(&spec, &c->process, e);
	if (r < 0)
		return r;
	c->started = true;
	c->proc.pid = c->process.pid;
	if (c->q->terminal && c->has_window)
		command_set_size(c);
	/* what the host sent before had no process to go to: only grants are remembered */
	for (int s = WIRE_STREAM_OUT; s < WIRE_STREAM_COUNT; s++)
		if (c->to_host[s].gone)
			close_fd(&c->process.out[s]);
	command_grant(c);
	return 0;
}

static int command_init(struct command *c, sigset_t *old, struct err *e)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, old);
	signal(SIGPIPE, SIG_IGN);	/* EPIPE says it as well */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	c->sigfd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (c->sigfd < 0)
		return err_sys(e, -errno, "signalfd");
	if (c->q->sched && init_sched_init(&c->sched, c->q->sched, c->host) < 0)
		return err_sys(e, -errno, "timerfd");
	stream_receiver_init(&c->from_host, WIRE_IN_WINDOW);
	for (int s = WIRE_STREAM_OUT; s < WIRE_STREAM_COUNT; s++)
		stream_sender_init(&c->to_host[s], WIRE_OUT_WINDOW);
	c->host->on_frame = command_on_frame;
	c->host->frame_arg = c;
	return 0;
}

static void tell_end(struct command *c, int status)
{
	const struct wire_ended d = {
		.status = status,
		.signal = WIFSIGNALED(c->proc.status) ? (uint32_t)WTERMSIG(c->proc.status) : 0,
		.bytes = {
			[WIRE_STREAM_IN] = c->from_host.bytes,
			[WIRE_STREAM_OUT] = c->to_host[WIRE_STREAM_OUT].bytes,
			[WIRE_STREAM_ERR] = c->to_host[WIRE_STREAM_ERR].bytes,
		},
	};

	command_send(c, WIRE_ENDED, &d, sizeof(d));
}

int init_command_run(const struct init_command *q, struct init_host *host, struct err *e)
{
	struct command c = {
		.q = q, .host = host, .process = INIT_PROCESS_INIT, .sigfd = -1, .in = BUF_INIT,
		.sched = { .host = host, .timer = -1, .output = -1 },
	};
	sigset_t old;
	int r = command_init(&c, &old, e);

	if (r == 0 && q->sched && q->sched->path && !init_sched_begin(&c.sched, c.sigfd))
		r = INIT_EXIT_FAIL;
	if (r == 0)
		r = start(&c, e);
	if (r == 0) {
		serve(&c);
		r = WIFSIGNALED(c.proc.status) ? 128 + WTERMSIG(c.proc.status) :
						 WEXITSTATUS(c.proc.status);
		tell_end(&c, r);
	}
	host->on_frame = NULL;
	if (q->sched && c.sigfd >= 0) {
		init_sched_look(&c.sched);
		init_sched_stop(&c.sched);
		init_sched_settle(&c.sched, c.sigfd);
	}
	init_sched_fini(&c.sched);
	init_process_fini(&c.process);
	buf_fini(&c.in);
	close_fd(&c.sigfd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
