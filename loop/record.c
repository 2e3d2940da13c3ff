/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts to JSON, schema ktstr.run/1. A value that is not known is absent. */
#include "loop/record.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "loop/facts.h"
#include "loop/json.h"

/* From the first phase that was reached in [from..] to the first in [to..]. */
static void add_span(struct json_object *o, const char *key, const struct facts *f,
		     enum phase from, enum phase to)
{
	uint64_t a = f->phase_ns[from], b = 0;

	for (int p = to; p < PHASE_COUNT && !b; p++)
		b = f->phase_ns[p];
	if (a && b && b >= a)
		json_add_ms(o, key, b - a);
}

static struct json_object *phases(const struct facts *f)
{
	struct json_object *o = json_object_new_object();

	add_span(o, "setup", f, PHASE_SETUP, PHASE_LOADED);
	add_span(o, "boot", f, PHASE_LOADED, PHASE_INIT);
	add_span(o, "init", f, PHASE_INIT, PHASE_TEST);
	add_span(o, "test", f, PHASE_TEST, PHASE_RESULT);
	add_span(o, "poweroff", f, PHASE_RESULT, PHASE_POWEROFF);
	add_span(o, "teardown", f, PHASE_POWEROFF, PHASE_DONE);
	return o;
}

static struct json_object *worker(const struct wire_worker *w)
{
	struct json_object *o = json_object_new_object();

	json_add_u64(o, "id", w->id);
	json_add_u64(o, "work_units", w->work_units);
	json_add_u64(o, "cpu_ns", w->cpu_ns);
	json_add_u64(o, "wall_ns", w->wall_ns);
	if (w->run_delay_ns != UINT64_MAX)
		json_add_u64(o, "run_delay_ns", w->run_delay_ns);
	json_add_u64(o, "max_gap_ns", w->max_gap_ns);
	json_add_u64(o, "migrations", w->migrations);
	json_add_u64(o, "cpus_seen", w->cpus_seen);
	return o;
}

static struct json_object *stats(const struct fact_test *t)
{
	struct json_object *o = json_object_new_object(), *a;

	if (!t->worker_count)
		return o;
	a = json_object_new_array();
	for (size_t i = 0; i < t->worker_count; i++)
		json_object_array_add(a, worker(&t->worker[i]));
	json_object_object_add(o, "workers", a);
	return o;
}

static struct json_object *test(const struct fact_test *t)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();

	json_add_str(o, "name", t->name);
	json_add_str(o, "verdict", verdict_name(t->finished ? t->verdict : VERDICT_INCONCLUSIVE));
	if (t->finished)
		json_add_ms(o, "duration_ms", t->duration_ns);
	for (size_t i = 0; i < t->detail_count; i++) {
		struct json_object *d = json_object_new_object();

		json_add_str(d, "kind", t->detail[i].kind);
		json_add_str(d, "verdict", verdict_name(t->detail[i].verdict));
		json_add_str(d, "text", t->detail[i].text);
		json_object_array_add(a, d);
	}
	json_object_object_add(o, "details", a);
	json_object_object_add(o, "stats", stats(t));
	return o;
}

static struct json_object *tests(const struct facts *f)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < f->test_count; i++)
		json_object_array_add(a, test(&f->test[i]));
	return a;
}

static struct json_object *vcpus(const struct facts *f)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < f->vcpu_count; i++) {
		struct json_object *o = json_object_new_object();

		json_add_u64(o, "cpu", i);
		json_add_hex(o, "rip", f->vcpu[i].regs.rip);
		json_add_str(o, "symbol", f->vcpu[i].symbol);
		json_object_object_add(o, "halted",
				       json_object_new_boolean(f->vcpu[i].regs.halted));
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *vm(const struct facts *f)
{
	struct json_object *o = json_object_new_object(), *x;

	if (f->irqchip != VM_IRQCHIP_AUTO)
		json_add_str(o, "irqchip", vm_irqchip_name(f->irqchip));
	if (f->freezes) {
		json_add_u64(o, "freezes", f->freezes);
		json_add_ms(o, "frozen_ms", f->frozen_ns);
	}
	if (f->has_exits) {
		x = json_object_new_object();
		for (int k = 0; k < VCPU_EXIT_COUNT; k++)
			if (f->exits[k])
				json_add_u64(x, vcpu_exit_name((enum vcpu_exit_kind)k),
					     f->exits[k]);
		json_object_object_add(o, "exits", x);
	}
	if (f->stat_count) {
		x = json_object_new_object();
		for (size_t i = 0; i < f->stat_count; i++)
			json_add_u64(x, f->stat[i].name, f->stat[i].value);
		json_object_object_add(o, "kvm_stats", x);
	}
	if (f->vcpu_count)
		json_object_object_add(o, "vcpus", vcpus(f));
	return o;
}

static struct json_object *command(const struct facts *f)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();

	for (size_t i = 0; i < f->command->count; i++)
		json_object_array_add(a, json_object_new_string(f->command->item[i]));
	json_object_object_add(o, "words", a);
	if (!f->ended)
		return o;
	json_object_object_add(o, "status", json_object_new_int(f->end.status));
	if (f->end.signal)
		json_add_u64(o, "signal", f->end.signal);
	json_add_u64(o, "stdin_bytes", f->end.bytes[WIRE_STREAM_IN]);
	json_add_u64(o, "stdout_bytes", f->end.bytes[WIRE_STREAM_OUT]);
	json_add_u64(o, "stderr_bytes", f->end.bytes[WIRE_STREAM_ERR]);
	return o;
}

