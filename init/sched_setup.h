/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SCHED_SETUP_H
#define KTSTR_INIT_SCHED_SETUP_H
/*
 * From the files that the host packed (init.h) to a plan for schedulers; and
 * the commands that switch a scheduler of the kernel's own on and off.
 *
 * Thread: PID 1's only one.
 */
#include <stdbool.h>

#include "base/file.h"
#include "init/sched.h"

struct err;

struct init_sched_setup {
	struct init_sched_plan plan;
	bool wanted;		/* there is a scheduler under test, or staged ones */
	struct file_map args;
	char **argv;
};

/* Also moves PID 1 out of sched_ext's reach when there is a scheduler. */
int init_sched_setup(struct init_sched_setup *s, struct init_host *h, struct err *e);
void init_sched_setup_fini(struct init_sched_setup *s);

/* Write each value of a list to its file, in order, up to the first failure. No list: 0. */
int init_sched_commands(const char *list, struct err *e);

#endif
