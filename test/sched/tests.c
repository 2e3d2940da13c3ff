/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests for vm-sched.sh: what a test can do with schedulers, and what becomes
 * of one whose scheduler goes wrong. Those that wait are to be killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ktstr/test.h"

static void check_start(struct ktstr_t *t, int r, int want)
{
	ktstr_check(t, r == want, "start: %s, not %s", r ? strerror(-r) : "ok",
		    want ? strerror(-want) : "ok");
}

static void wait_for_the_end(struct ktstr_t *t, int started)
{
	check_start(t, started, 0);
	while (!started)
		pause();
}

/* Started, and then: work for it, so that it is called. */
static void work_until_the_end(struct ktstr_t *t, int started)
{
	struct ktstr_report w[2] = { 0 };

	check_start(t, started, 0);
	while (!started)
		if (ktstr_run_workers(t, 2, 200, ktstr_work_spin, NULL, w) < 0)
			break;
}

KTSTR_TEST(staged_works, .tags = "manual")
{
	struct ktstr_report w[2] = { 0 };

	ktstr_check(t, !ktstr_scheduler_is_attached(t), "one is attached already");
	check_start(t, ktstr_scheduler_start(t, "fixture", "work", NULL), 0);
	ktstr_check(t, ktstr_scheduler_is_attached(t), "it is not attached");
	check_start(t, ktstr_scheduler_start(t, "fixture", NULL), -EBUSY);
	ktstr_run_workers(t, 2, 200, ktstr_work_spin, NULL, w);
	for (int i = 0; i < 2; i++)
		ktstr_check(t, w[i].reported && w[i].work_units, "worker %d did nothing", i);
	ktstr_check(t, ktstr_scheduler_stop(t) == 0, "stop");
	ktstr_check(t, !ktstr_scheduler_is_attached(t), "it is still attached");
	ktstr_check(t, ktstr_scheduler_stop(t) == 0, "stop of none");
}

KTSTR_TEST(staged_fails_to_start, .tags = "manual")
{
	check_start(t, ktstr_scheduler_start(t, "nobody", NULL), -ENOENT);
	check_start(t, ktstr_scheduler_start(t, "../scheduler", NULL), -ENOENT);
	check_start(t, ktstr_scheduler_start(t, NULL, NULL), -ENOENT);
	check_start(t, ktstr_scheduler_start(t, "broken", NULL), -ENOEXEC);
	check_start(t, ktstr_scheduler_start(t, "fixture", "die", "3", NULL), -ECHILD);
	check_start(t, ktstr_scheduler_start(t, "fixture", "init-fails", NULL), -ECHILD);
	ktstr_check(t, !ktstr_scheduler_is_attached(t), "one is attached");
}

KTSTR_TEST(staged_is_deaf, .tags = "manual")
{
	check_start(t, ktstr_scheduler_start(t, "fixture", "--deaf", "work", NULL), 0);
	ktstr_check(t, ktstr_scheduler_stop(t) == 0, "stop");
	ktstr_check(t, !ktstr_scheduler_is_attached(t), "it is still attached");
}

KTSTR_TEST(staged_is_left, .tags = "manual")
{
	check_start(t, ktstr_scheduler_start(t, "fixture", "--chatter", "work", NULL), 0);
}

KTSTR_TEST(staged_errors, .tags = "manual")
{
	work_until_the_end(t, ktstr_scheduler_start(t, "fixture", "error", "100", "as I was told",
						    NULL));
}

KTSTR_TEST(staged_stalls, .tags = "manual")
{
	work_until_the_end(t, ktstr_scheduler_start(t, "fixture", "stall", "100", NULL));
}

KTSTR_TEST(staged_stays, .tags = "manual")
{
	work_until_the_end(t, ktstr_scheduler_start(t, "fixture", "--stay", "stall", NULL));
}

/* A task that wants to run and may not. It sleeps first: one that wakes is asked for. */
static pid_t fork_forgotten(void)
{
	const struct timespec ts = { .tv_nsec = 1000000 };
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NAME, "forgotten");
		nanosleep(&ts, NULL);
		for (;;)
			;
	}
	return pid;
}

/* Until its scheduler is thrown out. */
static void be_forgotten(struct ktstr_t *t, int started)
{
	pid_t pid;

	check_start(t, started, 0);
	pid = fork_forgotten();
	while (!started && pid > 0)
		pause();
}

KTSTR_TEST(staged_forgets, .tags = "manual")
{
	be_forgotten(t, ktstr_scheduler_start(t, "fixture", "stall", "0", "forgotten", NULL));
}

KTSTR_TEST(staged_hoards, .tags = "manual")
{
	be_forgotten(t, ktstr_scheduler_start(t, "fixture", "hoard", "0", "forgotten", NULL));
}

