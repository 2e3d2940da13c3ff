/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames by the ring or by COM2, and what the host says. */
#include "init/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "init/kernel_told.h"

/* So much may wait for COM2 before frames are lost. */
#define QUEUE_MAX (2u << 20)
/* A ring that somebody writes over again and again is given up. */
#define MENDED_MAX 1000

static struct init_link *of(struct init_host *h)
{
	return container_of(h, struct init_link, host);
}

static void update_busy(struct init_link *l)
{
	l->host.busy = init_tty_waiting(&l->tty) > INIT_TTY_BUSY;
}

/* --- host to guest -------------------------------------------------------- */

static void on_frame(const struct frame *f, void *arg)
{
	struct init_link *l = arg;

	if (f->type == WIRE_STOP)
		l->host.stop = true;
	else if (f->type == WIRE_KERNEL_ASK)
		l->kernel_asked = true;
	else if (f->type == WIRE_GO)
		l->host.go = true;
	else if (l->host.on_frame)
		l->host.on_frame(f, l->host.frame_arg);
}

static void read_down(struct init_link *l)
{
	enum shmring_status st;
	struct frame f = { 0 };

	/* more than fits is not there: a host gone wrong must not keep us here */
	for (unsigned i = 0; l->ring.map && i < WIRE_DOWN_BYTES / sizeof(struct wire_frame); i++) {
		st = shmring_read(&l->ring.down, &f);
		if (st == SHMRING_EMPTY)
			return;
		if (st == SHMRING_FRAME)
			on_frame(&f, l);
	}
}

/* The bytes mean "look at the ring", unless they are frames. */
static void read_tty(struct init_link *l)
{
	uint8_t bytes[256];
	size_t n;

	while ((n = init_tty_read(&l->tty, bytes, sizeof(bytes))))
		frame_decoder_add(&l->decoder, bytes, n);
	read_down(l);
}

static void link_want(struct init_host *h, struct pollfd *ret)
{
	struct init_link *l = of(h);

	*ret = (struct pollfd){
		.fd = l->tty.fd,
		.events = (short)(POLLIN | (init_tty_waiting(&l->tty) ? POLLOUT : 0)),
	};
}

static void link_ready(struct init_host *h, short revents)
{
	struct init_link *l = of(h);

	if (revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL))
		read_tty(l);
	/* an error that reading does not show would come back for ever */
	if (!(revents & (POLLIN | POLLOUT)))
		close_fd(&l->tty.fd);
	init_tty_push(&l->tty);
	/* some MiB: nothing for COM2 */
	if (l->kernel_asked && l->ring.map)
		init_kernel_tell(h, "");
	l->kernel_asked = false;
	update_busy(l);
}

static void send_text(struct init_link *l, enum wire_type type, const void *payload, size_t len,
		      const void *payload2, size_t len2)
{
	_cleanup_free_ char *text = NULL;

	if (l->tty.fd >= 0 && init_tty_waiting(&l->tty) < QUEUE_MAX)
		text = frame_to_text(type, l->sequence, payload, len, payload2, len2);
	l->sequence++;
	if (!text) {
		l->lost++;
		return;
	}
	buf_str(&l->tty.out, text);
	init_tty_push(&l->tty);
	update_busy(l);
}

/* Without one of these the host would not know what happened. */
static bool must_arrive(enum wire_type type)
{
	return type == WIRE_LIFECYCLE || type == WIRE_TEST_START || type == WIRE_CRASH ||
	       type == WIRE_RESULT || type == WIRE_SCHED || type == WIRE_SCHED_STAYS ||
	       type == WIRE_HOLD || type == WIRE_DUMP_ASK || type == WIRE_ENDED ||
	       type == WIRE_EXIT;
}

struct message {
	enum wire_type type;
	const void *payload, *payload2;
	size_t len, len2;
};

static int put(struct init_link *l, const struct message *m)
{
	return shmring_write(&l->ring.up, m->type, m->payload, m->len, m->payload2, m->len2);
}

