/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "maps", of a guest that was built in memory. */
#include <json-c/json.h>

#include "loop/dump_private.h"
#include "monitor/kbpf_json.h"
#include "test/kbpf-guest.h"

struct dumped {
	struct dump_source source;
	struct dump_section section;
};

static struct json_object *dump(struct kbpf_guest *f, struct dumped *d)
{
	d->source = (struct dump_source){ .memory = f->g.mm, .index = f->g.index };
	d->section = (struct dump_section){
		.source = &d->source, .monitor = f->g.monitor,
		.out = json_object_new_object(), .unavailable = json_object_new_array(),
	};
	dump_maps(&d->section);
	return json_object_object_get(d->section.out, "maps");
}

static void dump_free(struct dumped *d)
{
	json_object_put(d->section.out);
	json_object_put(d->section.unavailable);
}

static const char *why(const struct dumped *d, size_t i)
{
	return json_object_get_string(json_object_object_get(
		json_object_array_get_idx(d->section.unavailable, i), "why"));
}

static void a_map_is_told_with_its_values(void)
{
	struct kbpf_guest f;
	struct dumped d;

	if (kbpf_guest_open(&f)) {
		kbpf_guest_add(&f, 0, &(struct kbpf_map){ .id = 1, .type = BPF_MAP_TYPE_ARRAY,
			.key_size = 4, .value_size = 2, .max_entries = 1, .name = "m" });
		kbpf_guest_put(&f, KBPF_MAP(0) + M_ELEM_SIZE, 4, 8);
		kbpf_guest_put(&f, KBPF_MAP(0) + M_VALUE, 2, 0xbbaa);
		tap_str(json_object_to_json_string_ext(dump(&f, &d), JSON_C_TO_STRING_PLAIN),
			"[{\"id\":1,\"name\":\"m\",\"type\":\"array\",\"key_size\":4,"
			"\"value_size\":2,\"max_entries\":1,\"flags\":\"0x0\","
			"\"no_types\":\"it has no types\","
			"\"values\":[{\"key\":0,\"value\":\"0xaabb\"}]}]");
		tap_eq(json_object_array_length(d.section.unavailable), 0);
		dump_free(&d);
	}
	kbpf_guest_close(&f);
}

/* Each of the 64 maps is as large as one may be, without a type or with one. */
static void all_maps_together_have_a_limit(void)
{
	struct kbpf_guest f;

	for (unsigned typed = 0; typed < 2 && kbpf_guest_open(&f); typed++) {
		const unsigned each = KBPF_JSON_OBJECT_COST + 1;
		struct json_object *maps;
		size_t values = 0;
		struct dumped d;

		for (unsigned i = 0; i < 64; i++)
			kbpf_guest_add(&f, i, &(struct kbpf_map){ .id = i, .name = "m",
				.type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
				.max_entries = KBPF_ELEMENTS_MAX,
				.value_type = typed ? f.types.u32 : 0 });
		maps = dump(&f, &d);
		tap_eq(json_object_array_length(maps), 64);
		for (size_t i = 0; i < 64; i++)
			values += json_object_array_length(json_object_object_get(
				json_object_array_get_idx(maps, i), "values"));
		tap_ok(values <= 4 * KBPF_JSON_VALUES_MAX / each + 1, "%zu values", values);
		tap_ok(values > KBPF_JSON_VALUES_MAX / each, "more than of one map");
		tap_str(why(&d, json_object_array_length(d.section.unavailable) - 1),
			"there are more values than are told: none from m (id 26) on");
		dump_free(&d);
		kbpf_guest_close(&f);
	}
}

int main(void)
{
	TAP_RUN(a_map_is_told_with_its_values);
	TAP_RUN(all_maps_together_have_a_limit);
	return tap_done();
}
