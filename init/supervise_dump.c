/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots that a test asks the host for. */
#include "init/supervise_private.h"

bool supervise_dump_ask(struct supervisor *s, const struct frame *f)
{
	if (f->length > WIRE_DUMP_TEXT_MAX)
		return false;
	s->dumps++;
	s->host->send(s->host, WIRE_DUMP_ASK, f->payload, f->length, NULL, 0);
	return true;
}

void supervise_dump_restore(struct supervisor *s)
{
	s->stale_dumps = s->dumps;
}

void supervise_on_frame(const struct frame *f, void *arg)
{
	struct supervisor *s = arg;
	struct wire_exit x;

	if (f->type != WIRE_DUMPED || !s->dumps || !frame_get_exit(f, &x))
		return;
	s->dumps--;
	/* who asked has ended, and somebody else may be waiting for another one */
	if (s->stale_dumps) {
		s->stale_dumps--;
		return;
	}
	init_answer_post(&s->shared->dump, x.code);
}
