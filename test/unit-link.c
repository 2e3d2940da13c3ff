/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's link to the host: ordinary memory for the ring and its doorbell,
 * a socket for COM2.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/link.h"
#include "shmring/shmring.h"
#include "test/tap.h"

#define PAGE 4096

/* Both ends: l is the guest's, the rest is the host's. */
struct ends {
	struct init_link l;
	void *ring;
	int com2;
	struct shmring_reader up;
	struct shmring_writer down;
	struct frame_decoder text;
	/* what came by COM2 */
	unsigned frames;
	enum wire_type last;
	char results[256];		/* names, each with a blank behind it */
	size_t text_bytes;
};

static void on_com2_frame(const struct frame *f, void *arg)
{
	struct ends *x = arg;
	struct wire_result result;
	size_t n = strlen(x->results);

	x->frames++;
	x->last = f->type;
	if (frame_get_result(f, &result) && f->type == WIRE_RESULT)
		snprintf(x->results + n, sizeof(x->results) - n, "%s ", result.name);
}

static void on_com2_text(const void *bytes, size_t n, void *arg)
{
	(void)bytes;
	((struct ends *)arg)->text_bytes += n;
}

static void *map_shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void ends_init(struct ends *x, bool with_ring)
{
	struct init_tty tty = INIT_TTY_INIT;
	struct init_ring ring = { .map = NULL };
	int com2[2];

	memset(x, 0, sizeof(*x));
	tap_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, com2), 0);
	tty.fd = com2[0];
	x->com2 = com2[1];
	tap_eq(frame_decoder_init(&x->text, FRAME_TEXT, on_com2_frame, on_com2_text, x), 0);
	if (with_ring) {
		x->ring = map_shared(WIRE_RING_BYTES);
		shmring_format(x->ring, WIRE_RING_BYTES);
		tap_eq(shmring_reader_init(&x->up, x->ring, SHMRING_UP), 0);
		shmring_writer_init(&x->down, x->ring, SHMRING_DOWN);
		ring.map = x->ring;
		ring.place.bytes = WIRE_RING_BYTES;
		ring.page = map_shared(PAGE);
		*ring.page = 1;
		shmring_writer_init(&ring.up, ring.map, SHMRING_UP);
		tap_eq(shmring_reader_init(&ring.down, ring.map, SHMRING_DOWN), 0);
	}
	init_link_init(&x->l, &tty, &ring);
}

static void ends_fini(struct ends *x)
{
	init_link_fini(&x->l);	/* unmaps the ring, which the link took over */
	shmring_reader_fini(&x->up);
	frame_decoder_fini(&x->text);
	close_fd(&x->com2);
}

static void send_log(struct ends *x, size_t len)
{
	static char text[WIRE_PAYLOAD_MAX];

	x->l.host.send(&x->l.host, WIRE_LOG, text, len, NULL, 0);
}

static void send_result(struct ends *x, const char *name)
{
	struct wire_result r = { .verdict = WIRE_PASS };

	snprintf(r.name, sizeof(r.name), "%s", name);
	x->l.host.send(&x->l.host, WIRE_RESULT, &r, sizeof(r), NULL, 0);
}

static void read_com2(struct ends *x)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = read(x->com2, bytes, sizeof(bytes))) > 0)
		frame_decoder_add(&x->text, bytes, (size_t)n);
}

/* What poll and the supervisor's loop would do. */
static void turn(struct ends *x)
{
	struct pollfd p;

	x->l.host.want(&x->l.host, &p);
	if (poll(&p, 1, 0) > 0)
		x->l.host.ready(&x->l.host, p.revents);
}

static void frames_go_by_the_ring_and_ring_the_doorbell(void)
{
	struct ends x;
	struct frame f = { 0 };

	ends_init(&x, true);
	send_log(&x, 20);
	tap_eq(*x.l.ring.page, 0);
	tap_eq(shmring_read(&x.up, &f), SHMRING_FRAME);
	tap_eq(f.type, WIRE_LOG);
	tap_eq(f.length, 20);
	read_com2(&x);
	tap_eq(x.frames, 0);
	ends_fini(&x);
}

static void without_a_ring_frames_are_text_among_the_output(void)
{
	struct ends x;

	ends_init(&x, false);
	x.l.host.output(&x.l.host, "half a li", 9);
	send_log(&x, 20);
	send_result(&x, "one");
	x.l.host.output(&x.l.host, "ne\n", 3);
	read_com2(&x);
	tap_eq(x.frames, 2);
	tap_str(x.results, "one ");
	tap_eq(x.text.bad, 0);
	/* and the newline that separates half a line from the frame */
	tap_eq(x.text_bytes, 9 + 1 + 3);
	ends_fini(&x);
}

static void fill(struct ends *x)
{
	while (x->ring && shmring_write(&x->l.ring.up, WIRE_LOG, x, 1024, NULL, 0) == 0)
		;
}

