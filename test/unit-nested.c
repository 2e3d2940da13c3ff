/* SPDX-License-Identifier: GPL-2.0-only */
/* A nested run against a QEMU that is not one (test/fake-qemu.h). */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/nested.h"
#include "test/fake-qemu.h"
#include "test/tap.h"

#define SELF "/proc/self/exe"
#define INITRD "this is no initramfs"

/* --- the host ------------------------------------------------------------------- */

struct seen {
	struct ev_loop *loop;
	struct nested *n;
	struct buf out, err;
	char progress[64];
	unsigned done;
	int status;
	struct err why;
	int kill_at_output, signal_at_ready;
	unsigned left;			/* runs under way on this loop */
	unsigned *shared_left;
};

static void on_output(int fd, const void *bytes, size_t n, void *arg)
{
	struct seen *s = arg;
	struct buf *b = fd == STDOUT_FILENO ? &s->out : &s->err;

	if (b->len < 4096)
		buf_add(b, bytes, n);
	if (s->kill_at_output)
		nested_kill(s->n);
}

static void on_progress(const char *phase, void *arg)
{
	struct seen *s = arg;
	size_t at = strlen(s->progress);

	snprintf(s->progress + at, sizeof(s->progress) - at, "%s,", phase);
	if (s->signal_at_ready && !strcmp(phase, "inner ktstr"))
		nested_signal(s->n, s->signal_at_ready);
}

static void on_done(int status, const struct err *e, void *arg)
{
	struct seen *s = arg;

	s->done++;
	s->status = status;
	s->why = *e;
	nested_destroy(s->n);
	s->n = NULL;
	if (--*s->shared_left == 0)
		ev_break(s->loop, EVBREAK_ALL);
}

static void on_guard(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static const struct buf initrd = { .data = (uint8_t *)INITRD, .len = sizeof(INITRD) - 1 };

static int start(struct seen *s, const char *fake, struct nested_request *q)
{
	const struct nested_ops ops = {
		.on_output = on_output, .on_progress = on_progress, .on_done = on_done, .arg = s,
	};
	int r;

	if (!q->qemu)
		q->qemu = SELF;
	if (!q->outer_bzimage)
		q->outer_bzimage = SELF;
	q->initrd = &initrd;
	if (!q->memory_bytes)
		q->memory_bytes = 192 * MIB;
	setenv(FAKE_QEMU_PART, fake, 1);
	err_clear(&s->why);
	if (!s->loop)
		s->loop = ev_loop_new(EVFLAG_AUTO);
	s->shared_left = s->shared_left ? s->shared_left : &s->left;
	r = nested_start(s->loop, q, &ops, &s->n, &s->why);
	*s->shared_left += r == 0;
	unsetenv(FAKE_QEMU_PART);
	return r;
}

/* Until all runs of the loop are over; a guard keeps a failure from hanging. */
static void turn(struct seen *s, double seconds)
{
	ev_timer guard;

	ev_timer_init(&guard, on_guard, seconds, 0.);
	ev_timer_start(s->loop, &guard);
	ev_run(s->loop, 0);
	ev_timer_stop(s->loop, &guard);
}

static void seen_fini(struct seen *s)
{
	nested_destroy(s->n);
	if (s->loop)
		ev_loop_destroy(s->loop);
	buf_fini(&s->out);
	buf_fini(&s->err);
}

static const char *text(struct buf *b)
{
	buf_u8(b, 0);
	if (!buf_ok(b))
		return "";
	b->len--;
	return (const char *)b->data;
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static bool has_children(void)
{
	siginfo_t si;

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* A whole run of one fake. */
static void run(struct seen *s, const char *fake)
{
	struct nested_request q = { 0 };

	if (tap_ok(start(s, fake, &q) == 0, "%s", err_text(&s->why)))
		turn(s, 60.);
	tap_eq(s->done, 1);
}

/* --- cases ------------------------------------------------------------------------ */

static void the_status_and_the_output_of_the_inner_ktstr_come_back(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "normal");
	tap_eq(s.status, 3);
	tap_str(text(&s.out), "one two");
	tap_str(text(&s.err), "a notice");
	tap_str(s.progress, "outer kernel,inner ktstr,");
	tap_str(err_text(&s.why), "");
}

static void output_that_comes_byte_by_byte_is_the_same(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "single bytes");
	tap_eq(s.status, 3);
	tap_str(text(&s.out), "one two");
	tap_str(text(&s.err), "a notice");
}

static void qemu_gets_what_it_needs_and_nothing_else(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	int leak = open("/dev/null", O_RDONLY);		/* not close-on-exec */

	run(&s, "crowd");
	tap_eq(s.status, 0);
	tap_str(text(&s.out), "0 1 2 3 4 5 6 leader empty default outer 192M " INITRD ", sealed");
	close(leak);
	signal(SIGPIPE, before);
}

static void what_qemu_said_before_it_died_is_the_story(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "dies");
	tap_eq(s.status, -EIO);
	tap_str(err_text(&s.why), "QEMU ended with status 1: qemu: a first line; "
		"qemu: cannot set up guest memory");
}

