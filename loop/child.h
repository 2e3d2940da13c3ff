/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_CHILD_H
#define KTSTR_LOOP_CHILD_H
/*
 * Run a program to its end and take what it prints: bounded in time and in
 * bytes, for it may be anything. stdin is /dev/null, the environment ours.
 * The child is waited for by its id; other children are not touched.
 *
 * Thread: any; blocks for at most timeout_ms.
 */
#include <stddef.h>

#include "base/buf.h"

struct err;

struct child_output {
	struct buf out;		/* a NUL behind the last byte, not counted */
	struct buf err;		/* the same; at most its first 4 KiB */
	int status;		/* wait status; 0 when somebody else took it */
};

/*
 * argv[0] is the path of the program, taken as it is. Errors: what exec says,
 * -ETIMEDOUT, -E2BIG (more than out_max bytes); it is killed and *ret empty.
 */
int child_run(char *const argv[], unsigned timeout_ms, size_t out_max,
	      struct child_output *ret, struct err *e);
void child_output_fini(struct child_output *o);

#endif
