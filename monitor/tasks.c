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

struct tasks {
	struct {
		/* node: not there either when the kernel has no such list */
		struct layout_place head, node, flags;
	} list[TASKS_LIST_COUNT];
	struct layout_place pid, comm, runnable_at, dsq, dsq_id, dsq_list;
};

/* --- look-up ---------------------------------------------------------------- */

static void find_list(struct tasks *t, const struct btf *btf, enum tasks_list l, uint32_t rq,
		      uint32_t task)
{
	struct layout_place *head = &t->list[l].head, *node = &t->list[l].node;

	if (layout_place(btf, rq, rows[l].head, head))
		(void)layout_place(btf, task, rows[l].node, node);
	else
		*node = *head;
	if (rows[l].flags)
		(void)layout_place(btf, task, rows[l].flags, &t->list[l].flags);
}

int tasks_create(const struct kindex *k, struct tasks **ret, struct err *e)
{
	struct tasks *t = calloc(1, sizeof(*t));
	const struct btf *btf = kindex_btf(k);
	struct err why = ERR_INIT;
	uint32_t rq, task, dsq;

	if (!t)
		return err_sys(e, -ENOMEM, "monitor");
	*ret = t;
	if (layout_type(btf, "rq", &rq, &why) < 0 ||
	    layout_type(btf, "task_struct", &task, &why) < 0) {
		for (int l = 0; l < TASKS_LIST_COUNT; l++)
			layout_absent(&t->list[l].node, &why);
		layout_absent(&t->dsq_list, &why);
		return 0;
	}
	for (int l = 0; l < TASKS_LIST_COUNT; l++)
		find_list(t, btf, (enum tasks_list)l, rq, task);
	/* a task is told by what there is of it */
	(void)layout_place(btf, task, "pid", &t->pid);
	(void)layout_place(btf, task, "comm", &t->comm);
	(void)layout_place(btf, task, "scx.runnable_at", &t->runnable_at);
	(void)layout_place(btf, task, "scx.dsq", &t->dsq);
	if (layout_type(btf, "scx_dispatch_q", &dsq, &why) == 0) {
		(void)layout_place(btf, dsq, "id", &t->dsq_id);
		(void)layout_place(btf, dsq, "list", &t->dsq_list);
	} else {
		layout_absent(&t->dsq_list, &why);
	}
	return 0;
}

void tasks_destroy(struct tasks *t)
{
	free(t);
}

/* --- one task --------------------------------------------------------------- */

static bool get(const struct monitor *m, uint64_t kva, const struct layout_place *p,
		uint64_t *ret)
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
		return err_set(e, -ENOENT, "%s", t->list[l].node.why);
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
			       t->list[TASKS_SCX_LOCAL].node.why : t->dsq_list.why);
	return list_result(walk(t, m, dsq + t->dsq_list.field.offset, TASKS_SCX_LOCAL, fn, arg), e);
}