static void a_signal_that_killed_qemu_is_named(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "dies by signal");
	tap_eq(s.status, -EIO);
	tap_str(err_text(&s.why), "QEMU was killed by SIGKILL");
}

static void a_panic_of_the_outer_kernel_is_the_story(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "panics");
	tap_eq(s.status, -EIO);
	tap_str(err_text(&s.why),
		"outer kernel: [    2.0] Kernel panic - not syncing: out of luck");
}

static void an_end_without_a_status_tells_the_last_lines(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "ends");
	tap_eq(s.status, -EIO);
	tap_ok(strstr(err_text(&s.why), "ended without a status: ") &&
	       strstr(err_text(&s.why), "line 3") &&
	       strstr(err_text(&s.why), "there is no /dev/kvm"), "%s", err_text(&s.why));
}

static void a_complaint_of_the_outer_kernel_comes_with_the_status(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "complains");
	tap_eq(s.status, 137);
	tap_str(err_text(&s.why), "outer kernel: Out of memory: Killed process 1 (ktstr)");
}

static void qemu_that_stays_after_the_status_is_ended(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	uint64_t start_ns = units_now_ns();

	run(&s, "stays");
	tap_eq(s.status, 4);
	tap_ok(units_now_ns() - start_ns >= 4 * NSEC_PER_SEC, "it was given time to power off");
	tap_ok(!has_children(), "nothing is left");
}

static void a_flood_does_not_grow_our_memory(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	run(&s, "floods");
	getrusage(RUSAGE_SELF, &after);
	tap_eq(s.status, 0);
	tap_str(text(&s.out), "still here");
	tap_ok(after.ru_maxrss - before.ru_maxrss < 6 << 10, "%ld KiB more",
	       after.ru_maxrss - before.ru_maxrss);
}

static void garbage_on_the_wire_does_not_hide_good_frames(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "garbage");
	tap_eq(s.status, 255);
	tap_str(text(&s.out), "abcd");
	tap_str(s.progress, "");
	tap_str(err_text(&s.why), "frames of the outer guest were lost or damaged");
}

static void signals_reach_the_inner_ktstr_also_those_from_before_it_ran(void)
{
	_cleanup_(seen_fini) struct seen s = { .signal_at_ready = SIGUSR1 };
	struct nested_request q = { 0 };

	if (!tap_ok(start(&s, "echoes", &q) == 0, "%s", err_text(&s.why)))
		return;
	nested_signal(s.n, SIGTERM);
	nested_signal(s.n, 0);
	nested_signal(s.n, 1 << 20);
	turn(&s, 20.);
	tap_eq(s.done, 1);
	tap_eq(s.status, 0);
	tap_str(text(&s.out), "signal 10 signal 15 ");
}

static void a_killed_run_is_over_and_says_so(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct nested_request q = { 0 };

	if (!tap_ok(start(&s, "hangs", &q) == 0, "%s", err_text(&s.why)))
		return;
	nested_kill(s.n);
	turn(&s, 20.);
	tap_eq(s.done, 1);
	tap_eq(s.status, -ECANCELED);
}

static void a_run_may_be_killed_while_it_gives_output(void)
{
	_cleanup_(seen_fini) struct seen s = { .kill_at_output = 1 };

	run(&s, "floods");
	tap_eq(s.status, -ECANCELED);
}

