/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_SCHED_H
#define KTSTR_LOOP_SCHED_H
/*
 * The scheduler under test, as the host sees it: what the options say of it,
 * what the guest told, and how both stand in the record:
 *
 *	"scheduler": { "path", "args", "enable", "disable", "staged",
 *	               "status": "attached", "stopped", "ejected", ...; "ops",
 *	               "attach_ms", "bpf_writes", "why", "exit": { "code" | "signal" },
 *	               "log_bytes", "log_tail", "kernel_exits", "watchdog" }
 *
 * What the guest said is bounded and clean. Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/config.h"
#include "shmring/wire.h"

struct err;
struct frame;
struct json_object;
struct ktstr_run;
struct sched_ext_exit;

/* --- options ------------------------------------------------------------------ */

/* "echo VALUE > FILE", as the shell has it; quotes around VALUE are taken off. Into s. */
struct sched_command {
	const char *value, *file;
	size_t value_len, file_len;
};

int sched_command_parse(const char *s, struct sched_command *ret, struct err *e);

/* "NAME=PATH": the path, or NULL with the reason. NAME is *ret_len bytes. */
const char *sched_stage_parse(const char *s, size_t *ret_len, struct err *e);

/* Where it lies in a guest, inner or outer; the caller's to free. NULL: no memory. */
char *sched_staged_path(const char *stage, size_t name_len);

/* How long PID 1 waits for a scheduler to be attached. 0: there is none. */
uint64_t sched_attach_limit_ns(const struct config *c);

/* What the options about schedulers say, and whether they go together. */
int sched_options_check(const struct config *c, struct err *e);

/* --- facts -------------------------------------------------------------------- */

struct sched_facts {
	char *path;			/* NULL: none under test */
	struct strlist args, enable, disable, staged;
	uint32_t event;			/* enum wire_sched_event that counts; 0: none came */
	bool has_status;
	int status;			/* wait status of its process */
	uint64_t attach_ns;		/* 0: it was not attached */
	char ops[WIRE_NAME_MAX];
	char why[512];
	struct json_object *bpf_writes;	/* as in the record; NULL: none */
	struct strlist log_tail;
	uint64_t log_bytes;
	struct json_object *kernel_exits, *watchdog;	/* as in the record; NULL: none */
	char watchdog_why[256];		/* it was to be set and was not; "": nothing to say */
};

/* Copies what the options say. */
int sched_facts_init(struct sched_facts *f, const struct config *c);
void sched_facts_fini(struct sched_facts *f);
/* A new object, the caller's; NULL: no scheduler, no commands. */
struct json_object *sched_facts_to_json(const struct sched_facts *f);

/* Frames of the guest: WIRE_SCHED (false: it makes no sense) and WIRE_SCHED_LOG. */
bool sched_on_event(struct ktstr_run *run, const struct frame *f);
/*
 * What was read of the kernel's memory: an exit of whatever scheduler there is. True:
 * it is the reason of the run now, which PID 1 should end.
 */
bool sched_on_kernel_exit(struct ktstr_run *run, const struct sched_ext_exit *x);
void sched_on_log(struct ktstr_run *run, const struct frame *f);

#endif
