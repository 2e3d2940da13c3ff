/* SPDX-License-Identifier: GPL-2.0-only */
/* A test asks the host for a snapshot: a packet, and an answer in the shared page. */
#include <string.h>

#include "base/util.h"
#include "init/test.h"
#include "ktstr/test.h"

int ktstr_dump(struct ktstr_t *t, const char *why)
{
	const struct init_shared *shared = t->shared;
	unsigned before = atomic_load(&shared->dump.count);
	const char *text = why ? why : "";
	int r = init_packet_send(t->sock, WIRE_DUMP_ASK, text, MIN(strlen(text),
				 (size_t)WIRE_DUMP_TEXT_MAX), NULL, 0);

	/* the host answers whatever becomes of it */
	return r < 0 ? r : init_answer_wait(&shared->dump, before);
}
