/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a core of the guest is written, and from where; the work is a job, and the
 * run ends when it has come back.
 *
 *   own KVM      the guest has parked, at a bad end      vmcore_to_file()
 *   nested       inner: the same                         vmcore_to_window()
 *                outer: QEMU is gone                     vmcore_from_window()
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"
#include "loop/dump.h"
#include "loop/job.h"
#include "loop/machine.h"
#include "loop/run.h"
#include "loop/vmcore.h"

struct run_vmcore {
	struct ktstr_run *run;
	struct job *job;
	atomic_bool stop;
	struct json_object *record;	/* nested: the run's; NULL otherwise */
	/* the job's until it is done */
	struct dump_source source;
	struct dump_cpu *cpu;
	struct vmcore_size size;
	struct err no_kernel, err;
	int result;
};

static void work_guest(void *arg)
{
	struct run_vmcore *v = arg;
	const char *path = v->run->config.vmcore;

	v->result = path ? vmcore_to_file(&v->source, path, &v->stop, &v->size, &v->err) :
			   vmcore_to_window(&v->source, &v->stop, &v->size, &v->err);
}

static void work_window(void *arg)
{
	struct run_vmcore *v = arg;

	v->result = vmcore_from_window(v->run->vmcore_window, v->run->config.vmcore, &v->stop,
				       &v->size, &v->err);
}

/* Of a nested run the record is made already. */
static void tell_finding(struct run_vmcore *v, const char *text)
{
	if (v->record)
		record_add_finding(v->record, "Vmcore", text);
	else
		facts_finding(&v->run->facts, "Vmcore", "%s", text);
}

static void tell(struct run_vmcore *v)
{
	if (v->result < 0) {
		log_error("--vmcore: %s", err_text(&v->err));
		tell_finding(v, err_text(&v->err));
		return;
	}
	if (*err_text(&v->no_kernel)) {
		err_ctx(&v->no_kernel, 0, "without VMCOREINFO");
		tell_finding(v, err_text(&v->no_kernel));
	}
	if (v->run->config.vmcore)
		log_notice("%s: a core of the guest, %llu MiB, %llu of them written",
			   v->run->config.vmcore, (unsigned long long)(v->size.bytes / MIB),
			   (unsigned long long)(v->size.data_bytes / MIB));
}

static void on_written(void *arg)
{
	struct run_vmcore *v = arg;
	struct ktstr_run *run = v->run;
	struct json_object *record;

	tell(v);
	record = take_ptr(v->record);
	run_vmcore_release(run);
	run_finish(run, record);
}

static struct run_vmcore *create(struct ktstr_run *run)
{
	struct run_vmcore *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->run = run;
	v->no_kernel = v->err = (struct err)ERR_INIT;
	v->size.no_kernel = &v->no_kernel;
	run->vmcore = v;
	return v;
}

static bool start(struct run_vmcore *v, void (*work)(void *arg))
{
	struct ktstr_run *run = v->run;

	v->result = job_start(run->loop, work, on_written, v, &v->job, &v->err);
	if (v->result == 0) {
		phases_limit(&run->phases, 0);	/* a large guest takes its time */
		return true;
	}
	tell(v);
	return false;
}

bool run_vmcore_of_guest(struct ktstr_run *run)
{
	struct run_vmcore *v;

	if ((!run->config.vmcore && !run->config.relay_vmcore) || !run_ended_badly(run))
		return false;
	v = create(run);
	if (v)
		v->cpu = calloc(machine_cpus(run->machine), sizeof(*v->cpu));
	if (!v || !v->cpu) {
		log_error("--vmcore: out of memory");
		return false;
	}
	run_dump_source(run, v->cpu, &v->source);
	return start(v, work_guest);
}

bool run_vmcore_of_window(struct ktstr_run *run, struct json_object *record)
{
	struct run_vmcore *v;

	/* one that should be there and is not is a finding in the inner record */
	if (!run->config.vmcore || !vmcore_window_has_core(run->vmcore_window))
		return false;
	v = create(run);
	if (!v) {
		log_error("--vmcore: out of memory");
		return false;
	}
	v->record = record;
	if (start(v, work_window))
		return true;
	v->record = NULL;
	return false;
}

void run_vmcore_cancel(struct ktstr_run *run)
{
	if (run->vmcore)
		atomic_store(&run->vmcore->stop, true);
}

void run_vmcore_release(struct ktstr_run *run)
{
	struct run_vmcore *v = take_ptr(run->vmcore);

	if (!v)
		return;
	atomic_store(&v->stop, true);
	job_destroy(v->job);
	json_object_put(v->record);
	free(v->cpu);
	free(v);
}
