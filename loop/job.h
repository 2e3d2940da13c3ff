/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_JOB_H
#define KTSTR_LOOP_JOB_H
/*
 * Long host work on a helper thread, so that the loop keeps turning: work()
 * runs there and must not touch the loop; done() is called from the loop when
 * it has returned. Thread: control.
 */
struct err;
struct ev_loop;
struct job;

/* loop may be NULL, and done then too: for a job inside a job, which destroys it. */
int job_start(struct ev_loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
	      struct job **ret, struct err *e);

/*
 * Waits for work() to return; done() is not called if it was not yet. May be
 * called from done(). Accepts NULL.
 */
void job_destroy(struct job *job);

#endif
