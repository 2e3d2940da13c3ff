/* SPDX-License-Identifier: GPL-2.0-only */
/* Both ends of the ring. The words head, tail and so on are those of wire.h. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "shmring/shmring.h"

#define ALIGN 8
_Static_assert(WIRE_DATA_OFFSET + WIRE_UP_BYTES + WIRE_DOWN_BYTES <= WIRE_RING_BYTES, "it fits");
_Static_assert((WIRE_UP_BYTES & (WIRE_UP_BYTES - 1)) == 0, "positions are masked");
_Static_assert((WIRE_DOWN_BYTES & (WIRE_DOWN_BYTES - 1)) == 0, "positions are masked");
_Static_assert(sizeof(struct wire_ring) <= WIRE_DATA_OFFSET, "control before data");

void shmring_format(void *ring, size_t size)
{
	const struct wire_ring_hdr hdr = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.up_bytes = WIRE_UP_BYTES,
		.down_bytes = WIRE_DOWN_BYTES,
	};

	assert(size >= WIRE_RING_BYTES);
	memset(ring, 0, WIRE_DATA_OFFSET);
	memcpy(ring, &hdr, sizeof(hdr));
}

int shmring_check(const void *ring, size_t size)
{
	struct wire_ring_hdr hdr;

	if (size < WIRE_RING_BYTES)
		return -EPROTO;
	memcpy(&hdr, ring, sizeof(hdr));
	/* the sizes are the same constants on both sides; they are never read again */
	if (hdr.magic != WIRE_MAGIC || hdr.version != WIRE_VERSION ||
	    hdr.up_bytes != WIRE_UP_BYTES || hdr.down_bytes != WIRE_DOWN_BYTES)
		return -EPROTO;
	return 0;
}

static struct wire_ring_ctl *find_ctl(void *ring, enum shmring_dir dir)
{
	struct wire_ring *r = ring;

	return dir == SHMRING_UP ? &r->up : &r->down;
}

static uint8_t *find_data(void *ring, enum shmring_dir dir)
{
	return (uint8_t *)ring + WIRE_DATA_OFFSET + (dir == SHMRING_UP ? 0 : WIRE_UP_BYTES);
}

static uint64_t find_size(enum shmring_dir dir)
{
	return dir == SHMRING_UP ? WIRE_UP_BYTES : WIRE_DOWN_BYTES;
}

/* Bytes that a frame takes; len is at most WIRE_PAYLOAD_MAX. */
static uint64_t frame_bytes(uint64_t len)
{
	return round_up(sizeof(struct wire_frame) + len, ALIGN);
}

/* --- writer --------------------------------------------------------------- */

void shmring_writer_init(struct shmring_writer *w, void *ring, enum shmring_dir dir)
{
	*w = (struct shmring_writer){
		.ctl = find_ctl(ring, dir),
		.data = find_data(ring, dir),
		.size = find_size(dir),
	};
}

/* Copy to position at, around the end; n is at most the ring's size. */
static void copy_in(struct shmring_writer *w, uint64_t at, const void *bytes, size_t n)
{
	size_t off = at & (w->size - 1);
	size_t first = MIN(n, w->size - off);

	if (!n)
		return;		/* bytes may be NULL */
	memcpy(w->data + off, bytes, first);
	memcpy(w->data, (const uint8_t *)bytes + first, n - first);
}

/* Room for need more bytes? 0, -EAGAIN, or -EPROTO. */
static int check_room(const struct shmring_writer *w, uint64_t need)
{
	/* acquire: the reader has copied out what it gives back */
	uint64_t tail = __atomic_load_n(&w->ctl->tail, __ATOMIC_ACQUIRE);
	uint64_t used = w->head - tail;		/* huge when the tail is ahead of us */

	if (used > w->size || tail % ALIGN)
		return -EPROTO;
	return need > w->size - used ? -EAGAIN : 0;
}

static int write_frame(struct shmring_writer *w, enum wire_type type,
		       const struct wire_part part[WIRE_PARTS])
{
	struct wire_frame h = { .type = (uint16_t)type, .sequence = w->sequence };
	uint64_t at = w->head;
	int r;

	if (!wire_seal(&h, part) || frame_bytes(h.length) > w->size)
		return -EMSGSIZE;
	r = check_room(w, frame_bytes(h.length));
	if (r < 0)
		return r;
	copy_in(w, at, &h, sizeof(h));
	at += sizeof(h);
	copy_in(w, at, part[0].bytes, part[0].len);
	copy_in(w, at + part[0].len, part[1].bytes, part[1].len);
	w->head += frame_bytes(h.length);
	w->sequence++;
	/* release: who sees the head sees the frame */
	__atomic_store_n(&w->ctl->head, w->head, __ATOMIC_RELEASE);
	return 0;
}

static int tell_drops(struct shmring_writer *w)
{
	const struct wire_lost lost = { .frames = w->drops };
	const struct wire_part part[WIRE_PARTS] = { { &lost, sizeof(lost) }, { NULL, 0 } };
	int r = w->drops ? write_frame(w, WIRE_LOST, part) : 0;

	if (r == 0)
		w->drops = 0;
	return r;
}

int shmring_write(struct shmring_writer *w, enum wire_type type,
		  const void *payload, size_t len, const void *payload2, size_t len2)
{
	const struct wire_part part[WIRE_PARTS] = { { payload, len }, { payload2, len2 } };
	int r = tell_drops(w);

	return r < 0 ? r : write_frame(w, type, part);
}

