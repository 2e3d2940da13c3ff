/* SPDX-License-Identifier: GPL-2.0-only */
/* A command's streams without a guest: grants, typed escapes, the host's channel over pipes. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/channel.h"
#include "shmring/stream.h"
#include "test/tap.h"

/* --- arithmetic ------------------------------------------------------------------ */

static void a_sender_waits_for_a_grant_and_spends_it(void)
{
	struct stream_sender s;

	stream_sender_init(&s, 1000);
	tap_eq(stream_room(&s), 0);
	tap_ok(stream_granted(&s, 64), "64 bytes");
	tap_eq(stream_room(&s), 0);		/* a frame of nothing is no use */
	tap_ok(stream_granted(&s, 100), "100 more");
	tap_eq(stream_room(&s), 100);
	stream_sent(&s, 30);
	tap_eq(stream_room(&s), 6);
	tap_eq(s.bytes, 30);
}

static void a_grant_beyond_the_window_is_refused(void)
{
	struct stream_sender s;

	stream_sender_init(&s, 1000);
	tap_ok(stream_granted(&s, 1000), "the window");
	tap_ok(!stream_granted(&s, 1), "one more");
	tap_ok(!stream_granted(&s, UINT32_MAX), "very many");
	tap_eq(s.credit, 1000);
}

static void a_grant_of_nothing_says_that_nobody_reads(void)
{
	struct stream_sender s;

	stream_sender_init(&s, 1000);
	stream_granted(&s, 500);
	tap_ok(stream_granted(&s, 0) && s.gone, "gone");
	tap_eq(stream_room(&s), 0);
	stream_granted(&s, 100);
	tap_ok(s.gone, "it does not come back");
}

static void what_was_not_granted_is_not_taken(void)
{
	struct stream_receiver s;

	stream_receiver_init(&s, 1000);
	tap_ok(!stream_arrived(&s, 1), "nothing was granted yet");
	tap_eq(stream_grant(&s), 1000);
	tap_ok(stream_arrived(&s, 900), "900");
	tap_ok(!stream_arrived(&s, 900), "900 again");
	tap_ok(!stream_arrived(&s, SIZE_MAX), "a length that wraps");
	tap_eq(s.bytes, 900);
}

/* For any sizes of frames and of what is got rid of at a time, none waits for the other. */
static void sender_and_receiver_never_wait_for_each_other(void)
{
	unsigned seed = 1;

	for (int round = 0; round < 50; round++) {
		struct stream_receiver in;
		struct stream_sender out;
		size_t queued = 0, stuck = 0;
		unsigned max = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 3000;

		stream_receiver_init(&in, 4000);
		stream_sender_init(&out, 4000);
		for (int i = 0; i < 2000 && !stuck; i++) {
			size_t n = MIN(stream_room(&out), max);
			uint32_t grant;

			if (n) {
				stream_sent(&out, n);
				tap_ok(stream_arrived(&in, n), "frame of %zu", n);
				queued += n;
			} else {
				stuck = !queued;
				stream_done(&in, queued);
				queued = 0;
			}
			grant = stream_grant(&in);
			stuck = stuck && !grant;
			tap_ok(!grant || stream_granted(&out, grant), "grant of %u", grant);
		}
		tap_ok(!stuck, "frames of %u: nobody moves", max);
		tap_ok(in.bytes == out.bytes && in.bytes > 4000, "little was sent");
	}
}

/* --- what is typed ----------------------------------------------------------------- */

static void check_typed(const char *typed, const char *want, bool want_end)
{
	bool armed = false, end = false;
	char got[64] = "";
	size_t k = 0;

	/* one at a time: a key may come alone */
	for (const char *p = typed; *p && !end; p++)
		k += channel_escape(&armed, (const uint8_t *)p, 1, (uint8_t *)got + k, &end);
	tap_str(got, want);
	tap_eq(end, want_end);
	memset(got, 0, sizeof(got));
	armed = false;
	(void)channel_escape(&armed, (const uint8_t *)typed, strlen(typed), (uint8_t *)got, &end);
	tap_str(got, want);
	tap_eq(end, want_end);
}

static void ctrl_a_x_ends_and_ctrl_a_a_is_ctrl_a(void)
{
	check_typed("ls\r", "ls\r", false);
	check_typed("a\001x", "a", true);
	check_typed("\001Xmore", "", true);
	check_typed("\001a", "\001", false);
	check_typed("\001\001x", "\001x", false);
	check_typed("\001e\001b", "\001e\001b", false);
	check_typed("\001", "", false);
	check_typed("x\001ax", "x\001x", false);
}

/* --- the channel ---------------------------------------------------------------------- */

struct side {
	struct ev_loop *loop;
	struct channel *c;
	int in[2], out[2];
	unsigned frames[WIRE_TYPE_COUNT];
	size_t stdin_bytes;
	uint32_t granted[WIRE_STREAM_COUNT];
	unsigned begun, escapes, wrong, drained;
	bool gone[WIRE_STREAM_COUNT];
};

