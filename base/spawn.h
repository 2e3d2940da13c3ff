/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_SPAWN_H
#define KTSTR_BASE_SPAWN_H
/*
 * Start a program as a shell would: no signal blocked or ignored, whatever the
 * program around us did to its own, and none of our files but the three given.
 *
 * Thread: any.
 */
#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	const char *path;	/* with a slash, else looked for in PATH; NULL: argv[0] */
	char *const *argv;
	int in, out, err;	/* borrowed; -1: /dev/null */
	bool group;		/* it leads a process group of its own */
};

/* -ENOENT, -EACCES, -ENOEXEC, ...: the program could not be executed. */
int spawn(const struct spawn *s, pid_t *ret);

#endif
