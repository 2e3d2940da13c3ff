/* SPDX-License-Identifier: GPL-2.0-only */
/* One test after the other: start, watch, clean up, judge. */
#include "init/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/guest.h"
#include "init/host.h"
#include "init/reap.h"
#include "init/select.h"
#include "init/supervise_private.h"
#include "init/test.h"
#include "ktstr/test.h"

#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_GRACE_MS 3000
#define KILL_MS 5000		/* how long the dead may take to die */
#define PACKETS_AT_ONCE 64
#define PIPE_MAX (1u << 20)

static void arm(struct supervisor *s, unsigned ms)
{
	struct itimerspec its = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
	};

	timerfd_settime(s->timerfd, 0, &its, NULL);
}

/* --- the life of a test --------------------------------------------------- */

static void on_stop(struct supervisor *s, struct running *r)
{
	unsigned grace = s->plan->stop_grace_ms ? s->plan->stop_grace_ms : DEFAULT_GRACE_MS;
	uint64_t gone_ms = (units_now_ns() - r->start_ns) / NSEC_PER_MSEC;

	r->stopping = true;
	atomic_store(&s->shared->stop, true);
	/* when its queue is full it will find the flag */
	(void)init_packet_send(r->child.sock, WIRE_STOP, NULL, 0, NULL, 0);
	if (r->fate == FATE_RUNS && gone_ms + grace < r->budget_ms)
		arm(s, grace);
}

