/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks over the lists of a runqueue. */
#include "monitor/tasks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/layout.h"
#include "monitor/monitor.h"

/* enum scx_dsq_lnode_flags, since 6.12: an iterator's place among the tasks */
#define DSQ_LNODE_ITER_CURSOR 1

static const struct row {
	const char *name;
	const char *head;		/* in struct rq */
	const char *node;		/* in struct task_struct */
	const char *flags;		/* what tells a cursor from a task; NULL: all are tasks */
	bool scx;
} rows[] = {
	[TASKS_SCX_RUNNABLE] = { "scx_runnable", "scx.runnable_list", "scx.runnable_node", NULL,
				 true },
	[TASKS_SCX_LOCAL] = { "scx_local", "scx.local_dsq.list", "scx.dsq_list.node",
			      "scx.dsq_list.flags", true },
	[TASKS_FAIR] = { "fair", "cfs_tasks", "se.group_node", NULL, false },
};
static_assert(ARRAY_SIZE(rows) == TASKS_LIST_COUNT, "a row for every list");

const char *tasks_list_name(enum tasks_list l)
{
	return rows[l].name;
}

struct place {
	bool has;
	struct layout_field field;
};

struct tasks {
	struct {
		struct err why;		/* set: the kernel has no such list */
		struct place head, node, flags;
	} list[TASKS_LIST_COUNT];
	struct place pid, comm, runnable_at, dsq, dsq_id, dsq_list;
};

/* --- look-up ---------------------------------------------------------------- */

static bool find(const struct kindex *k, uint32_t type, const char *path, struct place *ret,
		 struct err *e)
{
	ret->has = layout_field_in(kindex_btf(k), type, path, &ret->field, e) == 0;
	return ret->has;
}

static void find_list(struct tasks *t, const struct kindex *k, enum tasks_list l, uint32_t rq,
		      uint32_t task)
{
	struct err none = ERR_INIT;

	t->list[l].why = (struct err)ERR_INIT;
	if (find(k, rq, rows[l].head, &t->list[l].head, &t->list[l].why))
		(void)find(k, task, rows[l].node, &t->list[l].node, &t->list[l].why);
	if (rows[l].flags)
		(void)find(k, task, rows[l].flags, &t->list[l].flags, &none);
}

int tasks_create(const struct kindex *k, struct tasks **ret, struct err *e)
{
	struct tasks *t = calloc(1, sizeof(*t));
	struct err why = ERR_INIT;
	uint32_t rq, task, dsq;

	if (!t)
		return err_sys(e, -ENOMEM, "monitor");
	*ret = t;
	if (layout_type(kindex_btf(k), "rq", &rq, &why) < 0 ||
	    layout_type(kindex_btf(k), "task_struct", &task, &why) < 0) {
		for (int l = 0; l < TASKS_LIST_COUNT; l++)
			t->list[l].why = why;
		return 0;
	}
	for (int l = 0; l < TASKS_LIST_COUNT; l++)
		find_list(t, k, (enum tasks_list)l, rq, task);
	/* a task is told by what there is of it */
	(void)find(k, task, "pid", &t->pid, &why);
	(void)find(k, task, "comm", &t->comm, &why);
	(void)find(k, task, "scx.runnable_at", &t->runnable_at, &why);
	(void)find(k, task, "scx.dsq", &t->dsq, &why);
	if (layout_type(kindex_btf(k), "scx_dispatch_q", &dsq, &why) == 0) {
		(void)find(k, dsq, "id", &t->dsq_id, &why);
		(void)find(k, dsq, "list", &t->dsq_list, &why);
	}
	return 0;
}

void tasks_destroy(struct tasks *t)
{
	free(t);
}

/* --- one task --------------------------------------------------------------- */

static bool get(const struct monitor *m, uint64_t kva, const struct place *p, uint64_t *ret)
{
	return p->has && monitor_field(m, kva, &p->field, ret) == 0;
}

/* The kernel's clock of runnable_at. */
struct now {
	bool has;
	uint64_t jiffies;
};

static struct now read_now(const struct monitor *m)
{
	struct now now = { 0 };
	uint64_t at;

	now.has = monitor_symbol(m, "jiffies", &at) &&
		  monitor_uint(m, at, sizeof(now.jiffies), &now.jiffies) == 0;
	return now;
}

static void read_scx(const struct tasks *t, const struct monitor *m, struct now now, uint64_t task,
		     struct task_waits *w)
{
	uint64_t since, dsq;