static int on_send(enum wire_type type, const void *payload, size_t len, void *arg)
{
	struct side *s = arg;
	struct wire_grant g;

	s->frames[type]++;
	if (type == WIRE_STDIN)
		s->stdin_bytes += len;
	if (type == WIRE_GRANT) {
		memcpy(&g, payload, sizeof(g));
		s->granted[g.stream] += g.bytes;
		s->gone[g.stream] = s->gone[g.stream] || !g.bytes;
	}
	return 0;
}

static void on_begun(void *arg) { ((struct side *)arg)->begun++; }
static void on_escape(void *arg) { ((struct side *)arg)->escapes++; }
static void on_drained(void *arg) { ((struct side *)arg)->drained++; }

static void on_wrong(const char *what, void *arg)
{
	(void)what;
	((struct side *)arg)->wrong++;
}

static void side_init(struct side *s, bool escape)
{
	const struct channel_ops ops = {
		.send = on_send, .begun = on_begun, .escape = on_escape, .wrong = on_wrong,
		.drained = on_drained, .arg = s,
	};
	struct channel_streams q = { .escape = escape };

	*s = (struct side){ .loop = ev_loop_new(EVFLAG_NOENV) };
	tap_eq(pipe2(s->in, O_CLOEXEC), 0);
	tap_eq(pipe2(s->out, O_CLOEXEC | O_NONBLOCK), 0);
	q.fd[WIRE_STREAM_IN] = s->in[0];
	q.fd[WIRE_STREAM_OUT] = s->out[1];
	q.fd[WIRE_STREAM_ERR] = -1;
	tap_eq(channel_create_streams(s->loop, &q, &ops, &s->c, NULL), 0);
}

static void side_fini(struct side *s)
{
	channel_destroy(s->c);
	for (int i = 0; i < 2; i++) {
		close_fd(&s->in[i]);
		close_fd(&s->out[i]);
	}
	ev_loop_destroy(s->loop);
}

static void turns(struct side *s)
{
	for (int i = 0; i < 100; i++)
		ev_run(s->loop, EVRUN_NOWAIT);
}

static void give(struct side *s, enum wire_type type, const void *payload, size_t len)
{
	const struct frame f = { .type = type, .length = (uint32_t)len, .payload = payload };

	channel_frame(s->c, &f);
}

static void give_grant(struct side *s, uint32_t stream, uint32_t bytes)
{
	const struct wire_grant g = { .stream = stream, .bytes = bytes };

	give(s, WIRE_GRANT, &g, sizeof(g));
}

static void stdin_is_read_as_far_as_it_is_granted(void)
{
	static const char text[3000];
	struct side s;

	side_init(&s, false);
	channel_open(s.c);
	tap_eq(write(s.in[1], text, sizeof(text)), sizeof(text));
	turns(&s);
	tap_eq(s.stdin_bytes, 0);
	give_grant(&s, WIRE_STREAM_IN, 1064);
	tap_eq(s.begun, 1);
	turns(&s);
	tap_eq(s.stdin_bytes, 1000);
	give_grant(&s, WIRE_STREAM_IN, 10000);
	close_fd(&s.in[1]);
	turns(&s);
	tap_eq(s.stdin_bytes, 3000);
	tap_eq(s.frames[WIRE_STDIN], 3);	/* the last one is the end */
	tap_eq(s.begun, 1);
	side_fini(&s);
}

static void a_reader_who_stops_holds_the_output_up_and_nothing_is_lost(void)
{
	static uint8_t chunk[WIRE_STREAM_CHUNK], got[WIRE_OUT_WINDOW];
	size_t sent = 0, read_bytes = 0;
	struct side s;
	ssize_t n;

	side_init(&s, false);
	tap_ok(fcntl(s.out[1], F_SETPIPE_SZ, 4096) > 0, "a small pipe");
	channel_open(s.c);
	tap_eq(s.granted[WIRE_STREAM_OUT], WIRE_OUT_WINDOW);
	for (; sent + sizeof(chunk) + 1000 < WIRE_OUT_WINDOW; sent += sizeof(chunk))
		give(&s, WIRE_STDOUT, chunk, sizeof(chunk));
	turns(&s);
	tap_eq(s.granted[WIRE_STREAM_OUT], WIRE_OUT_WINDOW);
	tap_eq(s.wrong, 0);
	give(&s, WIRE_STDOUT, chunk, sizeof(chunk));
	tap_eq(s.wrong, 1);			/* nobody granted that */
	channel_finish(s.c);
	tap_eq(s.drained, 0);
	for (int i = 0; i < 100; i++) {
		turns(&s);
		while ((n = read(s.out[0], got, sizeof(got))) > 0)
			read_bytes += (size_t)n;
	}
	tap_eq(read_bytes, sent);
	tap_eq(s.drained, 1);
	side_fini(&s);
}

