/* SPDX-License-Identifier: GPL-2.0-only */
/* The task that has waited longest, against half the time of sched_ext's watchdog. */
#include "monitor/stuck.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/monitor.h"
#include "monitor/sched_ext.h"
#include "monitor/tasks.h"

struct oldest {
	unsigned cpu, at;
	struct task_waits task;		/* has_runnable: there is one */
	uint64_t limit, tick_ns;	/* of the watchdog, of jiffies */
};

struct stuck {
	struct tasks *tasks;
	const struct sched_ext *scx;
	uint64_t last_ns;		/* 0: never looked */
	struct oldest last;		/* at the last look */
	bool over;			/* it had waited too long */
};

int stuck_create(const struct kindex *k, const struct sched_ext *scx, struct stuck **ret,
		 struct err *e)
{
	struct stuck *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(e, -ENOMEM, "monitor");
	s->scx = scx;
	if (tasks_create(k, &s->tasks, e) < 0) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void stuck_destroy(struct stuck *s)
{
	if (!s)
		return;
	tasks_destroy(s->tasks);
	free(s);
}

static void on_task(const struct task_waits *t, void *arg)
{
	struct oldest *o = arg;

	if (!t->has_runnable ||
	    (o->task.has_runnable && t->runnable_jiffies <= o->task.runnable_jiffies))
		return;
	o->task = *t;
	o->at = o->cpu;
}

static void tell(const struct oldest *o, char *text, size_t size)
{
	const struct task_waits *t = &o->task;

	if (o->tick_ns)
		snprintf(text, size, "task %s[%d] has waited for %.2f s on CPU %u, the watchdog's "
			 "limit is %.2f s", t->comm, t->pid,
			 (double)(t->runnable_jiffies * o->tick_ns) / 1e9, o->at,
			 (double)(o->limit * o->tick_ns) / 1e9);
	else
		snprintf(text, size, "task %s[%d] has waited for %" PRIu64 " jiffies on CPU %u, "
			 "the watchdog's limit is %" PRIu64, t->comm, t->pid,
			 t->runnable_jiffies, o->at, o->limit);
}

bool stuck_look(struct stuck *s, const struct monitor *m, uint64_t now_ns, char *text, size_t size)
{
	struct oldest *o = &s->last;
	enum sched_ext_state state;
	bool was = s->over;

	if (s->last_ns && now_ns - s->last_ns < STUCK_EVERY_NS)
		return false;
	s->last_ns = now_ns;
	s->over = false;
	*o = (struct oldest){ 0 };
	if (sched_ext_read_state(s->scx, m, &state) < 0 || state != SCHED_EXT_ENABLED ||
	    sched_ext_read_timeout(s->scx, m, &o->limit, &o->tick_ns, NULL) < 0)
		return false;
	/* a list that changes under the walk ends it; what was told by then holds */
	for (o->cpu = 0; o->cpu < monitor_cpus(m); o->cpu++)
		(void)tasks_walk(s->tasks, m, o->cpu, TASKS_SCX_RUNNABLE, on_task, o, NULL);
	s->over = o->task.has_runnable &&
		  o->task.runnable_jiffies >= MAX(o->limit / 2, UINT64_C(1));
	if (!s->over || was)
		return false;
	tell(o, text, size);
	return true;
}

bool stuck_last(const struct stuck *s, uint64_t now_ns, char *text, size_t size)
{
	const struct oldest *o = &s->last;
	const uint64_t least = o->tick_ns ? STUCK_EVERY_NS / o->tick_ns : 1;

	if (!o->task.has_runnable || o->task.runnable_jiffies < least ||
	    now_ns - s->last_ns > 4 * STUCK_EVERY_NS)
		return false;
	tell(o, text, size);
	return true;
}