/* Until the host has made room: it sends a byte when it has. */
static int put_waiting(struct init_link *l, const struct message *m)
{
	uint64_t end = units_now_ns() + INIT_LINK_WAIT_MS * NSEC_PER_MSEC;

	for (;;) {
		struct pollfd p = { .fd = l->tty.fd, .events = POLLIN };
		uint64_t now = units_now_ns();
		int r;

		shmring_want(&l->ring.up, m->len + m->len2);
		init_ring_doorbell(&l->ring);
		/* it may have made room before it saw the wish */
		r = put(l, m);
		if (r != -EAGAIN || now >= end || p.fd < 0)
			return r;
		if (poll(&p, 1, (int)((end - now) / NSEC_PER_MSEC) + 1) > 0)
			read_tty(l);
	}
}

/* --- frames that the host may not have read yet --------------------------- */

/* In l->kept, each followed by its payload. */
struct kept {
	uint64_t end;		/* the head behind it */
	uint32_t type;
	uint32_t len;
};

static void forget_read(struct init_link *l)
{
	uint64_t tail = __atomic_load_n(&l->ring.up.ctl->tail, __ATOMIC_RELAXED);
	size_t at = 0;

	if (l->ring.up.head - tail > l->ring.up.size)
		return;		/* nonsense; the next write will notice */
	while (at < l->kept.len) {
		struct kept k;

		memcpy(&k, l->kept.data + at, sizeof(k));
		if (k.end > tail)
			break;
		at += sizeof(k) + k.len;
	}
	if (!at)
		return;
	l->kept.len -= at;
	memmove(l->kept.data, l->kept.data + at, l->kept.len);
}

static void keep(struct init_link *l, const struct message *m, uint64_t end)
{
	const struct kept k = {
		.end = end, .type = m->type, .len = (uint32_t)(m->len + m->len2),
	};

	forget_read(l);
	if (!buf_reserve(&l->kept, sizeof(k) + k.len)) {
		buf_reset(&l->kept);	/* whole frames or none */
		return;
	}
	buf_add(&l->kept, &k, sizeof(k));
	buf_add(&l->kept, m->payload, m->len);
	buf_add(&l->kept, m->payload2, m->len2);
}

/* The next one behind *at, or false. */
static bool next_kept(const struct buf *kept, size_t *at, struct message *ret)
{
	struct kept k;

	if (*at == kept->len)
		return false;
	memcpy(&k, kept->data + *at, sizeof(k));
	*ret = (struct message){
		.type = k.type, .payload = kept->data + *at + sizeof(k), .len = k.len,
	};
	*at += sizeof(k) + k.len;
	return true;
}

/* All of them once more; those that it does not take are kept until it does. */
static int send_kept(struct init_link *l)
{
	struct buf old = l->kept;
	struct message m;
	size_t at = 0;
	int r = 0;

	l->kept = (struct buf)BUF_INIT;
	while (next_kept(&old, &at, &m)) {
		if (r == 0)
			r = put_waiting(l, &m);
		keep(l, &m, r ? UINT64_MAX : l->ring.up.head);
	}
	buf_fini(&old);
	return r;
}

static void leave_ring(struct init_link *l)
{
	struct message m;
	size_t at = 0;

	init_ring_fini(&l->ring);
	init_log(&l->host, "ring: somebody wrote over it, and it stays broken; using COM2");
	while (next_kept(&l->kept, &at, &m))
		send_text(l, m.type, m.payload, m.len, NULL, 0);
	buf_reset(&l->kept);
}

/*
 * Our head is put right, and the host looks until it has read, or skipped, all
 * that was written so far: its tail is then equal to our head.
 */
static int wait_read(struct init_link *l)
{
	uint64_t end = units_now_ns() + INIT_LINK_WAIT_MS * NSEC_PER_MSEC;
	struct wire_ring_ctl *ctl = l->ring.up.ctl;

	for (;;) {
		struct pollfd p = { .fd = l->tty.fd, .events = POLLIN };
		uint64_t now = units_now_ns();

		__atomic_store_n(&ctl->head, l->ring.up.head, __ATOMIC_RELEASE);
		shmring_want(&l->ring.up, 0);
		init_ring_doorbell(&l->ring);
		if (__atomic_load_n(&ctl->tail, __ATOMIC_ACQUIRE) == l->ring.up.head)
			return 0;
		if (now >= end || p.fd < 0)
			return -EPROTO;
		if (poll(&p, 1, (int)((end - now) / NSEC_PER_MSEC) + 1) > 0)
			read_tty(l);
	}
}

/*
 * Somebody wrote over the control words. The host keeps its own copy of its
 * tail and puts the word right when it looks. What it has not read by then may
 * have been written over as well, and a frame behind such a one is skipped
 * with it: so first let it come to the end, then send again what matters.
 */
