/* SPDX-License-Identifier: GPL-2.0-only */
/* The shared-memory ring: each end against a hostile other one. */
#include <errno.h>

#include "base/util.h"
#include "test/ring-pair.h"
#include "test/tap.h"

static void a_writer_refuses_a_tail_that_makes_no_sense(void)
{
	static const uint64_t offsets[] = {
		8, 16, 1, 7, WIRE_UP_BYTES, UINT64_MAX / 2, (uint64_t)-1,
		-(uint64_t)WIRE_UP_BYTES - 8,
	};
	struct pair p;

	pair_init(&p, SHMRING_UP);
	pair_start_at(&p, 8 * WIRE_UP_BYTES);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		p.ring->up.tail = p.w.head + offsets[i];
		tap_ok(put(&p, "x") == -EPROTO, "tail off by 0x%llx",
		       (unsigned long long)offsets[i]);
		tap_eq(p.ring->up.head, 8 * WIRE_UP_BYTES);
	}
	/* the reader mends its word when it looks next */
	tap_eq(next(&p), SHMRING_EMPTY);
	tap_eq(put(&p, "x"), 0);
	tap_ok(get(&p, "x"), "as before");
	pair_fini(&p);
}

static void a_head_that_cannot_be_is_said_once_and_costs_nothing(void)
{
	static const struct {
		uint64_t offset;	/* from the reader's tail */
		const char *why;
	} rows[] = {
		{ 1, "multiple" }, { 4, "multiple" }, { 17, "multiple" },
		{ WIRE_UP_BYTES + 8, "not within" }, { (uint64_t)1 << 63, "not within" },
		{ -(uint64_t)8, "went back" }, { -(uint64_t)WIRE_UP_BYTES, "went back" },
		{ -(uint64_t)WIRE_UP_BYTES - 8, "not within" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pair p;

		pair_init(&p, SHMRING_UP);
		pair_start_at(&p, 5 * WIRE_UP_BYTES);
		tap_eq(put(&p, "first"), 0);
		p.ring->up.head = p.r.tail + rows[i].offset;
		tap_eq(next(&p), SHMRING_BAD);
		tap_ok(strstr(p.r.why, rows[i].why), "row %zu: %s", i, p.r.why);
		tap_eq(next(&p), SHMRING_EMPTY);
		tap_eq(next(&p), SHMRING_EMPTY);
		tap_eq(p.r.bad, 1);
		tap_eq(put(&p, "second"), 0);	/* the writer knows its own head */
		tap_ok(get(&p, "first"), "row %zu: first", i);
		tap_ok(get(&p, "second"), "row %zu: second", i);
		tap_eq(next(&p), SHMRING_EMPTY);
		tap_eq(p.r.missed, 0);
		pair_fini(&p);
	}
}

static void the_same_wrong_head_is_said_again_after_a_right_one(void)
{
	struct pair p;

	pair_init(&p, SHMRING_UP);
	p.ring->up.head = 3;
	tap_eq(next(&p), SHMRING_BAD);
	p.ring->up.head = 0;
	tap_eq(next(&p), SHMRING_EMPTY);
	p.ring->up.head = 3;
	tap_eq(next(&p), SHMRING_BAD);
	tap_eq(p.r.bad, 2);
	pair_fini(&p);
}

/* Frames "one" and "two" in the ring; the header of the first, to be damaged. */
static struct wire_frame *two_frames(struct pair *p)
{
	pair_init(p, SHMRING_UP);
	put(p, "one");
	put(p, "two");
	return (struct wire_frame *)((uint8_t *)p->ring + WIRE_DATA_OFFSET);
}

static void a_damaged_frame_is_skipped_and_the_next_one_read(void)
{
	for (unsigned bit = 0; bit < 8 * (sizeof(struct wire_frame) + 3); bit++) {
		bool is_length = bit / 32 == 2;
		struct pair p;
		uint8_t *bytes = (uint8_t *)two_frames(&p);

		if (is_length && bit < 64 + 5) {	/* still within what is there */
			pair_fini(&p);
			continue;
		}
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		tap_ok(next(&p) == SHMRING_BAD, "bit %u", bit);
		if (is_length) {
			tap_ok(next(&p) == SHMRING_EMPTY, "bit %u: skipped to the head", bit);
		} else {
			tap_ok(get(&p, "two"), "bit %u", bit);
			tap_eq(p.r.missed, 1);
		}
		tap_eq(put(&p, "three"), 0);
		tap_ok(get(&p, "three"), "bit %u", bit);
		tap_eq(p.r.bad, 1);
		pair_fini(&p);
	}
}

static void header_fields_out_of_range_are_named(void)
{
	static const struct {
		uint16_t type, flags;
		uint32_t length;
		const char *why;
	} rows[] = {
		{ WIRE_NONE, 0, 3, "unknown type" },
		{ WIRE_TYPE_COUNT, 0, 3, "unknown type" },
		{ 0xffff, 0, 3, "unknown type" },
		{ WIRE_LOG, 1, 3, "unknown flags" },
		{ WIRE_LOG, 0x8000, 3, "unknown flags" },
		{ WIRE_LOG, 0, 33, "cannot hold" },	/* 48 bytes are there */
		{ WIRE_LOG, 0, WIRE_PAYLOAD_MAX, "cannot hold" },
		{ WIRE_LOG, 0, WIRE_PAYLOAD_MAX + 1, "cannot hold" },
		{ WIRE_LOG, 0, INT32_MAX, "cannot hold" },
		{ WIRE_LOG, 0, UINT32_MAX, "cannot hold" },
		{ WIRE_LOG, 0, UINT32_MAX - 15, "cannot hold" },
		{ WIRE_LOG, 0, UINT32_MAX - 22, "cannot hold" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pair p;
		struct wire_frame *h = two_frames(&p);

		*h = (struct wire_frame){ rows[i].type, rows[i].flags, 0, rows[i].length, 0 };
		if (rows[i].length == 3)
			h->crc32 = wire_crc(h, "one");
		tap_eq(next(&p), SHMRING_BAD);
		tap_ok(strstr(p.r.why, rows[i].why), "row %zu: %s", i, p.r.why);
		if (rows[i].length == 3)
			tap_ok(get(&p, "two"), "row %zu", i);
		tap_eq(next(&p), SHMRING_EMPTY);
		pair_fini(&p);
	}
}

static void half_a_header_before_the_head_is_bad(void)
{
	struct pair p;

	two_frames(&p);
	p.ring->up.head = 8;
	tap_eq(next(&p), SHMRING_BAD);
	tap_eq(p.r.tail, 8);
	tap_eq(p.ring->up.tail, 8);
	tap_eq(next(&p), SHMRING_EMPTY);
	pair_fini(&p);
}

static void missing_and_repeated_numbers_are_told_apart(void)
{
	struct pair p;

	pair_init(&p, SHMRING_UP);
	put(&p, "a");
	p.w.sequence += 5;
	put(&p, "b");
	p.w.sequence = 0;	/* began anew */
	put(&p, "c");
	put(&p, "d");
	tap_ok(get(&p, "a") && get(&p, "b") && get(&p, "c") && get(&p, "d"), "all of them");
	tap_eq(p.r.missed, 5);
	p.r.sequence = p.w.sequence = UINT32_MAX;
	put(&p, "e");
	put(&p, "f");
	tap_ok(get(&p, "e") && get(&p, "f"), "around 2^32");
	tap_eq(p.r.missed, 5);
	pair_fini(&p);
}

/* Words that are likely to hurt, and any others. */
static uint64_t garbage(uint32_t *rnd)
{
	static const uint64_t edges[] = {
		0, 8, 15, 16, WIRE_UP_BYTES - 8, WIRE_UP_BYTES, WIRE_UP_BYTES + 8, UINT64_MAX,
		UINT64_MAX - 7, (uint64_t)1 << 63, WIRE_PAYLOAD_MAX,
	};

	*rnd = *rnd * 1664525 + 1013904223;
	if (*rnd & 0x100)
		return edges[(*rnd >> 16) % ARRAY_SIZE(edges)];
	return ((uint64_t)*rnd << 32 | (*rnd * 2654435761u)) & (*rnd & 0x200 ? ~7ull : 0xffff8);
}

static void garbage_memory_neither_hangs_nor_crashes_an_end(void)
{
	uint32_t rnd = 77;
	struct pair p;

	pair_init(&p, SHMRING_UP);
	for (int round = 0; round < 300; round++) {
		uint64_t *word = (uint64_t *)p.ring;
		unsigned calls = 0;

		for (size_t i = 0; i < WIRE_RING_BYTES / 8; i += 1 + (round % 3) * 100)
			word[i] = garbage(&rnd);
		p.ring->up.head = p.r.tail + garbage(&rnd);
		while (next(&p) != SHMRING_EMPTY && ++calls <= WIRE_UP_BYTES / 8)
			;
		if (calls > WIRE_UP_BYTES / 8)
			break;
		if (round == 299)
			tap_ok(true, "each round came to an end");
		(void)put(&p, "x");
		(void)shmring_take_wanted(&p.r);
		(void)shmring_peer_drops(&p.r);
	}
	tap_ok(p.r.bad > 100, "%llu times bad", (unsigned long long)p.r.bad);
	pair_fini(&p);
}

int main(void)
{
	TAP_RUN(a_writer_refuses_a_tail_that_makes_no_sense);
	TAP_RUN(a_head_that_cannot_be_is_said_once_and_costs_nothing);
	TAP_RUN(the_same_wrong_head_is_said_again_after_a_right_one);
	TAP_RUN(a_damaged_frame_is_skipped_and_the_next_one_read);
	TAP_RUN(header_fields_out_of_range_are_named);
	TAP_RUN(half_a_header_before_the_head_is_bad);
	TAP_RUN(missing_and_repeated_numbers_are_told_apart);
	TAP_RUN(garbage_memory_neither_hangs_nor_crashes_an_end);
	return tap_done();
}
