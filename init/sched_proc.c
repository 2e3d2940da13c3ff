/* SPDX-License-Identifier: GPL-2.0-only */
/* The process of the scheduler under test, and what it prints. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/spawn.h"
#include "base/util.h"
#include "init/host.h"
#include "init/sched_private.h"

#define CHUNK (16u << 10)
/* So much is told as it comes; of the rest the end, for that is where the reason stands. */
#define LOG_MAX (256u << 10)
#define TAIL_MAX (16u << 10)
/* What a process can leave in its pipe. */
#define PIPE_MAX (1u << 20)

/* --- the process -------------------------------------------------------------- */

int sched_spawn(struct init_sched *s, const char *path, char *const *argv)
{
	struct spawn program = { .path = path, .argv = argv, .in = -1, .group = true };
	int fds[2];
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	program.out = program.err = fds[1];
	r = fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : spawn(&program, &s->proc.pid);
	close(fds[1]);
	close_fd(&s->output);
	s->output = fds[0];
	if (r < 0) {
		s->proc.pid = 0;
		close_fd(&s->output);
	}
	return r;
}

void sched_reset(const struct init_sched *s)
{
	_cleanup_close_ int fd = open(s->plan->sysrq, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "S", 1);
}

/* --- its log ------------------------------------------------------------------ */

static void hold(struct init_sched *s, const char *bytes, size_t n)
{
	struct buf *tail = &s->log_tail;

	buf_add(tail, bytes, n);
	if (!buf_ok(tail))
		return;
	if (tail->len > 2 * TAIL_MAX) {
		memmove(tail->data, tail->data + tail->len - TAIL_MAX, TAIL_MAX);
		tail->len = TAIL_MAX;
	}
}

/* One read; the bytes there were. */
static size_t take(struct init_sched *s)
{
	char bytes[CHUNK];
	ssize_t n;

	if (s->output < 0)
		return 0;
	n = read(s->output, bytes, sizeof(bytes));
	if (n == 0)
		close_fd(&s->output);
	if (n <= 0)
		return 0;
	s->log_bytes += (size_t)n;
	if (s->log_told < LOG_MAX) {
		s->host->send(s->host, WIRE_SCHED_LOG, bytes, (size_t)n, NULL, 0);
		s->log_told += (size_t)n;
	} else {
		hold(s, bytes, (size_t)n);
	}
	return (size_t)n;
}

void sched_log_take(struct init_sched *s)
{
	if (!s->host->busy)
		take(s);
}

void sched_log_finish(struct init_sched *s)
{
	const struct buf *tail = &s->log_tail;
	size_t n = 0, more, keep;
	char text[64];

	while (n < PIPE_MAX && (more = take(s)))
		n += more;
	close_fd(&s->output);
	if (!buf_ok(tail) || !tail->len)
		return;
	keep = MIN(tail->len, (size_t)TAIL_MAX);
	snprintf(text, sizeof(text), "\n[%zu bytes are left out here]\n",
		 s->log_bytes - s->log_told - keep);
	s->host->send(s->host, WIRE_SCHED_LOG, text, strlen(text),
		      tail->data + tail->len - keep, keep);
}
