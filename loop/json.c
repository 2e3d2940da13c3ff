/* SPDX-License-Identifier: GPL-2.0-only */
/* Members of JSON documents. */
#include "loop/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "loop/config.h"

/* Cleaned here, behind the last cut: one that was made before may have gone through a character. */
static struct json_object *clean(const char *s)
{
	_cleanup_free_ char *text = text_clean_dup(s, strlen(s));

	return text ? json_object_new_string(text) : NULL;
}

void json_add_str(struct json_object *o, const char *key, const char *s)
{
	if (s && *s)
		json_object_object_add(o, key, clean(s));
}

void json_add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

void json_add_hex(struct json_object *o, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	json_add_str(o, key, text);
}

void json_add_ms(struct json_object *o, const char *key, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64, ns / NSEC_PER_MSEC,
		 ns % NSEC_PER_MSEC / 1000);
	json_object_object_add(o, key, json_object_new_double_s((double)ns / 1e6, text));
}

struct json_object *json_decimal(double v)
{
	char text[40];

	snprintf(text, sizeof(text), "%.3f", v);
	return json_object_new_double_s(v, text);
}

void json_add_list(struct json_object *o, const char *key, const struct strlist *l)
{
	struct json_object *a;

	if (!l->count)
		return;
	a = json_object_new_array();
	for (size_t i = 0; i < l->count; i++)
		json_object_array_add(a, clean(l->item[i]));
	json_object_object_add(o, key, a);
}

const char *json_text(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_SPACED |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
}
