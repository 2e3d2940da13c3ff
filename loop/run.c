/* SPDX-License-Identifier: GPL-2.0-only */
/* The public handle: from options to record. */
#include "loop/run.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "ktstr/ktstr.h"
#include "loop/job.h"
#include "loop/json.h"
#include "loop/record.h"

struct ktstr_run *ktstr_run_create(void)
{
	struct ktstr_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->err = (struct err)ERR_INIT;
	run->streams = (struct ktstr_streams){ .in = -1, .out = -1, .err = -1 };
	facts_init(&run->facts);
	plan_init(&run->plan);
	watch_init(&run->watch);
	run->vmcore_window = -1;
	if (config_init(&run->config) < 0) {
		free(run);
		return NULL;
	}
	return run;
}

static void release(struct ktstr_run *run)
{
	phases_stop(&run->phases);
	job_destroy(run->job);
	run->job = NULL;
	run_freeze_release(run);
	run_vmcore_release(run);
	run_kvm_release(run);
	run_nested_release(run);
	plan_fini(&run->plan);
}

void ktstr_run_destroy(struct ktstr_run *run)
{
	if (!run)
		return;
	release(run);
	run_channel_release(run);
	facts_fini(&run->facts);
	config_fini(&run->config);
	json_object_put(run->dump.snapshots);
	json_object_put(run->record);
	free(run->record_text);
	free(run);
}

int ktstr_run_set(struct ktstr_run *run, const char *option, const char *value)
{
	if (run->loop)
		return err_set(&run->err, -EBUSY, "%s: the run has been started", option);
	return config_set(&run->config, option, value, &run->err);
}

/* --- the end -------------------------------------------------------------- */

static void take_record(struct ktstr_run *run, struct json_object *record)
{
	struct json_object *code;

	run->record = record ? record : record_build(&run->facts);
	run_dump_to_record(run, run->record);
	run->record_text = strdup(json_text(run->record));
	run->exit_code = verdict_exit_code(VERDICT_ERROR);
	if (json_object_object_get_ex(run->record, "exit_code", &code))
		run->exit_code = json_object_get_int(code);
}

void run_finish(struct ktstr_run *run, struct json_object *record)
{
	release(run);
	phases_reach(&run->phases, PHASE_DONE);
	phases_stop(&run->phases);
	run->record = record;
	run->finishing = true;
	if (run->channel)
		run_channel_finish(run);
	else
		run_end(run);
}

void run_end(struct ktstr_run *run)
{
	struct json_object *record = take_ptr(run->record);

	run_channel_release(run);
	if (run->facts.error) {		/* also one that came behind a nested run's record */
		json_object_put(record);
		record = NULL;
	}
	take_record(run, record);
	if (run->facts.error)
		err_set(&run->err, -EIO, "%s", run->facts.error);
	run->done(run, run->arg);
}

static void finish_with_error(struct ktstr_run *run, const struct err *e)
{
	run->facts.error = strdup(err_text(e));
	facts_stop(&run->facts, STOP_HOST, "%s", err_text(e));
	run_finish(run, NULL);
}

/* --- the start ------------------------------------------------------------ */

/* What the plan decided belongs in the record, whatever happens next. */
static void take_plan(struct ktstr_run *run)
{
	struct facts *f = &run->facts;
	const struct plan *p = &run->plan;

	f->accel = p->accel;
	f->accel_why = *err_text(&p->accel_why) ? strdup(err_text(&p->accel_why)) : NULL;
	f->topo = p->topo;
	f->memory_bytes = p->memory_bytes;
	f->initramfs_bytes = p->payload.bytes;
	f->initramfs_packed_bytes = p->payload.packed_bytes;
	f->initramfs_cached = p->payload.cached;
	snprintf(f->initramfs_copied, sizeof(f->initramfs_copied), "%s", err_text(&p->copied));
	f->kernel_path = p->kernel.image ? strdup(p->kernel.image) : NULL;
	f->kernel_release = p->release && *p->release ? strdup(p->release) : NULL;
	f->kernel_why = p->kernel.why ? strdup(p->kernel.why) : NULL;
	run->phases.cpus = p->topo.numa_nodes ? topo_cpus(&p->topo) : 1;
	run->phases.deadline_ns = p->timeout_ns;
	run->phases.attach_ns = sched_attach_limit_ns(&run->config);
	run->phases.slow = p->accel == ACCEL_NESTED || run->config.slow;
}

