/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_DUMP_H
#define KTSTR_LOOP_DUMP_H
/*
 * A snapshot of a guest whose vCPUs stand still, parked or frozen: registers,
 * sched_ext's state, runqueues, tasks that wait, dispatch queues, BPF maps and
 * programs, as JSON (schema ktstr.dump/1, doc/dumps.md). What is not known is absent,
 * and "unavailable" says of each section why.
 *
 * A section is a function in a file of its own (dump_private.h) and a row in the table
 * of dump.c.
 *
 * Thread: control. Takes some milliseconds, and as long as the guest has
 * tasks and maps, both bounded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcpu/vcpu.h"

struct err;
struct json_object;
struct kindex;
struct mm;
struct monitor;

#define DUMP_SCHEMA "ktstr.dump/1"
/* Snapshots that a run keeps; the last one is always kept. */
#define DUMP_SNAPSHOTS_MAX 16

struct dump_cpu {
	bool has_regs;			/* else they could not be read */
	struct vcpu_regs regs;
};

/* Everything borrowed for the time of dump_take(). */
struct dump_source {
	const char *trigger;		/* the record's "stop": "deadline", "panic", ... */
	const char *reason;		/* in a sentence; "": none */
	const char *partial;		/* why not all vCPUs stand still; "": they do */
	uint64_t t_ns;			/* since the run began */
	const struct mm *memory;
	const struct kindex *index;	/* NULL: no_index says why */
	const char *no_index;
	unsigned cpus;
	const struct dump_cpu *cpu;
	struct json_object *kernel_exits;	/* as in records (loop/fate.h); NULL: none yet */
};

/*
 * A monitor, attached by the registers of any vCPU that has run the kernel; the
 * caller's to destroy. NULL: *e says why not.
 */
struct monitor *dump_attach(const struct dump_source *s, struct err *e);
/* A new object, the caller's; never NULL. */
struct json_object *dump_take(const struct dump_source *s);

/* One document of an array of snapshots, atomically to a file. */
int dump_write(const char *path, struct json_object *snapshots, struct err *e);

#endif
