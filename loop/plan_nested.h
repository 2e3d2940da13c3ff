/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PLAN_NESTED_H
#define KTSTR_LOOP_PLAN_NESTED_H
/* The part of plan_make() that a nested run needs. Thread: the job. */
struct config;
struct plan;

/* Choose the outer kernel and pack the outer guest. The rest of *p is there. */
int plan_nested(struct plan *p, const struct config *c);

#endif
