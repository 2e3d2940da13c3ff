/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler under test as PID 1 sees it: real processes, and in place of
 * the kernel a folder, a queue of uevents and a log that the cases write.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "base/util.h"
#include "init/host.h"
#include "init/sched.h"
#include "init/scx.h"
#include "init/supervise_private.h"
#include "test/tap.h"
#include "test/tmp.h"

#define TOO_LONG_NS (30 * NSEC_PER_SEC)
#define EVENTS_MAX 8
#define CHATTER 600000

/* --- the scheduler's process: this program once more --------------------------- */

static void on_int(int sig)
{
	(void)sig;
	_exit(7);
}

static int be_scheduler(char **argv)
{
	if (!strcmp(argv[1], "die"))
		return 3;
	if (!strcmp(argv[1], "crash")) {
		signal(SIGSEGV, SIG_DFL);	/* a sanitizer's handler would exit */
		raise(SIGSEGV);
	}
	if (!strcmp(argv[1], "chatter"))
		for (int i = 0; i < CHATTER / 10; i++)
			printf("%9d\n", i);
	fflush(stdout);
	signal(SIGINT, strcmp(argv[1], "deaf") ? on_int : SIG_IGN);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

/* --- a host that remembers, a kernel that obeys --------------------------------- */

struct told {
	struct wire_sched w;
	char text[400];
};

static struct {
	struct init_host host;
	struct init_sched sched;
	struct init_sched_plan plan;
	struct told told[EVENTS_MAX];
	unsigned count;
	struct buf log;
	int stays;			/* the last word of it; -1: none */
	int kernel_events, kernel_log;	/* the kernel's ends */
	int sigfd;
	char dir[TMP_DIR_MAX], sysrq[80];
} x;

static void fake_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		      const void *payload2, size_t len2)
{
	struct told *t = &x.told[MIN(x.count, EVENTS_MAX - 1u)];

	(void)h;
	if (type == WIRE_SCHED_LOG) {
		buf_add(&x.log, payload, len);
		buf_add(&x.log, payload2, len2);
	}
	if (type == WIRE_SCHED_STAYS)
		x.stays = ((const struct wire_exit *)payload)->code;
	if (type != WIRE_SCHED)
		return;
	tap_eq(len, sizeof(t->w));
	memcpy(&t->w, payload, sizeof(t->w));
	snprintf(t->text, sizeof(t->text), "%.*s", (int)len2, (const char *)payload2);
	x.count++;
}

static void put(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", x.dir, name);
	tap_eq(file_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void uevent(const char *action, const char *path, const char *ops)
{
	char msg[256];
	int n = snprintf(msg, sizeof(msg), "%s@%s%cACTION=%s%cSCXOPS=%s%c", action, path, 0, action,
			 0, ops, 0);

	tap_eq(send(x.kernel_events, msg, (size_t)n, 0), n);
}

static void kernel_says(const char *text)
{
	char record[300];
	int n = snprintf(record, sizeof(record), "3,77,1000,-;%s\n SUBSYSTEM=x\n", text);

	tap_eq(send(x.kernel_log, record, (size_t)n, 0), n);
}

static void kernel_attaches(const char *ops)
{
	char line[200];

	snprintf(line, sizeof(line), "sched_ext: BPF scheduler \"%s\" enabled", ops);
	kernel_says(line);
	put("state", "enabled\n");
	uevent("add", "/kernel/sched_ext/root", ops);
}

static void kernel_removes(const char *reason)
{
	char line[200];

	snprintf(line, sizeof(line), "sched_ext: BPF scheduler \"s\" disabled (%s)", reason);
	kernel_says(line);
	put("state", "disabled\n");
	uevent("remove", "/kernel/sched_ext/root", "s");
}

static void turn(void)
{
	struct init_proc *const proc = &x.sched.proc;
	struct pollfd p[1 + INIT_SCHED_POLLS] = { { .fd = x.sigfd, .events = POLLIN } };

	init_sched_want(&x.sched, &p[1]);
	poll(p, ARRAY_SIZE(p), 1000);
	init_reap_ack(x.sigfd);
	init_reap(&proc, 1);
	init_sched_ready(&x.sched);
}

static void turn_until(enum init_sched_state state)
{
	uint64_t end = units_now_ns() + TOO_LONG_NS;

	while (x.sched.state != state && units_now_ns() < end)
		turn();
	tap_eq(x.sched.state, state);
}

/* Until the process has said so: it then has its handlers. */
static void turn_until_ready(void)
{
	uint64_t end = units_now_ns() + TOO_LONG_NS;

	while (units_now_ns() < end) {
		if (x.log.len >= 6 && !memcmp(x.log.data + x.log.len - 6, "ready\n", 6))
			return;
		turn();
	}
	tap_ok(false, "the process is not ready");
}

static void begin(const char *mode)
{
	static char self[] = "/proc/self/exe";
	char *argv[] = { self, (char *)mode, NULL };
	int events[2], log[2];
	sigset_t mask;

	memset(&x, 0, sizeof(x));
	x.stays = -1;
	x.host.send = fake_send;
	tap_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, events), 0);
	tap_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, log), 0);
	x.kernel_events = events[1];
	x.kernel_log = log[1];
	tmp_make(x.dir);
	snprintf(x.sysrq, sizeof(x.sysrq), "%s/sysrq", x.dir);
	put("sysrq", "");
	put("state", "disabled\n");
	x.plan = (struct init_sched_plan){
		.sysfs = x.dir, .sysrq = x.sysrq, .events = events[0], .kmsg = log[0],
	};
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	x.sigfd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	tap_eq(init_sched_init(&x.sched, &x.plan, &x.host), 0);
	if (mode)
		init_sched_start(&x.sched, "", self, argv);
}

