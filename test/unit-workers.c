/* SPDX-License-Identifier: GPL-2.0-only */
/* Workers: forked, started together, stopped, and what they report. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "base/util.h"
#include "init/test.h"
#include "ktstr/test.h"
#include "test/tap.h"

#define WORKERS_MAX 4

static const struct ktstr_test test = { .size = sizeof(test), .name = "workers" };
static struct init_shared shared;
static struct ktstr_report report[WORKERS_MAX];

/* What was said on the socket by ktstr_run_workers(). */
struct said {
	unsigned workers, notes;
	char note[INIT_TEXT_MAX + 1];
};

static void read_said(int sock, struct said *ret)
{
	uint8_t packet[INIT_PACKET_MAX + 1];
	struct wire_detail d;
	const char *text;
	struct frame f;
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	while ((n = recv(sock, packet, INIT_PACKET_MAX, MSG_DONTWAIT)) > 0) {
		packet[n] = '\0';
		if (!tap_ok(init_packet_parse(packet, (size_t)n, &f), "no frame of %zd bytes", n))
			continue;
		ret->workers += f.type == WIRE_WORKER;
		if (f.type == WIRE_DETAIL && frame_get_detail(&f, &d, &text)) {
			ret->notes++;
			snprintf(ret->note, sizeof(ret->note), "%s", text);
		}
	}
}

/* Run n workers; with stop, the test has been asked to stop before. */
static uint64_t run(unsigned n, unsigned ms, ktstr_work_fn *work, void *arg, bool stop,
		    struct said *said)
{
	struct ktstr_t t = { .test = &test, .shared = &shared, .cpus = 1 };
	uint64_t start = units_now_ns();
	int sock[2];

	tap_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
	t.sock = sock[1];
	if (stop)
		tap_eq(init_packet_send(sock[0], WIRE_STOP, NULL, 0, NULL, 0), 0);
	memset(report, 0x55, sizeof(report));
	tap_eq(ktstr_run_workers(&t, n, ms, work, arg, report), 0);
	read_said(sock[0], said);
	close(sock[0]);
	close(sock[1]);
	tap_ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "workers are left");
	return units_now_ns() - start;
}

static void each_of_one_to_four_workers_makes_progress(void)
{
	for (unsigned n = 1; n <= WORKERS_MAX; n++) {
		struct said said;

		run(n, 100, ktstr_work_spin, NULL, false, &said);
		tap_eq(said.workers, n);
		tap_eq(said.notes, 0);
		for (unsigned i = 0; i < n; i++) {
			const struct ktstr_report *r = &report[i];

			tap_ok(r->reported, "worker %u of %u did not report", i, n);
			tap_ok(r->work_units > 0, "worker %u did nothing", i);
			tap_ok(r->cpu_ns > 0 && r->cpu_ns <= r->wall_ns + 20 * NSEC_PER_MSEC,
			       "%llu ns of CPU in %llu ns", (unsigned long long)r->cpu_ns,
			       (unsigned long long)r->wall_ns);
			tap_ok(r->max_gap_ns > 0 && r->max_gap_ns <= r->wall_ns, "gap %llu ns",
			       (unsigned long long)r->max_gap_ns);
			tap_ok(r->cpus_seen >= 1 && r->cpus_seen <= r->migrations + 1,
			       "%llu CPUs by %llu migrations", (unsigned long long)r->cpus_seen,
			       (unsigned long long)r->migrations);
		}
	}
}

/* A page that the workers of one run share with us. */
struct shared_page {
	_Atomic unsigned calls;
	_Atomic unsigned late;		/* units that began before the last fork */
	_Atomic unsigned forks;
};

