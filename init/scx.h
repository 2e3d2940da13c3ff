/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SCX_H
#define KTSTR_INIT_SCX_H
/*
 * sched_ext as the guest's kernel shows it (kernel/sched/ext.c, 6.12 and later):
 *
 *   /sys/kernel/sched_ext/state     "enabled" while a BPF scheduler runs
 *   /sys/kernel/sched_ext/root/ops  its name; the folder is there while it runs
 *   uevents of that folder          "add" once it is enabled, "remove" when it
 *                                   is going; both carry SCXOPS=name
 *   the kernel's log                why it went
 *
 * Uevents, because state does not announce its changes: sysfs files can be
 * polled only where the kernel notifies, and this one does not. An event is
 * history as well: a scheduler that came and went while nobody could run has
 * both in the queue. There is no event for "disabled": state gets there a moment
 * after "remove". Nor is there any for a scheduler that fails while it is being
 * enabled (scx_ops_enable(), err_disable): it may have run tasks by then, its
 * loader is told that all went well, and "add" and "remove" are left out.
 *
 * Thread: PID 1's only one.
 */
#include <stdbool.h>
#include <stddef.h>

#include "shmring/wire.h"

#define SCX_SYSFS "/sys/kernel/sched_ext"
/* "S" makes the kernel let go of its scheduler: Documentation/admin-guide/sysrq.rst, 6.12 */
#define SCX_SYSRQ "/proc/sysrq-trigger"

enum scx_event {
	SCX_NOTHING,		/* nothing that concerns us */
	SCX_ADD,
	SCX_REMOVE,
	SCX_LOST,		/* the queue was full: look at the state */
};

/* The kernel's uevents, non-blocking; or a negative errno. */
int scx_events_open(void);
/* The next one; false when there is none. ops is written for ADD and REMOVE. */
bool scx_events_next(int fd, enum scx_event *ret, char ops[WIRE_NAME_MAX]);

/* dir: SCX_SYSFS, but for tests. */
bool scx_is_supported(const char *dir);
/* The first word of DIR/state; "" when there is none. */
void scx_state(const char *dir, char state[32]);
bool scx_is_enabled(const char *dir);
/* The name of the scheduler that runs, or "". */
void scx_ops(const char *dir, char ops[WIRE_NAME_MAX]);

/*
 * What the kernel said since the last call about the end of a scheduler, or "":
 * "runnable task stall: worker[93] failed to run for 30.1s". Of one that was
 * enabled behind another's end it is this one's. kmsg: as for init_kmsg_find().
 * *ret_user: the end was user space's wish.
 */
void scx_why(int kmsg, char *text, size_t size, bool *ret_user);

#endif
