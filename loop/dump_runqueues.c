/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "runqueues": a sample of each CPU. */
#include <json-c/json.h>

#include "base/err.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/sample.h"

static struct json_object *runqueue(const struct sample_cpu *c, unsigned cpu)
{
	struct json_object *o = json_object_new_object();

	json_add_u64(o, "cpu", cpu);
	for (int f = 0; f < SAMPLE_FIELD_COUNT; f++)
		if (c->have & 1u << f)
			json_add_u64(o, sample_field_name((enum sample_field)f), c->value[f]);
	if (c->curr_pid >= 0)
		json_object_object_add(o, "curr", dump_task(c->curr_pid, c->curr_comm));
	return o;
}

void dump_runqueues(struct dump_section *s)
{
	struct json_object *a = json_object_new_array();
	struct sampler *sampler = NULL;
	const struct sample *sample;
	struct err e = ERR_INIT;

	if (sampler_create(s->source->index, s->source->cpus, &sampler, &e) < 0) {
		dump_unavailable(s, "runqueues", "%s", err_text(&e));
		json_object_put(a);
		return;
	}
	sample = sampler_take(sampler, s->monitor, s->source->t_ns);
	for (unsigned i = 0; i < s->source->cpus; i++)
		json_object_array_add(a, runqueue(&sample->cpu[i], i));
	json_object_object_add(s->out, "runqueues", a);
	sampler_absent(sampler, dump_absent, s);
	sampler_destroy(sampler);
}