static struct shared_page *new_page(void)
{
	void *p = mmap(NULL, sizeof(struct shared_page), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void count_call(void *arg)
{
	((struct shared_page *)arg)->calls++;
	ktstr_work_spin(NULL);
}

static void units_are_calls_of_the_work_function(void)
{
	struct shared_page *p = new_page();
	struct said said;

	run(2, 30, count_call, p, false, &said);
	tap_eq(report[0].work_units + report[1].work_units, p->calls);
	munmap(p, sizeof(*p));
}

/* The first worker that comes dies, whatever its number is. */
static void one_dies(void *arg)
{
	struct shared_page *p = arg;

	if (p->calls++ == 0)
		raise(SIGKILL);
	ktstr_work_spin(NULL);
}

static void one_exits(void *arg)
{
	struct shared_page *p = arg;

	if (p->calls++ == 0)
		_exit(9);
	ktstr_work_spin(NULL);
}

static const struct ktstr_report *the_dead_one(unsigned n)
{
	const struct ktstr_report *dead = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (report[i].reported)
			continue;
		tap_ok(!dead, "more than one died");
		dead = &report[i];
	}
	tap_ok(dead, "none died");
	return dead;
}

static void a_worker_that_dies_is_reported_so(void)
{
	struct shared_page *p = new_page();
	const struct ktstr_report *dead;
	struct said said;

	run(3, 200, one_dies, p, false, &said);
	dead = the_dead_one(3);
	tap_ok(dead && WIFSIGNALED(dead->status) && WTERMSIG(dead->status) == SIGKILL,
	       "wait status 0x%x", dead ? dead->status : 0);
	tap_eq(said.workers, 2);
	tap_ok(strstr(said.note, "died of SIGKILL"), "%s", said.note);
	p->calls = 0;
	run(2, 200, one_exits, p, false, &said);
	dead = the_dead_one(2);
	tap_ok(dead && WIFEXITED(dead->status) && WEXITSTATUS(dead->status) == 9,
	       "wait status 0x%x", dead ? dead->status : 0);
	tap_ok(strstr(said.note, "status 9"), "%s", said.note);
	munmap(p, sizeof(*p));
}

static void dies(void *arg)
{
	(void)arg;
	raise(SIGKILL);
}

static void when_all_have_died_nobody_waits(void)
{
	struct said said;
	uint64_t ns = run(2, 60000, dies, NULL, false, &said);

	tap_ok(ns < 20 * NSEC_PER_SEC, "took %llu ns", (unsigned long long)ns);
	tap_ok(!report[0].reported && !report[1].reported, "the dead reported");
	tap_eq(said.notes, 2);
}

static void a_stop_ends_the_run_before_its_time(void)
{
	struct said said;
	uint64_t ns = run(2, 60000, ktstr_work_spin, NULL, true, &said);

	tap_ok(ns < 20 * NSEC_PER_SEC, "took %llu ns", (unsigned long long)ns);
	tap_ok(report[0].reported && report[1].reported, "no report");
	tap_eq(said.workers, 2);
}

/* Sleeps in the kernel; only a signal gets it out. */
static void waits(void *arg)
{
	(void)arg;
	poll(NULL, 0, -1);
}

static void a_unit_that_sleeps_is_interrupted_by_the_stop(void)
{
	struct said said;

	run(2, 100, waits, NULL, false, &said);
	for (unsigned i = 0; i < 2; i++) {
		tap_ok(report[i].reported, "no report");
		/* none where the stop came first, which a loaded machine may bring about */
		tap_ok(report[i].work_units <= 1, "%llu units",
		       (unsigned long long)report[i].work_units);
	}
}

static struct shared_page *forks_page;

static void after_fork(void)
{
	if (forks_page)
		forks_page->forks++;
}

static void note_forks(void *arg)
{
	struct shared_page *p = arg;

	p->calls++;
	p->late += p->forks != WORKERS_MAX;
}

static void no_worker_begins_before_all_are_forked(void)
{
	struct said said;

	forks_page = new_page();
	tap_eq(pthread_atfork(NULL, after_fork, NULL), 0);
	run(WORKERS_MAX, 40, note_forks, forks_page, false, &said);
	tap_eq(forks_page->forks, WORKERS_MAX);
	tap_ok(forks_page->calls > 0, "nobody worked");
	tap_eq(forks_page->late, 0);
	munmap(forks_page, sizeof(*forks_page));
	forks_page = NULL;
}

static void no_workers_are_no_error(void)
{
	struct said said;

	run(0, 10, ktstr_work_spin, NULL, false, &said);
	tap_eq(said.workers, 0);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void nothing_is_left_open(void)
{
	unsigned before = count_fds();
	struct said said;

	run(3, 10, ktstr_work_spin, NULL, false, &said);
	tap_eq(count_fds(), before);
}

int main(void)
{
	TAP_RUN(each_of_one_to_four_workers_makes_progress);
	TAP_RUN(units_are_calls_of_the_work_function);
	TAP_RUN(a_worker_that_dies_is_reported_so);
	TAP_RUN(when_all_have_died_nobody_waits);
	TAP_RUN(a_stop_ends_the_run_before_its_time);
	TAP_RUN(a_unit_that_sleeps_is_interrupted_by_the_stop);
	TAP_RUN(no_worker_begins_before_all_are_forked);
	TAP_RUN(no_workers_are_no_error);
	TAP_RUN(nothing_is_left_open);
	return tap_done();
}
