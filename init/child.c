/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process of one test. It is PID 1's image after a fork, so it first lets
 * go of everything that is PID 1's: descriptors, blocked signals, the ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "init/host.h"
#include "init/test.h"
#include "ktstr/test.h"

/* Close everything from 3 up but keep. */
static void close_others(int keep)
{
	if ((keep == 3 || close_range(3, (unsigned)keep - 1, 0) == 0) &&
	    close_range((unsigned)keep + 1, ~0u, 0) == 0)
		return;
	for (int fd = 3; fd < 1024; fd++)	/* kernels before 5.9 */
		if (fd != keep)
			close(fd);
}

static void let_go(struct init_host *host, int sock, int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	/* PID 1 does not die before us, but a supervisor in a unit test may */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	host->forked(host);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	close_others(sock);
	/* what was printed before a crash shall be seen */
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static _Noreturn void run(const struct init_child *c, int sock)
{
	struct ktstr_t t = {
		.test = c->test, .shared = c->shared, .topology = c->topology, .sock = sock,
		.cpus = c->cpus,
	};
	struct wire_result done = { .verdict = WIRE_PASS };

	c->test->run(&t);
	fflush(NULL);
	/* what this test amounts to is PID 1's to say: it has seen all details */
	(void)init_packet_send(sock, WIRE_RESULT, &done, sizeof(done), NULL, 0);
	_exit(0);
}

int init_child_start(struct init_child *c, struct init_host *host)
{
	int sock[2] = { -1, -1 }, output[2] = { -1, -1 };
	int r = 0;

	c->pid = -1;
	c->sock = c->output = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0 ||
	    pipe2(output, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0 && (fcntl(sock[0], F_SETFL, O_NONBLOCK) < 0 ||
		       fcntl(output[0], F_SETFL, O_NONBLOCK) < 0))
		r = -errno;
	if (r == 0) {
		fflush(NULL);	/* or the child prints what we had buffered, again */
		c->pid = fork();
		if (c->pid < 0)
			r = -errno;
	}
	if (c->pid == 0) {
		let_go(host, sock[1], output[1]);
		run(c, sock[1]);
	}
	if (c->pid > 0)
		setpgid(c->pid, c->pid);	/* whoever is first; the other one fails */
	close_fd(&sock[1]);
	close_fd(&output[1]);
	c->sock = sock[0];
	c->output = output[0];
	if (r < 0)
		init_child_fini(c);
	return r;
}

void init_child_fini(struct init_child *c)
{
	close_fd(&c->sock);
	close_fd(&c->output);
}
