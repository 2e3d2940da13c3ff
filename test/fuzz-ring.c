/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared memory that the other side scribbles in, under a reader and a writer
 * of ours. Promises: no access outside the ring, the writer writes nothing but
 * its own words and data, a frame that is handed on is sound, and a reader
 * whose peer stands still comes to EMPTY.
 */
#include <errno.h>

#include "base/util.h"
#include "shmring/shmring.h"
#include "test/fuzz.h"

#define SEED(s) { s, sizeof(s) - 1 }

/* start, then operations; see do_operation() */
const struct fuzz_seed fuzz_seeds[] = {
	SEED("\0\0\0\3\11\5hello\0\2\3\11\3abc\0\1"),
	SEED("\0\377\377\3\11\100abcdefghijklmnop\3\11\20abc\1\1\4\1"),	/* wraps */
	SEED("\0\0\0\3\11\3abc\4\0\0\10\377\1\1\1\5\0\10\0\0\0\0\0\0\0\1\1"),
	SEED("\1\0\0\3\11\3abc\5\1\1\0\0\0\0\0\0\0\3\11\3abc\6\7\3\11\3abc\1\1"),
	{ NULL, 0 },
};

struct world {
	uint8_t *mem;
	enum shmring_dir dir;
	struct wire_ring_ctl *ctl;
	uint8_t *data;
	uint64_t size;
	struct shmring_writer w;
	struct shmring_reader r;
};

static enum shmring_status read_one(struct world *w)
{
	uint64_t tail = w->r.tail, bad = w->r.bad;
	struct frame f;
	enum shmring_status s = shmring_read(&w->r, &f);

	FUZZ_CHECK(w->r.tail % 8 == 0);
	FUZZ_CHECK(w->r.tail - tail <= w->size);
	switch (s) {
	case SHMRING_FRAME:
		FUZZ_CHECK(f.type > WIRE_NONE && f.type < WIRE_TYPE_COUNT);
		FUZZ_CHECK(f.length <= WIRE_PAYLOAD_MAX && f.payload[f.length] == '\0');
		FUZZ_CHECK(w->r.tail != tail);
		break;
	case SHMRING_BAD:
		FUZZ_CHECK(w->r.bad == bad + 1 && w->r.why[0]);
		break;
	case SHMRING_EMPTY:
		FUZZ_CHECK(w->r.tail == tail);
		break;
	default:
		FUZZ_CHECK(false);
	}
	FUZZ_CHECK(w->ctl->tail == w->r.tail);
	return s;
}

/* Our writer, and that it keeps to its place. */
static void write_one(struct world *w, struct fuzz_in *in)
{
	enum wire_type type = fuzz_u8(in);
	size_t len = fuzz_u8(in), n, len2;
	const uint8_t *payload = fuzz_take(in, len, &n);
	uint64_t tail = w->ctl->tail, head = w->w.head, used = head - tail;
	static const uint8_t zeros[WIRE_PAYLOAD_MAX];
	int r;

	/* a length with bit 7 is a large frame */
	len2 = len & 0x80 ? (len & 0x7f) << 9 : 0;
	r = shmring_write(&w->w, type, payload, n, zeros, len2);
	if (used > w->size || tail % 8)
		FUZZ_CHECK(r == -EPROTO || r == -EMSGSIZE);
	else
		FUZZ_CHECK(r == 0 || r == -EAGAIN || r == -EMSGSIZE);
	FUZZ_CHECK(w->ctl->tail == tail);
	FUZZ_CHECK(r != 0 || (w->w.head - head >= 16 && w->w.head - tail <= w->size));
	FUZZ_CHECK(w->w.head % 8 == 0);
	if (r == -EAGAIN && (len & 1))
		shmring_drop(&w->w);
	else if (r == -EAGAIN)
		shmring_want(&w->w, n + len2);
}

static void do_operation(struct world *w, struct fuzz_in *in)
{
	const uint8_t *bytes;
	uint64_t at;
	size_t n;

	switch (fuzz_u8(in) % 7) {
	case 0:
		(void)shmring_take_wanted(&w->r);
		(void)shmring_peer_drops(&w->r);
		break;
	case 1:
	case 2:
		(void)read_one(w);
		break;
	case 3:
		write_one(w, in);
		break;
	case 4:			/* bytes near the reader's tail */
		at = w->r.tail + fuzz_u16(in);
		bytes = fuzz_take(in, fuzz_u8(in), &n);
		for (size_t i = 0; i < n; i++)
			w->data[(at + i) % w->size] = bytes[i];
		break;
	case 5:			/* head, by how much it is off */
		at = fuzz_u8(in);
		w->ctl->head = (at & 1 ? w->ctl->head : w->r.tail) + fuzz_u64(in);
		break;
	case 6:			/* tail, the same */
		w->ctl->tail += fuzz_u64(in) * 8;
		break;
	}
}

/* The bytes between and behind the directions, and the other direction's. */
static void check_untouched(const struct world *w)
{
	const struct wire_ring *ring = (const void *)w->mem;
	const struct wire_ring_ctl *other = w->dir == SHMRING_UP ? &ring->down : &ring->up;
	const uint8_t *p = w->mem + WIRE_DATA_OFFSET;
	size_t data_end = WIRE_DATA_OFFSET + WIRE_UP_BYTES + WIRE_DOWN_BYTES;

	FUZZ_CHECK(shmring_check(w->mem, WIRE_RING_BYTES) == 0);
	FUZZ_CHECK(!other->head && !other->tail && !other->wanted && !other->drops);
	FUZZ_CHECK(!w->mem[WIRE_DATA_OFFSET - 1] && !w->mem[data_end]);
	if (w->dir == SHMRING_UP)
		FUZZ_CHECK(p[WIRE_UP_BYTES] == 0 && p[WIRE_UP_BYTES + 7] == 0);
	else
		FUZZ_CHECK(p[0] == 0 && p[WIRE_UP_BYTES - 1] == 0);
}

static void world_init(struct world *w, struct fuzz_in *in)
{
	static void *ring;	/* kept: to map and unmap 1 MiB takes longer than the rest */
	uint64_t start;

	if (!ring)
		ring = aligned_alloc(4096, WIRE_RING_BYTES);
	FUZZ_CHECK(ring);
	w->mem = memset(ring, 0, WIRE_RING_BYTES);
	w->dir = fuzz_u8(in) & 1 ? SHMRING_DOWN : SHMRING_UP;
	shmring_format(ring, WIRE_RING_BYTES);
	shmring_writer_init(&w->w, ring, w->dir);
	FUZZ_CHECK(shmring_reader_init(&w->r, ring, w->dir) == 0);
	w->ctl = w->w.ctl;
	w->data = w->w.data;
	w->size = w->w.size;
	/* anywhere in the ring, so that small frames wrap */
	start = (uint64_t)fuzz_u16(in) * 8;
	w->w.head = w->r.tail = w->r.bad_head = w->ctl->head = w->ctl->tail = start;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct world w;
	unsigned calls = 0;

	world_init(&w, &in);
	while (in.left)
		do_operation(&w, &in);
	/* the last frame of 8 bytes is bad: hence one more */
	while (read_one(&w) != SHMRING_EMPTY)
		FUZZ_CHECK(++calls <= w.size / sizeof(struct wire_frame) + 1);
	check_untouched(&w);
	shmring_reader_fini(&w.r);
	return 0;
}
