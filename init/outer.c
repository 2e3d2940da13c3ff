/* SPDX-License-Identifier: GPL-2.0-only */
/* The outer guest of a nested run: a wrapper around one program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "init/guest.h"
#include "init/host.h"
#include "init/init.h"
#include "init/machine.h"
#include "init/reap.h"
#include "init/strings.h"
#include "init/supervise.h"
#include "init/tty.h"
#include "shmring/shmring.h"

#define CHUNK (16u << 10)
#define KILL_MS 2000
#define STUCK_MS 10000		/* the host takes nothing for so long */

/* Of the program: its stdout, its stderr, and the socket of its channel. */
enum { OUT, ERR, CHANNEL, STREAMS };

struct outer {
	struct init_host host;		/* for init_log() and its like */
	struct init_tty *wire;		/* borrowed */
	struct frame_decoder decoder;
	uint32_t sequence;
	int sigfd;
	int pipe[STREAMS];
	struct buf to_channel;		/* bytes that the program has not taken yet */
	struct init_proc program;
};

static void send_frame(struct outer *o, enum wire_type type, const void *payload, size_t len)
{
	frame_to_stream(&o->wire->out, type, o->sequence++, payload, len);
	init_tty_push(o->wire);
}

/* Frames of two parts are small here. */
static void host_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		      const void *payload2, size_t len2)
{
	struct outer *o = container_of(h, struct outer, host);
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	buf_add(&b, payload, len);
	buf_add(&b, payload2, len2);
	if (buf_ok(&b))
		send_frame(o, type, b.data, b.len);
}

static void push_channel(struct outer *o)
{
	ssize_t n;

	if (!o->to_channel.len)
		return;
	n = send(o->pipe[CHANNEL], o->to_channel.data, o->to_channel.len, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)		/* the program is gone, or does not use it */
		n = (ssize_t)o->to_channel.len;
	o->to_channel.len -= (size_t)n;
	memmove(o->to_channel.data, o->to_channel.data + n, o->to_channel.len);
}

static void on_frame(const struct frame *f, void *arg)
{
	struct outer *o = arg;
	struct wire_exit x;

	if (f->type == WIRE_CHANNEL && o->pipe[CHANNEL] >= 0) {
		buf_add(&o->to_channel, f->payload, f->length);
		push_channel(o);
	}
	if (f->type == WIRE_SIGNAL && frame_get_exit(f, &x) && x.code > 0 && x.code <= SIGRTMAX &&
	    init_proc_runs(&o->program))
		kill(o->program.pid, x.code);
}

static void on_wire(struct outer *o, short revents)
{
	uint8_t bytes[256];
	size_t n;

	while ((n = init_tty_read(o->wire, bytes, sizeof(bytes))))
		frame_decoder_add(&o->decoder, bytes, n);
	if (!(revents & (POLLIN | POLLOUT)))
		close_fd(&o->wire->fd);
	init_tty_push(o->wire);
}

static void on_stream(struct outer *o, unsigned i, short revents)
{
	static const enum wire_type type[] = {
		[OUT] = WIRE_STDOUT, [ERR] = WIRE_STDERR, [CHANNEL] = WIRE_CHANNEL,
	};
	uint8_t bytes[CHUNK];
	ssize_t n;

	if (i == CHANNEL && (revents & POLLOUT))
		push_channel(o);
	if (!(revents & ~POLLOUT))
		return;
	n = read(o->pipe[i], bytes, sizeof(bytes));
	if (n > 0)
		send_frame(o, type[i], bytes, (size_t)n);
	else if (n == 0)
		close_fd(&o->pipe[i]);
}

static void on_child(struct outer *o)
{
	struct init_proc *const program = &o->program;

	init_reap_ack(o->sigfd);
	init_reap(&program, 1);
	/* whoever it left behind would keep the pipes open for ever */
	if (program->exited)
		(void)init_reap_rest(o->sigfd, NULL, KILL_MS);
}

static void want_streams(const struct outer *o, bool busy, struct pollfd p[STREAMS])
{
	for (int i = 0; i < STREAMS; i++) {
		p[i] = (struct pollfd){ .fd = o->pipe[i], .events = busy ? 0 : POLLIN };
		if (i == CHANNEL && o->to_channel.len)
			p[i].events |= POLLOUT;
		/* without a wish an end that is closed would be told again and again */
		if (!p[i].events)
			p[i].fd = -1;
	}
}

static bool has_streams(const struct outer *o)
{
	for (int i = 0; i < STREAMS; i++)
		if (o->pipe[i] >= 0)
			return true;
	return false;
}

/* Until the program is gone and its pipes are empty. */
static void serve(struct outer *o)
{
	enum { CHILD, WIRE, FIRST, COUNT = FIRST + STREAMS };
	struct pollfd p[COUNT];
	int n;

	do {
		bool busy = init_tty_waiting(o->wire) > INIT_TTY_BUSY;
		bool waiting = init_tty_waiting(o->wire) > 0;

		p[CHILD] = (struct pollfd){ .fd = o->sigfd, .events = POLLIN };
		p[WIRE] = (struct pollfd){ .fd = o->wire->fd, .events = POLLIN };
		if (waiting)
			p[WIRE].events |= POLLOUT;
		want_streams(o, busy, &p[FIRST]);
		/* once it is gone what is readable now is all there will be */
		n = poll(p, COUNT, o->program.exited ? (busy ? STUCK_MS : 0) : -1);
		if (n <= 0)
			continue;
		if (p[WIRE].revents)
			on_wire(o, p[WIRE].revents);
		for (unsigned i = 0; i < STREAMS; i++)
			if (p[FIRST + i].revents)
				on_stream(o, i, p[FIRST + i].revents);
		if (p[CHILD].revents)
			on_child(o);
	} while (!o->program.exited || (n > 0 && has_streams(o)));
}

