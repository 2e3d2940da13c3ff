/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "maps": what BPF programs know, with the names that they have for it. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/kbpf.h"
#include "monitor/kbpf_json.h"
#include "monitor/kbpf_types.h"

#define MAPS_TOLD_MAX 256
/* Of all maps: a guest could fill each with as much as one may have. */
#define VALUES_TOLD_MAX (4 * KBPF_JSON_VALUES_MAX)

struct walk {
	struct dump_section *section;
	struct json_object *maps;
	struct kbpf *kbpf;
	struct kbpf_types *types;
	struct kbpf_look look;
	unsigned told;
	unsigned left;			/* of VALUES_TOLD_MAX */
	bool full;			/* the others' values are not told */

	/* of the map that is being told */
	const struct kbpf_map *map;
	struct json_object *values;
	struct kbpf_json json;
	uint32_t value_type;		/* 0: not known */
};

static void unavailable(struct walk *w, const char *why)
{
	char what[64];

	snprintf(what, sizeof(what), "maps: %s (id %u)", w->map->name, w->map->id);
	dump_unavailable(w->section, what, "%s", why);
}

/* The types of keys are the program's own, too, if the values' are. */
static struct json_object *key(struct walk *w, const struct kbpf_element *el)
{
	if (!el->key)
		return json_object_new_uint64(el->index);
	return w->value_type && w->map->key_type ?
	       kbpf_json(&w->json, w->map->key_type, el->key, w->map->key_size) :
	       kbpf_json_bytes(&w->json, el->key, w->map->key_size);
}

static int on_element(const struct kbpf_element *el, void *arg)
{
	struct walk *w = arg;
	struct json_object *o = json_object_new_object();

	w->json.left -= MIN(w->json.left, KBPF_JSON_OBJECT_COST);
	json_object_object_add(o, "key", key(w, el));
	if (el->cpu >= 0)
		json_object_object_add(o, "cpu", json_object_new_int(el->cpu));
	json_object_object_add(o, "value", w->value_type ?
			       kbpf_json(&w->json, w->value_type, el->value, el->value_bytes) :
			       kbpf_json_bytes(&w->json, el->value, el->value_bytes));
	json_object_array_add(w->values, o);
	/* with no room for more there is nothing to be told of the others */
	return w->json.left ? 0 : 1;
}

static void tell_values(struct walk *w, struct json_object *o)
{
	const unsigned room = MIN(w->left, KBPF_JSON_VALUES_MAX);
	struct err e = ERR_INIT;

	w->json = (struct kbpf_json){
		.left = room,
		.programs = w->map->type == BPF_MAP_TYPE_STRUCT_OPS,
	};
	w->value_type = 0;
	if (kbpf_types_of(w->types, w->map, &w->json.btf, &w->value_type, &e) == -ENOMEM)
		unavailable(w, err_text(&e));
	else if (*err_text(&e))		/* its values are bytes, then */
		json_add_str(o, "no_types", err_text(&e));
	err_clear(&e);
	if (kbpf_each_value(w->kbpf, w->section->monitor, w->map, &w->look, &e) < 0)
		unavailable(w, err_text(&e));
	else if (w->json.cut || !w->json.left)
		unavailable(w, "is larger than is told");
	w->left -= room - w->json.left;
}

static void add_values(struct walk *w, struct json_object *o)
{
	w->values = json_object_new_array();
	if (w->left && w->look.left) {
		tell_values(w, o);
	} else if (!w->full) {
		w->full = true;
		dump_unavailable(w->section, "maps", "there are more values than are told: none "
				 "from %s (id %u) on", w->map->name, w->map->id);
	}
	json_object_object_add(o, "values", w->values);
}

static int on_map(const struct kbpf_map *map, void *arg)
{
	struct walk *w = arg;
	struct json_object *o;

	if (w->told++ == MAPS_TOLD_MAX) {
		dump_unavailable(w->section, "maps", "there are more than %u", MAPS_TOLD_MAX);
		return 1;
	}
	w->map = map;
	o = json_object_new_object();
	json_add_u64(o, "id", map->id);
	json_add_str(o, "name", map->name);
	json_add_str(o, "type", kbpf_map_type_name(map->type));
	json_add_u64(o, "key_size", map->key_size);
	json_add_u64(o, "value_size", map->value_size);
	json_add_u64(o, "max_entries", map->max_entries);
	json_add_hex(o, "flags", map->flags);
	add_values(w, o);
	json_object_array_add(w->maps, o);
	return 0;
}

void dump_maps(struct dump_section *s)
{
	struct walk w = {
		.section = s, .maps = json_object_new_array(), .left = VALUES_TOLD_MAX,
		.look = { .fn = on_element, .arg = &w, .left = KBPF_LOOK_BYTES_MAX },
	};
	struct err e = ERR_INIT;

	if (kbpf_create(s->source->index, &w.kbpf, &e) < 0 ||
	    kbpf_types_create(w.kbpf, s->monitor, &w.types, &e) < 0 ||
	    kbpf_each_map(w.kbpf, s->monitor, on_map, &w, &e) < 0)
		dump_unavailable(s, "maps", "%s", err_text(&e));
	json_object_object_add(s->out, "maps", w.maps);
	kbpf_types_destroy(w.types);
	kbpf_destroy(w.kbpf);
}
