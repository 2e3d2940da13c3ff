/* SPDX-License-Identifier: GPL-2.0-only */
/* Access to a record that promises nothing, and the record itself as a report. */
#include "cli/report.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/report_get.h"

static struct json_object *member(const struct json_object *o, const char *key,
				  enum json_type type)
{
	struct json_object *v;

	/* NULL and other types than object are answered with false */
	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, type))
		return NULL;
	return v;
}

const char *report_str(const struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key, json_type_string);

	return v ? json_object_get_string(v) : NULL;
}

struct json_object *report_obj(const struct json_object *o, const char *key)
{
	return member(o, key, json_type_object);
}

bool report_num(const struct json_object *o, const char *key, double *ret)
{
	struct json_object *v = member(o, key, json_type_int);
	double d;

	if (!v)
		v = member(o, key, json_type_double);
	if (!v)
		return false;
	d = json_object_get_double(v);
	if (!isfinite(d) || d < 0)
		return false;
	*ret = d;
	return true;
}

bool report_bool(const struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key, json_type_boolean);

	return v && json_object_get_boolean(v);
}

struct report_array report_array(const struct json_object *o, const char *key)
{
	return (struct report_array){ .array = member(o, key, json_type_array) };
}

static struct json_object *next(struct report_array *a, enum json_type type)
{
	while (a->array && a->at < json_object_array_length(a->array)) {
		struct json_object *v = json_object_array_get_idx(a->array, a->at++);

		if (v && json_object_is_type(v, type))
			return v;
	}
	return NULL;
}

struct json_object *report_next_obj(struct report_array *a)
{
	return next(a, json_type_object);
}

const char *report_next_str(struct report_array *a)
{
	struct json_object *v = next(a, json_type_string);

	return v ? json_object_get_string(v) : NULL;
}

static size_t count(const struct json_object *o, const char *key, enum json_type type)
{
	struct report_array a = report_array(o, key);
	size_t n = 0;

	while (next(&a, type))
		n++;
	return n;
}

size_t report_count_obj(const struct json_object *o, const char *key)
{
	return count(o, key, json_type_object);
}

size_t report_count_str(const struct json_object *o, const char *key)
{
	return count(o, key, json_type_string);
}

static enum verdict verdict_of(const struct json_object *o, enum verdict otherwise)
{
	const char *name = report_str(o, "verdict");

	for (int v = 0; name && v < VERDICT_COUNT; v++)
		if (!strcmp(name, verdict_name((enum verdict)v)))
			return (enum verdict)v;
	return otherwise;
}

enum verdict report_run_verdict(const struct json_object *record)
{
	return verdict_of(record, VERDICT_ERROR);
}

enum verdict report_test_verdict(const struct json_object *test)
{
	return verdict_of(test, VERDICT_INCONCLUSIVE);
}

const char *report_test_name(const struct json_object *test)
{
	const char *name = report_str(test, "name");

	return name && *name ? name : "(unnamed)";
}

const char *report_reason(const struct json_object *record)
{
	const char *reason = report_str(record, "reason");

	if (reason && *reason)
		return reason;
	return report_str(record, "verdict") ? "no reason was given" : "the record has no verdict";
}

bool report_tests_tell(const struct json_object *record)
{
	struct report_array tests = report_array(record, "tests");
	enum verdict v = report_run_verdict(record);
	struct json_object *t;
	bool any = false;

	while ((t = report_next_obj(&tests))) {
		any = true;
		if (report_test_verdict(t) == v)
			return true;
	}
	return any && v == VERDICT_PASS;
}

bool report_total_ms(const struct json_object *record, double *ret)
{
	struct json_object *phases = report_obj(record, "phases_ms");
	double sum = 0;
	bool any = false;

	if (!phases)
		return false;
	/* what the host saw of a nested run, the other phases included */
	if (report_num(phases, "nested", ret))
		return true;
	json_object_object_foreach(phases, key, value) {
		double ms;

		(void)value;
		if (!report_num(phases, key, &ms))
			continue;
		sum += ms;
		any = true;
	}
	*ret = sum;
	return any && isfinite(sum);
}

char *report_clean(const char *s)
{
	char *copy = text_clean_dup(s, strlen(s));

	/* U+0080 to U+009f: controls that some terminals obey, in two bytes */
	for (char *p = copy; p && *p; p++)
		if (p[0] == '\xc2' && (unsigned char)p[1] < 0xa0)
			p[0] = p[1] = '?';
	return copy;
}

void report_put_line(FILE *out, const char *s)
{
	_cleanup_free_ char *copy = report_clean(s);

	for (char *p = copy; p && *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	fputs(copy ? copy : "?", out);
}

void report_json(FILE *out, const struct json_object *record)
{
	const char *json = json_object_to_json_string_ext((struct json_object *)record,
							  JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	/* strings are copied as they came: what is no UTF-8 would be no JSON */
	_cleanup_free_ char *copy = json ? report_clean(json) : NULL;

	fprintf(out, "%s\n", copy ? copy : "null");
}
