/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child to its end. Both output streams are read at once: one that fills
 * while we wait for the other would stop the child for ever.
 */
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/spawn.h"
#include "base/units.h"
#include "base/util.h"

#define ERR_BYTES_MAX 4096

struct child {
	char *const *argv;
	pid_t pid;			/* 0: not started */
	unsigned timeout_ms;
	uint64_t deadline_ns;
	size_t max[2];
	int fd[2];			/* its stdout and stderr; -1 at the end of file */
	struct buf *text[2];
};

/*
 * A pipe whose write end is above the standard ones, so that dup2() in the
 * child never meets it at its own place (where it would stay close-on-exec).
 */
static int make_pipe(int *ret_read, int *ret_write)
{
	int fd[2], high;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	high = fcntl(fd[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (high < 0) {
		high = -errno;
		close(fd[0]);
		close(fd[1]);
		return high;
	}
	close(fd[1]);
	*ret_read = fd[0];
	*ret_write = high;
	return 0;
}

static int start(struct child *c, struct err *e)
{
	struct spawn program = { .argv = c->argv, .in = -1 };
	int out[2] = { -1, -1 };
	int r = make_pipe(&c->fd[0], &out[0]);

	if (r == 0)
		r = make_pipe(&c->fd[1], &out[1]);
	program.out = out[0];
	program.err = out[1];
	if (r < 0) {
		err_sys(e, r, "pipe");
	} else if ((r = spawn(&program, &c->pid)) < 0) {
		err_sys(e, r, "run %s", c->argv[0]);
		c->pid = 0;
	}
	cleanup_close(&out[0]);
	cleanup_close(&out[1]);
	return r;
}

/* One read; a stream at its end is closed. Errors: read(2)'s, -E2BIG. */
static int take(struct child *c, int i)
{
	uint8_t bytes[4096];
	ssize_t n = read(c->fd[i], bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0) {
		close_fd(&c->fd[i]);
		return 0;
	}
	if (c->text[i]->len + (size_t)n > c->max[i]) {
		if (i == 0)
			return -E2BIG;
		n = (ssize_t)(c->max[i] - c->text[i]->len);
	}
	buf_add(c->text[i], bytes, (size_t)n);
	return 0;
}

/* 0 when the deadline is over. */
static int left_ms(const struct child *c)
{
	uint64_t now_ns = units_now_ns();

	return now_ns < c->deadline_ns ?
		(int)((c->deadline_ns - now_ns) / NSEC_PER_MSEC) + 1 : 0;
}

static int take_all(struct child *c, struct err *e)
{
	while (c->fd[0] >= 0 || c->fd[1] >= 0) {
		struct pollfd p[2] = {
			{ .fd = c->fd[0], .events = POLLIN },
			{ .fd = c->fd[1], .events = POLLIN },
		};
		int timeout = left_ms(c), r = 0;

		if (!timeout)
			return err_set(e, -ETIMEDOUT, "%s %s: no end after %u ms", c->argv[0],
				       c->argv[1] ? c->argv[1] : "", c->timeout_ms);
		if (poll(p, 2, timeout) < 0 && errno != EINTR)
			return err_sys(e, -errno, "poll");
		for (int i = 0; i < 2 && r >= 0; i++)
			if (p[i].revents)
				r = take(c, i);
		if (r == -E2BIG)
			return err_set(e, r, "%s: prints more than %zu bytes", c->argv[0],
				       c->max[0]);
		if (r < 0)
			return err_sys(e, r, "read from %s", c->argv[0]);
	}
	return 0;
}

/* False when the child still runs at the deadline: it closed its streams and stayed. */
static bool has_ended(const struct child *c)
{
	_cleanup_close_ int fd = pidfd_open(c->pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 && errno == ESRCH)
		return true;		/* somebody else took it */
	while (fd >= 0) {
		int timeout = left_ms(c);
		int n = poll(&p, 1, timeout);

		if (n > 0)
			return true;
		if (n == 0 && !timeout)
			return false;
	}
	return false;
}

static int reap(struct child *c)
{
	int status = 0;
	pid_t got;

	if (!c->pid)
		return 0;
	if (!has_ended(c))
		kill(c->pid, SIGKILL);
	do
		got = waitpid(c->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	c->pid = 0;
	return got < 0 ? 0 : status;
}

int child_run(char *const argv[], unsigned timeout_ms, size_t out_max,
	      struct child_output *ret, struct err *e)
{
	struct child_output o = { .out = BUF_INIT, .err = BUF_INIT };
	struct child c = {
		.argv = argv,
		.timeout_ms = timeout_ms,
		.deadline_ns = units_now_ns() + timeout_ms * NSEC_PER_MSEC,
		.max = { out_max, ERR_BYTES_MAX },
		.fd = { -1, -1 },
		.text = { &o.out, &o.err },
	};
	int r = start(&c, e);

	if (r >= 0)
		r = take_all(&c, e);
	if (r < 0)
		c.deadline_ns = 0;	/* nothing more to wait for */
	o.status = reap(&c);
	for (int i = 0; i < 2; i++) {
		close_fd(&c.fd[i]);
		buf_u8(c.text[i], 0);
		if (buf_ok(c.text[i]))
			c.text[i]->len--;
		else if (r >= 0)
			r = err_set(e, -ENOMEM, "out of memory");
	}
	if (r < 0)
		child_output_fini(&o);
	*ret = o;
	return r;
}

void child_output_fini(struct child_output *o)
{
	buf_fini(&o->out);
	buf_fini(&o->err);
}
