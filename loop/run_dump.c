/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When snapshots of the guest are taken, and where they go: into the file of --dump,
 * anew with each; of a nested run into the record, from which the outer ktstr takes
 * them for its file.
 *
 *   run_dump_ask()     the guest is to stand still (loop/run_freeze.h)
 *   run_dump_frozen()  a snapshot; --dump-hold
 *   run_dump_thawed()  the guest goes on: tests that wait are answered
 *   run_dump_end()     a bad end: all vCPUs have parked, the last snapshot
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/dump.h"
#include "loop/json.h"
#include "loop/machine.h"
#include "loop/run.h"

/* The key in a nested run's record. */
#define RECORD_SNAPSHOTS "snapshots"

bool run_dump_is_wanted(const struct ktstr_run *run)
{
	return run->config.dump || run->config.relay_dump;
}

static size_t count(const struct ktstr_run *run)
{
	return run->dump.snapshots ? json_object_array_length(run->dump.snapshots) : 0;
}

/* The last one tells how it ended, so it is kept in place of the one before. */
static void keep(struct ktstr_run *run, struct json_object *snapshot)
{
	size_t n = count(run);

	if (!run->dump.snapshots)
		run->dump.snapshots = json_object_new_array();
	if (n < DUMP_SNAPSHOTS_MAX)
		json_object_array_add(run->dump.snapshots, snapshot);
	else
		json_object_array_put_idx(run->dump.snapshots, n - 1, snapshot);
}

static void write_file(struct ktstr_run *run)
{
	struct err e = ERR_INIT;

	if (!run->config.dump)
		return;
	if (dump_write(run->config.dump, run->dump.snapshots, &e) < 0)
		log_error("--dump: %s", err_text(&e));
	else
		log_notice("%s: a dump of the guest", run->config.dump);
}

void run_dump_source(const struct ktstr_run *run, struct dump_cpu *cpu, struct dump_source *ret)
{
	*ret = (struct dump_source){
		.memory = machine_memory(run->machine),
		.cpus = machine_cpus(run->machine),
		.cpu = cpu,
	};
	ret->index = watch_index(&run->watch, &ret->no_index);
	for (unsigned i = 0; i < ret->cpus; i++)
		cpu[i].has_regs = machine_vcpu_regs(run->machine, i, &cpu[i].regs) == 0;
}

static void take(struct ktstr_run *run, const char *trigger, const char *reason,
		 const char *partial)
{
	_cleanup_free_ struct dump_cpu *cpu = calloc(machine_cpus(run->machine), sizeof(*cpu));
	const uint64_t began_ns = run->facts.phase_ns[PHASE_SETUP];
	struct dump_source s;

	if (!cpu) {
		log_error("--dump: out of memory");
		return;
	}
	run_dump_source(run, cpu, &s);
	s.trigger = trigger;
	s.reason = reason;
	s.partial = partial;
	s.t_ns = units_now_ns() - began_ns;
	s.kernel_exits = fate_exits_to_json(&run->fate, began_ns);
	keep(run, dump_take(&s));
	json_object_put(s.kernel_exits);
	write_file(run);
}

/* --- of a guest that goes on --------------------------------------------------- */

/* Whoever waits is in the guest, which runs; PID 1 counts an answer for each request. */
static void answer_tests(struct ktstr_run *run, int code, unsigned n)
{
	const struct wire_exit x = { .code = code };
	int r = 0;

	while (n-- && r == 0)
		r = machine_send(run->machine, WIRE_DUMPED, &x, sizeof(x));
	if (r < 0)
		facts_finding(&run->facts, "Lost", "no room to tell a test of its dump");
}

void run_dump_test(struct ktstr_run *run, const char *why)
{
	int r = run_dump_ask(run, "test", "%s", why);

	if (r < 0)
		answer_tests(run, r, 1);
	else
		run->dump.tests_wait++;
}

void run_dump_thawed(struct ktstr_run *run, bool goes_on)
{
	const unsigned tests_wait = run->dump.tests_wait;

	run->dump.trigger[0] = '\0';
	run->dump.tests_wait = 0;
	if (goes_on)
		answer_tests(run, 0, tests_wait);
}

static void end_hold(struct ktstr_run *run)
{
	run->dump.held = false;
	run_freeze_end(run);
}

static void on_held(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	end_hold(container_of(w, struct ktstr_run, dump.hold));
}

