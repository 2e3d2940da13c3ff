/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots of a guest that stands still, section by section. */
#include "loop/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/units.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/sample.h"
#include "monitor/tasks.h"

/* Tasks told in all: a guest may have any number of them. */
#define TASKS_TOLD_MAX 8192

struct section {
	const struct dump_source *source;
	const struct monitor *monitor;
	struct json_object *out;
	struct json_object *unavailable;
	size_t tasks;
};

/* --- small things ------------------------------------------------------------ */

static void add_str(struct json_object *o, const char *key, const char *s)
{
	if (s && *s)
		json_object_object_add(o, key, json_object_new_string(s));
}

static void add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

/* An address or a register: many JSON readers have 53 bits. */
static void add_hex(struct json_object *o, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	add_str(o, key, text);
}

__attribute__((format(printf, 3, 4)))
static void unavailable(struct section *s, const char *what, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char why[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	add_str(o, "what", what);
	add_str(o, "why", why);
	json_object_array_add(s->unavailable, o);
}

/* --- vcpus --------------------------------------------------------------------- */

static struct json_object *vcpu(const struct dump_source *s, unsigned cpu)
{
	const struct vcpu_regs *r = &s->cpu[cpu].regs;
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *symbol = NULL;
	const struct {
		const char *name;
		uint64_t value;
	} regs[] = {
		{ "rip", r->rip }, { "rsp", r->rsp }, { "rflags", r->rflags },
		{ "cr0", r->cr0 }, { "cr3", r->cr3 }, { "cr4", r->cr4 },
		{ "efer", r->efer }, { "lstar", r->lstar },
	};

	add_u64(o, "cpu", cpu);
	if (!s->cpu[cpu].has_regs) {
		add_str(o, "why", "its registers could not be read");
		return o;
	}
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		add_hex(o, regs[i].name, regs[i].value);
	if (s->index)
		symbol = monitor_code_name(s->index, r->rip, r->lstar);
	add_str(o, "symbol", symbol);
	json_object_object_add(o, "halted", json_object_new_boolean(r->halted));
	return o;
}

static void add_vcpus(struct section *s)
{
	struct json_object *a = json_object_new_array();

	for (unsigned i = 0; i < s->source->cpus; i++)
		json_object_array_add(a, vcpu(s->source, i));
	json_object_object_add(s->out, "vcpus", a);
}

/* --- runqueues ------------------------------------------------------------------- */

static struct json_object *task(int32_t pid, const char *comm)
{
	struct json_object *o = json_object_new_object();

	if (pid >= 0)
		json_object_object_add(o, "pid", json_object_new_int(pid));
	add_str(o, "comm", comm);
	return o;
}

static struct json_object *runqueue(const struct sample_cpu *c, unsigned cpu)
{
	struct json_object *o = json_object_new_object();

	add_u64(o, "cpu", cpu);
	for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
		if (c->have & 1u << f)
			add_u64(o, sample_field_name((enum sample_field)f), c->value[f]);
	if (c->curr_pid >= 0)
		json_object_object_add(o, "curr", task(c->curr_pid, c->curr_comm));
	return o;
}

static void on_absent(const char *what, const char *why, void *arg)
{
	struct section *s = arg;
	char name[64];

	snprintf(name, sizeof(name), "runqueues: %s", what);
	unavailable(s, name, "%s", why);
}

static void add_runqueues(struct section *s)
{
	struct json_object *a = json_object_new_array();
	struct sampler *sampler = NULL;
	const struct sample *sample;
	struct err e = ERR_INIT;

	if (sampler_create(s->source->index, s->source->cpus, &sampler, &e) < 0) {
		unavailable(s, "runqueues", "%s", err_text(&e));
		json_object_put(a);
		return;
	}
	sample = sampler_take(sampler, s->monitor, s->source->t_ns);
	for (unsigned i = 0; i < s->source->cpus; i++)
		json_object_array_add(a, runqueue(&sample->cpu[i], i));
	json_object_object_add(s->out, "runqueues", a);
	sampler_absent(sampler, on_absent, s);
	sampler_destroy(sampler);
}

/* --- tasks ------------------------------------------------------------------------ */

/* enum scx_dsq_id_flags (kernel/sched/ext, since 6.12): a kernel's own queues */
static void add_dsq(struct json_object *o, uint64_t id)
{
	static const struct {
		uint64_t id;
		const char *name;
	} own[] = {
		{ UINT64_C(0x8000000000000001), "global" },
		{ UINT64_C(0x8000000000000002), "local" },
		{ UINT64_C(0x8000000000000003), "bypass" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i].id == id) {
			add_str(o, "dsq", own[i].name);
			return;
		}
	}
	add_hex(o, "dsq", id);
}

