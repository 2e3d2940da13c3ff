/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The supervisor of tests, run as an ordinary process: a list in place of the
 * host, real children in place of the guest's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/host.h"
#include "init/machine.h"
#include "init/supervise.h"
#include "init/test.h"
#include "ktstr/test.h"
#include "test/tap.h"

/* --- a host that remembers ------------------------------------------------ */

#define SEEN_MAX 256

struct seen {
	enum wire_type type;
	enum wire_verdict verdict;	/* DETAIL, RESULT */
	uint64_t duration_ns;		/* RESULT */
	char name[WIRE_NAME_MAX];	/* of the test, kind of the detail */
	char text[INIT_TEXT_MAX + 1];	/* DETAIL, LOG; the signal of a CRASH */
};

struct fake_host {
	struct init_host host;
	struct seen *seen;
	unsigned count;
	size_t output;
	unsigned settled;
	unsigned turns;		/* of being busy, one for each output */
	unsigned slept;		/* ms, after a stop */
	int stop_fd;		/* readable: the host asks to stop */
};

static void fake_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		      const void *payload2, size_t len2)
{
	struct fake_host *fake = container_of(h, struct fake_host, host);
	uint8_t all[sizeof(struct wire_detail) + INIT_TEXT_MAX + 1] = { 0 };
	const struct frame f = { .type = type, .length = (uint32_t)(len + len2), .payload = all };
	struct seen *s = &fake->seen[MIN(fake->count, SEEN_MAX - 1u)];
	struct wire_result result;
	struct wire_detail detail;
	struct wire_crash crash;
	struct wire_name name;
	const char *text = "";

	tap_ok(len + len2 < sizeof(all), "%zu bytes in a frame", len + len2);
	fake->count++;
	memcpy(all, payload, len);
	if (len2)
		memcpy(all + len, payload2, len2);
	*s = (struct seen){ .type = type };
	if (type == WIRE_DETAIL && frame_get_detail(&f, &detail, &text)) {
		s->verdict = detail.verdict;
		memcpy(s->name, detail.kind, sizeof(detail.kind));
	} else if (type == WIRE_RESULT && frame_get_result(&f, &result)) {
		s->verdict = result.verdict;
		s->duration_ns = result.duration_ns;
		memcpy(s->name, result.name, sizeof(s->name));
	} else if (type == WIRE_CRASH && frame_get_crash(&f, &crash, &text)) {
		memcpy(s->name, crash.name, sizeof(s->name));
		text = crash.signal_name;
	} else if (type == WIRE_TEST_START && frame_get_start(&f, &name, &text)) {
		memcpy(s->name, name.name, sizeof(s->name));
	} else if (type == WIRE_LOG) {
		text = (const char *)all;
	}
	snprintf(s->text, sizeof(s->text), "%s", text);
}

/* Busy after each output, until it has been asked what it waits for. */
static void fake_output(struct init_host *h, const void *bytes, size_t n)
{
	struct fake_host *fake = container_of(h, struct fake_host, host);

	(void)bytes;
	fake->output += n;
	fake->turns++;
	h->busy = true;
}

static void fake_want(struct init_host *h, struct pollfd *ret)
{
	struct fake_host *fake = container_of(h, struct fake_host, host);

	/* a slow host: by now a test that heard of the stop is gone */
	if (h->stop && !fake->slept)
		poll(NULL, 0, (int)(fake->slept = 100));
	/* stdout's place: always writable, so that the end of busy comes as an event */
	*ret = (struct pollfd){ .fd = fake->stop_fd, .events = POLLIN };
	if (h->busy)
		*ret = (struct pollfd){ .fd = STDOUT_FILENO, .events = POLLOUT };
}