void shmring_want(struct shmring_writer *w, size_t len)
{
	uint64_t need = frame_bytes(MIN(len, WIRE_PAYLOAD_MAX));

	if (w->drops)
		need += frame_bytes(sizeof(struct wire_lost));
	/* never 0: 2^64 bytes are not written in a lifetime */
	__atomic_store_n(&w->ctl->wanted, w->head + need, __ATOMIC_RELEASE);
}

void shmring_drop(struct shmring_writer *w)
{
	w->drops++;
	w->drops_total++;
	__atomic_store_n(&w->ctl->drops, w->drops_total, __ATOMIC_RELAXED);
}

/* --- reader --------------------------------------------------------------- */

int shmring_reader_init(struct shmring_reader *r, void *ring, enum shmring_dir dir)
{
	*r = (struct shmring_reader){
		.ctl = find_ctl(ring, dir),
		.data = find_data(ring, dir),
		.size = find_size(dir),
		.copy = malloc(WIRE_PAYLOAD_MAX + 1),
	};
	return r->copy ? 0 : -ENOMEM;
}

void shmring_reader_fini(struct shmring_reader *r)
{
	free(r->copy);
	r->copy = NULL;
}

/* Copy from position at, around the end; n is at most the ring's size. */
static void copy_out(const struct shmring_reader *r, uint64_t at, void *bytes, size_t n)
{
	size_t off = at & (r->size - 1);
	size_t first = MIN(n, r->size - off);

	memcpy(bytes, r->data + off, first);
	memcpy((uint8_t *)bytes + first, r->data, n - first);
	/*
	 * The writer may change the bytes at any time. The compiler must not
	 * think that it may look there again instead of at the copy.
	 */
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

/* Everything before tail may be overwritten. */
static void give_back(struct shmring_reader *r, uint64_t tail)
{
	r->tail = r->bad_head = tail;
	/* release: the copy was made before */
	__atomic_store_n(&r->ctl->tail, tail, __ATOMIC_RELEASE);
}

__attribute__((format(printf, 2, 3)))
static enum shmring_status bad(struct shmring_reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	r->bad++;
	return SHMRING_BAD;
}

static enum shmring_status bad_head(struct shmring_reader *r, uint64_t head)
{
	r->bad_head = head;
	if (head % ALIGN)
		return bad(r, "head 0x%" PRIx64 " is not a multiple of %d", head, ALIGN);
	if (r->tail - head <= r->size)
		return bad(r, "head 0x%" PRIx64 " went back behind tail 0x%" PRIx64, head, r->tail);
	return bad(r, "head 0x%" PRIx64 " is not within the ring behind tail 0x%" PRIx64,
		   head, r->tail);
}

static void count_missed(struct shmring_reader *r, uint32_t sequence)
{
	uint32_t gap = sequence - r->sequence;

	/* a number from the past is a writer that began anew: nothing is missing */
	if (gap <= INT32_MAX)
		r->missed += gap;
	r->sequence = sequence + 1;
}

/* A frame is at the tail; used bytes, a multiple of 8 and not 0, lie before the head. */
static enum shmring_status read_frame(struct shmring_reader *r, uint64_t used, struct frame *ret)
{
	uint64_t at = r->tail;
	struct wire_frame h = { 0 };
	const char *wrong;

	if (used >= sizeof(h))
		copy_out(r, at, &h, sizeof(h));
	if (used < sizeof(h) || h.length > WIRE_PAYLOAD_MAX || frame_bytes(h.length) > used) {
		give_back(r, at + used);
		return bad(r, "%" PRIu64 " bytes cannot hold a header and %" PRIu32, used,
			   h.length);
	}
	copy_out(r, at + sizeof(h), r->copy, h.length);
	r->copy[h.length] = '\0';
	give_back(r, at + frame_bytes(h.length));
	wrong = wire_wrong(&h, r->copy);
	if (wrong)
		return bad(r, "%s: type %u, flags %u, length %" PRIu32, wrong, h.type, h.flags,
			   h.length);
	count_missed(r, h.sequence);
	r->frames++;
	r->bytes += h.length;
	*ret = (struct frame){
		.type = h.type,
		.sequence = h.sequence,
		.length = h.length,
		.payload = r->copy,
	};
	return SHMRING_FRAME;
}

enum shmring_status shmring_read(struct shmring_reader *r, struct frame *ret)
{
	/* acquire: the frames before the head are there */
	uint64_t head = __atomic_load_n(&r->ctl->head, __ATOMIC_ACQUIRE);
	uint64_t used = head - r->tail;

	/* somebody wrote over our word: a writer that sees it gives the ring up */
	if (__atomic_load_n(&r->ctl->tail, __ATOMIC_RELAXED) != r->tail)
		__atomic_store_n(&r->ctl->tail, r->tail, __ATOMIC_RELEASE);
	if (head == r->bad_head)
		return SHMRING_EMPTY;	/* complained about, or equal to the tail */
	r->bad_head = r->tail;
	if (!used)
		return SHMRING_EMPTY;
	if (used > r->size || head % ALIGN)
		return bad_head(r, head);
	return read_frame(r, used, ret);
}

bool shmring_take_wanted(struct shmring_reader *r)
{
	/* acquire and release: the tail that was given back is visible before */
	return __atomic_exchange_n(&r->ctl->wanted, 0, __ATOMIC_ACQ_REL) != 0;
}

uint64_t shmring_peer_drops(const struct shmring_reader *r)
{
	return __atomic_load_n(&r->ctl->drops, __ATOMIC_RELAXED);
}
