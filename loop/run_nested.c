/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run inside QEMU's emulation: the inner ktstr does the run and writes the
 * record; here it is checked, completed with what only the host knows, and
 * becomes ours.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/channel.h"
#include "loop/dump.h"
#include "loop/freeze.h"
#include "loop/json.h"
#include "loop/nested.h"
#include "loop/run.h"
#include "loop/vmcore.h"

/* Outer kernel and inner set-up; a watchdog, not a budget (measured: 3 to 8 s). */
#define OUTER_LIMIT_NS (180 * NSEC_PER_SEC)
/*
 * Twice what snapshots may make of it (loop/run_dump.c): without any, 16 exits whose dumps
 * have 1 MiB each, all of it escaped, are 32 MiB.
 */
#define INNER_RECORD_MAX (2 * DUMP_RECORD_MAX)

static void on_output(int fd, const void *bytes, size_t n, void *arg)
{
	struct ktstr_run *run = arg;

	if (fd == STDERR_FILENO) {
		/* with -v the inner ktstr has something to say */
		if (run->config.dmesg || log_level() >= LOG_INFO)
			(void)file_write_all(STDERR_FILENO, bytes, n);
		return;
	}
	if (run->inner_out.len + n > INNER_RECORD_MAX)
		run->inner_overflow = true;
	else
		buf_add(&run->inner_out, bytes, n);
}

/*
 * The inner run owns its deadlines; ours is a safety net around them. They wait while
 * its guest stands still for a snapshot; for how long, only the options tell here.
 */
uint64_t run_nested_limit_ns(const struct ktstr_run *run)
{
	uint64_t ns = OUTER_LIMIT_NS + 2 * run->plan.timeout_ns;

	if (!run->plan.timeout_ns)
		return 0;
	if (run->config.dump)
		ns += DUMP_SNAPSHOTS_MAX * (run->config.dump_hold_ns + FREEZE_BOUND_NS);
	return ns;
}

static void on_progress(const char *what, void *arg)
{
	struct ktstr_run *run = arg;

	log_info("%s", what);
	if (run->channel && !strcmp(what, NESTED_INNER))
		channel_open(run->channel);
	phases_reach(&run->phases, PHASE_INIT);
	phases_limit(&run->phases, run_nested_limit_ns(run));
}

static void on_expired(enum stop_reason why, uint64_t limit_ns, void *arg)
{
	struct ktstr_run *run = arg;

	facts_stop(&run->facts, why, "nested run: no end after %.0f s", (double)limit_ns / 1e9);
	if (run->nested)
		nested_kill(run->nested);
}

static void add_line(const char *line, void *arg)
{
	(void)strlist_add(arg, line);	/* a tail without a line is still a tail */
}

/* Options of ours may be none of an older one's: what it says of them is on stderr. */
static void tell_version(const struct ktstr_run *run, struct err *e)
{
	const char *inner = run->plan.binary_version;

	if (inner && strcmp(inner, ktstr_version()))
		err_ctx(e, -EPROTO, "the inner ktstr is %s, this one %s", inner, ktstr_version());
}

/* The inner run's record, or NULL with the story. */
static struct json_object *parse_record(struct ktstr_run *run, int status, struct err *e)
{
	struct json_object *o = NULL, *v;
	enum json_tokener_error je;
	struct json_tokener *t;

	if (run->inner_overflow || !buf_ok(&run->inner_out)) {
		err_set(e, -E2BIG, "nested run: a record of more than %u bytes",
			INNER_RECORD_MAX);
		return NULL;
	}
	t = json_tokener_new();
	if (t)
		o = json_tokener_parse_ex(t, (const char *)run->inner_out.data,
					  (int)run->inner_out.len);
	je = t ? json_tokener_get_error(t) : json_tokener_error_size;
	json_tokener_free(t);
	if (!o || je != json_tokener_success || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		err_set(e, -EPROTO, "nested run: the inner ktstr ended with status %d and no record",
			status);
		return NULL;
	}
	if (!json_object_object_get_ex(o, "exit_code", &v) || json_object_get_int(v) != status) {
		err_set(e, -EPROTO, "nested run: the inner ktstr ended with status %d, its record says %d",
			status, v ? json_object_get_int(v) : -1);
		json_object_put(o);
		return NULL;
	}
	return o;
}

/* The inner run had its schedulers from where they lie in the outer guest. */
static void name_schedulers(const struct config *c, struct json_object *record)
{
	struct json_object *o, *staged;

	if (!json_object_object_get_ex(record, "scheduler", &o) ||
	    !json_object_is_type(o, json_type_object))
		return;
	if (c->scheduler)
		json_object_object_add(o, "path", json_object_new_string(c->scheduler));
	if (!c->stage.count)
		return;
	staged = json_object_new_array();
	for (size_t i = 0; i < c->stage.count; i++)
		json_object_array_add(staged, json_object_new_string(c->stage.item[i]));
	json_object_object_add(o, "staged", staged);
}

