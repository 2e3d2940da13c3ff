/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "dsqs": sched_ext's dispatch queues and the tasks in them. */
#include <json-c/json.h>
#include <stdio.h>

#include "base/err.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/dsqs.h"
#include "monitor/tasks.h"

struct walk {
	struct dump_section *section;
	const struct tasks *tasks;
	struct json_object *dsqs, *array;	/* of the queue that is walked */
	enum dsqs_kind kind;
	size_t told, untold;
};

static void on_task(const struct task_waits *t, void *arg)
{
	struct walk *w = arg;
	struct json_object *o = dump_task(t->pid, t->comm);

	w->told++;
	if (t->has_runnable)
		json_add_u64(o, "runnable_jiffies", t->runnable_jiffies);
	json_object_array_add(w->array, o);
}

static void on_dsq(const struct dsq *q, void *arg)
{
	struct walk *w = arg;
	struct json_object *o = json_object_new_object();
	struct err e = ERR_INIT;
	char what[64];

	dump_add_dsq(o, q->id);
	if (w->kind == DSQS_GLOBAL)
		json_add_u64(o, "node", q->node);
	if (q->has_nr)
		json_add_u64(o, "nr", q->nr);
	json_object_array_add(w->dsqs, o);
	if (w->told >= DUMP_TASKS_MAX) {	/* queues behind that are told without theirs */
		w->untold++;
		return;
	}
	w->array = json_object_new_array();
	json_object_object_add(o, "tasks", w->array);
	if (tasks_walk_dsq(w->tasks, w->section->monitor, q->kva, on_task, w, &e) == 0)
		return;
	snprintf(what, sizeof(what), "dsqs: tasks of 0x%llx", (unsigned long long)q->id);
	dump_unavailable(w->section, what, "%s", err_text(&e));
}

void dump_dsqs(struct dump_section *s)
{
	struct walk w = { .section = s, .dsqs = json_object_new_array() };
	struct err e = ERR_INIT;
	struct tasks *tasks = NULL;
	struct dsqs *dsqs = NULL;
	char what[64];

	json_object_object_add(s->out, "dsqs", w.dsqs);
	if (tasks_create(s->source->index, &tasks, &e) < 0 ||
	    dsqs_create(s->source->index, &dsqs, &e) < 0)
		dump_unavailable(s, "dsqs", "%s", err_text(&e));
	w.tasks = tasks;
	for (int k = 0; dsqs && k < DSQS_KIND_COUNT; k++) {
		w.kind = (enum dsqs_kind)k;
		err_clear(&e);
		if (dsqs_walk(dsqs, s->monitor, w.kind, on_dsq, &w, &e) == 0)
			continue;
		snprintf(what, sizeof(what), "dsqs: %s", dsqs_kind_name(w.kind));
		dump_unavailable(s, what, "%s", err_text(&e));
	}
	if (w.untold)
		dump_unavailable(s, "dsqs", "the tasks of %zu queues, behind %u others", w.untold,
				 DUMP_TASKS_MAX);
	dsqs_destroy(dsqs);
	tasks_destroy(tasks);
}
