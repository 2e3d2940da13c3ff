/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "tasks": those that wait, list by list. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/err.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/tasks.h"

struct walk {
	struct dump_section *section;
	struct json_object *array;
	enum tasks_list list;
	unsigned cpu;
	size_t told;
};

static void on_task(const struct task_waits *t, void *arg)
{
	struct walk *w = arg;
	struct json_object *o;

	if (w->told++ >= DUMP_TASKS_MAX)
		return;
	o = dump_task(t->pid, t->comm);
	json_add_u64(o, "cpu", w->cpu);
	json_add_str(o, "list", tasks_list_name(w->list));
	if (t->has_runnable)
		json_add_u64(o, "runnable_jiffies", t->runnable_jiffies);
	if (t->has_dsq)
		dump_add_dsq(o, t->dsq);
	json_object_array_add(w->array, o);
}

static void walk_list(struct walk *w, const struct tasks *t)
{
	struct dump_section *s = w->section;

	for (w->cpu = 0; w->cpu < s->source->cpus; w->cpu++) {
		struct err e = ERR_INIT;
		int r = tasks_walk(t, s->monitor, w->cpu, w->list, on_task, w, &e);
		char what[64];

		if (r == 0)
			continue;
		snprintf(what, sizeof(what), r == -ENOENT ? "tasks: %s" : "tasks: %s of CPU %u",
			 tasks_list_name(w->list), w->cpu);
		dump_unavailable(s, what, "%s", err_text(&e));
		if (r == -ENOENT)	/* no CPU has it */
			return;
	}
}

void dump_tasks(struct dump_section *s)
{
	struct walk w = { .section = s, .array = json_object_new_array() };
	struct tasks *t = NULL;
	struct err e = ERR_INIT;

	json_object_object_add(s->out, "tasks", w.array);
	if (tasks_create(s->source->index, &t, &e) < 0) {
		dump_unavailable(s, "tasks", "%s", err_text(&e));
		return;
	}
	for (int l = 0; l < TASKS_LIST_COUNT; l++) {
		w.list = (enum tasks_list)l;
		walk_list(&w, t);
	}
	if (w.told > DUMP_TASKS_MAX)
		dump_unavailable(s, "tasks", "%zu more than %u", w.told - DUMP_TASKS_MAX,
				 DUMP_TASKS_MAX);
	tasks_destroy(t);
}