	w->has_runnable = now.has && get(m, task, &t->runnable_at, &since);
	/* the guest runs: one may have come after the clock was read */
	if (w->has_runnable)
		w->runnable_jiffies = (int64_t)(now.jiffies - since) < 0 ? 0 : now.jiffies - since;
	w->has_dsq = get(m, task, &t->dsq, &dsq) && dsq && get(m, dsq, &t->dsq_id, &w->dsq);
}

static void read_task(const struct tasks *t, const struct monitor *m, uint64_t task,
		      struct task_waits *w)
{
	uint64_t pid;

	*w = (struct task_waits){ .pid = -1 };
	if (get(m, task, &t->pid, &pid))
		w->pid = (int32_t)pid;
	if (t->comm.has && monitor_read(m, task + t->comm.field.offset, w->comm,
					MIN(sizeof(w->comm), t->comm.field.size)) < 0)
		w->comm[0] = '\0';
	w->comm[sizeof(w->comm) - 1] = '\0';
	text_clean(w->comm, sizeof(w->comm));
}

/* --- the walk --------------------------------------------------------------- */

struct list_head {
	uint64_t next, prev;
};

static bool is_cursor(const struct tasks *t, const struct monitor *m, enum tasks_list l,
		      uint64_t task)
{
	uint64_t flags;

	return get(m, task, &t->list[l].flags, &flags) && flags & DSQ_LNODE_ITER_CURSOR;
}

static int walk(const struct tasks *t, const struct monitor *m, uint64_t head,
		enum tasks_list l, tasks_fn *fn, void *arg)
{
	uint64_t from = head, at;
	struct list_head node;
	struct task_waits w;
	struct now now = { 0 };

	if (monitor_read(m, head, &node, sizeof(node)) < 0)
		return -EFAULT;
	/* memory that nobody has written: the runqueue is not set up */
	if (!node.next)
		return 0;
	/* once: a list has up to TASKS_MAX tasks */
	if (rows[l].scx && node.next != head)
		now = read_now(m);
	for (unsigned n = 0; (at = node.next) != head; n++, from = at) {
		const uint64_t task = at - t->list[l].node.field.offset;

		if (n == TASKS_MAX)
			return -E2BIG;
		if (monitor_read(m, at, &node, sizeof(node)) < 0)
			return -EFAULT;
		if (node.prev != from)
			return -EPROTO;
		if (is_cursor(t, m, l, task))
			continue;
		read_task(t, m, task, &w);
		if (rows[l].scx)
			read_scx(t, m, now, task, &w);
		fn(&w, arg);
	}
	return 0;
}

static int list_result(int r, struct err *e)
{
	if (r == -E2BIG)
		return err_set(e, r, "more than %u tasks", TASKS_MAX);
	return r < 0 ? err_set(e, r, "the list %s", r == -EPROTO ? "contradicts itself" :
			       "leads out of memory") : 0;
}

int tasks_walk(const struct tasks *t, const struct monitor *m, unsigned cpu, enum tasks_list l,
	       tasks_fn *fn, void *arg, struct err *e)
{
	uint64_t template, rq;
	int r;

	if (!t->list[l].node.has)
		return err_set(e, -ENOENT, "%s", err_text(&t->list[l].why));
	if (!monitor_symbol(m, "runqueues", &template))
		return err_set(e, -ENOENT, "the kernel has no symbol runqueues");
	r = monitor_percpu(m, template, cpu, &rq);
	if (r < 0)
		return err_set(e, r, "the runqueue of CPU %u is not mapped", cpu);
	return list_result(walk(t, m, rq + t->list[l].head.field.offset, l, fn, arg), e);
}

int tasks_walk_dsq(const struct tasks *t, const struct monitor *m, uint64_t dsq, tasks_fn *fn,
		   void *arg, struct err *e)
{
	/* all queues link tasks by the same node; those with priorities do so as well */
	if (!t->list[TASKS_SCX_LOCAL].node.has || !t->dsq_list.has)
		return err_set(e, -ENOENT, "%s", t->dsq_list.has ?
			       err_text(&t->list[TASKS_SCX_LOCAL].why) :
			       "struct scx_dispatch_q has no member list");
	return list_result(walk(t, m, dsq + t->dsq_list.field.offset, TASKS_SCX_LOCAL, fn, arg), e);
}
