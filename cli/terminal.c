/* SPDX-License-Identifier: GPL-2.0-only */
/* Raw mode, window size, and the way back. */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "ktstr/ktstr.h"

/* A terminal that is gone cannot be put right, and need not be. */
static void set(int fd, const struct termios *tio)
{
	(void)tcsetattr(fd, TCSADRAIN, tio);
}

static void tell_size(struct terminal *t)
{
	struct winsize size;

	if (ioctl(t->fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		ktstr_run_window(t->run, size.ws_row, size.ws_col, getenv("TERM"));
	else	/* as terminals once were */
		ktstr_run_window(t->run, 24, 80, getenv("TERM"));
}

static void on_resized(struct ev_loop *loop, ev_signal *w, int revents)
{
	(void)loop;
	(void)revents;
	tell_size(container_of(w, struct terminal, resized));
}

static void set_raw(struct terminal *t)
{
	struct termios tio = t->saved;

	cfmakeraw(&tio);
	set(t->fd, &tio);
}

/* Whoever stopped us has put the terminal to his own use meanwhile. */
static void on_continued(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct terminal *t = container_of(w, struct terminal, continued);

	(void)loop;
	(void)revents;
	if (t->raw)
		set_raw(t);
	tell_size(t);
}

static _Noreturn void guard(const struct terminal *t, int pipe_fd)
{
	sigset_t all;
	char byte;
	ssize_t n;

	/* signals of the terminal are for us too, and SIGTTOU would stop us at work */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	do
		n = read(pipe_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		set(t->fd, &t->saved);
	_exit(0);
}

static int start_guard(struct terminal *t, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	t->guard = fork();
	if (t->guard == 0) {
		close(fds[1]);
		guard(t, fds[0]);
	}
	close(fds[0]);
	if (t->guard < 0) {
		close(fds[1]);
		return err_sys(e, -errno, "fork");
	}
	t->guard_fd = fds[1];
	return 0;
}

int terminal_open(struct terminal *t, int fd, struct ktstr_run *run, struct ev_loop *loop,
		  struct err *e)
{
	int r;

	*t = (struct terminal){ .run = run, .fd = fd, .guard_fd = -1 };
	if (tcgetattr(fd, &t->saved) < 0)
		return err_sys(e, -errno, "terminal");
	r = start_guard(t, e);
	if (r < 0)
		return err_ctx(e, r, "terminal");
	t->loop = loop;
	ev_signal_init(&t->resized, on_resized, SIGWINCH);
	ev_signal_start(loop, &t->resized);
	ev_signal_init(&t->continued, on_continued, SIGCONT);
	ev_signal_start(loop, &t->continued);
	/* they do not keep a loop that has nothing else to do */
	ev_unref(loop);
	ev_unref(loop);
	tell_size(t);
	return 0;
}

void terminal_raw(struct terminal *t)
{
	t->raw = true;
	set_raw(t);
}

void terminal_close(struct terminal *t)
{
	if (!t->loop)
		return;
	ev_ref(t->loop);
	ev_ref(t->loop);
	ev_signal_stop(t->loop, &t->resized);
	ev_signal_stop(t->loop, &t->continued);
	if (t->raw)
		set(t->fd, &t->saved);
	(void)!write(t->guard_fd, "", 1);
	close_fd(&t->guard_fd);
	while (waitpid(t->guard, NULL, 0) < 0 && errno == EINTR)
		;
	t->loop = NULL;
}
