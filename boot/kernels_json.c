/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel.json of an entry: where a kernel came from, and when. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"

static void cleanup_json(struct json_object **o)
{
	json_object_put(*o);
}

static char *text_member(struct json_object *o, const char *name)
{
	struct json_object *v;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, name, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return strdup(json_object_get_string(v));
}

static unsigned number_member(struct json_object *o, const char *name)
{
	struct json_object *v;
	int64_t n = 0;

	if (json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v) &&
	    json_object_is_type(v, json_type_int))
		n = json_object_get_int64(v);
	return n > 0 && n <= INT_MAX ? (unsigned)n : 0;
}

int kernel_json_read(const char *dir, struct kernel *k)
{
	_cleanup_free_ char *path = kernel_path_if_exists(dir, KERNEL_JSON);
	_cleanup_(cleanup_json) struct json_object *o = path ? json_object_from_file(path) : NULL;
	_cleanup_free_ char *arch = NULL;

	arch = text_member(o, "arch");
	if (arch && strcmp(arch, KERNEL_ARCH))
		return -ENOEXEC;
	k->release = text_member(o, "release");
	k->source = text_member(o, "source");
	k->imported = text_member(o, "imported");
	k->files_built = number_member(o, "files_built");
	return 0;
}

/* RFC 3339 with microseconds: two imports in one second have an order. */
static void format_now(char *text, size_t size)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, size - n, ".%06ldZ", ts.tv_nsec / 1000);
}

int kernel_json_write(const char *dir, const struct kernel *k, struct err *e)
{
	_cleanup_(cleanup_json) struct json_object *o = json_object_new_object();
	const struct {
		const char *name, *value;
	} members[] = {
		{ "schema", "ktstr.kernel/1" },
		{ "key", k->key },
		{ "release", k->release },
		{ "arch", KERNEL_ARCH },
		{ "source", k->source },
	};
	_cleanup_free_ char *path = NULL;
	const char *text;
	char now[48];

	format_now(now, sizeof(now));
	for (size_t i = 0; o && i < ARRAY_SIZE(members); i++)
		if (members[i].value)
			json_object_object_add(o, members[i].name,
					       json_object_new_string(members[i].value));
	if (o)
		json_object_object_add(o, "imported", json_object_new_string(now));
	if (o && k->files_built)
		json_object_object_add(o, "files_built",
				       json_object_new_int64(k->files_built));
	text = o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY) : NULL;
	if (!text || asprintf(&path, "%s/" KERNEL_JSON, dir) < 0)
		return err_sys(e, -ENOMEM, "%s", dir);
	return file_write_atomic(path, text, strlen(text), 0644, e);
}
