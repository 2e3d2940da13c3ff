/* SPDX-License-Identifier: GPL-2.0-only */
/* A helper thread for one piece of work, and the event that brings it back. */
#include "loop/job.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/err.h"
#include "base/util.h"

struct job {
	struct ev_loop *loop;
	ev_io finished;
	int fd;			/* eventfd: the thread writes it last */
	pthread_t thread;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void *job_thread(void *arg)
{
	struct job *job = arg;
	const uint64_t one = 1;

	job->work(job->arg);
	/* an eventfd with count 0 takes a write of 1 */
	(void)!write(job->fd, &one, sizeof(one));
	return NULL;
}

static void on_finished(struct ev_loop *loop, ev_io *w, int revents)
{
	struct job *job = container_of(w, struct job, finished);

	(void)revents;
	ev_io_stop(loop, w);
	job->done(job->arg);
}

/* Signals belong to the embedding program's threads: none may land here. */
static int spawn(struct job *job)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&job->thread, NULL, job_thread, job);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int job_start(struct ev_loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
	      struct job **ret, struct err *e)
{
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return err_sys(e, -ENOMEM, "job");
	*job = (struct job){ .loop = loop, .work = work, .done = done, .arg = arg };
	job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->fd < 0) {
		r = err_sys(e, -errno, "job: eventfd");
		free(job);
		return r;
	}
	r = spawn(job);
	if (r < 0) {
		close_fd(&job->fd);
		free(job);
		return err_sys(e, r, "job: start a thread");
	}
	ev_io_init(&job->finished, on_finished, job->fd, EV_READ);
	if (loop)
		ev_io_start(loop, &job->finished);
	*ret = job;
	return 0;
}

void job_destroy(struct job *job)
{
	if (!job)
		return;
	if (job->loop)
		ev_io_stop(job->loop, &job->finished);
	pthread_join(job->thread, NULL);
	close_fd(&job->fd);
	free(job);
}
