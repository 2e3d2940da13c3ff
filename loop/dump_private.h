/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_DUMP_PRIVATE_H
#define KTSTR_LOOP_DUMP_PRIVATE_H
/*
 * Between dump.c and the sections of a snapshot. A section is one function in a file
 * of its own: it adds its member to out, and says by dump_unavailable() what it could
 * not tell. It is called only when the guest's kernel was found, and needs no other
 * section. New: declare it here, add a row to the table in dump.c.
 */
#include <stdint.h>

#include "loop/dump.h"

struct monitor;

struct dump_section {
	const struct dump_source *source;
	const struct monitor *monitor;	/* attached */
	const char *name;		/* of the section */
	struct json_object *out;	/* the snapshot */
	struct json_object *unavailable;	/* by dump_unavailable() */
};

/* what: the section, or "section: part of it" */
__attribute__((format(printf, 3, 4)))
void dump_unavailable(struct dump_section *s, const char *what, const char *fmt, ...);

/* For the functions that tell what a kernel lacks; arg: the section. */
void dump_absent(const char *what, const char *why, void *arg);

/* Tasks that a section tells, in all: a guest may have any number of them. */
#define DUMP_TASKS_MAX 8192

/* { "pid", "comm" }; a pid below 0 is not known. A new object. */
struct json_object *dump_task(int32_t pid, const char *comm);

/* Its member "dsq": the queue of that id, "local" or "0x10". */
void dump_add_dsq(struct json_object *o, uint64_t id);

void dump_scx(struct dump_section *s);
void dump_runqueues(struct dump_section *s);
void dump_tasks(struct dump_section *s);
void dump_dsqs(struct dump_section *s);
void dump_maps(struct dump_section *s);
void dump_programs(struct dump_section *s);

#endif
