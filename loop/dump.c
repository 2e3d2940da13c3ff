/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots of a guest that stands still, section by section. */
#include "loop/dump.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/monitor.h"

void dump_unavailable(struct dump_section *s, const char *what, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char why[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	json_add_str(o, "what", what);
	json_add_str(o, "why", why);
	json_object_array_add(s->unavailable, o);
}

void dump_absent(const char *what, const char *why, void *arg)
{
	struct dump_section *s = arg;
	char name[64];

	snprintf(name, sizeof(name), "%s: %s", s->name, what);
	dump_unavailable(s, name, "%s", why);
}

struct json_object *dump_task(int32_t pid, const char *comm)
{
	struct json_object *o = json_object_new_object();

	if (pid >= 0)
		json_object_object_add(o, "pid", json_object_new_int(pid));
	json_add_str(o, "comm", comm);
	return o;
}

/* enum scx_dsq_id_flags (kernel/sched/ext, since 6.12): a kernel's own queues */
void dump_add_dsq(struct json_object *o, uint64_t id)
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
			json_add_str(o, "dsq", own[i].name);
			return;
		}
	}
	json_add_hex(o, "dsq", id);
}

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

	json_add_u64(o, "cpu", cpu);
	if (!s->cpu[cpu].has_regs) {
		json_add_str(o, "why", "its registers could not be read");
		return o;
	}
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		json_add_hex(o, regs[i].name, regs[i].value);
	if (s->index)
		symbol = monitor_code_name(s->index, r->rip, r->lstar);
	json_add_str(o, "symbol", symbol);
	json_object_object_add(o, "halted", json_object_new_boolean(r->halted));
	return o;
}

static void add_vcpus(struct dump_section *s)
{
	struct json_object *a = json_object_new_array();

	for (unsigned i = 0; i < s->source->cpus; i++)
		json_object_array_add(a, vcpu(s->source, i));
	json_object_object_add(s->out, "vcpus", a);
}

/* What is read out of the guest's memory; the registers need no table. */
static const struct {
	const char *name;
	void (*add)(struct dump_section *s);
} sections[] = {
	{ "scx", dump_scx },
	{ "runqueues", dump_runqueues },
	{ "tasks", dump_tasks },
	{ "dsqs", dump_dsqs },
	{ "maps", dump_maps },
	{ "programs", dump_programs },
};

struct monitor *dump_attach(const struct dump_source *s, struct err *e)
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
	struct dump_section s = {
		.source = source,
		.out = json_object_new_object(),
		.unavailable = json_object_new_array(),
	};
	struct err e = ERR_INIT;
	struct monitor *m = dump_attach(source, &e);

	json_add_str(s.out, "trigger", source->trigger);
	json_add_str(s.out, "reason", source->reason);
	json_add_u64(s.out, "t_ms", source->t_ns / NSEC_PER_MSEC);
	if (source->partial && *source->partial)
		dump_unavailable(&s, "freeze", "%s", source->partial);
	add_vcpus(&s);
	s.monitor = m;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		s.name = sections[i].name;
		if (m)
			sections[i].add(&s);
		else
			dump_unavailable(&s, s.name, "%s", err_text(&e));
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

	json_add_str(o, "schema", DUMP_SCHEMA);
	json_object_object_add(o, "snapshots", json_object_get(snapshots));
	text = json_text(o);
	r = text ? file_write_atomic(path, text, strlen(text), 0644, e) :
		   err_sys(e, -ENOMEM, "%s", path);
	json_object_put(o);
	return r;
}
