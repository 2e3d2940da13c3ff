/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "tasks": those that wait, list by list. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/tasks.h"

/* Tasks told in all: a guest may have any number of them. */
#define TASKS_TOLD_MAX 8192

/* enum scx_dsq_id_flags (kernel/sched/ext, since 6.12): a kernel's own queues */
void dump_add_dsq(struct json_object *o, uint64_t id)
{
	static const struct {
		uint64_t id;
		const char *name;
	} own[] = {
		{ UINT64_C(0x8000000000000001), "global" },
		{ UINT64_C(0x8000000000000002), "local" },
		{ UINT64_C(0x8000000000000003), "bypass" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i].id == id) {
			json_add_str(o, "dsq", own[i].name);
			return;
		}
	}
	json_add_hex(o, "dsq", id);
}

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

	if (w->told++ >= TASKS_TOLD_MAX)
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
	if (w.told > TASKS_TOLD_MAX)
		dump_unavailable(s, "tasks", "%zu more than %u", w.told - TASKS_TOLD_MAX,
			    TASKS_TOLD_MAX);
	tasks_destroy(t);
}
