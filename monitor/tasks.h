/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_TASKS_H
#define KTSTR_MONITOR_TASKS_H
/*
 * The tasks that wait on a CPU's runqueue, by the kernel's own lists:
 *
 *   scx_runnable  rq.scx.runnable_list   all of sched_ext's that wait, wherever they are:
 *                                        in a DSQ, or with the BPF scheduler
 *   scx_local     rq.scx.local_dsq.list  those that were dispatched to this CPU
 *   fair          rq.cfs_tasks           those of the fair class
 *
 * Lists are guest data and may change meanwhile: a walk takes at most TASKS_MAX
 * steps, and each step is believed only if the node points back to where the walk
 * came from, so a list in a circle ends at once.
 *
 * Thread: any, one at a time.
 */
#include <stdbool.h>
#include <stdint.h>

struct err;
struct kindex;
struct monitor;
struct tasks;

#define TASKS_MAX 1024			/* of one list */
#define TASKS_COMM_MAX 16

enum tasks_list {
	TASKS_SCX_RUNNABLE,
	TASKS_SCX_LOCAL,
	TASKS_FAIR,
	TASKS_LIST_COUNT,
};

/* "scx_runnable", ... as in dumps. */
const char *tasks_list_name(enum tasks_list l);

struct task_waits {
	int32_t pid;			/* -1: not read */
	char comm[TASKS_COMM_MAX];	/* clean text */
	/* of sched_ext's */
	bool has_runnable, has_dsq;
	uint64_t runnable_jiffies;	/* it waits for so long */
	uint64_t dsq;			/* id of its queue; has_dsq is false: in none */
};

/* Look up the members; borrows the index. Fails for lack of memory only. */
int tasks_create(const struct kindex *k, struct tasks **ret, struct err *e);
void tasks_destroy(struct tasks *t);

/*
 * fn for each task, in the list's order. -ENOENT: this kernel has no such list, *e
 * says what is missing; -E2BIG: there are more than were told; -EPROTO: the links
 * contradict each other, -EFAULT: they lead to nowhere: what was told is the part
 * before.
 */
typedef void tasks_fn(const struct task_waits *t, void *arg);
int tasks_walk(const struct tasks *t, const struct monitor *m, unsigned cpu, enum tasks_list l,
	       tasks_fn *fn, void *arg, struct err *e);
/* The same for those in the dispatch queue at dsq (dsqs.h). */
int tasks_walk_dsq(const struct tasks *t, const struct monitor *m, uint64_t dsq, tasks_fn *fn,
		   void *arg, struct err *e);

#endif