/*
 * A host that comes after 50 ms, and then looks all the time: it reads what
 * there is, notes the names of results, and wakes the guest if it asked.
 */
static pid_t fork_host(struct ends *x, char *names)
{
	const uint8_t wake = WIRE_WAKE_BYTE;
	struct wire_result result;
	enum shmring_status st;
	struct frame f;
	size_t n = 0;
	pid_t pid = fork();

	if (pid)
		return pid;
	poll(NULL, 0, 50);
	for (;; poll(NULL, 0, 1)) {
		while ((st = shmring_read(&x->up, &f)) != SHMRING_EMPTY) {
			if (st != SHMRING_FRAME || f.type != WIRE_RESULT ||
			    !frame_get_result(&f, &result))
				continue;
			n += (size_t)snprintf(names + n, PAGE - n, "%.32s ", result.name);
		}
		if (shmring_take_wanted(&x->up) && write(x->com2, &wake, 1) != 1)
			_exit(1);
	}
}

static void end_host(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_full_ring_waits_for_the_wake_byte(void)
{
	struct ends x;
	uint64_t start, ns;
	pid_t pid;

	ends_init(&x, true);
	fill(&x);
	start = units_now_ns();
	pid = fork_host(&x, NULL);
	send_log(&x, 1024);
	ns = units_now_ns() - start;
	tap_ok(ns >= 40 * NSEC_PER_MSEC, "did not wait: %llu ns", (unsigned long long)ns);
	tap_eq(x.l.ring.up.drops_total, 0);
	tap_ok(!x.l.away, "took the host for dead");
	end_host(pid);
	ends_fini(&x);
}

static void what_a_host_that_is_away_must_know_goes_to_com2(void)
{
	struct ends x;
	uint64_t start = units_now_ns(), ns;

	ends_init(&x, true);
	fill(&x);
	send_log(&x, 1024);
	ns = units_now_ns() - start;
	tap_ok(ns >= INIT_LINK_WAIT_MS * NSEC_PER_MSEC * 9 / 10, "gave up after %llu ns",
	       (unsigned long long)ns);
	tap_eq(x.l.ring.up.drops_total, 1);
	start = units_now_ns();
	for (int i = 0; i < 100; i++)
		send_log(&x, 1024);
	send_result(&x, "late");
	ns = units_now_ns() - start;
	tap_ok(ns < NSEC_PER_SEC, "waited again: %llu ns", (unsigned long long)ns);
	tap_eq(x.l.ring.up.drops_total, 101);
	read_com2(&x);
	tap_str(x.results, "late ");
	ends_fini(&x);
}

static void dropped_frames_are_told_when_the_host_is_back(void)
{
	struct ends x;
	struct wire_lost lost = { 0 };
	struct frame f = { 0 };
	bool told = false;

	ends_init(&x, true);
	fill(&x);
	x.l.away = true;	/* spares the wait */
	send_log(&x, 1024);
	while (shmring_read(&x.up, &f) == SHMRING_FRAME)
		;
	send_log(&x, 7);
	tap_ok(!x.l.away, "the host is still taken to be away");
	while (shmring_read(&x.up, &f) == SHMRING_FRAME)
		if (f.type == WIRE_LOST)
			told = frame_get_lost(&f, &lost);
	tap_ok(told && lost.frames == 1, "%llu told", (unsigned long long)lost.frames);
	ends_fini(&x);
}

static void a_broken_ring_is_left_and_results_are_sent_again(void)
{
	struct ends x;

	ends_init(&x, true);
	send_result(&x, "one");
	send_result(&x, "two");
	x.l.ring.up.ctl->tail = 0x123456789;
	send_result(&x, "three");
	tap_ok(!x.l.ring.map, "the ring is still used");
	read_com2(&x);
	tap_str(x.results, "one two three ");
	tap_eq(x.frames, 4);	/* and a line that says why */
	ends_fini(&x);
}

static void a_ring_that_the_host_puts_right_goes_on(void)
{
	volatile char *names = map_shared(PAGE);
	struct ends x;
	pid_t pid;

	ends_init(&x, true);
	send_result(&x, "one");
	x.l.ring.up.ctl->tail = 0x123456789;
	x.l.ring.up.ctl->head = 0x987654321;
	memset(x.l.ring.up.data, 0x55, 64);
	pid = fork_host(&x, (char *)names);
	send_result(&x, "two");
	for (int i = 0; i < 5000 && !strstr((char *)names, "two "); i++)
		poll(NULL, 0, 1);
	end_host(pid);
	tap_ok(x.l.ring.map, "the ring was left");
	tap_eq(x.l.mended, 1);
	tap_str((char *)names, "one two ");
	read_com2(&x);
	tap_eq(x.frames, 0);
	ends_fini(&x);
	munmap((void *)names, PAGE);
}

static void a_stop_comes_by_the_ring_after_a_wake_byte(void)
{
	struct ends x;
	uint8_t wake = WIRE_WAKE_BYTE;

	ends_init(&x, true);
	turn(&x);
	tap_ok(!x.l.host.stop, "stopped by itself");
	tap_eq(shmring_write(&x.down, WIRE_STOP, NULL, 0, NULL, 0), 0);
	turn(&x);
	tap_ok(!x.l.host.stop, "looked without a wake");
	tap_eq(write(x.com2, &wake, 1), 1);
	turn(&x);
	tap_ok(x.l.host.stop, "not heard");
	ends_fini(&x);
}

static void a_stop_comes_by_com2_as_well(void)
{
	struct buf b = BUF_INIT;
	struct ends x;

	ends_init(&x, false);
	tap_eq(frame_to_stream(&b, WIRE_STOP, 0, NULL, 0), 0);
	for (size_t i = 0; i < b.len; i++) {
		tap_ok(!x.l.host.stop, "before its end");
		tap_eq(write(x.com2, b.data + i, 1), 1);
		turn(&x);
	}
	tap_ok(x.l.host.stop, "not heard");
	buf_fini(&b);
	ends_fini(&x);
}

static void a_line_that_takes_nothing_makes_the_link_busy_and_then_loses(void)
{
	static char bytes[64 << 10];
	struct ends x;

	ends_init(&x, false);
	for (int i = 0; i < 8; i++)
		x.l.host.output(&x.l.host, bytes, sizeof(bytes));
	tap_ok(x.l.host.busy, "not busy");
	tap_eq(x.l.lost_output, 0);
	for (int i = 0; i < 64; i++)
		x.l.host.output(&x.l.host, bytes, sizeof(bytes));
	tap_ok(x.l.lost_output > 0, "memory without end");
	for (int i = 0; i < 1000 && x.l.host.busy; i++) {
		read_com2(&x);
		turn(&x);
	}
	tap_ok(!x.l.host.busy, "still busy");
	ends_fini(&x);
}

static void a_line_that_is_gone_is_no_trouble(void)
{
	struct ends x;
	struct pollfd p;

	ends_init(&x, false);
	close_fd(&x.com2);
	turn(&x);
	x.l.host.output(&x.l.host, "text", 4);
	send_result(&x, "one");
	turn(&x);
	x.l.host.want(&x.l.host, &p);
	tap_eq(p.fd, -1);
	tap_eq(x.l.lost, 1);
	tap_ok(!x.l.host.busy, "busy with nothing");
	ends_fini(&x);
}

static void no_link_at_all_still_takes_frames(void)
{
	struct init_link l;

	init_link_open(&l, "/nonexistent/tty", NULL);
	l.host.send(&l.host, WIRE_LOG, "x", 1, NULL, 0);
	tap_ok(l.lost >= 1, "not counted");
	init_link_report(&l);
	init_link_fini(&l);
}

static void the_place_of_the_ring_is_checked(void)
{
	static const char *const bad[] = {
		"", "0x100000000", "0x100000000,1048576", "0x100000000,1048576,", "x,1048576,0x510",
		"0x100000001,1048576,0x510", "0x100000000,4096,0x510", "0x100000000,1048576,0x510,",
		"0x100000000,1048576,0x10000", "0x1000000000000000000,1048576,0x510",
		"0x100000000,99999999999999,0x510",
	};
	struct init_ring_place p;
	struct err e = ERR_INIT;

	tap_eq(init_ring_parse("0x100000000,1048576,0x510", &p, &e), 0);
	tap_eq(p.gpa, 0x100000000);
	tap_eq(p.bytes, 1048576);
	tap_eq(p.port, 0x510);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_ok(init_ring_parse(bad[i], &p, &e) == -EINVAL, "took \"%s\"", bad[i]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TAP_RUN(frames_go_by_the_ring_and_ring_the_doorbell);
	TAP_RUN(without_a_ring_frames_are_text_among_the_output);
	TAP_RUN(a_full_ring_waits_for_the_wake_byte);
	TAP_RUN(what_a_host_that_is_away_must_know_goes_to_com2);
	TAP_RUN(dropped_frames_are_told_when_the_host_is_back);
	TAP_RUN(a_broken_ring_is_left_and_results_are_sent_again);
	TAP_RUN(a_ring_that_the_host_puts_right_goes_on);
	TAP_RUN(a_stop_comes_by_the_ring_after_a_wake_byte);
	TAP_RUN(a_stop_comes_by_com2_as_well);
	TAP_RUN(a_line_that_takes_nothing_makes_the_link_busy_and_then_loses);
	TAP_RUN(a_line_that_is_gone_is_no_trouble);
	TAP_RUN(no_link_at_all_still_takes_frames);
	TAP_RUN(the_place_of_the_ring_is_checked);
	return tap_done();
}