void run_dump_hurry(struct ktstr_run *run)
{
	run->dump.in_haste = true;
	if (!run->dump.held)
		return;
	ev_timer_stop(run->loop, &run->dump.hold);
	end_hold(run);
}

bool run_dump_frozen(struct ktstr_run *run)
{
	struct run_dump *d = &run->dump;

	take(run, d->trigger, d->reason, machine_freeze_why(run->machine));
	if (!run->config.dump_hold_ns || d->in_haste)
		return false;
	d->held = true;
	log_info("the guest stands still for %.1f s", (double)run->config.dump_hold_ns / 1e9);
	ev_now_update(run->loop);
	ev_timer_init(&d->hold, on_held, (double)run->config.dump_hold_ns / 1e9, 0.);
	ev_timer_start(run->loop, &d->hold);
	return true;
}

/* The one that is under way has not looked yet, and tells of both. */
static void join(struct run_dump *d, const char *trigger, const char *reason)
{
	text_append(d->reason, sizeof(d->reason), "%s%s: %s", *d->reason ? "; " : "", trigger,
		    reason);
}

int run_dump_ask(struct ktstr_run *run, const char *trigger, const char *fmt, ...)
{
	struct run_dump *d = &run->dump;
	char reason[sizeof(d->reason)] = "";
	va_list ap;
	int r;

	if (!run_dump_is_wanted(run))
		return -ENOENT;
	if (!run->machine || d->held)
		return -EAGAIN;
	if (count(run) >= DUMP_SNAPSHOTS_MAX - 1)	/* one is for the end */
		return -E2BIG;
	va_start(ap, fmt);
	text_vappend(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (*d->trigger) {
		join(d, trigger, reason);
		return 0;
	}
	snprintf(d->trigger, sizeof(d->trigger), "%s", trigger);
	memcpy(d->reason, reason, sizeof(reason));
	r = run_freeze_ask(run, RUN_FREEZE_DUMP);
	if (r < 0)
		d->trigger[0] = '\0';
	return r;
}

/* --- of one that has ended ------------------------------------------------------- */

void run_dump_release(struct ktstr_run *run)
{
	if (run->dump.held)
		ev_timer_stop(run->loop, &run->dump.hold);
	run->dump.held = false;
	run->dump.tests_wait = 0;
	run->dump.trigger[0] = '\0';
}

bool run_ended_badly(const struct ktstr_run *run)
{
	const enum stop_reason why = run->facts.stop;

	return why != STOP_NONE && why != STOP_POWEROFF && why != STOP_ESCAPE &&
	       why != STOP_CANCELLED;
}

void run_dump_end(struct ktstr_run *run)
{
	if (run_dump_is_wanted(run) && run_ended_badly(run))
		take(run, stop_reason_name(run->facts.stop), run->facts.stop_text, "");
}

/* --- nested ------------------------------------------------------------------------ */

/* Of those that there is no room for the ones between the first and the last tell least. */
static size_t shorten(struct json_object *record, struct json_object *a)
{
	size_t n, dropped = 0, bytes = strlen(json_text(record));

	while (bytes > DUMP_RECORD_MAX && (n = json_object_array_length(a))) {
		const size_t i = (n - 1) / 2;

		/* not indented, so no more than what goes */
		bytes -= strlen(json_text(json_object_array_get_idx(a, i)));
		json_object_array_del_idx(a, i, 1);
		dropped++;
	}
	return dropped;
}

void run_dump_to_record(const struct ktstr_run *run, struct json_object *record)
{
	struct json_object *a = run->dump.snapshots;
	size_t dropped;
	char text[80];

	if (!run->config.relay_dump || !a)
		return;
	json_object_object_add(record, RECORD_SNAPSHOTS, json_object_get(a));
	dropped = shorten(record, a);
	if (dropped) {
		snprintf(text, sizeof(text), "%zu of %zu snapshots are too large for the record",
			 dropped, dropped + json_object_array_length(a));
		record_add_finding(record, "Dump", text);
	}
	if (!json_object_array_length(a))
		json_object_object_del(record, RECORD_SNAPSHOTS);
}

void run_dump_from_record(struct ktstr_run *run, struct json_object *record)
{
	struct json_object *a;

	if (!run->config.dump || !json_object_object_get_ex(record, RECORD_SNAPSHOTS, &a) ||
	    !json_object_is_type(a, json_type_array))
		return;
	json_object_put(run->dump.snapshots);
	run->dump.snapshots = json_object_get(a);
	json_object_object_del(record, RECORD_SNAPSHOTS);
	write_file(run);
}