static void finish(void)
{
	init_reap_rest(x.sigfd, NULL, 5000);
	init_sched_fini(&x.sched);
	close_fd(&x.plan.events);
	close_fd(&x.plan.kmsg);
	close_fd(&x.kernel_events);
	close_fd(&x.kernel_log);
	close_fd(&x.sigfd);
	buf_fini(&x.log);
	file_remove_tree(x.dir, NULL);
}

static void told(unsigned i, enum wire_sched_event event, const char *part)
{
	tap_ok(i < x.count, "%u events, not %u", x.count, i + 1);
	tap_eq(x.told[i].w.event, event);
	tap_ok(strstr(x.told[i].text, part), "\"%s\" has no \"%s\"", x.told[i].text, part);
}

/* --- cases ---------------------------------------------------------------------- */

static void it_is_attached_when_the_kernel_says_so_and_stops_by_sigint(void)
{
	begin("stay");
	turn_until_ready();
	tap_eq(x.sched.state, SCHED_STARTING);
	tap_eq(x.count, 0);
	tap_eq(x.stays, -1);
	kernel_attaches("simple");
	turn_until(SCHED_ATTACHED);
	told(0, WIRE_SCHED_ATTACHED, "");
	tap_str(x.told[0].w.ops, "simple");
	tap_ok(x.told[0].w.attach_ns, "the time is told");
	tap_eq(x.stays, 1);
	put("state", "disabled\n");
	init_sched_stop(&x.sched);
	tap_eq(x.stays, 0);
	turn_until(SCHED_OFF);
	told(1, WIRE_SCHED_STOPPED, "exited with status 7");
	tap_eq(WEXITSTATUS(x.told[1].w.status), 7);
	tap_eq(x.count, 2);
	finish();
}

static void events_of_others_mean_nothing(void)
{
	begin("stay");
	turn_until_ready();
	uevent("add", "/kernel/sched_ext", "x");
	uevent("change", "/kernel/sched_ext/root", "x");
	uevent("add", "/devices/cpu0", "x");
	turn();
	tap_eq(x.sched.state, SCHED_STARTING);
	finish();
}

static void a_lost_event_is_made_up_for_by_a_look(void)
{
	begin("stay");
	turn_until_ready();
	put("state", "enabled\n");
	init_sched_look(&x.sched);
	tap_eq(x.sched.state, SCHED_ATTACHED);
	put("state", "disabled\n");
	init_sched_look(&x.sched);
	tap_ok(init_sched_lost(&x.sched), "lost");
	finish();
}

