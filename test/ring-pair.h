/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_RING_PAIR_H
#define KTSTR_TEST_RING_PAIR_H
/* A ring with both of its ends, for unit-ring*.c. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shmring/shmring.h"

struct pair {
	struct wire_ring *ring;
	struct shmring_writer w;
	struct shmring_reader r;
};

__attribute__((unused)) static void pair_init(struct pair *p, enum shmring_dir dir)
{
	p->ring = aligned_alloc(4096, WIRE_RING_BYTES);
	memset(p->ring, 0, WIRE_RING_BYTES);
	shmring_format(p->ring, WIRE_RING_BYTES);
	shmring_writer_init(&p->w, p->ring, dir);
	if (shmring_reader_init(&p->r, p->ring, dir) < 0)
		abort();
}

__attribute__((unused)) static void pair_fini(struct pair *p)
{
	shmring_reader_fini(&p->r);
	free(p->ring);
}

/* Both ends begin at a count of at bytes instead of 0. */
__attribute__((unused)) static void pair_start_at(struct pair *p, uint64_t at)
{
	p->w.head = p->r.tail = p->r.bad_head = p->w.ctl->head = p->w.ctl->tail = at;
}

__attribute__((unused)) static uint8_t pattern(uint64_t n, size_t i)
{
	return (uint8_t)((n * 31 + i * 7 + (i >> 8)) ^ (n >> 8));
}

__attribute__((unused)) static void fill(uint8_t *bytes, size_t len, uint64_t n)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(n, i);
}

__attribute__((unused)) static bool is_filled(const struct frame *f, uint64_t n)
{
	for (size_t i = 0; i < f->length; i++)
		if (f->payload[i] != pattern(n, i))
			return false;
	return f->payload[f->length] == '\0';
}

__attribute__((unused)) static int put(struct pair *p, const char *s)
{
	return shmring_write(&p->w, WIRE_LOG, s, strlen(s), NULL, 0);
}

__attribute__((unused)) static bool get(struct pair *p, const char *s)
{
	struct frame f;

	return shmring_read(&p->r, &f) == SHMRING_FRAME && f.type == WIRE_LOG &&
	       f.length == strlen(s) && !strcmp((const char *)f.payload, s);
}

__attribute__((unused)) static enum shmring_status next(struct pair *p)
{
	struct frame f;

	return shmring_read(&p->r, &f);
}

#endif
