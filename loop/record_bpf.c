/* SPDX-License-Identifier: GPL-2.0-only */
/* The record's "monitor"."bpf": programs and maps of schedulers. */
#include <json-c/json.h>

#include "loop/json.h"
#include "loop/watch.h"
#include "monitor/kbpf_seen.h"

static struct json_object *program(const struct kbpf_seen_program *p)
{
	struct json_object *o = json_object_new_object();

	json_add_u64(o, "id", p->id);
	json_add_str(o, "name", p->name);
	if (p->counted) {
		json_add_u64(o, "runs", p->count.runs);
		json_add_u64(o, "run_ns", p->count.run_ns);
		json_add_u64(o, "misses", p->count.misses);
	}
	return o;
}

static struct json_object *map(const struct kbpf_map *map)
{
	struct json_object *o = json_object_new_object();

	json_add_u64(o, "id", map->id);
	json_add_str(o, "name", map->name);
	json_add_str(o, "type", kbpf_map_type_name(map->type));
	json_add_u64(o, "value_size", map->value_size);
	json_add_u64(o, "max_entries", map->max_entries);
	return o;
}

struct json_object *record_bpf(const struct kbpf_seen *s)
{
	struct json_object *o, *programs, *maps;
	unsigned n_programs, n_maps;
	const struct kbpf_seen_program *p = kbpf_seen_programs(s, &n_programs);
	const struct kbpf_map *m = kbpf_seen_maps(s, &n_maps);

	if (!n_programs)
		return NULL;
	o = json_object_new_object();
	programs = json_object_new_array();
	maps = json_object_new_array();
	for (unsigned i = 0; i < n_programs; i++)
		json_object_array_add(programs, program(&p[i]));
	for (unsigned i = 0; i < n_maps; i++)
		json_object_array_add(maps, map(&m[i]));
	json_object_object_add(o, "programs", programs);
	json_object_object_add(o, "maps", maps);
	if (kbpf_seen_dropped(s))
		json_object_object_add(o, "dropped", json_object_new_boolean(true));
	return o;
}
