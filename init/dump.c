/* SPDX-License-Identifier: GPL-2.0-only */
/* A test asks the host for a snapshot: a packet, and an answer in the shared page. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "init/test.h"
#include "ktstr/test.h"

int ktstr_dump(struct ktstr_t *t, const char *why)
{
	const struct init_shared *shared = t->shared;
	unsigned before = atomic_load(&shared->dumps);
	const char *text = why ? why : "";
	int r = init_packet_send(t->sock, WIRE_DUMP_ASK, text, MIN(strlen(text),
				 (size_t)WIRE_DUMP_TEXT_MAX), NULL, 0);

	if (r < 0)
		return r;
	/* the host answers whatever becomes of it; a test whose time is over is killed */
	while (atomic_load(&shared->dumps) == before)
		syscall(SYS_futex, &shared->dumps, FUTEX_WAIT, before, NULL, NULL, 0);
	return atomic_load(&shared->dump_answer);
}
