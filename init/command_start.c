/* SPDX-License-Identifier: GPL-2.0-only */
/* Fork, pipes or a pty, exec. */
#include "init/command_start.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "init/command.h"
#include "init/host.h"

/* What the child gets: for a terminal the same descriptor three times. */
struct child_end {
	int fd[STDERR_FILENO + 1];
};

static int above_stdio(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd >= 0)
		close(fd);
	return high;
}

static int open_pipes(struct init_process *p, struct child_end *c)
{
	for (int i = 0; i <= STDERR_FILENO; i++) {
		bool input = i == STDIN_FILENO;
		int *ours = input ? &p->in : &p->out[i];
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		*ours = fds[input];
		c->fd[i] = above_stdio(fds[!input]);
		if (c->fd[i] < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

static int open_terminal(struct init_process *p, struct child_end *c, const char *motd)
{
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return -errno;
	p->out[WIRE_STREAM_OUT] = master;
	slave = above_stdio(slave);
	for (int i = 0; i <= STDERR_FILENO; i++)
		c->fd[i] = slave;
	if (slave < 0 || fcntl(master, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	p->in = fcntl(master, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (p->in < 0)
		return -errno;
	/* as if the command had printed it */
	if (motd)
		(void)file_write_all(slave, motd, strlen(motd));
	return 0;
}

static _Noreturn void exec_child(const struct init_process_spec *q, const struct child_end *c)
{
	sigset_t none;
	int why;

	if (q->terminal)
		setsid();
	else
		setpgid(0, 0);
	/* PID 1 does not die before us, but the process of a unit test may */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	q->host->forked(q->host);
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(c->fd[i], i);
	if (q->terminal) {
		ioctl(STDIN_FILENO, TIOCSCTTY, 0);
		setenv("TERM", q->term[0] ? q->term : "dumb", 1);
	}
	execvp(q->argv[0], q->argv);
	why = errno;
	dprintf(STDERR_FILENO, "ktstr: exec: %.200s: %s\n", q->argv[0], strerrordesc_np(why));
	_exit(why == ENOENT ? INIT_STATUS_NOT_FOUND : INIT_STATUS_NOT_RUN);
}

static void close_child_end(const struct init_process_spec *q, struct child_end *c)
{
	for (int i = q->terminal ? STDERR_FILENO : 0; i <= STDERR_FILENO; i++)
		close_fd(&c->fd[i]);
}

int init_process_start(const struct init_process_spec *q, struct init_process *ret,
		       struct err *e)
{
	struct child_end c = { .fd = { -1, -1, -1 } };
	int r;

	*ret = (struct init_process)INIT_PROCESS_INIT;
	r = q->terminal ? open_terminal(ret, &c, q->motd) : open_pipes(ret, &c);
	if (r == 0) {
		fflush(NULL);	/* or the child prints what we had buffered, again */
		ret->pid = fork();
		if (ret->pid < 0)
			r = -errno;
	}
	if (r == 0 && ret->pid == 0)
		exec_child(q, &c);
	/* whoever is first; a session's leader cannot and need not */
	if (r == 0 && !q->terminal)
		setpgid(ret->pid, ret->pid);
	close_child_end(q, &c);
	if (r < 0)
		init_process_fini(ret);
	return r < 0 ? err_sys(e, r, "no process for the command") : 0;
}

void init_process_fini(struct init_process *p)
{
	close_fd(&p->in);
	for (int i = 0; i < WIRE_STREAM_COUNT; i++)
		close_fd(&p->out[i]);
}
