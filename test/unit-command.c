/* SPDX-License-Identifier: GPL-2.0-only */
/* PID 1's loop around one command, with a list in place of the host. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "init/command.h"
#include "init/host.h"
#include "shmring/shmring.h"
#include "test/tap.h"

/*
 * The host: its frames for the guest are on a list, one is given each time that
 * the guest looks. It grants what it gets at once, unless it is told not to.
 */
struct step {
	enum wire_type type;
	const void *payload;
	size_t len;
	bool later;			/* not before the command has said something */
};

struct fake {
	struct init_host host;
	const struct step *step;
	bool grants;
	int pipe[2];			/* always readable: there is always news */
	uint8_t out[1 << 20];
	size_t out_len, err_len;
	unsigned in_grants;
	bool in_gone, ended;
	struct wire_ended end;
};

static struct fake fake;

static void give(const void *payload, enum wire_type type, size_t len)
{
	const struct frame f = { .type = type, .length = (uint32_t)len, .payload = payload };

	if (fake.host.on_frame)
		fake.host.on_frame(&f, fake.host.frame_arg);
}

static void grant(uint32_t stream, uint32_t bytes)
{
	const struct wire_grant g = { .stream = stream, .bytes = bytes };

	give(&g, WIRE_GRANT, sizeof(g));
}

static void on_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		    const void *payload2, size_t len2)
{
	struct wire_grant g;

	(void)h;
	(void)payload2;
	(void)len2;
	if (type == WIRE_STDOUT && fake.out_len + len <= sizeof(fake.out)) {
		memcpy(fake.out + fake.out_len, payload, len);
		fake.out_len += len;
	}
	if (type == WIRE_STDERR)
		fake.err_len += len;
	if (type == WIRE_GRANT) {
		memcpy(&g, payload, sizeof(g));
		fake.in_grants++;
		fake.in_gone = fake.in_gone || !g.bytes;
	}
	if (type == WIRE_ENDED) {
		memcpy(&fake.end, payload, sizeof(fake.end));
		fake.ended = true;
	}
	if (fake.grants && (type == WIRE_STDOUT || type == WIRE_STDERR))
		grant(type == WIRE_STDOUT ? WIRE_STREAM_OUT : WIRE_STREAM_ERR,
		      WIRE_STREAM_COST((uint32_t)len));
}

static void on_want(struct init_host *h, struct pollfd *ret)
{
	bool now = fake.step && (!fake.step->later || fake.out_len);

	(void)h;
	*ret = (struct pollfd){ .fd = now ? fake.pipe[0] : -1, .events = POLLIN };
}

static void on_ready(struct init_host *h, short revents)
{
	(void)h;
	(void)revents;
	if (!fake.step)
		return;
	if (fake.step->type == WIRE_STOP)
		fake.host.stop = true;
	else
		give(fake.step->payload, fake.step->type, fake.step->len);
	fake.step = fake.step[1].type ? fake.step + 1 : NULL;
}

static void on_forked(struct init_host *h)
{
	(void)h;
}

static const struct wire_grant whole_out = { WIRE_STREAM_OUT, WIRE_OUT_WINDOW };
static const struct wire_grant whole_err = { WIRE_STREAM_ERR, WIRE_OUT_WINDOW };

#define GIVE(type_, bytes, n) { .type = type_, .payload = bytes, .len = n, .later = false }
#define LATER(type_, bytes, n) { .type = type_, .payload = bytes, .len = n, .later = true }
#define OPEN GIVE(WIRE_GRANT, &whole_out, sizeof(whole_out)), \
	     GIVE(WIRE_GRANT, &whole_err, sizeof(whole_err))