static _Noreturn void exec_child(const struct init_outer *q, const int fds[STREAMS])
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGUSR1, SIG_IGN);	/* it may come before the program waits for it */
	dup2(null, STDIN_FILENO);
	dup2(fds[OUT], STDOUT_FILENO);
	dup2(fds[ERR], STDERR_FILENO);
	dup2(fds[CHANNEL], INIT_CHANNEL_FD);
	(void)fcntl(INIT_CHANNEL_FD, F_SETFD, 0);	/* if it was that one already */
	execve(q->path, q->argv, q->envp);
	dprintf(STDERR_FILENO, "ktstr: run %s: %s\n", q->path, strerrordesc_np(errno));
	_exit(INIT_EXIT_ERROR);
}

static int open_stream(struct outer *o, int i, int *ret_child)
{
	int fds[2];
	int r = i == CHANNEL ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) :
			       pipe2(fds, O_CLOEXEC);

	if (r < 0)
		return -errno;
	o->pipe[i] = fds[0];
	*ret_child = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int start(struct outer *o, const struct init_outer *q, struct err *e)
{
	int child_end[STREAMS] = { -1, -1, -1 };
	int r = 0;

	for (int i = 0; r == 0 && i < STREAMS; i++)
		r = open_stream(o, i, &child_end[i]);
	if (r < 0)
		err_sys(e, r, "pipe");
	if (r == 0) {
		fflush(NULL);
		o->program.pid = fork();
		if (o->program.pid < 0)
			r = err_sys(e, -errno, "fork");
	}
	if (r == 0 && o->program.pid == 0)
		exec_child(q, child_end);
	for (int i = 0; i < STREAMS; i++)
		close_fd(&child_end[i]);
	return r;
}

static int outer_init(struct outer *o, struct init_tty *wire, sigset_t *old, struct err *e)
{
	sigset_t mask;
	int r;

	*o = (struct outer){
		.host = { .send = host_send }, .wire = wire, .sigfd = -1,
		.pipe = { -1, -1, -1 }, .to_channel = BUF_INIT,
	};
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, old);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = frame_decoder_init(&o->decoder, FRAME_STREAM, on_frame, NULL, o);
	if (r < 0)
		return err_sys(e, r, "frame decoder");
	o->sigfd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	return o->sigfd < 0 ? err_sys(e, -errno, "signalfd") : 0;
}

static void outer_fini(struct outer *o, const sigset_t *old)
{
	close_fd(&o->sigfd);
	for (int i = 0; i < STREAMS; i++)
		close_fd(&o->pipe[i]);
	frame_decoder_fini(&o->decoder);
	buf_fini(&o->to_channel);
	sigprocmask(SIG_SETMASK, old, NULL);
}

/* With set_up the guest is made ready first, by whoever has the wire. */
static int run(const struct init_outer *q, struct init_tty *wire, bool set_up, struct err *e)
{
	struct init_machine machine = { 0 };
	struct outer o;
	sigset_t old;
	int r = outer_init(&o, wire, &old, e);
	int status;

	if (set_up) {
		init_machine_probe("", &machine);
		init_lifecycle(&o.host, WIRE_PHASE_INIT, &machine);
		if (r == 0)
			r = init_marker_check(e);
		init_mounts_rest(&o.host);
		init_modules_load(INIT_MODULES_DIR, &o.host);
		if (access("/dev/kvm", F_OK) < 0)
			init_log(&o.host, "there is no /dev/kvm in the outer guest");
	}
	init_lifecycle(&o.host, WIRE_PHASE_READY, &machine);
	if (r == 0)
		r = start(&o, q, e);
	if (r == 0) {
		serve(&o);
		status = o.program.status;
		r = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	} else {
		init_log(&o.host, "%s", err_text(e));
	}
	send_frame(&o, WIRE_STATUS,
		   &(struct wire_exit){ .code = r < 0 ? INIT_EXIT_ERROR : r },
		   sizeof(struct wire_exit));
	init_lifecycle(&o.host, WIRE_PHASE_POWEROFF, &machine);
	(void)init_tty_flush(wire, STUCK_MS);
	outer_fini(&o, &old);
	return r;
}

int init_outer_run(const struct init_outer *o, struct init_tty *wire, struct err *e)
{
	return run(o, wire, false, e);
}

/* --- the arguments and the environment ------------------------------------ */

_Noreturn void init_outer_main(void)
{
	static const char *const program[] = { "ktstr" };
	static const char *const base_env[] = {
		"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/", "TERM=dumb",
	};
	struct file_map args = FILE_MAP_INIT, env = FILE_MAP_INIT;
	struct init_tty wire = INIT_TTY_INIT;
	struct init_outer q = { .path = "/init" };
	struct err e = ERR_INIT;

	if (init_tty_open(&wire, INIT_COM2, &e) < 0) {
		init_console("%s", err_text(&e));
		init_poweroff(&wire);
	}
	/* both may be absent; the program says what it lacks */
	(void)file_map(INIT_OUTER_ARGS, &args, NULL);
	(void)file_map(INIT_OUTER_ENV, &env, NULL);
	q.argv = init_strings(&args, program, ARRAY_SIZE(program));
	q.envp = init_strings(&env, base_env, ARRAY_SIZE(base_env));
	if (!q.argv || !q.envp || run(&q, &wire, true, &e) < 0)
		init_console("%s", err_text(&e));
	init_poweroff(&wire);
}
