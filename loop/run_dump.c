/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When snapshots of the guest are taken, and where they go: into the file of --dump,
 * anew with each; of a nested run into the record, from which the outer ktstr takes
 * them for its file.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/dump.h"
#include "loop/machine.h"
#include "loop/run.h"

/* The key in a nested run's record. */
#define RECORD_SNAPSHOTS "snapshots"

static bool is_wanted(const struct ktstr_run *run)
{
	return run->config.dump || run->config.relay_dump;
}

/* The last one tells how it ended, so it is kept in place of the one before. */
static void keep(struct ktstr_run *run, struct json_object *snapshot)
{
	size_t n;

	if (!run->snapshots)
		run->snapshots = json_object_new_array();
	n = json_object_array_length(run->snapshots);
	if (n < DUMP_SNAPSHOTS_MAX)
		json_object_array_add(run->snapshots, snapshot);
	else
		json_object_array_put_idx(run->snapshots, n - 1, snapshot);
}

static void write_file(struct ktstr_run *run)
{
	struct err e = ERR_INIT;

	if (!run->config.dump)
		return;
	if (dump_write(run->config.dump, run->snapshots, &e) < 0)
		log_error("--dump: %s", err_text(&e));
	else
		log_notice("%s: a dump of the guest", run->config.dump);
}

static void take(struct ktstr_run *run, const char *trigger, const char *reason)
{
	struct dump_source s = {
		.trigger = trigger,
		.reason = reason,
		.t_ns = units_now_ns() - run->facts.phase_ns[PHASE_SETUP],
		.memory = machine_memory(run->machine),
		.index = watch_index(&run->watch),
		.no_index = err_text(&run->watch.index_why),
		.cpus = machine_cpus(run->machine),
	};
	_cleanup_free_ struct dump_cpu *cpu = calloc(s.cpus, sizeof(*cpu));

	if (!cpu) {
		log_error("--dump: out of memory");
		return;
	}
	s.cpu = cpu;
	for (unsigned i = 0; i < s.cpus; i++)
		cpu[i].has_regs = machine_vcpu_regs(run->machine, i, &cpu[i].regs) == 0;
	keep(run, dump_take(&s));
	write_file(run);
}

void run_dump_end(struct ktstr_run *run)
{
	const enum stop_reason why = run->facts.stop;

	/* a run that ended in order, or because somebody wanted it */
	if (!is_wanted(run) || why == STOP_NONE || why == STOP_POWEROFF || why == STOP_ESCAPE ||
	    why == STOP_CANCELLED)
		return;
	take(run, stop_reason_name(why), run->facts.stop_text);
}

void run_dump_to_record(const struct ktstr_run *run, struct json_object *record)
{
	if (run->config.relay_dump && run->snapshots)
		json_object_object_add(record, RECORD_SNAPSHOTS, json_object_get(run->snapshots));
}

void run_dump_from_record(struct ktstr_run *run, struct json_object *record)
{
	struct json_object *a;

	if (!run->config.dump || !json_object_object_get_ex(record, RECORD_SNAPSHOTS, &a) ||
	    !json_object_is_type(a, json_type_array))
		return;
	json_object_put(run->snapshots);
	run->snapshots = json_object_get(a);
	json_object_object_del(record, RECORD_SNAPSHOTS);
	write_file(run);
}