static void on_timer(struct supervisor *s, struct running *r)
{
	uint64_t ticks;

	if (read(s->timerfd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	if (r->fate != FATE_RUNS) {
		r->undead = r->proc.exited = true;
		return;
	}
	r->fate = r->stopping ? FATE_STOPPED : FATE_TIMEOUT;
	init_reap_describe(r->child.pid, r->doing, sizeof(r->doing));
	kill(r->child.pid, SIGKILL);	/* clean_up() finds the others */
	arm(s, KILL_MS);
}

/* A test without its scheduler measures something else. */
static void on_sched_lost(struct supervisor *s, struct running *r)
{
	if (r->fate != FATE_RUNS)
		return;
	r->fate = FATE_SCHEDULER;
	snprintf(r->lost, sizeof(r->lost), "%s%s%s%s", s->sched.staged,
		 s->sched.staged[0] ? ": " : "", s->sched.end == WIRE_SCHED_EJECTED ?
		 "ejected by the kernel: " : "its process ", s->sched.why);
	if (r->proc.exited)
		return;
	kill(r->child.pid, SIGKILL);
	arm(s, KILL_MS);
}

static void watch(struct supervisor *s, struct running *r)
{
	enum { CHILD, TIMER, FRAMES, OUTPUT, HOST, SCHED, COUNT = SCHED + INIT_SCHED_POLLS };

	while (!r->proc.exited) {
		bool busy = s->host->busy;
		struct pollfd p[COUNT] = {
			[CHILD] = { .fd = s->sigfd, .events = POLLIN },
			[TIMER] = { .fd = s->timerfd, .events = POLLIN },
			[FRAMES] = { .fd = busy ? -1 : r->child.sock, .events = POLLIN },
			[OUTPUT] = { .fd = busy ? -1 : r->child.output, .events = POLLIN },
			[HOST] = { .fd = -1 },
		};

		if (s->host->stop && !r->stopping)
			on_stop(s, r);
		s->host->want(s->host, &p[HOST]);
		init_sched_want(&s->sched, &p[SCHED]);
		if (poll(p, COUNT, -1) < 0)
			continue;
		if (p[HOST].revents)
			s->host->ready(s->host, p[HOST].revents);
		if (p[FRAMES].revents)
			supervise_take_packets(s, r, PACKETS_AT_ONCE);
		if (p[OUTPUT].revents)
			supervise_take_output(s, r);
		if (p[CHILD].revents) {
			init_reap_ack(s->sigfd);
			init_reap((struct init_proc *const[]){ &r->proc, &s->sched.proc }, 2);
		}
		supervise_sched_ready(s);
		if (init_sched_lost(&s->sched))
			on_sched_lost(s, r);
		if (p[TIMER].revents && !r->proc.exited)
			on_timer(s, r);
	}
}

/* Nothing of a test may reach into the next one. */
static void clean_up(struct supervisor *s, struct running *r)
{
	unsigned left = init_reap_rest(s->sigfd, &s->sched.proc, KILL_MS);
	size_t n = 0, more;

	arm(s, 0);
	while (supervise_take_packets(s, r, PACKETS_AT_ONCE))
		;
	while (n < PIPE_MAX && (more = supervise_take_output(s, r)))
		n += more;
	init_child_fini(&r->child);
	supervise_sched_look(s);
	if (init_sched_lost(&s->sched))
		on_sched_lost(s, r);
	supervise_sched_restore(s);
	supervise_dump_restore(s);
	s->host->settle(s->host);
	if (left)
		init_log(s->host, "%u processes of test %s could not be killed", left,
			 r->child.test->name);
}

/* --- what became of it ---------------------------------------------------- */

static void report_crash(struct supervisor *s, const struct running *r)
{
	struct wire_crash c = { .signal = (uint32_t)WTERMSIG(r->proc.status),
				.pid = (uint32_t)r->child.pid };
	char text[512] = "";

	snprintf(c.name, sizeof(c.name), "%s", r->child.test->name);
	init_signal_name(WTERMSIG(r->proc.status), c.signal_name);
	init_kmsg_find(s->plan->kmsg_fd, r->child.pid, text, sizeof(text));
	s->host->send(s->host, WIRE_CRASH, &c, sizeof(c), text, strlen(text));
}

/* The worst of what it said and how it ended. */
static enum wire_verdict judge(struct supervisor *s, const struct running *r, uint64_t ns)
{
	const char *doing = r->doing[0] ? r->doing : "state unknown";
	double seconds = (double)ns / (double)NSEC_PER_SEC;

	if (r->fate == FATE_SCHEDULER) {
		init_detail(s->host, WIRE_FAIL, "Scheduler", "%s", r->lost);
		return WIRE_FAIL;
	}
	if (r->fate == FATE_TIMEOUT) {
		init_detail(s->host, WIRE_FAIL, "Timeout",
			    "no end after %.1f s, its budget is %.1f s; killed%s (%s)", seconds,
			    r->budget_ms / 1000.0, r->undead ? ", but did not die" : "", doing);
		return WIRE_FAIL;
	}
	if (r->fate == FATE_STOPPED) {
		init_detail(s->host, WIRE_INCONCLUSIVE, "Stopped",
			    "asked to stop, did not, killed after %.1f s (%s)", seconds, doing);
		return supervise_worse(r->verdict, WIRE_INCONCLUSIVE);
	}
	if (WIFSIGNALED(r->proc.status)) {
		report_crash(s, r);
		return WIRE_FAIL;
	}
	if (!r->finished || WEXITSTATUS(r->proc.status)) {
		init_detail(s->host, WIRE_FAIL, "NoResult",
			    "the test's process exited with status %d before the test ended",
			    WEXITSTATUS(r->proc.status));
		return WIRE_FAIL;
	}
	return r->verdict;
}

static void send_result(struct supervisor *s, const char *name, enum wire_verdict v, uint64_t ns)
{
	struct wire_result result = { .verdict = v, .duration_ns = ns };

	snprintf(result.name, sizeof(result.name), "%s", name);
	s->host->send(s->host, WIRE_RESULT, &result, sizeof(result), NULL, 0);
	s->verdicts[v]++;
}

/* --- one test ------------------------------------------------------------- */

static enum wire_verdict run_test(struct supervisor *s, const struct ktstr_test *t,
				  uint64_t *ret_ns)
{
	struct running r = {
		.child = {
			.test = t, .shared = s->shared, .topology = s->plan->topology,
			.cpus = s->plan->machine->cpus,
		},
		.budget_ms = t->timeout_ms ? t->timeout_ms : DEFAULT_TIMEOUT_MS,
	};
	enum wire_verdict v;
	int err;

	init_kmsg_skip(s->plan->kmsg_fd);
	r.start_ns = units_now_ns();
	err = init_child_start(&r.child, s->host);
	if (err < 0) {
		init_detail(s->host, WIRE_INCONCLUSIVE, "NotStarted", "no process for it: %s",
			    strerrordesc_np(-err));
		return WIRE_INCONCLUSIVE;
	}
	r.proc.pid = r.child.pid;
	arm(s, r.budget_ms);
	watch(s, &r);
	*ret_ns = units_now_ns() - r.start_ns;
	clean_up(s, &r);
	v = judge(s, &r, *ret_ns);
	if (v == WIRE_FAIL || v == WIRE_INCONCLUSIVE)
		supervise_tell_output(s, &r);
	return v;
}

static void on_choice(const char *name, const struct ktstr_test *t, void *arg)
{
	struct supervisor *s = arg;
	struct wire_name start = { 0 };
	enum wire_verdict v;
	const char *rules;
	char reason[160];
	uint64_t ns = 0;

	snprintf(start.name, sizeof(start.name), "%s", name);
	rules = t && t->rules ? t->rules : "";
	s->host->send(s->host, WIRE_TEST_START, &start, sizeof(start), rules, strlen(rules));
	if (!t) {
		init_detail(s->host, v = WIRE_FAIL, "NoSuchTest", "no test \"%s\" in this program",
			    name);
	} else if (s->host->stop) {
		init_detail(s->host, v = WIRE_SKIP, "Stopped",
			    "the host asked to stop before it began");
	} else if (s->sched_failed) {
		init_detail(s->host, v = WIRE_SKIP, "Scheduler",
			    "not run: the scheduler under test is gone");
	} else if (init_machine_lacks(s->plan->machine, t, reason, sizeof(reason))) {
		init_detail(s->host, v = WIRE_SKIP, "Requirement", "%s", reason);
	} else {
		v = run_test(s, t, &ns);
	}
	send_result(s, name, v, ns);
}

static int exit_code(const struct supervisor *s)
{
	if (s->verdicts[WIRE_FAIL])
		return INIT_EXIT_FAIL;
	if (s->verdicts[WIRE_INCONCLUSIVE])
		return INIT_EXIT_INCONCLUSIVE;
	return s->verdicts[WIRE_PASS] ? INIT_EXIT_PASS : INIT_EXIT_SKIP;
}

static void supervisor_fini(struct supervisor *s)
{
	close_fd(&s->sigfd);
	close_fd(&s->timerfd);
	init_sched_fini(&s->sched);
	if (s->shared)
		munmap(s->shared, sizeof(*s->shared));
	free(s->packet);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

static int supervisor_init(struct supervisor *s, struct err *e)
{
	sigset_t mask;
	void *page;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &s->old_mask);
	/* PID 1 gets orphans anyway; in a unit test this makes it so */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s->sigfd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->sigfd < 0)
		return err_sys(e, -errno, "signalfd");
	s->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->timerfd < 0)
		return err_sys(e, -errno, "timerfd");
	if (s->plan->sched && init_sched_init(&s->sched, s->plan->sched, s->host) < 0)
		return err_sys(e, -errno, "timerfd");
	s->packet = malloc(INIT_PACKET_MAX + 1);
	page = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (page != MAP_FAILED)
		s->shared = page;
	if (!s->packet || !s->shared)
		return err_sys(e, -ENOMEM, "test supervisor");
	return 0;
}

int init_supervise(const struct init_plan *plan, struct init_host *host, struct err *e)
{
	struct supervisor s = {
		.plan = plan, .host = host, .sigfd = -1, .timerfd = -1,
		.sched = { .host = host, .timer = -1, .output = -1 },
	};
	int r = supervisor_init(&s, e);

	host->on_frame = supervise_on_frame;
	host->frame_arg = &s;
	if (r == 0 && !supervise_sched_begin(&s))
		r = INIT_EXIT_FAIL;
	if (r == 0)
		r = init_select(plan->tests, plan->count, plan->names, on_choice, &s);
	if (r == 0)
		r = exit_code(&s);
	supervise_sched_finish(&s);
	host->on_frame = NULL;
	supervisor_fini(&s);
	return r;
}
