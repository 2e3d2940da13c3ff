/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_DSQS_H
#define KTSTR_MONITOR_DSQS_H
/*
 * sched_ext's dispatch queues, but for those of the CPUs (tasks.h has these):
 *
 *   kind		6.12 to 6.15		since
 *   DSQS_USER		dsq_hash		6.16: scx_root->dsq_hash
 *   DSQS_GLOBAL	global_dsqs[node]	6.16: scx_root->global_dsqs[node]
 *						7.1: scx_root->pnode[node]->global_dsq
 *
 * Which of them a kernel has is told by its symbols and BTF. The first are those that
 * the BPF scheduler has made, in a hash table (lib/rhashtable.c); the others are the
 * kernel's own, one for each node.
 *
 * Tables and chains are guest data: walks are bounded, and a chain in a circle ends.
 * Best of a guest that stands still: a chain that changes meanwhile may be left early.
 *
 * Thread: any, one at a time.
 */
#include <stdbool.h>
#include <stdint.h>

struct dsqs;
struct err;
struct kindex;
struct monitor;

#define DSQS_MAX 4096			/* of a kind */
#define DSQS_BUCKETS_MAX 65536

enum dsqs_kind {
	DSQS_USER,
	DSQS_GLOBAL,
	DSQS_KIND_COUNT,
};

/* "user", "global" */
const char *dsqs_kind_name(enum dsqs_kind k);

struct dsq {
	uint64_t kva;			/* for tasks_walk_dsq() */
	uint64_t id;
	bool has_nr;
	uint64_t nr;			/* tasks in it, as the kernel counts */
	unsigned node;			/* of a global one */
};

/* Look up the places; borrows the index. Fails for lack of memory only. */
int dsqs_create(const struct kindex *k, struct dsqs **ret, struct err *e);
void dsqs_destroy(struct dsqs *d);

/*
 * fn for each. -ENOENT: this kernel has no such thing; -EAGAIN: there is no scheduler
 * at the moment; -E2BIG: there are more than were told; -EPROTO: the table contradicts
 * itself, -EFAULT: it leads to nowhere: what was told is the part before.
 */
typedef void dsqs_fn(const struct dsq *q, void *arg);
int dsqs_walk(const struct dsqs *d, const struct monitor *m, enum dsqs_kind kind, dsqs_fn *fn,
	      void *arg, struct err *e);

#endif
