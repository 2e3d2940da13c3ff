/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SCHED_PRIVATE_H
#define KTSTR_INIT_SCHED_PRIVATE_H
/* What the files of the scheduler under test share. */
#include "init/sched.h"

/* Start its process; s->proc and s->output are its. A negative errno of fork or exec. */
int sched_spawn(struct init_sched *s, const char *path, char *const *argv);
/* What it has printed so far, on to the host, within bounds. */
void sched_log_take(struct init_sched *s);
/* The process is gone: the rest of it, and what was held back. */
void sched_log_finish(struct init_sched *s);
/* Make the kernel let go of whatever scheduler it has. */
void sched_reset(const struct init_sched *s);

#endif
