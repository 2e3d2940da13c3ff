/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers: processes that repeat a unit of work between a common start and a
 * stop, and measure themselves.
 *
 *   parent                              worker (n of them)
 *   fork all                            set up, write READY to its pipe
 *   wait for READY of each              read the start pipe (blocks)
 *   close the start pipe  ------------> end of file: go
 *   wait for BEGUN of each              one unit of work, write BEGUN
 *   wait for duration, stop or deaths   work, look at the clock and the CPU
 *   SIGUSR1  -------------------------> flag: no further unit
 *   read struct wire_worker, reap       write struct wire_worker, _exit(0)
 *
 * Each has a pipe of its own, so that its end of file tells of its death. The
 * duration counts from when all have begun: on an over-committed host a CPU of
 * the guest may not run for longer than a short duration, and that is no
 * starvation by the guest's scheduler.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/units.h"
#include "base/util.h"
#include "init/reap.h"
#include "init/test.h"
#include "ktstr/test.h"

#define READY_MS 10000		/* forked, but not at the start line */
#define BEGUN_MS 10000		/* started, but not one unit done: starved */
#define REPORT_MS 5000		/* stopped, but no report: one unit takes too long */
#define REPEAT_MS 100		/* the signal may come just before a unit begins to sleep */
#define SEEN_CPUS 4096

/* Written by the handler of a worker's own process. */
static volatile sig_atomic_t worker_stop;

static void on_sigusr1(int signo)
{
	(void)signo;
	worker_stop = 1;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/*
 * "<ns on CPU> <ns waiting> <times>", Documentation/scheduler/sched-stats.rst.
 * Three zeros: the kernel does not count.
 */
static uint64_t run_delay_ns(void)
{
	_cleanup_close_ int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	unsigned long long cpu, delay;
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return UINT64_MAX;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &cpu, &delay) != 2 || (!cpu && !delay))
		return UINT64_MAX;
	return delay;
}

/* --- in the worker -------------------------------------------------------- */

struct cpus_seen {
	uint64_t bits[SEEN_CPUS / 64];
	int last;
};

static void see_cpu(struct cpus_seen *seen, struct wire_worker *w)
{
	int cpu = sched_getcpu();

	if (cpu == seen->last || cpu < 0 || cpu >= SEEN_CPUS)
		return;
	if (seen->last >= 0)
		w->migrations++;
	if (!(seen->bits[cpu / 64] >> (cpu % 64) & 1))
		w->cpus_seen++;
	seen->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
	seen->last = cpu;
}

static void work_until_stopped(struct wire_worker *w, int report, ktstr_work_fn *work, void *arg)
{
	struct cpus_seen seen = { .last = -1 };
	uint64_t start, last, now, cpu, delay;

	delay = run_delay_ns();
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	start = last = clock_ns(CLOCK_MONOTONIC);
	see_cpu(&seen, w);
	while (!worker_stop) {
		work(arg);
		if (!w->work_units++ && write(report, "B", 1) != 1)
			_exit(1);
		now = clock_ns(CLOCK_MONOTONIC);
		if (now - last > w->max_gap_ns)
			w->max_gap_ns = now - last;
		last = now;
		see_cpu(&seen, w);
	}
	if (!w->work_units && write(report, "B", 1) != 1)	/* what follows is the report */
		_exit(1);
	w->wall_ns = clock_ns(CLOCK_MONOTONIC) - start;
	w->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	w->run_delay_ns = run_delay_ns();
	if (w->run_delay_ns != UINT64_MAX && delay != UINT64_MAX)
		w->run_delay_ns -= delay;
}

static _Noreturn void worker_main(unsigned id, int start, int report, ktstr_work_fn *work,
				  void *arg)
{
	/* no SA_RESTART: a unit that sleeps in the kernel shall end */
	const struct sigaction sa = { .sa_handler = on_sigusr1 };
	struct wire_worker w = { .id = id, .pid = (uint32_t)getpid() };
	sigset_t usr1;
	char c = 0;
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_stop = 0;
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	if (write(report, &c, 1) != 1)
		_exit(1);
	do	/* a stop that comes before the start counts as well */
		n = read(start, &c, 1);
	while (n < 0 && errno == EINTR);
	work_until_stopped(&w, report, work, arg);
	_exit(write(report, &w, sizeof(w)) == sizeof(w) ? 0 : 1);
}

/* --- in the parent -------------------------------------------------------- */

struct worker {
	pid_t pid;
	int fd;			/* -1: it is over */
	bool ready;
	bool begun;
	bool reported;
	int status;
	struct wire_worker w;
};

struct crew {
	struct worker *worker;
	struct pollfd *poll;	/* one for each, and one for the test's socket */
	unsigned n;		/* forked */
	int start;		/* write end; -1: started */
	int sock;
};

static void worker_over(struct worker *k)
{
	close_fd(&k->fd);
	while (waitpid(k->pid, &k->status, 0) < 0 && errno == EINTR)
		;
}

static void on_readable(struct worker *k)
{
	char c;
	ssize_t n;

	if (!k->ready) {
		n = read(k->fd, &c, 1);
		k->ready = n == 1;
	} else if (!k->begun) {
		n = read(k->fd, &c, 1);
		k->begun = n == 1;
	} else {
		n = read(k->fd, &k->w, sizeof(k->w));
		k->reported = n == sizeof(k->w);
	}
	/* a report is the last that comes; anything else is its end as well */
	if (n <= 0 || k->reported)
		worker_over(k);
}

static bool all_over(const struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->worker[i].fd >= 0)
			return false;
	return true;
}

