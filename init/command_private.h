/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_COMMAND_PRIVATE_H
#define KTSTR_INIT_COMMAND_PRIVATE_H
/* The loop around a command (command.c) and what the host has for it (command_host.c). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "init/command.h"
#include "init/command_start.h"
#include "init/host.h"
#include "init/reap.h"
#include "init/sched.h"
#include "shmring/shmring.h"
#include "shmring/stream.h"

struct command {
	const struct init_command *q;
	struct init_host *host;		/* borrowed */
	struct init_process process;
	int sigfd;
	bool started;
	struct init_proc proc;
	uint64_t kill_ns;		/* when to kill it; 0: not asked */
	struct init_sched sched;
	bool sched_told;		/* the terminal has been told that it is gone */

	struct buf in;			/* for the command's stdin */
	bool in_end;			/* nothing comes behind it */
	struct stream_receiver from_host;
	struct stream_sender to_host[WIRE_STREAM_COUNT];	/* OUT and ERR */

	bool has_window;
	struct wire_window window;
};

void command_send(struct command *c, enum wire_type type, const void *payload, size_t len);
/* What the host granted, and what it may send. */
void command_grant(struct command *c);
/* Of the command's stdin, as much as it takes now. */
void command_push_input(struct command *c);
void command_set_size(struct command *c);
/* init_host.on_frame; arg: struct command. */
void command_on_frame(const struct frame *f, void *arg);

#endif
