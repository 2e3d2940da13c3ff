/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for the scheduler under test when nothing else is going on. */
#include "init/host.h"
#include "init/reap.h"
#include "init/sched.h"

static void turn(struct init_sched *s, int sigfd)
{
	enum { CHILD, HOST, SCHED, COUNT = SCHED + INIT_SCHED_POLLS };
	struct init_proc *const proc = &s->proc;
	struct pollfd p[COUNT] = {
		[CHILD] = { .fd = sigfd, .events = POLLIN },
		[HOST] = { .fd = -1 },
	};

	s->host->want(s->host, &p[HOST]);
	init_sched_want(s, &p[SCHED]);
	if (poll(p, COUNT, -1) < 0)
		return;
	if (p[HOST].revents)
		s->host->ready(s->host, p[HOST].revents);
	if (p[CHILD].revents) {
		init_reap_ack(sigfd);
		init_reap(&proc, 1);
	}
	init_sched_ready(s);
	if (s->host->stop && s->state == SCHED_STARTING)
		init_sched_stop(s);
}

void init_sched_settle(struct init_sched *s, int sigfd)
{
	while (init_sched_busy(s))
		turn(s, sigfd);
}

/* The host has something to do to the scheduler, and bounds the time for it. */
static void hold(struct init_sched *s, int sigfd)
{
	s->host->go = false;
	s->host->send(s->host, WIRE_HOLD, NULL, 0, NULL, 0);
	while (!s->host->go && !s->host->stop && s->state != SCHED_OFF)
		turn(s, sigfd);
}

bool init_sched_begin(struct init_sched *s, int sigfd)
{
	init_sched_start(s, "", s->plan->path, s->plan->argv);
	init_sched_settle(s, sigfd);
	if (s->plan->hold && s->state == SCHED_ATTACHED)
		hold(s, sigfd);
	return s->state == SCHED_ATTACHED;
}