struct walk {
	struct section *section;
	struct json_object *array;
	enum tasks_list list;
	unsigned cpu;
};

static void on_task(const struct task_waits *t, void *arg)
{
	struct walk *w = arg;
	struct json_object *o;

	if (w->section->tasks++ >= TASKS_TOLD_MAX)
		return;
	o = task(t->pid, t->comm);
	add_u64(o, "cpu", w->cpu);
	add_str(o, "list", tasks_list_name(w->list));
	if (t->has_runnable)
		add_u64(o, "runnable_jiffies", t->runnable_jiffies);
	if (t->has_dsq)
		add_dsq(o, t->dsq);
	json_object_array_add(w->array, o);
}

static void walk_list(struct walk *w, const struct tasks *t)
{
	struct section *s = w->section;

	for (w->cpu = 0; w->cpu < s->source->cpus; w->cpu++) {
		struct err e = ERR_INIT;
		int r = tasks_walk(t, s->monitor, w->cpu, w->list, on_task, w, &e);
		char what[64];

		if (r == 0)
			continue;
		snprintf(what, sizeof(what), r == -ENOENT ? "tasks: %s" : "tasks: %s of CPU %u",
			 tasks_list_name(w->list), w->cpu);
		unavailable(s, what, "%s", err_text(&e));
		if (r == -ENOENT)	/* no CPU has it */
			return;
	}
}

static void add_tasks(struct section *s)
{
	struct walk w = { .section = s, .array = json_object_new_array() };
	struct tasks *t = NULL;
	struct err e = ERR_INIT;

	json_object_object_add(s->out, "tasks", w.array);
	if (tasks_create(s->source->index, &t, &e) < 0) {
		unavailable(s, "tasks", "%s", err_text(&e));
		return;
	}
	for (int l = 0; l < TASKS_LIST_COUNT; l++) {
		w.list = (enum tasks_list)l;
		walk_list(&w, t);
	}
	if (s->tasks > TASKS_TOLD_MAX)
		unavailable(s, "tasks", "%zu more than %u", s->tasks - TASKS_TOLD_MAX,
			    TASKS_TOLD_MAX);
	tasks_destroy(t);
}

/* --- all of it ---------------------------------------------------------------------- */

/* What is read out of the guest's memory; the registers need no table. */
static const struct {
	const char *name;
	void (*add)(struct section *s);
} sections[] = {
	{ "runqueues", add_runqueues },
	{ "tasks", add_tasks },
};

/* By the registers of any vCPU that has run the kernel. NULL: *e says why not. */
static struct monitor *attach(const struct dump_source *s, struct err *e)
{
	struct monitor *m = NULL;

	if (!s->index) {
		err_set(e, -ENODATA, "%s", s->no_index);
		return NULL;
	}
	if (monitor_create(s->memory, s->index, s->cpus, &m, e) < 0)
		return NULL;
	for (unsigned i = 0; i < s->cpus; i++) {
		const struct vcpu_regs *r = &s->cpu[i].regs;

		err_clear(e);
		if (s->cpu[i].has_regs &&
		    monitor_attach(m, &(struct monitor_regs){ r->cr3, r->cr4, r->lstar }, e) == 0)
			return m;
	}
	if (!*err_text(e))
		err_set(e, -ENODATA, "no vCPU's registers could be read");
	monitor_destroy(m);
	return NULL;
}

struct json_object *dump_take(const struct dump_source *source)
{
	struct section s = {
		.source = source,
		.out = json_object_new_object(),
		.unavailable = json_object_new_array(),
	};
	struct err e = ERR_INIT;
	struct monitor *m = attach(source, &e);

	add_str(s.out, "trigger", source->trigger);
	add_str(s.out, "reason", source->reason);
	add_u64(s.out, "t_ms", source->t_ns / NSEC_PER_MSEC);
	add_vcpus(&s);
	s.monitor = m;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (m)
			sections[i].add(&s);
		else
			unavailable(&s, sections[i].name, "%s", err_text(&e));
	}
	json_object_object_add(s.out, "unavailable", s.unavailable);
	monitor_destroy(m);
	return s.out;
}

int dump_write(const char *path, struct json_object *snapshots, struct err *e)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	int r;

	add_str(o, "schema", DUMP_SCHEMA);
	json_object_object_add(o, "snapshots", json_object_get(snapshots));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	r = text ? file_write_atomic(path, text, strlen(text), 0644, e) :
		   err_sys(e, -ENOMEM, "%s", path);
	json_object_put(o);
	return r;
}