static void a_look_waits_for_what_the_kernel_is_about_to_say(void)
{
	begin("stay");
	turn_until_ready();
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	put("state", "disabling\n");
	init_sched_look(&x.sched);
	tap_eq(x.sched.state, SCHED_ATTACHED);
	tap_ok(init_sched_busy(&x.sched), "it is not settled");
	turn();
	tap_eq(x.count, 1);
	kernel_says("sched_ext: BPF scheduler \"s\" disabled (scx_bpf_error)");
	kernel_says("sched_ext: s: as I was told");
	put("state", "disabled\n");
	turn_until(SCHED_STOPPING);
	told(1, WIRE_SCHED_EJECTED, "scx_bpf_error: as I was told");
	finish();
}

static void what_cannot_start_says_why(void)
{
	char *argv[] = { NULL };

	begin(NULL);
	init_sched_start(&x.sched, "", "/nowhere", argv);
	tap_eq(x.sched.state, SCHED_OFF);
	told(0, WIRE_SCHED_NO_EXEC, "No such file");
	file_remove_tree(x.dir, NULL);
	init_sched_start(&x.sched, "", "/proc/self/exe", argv);
	tap_eq(x.sched.state, SCHED_OFF);
	told(1, WIRE_SCHED_UNSUPPORTED, "no sched_ext");
	finish();
}

static void a_death_before_it_is_attached_has_its_status(void)
{
	begin("die");
	kernel_says("sched_ext: something else");
	turn_until(SCHED_OFF);
	told(0, WIRE_SCHED_DIED_EARLY, "exited with status 3 before it was attached");
	tap_ok(x.told[0].w.has_status, "the status is told");
	finish();
}

/* As the kernel does it: no uevent, neither of its coming nor of its going. */
static void kernel_fails_to_enable(void)
{
	kernel_says("sched_ext: BPF scheduler \"s\" disabled (scx_bpf_error)");
	kernel_says("sched_ext: s: boo");
}

static void who_is_thrown_out_while_it_is_enabled_was_ejected(void)
{
	begin("die");
	kernel_fails_to_enable();
	turn_until(SCHED_OFF);
	told(0, WIRE_SCHED_EJECTED, "scx_bpf_error: boo");
	tap_eq(WEXITSTATUS(x.told[0].w.status), 3);
	tap_ok(!init_sched_lost(&x.sched), "it has never come");
	tap_eq(x.count, 1);
	finish();
}

static void so_was_who_stays_when_its_scheduler_is_gone(void)
{
	begin(NULL);
	x.plan.attach_ms = 100;
	init_sched_start(&x.sched, "", "/proc/self/exe", (char *[]){ "x", "deaf", NULL });
	kernel_fails_to_enable();
	turn_until(SCHED_OFF);
	told(0, WIRE_SCHED_EJECTED, "scx_bpf_error: boo");
	told(1, WIRE_SCHED_STOPPED, "died of SIGKILL");
	finish();
}

static void who_tries_again_and_is_attached_then_is_attached(void)
{
	begin("stay");
	turn_until_ready();
	kernel_fails_to_enable();
	turn();
	tap_eq(x.count, 0);
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	told(0, WIRE_SCHED_ATTACHED, "");
	put("state", "disabled\n");
	kill(x.sched.proc.pid, SIGINT);
	turn_until(SCHED_OFF);
	told(1, WIRE_SCHED_DIED, "exited with status 7 while it was attached");
	finish();
}

/* Everything is in the queues before PID 1 looks: an order of events, not of turns. */
static void who_was_enabled_ejected_and_ended_at_once_was_ejected(void)
{
	for (int with_remove = 0; with_remove < 2; with_remove++) {
		begin("die");
		uevent("add", "/kernel/sched_ext/root", "s");
		kernel_fails_to_enable();
		if (with_remove)
			uevent("remove", "/kernel/sched_ext/root", "s");
		tap_eq(waitid(P_PID, (id_t)x.sched.proc.pid, &(siginfo_t){ 0 },
			      WEXITED | WNOWAIT), 0);
		turn_until(SCHED_OFF);
		told(0, WIRE_SCHED_ATTACHED, "");
		told(1, WIRE_SCHED_EJECTED, "scx_bpf_error: boo");
		tap_ok(init_sched_lost(&x.sched), "lost");
		finish();
	}
}

