/* SPDX-License-Identifier: GPL-2.0-only */
/* The wrapper of the outer guest around /bin/sh, with a socket for its COM2. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/guest.h"
#include "init/host.h"
#include "init/tty.h"
#include "shmring/shmring.h"
#include "test/tap.h"

#define BOUND_MS 60000

/* The host's side of one run. */
struct side {
	struct frame_decoder d;
	int fd;
	pid_t pid;
	int send_signal;	/* when the program has said its first word */
	char out[4096], err[4096];
	size_t out_len, err_len;
	bool ready, off;
	int status;		/* -1: not told */
	unsigned logs;
};

static void add(char *text, size_t *len, const struct frame *f)
{
	for (uint32_t i = 0; i < f->length; i++, (*len)++)
		if (*len < 4095)
			text[*len] = (char)f->payload[i];
}

static void say_signal(struct side *s)
{
	const struct wire_exit x = { .code = s->send_signal };
	struct buf b = BUF_INIT;

	s->send_signal = 0;
	tap_eq(frame_to_stream(&b, WIRE_SIGNAL, 0, &x, sizeof(x)), 0);
	tap_eq(write(s->fd, b.data, b.len), b.len);
	buf_fini(&b);
}

static void on_frame(const struct frame *f, void *arg)
{
	struct side *s = arg;
	struct wire_lifecycle l;
	struct wire_exit x;

	if (f->type == WIRE_STDOUT)
		add(s->out, &s->out_len, f);
	else if (f->type == WIRE_STDERR)
		add(s->err, &s->err_len, f);
	else if (f->type == WIRE_STATUS && frame_get_exit(f, &x))
		s->status = x.code;
	else if (f->type == WIRE_LIFECYCLE && frame_get_lifecycle(f, &l))
		*(l.phase == WIRE_PHASE_READY ? &s->ready : &s->off) = true;
	else if (f->type == WIRE_LOG)
		s->logs++;
	if (f->type == WIRE_STDOUT && s->send_signal)
		say_signal(s);
}

static _Noreturn void outer_process(int fd, const char *path, const char *script)
{
	const char *const argv[] = { path, "-c", script, NULL };
	const char *const envp[] = { "PATH=/usr/bin:/bin", "COLOUR=blue", NULL };
	const struct init_outer o = {
		.path = path, .argv = (char *const *)argv, .envp = (char *const *)envp,
	};
	struct init_tty wire = INIT_TTY_INIT;
	struct err e = ERR_INIT;
	int r;

	wire.fd = fd;
	/* ignored where the suite runs in the background; a shell cannot trap it then */
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	r = init_outer_run(&o, &wire, &e);
	init_tty_fini(&wire);
	_exit(r < 0 ? 255 : r);
}

