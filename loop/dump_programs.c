/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "programs": BPF programs, and how often they ran where the kernel counts. */
#include <json-c/json.h>

#include "base/err.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/kbpf.h"

#define PROGRAMS_TOLD_MAX 1024

struct walk {
	struct dump_section *section;
	struct json_object *programs;
	struct kbpf *kbpf;
	bool counts;
	unsigned told;
};

static int on_program(const struct kbpf_program *p, void *arg)
{
	struct walk *w = arg;
	struct json_object *o;
	struct kbpf_count n;

	if (w->told++ == PROGRAMS_TOLD_MAX) {
		dump_unavailable(w->section, "programs", "there are more than %u",
				 PROGRAMS_TOLD_MAX);
		return 1;
	}
	o = json_object_new_object();
	json_add_u64(o, "id", p->id);
	json_add_str(o, "name", p->name);
	json_add_str(o, "type", kbpf_program_type_name(p->type));
	if (w->counts && kbpf_count(w->kbpf, w->section->monitor, p, &n, NULL) == 0) {
		json_add_u64(o, "runs", n.runs);
		json_add_u64(o, "run_ns", n.run_ns);
		json_add_u64(o, "misses", n.misses);
	}
	json_object_array_add(w->programs, o);
	return 0;
}

void dump_programs(struct dump_section *s)
{
	struct walk w = { .section = s, .programs = json_object_new_array() };
	struct err e = ERR_INIT;

	w.counts = kbpf_counts(s->monitor, &e) == 0;
	if (!w.counts)
		dump_unavailable(s, "programs: runs", "%s", err_text(&e));
	err_clear(&e);
	if (kbpf_create(s->source->index, &w.kbpf, &e) < 0 ||
	    kbpf_each_program(w.kbpf, s->monitor, on_program, &w, &e) < 0)
		dump_unavailable(s, "programs", "%s", err_text(&e));
	json_object_object_add(s->out, "programs", w.programs);
	kbpf_destroy(w.kbpf);
}