static int run_argv(const char *const *argv, const struct step *steps, bool terminal)
{
	const struct init_command q = {
		.argv = (char *const *)argv, .terminal = terminal, .grace_ms = 20,
	};
	struct err e = ERR_INIT;
	int r;

	fake = (struct fake){
		.host = { .send = on_send, .want = on_want, .ready = on_ready,
			  .forked = on_forked },
		.step = steps, .grants = true,
	};
	tap_eq(pipe(fake.pipe), 0);
	tap_eq(write(fake.pipe[1], "", 1), 1);
	r = init_command_run(&q, &fake.host, &e);
	tap_ok(r >= 0, "%s", err_text(&e));
	close(fake.pipe[0]);
	close(fake.pipe[1]);
	return r;
}

static int run(const char *script, const struct step *steps, bool terminal)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return run_argv(argv, steps, terminal);
}

static const struct step just_open[] = { OPEN, { 0 } };

static void status_and_streams_come_apart(void)
{
	tap_eq(run("echo out; echo error >&2; exit 5", just_open, false), 5);
	tap_str((char *)fake.out, "out\n");
	tap_eq(fake.err_len, 6);
	tap_ok(fake.ended && fake.end.status == 5 && !fake.end.signal, "ended");
	tap_eq(fake.end.bytes[WIRE_STREAM_OUT], 4);
	tap_eq(fake.end.bytes[WIRE_STREAM_ERR], 6);
	tap_ok(fake.in_grants, "it was not said that it runs");
}

static void a_signal_is_128_and_its_number(void)
{
	tap_eq(run("kill -KILL $$", just_open, false), 137);
	tap_eq(fake.end.signal, SIGKILL);
}

static void what_is_no_program_is_127_or_126(void)
{
	static const char *const nothing[] = { "/proc/nonexistent/x", NULL };
	static const char *const folder[] = { "/", NULL };

	tap_eq(run_argv(nothing, just_open, false), 127);
	tap_ok(fake.err_len > 20, "nothing was said");
	tap_eq(run_argv(folder, just_open, false), 126);
}

static void stdin_comes_in_order_and_ends(void)
{
	static const struct step steps[] = {
		OPEN, GIVE(WIRE_STDIN, "one\r\n", 5), GIVE(WIRE_STDIN, "\0two", 4),
		GIVE(WIRE_STDIN, NULL, 0), GIVE(WIRE_STDIN, "late", 4), { 0 },
	};

	tap_eq(run("cat", steps, false), 0);
	tap_eq(fake.out_len, 9);
	tap_ok(!memcmp(fake.out, "one\r\n\0two", 9), "%.9s", fake.out);
	tap_eq(fake.end.bytes[WIRE_STREAM_IN], 9);
}

static void a_command_that_does_not_read_is_told_to_the_host(void)
{
	static const struct step steps[] = {
		OPEN, LATER(WIRE_STDIN, "x", 1), GIVE(WIRE_STOP, NULL, 0), { 0 },
	};

	tap_eq(run("exec <&-; echo closed; while :; do :; done", steps, false), 128 + SIGTERM);
	tap_ok(fake.in_gone, "the host was not told");
}

static void much_output_comes_whole(void)
{
	tap_eq(run("head -c 700000 /dev/zero; head -c 300000 /dev/zero >&2", just_open, false), 0);
	tap_eq(fake.out_len, 700000);
	tap_eq(fake.err_len, 300000);
}

static void without_a_grant_nothing_is_sent_until_the_host_stops_it(void)
{
	static const struct step steps[] = { GIVE(WIRE_STOP, NULL, 0), { 0 } };

	tap_eq(run("echo out; exec sleep 1000", steps, false), 128 + SIGTERM);
	tap_eq(fake.out_len, 0);
	tap_ok(fake.ended, "its end was not told");
}

static void who_ignores_the_request_is_killed(void)
{
	static const struct step steps[] = { OPEN, LATER(WIRE_STOP, NULL, 0), { 0 } };

	tap_eq(run("trap '' TERM; echo ready; while :; do sleep 1000; done", steps, false), 137);
}

