/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schedulers around and inside tests: the one under test from --scheduler, and
 * those that a test starts by itself.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "init/supervise_private.h"

#define ARGS_MAX 64

/* --- around the tests ----------------------------------------------------------- */

/* A test that waits for what was awaited here gets its answer. */
static void settle(struct supervisor *s)
{
	if (!init_sched_busy(&s->sched))
		return;
	init_sched_settle(&s->sched, s->sigfd);
	supervise_sched_ready(s);
}

bool supervise_sched_begin(struct supervisor *s)
{
	const struct init_sched_plan *plan = s->plan->sched;

	if (!plan || !plan->path)
		return true;
	s->sched_failed = !init_sched_begin(&s->sched, s->sigfd);
	return !s->sched_failed;
}

void supervise_sched_finish(struct supervisor *s)
{
	init_sched_stop(&s->sched);
	settle(s);
}

void supervise_sched_look(struct supervisor *s)
{
	if (!s->plan->sched)
		return;
	init_sched_ready(&s->sched);
	init_sched_look(&s->sched);
	settle(s);
}

void supervise_sched_restore(struct supervisor *s)
{
	const struct init_sched_plan *plan = s->plan->sched;
	struct init_sched *sched = &s->sched;

	s->asked = false;
	if (!plan)
		return;
	if (init_sched_lost(sched) && !sched->staged[0])
		s->sched_failed = true;
	if (sched->staged[0] || s->sched_failed)
		supervise_sched_finish(s);
	/* how one ended that a test had started was that test's affair */
	if (sched->staged[0])
		sched->end = 0;
	if (sched->state == SCHED_OFF && plan->path && !s->sched_failed)
		supervise_sched_begin(s);
}

/* --- for a test ----------------------------------------------------------------- */

static int result(const struct init_sched *s)
{
	static const int numbers[WIRE_SCHED_EVENT_COUNT] = {
		[WIRE_SCHED_NO_EXEC] = -ENOEXEC,
		[WIRE_SCHED_UNSUPPORTED] = -EOPNOTSUPP,
		[WIRE_SCHED_DIED_EARLY] = -ECHILD,
		[WIRE_SCHED_NOT_ATTACHED] = -ETIMEDOUT,
		[WIRE_SCHED_EJECTED] = -EIO,
		[WIRE_SCHED_DIED] = -EIO,
	};

	/* thrown out before it was there: to the test that is a start that failed */
	if (numbers[s->end] == -EIO && !init_sched_lost(s))
		return -ECHILD;
	return numbers[s->end];
}

static void answer(struct supervisor *s, int r)
{
	s->asked = false;
	init_answer_post(&s->shared->sched, r);
}

void supervise_sched_ready(struct supervisor *s)
{
	if (!s->plan->sched)
		return;
	init_sched_ready(&s->sched);
	if (s->asked && !init_sched_busy(&s->sched))
		answer(s, result(&s->sched));
}

/* The strings behind the first word, each with its NUL; how many, at most max. */
static size_t strings(const struct frame *f, const char **item, size_t max)
{
	const char *at = (const char *)f->payload + sizeof(uint32_t);
	const char *end = (const char *)f->payload + f->length;
	size_t n = 0;

	while (at < end && n < max && memchr(at, '\0', (size_t)(end - at))) {
		item[n++] = at;
		at += strlen(at) + 1;
	}
	return at == end ? n : 0;
}

static int start(struct supervisor *s, const char *const *item, size_t n)
{
	const struct init_sched_plan *plan = s->plan->sched;
	const char *name = item[0];
	char path[PATH_MAX];
	char *argv[ARGS_MAX + 1] = { path };

	if (!plan || (!*name && !plan->path))
		return -ENOENT;
	if (s->sched.state != SCHED_OFF)
		return -EBUSY;
	snprintf(path, sizeof(path), "%s", plan->path ? plan->path : "");
	if (*name)
		snprintf(path, sizeof(path), "%s/%s/scheduler", plan->staged, name);
	if (strchr(name, '/') || access(path, F_OK) < 0)
		return -ENOENT;
	for (size_t i = 1; i < n; i++)
		argv[i] = (char *)item[i];
	init_sched_start(&s->sched, name, path, *name || n > 1 ? argv : plan->argv);
	return s->sched.state == SCHED_OFF ? result(&s->sched) : 0;
}

bool supervise_sched_ask(struct supervisor *s, const struct frame *f)
{
	const char *item[ARGS_MAX];
	uint32_t what;
	size_t n;
	int r = 0;

	if (f->length < sizeof(what) || s->asked)
		return false;
	memcpy(&what, f->payload, sizeof(what));
	n = strings(f, item, ARRAY_SIZE(item));
	if (what == WIRE_SCHED_ASK_STOP && s->plan->sched)
		init_sched_stop(&s->sched);
	else if (what == WIRE_SCHED_ASK_START && n)
		r = start(s, item, n);
	else if (what != WIRE_SCHED_ASK_STOP)
		return false;
	/* a stop of none, or a start that failed at once */
	if (r < 0 || !init_sched_busy(&s->sched))
		answer(s, r);
	else
		s->asked = true;
	return true;
}
