/* SPDX-License-Identifier: GPL-2.0-only */
/* A child whose times are taken: before exec, at each byte, at its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "bench/bench.h"

enum { GO, OUT, ERR, PIPES };

struct running {
	int pipe[PIPES][2];
	int pidfd;
	pid_t pid;
};

static _Noreturn void child(struct running *c, const char *const *argv)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(c->pipe[OUT][1], STDOUT_FILENO);
	dup2(c->pipe[ERR][1], STDERR_FILENO);
	/* our own copy would keep the pipe from ending when the parent is gone */
	close(c->pipe[GO][1]);
	if (read(c->pipe[GO][0], &go, 1) == 1)
		execv(argv[0], (char *const *)argv);
	_exit(127);
}

static int start(struct running *c, const char *const *argv, struct err *e)
{
	for (int i = 0; i < PIPES; i++)
		c->pipe[i][0] = c->pipe[i][1] = -1;
	c->pidfd = -1;
	for (int i = 0; i < PIPES; i++)
		if (pipe2(c->pipe[i], O_CLOEXEC) < 0)
			return err_sys(e, -errno, "pipe");
	c->pid = fork();
	if (c->pid < 0)
		return err_sys(e, -errno, "fork");
	if (c->pid == 0)
		child(c, argv);
	c->pidfd = pidfd_open(c->pid, 0);
	close_fd(&c->pipe[GO][0]);
	close_fd(&c->pipe[OUT][1]);
	close_fd(&c->pipe[ERR][1]);
	return c->pidfd < 0 ? err_sys(e, -errno, "pidfd_open") : 0;
}

/* True: kill it. */
static bool take(struct running *c, int which, struct process_ops *ops, struct process *ret)
{
	char bytes[16384];
	ssize_t n = read(c->pipe[which][0], bytes, sizeof(bytes));
	uint64_t now = units_now_ns();

	if (n <= 0) {
		close_fd(&c->pipe[which][0]);
		return false;
	}
	buf_add(which == OUT ? &ret->out : &ret->err, bytes, (size_t)n);
	return ops->on_bytes &&
	       ops->on_bytes(which == OUT ? 1 : 2, bytes, (size_t)n, now, ops->arg);
}

static void serve(struct running *c, unsigned timeout_ms, struct process_ops *ops,
		  struct process *ret)
{
	uint64_t until = units_now_ns() + timeout_ms * NSEC_PER_MSEC;
	bool ended = false;

	while (!ended || c->pipe[OUT][0] >= 0 || c->pipe[ERR][0] >= 0) {
		struct pollfd p[] = {
			{ .fd = c->pipe[OUT][0], .events = POLLIN },
			{ .fd = c->pipe[ERR][0], .events = POLLIN },
			{ .fd = ended ? -1 : c->pidfd, .events = POLLIN },
		};
		uint64_t now = units_now_ns();
		int n = poll(p, ARRAY_SIZE(p),
			     now < until ? (int)((until - now) / NSEC_PER_MSEC) + 1 : 0);

		if (n == 0 && !ended) {
			ret->timed_out = true;
			kill(c->pid, SIGKILL);
			until = UINT64_MAX / 2;
		}
		if (p[2].revents) {
			ret->end_ns = units_now_ns();
			ended = true;
		}
		for (int i = 0; i < 2; i++)
			if (p[i].revents && take(c, OUT + i, ops, ret))
				kill(c->pid, SIGKILL);
	}
}

int process_run(const char *const *argv, unsigned timeout_ms, struct process_ops *ops,
		struct process *ret, struct err *e)
{
	struct running c;
	int r;

	*ret = (struct process){ 0 };
	r = start(&c, argv, e);
	if (r == 0) {
		ops->pid = c.pid;
		if (ops->on_start)
			ops->on_start(c.pid, ops->arg);
		ret->start_ns = units_now_ns();
		if (write(c.pipe[GO][1], "", 1) != 1)
			kill(c.pid, SIGKILL);
		close_fd(&c.pipe[GO][1]);
		serve(&c, timeout_ms, ops, ret);
		(void)waitpid(c.pid, &ret->status, 0);
	}
	for (int i = 0; i < PIPES; i++) {
		close_fd(&c.pipe[i][0]);
		close_fd(&c.pipe[i][1]);
	}
	close_fd(&c.pidfd);
	return r;
}

void process_fini(struct process *p)
{
	buf_fini(&p->out);
	buf_fini(&p->err);
}
