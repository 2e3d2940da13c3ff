/* SPDX-License-Identifier: GPL-2.0-only */
/* The shared-memory ring: both ends, in order and in two threads. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/util.h"
#include "test/ring-pair.h"
#include "test/tap.h"

static void a_formatted_ring_is_recognised_and_no_other(void)
{
	struct pair p;
	uint32_t *word;

	pair_init(&p, SHMRING_UP);
	word = (uint32_t *)p.ring;
	tap_eq(shmring_check(p.ring, WIRE_RING_BYTES), 0);
	tap_eq(-shmring_check(p.ring, WIRE_RING_BYTES - 1), EPROTO);
	for (int i = 0; i < 4; i++) {
		word[i] ^= 1;
		tap_eq(-shmring_check(p.ring, WIRE_RING_BYTES), EPROTO);
		word[i] ^= 1;
	}
	tap_eq(shmring_check(p.ring, WIRE_RING_BYTES), 0);
	pair_fini(&p);
}

static void an_empty_ring_has_no_frame(void)
{
	struct pair p;

	pair_init(&p, SHMRING_UP);
	tap_eq(next(&p), SHMRING_EMPTY);
	tap_eq(next(&p), SHMRING_EMPTY);
	tap_eq(p.r.bad, 0);
	tap_ok(!shmring_take_wanted(&p.r), "nobody waits");
	pair_fini(&p);
}

static void a_frame_arrives_as_it_was_written(void)
{
	struct pair p;
	struct frame f;

	pair_init(&p, SHMRING_DOWN);
	tap_eq(shmring_write(&p.w, WIRE_STOP, NULL, 0, NULL, 0), 0);
	tap_eq(shmring_write(&p.w, WIRE_DETAIL, "head", 4, "tail", 4), 0);
	tap_eq(shmring_read(&p.r, &f), SHMRING_FRAME);
	tap_eq(f.type, WIRE_STOP);
	tap_eq(f.sequence, 0);
	tap_eq(f.length, 0);
	tap_eq(shmring_read(&p.r, &f), SHMRING_FRAME);
	tap_eq(f.type, WIRE_DETAIL);
	tap_eq(f.sequence, 1);
	tap_str((const char *)f.payload, "headtail");
	tap_eq(shmring_read(&p.r, &f), SHMRING_EMPTY);
	tap_eq(p.r.frames, 2);
	tap_eq(p.r.bytes, 8);
	tap_eq(p.r.missed, 0);
	pair_fini(&p);
}

static void directions_do_not_touch_each_other(void)
{
	struct pair up, down;

	pair_init(&up, SHMRING_UP);
	down.ring = up.ring;
	shmring_writer_init(&down.w, up.ring, SHMRING_DOWN);
	tap_eq(shmring_reader_init(&down.r, up.ring, SHMRING_DOWN), 0);
	while (put(&up, "upwards") == 0)
		;
	tap_eq(put(&down, "downwards"), 0);
	while (put(&down, "downwards") == 0)
		;
	tap_ok(get(&up, "upwards") && get(&down, "downwards"), "both");
	while (get(&up, "upwards") || get(&down, "downwards"))
		;
	tap_eq(next(&up), SHMRING_EMPTY);
	tap_eq(next(&down), SHMRING_EMPTY);
	tap_eq(shmring_check(up.ring, WIRE_RING_BYTES), 0);
	shmring_reader_fini(&down.r);
	pair_fini(&up);
}

static void random_sizes_go_around_the_end_unharmed(void)
{
	static uint8_t bytes[WIRE_PAYLOAD_MAX];
	uint64_t written = 0, read = 0;
	uint32_t rnd = 1;
	size_t lengths[4096];
	struct pair p;
	struct frame f;
	unsigned wrong = 0;

	pair_init(&p, SHMRING_UP);
	while (read < 3000) {
		size_t len;

		rnd = rnd * 1664525 + 1013904223;
		len = (rnd >> 8) % (rnd & 0x80 ? 64 : 20000);
		fill(bytes, len, written);
		if (written < 3000 && shmring_write(&p.w, WIRE_STDOUT, bytes, len / 3,
						    bytes + len / 3, len - len / 3) == 0) {
			lengths[written++] = len;
			continue;
		}
		/* full: take some */
		for (int i = 0; i < 20 && read < written; i++, read++)
			wrong += shmring_read(&p.r, &f) != SHMRING_FRAME ||
				 f.length != lengths[read] || f.sequence != read ||
				 !is_filled(&f, read);
	}
	tap_eq(wrong, 0);
	tap_ok(p.w.head > 10 * (uint64_t)WIRE_UP_BYTES, "around more than ten times");
	tap_eq(next(&p), SHMRING_EMPTY);
	tap_eq(p.r.bad + p.r.missed, 0);
	pair_fini(&p);
}