/* What only this side knows: the names of things here, and the time around. */
static void complete_record(struct ktstr_run *run, struct json_object *o)
{
	const struct facts *f = &run->facts;
	struct json_object *k, *p;

	json_object_object_add(o, "accel", json_object_new_string("nested"));
	json_add_str(o, "accel_why", f->accel_why);
	json_object_object_add(o, "timing_judged", json_object_new_boolean(false));
	if (json_object_object_get_ex(o, "kernel", &k) && f->kernel_path) {
		json_object_object_add(k, "path", json_object_new_string(f->kernel_path));
		if (f->kernel_why)
			json_object_object_add(k, "why", json_object_new_string(f->kernel_why));
	}
	name_schedulers(&run->config, o);
	if (json_object_object_get_ex(o, "phases_ms", &p) && f->phase_ns[PHASE_LOADED])
		json_object_object_add(p, "nested",
			json_object_new_int64((int64_t)((units_now_ns() -
				f->phase_ns[PHASE_SETUP]) / NSEC_PER_MSEC)));
}

static void on_done(int status, const struct err *why, void *arg)
{
	struct ktstr_run *run = arg;
	struct json_object *record = NULL;
	struct err e = ERR_INIT;

	phases_reach(&run->phases, PHASE_POWEROFF);
	if (status < 0) {
		e = *why;
	} else {
		record = parse_record(run, status, &e);
		if (!record && *err_text(why))	/* say what the outer guest said as well */
			err_set(&e, -EPROTO, "nested run: status %d and no record: %s", status,
				err_text(why));
		if (!record)
			tell_version(run, &e);
	}
	if (record) {
		complete_record(run, record);
		run_dump_from_record(run, record);
	} else if (run->facts.stop == STOP_NONE) {
		run->facts.error = strdup(err_text(&e));
		facts_stop(&run->facts, STOP_HOST, "%s", err_text(&e));
	}
	if (!record)
		nested_console_tail(run->nested, RECORD_TAIL_LINES, add_line,
				    &run->facts.console_tail);
	if (!run_vmcore_of_window(run, record))
		run_finish(run, record);
}

int run_nested_start(struct ktstr_run *run, struct err *e)
{
	struct nested_request q = {
		.outer_bzimage = run->plan.outer.bzimage,
		.initrd = &run->plan.outer_initrd,
		.memory_bytes = run->plan.outer_memory_bytes,
		.tsc_khz = run->plan.tsc_khz,
		.dmesg = run->config.dmesg,
	};
	const struct nested_ops ops = {
		.on_output = on_output,
		.on_channel = run_channel_bytes,
		.on_progress = on_progress,
		.on_done = on_done,
		.arg = run,
	};
	int r;

	if (run->config.vmcore) {
		q.window_bytes = vmcore_window_bytes(run->plan.memory_bytes);
		q.window_fd = run->vmcore_window = vmcore_window_create(q.window_bytes);
		if (q.window_fd < 0)
			return err_sys(e, q.window_fd, "--vmcore: a memory file");
	}
	run->phases.on_expired = on_expired;
	run->phases.arg = run;
	run->phases.deadline_ns = 0;	/* the inner run has it */
	r = nested_start(run->loop, &q, &ops, &run->nested, e);
	if (r < 0)
		return err_ctx(e, r, "nested run");
	buf_fini(&run->plan.outer_initrd);	/* QEMU has its copy */
	phases_reach(&run->phases, PHASE_LOADED);
	phases_limit(&run->phases, OUTER_LIMIT_NS);
	return 0;
}

void run_nested_cancel(struct ktstr_run *run, bool hard)
{
	run_vmcore_cancel(run);
	/* before the inner ktstr runs there is nobody to pass a signal to */
	if (!hard && run->phases.now >= PHASE_INIT) {
		nested_signal(run->nested, SIGINT);
		return;
	}
	facts_stop(&run->facts, STOP_CANCELLED, "cancelled");
	nested_kill(run->nested);
}

int run_nested_dump(struct ktstr_run *run)
{
	if (!run->config.dump)
		return -ENOENT;
	/* before the inner ktstr runs there is no guest */
	if (run->phases.now < PHASE_INIT)
		return -EAGAIN;
	nested_signal(run->nested, SIGUSR1);
	return 0;
}

void run_nested_release(struct ktstr_run *run)
{
	nested_destroy(run->nested);
	run->nested = NULL;
	buf_fini(&run->inner_out);
	close_fd(&run->vmcore_window);
}