static void an_output_that_nobody_reads_is_closed_to_the_command(void)
{
	static const struct wire_grant gone = { WIRE_STREAM_OUT, 0 };
	static const struct step steps[] = { GIVE(WIRE_GRANT, &gone, sizeof(gone)), { 0 } };

	tap_eq(run("while echo x; do :; done", steps, false), 128 + SIGPIPE);
}

static void a_signal_of_the_host_reaches_the_group(void)
{
	static const struct wire_exit term = { .code = SIGTERM };
	static const struct step steps[] = {
		OPEN, LATER(WIRE_SIGNAL, &term, sizeof(term)), { 0 },
	};

	tap_eq(run("echo ready; exec sleep 1000", steps, false), 128 + SIGTERM);
	tap_eq(fake.end.signal, SIGTERM);
}

static void what_it_leaves_behind_does_not_keep_the_guest(void)
{
	tap_eq(run("sleep 1000 & echo out", just_open, false), 0);
	tap_str((char *)fake.out, "out\n");
}

static void a_terminal_has_the_size_and_the_name_that_were_told(void)
{
	static const struct wire_window w = { .rows = 33, .columns = 77, .term = "vt220" };
	static const struct step steps[] = { OPEN, GIVE(WIRE_WINDOW, &w, sizeof(w)), { 0 } };

	tap_eq(run("tty >/dev/null && stty size && echo $TERM", steps, true), 0);
	tap_str((char *)fake.out, "33 77\r\nvt220\r\n");
	tap_eq(fake.err_len, 0);
}

static void a_terminals_input_ends_by_a_key(void)
{
	static const struct wire_window w = { .rows = 24, .columns = 80 };
	static const struct step steps[] = {
		OPEN, GIVE(WIRE_WINDOW, &w, sizeof(w)), GIVE(WIRE_STDIN, "word\r", 5),
		GIVE(WIRE_STDIN, NULL, 0), { 0 },
	};

	tap_eq(run("cat >/dev/null; exit 3", steps, true), 3);
	tap_ok(strstr((char *)fake.out, "word"), "no echo");
}

static void nonsense_of_the_host_is_ignored(void)
{
	static const struct wire_grant in = { WIRE_STREAM_IN, 5 }, none = { 77, 5 };
	static const struct wire_exit wild = { .code = 1000 };
	static const struct step steps[] = {
		OPEN, GIVE(WIRE_GRANT, &in, sizeof(in)), GIVE(WIRE_GRANT, &none, sizeof(none)),
		GIVE(WIRE_GRANT, "x", 1), GIVE(WIRE_SIGNAL, &wild, sizeof(wild)),
		GIVE(WIRE_WINDOW, "x", 1), GIVE(WIRE_RESULT, "x", 1),
		GIVE(WIRE_STDIN, NULL, 0), { 0 },
	};

	tap_eq(run("cat; echo end", steps, false), 0);
	tap_str((char *)fake.out, "end\n");
}

int main(void)
{
	alarm(120);	/* a loop that does not end fails here */
	TAP_RUN(status_and_streams_come_apart);
	TAP_RUN(a_signal_is_128_and_its_number);
	TAP_RUN(what_is_no_program_is_127_or_126);
	TAP_RUN(stdin_comes_in_order_and_ends);
	TAP_RUN(a_command_that_does_not_read_is_told_to_the_host);
	TAP_RUN(much_output_comes_whole);
	TAP_RUN(without_a_grant_nothing_is_sent_until_the_host_stops_it);
	TAP_RUN(who_ignores_the_request_is_killed);
	TAP_RUN(an_output_that_nobody_reads_is_closed_to_the_command);
	TAP_RUN(a_signal_of_the_host_reaches_the_group);
	TAP_RUN(what_it_leaves_behind_does_not_keep_the_guest);
	TAP_RUN(a_terminal_has_the_size_and_the_name_that_were_told);
	TAP_RUN(a_terminals_input_ends_by_a_key);
	TAP_RUN(nonsense_of_the_host_is_ignored);
	return tap_done();
}