static void every_position_of_the_end_within_a_frame_works(void)
{
	uint8_t bytes[40];
	struct pair p;
	struct frame f;

	pair_init(&p, SHMRING_DOWN);
	fill(bytes, sizeof(bytes), 9);
	for (uint64_t at = WIRE_DOWN_BYTES - 64; at <= WIRE_DOWN_BYTES; at += 8) {
		pair_start_at(&p, at);
		tap_eq(shmring_write(&p.w, WIRE_LOG, bytes, 7, bytes + 7, 33), 0);
		tap_eq(shmring_read(&p.r, &f), SHMRING_FRAME);
		tap_ok(f.length == 40 && is_filled(&f, 9), "at %llu", (unsigned long long)at);
	}
	/* and the counts may go around 2^64, too */
	pair_start_at(&p, UINT64_MAX - 31);
	tap_eq(shmring_write(&p.w, WIRE_LOG, bytes, 40, NULL, 0), 0);
	tap_eq(shmring_read(&p.r, &f), SHMRING_FRAME);
	tap_ok(is_filled(&f, 9), "around 2^64");
	tap_eq(p.w.head, 24);
	pair_fini(&p);
}

static void a_full_ring_takes_nothing_more_until_something_is_read(void)
{
	struct pair p;
	unsigned n = 0;

	pair_init(&p, SHMRING_DOWN);
	while (put(&p, "12345678") == 0)
		n++;
	tap_eq(n, WIRE_DOWN_BYTES / 24);	/* 16 bytes are left: no frame of 24 */
	tap_eq(-put(&p, "12345678"), EAGAIN);
	tap_eq(put(&p, ""), 0);			/* but one of 16 */
	tap_eq(p.w.head, WIRE_DOWN_BYTES);
	tap_eq(-put(&p, ""), EAGAIN);
	for (unsigned i = 0; i < n; i++)
		tap_ok(get(&p, "12345678"), "frame %u", i);
	tap_ok(get(&p, ""), "the last one");
	tap_eq(next(&p), SHMRING_EMPTY);
	tap_eq(put(&p, "12345678"), 0);
	pair_fini(&p);
}

static void what_cannot_ever_fit_is_refused_as_too_long(void)
{
	static uint8_t bytes[WIRE_PAYLOAD_MAX + 1];
	struct pair up, down;

	pair_init(&up, SHMRING_UP);
	pair_init(&down, SHMRING_DOWN);
	tap_eq(shmring_write(&up.w, WIRE_LOG, bytes, WIRE_PAYLOAD_MAX, NULL, 0), 0);
	tap_eq(-shmring_write(&up.w, WIRE_LOG, bytes, WIRE_PAYLOAD_MAX, bytes, 1), EMSGSIZE);
	tap_eq(-shmring_write(&up.w, WIRE_LOG, bytes, SIZE_MAX, bytes, 1), EMSGSIZE);
	tap_eq(-shmring_write(&down.w, WIRE_LOG, bytes, WIRE_PAYLOAD_MAX, NULL, 0), EMSGSIZE);
	tap_eq(shmring_write(&down.w, WIRE_LOG, bytes, WIRE_DOWN_BYTES - 16, NULL, 0), 0);
	tap_eq(next(&up), SHMRING_FRAME);
	tap_eq(next(&up), SHMRING_EMPTY);
	tap_eq(next(&down), SHMRING_FRAME);
	pair_fini(&down);
	pair_fini(&up);
}

static void dropped_frames_are_told_before_the_next_one(void)
{
	struct wire_lost lost;
	struct pair p;
	struct frame f;

	pair_init(&p, SHMRING_DOWN);
	while (put(&p, "fill") == 0)
		;
	shmring_drop(&p.w);
	shmring_drop(&p.w);
	shmring_drop(&p.w);
	tap_eq(shmring_peer_drops(&p.r), 3);
	tap_eq(-put(&p, "later"), EAGAIN);	/* what tells it does not fit either */
	while (get(&p, "fill"))
		;
	tap_eq(put(&p, "later"), 0);
	tap_eq(shmring_read(&p.r, &f), SHMRING_FRAME);
	tap_eq(f.type, WIRE_LOST);
	tap_ok(frame_get_lost(&f, &lost) && lost.frames == 3, "three");
	tap_ok(get(&p, "later"), "then the frame");
	tap_eq(put(&p, "once"), 0);
	tap_ok(get(&p, "once"), "told once");
	shmring_drop(&p.w);
	tap_eq(shmring_peer_drops(&p.r), 4);
	tap_eq(p.r.missed, 0);
	pair_fini(&p);
}