static int mend_ring(struct init_link *l)
{
	static const char text[] = "ring: somebody wrote over it";
	const struct message log = { .type = WIRE_LOG, .payload = text, .len = sizeof(text) - 1 };
	int r = l->mended < MENDED_MAX ? wait_read(l) : -EPROTO;

	if (r < 0)
		return r;
	if (l->mended++ == 0)
		(void)put_waiting(l, &log);	/* a finding, no more */
	(void)send_kept(l);			/* or the next time */
	return 0;
}

/* --- guest to host -------------------------------------------------------- */

static int send_ring(struct init_link *l, const struct message *m)
{
	int r = put(l, m);

	while (r == -EPROTO && mend_ring(l) == 0)
		r = put(l, m);
	if (r == -EAGAIN && !l->away)
		r = put_waiting(l, m);
	if (r == 0) {
		l->away = false;
		init_ring_doorbell(&l->ring);
		if (must_arrive(m->type))
			keep(l, m, l->ring.up.head);
	} else if (r == -EAGAIN) {
		l->away = true;
	} else if (r == -EPROTO) {
		leave_ring(l);
	}
	return r;
}

static void link_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		      const void *payload2, size_t len2)
{
	const struct message m = { type, payload, payload2, len, len2 };
	struct init_link *l = of(h);

	if (l->ring.map) {
		if (send_ring(l, &m) == 0)
			return;
		if (l->ring.map && !must_arrive(type)) {
			shmring_drop(&l->ring.up);
			return;
		}
	}
	send_text(l, type, payload, len, payload2, len2);
}

static void link_output(struct init_host *h, const void *bytes, size_t n)
{
	struct init_link *l = of(h);

	l->printed = true;
	if (l->tty.fd >= 0 && init_tty_waiting(&l->tty) < QUEUE_MAX)
		buf_add(&l->tty.out, bytes, n);
	else
		l->lost_output += n;
	init_tty_push(&l->tty);
	update_busy(l);
}

static void link_settle(struct init_host *h)
{
	struct init_link *l = of(h);

	if (l->printed && l->tty.fd >= 0)
		(void)init_tty_drain(&l->tty, INIT_LINK_STUCK_MS);
	l->printed = init_tty_waiting(&l->tty) > 0;
	update_busy(l);
}

static void link_forked(struct init_host *h)
{
	init_ring_forked(&of(h)->ring);
}

void init_link_init(struct init_link *l, struct init_tty *tty, struct init_ring *ring)
{
	*l = (struct init_link){
		.host = {
			.send = link_send, .output = link_output, .want = link_want,
			.ready = link_ready, .settle = link_settle,
			.forked = link_forked,
		},
		.tty = *tty,
		.ring = *ring,
		.kept = BUF_INIT,
	};
	*tty = (struct init_tty)INIT_TTY_INIT;
	*ring = (struct init_ring){ .map = NULL };
	/* without memory for it the host is heard by the ring only */
	(void)frame_decoder_init(&l->decoder, FRAME_STREAM, on_frame, NULL, l);
	read_down(l);
}

void init_link_open(struct init_link *l, const char *tty_path, const char *ring_place)
{
	struct init_tty tty = INIT_TTY_INIT;
	struct init_ring ring = { .map = NULL };
	struct err tty_err = ERR_INIT, ring_err = ERR_INIT;

	if (init_tty_open(&tty, tty_path, &tty_err) < 0)
		tty.fd = -1;
	if (!ring_place)
		err_set(&ring_err, -ENOENT, "the host gave none");
	else
		init_ring_open(&ring, ring_place, &ring_err);
	init_link_init(l, &tty, &ring);
	if (!l->ring.map)
		init_log(&l->host, "ring: %s; using COM2", err_text(&ring_err));
	if (l->tty.fd < 0)
		init_log(&l->host, "%s; no program output", err_text(&tty_err));
}

void init_link_fini(struct init_link *l)
{
	frame_decoder_fini(&l->decoder);
	init_ring_fini(&l->ring);
	init_tty_fini(&l->tty);
	buf_fini(&l->kept);
}

void init_link_report(struct init_link *l)
{
	if (l->lost || l->lost_output)
		init_log(&l->host, "COM2 could not take %llu frames and %llu bytes of output",
			 (unsigned long long)l->lost, (unsigned long long)l->lost_output);
}
