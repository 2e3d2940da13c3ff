/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_COMMAND_START_H
#define KTSTR_INIT_COMMAND_START_H
/*
 * The process of a command, with three pipes or a pty of its own.
 *
 * Ownership: struct init_process owns its descriptors, not the process.
 * Thread: single-threaded process.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "shmring/wire_stream.h"

struct err;
struct init_host;

struct init_process {
	pid_t pid;			/* leads its group; with a terminal its session */
	int in;				/* its stdin, non-blocking */
	int out[WIRE_STREAM_COUNT];	/* OUT and ERR; of a terminal OUT alone */
};

#define INIT_PROCESS_INIT { .pid = -1, .in = -1, .out = { -1, -1, -1 } }

struct init_process_spec {
	char *const *argv;
	bool terminal;
	const char *motd;	/* may be NULL */
	const char *term;	/* "" : not known */
	struct init_host *host;
};

int init_process_start(const struct init_process_spec *q, struct init_process *ret,
		       struct err *e);
void init_process_fini(struct init_process *p);

#endif