static void destroy_leaves_no_process_and_no_descriptor(void)
{
	struct seen s = { 0 };
	struct nested_request q = { 0 };
	unsigned before = open_fds();

	if (tap_ok(start(&s, "hangs", &q) == 0, "%s", err_text(&s.why)))
		tap_ok(has_children(), "it runs");
	seen_fini(&s);
	tap_eq(s.done, 0);
	tap_ok(!has_children(), "it is gone");
	tap_eq(open_fds(), before);
}

static void runs_share_a_loop(void)
{
	struct seen s[3] = { 0 };
	static const char *const fake[] = { "normal", "single bytes", "dies" };
	static const int status[] = { 3, 3, -EIO };
	unsigned left = 0;

	for (int i = 0; i < 3; i++) {
		struct nested_request q = { 0 };

		s[i].loop = s[0].loop;
		s[i].shared_left = &left;
		tap_eq(start(&s[i], fake[i], &q), 0);
	}
	turn(&s[0], 20.);
	for (int i = 2; i >= 0; i--) {
		tap_eq(s[i].done, 1);
		tap_eq(s[i].status, status[i]);
		if (i)
			s[i].loop = NULL;
		seen_fini(&s[i]);
	}
}

/* The library's pidfd_open(): it is given a child that had this time to end, where it could. */
static unsigned slow_ms;

int pidfd_open(pid_t pid, unsigned int flags)
{
	siginfo_t si;

	for (; slow_ms; slow_ms--) {
		if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
			break;
		poll(NULL, 0, 1);
	}
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static void an_embedding_program_may_reap_all_children(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);

	slow_ms = 200;
	run(&s, "normal");
	tap_eq(s.status, 3);
	signal(SIGCHLD, before);
}

static void a_missing_qemu_names_the_package(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct nested_request q = { .qemu = "qemu-system-x86_64" };
	char *path = strdup(getenv("PATH"));

	setenv("PATH", "/nonexistent", 1);
	tap_eq(start(&s, "normal", &q), -ENOENT);
	tap_str(err_text(&s.why),
		"qemu-system-x86_64: not found: install the package qemu-system-x86");
	setenv("PATH", path, 1);
	free(path);
	q.qemu = "/nonexistent/qemu";
	tap_eq(start(&s, "normal", &q), -ENOENT);
	tap_str(err_text(&s.why), "/nonexistent/qemu: No such file or directory");
}

static void qemu_is_found_in_the_search_path(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct nested_request q = { .qemu = "qemu-system-x86_64" };
	char dir[] = "/tmp/ktstr-unit-XXXXXX", file[64], path[128], self[4096] = "";
	char *saved = strdup(getenv("PATH"));

	if (!tap_ok(mkdtemp(dir) && readlink(SELF, self, sizeof(self) - 1) > 0, "set up"))
		return;
	snprintf(file, sizeof(file), "%s/qemu-system-x86_64", dir);
	snprintf(path, sizeof(path), "/nonexistent::%s:/usr/bin", dir);
	tap_eq(symlink(self, file), 0);
	setenv("PATH", path, 1);
	if (tap_ok(start(&s, "normal", &q) == 0, "%s", err_text(&s.why)))
		turn(&s, 20.);
	tap_eq(s.status, 3);
	setenv("PATH", saved, 1);
	free(saved);
	unlink(file);
	rmdir(dir);
}

static void a_qemu_that_is_no_program_is_named(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct nested_request q = { 0 };
	char file[] = "/tmp/ktstr-unit-XXXXXX";
	int fd = mkstemp(file);

	(void)!write(fd, "nonsense", 8);
	close(fd);
	q.qemu = file;
	tap_eq(start(&s, "normal", &q), -EACCES);
	tap_ok(strstr(err_text(&s.why), file), "%s", err_text(&s.why));
	chmod(file, 0700);
	if (tap_ok(start(&s, "normal", &q) == 0, "%s", err_text(&s.why)))
		turn(&s, 20.);
	tap_eq(s.status, -EIO);
	tap_ok(strstr(err_text(&s.why), file) && strstr(err_text(&s.why), "Exec format error"),
	       "%s", err_text(&s.why));
	unlink(file);
}