static void work_plan(void *arg)
{
	struct ktstr_run *run = arg;

	plan_make(&run->plan, &run->config);
}

static void on_planned(void *arg)
{
	struct ktstr_run *run = arg;
	struct err e = ERR_INIT;
	int r;

	job_destroy(run->job);
	run->job = NULL;
	take_plan(run);
	if (run->cancels) {
		facts_stop(&run->facts, STOP_CANCELLED, "cancelled while the machine was built");
		run_finish(run, NULL);
		return;
	}
	if (run->plan.result < 0) {
		finish_with_error(run, &run->plan.err);
		return;
	}
	if (run->plan.note[0])
		log_notice("%s", run->plan.note);
	/* who named it knows */
	if (run->config.kernel)
		log_info("kernel %s (%s)", run->plan.kernel.image, run->plan.kernel.why);
	else
		log_notice("kernel %s (%s)", run->plan.kernel.image, run->plan.kernel.why);
	r = config_has_command(&run->config) ? run_channel_create(run, &e) : 0;
	if (r == 0)
		r = run->plan.accel == ACCEL_KVM ? run_kvm_start(run, &e) :
						   run_nested_start(run, &e);
	if (r < 0)
		finish_with_error(run, &e);
}

int ktstr_run_start(struct ktstr_run *run, struct ev_loop *loop,
		    void (*done)(struct ktstr_run *run, void *arg), void *arg)
{
	int r;

	if (run->loop)
		return err_set(&run->err, -EBUSY, "the run has been started");
	r = config_check(&run->config, &run->err);
	if (r < 0)
		return r;
	r = sched_facts_init(&run->facts.sched, &run->config);
	if (r < 0)
		return err_sys(&run->err, r, "scheduler");
	run->facts.command = config_has_command(&run->config) ? &run->config.command : NULL;
	r = job_start(loop, work_plan, on_planned, run, &run->job, &run->err);
	if (r < 0)
		return r;
	run->loop = loop;
	run->done = done;
	run->arg = arg;
	run->facts.topo = run->config.topology;
	run->phases.cpus = 1;
	phases_start(&run->phases, loop, &run->facts);
	return 0;
}

void ktstr_run_cancel(struct ktstr_run *run)
{
	if (!run->loop || run->record_text)
		return;
	run->cancels++;
	if (run->finishing) {	/* whoever does not read the rest is not waited for */
		run_end(run);
		return;
	}
	/* a plan under way is short and cannot be interrupted: on_planned() looks */
	if (run->machine)
		run_kvm_cancel(run, run->cancels > 1);
	else if (run->nested)
		run_nested_cancel(run, run->cancels > 1);
}

int ktstr_run_dump(struct ktstr_run *run, const char *why)
{
	int r = -EAGAIN;

	err_clear(&run->err);
	if (run->machine)
		r = run_dump_ask(run, "user", "%s", why ? why : "");
	else if (run->nested)
		r = run_nested_dump(run);
	if (r < 0)
		err_set(&run->err, r, "no dump: %s", r == -ENOENT ? "--dump has no file for it" :
			r == -E2BIG ? "there are as many as a run keeps" :
			"no guest runs just now, or it is held");
	return r;
}

/* --- what came of it ------------------------------------------------------ */

int ktstr_run_exit_code(const struct ktstr_run *run)
{
	return run->record ? run->exit_code : verdict_exit_code(VERDICT_ERROR);
}

const char *ktstr_run_record(const struct ktstr_run *run)
{
	return run->record_text;
}

const char *ktstr_run_error(const struct ktstr_run *run)
{
	return err_text(&run->err);
}