static void fake_ready(struct init_host *h, short revents)
{
	struct fake_host *fake = container_of(h, struct fake_host, host);
	uint64_t ticks;

	(void)revents;
	if (h->busy)
		h->busy = false;
	else if (read(fake->stop_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
		h->stop = true;
}

static void fake_settle(struct init_host *h)
{
	container_of(h, struct fake_host, host)->settled++;
}

static void fake_forked(struct init_host *h)
{
	(void)h;
}

static struct fake_host host;
static int code;

static const struct init_machine two_cpus = {
	.cpus = 2, .numa_nodes = 1, .llcs = 1, .cores = 2, .threads = 1, .memory_kib = 500000,
};

/* Run these tests; stop_ms after the start the host asks to stop (0: never). */
static void supervise(const struct ktstr_test *const *tests, size_t n, const char *names,
		      unsigned stop_ms)
{
	const struct itimerspec its = { .it_value.tv_nsec = stop_ms * 1000000L };
	const struct init_plan plan = {
		.tests = tests, .count = n, .names = names, .machine = &two_cpus,
		.stop_grace_ms = 300, .kmsg_fd = -1,
	};
	struct err e = ERR_INIT;

	free(host.seen);
	host = (struct fake_host){
		.host = {
			.send = fake_send, .output = fake_output, .want = fake_want,
			.ready = fake_ready, .settle = fake_settle, .forked = fake_forked,
		},
		.seen = calloc(SEEN_MAX, sizeof(struct seen)),
		.stop_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
	};
	timerfd_settime(host.stop_fd, 0, &its, NULL);
	code = init_supervise(&plan, &host.host, &e);
	close_fd(&host.stop_fd);
	tap_ok(code >= 0, "%s", err_text(&e));
	tap_ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "children are left");
}

/* The tests named, in this order, by their C names. */
#define RUN(...)									\
	supervise((const struct ktstr_test *const[]){ __VA_ARGS__ },			\
		  ARRAY_SIZE(((const struct ktstr_test *const[]){ __VA_ARGS__ })), NULL, 0)
#define T(id) &ktstr_test_##id

static const struct seen *find(enum wire_type type, const char *name)
{
	for (unsigned i = 0; i < MIN(host.count, SEEN_MAX); i++)
		if (host.seen[i].type == type && (!name || !strcmp(host.seen[i].name, name)))
			return &host.seen[i];
	return NULL;
}

static void has_result(const char *name, enum wire_verdict v)
{
	const struct seen *s = find(WIRE_RESULT, name);

	tap_ok(s, "no result of %s", name);
	if (s)
		tap_str(wire_verdict_name(s->verdict), wire_verdict_name(v));
}

static void has_detail(const char *kind, const char *part)
{
	const struct seen *s = find(WIRE_DETAIL, kind);

	tap_ok(s, "no detail %s", kind);
	if (s)
		tap_ok(strstr(s->text, part), "\"%s\" has no \"%s\"", s->text, part);
}

/* --- tests that are supervised -------------------------------------------- */

KTSTR_TEST(quiet)
{
	(void)t;
}

KTSTR_TEST(by_name, .tags = "slow, manual")
{
	(void)t;
}

KTSTR_TEST(checks)
{
	bool yes = ktstr_check(t, true, "is not said"), no = ktstr_check(t, false, "saw %d", 42);

	if (yes && !no)
		ktstr_note(t, "went on");
}

KTSTR_TEST(skips)
{
	ktstr_skip(t, "no reason");
	ktstr_note(t, "and more");
}

KTSTR_TEST(cannot_tell)
{
	ktstr_skip(t, "first");
	ktstr_inconclusive(t, "then");
}

KTSTR_TEST(segfaults)
{
	(void)t;
	signal(SIGSEGV, SIG_DFL);	/* a sanitizer's handler would exit */
	raise(SIGSEGV);
}

KTSTR_TEST(hangs, .timeout_ms = 200)
{
	(void)t;
	for (;;)
		pause();
}

/* Out of its group and deaf to what can be ignored. */
KTSTR_TEST(hangs_hard, .timeout_ms = 200)
{
	(void)t;
	setpgid(0, getpgid(getppid()));
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

KTSTR_TEST(leaves_early)
{
	(void)t;
	exit(3);
}

KTSTR_TEST(forks)
{
	pid_t pid = fork();

	if (pid == 0) {
		ktstr_fail(t, "Child", "said by a child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

KTSTR_TEST(leaves_processes)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (i == 1)
				setsid();
			if (i == 2 && fork())	/* the grandchild becomes an orphan */
				_exit(0);
			ktstr_note(t, "pid %d", (int)getpid());
			for (;;)
				pause();
		}
	}
	while (waitpid(-1, NULL, WNOHANG) == 0)
		;	/* until the third is gone; its child is on its own */
}

KTSTR_TEST(listens, .timeout_ms = 20000)
{
	while (!ktstr_stopping(t)) {
		struct pollfd p = { .fd = t->sock, .events = POLLIN };

		poll(&p, 1, -1);
	}
	ktstr_note(t, "heard it");
}

KTSTR_TEST(does_not_listen, .timeout_ms = 20000)
{
	(void)t;
	for (;;)
		pause();
}

#define PRINTED 300000

KTSTR_TEST(prints)
{
	(void)t;
	for (int i = 0; i < PRINTED / 10; i++)
		fputs("123456789\n", i % 2 ? stdout : stderr);
}

KTSTR_TEST(dies_printing)
{
	(void)t;
	printf("a line before the end\n");
	raise(SIGKILL);
}

KTSTR_TEST(fails_talking)
{
	for (unsigned i = 0; i < 1000; i++)
		printf("line %u of many\n", i);
	ktstr_fail(t, "Told", "as told");
}

KTSTR_TEST(talks_nonsense)
{
	static const char text[200] = "nonsense";
	const struct wire_detail odd = { .verdict = 77 };

	send(t->sock, text, sizeof(text), 0);
	send(t->sock, text, 1, 0);
	init_packet_send(t->sock, WIRE_EXIT, text, 8, NULL, 0);
	init_packet_send(t->sock, WIRE_DETAIL, text, 4, NULL, 0);
	init_packet_send(t->sock, WIRE_DETAIL, &odd, sizeof(odd), NULL, 0);
	init_packet_send(t->sock, WIRE_WORKER, text, 8, NULL, 0);
}

KTSTR_TEST(says_much)
{
	char text[3 * INIT_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ktstr_note(t, "%s", text);
}

KTSTR_TEST(wants_four, .cores = 2, .threads = 2)
{
	(void)t;
}

KTSTR_TEST(wants_nodes, .numa_nodes = 2)
{
	(void)t;
}

KTSTR_TEST(looks_around, .duration_ms = 70)
{
	ktstr_check(t, ktstr_cpus(t) == 2, "%u CPUs", ktstr_cpus(t));
	ktstr_check(t, ktstr_duration_ms(t) == 70, "%u ms", ktstr_duration_ms(t));
	ktstr_check(t, getpgrp() == getpid(), "not in a group of its own");
	ktstr_check(t, !ktstr_stopping(t), "stops already");
	ktstr_check(t, read(STDIN_FILENO, &(char){ 0 }, 1) == 0, "stdin has something");
	for (int fd = 3; fd < 64; fd++)
		if (fd != t->sock)
			ktstr_check(t, fcntl(fd, F_GETFD) < 0, "descriptor %d is open", fd);
}

/* --- what shall be true --------------------------------------------------- */

static void a_test_that_says_nothing_passes(void)
{
	RUN(T(quiet));
	tap_eq(code, INIT_EXIT_PASS);
	tap_eq(host.count, 2);
	tap_eq(host.seen[0].type, WIRE_TEST_START);
	tap_str(host.seen[0].name, "quiet");
	has_result("quiet", WIRE_PASS);
}

static void a_failed_check_fails_the_test_and_lets_it_go_on(void)
{
	RUN(T(checks));
	tap_eq(code, INIT_EXIT_FAIL);
	tap_eq(host.count, 4);
	has_detail("Check", "saw 42");
	has_detail("Note", "went on");
	has_result("checks", WIRE_FAIL);
}

static void a_test_can_skip_or_say_that_it_cannot_tell(void)
{
	RUN(T(skips));
	tap_eq(code, INIT_EXIT_SKIP);
	has_result("skips", WIRE_SKIP);
	RUN(T(quiet), T(cannot_tell), T(skips));
	tap_eq(code, INIT_EXIT_INCONCLUSIVE);
	has_result("cannot_tell", WIRE_INCONCLUSIVE);
	RUN(T(skips), T(quiet));
	tap_eq(code, INIT_EXIT_PASS);
	RUN(T(cannot_tell), T(checks), T(quiet));
	tap_eq(code, INIT_EXIT_FAIL);
}

static void a_crash_names_its_signal(void)
{
	const struct seen *s;

	RUN(T(segfaults), T(quiet));
	s = find(WIRE_CRASH, "segfaults");
	tap_ok(s, "no crash frame");
	if (s)
		tap_str(s->text, "SIGSEGV");
	has_result("segfaults", WIRE_FAIL);
	has_result("quiet", WIRE_PASS);
	tap_eq(code, INIT_EXIT_FAIL);
}

static void a_test_that_outlives_its_budget_is_killed(void)
{
	const struct seen *s;

	RUN(T(hangs), T(hangs_hard), T(quiet));
	has_detail("Timeout", "its budget is 0.2 s; killed (");
	has_result("hangs", WIRE_FAIL);
	has_result("hangs_hard", WIRE_FAIL);
	has_result("quiet", WIRE_PASS);
	s = find(WIRE_RESULT, "hangs");
	tap_ok(s && s->duration_ns >= 200 * NSEC_PER_MSEC, "killed too early");
}

static void an_exit_without_a_result_fails_with_its_status(void)
{
	RUN(T(leaves_early));
	has_detail("NoResult", "status 3");
	has_result("leaves_early", WIRE_FAIL);
}

static void what_a_child_of_a_test_says_counts(void)
{
	RUN(T(forks));
	has_detail("Child", "said by a child");
	has_result("forks", WIRE_FAIL);
}

static void processes_that_a_test_leaves_behind_are_gone(void)
{
	unsigned pids = 0;

	RUN(T(leaves_processes));
	has_result("leaves_processes", WIRE_PASS);
	for (unsigned i = 0; i < host.count; i++) {
		int pid;

		if (host.seen[i].type != WIRE_DETAIL ||
		    sscanf(host.seen[i].text, "pid %d", &pid) != 1)
			continue;
		pids++;
		tap_ok(kill(pid, 0) < 0 && errno == ESRCH, "process %d lives", pid);
	}
	/* killed before they spoke is fine, too */
	tap_ok(pids <= 3, "%u pids", pids);
}

static void a_stop_lets_the_test_end_and_skips_the_rest(void)
{
	const struct ktstr_test *const tests[] = { T(listens), T(quiet) };

	supervise(tests, ARRAY_SIZE(tests), NULL, 100);
	has_detail("Note", "heard it");
	has_result("listens", WIRE_PASS);
	has_detail("Stopped", "before it began");
	has_result("quiet", WIRE_SKIP);
	tap_eq(code, INIT_EXIT_PASS);
}

static void a_test_that_ignores_a_stop_is_killed_after_the_grace(void)
{
	const struct ktstr_test *const tests[] = { T(does_not_listen) };
	uint64_t start = units_now_ns();

	supervise(tests, ARRAY_SIZE(tests), NULL, 100);
	has_detail("Stopped", "killed");
	has_result("does_not_listen", WIRE_INCONCLUSIVE);
	tap_eq(code, INIT_EXIT_INCONCLUSIVE);
	tap_ok(units_now_ns() - start >= 400 * NSEC_PER_MSEC, "no grace was given");
}

static void output_reaches_the_host_at_the_hosts_pace(void)
{
	RUN(T(prints));
	tap_eq(host.output, PRINTED);
	tap_ok(host.turns > 10, "%u outputs", host.turns);
	has_result("prints", WIRE_PASS);
	RUN(T(dies_printing));
	tap_eq(host.output, strlen("a line before the end\n"));
	tap_eq(host.settled, 1);
}

static void the_last_lines_of_a_test_that_fails_come_with_its_result(void)
{
	unsigned lines = 0;

	RUN(T(fails_talking));
	for (unsigned i = 0; i < host.count; i++)
		lines += !strcmp(host.seen[i].name, "Output");
	tap_eq(lines, 20);
	has_detail("Output", "line 980 of many");
}

static void nonsense_on_the_socket_is_not_passed_on(void)
{
	unsigned logs = 0;

	RUN(T(talks_nonsense));
	for (unsigned i = 0; i < host.count; i++)
		logs += host.seen[i].type == WIRE_LOG;
	tap_eq(logs, 6);
	tap_eq(host.count, 6 + 2);
	has_result("talks_nonsense", WIRE_PASS);
}

static void a_text_that_is_too_long_is_cut(void)
{
	RUN(T(says_much));
	has_detail("Note", "xxx");
	tap_eq(strlen(find(WIRE_DETAIL, "Note")->text), INIT_TEXT_MAX - 1);
}

static void a_machine_that_is_too_small_skips_with_the_numbers(void)
{
	RUN(T(wants_four), T(wants_nodes));
	tap_eq(code, INIT_EXIT_SKIP);
	has_result("wants_four", WIRE_SKIP);
	has_detail("Requirement", "needs 4 CPUs, the guest has 2");
	RUN(T(wants_nodes));
	has_detail("Requirement", "needs 2 NUMA nodes, the guest has 1");
}

static void a_test_finds_a_clean_process(void)
{
	RUN(T(looks_around));
	has_result("looks_around", WIRE_PASS);
	for (unsigned i = 0; i < host.count; i++)
		if (host.seen[i].type == WIRE_DETAIL)
			tap_ok(false, "%s", host.seen[i].text);
}

static void tests_are_chosen_by_name_in_the_order_given(void)
{
	const struct ktstr_test *const tests[] = { T(quiet), T(by_name), T(skips) };

	supervise(tests, ARRAY_SIZE(tests), "by_name\n\n  quiet \r\n", 0);
	tap_eq(host.count, 4);
	tap_str(host.seen[0].name, "by_name");
	tap_str(host.seen[2].name, "quiet");
	supervise(tests, ARRAY_SIZE(tests), "\n \n", 0);
	tap_ok(!find(WIRE_RESULT, "by_name"), "a manual test ran without being named");
	has_result("quiet", WIRE_PASS);
	has_result("skips", WIRE_SKIP);
	supervise(tests, ARRAY_SIZE(tests), "quiet\nnone_such", 0);
	has_detail("NoSuchTest", "\"none_such\"");
	has_result("none_such", WIRE_FAIL);
	tap_eq(code, INIT_EXIT_FAIL);
	supervise(tests, 0, NULL, 0);
	tap_eq(host.count, 0);
	tap_eq(code, INIT_EXIT_SKIP);
}

int main(void)
{
	/* before the first use; a test's process has it that way, too */
	setvbuf(stdout, NULL, _IOLBF, 0);
	TAP_RUN(a_test_that_says_nothing_passes);
	TAP_RUN(a_failed_check_fails_the_test_and_lets_it_go_on);
	TAP_RUN(a_test_can_skip_or_say_that_it_cannot_tell);
	TAP_RUN(a_crash_names_its_signal);
	TAP_RUN(a_test_that_outlives_its_budget_is_killed);
	TAP_RUN(an_exit_without_a_result_fails_with_its_status);
	TAP_RUN(what_a_child_of_a_test_says_counts);
	TAP_RUN(processes_that_a_test_leaves_behind_are_gone);
	TAP_RUN(a_stop_lets_the_test_end_and_skips_the_rest);
	TAP_RUN(a_test_that_ignores_a_stop_is_killed_after_the_grace);
	TAP_RUN(output_reaches_the_host_at_the_hosts_pace);
	TAP_RUN(the_last_lines_of_a_test_that_fails_come_with_its_result);
	TAP_RUN(nonsense_on_the_socket_is_not_passed_on);
	TAP_RUN(a_text_that_is_too_long_is_cut);
	TAP_RUN(a_machine_that_is_too_small_skips_with_the_numbers);
	TAP_RUN(a_test_finds_a_clean_process);
	TAP_RUN(tests_are_chosen_by_name_in_the_order_given);
	free(host.seen);
	return tap_done();
}
