/* SPDX-License-Identifier: GPL-2.0-only */
/* Flow control of a command's stream. */
#include "shmring/stream.h"

#include <assert.h>

#include "base/util.h"
#include "shmring/wire_stream.h"

void stream_sender_init(struct stream_sender *s, uint32_t window)
{
	*s = (struct stream_sender){ .window = window };
}

size_t stream_room(const struct stream_sender *s)
{
	if (s->gone || s->credit <= WIRE_STREAM_COST(0))
		return 0;
	return MIN(s->credit - WIRE_STREAM_COST(0), WIRE_STREAM_CHUNK);
}

void stream_sent(struct stream_sender *s, size_t n)
{
	assert(WIRE_STREAM_COST(n) <= s->credit);
	s->credit -= (uint32_t)WIRE_STREAM_COST(n);
	s->bytes += n;
}

bool stream_granted(struct stream_sender *s, uint32_t bytes)
{
	if (bytes > s->window - s->credit)
		return false;
	s->credit += bytes;
	s->gone = s->gone || !bytes;
	return true;
}

void stream_receiver_init(struct stream_receiver *s, uint32_t window)
{
	*s = (struct stream_receiver){ .window = window, .owed = window };
}

bool stream_arrived(struct stream_receiver *s, size_t n)
{
	if (n > WIRE_STREAM_CHUNK || WIRE_STREAM_COST(n) > s->open)
		return false;
	s->open -= (uint32_t)WIRE_STREAM_COST(n);
	s->owed += WIRE_STREAM_COST(0);
	s->bytes += n;
	return true;
}

void stream_done(struct stream_receiver *s, size_t n)
{
	s->owed += (uint32_t)n;
	assert(s->open + s->owed <= s->window);
}

uint32_t stream_grant(struct stream_receiver *s)
{
	uint32_t n = s->owed;

	if (n < s->window / 2)
		return 0;
	s->owed = 0;
	s->open += n;
	return n;
}