static struct json_object *finding(const char *kind, const char *text)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "kind", kind);
	json_add_str(o, "text", text);
	return o;
}

static struct json_object *findings(const struct facts *f)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < f->finding_count; i++)
		json_object_array_add(a, finding(f->finding[i].kind, f->finding[i].text));
	return a;
}

void record_add_finding(struct json_object *record, const char *kind, const char *text)
{
	struct json_object *a;

	if (!json_object_object_get_ex(record, "findings", &a) ||
	    !json_object_is_type(a, json_type_array)) {
		a = json_object_new_array();
		json_object_object_add(record, "findings", a);
	}
	json_object_array_add(a, finding(kind, text));
}

/* The whole shape, where it is more than the four numbers. */
static void add_shape(struct json_object *o, const struct topo *t, const char *numbers)
{
	_cleanup_free_ char *whole = NULL;
	struct buf b = BUF_INIT;

	topo_format_whole(t, &b);
	whole = buf_take(&b);
	if (whole && strcmp(whole, numbers))
		json_add_str(o, "shape", whole);
}

static void add_setting(struct json_object *o, const struct facts *f)
{
	struct json_object *k = json_object_new_object();
	char text[TOPO_TEXT_MAX];

	if (f->accel != ACCEL_AUTO)
		json_add_str(o, "accel", accel_name(f->accel));
	json_add_str(o, "accel_why", f->accel_why);
	json_add_str(o, "arch", "x86_64");
	json_add_str(k, "path", f->kernel_path);
	json_add_str(k, "release", f->guest_release[0] ? f->guest_release : f->kernel_release);
	json_add_str(k, "why", f->kernel_why);
	json_object_object_add(o, "kernel", k);
	if (f->topo.numa_nodes) {
		topo_format(&f->topo, text);
		json_add_str(o, "topology", text);
		add_shape(o, &f->topo, text);
		json_add_u64(o, "cpus", topo_cpus(&f->topo));
	}
	if (f->memory_bytes)
		json_add_u64(o, "memory_mib", f->memory_bytes / MIB);
}

static void add_transport(struct json_object *o, const struct facts *f)
{
	struct json_object *r;

	if (f->by_ring || f->by_com2)
		json_add_str(o, "transport", f->by_ring ? "shmring" : "com2");
	r = json_object_new_object();
	json_add_u64(r, "frames", f->frames);
	json_add_u64(r, "bytes", f->bytes);
	json_add_u64(r, "drops", f->drops);
	json_add_u64(r, "bad_frames", f->bad_frames);
	json_object_object_add(o, "ring", r);
	if (!f->initramfs_bytes)
		return;
	r = json_object_new_object();
	json_add_u64(r, "bytes", f->initramfs_bytes);
	if (f->initramfs_packed_bytes)
		json_add_u64(r, "compressed_bytes", f->initramfs_packed_bytes);
	json_object_object_add(r, "cached", json_object_new_boolean(f->initramfs_cached));
	json_object_object_add(r, "shared",
			       json_object_new_boolean(!f->initramfs_copied[0]));
	json_add_str(r, "not_shared", f->initramfs_copied);
	json_object_object_add(o, "initramfs", r);
}

/* A guest may say more than is kept. */
static void add_dropped(struct json_object *o, const struct facts *f)
{
	struct json_object *d;

	if (!f->details_dropped && !f->findings_dropped)
		return;
	d = json_object_new_object();
	json_add_u64(d, "details", f->details_dropped);
	json_add_u64(d, "findings", f->findings_dropped);
	json_object_object_add(o, "dropped", d);
}

static void add_scheduler(struct json_object *o, const struct facts *f)
{
	struct json_object *sched = sched_facts_to_json(&f->sched);

	if (sched)
		json_object_object_add(o, "scheduler", sched);
}

struct json_object *record_build(const struct facts *f)
{
	struct json_object *o = json_object_new_object();
	char reason[FACTS_REASON_MAX];
	enum verdict v = facts_verdict(f, reason);

	json_add_str(o, "schema", RECORD_SCHEMA);
	json_add_str(o, "verdict", verdict_name(v));
	json_add_str(o, "reason", reason);
	json_object_object_add(o, "exit_code", json_object_new_int(facts_exit_code(f, v)));
	if (f->command)
		json_object_object_add(o, "command", command(f));
	if (f->stop != STOP_NONE) {
		json_add_str(o, "stop", stop_reason_name(f->stop));
		json_add_str(o, "phase", phase_name(f->stop_phase));
	}
	add_setting(o, f);
	add_scheduler(o, f);
	json_object_object_add(o, "phases_ms", phases(f));
	add_transport(o, f);
	json_object_object_add(o, "tests", tests(f));
	if (f->monitor)
		json_object_object_add(o, "monitor", json_object_get(f->monitor));
	json_object_object_add(o, "vm", vm(f));
	json_object_object_add(o, "findings", findings(f));
	add_dropped(o, f);
	json_add_list(o, "console_tail", &f->console_tail);
	json_add_list(o, "program_tail", &f->program_tail);
	return o;
}
