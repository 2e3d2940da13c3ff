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
#include <termios.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/command_start.h"
#include "init/host.h"
#include "init/reap.h"
#include "shmring/shmring.h"
#include "shmring/stream.h"

#define KILL_MS 2000
#define GRACE_MS 3000
/* A host that does not tell the size of its terminal within this has none. */
#define WINDOW_MS 5000

struct command {
	const struct init_command *q;
	struct init_host *host;		/* borrowed */
	struct init_process process;
	int sigfd;
	bool started;
	struct init_proc proc;
	uint64_t kill_ns;		/* when to kill it; 0: not asked */

	struct buf in;			/* for the command's stdin */
	bool in_end;			/* nothing comes behind it */
	struct stream_receiver from_host;
	struct stream_sender to_host[WIRE_STREAM_COUNT];	/* OUT and ERR */

	bool has_window;
	struct wire_window window;
};

static void send_frame(struct command *c, enum wire_type type, const void *payload, size_t len)
{
	c->host->send(c->host, type, payload, len, NULL, 0);
}

static void grant(struct command *c)
{
	struct wire_grant g = { .stream = WIRE_STREAM_IN };

	if (c->process.in < 0)
		return;
	g.bytes = stream_grant(&c->from_host);
	if (g.bytes)
		send_frame(c, WIRE_GRANT, &g, sizeof(g));
}

/* --- input ------------------------------------------------------------------ */

/* The command does not read any more: the host shall not either. */
static void input_gone(struct command *c)
{
	const struct wire_grant g = { .stream = WIRE_STREAM_IN, .bytes = 0 };

	close_fd(&c->process.in);
	buf_reset(&c->in);
	send_frame(c, WIRE_GRANT, &g, sizeof(g));
}

/* A terminal does not end, its reader is told: VEOF, as the kernel sets it. */
static void end_input(struct command *c)
{
	static const char eof = 0x04;

	if (c->q->terminal)
		(void)!write(c->process.in, &eof, 1);
	close_fd(&c->process.in);
}

static void push_input(struct command *c)
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
	grant(c);
}

static void on_stdin(struct command *c, const struct frame *f)
{
	if (c->process.in < 0 || c->in_end)
		return;
	c->in_end = !f->length;
	if (f->length && stream_arrived(&c->from_host, f->length))
		buf_add(&c->in, f->payload, f->length);
	push_input(c);
}

/* --- what the host says ------------------------------------------------------- */

static void set_size(struct command *c)
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
		set_size(c);
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

static void on_frame(const struct frame *f, void *arg)
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
		send_frame(c, type[s], bytes, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(fd);	/* EIO is how a pty says that all its users are gone */
	}
}

/* --- the loop -------------------------------------------------------------------- */

static void on_child(struct command *c)
{
	struct init_proc *const proc = &c->proc;

	init_reap_ack(c->sigfd);
	init_reap(&proc, 1);
	/* whoever it left behind would keep the pipes open for ever */
	if (c->proc.exited)
		(void)init_reap_rest(c->sigfd, NULL, KILL_MS);
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

enum { CHILD, HOST, INPUT, OUTPUT, COUNT = OUTPUT + WIRE_STREAM_COUNT };

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

		if (c->host->stop)
			on_stop(c);
		n = poll(p, COUNT, timeout_ms(c, blocked));
		if (n <= 0)
			continue;
		if (p[HOST].revents)
			c->host->ready(c->host, p[HOST].revents);
		if (p[INPUT].revents)
			push_input(c);
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
		set_size(c);
	/* what the host sent before had no process to go to: only grants are remembered */
	for (int s = WIRE_STREAM_OUT; s < WIRE_STREAM_COUNT; s++)
		if (c->to_host[s].gone)
			close_fd(&c->process.out[s]);
	grant(c);
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
	stream_receiver_init(&c->from_host, WIRE_IN_WINDOW);
	for (int s = WIRE_STREAM_OUT; s < WIRE_STREAM_COUNT; s++)
		stream_sender_init(&c->to_host[s], WIRE_OUT_WINDOW);
	c->host->on_frame = on_frame;
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

	send_frame(c, WIRE_ENDED, &d, sizeof(d));
}

int init_command_run(const struct init_command *q, struct init_host *host, struct err *e)
{
	struct command c = {
		.q = q, .host = host, .process = INIT_PROCESS_INIT, .sigfd = -1, .in = BUF_INIT,
	};
	sigset_t old;
	int r = command_init(&c, &old, e);

	if (r == 0)
		r = start(&c, e);
	if (r == 0) {
		serve(&c);
		r = WIFSIGNALED(c.proc.status) ? 128 + WTERMSIG(c.proc.status) :
						 WEXITSTATUS(c.proc.status);
		tell_end(&c, r);
	}
	host->on_frame = NULL;
	init_process_fini(&c.process);
	buf_fini(&c.in);
	close_fd(&c.sigfd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