static void a_reader_who_is_gone_is_told_to_the_command(void)
{
	struct side s;

	signal(SIGPIPE, SIG_IGN);
	side_init(&s, false);
	channel_open(s.c);
	close_fd(&s.out[0]);
	give(&s, WIRE_STDOUT, "x", 1);
	turns(&s);
	tap_ok(s.gone[WIRE_STREAM_OUT], "not told");
	channel_finish(s.c);
	tap_eq(s.drained, 1);
	side_fini(&s);
}

static void output_that_nobody_wants_is_thrown_away(void)
{
	static uint8_t chunk[WIRE_STREAM_CHUNK];
	struct side s;

	side_init(&s, false);
	channel_open(s.c);
	for (int i = 0; i < 100; i++)
		give(&s, WIRE_STDERR, chunk, sizeof(chunk));
	tap_eq(s.wrong, 0);
	tap_ok(s.granted[WIRE_STREAM_ERR] > 90 * sizeof(chunk), "%u granted",
	       s.granted[WIRE_STREAM_ERR]);
	side_fini(&s);
}

static void output_that_did_not_come_is_counted(void)
{
	const struct wire_ended d = { .bytes = { [WIRE_STREAM_OUT] = 10, [WIRE_STREAM_ERR] = 5 } };
	struct side s;

	side_init(&s, false);
	channel_open(s.c);
	give(&s, WIRE_STDOUT, "1234", 4);
	tap_eq(channel_lost(s.c), 0);
	give(&s, WIRE_ENDED, &d, sizeof(d));
	tap_eq(channel_lost(s.c), 11);
	side_fini(&s);
}

static void ctrl_a_x_is_said_and_what_was_typed_before_is_sent(void)
{
	struct side s;

	side_init(&s, true);
	channel_open(s.c);
	give_grant(&s, WIRE_STREAM_IN, 1000);
	tap_eq(write(s.in[1], "ls\001x", 4), 4);
	turns(&s);
	tap_eq(s.stdin_bytes, 2);
	tap_eq(s.escapes, 1);
	side_fini(&s);
}

static void a_window_waits_for_the_guest_and_a_signal_for_the_command(void)
{
	const struct wire_window w = { .rows = 24, .columns = 80 };
	struct side s;

	side_init(&s, false);
	channel_window(s.c, &w);
	tap_eq(s.frames[WIRE_WINDOW], 0);
	channel_open(s.c);
	tap_eq(s.frames[WIRE_WINDOW], 1);
	channel_window(s.c, &w);
	tap_eq(s.frames[WIRE_WINDOW], 2);
	tap_ok(!channel_signal(s.c, SIGINT), "nothing runs");
	give_grant(&s, WIRE_STREAM_IN, 1000);
	tap_ok(channel_signal(s.c, SIGINT), "it runs");
	tap_eq(s.frames[WIRE_SIGNAL], 1);
	side_fini(&s);
}

static void nonsense_of_a_guest_is_said_and_ignored(void)
{
	struct side s;

	side_init(&s, false);
	channel_open(s.c);
	give(&s, WIRE_GRANT, "x", 1);
	give_grant(&s, WIRE_STREAM_OUT, 5);
	give_grant(&s, WIRE_STREAM_IN, UINT32_MAX);
	give(&s, WIRE_ENDED, "x", 1);
	give(&s, WIRE_STDIN, "x", 1);
	tap_eq(s.wrong, 3);
	turns(&s);
	tap_eq(s.stdin_bytes, 0);
	side_fini(&s);
}

int main(void)
{
	TAP_RUN(a_sender_waits_for_a_grant_and_spends_it);
	TAP_RUN(a_grant_beyond_the_window_is_refused);
	TAP_RUN(a_grant_of_nothing_says_that_nobody_reads);
	TAP_RUN(what_was_not_granted_is_not_taken);
	TAP_RUN(sender_and_receiver_never_wait_for_each_other);
	TAP_RUN(ctrl_a_x_ends_and_ctrl_a_a_is_ctrl_a);
	TAP_RUN(stdin_is_read_as_far_as_it_is_granted);
	TAP_RUN(a_reader_who_stops_holds_the_output_up_and_nothing_is_lost);
	TAP_RUN(a_reader_who_is_gone_is_told_to_the_command);
	TAP_RUN(output_that_nobody_wants_is_thrown_away);
	TAP_RUN(output_that_did_not_come_is_counted);
	TAP_RUN(ctrl_a_x_is_said_and_what_was_typed_before_is_sent);
	TAP_RUN(a_window_waits_for_the_guest_and_a_signal_for_the_command);
	TAP_RUN(nonsense_of_a_guest_is_said_and_ignored);
	return tap_done();
}