static bool all_ready(const struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->worker[i].fd >= 0 && !c->worker[i].ready)
			return false;
	return true;
}

static bool all_begun(const struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->worker[i].fd >= 0 && !c->worker[i].begun)
			return false;
	return true;
}

/* Serve the pipes until done says so, the time is over or the test shall stop. */
static void serve(struct crew *c, unsigned ms, bool (*done)(const struct crew *c))
{
	uint64_t end = units_now_ns() + ms * NSEC_PER_MSEC;

	while (!done(c)) {
		uint64_t now = units_now_ns();
		struct timespec left;

		if (now >= end)
			return;
		left.tv_sec = (time_t)((end - now) / NSEC_PER_SEC);
		left.tv_nsec = (long)((end - now) % NSEC_PER_SEC);
		for (unsigned i = 0; i < c->n; i++)
			c->poll[i] = (struct pollfd){ .fd = c->worker[i].fd, .events = POLLIN };
		c->poll[c->n] = (struct pollfd){ .fd = c->sock, .events = POLLIN };
		if (ppoll(c->poll, c->n + 1, &left, NULL) <= 0)
			continue;
		for (unsigned i = 0; i < c->n; i++)
			if (c->poll[i].revents)
				on_readable(&c->worker[i]);
		if (c->poll[c->n].revents)	/* WIRE_STOP is never read, see init/test.h */
			return;
	}
}

static int fork_worker(struct crew *c, int start_read, ktstr_work_fn *work, void *arg)
{
	struct worker *k = &c->worker[c->n];
	int fds[2];

	*k = (struct worker){ .fd = -1 };
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	k->pid = fork();
	if (k->pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (k->pid == 0) {
		close(c->start);
		worker_main(c->n, start_read, fds[1], work, arg);
	}
	close(fds[1]);
	k->fd = fds[0];
	c->n++;
	return 0;
}

/* Ask with SIGUSR1, again and again, then insist. */
static void stop_crew(struct crew *c)
{
	c->sock = -1;	/* has been heard */
	for (unsigned ms = 0; ms < REPORT_MS && !all_over(c); ms += REPEAT_MS) {
		for (unsigned i = 0; i < c->n; i++)
			if (c->worker[i].fd >= 0)
				kill(c->worker[i].pid, SIGUSR1);
		serve(c, REPEAT_MS, all_over);
	}
	for (unsigned i = 0; i < c->n; i++) {
		if (c->worker[i].fd < 0)
			continue;
		kill(c->worker[i].pid, SIGKILL);
		worker_over(&c->worker[i]);
	}
}

static int run_crew(struct crew *c, unsigned n, unsigned duration_ms, ktstr_work_fn *work,
		    void *arg)
{
	int start[2], r = 0;
	sigset_t usr1, old;

	if (pipe2(start, O_CLOEXEC) < 0)
		return -errno;
	c->start = start[1];
	fflush(NULL);	/* or each worker may print what we had buffered */
	/* a worker opens up to the signal when its handler is there */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &old);
	while (r == 0 && c->n < n)
		r = fork_worker(c, start[0], work, arg);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(start[0]);
	if (r == 0)
		serve(c, READY_MS, all_ready);
	close_fd(&c->start);
	if (r == 0) {
		serve(c, BEGUN_MS, all_begun);
		serve(c, duration_ms, all_over);
	}
	stop_crew(c);
	return r;
}

static void tell(struct ktstr_t *t, const struct worker *k, struct ktstr_report *ret)
{
	char name[16];

	*ret = (struct ktstr_report){ .reported = k->reported };
	if (k->reported) {
		ret->work_units = k->w.work_units;
		ret->cpu_ns = k->w.cpu_ns;
		ret->wall_ns = k->w.wall_ns;
		ret->run_delay_ns = k->w.run_delay_ns;
		ret->max_gap_ns = k->w.max_gap_ns;
		ret->migrations = k->w.migrations;
		ret->cpus_seen = k->w.cpus_seen;
		(void)init_packet_send(t->sock, WIRE_WORKER, &k->w, sizeof(k->w), NULL, 0);
		return;
	}
	ret->status = k->status;
	if (WIFSIGNALED(k->status)) {
		init_signal_name(WTERMSIG(k->status), name);
		ktstr_note(t, "worker process %d died of %s", (int)k->pid, name);
	} else {
		ktstr_note(t, "worker process %d exited with status %d and no report",
			   (int)k->pid, WEXITSTATUS(k->status));
	}
}

int ktstr_run_workers(struct ktstr_t *t, unsigned n, unsigned duration_ms,
		      ktstr_work_fn *work, void *arg, struct ktstr_report *reports)
{
	_cleanup_free_ struct worker *worker = calloc(MAX(n, 1u), sizeof(*worker));
	_cleanup_free_ struct pollfd *polls = calloc((size_t)n + 1, sizeof(*polls));
	struct crew c = { .worker = worker, .poll = polls, .start = -1, .sock = t->sock };
	int r;

	if (!worker || !polls)
		return -ENOMEM;
	r = run_crew(&c, n, duration_ms, work, arg);
	for (unsigned i = 0; r == 0 && i < n; i++)
		tell(t, &worker[i], &reports[i]);
	return r;
}

void ktstr_work_spin(void *arg)
{
	/* a chain that the compiler must not shorten: each step is read back */
	uint64_t sum = (uintptr_t)arg;

	for (unsigned i = 0; i < 1024; i++) {
		sum += i;
		__asm__ volatile("" : "+r"(sum));
	}
}