static void a_waiting_writer_is_seen_once(void)
{
	struct pair p;

	pair_init(&p, SHMRING_UP);
	shmring_want(&p.w, 100);
	tap_eq(p.ring->up.wanted, 120);
	shmring_drop(&p.w);
	shmring_want(&p.w, 100);
	tap_eq(p.ring->up.wanted, 144);
	tap_ok(shmring_take_wanted(&p.r), "wanted");
	tap_ok(!shmring_take_wanted(&p.r), "taken");
	pair_fini(&p);
}

/* --- two threads ---------------------------------------------------------- */

#define THREAD_FRAMES 100000

static size_t thread_len(uint64_t n)
{
	return (n * 2654435761u >> 7) % (n % 16 ? 100 : 3000);
}

struct threads {
	struct pair p;
	unsigned wakes;		/* atomic: given by the reader, taken by the writer */
	unsigned waits;
	bool stop;		/* atomic: the reader has seen enough */
	int error;
};

static void wait_for_room(struct threads *t, size_t len)
{
	shmring_want(&t->p.w, len);
	t->waits++;
	while (!__atomic_exchange_n(&t->wakes, 0, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&t->stop, __ATOMIC_RELAXED))
		sched_yield();
}

static void *write_thread(void *arg)
{
	struct threads *t = arg;
	uint8_t bytes[3000];

	for (uint64_t n = 0; n < THREAD_FRAMES && !t->error; ) {
		size_t len = thread_len(n);
		int r;

		fill(bytes, len, n);
		r = shmring_write(&t->p.w, WIRE_STDOUT, bytes, len / 2, bytes + len / 2,
				  len - len / 2);
		if (r == 0)
			n++;
		else if (r == -EAGAIN && !__atomic_load_n(&t->stop, __ATOMIC_RELAXED))
			wait_for_room(t, len);
		else
			t->error = r;
	}
	return NULL;
}

static void two_threads_pass_100000_frames_unharmed(void)
{
	struct threads t = { .wakes = 0 };
	uint64_t n = 0, wrong = 0;
	struct frame f;
	pthread_t thread;

	pair_init(&t.p, SHMRING_DOWN);
	tap_eq(pthread_create(&thread, NULL, write_thread, &t), 0);
	/* whoever is faster later: the ring was full once, and its writer waits */
	while (!shmring_take_wanted(&t.p.r))
		sched_yield();
	__atomic_store_n(&t.wakes, 1, __ATOMIC_RELEASE);
	while (n < THREAD_FRAMES && !t.p.r.bad) {
		enum shmring_status s = shmring_read(&t.p.r, &f);

		if (s == SHMRING_FRAME) {
			wrong += f.length != thread_len(n) || f.sequence != (uint32_t)n ||
				 !is_filled(&f, n);
			n++;
			continue;
		}
		/* empty is when a waiting writer is woken */
		if (shmring_take_wanted(&t.p.r))
			__atomic_store_n(&t.wakes, 1, __ATOMIC_RELEASE);
		sched_yield();
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tap_eq(n, THREAD_FRAMES);
	tap_eq(wrong, 0);
	tap_eq(t.error, 0);
	tap_eq(t.p.r.bad + t.p.r.missed, 0);
	tap_ok(t.waits > 0, "the ring was full once");
	pair_fini(&t.p);
}

int main(void)
{
	TAP_RUN(a_formatted_ring_is_recognised_and_no_other);
	TAP_RUN(an_empty_ring_has_no_frame);
	TAP_RUN(a_frame_arrives_as_it_was_written);
	TAP_RUN(directions_do_not_touch_each_other);
	TAP_RUN(random_sizes_go_around_the_end_unharmed);
	TAP_RUN(every_position_of_the_end_within_a_frame_works);
	TAP_RUN(a_full_ring_takes_nothing_more_until_something_is_read);
	TAP_RUN(what_cannot_ever_fit_is_refused_as_too_long);
	TAP_RUN(dropped_frames_are_told_before_the_next_one);
	TAP_RUN(a_waiting_writer_is_seen_once);
	TAP_RUN(two_threads_pass_100000_frames_unharmed);
	return tap_done();
}