static void whose_events_are_lost_is_known_by_the_log(void)
{
	begin("die");
	kernel_says("sched_ext: BPF scheduler \"s\" disabled (unregistered from user space)");
	turn_until(SCHED_OFF);
	told(0, WIRE_SCHED_DIED, "exited with status 3 while it was attached");
	finish();
}

static void one_that_is_never_attached_is_killed(void)
{
	begin(NULL);
	x.plan.attach_ms = 100;
	init_sched_start(&x.sched, "", "/proc/self/exe", (char *[]){ "x", "deaf", NULL });
	turn_until(SCHED_OFF);
	tap_eq(x.stays, 0);	/* the kernel may attach it in the last moment */
	told(0, WIRE_SCHED_NOT_ATTACHED, "was not attached after 0.");
	told(1, WIRE_SCHED_STOPPED, "died of SIGKILL");
	finish();
}

static void an_ejection_is_told_at_once_with_the_kernels_words(void)
{
	begin("stay");
	turn_until_ready();
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	kernel_says("something else: sched_ext is fine");
	kernel_removes("runnable task stall");
	turn_until(SCHED_STOPPING);
	told(1, WIRE_SCHED_EJECTED, "runnable task stall");
	tap_ok(!x.told[1].w.has_status, "its process still runs");
	tap_ok(init_sched_lost(&x.sched), "lost");
	kill(x.sched.proc.pid, SIGINT);
	turn_until(SCHED_OFF);
	told(2, WIRE_SCHED_STOPPED, "exited with status 7");
	tap_ok(init_sched_lost(&x.sched), "and stays lost");
	finish();
}

static void a_process_that_ends_before_the_event_of_its_ejection_was_ejected(void)
{
	begin("stay");
	turn_until_ready();
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	kernel_says("sched_ext: BPF scheduler \"s\" disabled (runnable task stall)");
	kernel_says("sched_ext: s: w[93] failed to run for 1.023s");
	put("state", "disabled\n");
	kill(x.sched.proc.pid, SIGINT);
	turn_until(SCHED_OFF);
	told(1, WIRE_SCHED_EJECTED, "runnable task stall: w[93] failed to run for 1.023s");
	tap_eq(WEXITSTATUS(x.told[1].w.status), 7);
	tap_eq(x.count, 2);
	finish();
}

static void a_scheduler_that_came_and_went_unseen_was_ejected(void)
{
	begin("stay");
	uevent("add", "/kernel/sched_ext/root", "brief");
	kernel_removes("scx_bpf_error");
	turn_until(SCHED_STOPPING);
	told(0, WIRE_SCHED_ATTACHED, "");
	tap_str(x.told[0].w.ops, "brief");
	told(1, WIRE_SCHED_EJECTED, "scx_bpf_error");
	finish();
}

static void who_dies_and_takes_its_scheduler_along_has_died(void)
{
	begin("stay");
	turn_until_ready();
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	kernel_removes("unregistered from user space");
	turn_until(SCHED_GOING);
	tap_ok(init_sched_busy(&x.sched) && !init_sched_lost(&x.sched), "nobody knows yet");
	kill(x.sched.proc.pid, SIGKILL);
	turn_until(SCHED_OFF);
	told(1, WIRE_SCHED_DIED, "died of SIGKILL while it was attached");
	tap_eq(x.stays, 1);
	finish();
}

static void what_is_left_attached_is_reset_and_waited_for(void)
{
	struct stat st;

	begin("stay");
	turn_until_ready();
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	kill(x.sched.proc.pid, SIGKILL);
	turn_until(SCHED_LEAVING);
	told(1, WIRE_SCHED_DIED, "SIGKILL");
	tap_ok(stat(x.sysrq, &st) == 0 && st.st_size == 1, "one sysrq");
	put("state", "disabling\n");
	turn();
	turn();
	tap_eq(x.sched.state, SCHED_LEAVING);
	put("state", "disabled\n");
	turn_until(SCHED_OFF);
	finish();
}