/* Runs it to its end; returns what init_outer_run() returned. */
static int run(struct side *s, const char *path, const char *script, int send_signal)
{
	uint64_t end = units_now_ns() + BOUND_MS * NSEC_PER_MSEC;
	uint8_t bytes[4096];
	int fds[2], status;
	ssize_t n = 1;

	*s = (struct side){ .status = -1, .send_signal = send_signal };
	fflush(stdout);
	tap_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	s->pid = fork();
	if (s->pid == 0) {
		close(fds[1]);
		outer_process(fds[0], path, script);
	}
	close(fds[0]);
	s->fd = fds[1];
	tap_eq(frame_decoder_init(&s->d, FRAME_STREAM, on_frame, NULL, s), 0);
	while (n != 0 && units_now_ns() < end) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };

		poll(&p, 1, 1000);
		n = read(s->fd, bytes, sizeof(bytes));
		if (n > 0)
			frame_decoder_add(&s->d, bytes, (size_t)n);
	}
	tap_ok(n == 0, "no end");
	close(s->fd);
	if (n)
		kill(s->pid, SIGKILL);
	frame_decoder_finish(&s->d);
	tap_eq(s->d.bad, 0);
	frame_decoder_fini(&s->d);
	waitpid(s->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void output_and_status_come_as_frames(void)
{
	struct side s;

	tap_eq(run(&s, "/bin/sh", "echo out; echo err >&2; exit 5", 0), 5);
	tap_str(s.out, "out\n");
	tap_str(s.err, "err\n");
	tap_eq(s.status, 5);
	tap_ok(s.ready && s.off, "not all phases were told");
	tap_eq(s.logs, 0);
}

static void a_signal_is_128_and_its_number(void)
{
	struct side s;

	tap_eq(run(&s, "/bin/sh", "kill -TERM $$", 0), 128 + SIGTERM);
	tap_eq(s.status, 128 + SIGTERM);
}

static void the_hosts_signal_reaches_the_program(void)
{
	struct side s;

	run(&s, "/bin/sh", "trap 'echo caught; exit 7' INT; echo begin; while :; do :; done",
	    SIGINT);
	tap_str(s.out, "begin\ncaught\n");
	tap_eq(s.status, 7);
}

static void much_output_comes_whole_and_in_order(void)
{
	struct side s;

	run(&s, "/bin/sh", "i=0; while [ $i -lt 60000 ]; do echo 123456789; i=$((i+1)); done", 0);
	tap_eq(s.out_len, 600000);
	tap_ok(!strncmp(s.out, "123456789\n123456789\n", 20), "%.20s", s.out);
	tap_eq(s.status, 0);
}

static void a_program_that_cannot_run_says_why(void)
{
	struct side s;

	run(&s, "/nonexistent/init", "", 0);
	tap_eq(s.status, 99);
	tap_ok(strstr(s.err, "/nonexistent/init: No such file"), "%s", s.err);
}

static void what_the_program_leaves_behind_does_not_keep_the_guest(void)
{
	struct side s;
	uint64_t start = units_now_ns();

	int pid = -1;

	run(&s, "/bin/sh", "sleep 1000 & echo $!", 0);
	tap_ok(sscanf(s.out, "%d", &pid) == 1, "%s", s.out);
	tap_ok(pid > 0 && kill(pid, 0) < 0 && errno == ESRCH, "process %d lives", pid);
	tap_eq(s.status, 0);
	tap_ok(units_now_ns() - start < 30 * NSEC_PER_SEC, "it was waited for");
}

static void the_program_has_its_own_environment_and_no_stdin(void)
{
	struct side s;

	setenv("KTSTR_GUEST", "outer", 1);
	run(&s, "/bin/sh", "echo $COLOUR$KTSTR_GUEST; cat", 0);
	tap_str(s.out, "blue\n");
}

/* A host that keeps the last line. */
struct listener {
	struct init_host host;
	char said[513];
};

static void note(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		 const void *payload2, size_t len2)
{
	struct listener *l = container_of(h, struct listener, host);

	(void)payload2;
	tap_ok(type == WIRE_LOG && len < sizeof(l->said) && !len2, "a line");
	snprintf(l->said, sizeof(l->said), "%.*s", (int)len, (const char *)payload);
}

static void a_module_that_is_none_is_said_by_name(void)
{
	char dir[] = "/tmp/ktstr-modules-XXXXXX", path[64];
	struct listener l = { .host = { .send = note } };
	FILE *f;

	tap_ok(mkdtemp(dir), "mkdtemp");
	init_modules_load(dir, &l.host);
	tap_str(l.said, "");
	snprintf(path, sizeof(path), "%s/01-none.ko", dir);
	f = fopen(path, "w");
	if (tap_ok(f, "%s", path)) {
		fputs("not an ELF file", f);
		fclose(f);
	}
	init_modules_load(dir, &l.host);
	/* EPERM or the kernel's reason: this test runs with and without rights */
	tap_ok(!strncmp(l.said, "module 01-none.ko: ", 19), "%s", l.said);
	unlink(path);
	rmdir(dir);
	l.said[0] = '\0';
	init_modules_load(dir, &l.host);
	tap_str(l.said, "");
}

int main(void)
{
	TAP_RUN(output_and_status_come_as_frames);
	TAP_RUN(a_signal_is_128_and_its_number);
	TAP_RUN(the_hosts_signal_reaches_the_program);
	TAP_RUN(much_output_comes_whole_and_in_order);
	TAP_RUN(a_program_that_cannot_run_says_why);
	TAP_RUN(what_the_program_leaves_behind_does_not_keep_the_guest);
	TAP_RUN(the_program_has_its_own_environment_and_no_stdin);
	TAP_RUN(a_module_that_is_none_is_said_by_name);
	return tap_done();
}