static void a_missing_outer_kernel_is_named(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct nested_request q = { .outer_bzimage = "/nonexistent/bzImage" };
	unsigned before = open_fds();

	tap_eq(start(&s, "normal", &q), -ENOENT);
	tap_str(err_text(&s.why),
		"outer kernel: open /nonexistent/bzImage: No such file or directory");
	ev_loop_destroy(s.loop);
	s.loop = NULL;
	tap_eq(open_fds(), before);
}

static void a_memory_that_cannot_hold_the_outer_guest_is_refused(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };
	struct nested_request q = { .memory_bytes = 16 * MIB };

	tap_eq(start(&s, "normal", &q), -EINVAL);
	tap_ok(strstr(err_text(&s.why), "16 MiB"), "%s", err_text(&s.why));
	tap_ok(!has_children(), "nothing was started");
}

static void an_end_without_a_word_tells_what_it_may_be(void)
{
	_cleanup_(seen_fini) struct seen s = { 0 };

	run(&s, "leaves");
	tap_eq(s.status, -EIO);
	tap_ok(strstr(err_text(&s.why), "too little memory"), "%s", err_text(&s.why));
}

/* A process that starts a run and is killed; the fake holds the FIFO open. */
static void qemu_dies_with_a_host_that_is_killed(void)
{
	char dir[] = "/tmp/ktstr-unit-XXXXXX", fifo[64], byte;
	struct pollfd p = { .events = POLLIN };
	pid_t host;

	if (!tap_ok(mkdtemp(dir), "set up"))
		return;
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	tap_eq(mkfifo(fifo, 0600), 0);
	setenv(FAKE_QEMU_FIFO, fifo, 1);
	p.fd = open(fifo, O_RDONLY | O_NONBLOCK);
	host = fork();
	if (host == 0) {
		struct seen s = { 0 };
		struct nested_request q = { 0 };

		if (start(&s, "hangs", &q) == 0)
			turn(&s, 60.);
		_exit(0);
	}
	if (tap_ok(poll(&p, 1, 20000) == 1 && read(p.fd, &byte, 1) == 1, "the fake runs")) {
		kill(host, SIGKILL);
		/* the last writer's end is all that wakes us */
		tap_ok(poll(&p, 1, 20000) == 1 && read(p.fd, &byte, 1) == 0, "the fake is gone");
	}
	waitpid(host, NULL, 0);
	unsetenv(FAKE_QEMU_FIFO);
	close(p.fd);
	unlink(fifo);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	const char *fake = getenv(FAKE_QEMU_PART);

	if (fake)
		return fake_qemu_main(fake, argc, argv);
	TAP_RUN(the_status_and_the_output_of_the_inner_ktstr_come_back);
	TAP_RUN(output_that_comes_byte_by_byte_is_the_same);
	TAP_RUN(qemu_gets_what_it_needs_and_nothing_else);
	TAP_RUN(what_qemu_said_before_it_died_is_the_story);
	TAP_RUN(a_signal_that_killed_qemu_is_named);
	TAP_RUN(a_panic_of_the_outer_kernel_is_the_story);
	TAP_RUN(an_end_without_a_status_tells_the_last_lines);
	TAP_RUN(a_complaint_of_the_outer_kernel_comes_with_the_status);
	TAP_RUN(qemu_that_stays_after_the_status_is_ended);
	TAP_RUN(a_flood_does_not_grow_our_memory);
	TAP_RUN(garbage_on_the_wire_does_not_hide_good_frames);
	TAP_RUN(signals_reach_the_inner_ktstr_also_those_from_before_it_ran);
	TAP_RUN(a_killed_run_is_over_and_says_so);
	TAP_RUN(a_run_may_be_killed_while_it_gives_output);
	TAP_RUN(destroy_leaves_no_process_and_no_descriptor);
	TAP_RUN(runs_share_a_loop);
	TAP_RUN(an_embedding_program_may_reap_all_children);
	TAP_RUN(a_missing_qemu_names_the_package);
	TAP_RUN(qemu_is_found_in_the_search_path);
	TAP_RUN(a_qemu_that_is_no_program_is_named);
	TAP_RUN(a_missing_outer_kernel_is_named);
	TAP_RUN(a_memory_that_cannot_hold_the_outer_guest_is_refused);
	TAP_RUN(an_end_without_a_word_tells_what_it_may_be);
	TAP_RUN(qemu_dies_with_a_host_that_is_killed);
	return tap_done();
}
