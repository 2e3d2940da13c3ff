/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps-same DUMP RECORD: are the maps of a dump's last snapshot what bpftool said of
 * them inside of the guest? It said so in notes of the record's tests (guest-view), each
 * "bpftool NAME TEXT". Prints a line for each; exit status 1 when one differs or none was told.
 *
 * bpftool's text is nearly JSON: pointers and bit fields are bare hexadecimal numbers,
 * what an anonymous member has is in a member named "", values of a per-CPU map are
 * below their key, and variables are objects in an array by their section's name.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"

/* Numbers as JSON has them; what is in strings stays. */
static char *to_json(const char *s)
{
	struct buf b = BUF_INIT;
	bool quoted = false;

	while (*s) {
		if (*s == '"')
			quoted = !quoted;
		if (!quoted && !strncmp(s, "0x", 2)) {
			char *end;

			buf_fmt(&b, "%llu", strtoull(s, &end, 16));
			s = end;
		} else if (!quoted && !strncmp(s, "(nil)", 5)) {
			buf_u8(&b, '0');
			s += 5;
		} else {
			buf_u8(&b, (uint8_t)*s++);
		}
	}
	return buf_take(&b);
}

static struct json_object *get(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

/* A copy of theirs with the shape of ours. */
static struct json_object *reshape(struct json_object *in);

static void add_members(struct json_object *to, struct json_object *in)
{
	json_object_object_foreach(in, name, value) {
		if (*name)
			json_object_object_add(to, name, reshape(value));
		else
			add_members(to, value);
	}
}

static struct json_object *reshape(struct json_object *in)
{
	struct json_object *o;

	if (json_object_is_type(in, json_type_array)) {
		o = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(in); i++)
			json_object_array_add(o, reshape(json_object_array_get_idx(in, i)));
		return o;
	}
	if (!json_object_is_type(in, json_type_object))
		return json_object_get(in);
	o = json_object_new_object();
	json_object_object_foreach(in, name, value) {
		if (*name == '.' && json_object_is_type(value, json_type_array)) {
			for (size_t i = 0; i < json_object_array_length(value); i++)
				add_members(o, json_object_array_get_idx(value, i));
			return o;
		}
	}
	add_members(o, in);
	return o;
}

/* How many use a struct_ops map is another number at another moment. */
static void forget_users(struct json_object *value)
{
	struct json_object *common = get(value, "common");

	if (common)
		json_object_object_del(common, "refcnt");
}

static bool same(const char *name, struct json_object *ours, struct json_object *key,
		 struct json_object *cpu, struct json_object *value)
{
	struct json_object *zero = json_object_new_int(0), *theirs = reshape(value);
	bool ok;

	if (json_object_is_type(theirs, json_type_object))
		forget_users(theirs), forget_users(get(ours, "value"));
	ok = ours && json_object_equal(get(ours, "key"), key ? key : zero) &&
	     json_object_equal(get(ours, "cpu"), cpu) &&
	     json_object_equal(get(ours, "value"), theirs);
	if (!ok)
		printf("%s: %s here, %s there\n", name, json_object_to_json_string(ours),
		       json_object_to_json_string(theirs));
	json_object_put(theirs);
	json_object_put(zero);
	return ok;
}

/* All elements, in the same order. */
static bool compare(const char *name, struct json_object *ours, struct json_object *theirs)
{
	size_t at = 0;
	bool ok = true;

	for (size_t i = 0; i < json_object_array_length(theirs); i++) {
		struct json_object *el = json_object_array_get_idx(theirs, i);
		struct json_object *values = get(el, "values");

		if (!values)
			ok &= same(name, json_object_array_get_idx(ours, at++), get(el, "key"),
				   NULL, get(el, "value"));
		for (size_t k = 0; values && k < json_object_array_length(values); k++) {
			struct json_object *v = json_object_array_get_idx(values, k);

			ok &= same(name, json_object_array_get_idx(ours, at++), get(el, "key"),
				   get(v, "cpu"), get(v, "value"));
		}
	}
	if (!at || at != json_object_array_length(ours)) {
		printf("%s: %zu elements here, %zu there\n", name,
		       json_object_array_length(ours), at);
		return false;
	}
	return ok;
}

static struct json_object *find_map(struct json_object *maps, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(maps); i++) {
		struct json_object *map = json_object_array_get_idx(maps, i);

		if (!strcmp(json_object_get_string(get(map, "name")), name))
			return map;
	}
	return NULL;
}

static bool check(struct json_object *maps, const char *note, unsigned *told)
{
	_cleanup_free_ char *json = NULL;
	struct json_object *theirs, *map;
	char name[64];
	int n = 0;
	bool ok;

	if (sscanf(note, "bpftool %63s %n", name, &n) != 1 || !n)
		return true;
	(*told)++;
	json = to_json(note + n);
	theirs = json ? json_tokener_parse(json) : NULL;
	map = find_map(maps, name);
	if (!map || !json_object_is_type(theirs, json_type_array)) {
		printf("%s: %s\n", name, map ? note + n : "is not in the dump");
		json_object_put(theirs);
		return false;
	}
	ok = compare(name, get(map, "values"), theirs);
	printf("%s: %s\n", name, ok ? "same" : "differs");
	json_object_put(theirs);
	return ok;
}

int main(int argc, char **argv)
{
	struct json_object *dump = argc == 3 ? json_object_from_file(argv[1]) : NULL;
	struct json_object *record = argc == 3 ? json_object_from_file(argv[2]) : NULL;
	struct json_object *snapshots, *maps, *tests;
	unsigned told = 0;
	bool ok = true;

	if (!dump || !record) {
		fputs("usage: maps-same DUMP RECORD\n", stderr);
		return 2;
	}
	snapshots = get(dump, "snapshots");
	maps = get(json_object_array_get_idx(snapshots, json_object_array_length(snapshots) - 1),
		   "maps");
	tests = get(record, "tests");
	for (size_t i = 0; i < json_object_array_length(tests); i++) {
		struct json_object *details = get(json_object_array_get_idx(tests, i), "details");

		for (size_t k = 0; k < json_object_array_length(details); k++)
			ok &= check(maps, json_object_get_string(
					get(json_object_array_get_idx(details, k), "text")), &told);
	}
	json_object_put(dump);
	json_object_put(record);
	return !ok || !told;
}
