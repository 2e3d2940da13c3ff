/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * jsonget FILE [PATH...]: look into a JSON document, for test scripts. The
 * file must hold exactly one document. A PATH is member names and array
 * indices joined by dots; each is printed on a line as
 *
 *	a string: its text		a number, true, false, null: as JSON writes it
 *	an array: its length		an object: its keys, on one line
 *
 * Exit status 1 when a path is not there, 2 when the file is not one document.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"

static struct json_object *parse(const char *path)
{
	struct file_map map = FILE_MAP_INIT;
	struct json_tokener *tok = json_tokener_new();
	struct json_object *doc = NULL;
	struct err e = ERR_INIT;
	size_t end = 0;

	if (!tok || file_map(path, &map, &e) < 0) {
		fprintf(stderr, "jsonget: %s\n", err_text(&e));
		goto out;
	}
	if (map.size) {
		doc = json_tokener_parse_ex(tok, (const char *)map.data, (int)map.size);
		end = json_tokener_get_parse_end(tok);
	}
	while (end < map.size && strchr(" \t\r\n", map.data[end]))
		end++;
	if (!doc || end != map.size) {
		fprintf(stderr, "jsonget: %s: not one JSON document: %s at byte %zu of %zu\n",
			path, json_tokener_error_desc(json_tokener_get_error(tok)), end, map.size);
		json_object_put(doc);
		doc = NULL;
	}
	file_unmap(&map);
out:
	if (tok)
		json_tokener_free(tok);
	return doc;
}

/* One step of a path; false when there is nothing of that name. */
static bool step(struct json_object *in, const char *name, struct json_object **ret)
{
	char *end;
	size_t at;

	if (json_object_is_type(in, json_type_object))
		return json_object_object_get_ex(in, name, ret);
	if (!json_object_is_type(in, json_type_array))
		return false;
	at = strtoul(name, &end, 10);
	if (*end || end == name || at >= json_object_array_length(in))
		return false;
	*ret = json_object_array_get_idx(in, at);
	return true;
}

static bool find(struct json_object *doc, const char *path, struct json_object **ret)
{
	_cleanup_free_ char *copy = strdup(path);
	char *save = NULL;

	*ret = doc;
	for (char *w = copy ? strtok_r(copy, ".", &save) : NULL; w; w = strtok_r(NULL, ".", &save))
		if (!step(*ret, w, ret))
			return false;
	return copy;
}

static void print_names(struct json_object *o)
{
	const char *space = "";

	json_object_object_foreach(o, key, value) {
		(void)value;
		printf("%s%s", space, key);
		space = " ";
	}
	printf("\n");
}

static void print(struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_string:
		printf("%s\n", json_object_get_string(o));
		return;
	case json_type_array:
		printf("%zu\n", json_object_array_length(o));
		return;
	case json_type_object:
		print_names(o);
		return;
	default:
		printf("%s\n", json_object_to_json_string(o));
	}
}

int main(int argc, char **argv)
{
	struct json_object *doc, *o;
	int status = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: jsonget FILE [PATH...]\n");
		return 2;
	}
	doc = parse(argv[1]);
	if (!doc)
		return 2;
	for (int i = 2; i < argc; i++) {
		if (find(doc, argv[i], &o)) {
			print(o);
		} else {
			fprintf(stderr, "jsonget: %s: no %s\n", argv[1], argv[i]);
			status = 1;
		}
	}
	json_object_put(doc);
	return status;
}
