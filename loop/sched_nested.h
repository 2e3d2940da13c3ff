/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_SCHED_NESTED_H
#define KTSTR_LOOP_SCHED_NESTED_H
/*
 * Schedulers on their way through a nested run: as files in the outer guest,
 * and as options of the inner ktstr, which packs them once more. Thread: any.
 */
#include <stddef.h>

struct config;
struct nested_file;
struct strlist;

/* The options, added to args. -ENOMEM or 0. */
int sched_nested_args(const struct config *c, struct strlist *args);

/* The files; free them by the function below. Paths on the host are borrowed. */
int sched_nested_files(const struct config *c, struct nested_file **ret, size_t *ret_count);
void sched_nested_free(struct nested_file *file, size_t count);

#endif