/* By its name, as from a shell: PID 1 tells nobody which process it is. */
static void kill_scheduler(struct ktstr_t *t)
{
	glob_t g;
	pid_t pid = 0;

	if (glob("/proc/[0-9]*/comm", 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc && !pid; i++) {
			FILE *f = fopen(g.gl_pathv[i], "re");
			char comm[16] = "";

			if (f && fscanf(f, "%15s", comm) == 1 && !strcmp(comm, "scheduler"))
				pid = (pid_t)strtol(g.gl_pathv[i] + strlen("/proc/"), NULL, 10);
			if (f)
				fclose(f);
		}
		globfree(&g);
	}
	ktstr_check(t, pid && kill(pid, SIGKILL) == 0, "the scheduler's process was not found");
}

/* Before half the watchdog's time is over: nothing has named the task by then. */
static void be_forgotten_and_kill_it(struct ktstr_t *t, int started)
{
	const struct timespec ts = { .tv_nsec = 800000000L };

	check_start(t, started, 0);
	if (started || fork_forgotten() < 0)
		return;
	nanosleep(&ts, NULL);
	kill_scheduler(t);
	for (;;)
		pause();
}

KTSTR_TEST(staged_is_killed, .tags = "manual")
{
	be_forgotten_and_kill_it(t, ktstr_scheduler_start(t, "fixture", "stall", "0", "forgotten",
							  NULL));
}

/* Under the scheduler of --scheduler, too. */
KTSTR_TEST(kills_it, .tags = "manual")
{
	be_forgotten_and_kill_it(t, 0);
}

/* Under the scheduler of --scheduler. */
KTSTR_TEST(is_forgotten, .tags = "manual")
{
	be_forgotten(t, 0);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The host stops the guest for longer, as vm-dump.sh has it. */
KTSTR_TEST(sees_no_pause, .tags = "manual")
{
	const double before = now_s();
	int r = ktstr_dump(t, "as I wished");
	const double took = now_s() - before;

	ktstr_check(t, r == 0, "ktstr_dump: %s", strerror(-r));
	ktstr_check(t, took < 2.5, "it took %.3f s", took);
	ktstr_note(t, "it took %.3f s", took);
}

KTSTR_TEST(staged_bad_dsq, .tags = "manual")
{
	work_until_the_end(t, ktstr_scheduler_start(t, "fixture", "bad-dsq", "100", NULL));
}

KTSTR_TEST(staged_bad_cpu, .tags = "manual")
{
	work_until_the_end(t, ktstr_scheduler_start(t, "fixture", "bad-cpu", "100", NULL));
}

KTSTR_TEST(staged_exits, .tags = "manual")
{
	wait_for_the_end(t, ktstr_scheduler_start(t, "fixture", "exit", "100", NULL));
}

KTSTR_TEST(staged_crashes, .tags = "manual")
{
	wait_for_the_end(t, ktstr_scheduler_start(t, "fixture", "crash", "100", NULL));
}

KTSTR_TEST(staged_without_link, .tags = "manual")
{
	wait_for_the_end(t, ktstr_scheduler_start(t, "fixture", "--no-link", "crash", "100", NULL));
}

/* --- with one under test ------------------------------------------------------- */

KTSTR_TEST(finds_it_attached, .tags = "manual")
{
	ktstr_check(t, ktstr_scheduler_is_attached(t), "it is not attached");
}

KTSTR_TEST(switches, .tags = "manual")
{
	check_start(t, ktstr_scheduler_start(t, "fixture", NULL), -EBUSY);
	ktstr_check(t, ktstr_scheduler_stop(t) == 0, "stop");
	ktstr_check(t, !ktstr_scheduler_is_attached(t), "it is still attached");
	check_start(t, ktstr_scheduler_start(t, "fixture", "work", NULL), 0);
	ktstr_check(t, ktstr_scheduler_stop(t) == 0, "stop of the staged one");
	check_start(t, ktstr_scheduler_start(t, NULL, NULL), 0);
	ktstr_check(t, ktstr_scheduler_stop(t) == 0, "stop of the first one");
}

KTSTR_TEST(finds_it_enabled, .tags = "manual")
{
	char text[16] = "";
	int fd = open("/tmp/enabled", O_RDONLY | O_CLOEXEC);

	ktstr_check(t, fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strcmp(text, "yes\n"),
		    "--sched-enable wrote \"%s\"", text);
	if (fd >= 0)
		close(fd);
}

/* Claims to pass as soon as its scheduler is gone; it must not be believed. */
KTSTR_TEST(outlives_it, .tags = "manual")
{
	struct ktstr_report w[2] = { 0 };

	while (ktstr_scheduler_is_attached(t))
		if (ktstr_run_workers(t, 2, 50, ktstr_work_spin, NULL, w) < 0)
			break;
}

KTSTR_MAIN
