/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test asks of PID 1 about schedulers: a packet, and an answer in the shared page. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "init/scx.h"
#include "init/test.h"
#include "ktstr/test.h"

/* Half of what a packet takes. */
#define STRINGS_MAX 2048

static int ask(struct ktstr_t *t, enum wire_sched_ask what, const char *strings, size_t n)
{
	const struct init_shared *shared = t->shared;
	const uint32_t word = what;
	unsigned before = atomic_load(&shared->sched.count);
	int r = init_packet_send(t->sock, WIRE_SCHED_ASK, &word, sizeof(word), strings, n);

	return r < 0 ? r : init_answer_wait(&shared->sched, before);
}

int ktstr_scheduler_start(struct ktstr_t *t, const char *name, ...)
{
	const char *s = name ? name : "";
	char strings[STRINGS_MAX];
	size_t n = 0;
	va_list ap;

	va_start(ap, name);
	for (; s; s = va_arg(ap, const char *)) {
		size_t len = strlen(s) + 1;

		if (len > sizeof(strings) - n)
			break;
		memcpy(strings + n, s, len);
		n += len;
	}
	va_end(ap);
	return s ? -E2BIG : ask(t, WIRE_SCHED_ASK_START, strings, n);
}

int ktstr_scheduler_stop(struct ktstr_t *t)
{
	return ask(t, WIRE_SCHED_ASK_STOP, NULL, 0);
}

bool ktstr_scheduler_is_attached(const struct ktstr_t *t)
{
	(void)t;
	return scx_is_enabled(SCX_SYSFS);
}