static void who_does_not_hear_sigint_is_killed(void)
{
	begin(NULL);
	x.plan.stop_ms = 50;
	init_sched_start(&x.sched, "", "/proc/self/exe", (char *[]){ "x", "deaf", NULL });
	turn_until_ready();
	kernel_attaches("s");
	turn_until(SCHED_ATTACHED);
	put("state", "disabled\n");
	init_sched_stop(&x.sched);
	turn_until(SCHED_OFF);
	told(1, WIRE_SCHED_STOPPED, "died of SIGKILL");
	finish();
}

/* The last lines, whole and in order. */
static bool log_ends(unsigned lines)
{
	static const char last[] = "ready\n";
	const char *at = (const char *)x.log.data + x.log.len - sizeof(last);
	char line[11];

	if (x.log.len < lines * 10 + sizeof(last) || strcmp(at, last))
		return false;
	for (unsigned i = 1; i <= lines; i++) {
		snprintf(line, sizeof(line), "%9u\n", CHATTER / 10 - i);
		if (memcmp(at - i * 10, line, 10))
			return false;
	}
	return true;
}

static void of_a_long_log_the_beginning_and_the_end_are_told(void)
{

	begin("chatter");
	/* its end is held back, so look at what it has printed */
	while (x.sched.log_bytes < CHATTER + 6 && x.sched.state == SCHED_STARTING)
		turn();
	kill(x.sched.proc.pid, SIGINT);
	turn_until(SCHED_OFF);
	buf_u8(&x.log, 0);
	tap_ok(!strncmp((char *)x.log.data, "        0\n        1\n", 20), "the beginning");
	tap_ok(strstr((char *)x.log.data, " bytes are left out here]\n"), "what is missing");
	tap_ok(x.log.len < CHATTER / 2 + 50000, "%zu bytes are told", x.log.len);
	tap_ok(log_ends(1600), "the end");
	finish();
}

/* Whatever wakes the supervisor before the next test has asked for one of its own. */
static void how_a_staged_one_ended_is_not_the_next_tests_affair(void)
{
	const struct init_sched_plan plan = { .events = -1, .kmsg = -1 };
	const struct init_plan tests = { .sched = &plan };
	struct supervisor s = {
		.plan = &tests,
		.sched = {
			.plan = &plan, .state = SCHED_OFF, .staged = "fixture",
			.end = WIRE_SCHED_EJECTED, .attach_ns = 1,
		},
	};

	tap_ok(init_sched_lost(&s.sched), "the test that started it has lost it");
	supervise_sched_restore(&s);
	tap_ok(!init_sched_lost(&s.sched), "the next one has not");
}

int main(int argc, char **argv)
{
	sigset_t mask;

	if (argc > 1)
		return be_scheduler(argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	TAP_RUN(it_is_attached_when_the_kernel_says_so_and_stops_by_sigint);
	TAP_RUN(events_of_others_mean_nothing);
	TAP_RUN(a_lost_event_is_made_up_for_by_a_look);
	TAP_RUN(a_look_waits_for_what_the_kernel_is_about_to_say);
	TAP_RUN(what_cannot_start_says_why);
	TAP_RUN(a_death_before_it_is_attached_has_its_status);
	TAP_RUN(who_is_thrown_out_while_it_is_enabled_was_ejected);
	TAP_RUN(so_was_who_stays_when_its_scheduler_is_gone);
	TAP_RUN(who_tries_again_and_is_attached_then_is_attached);
	TAP_RUN(who_was_enabled_ejected_and_ended_at_once_was_ejected);
	TAP_RUN(whose_events_are_lost_is_known_by_the_log);
	TAP_RUN(one_that_is_never_attached_is_killed);
	TAP_RUN(an_ejection_is_told_at_once_with_the_kernels_words);
	TAP_RUN(a_process_that_ends_before_the_event_of_its_ejection_was_ejected);
	TAP_RUN(a_scheduler_that_came_and_went_unseen_was_ejected);
	TAP_RUN(who_dies_and_takes_its_scheduler_along_has_died);
	TAP_RUN(what_is_left_attached_is_reset_and_waited_for);
	TAP_RUN(who_does_not_hear_sigint_is_killed);
	TAP_RUN(of_a_long_log_the_beginning_and_the_end_are_told);
	TAP_RUN(how_a_staged_one_ended_is_not_the_next_tests_affair);
	return tap_done();
}
