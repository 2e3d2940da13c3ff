/* SPDX-License-Identifier: GPL-2.0-only */
/* Schedulers on their way through a nested run. */
#include "loop/sched_nested.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "loop/nested.h"
#include "loop/sched.h"

/* Under its own name, which a reason may give. The caller's to free. */
static char *under_test_path(const struct config *c)
{
	const char *slash = strrchr(c->scheduler, '/');
	char *path;

	if (asprintf(&path, NESTED_SCHED_DIR "/%s", slash ? slash + 1 : c->scheduler) < 0)
		return NULL;
	return path;
}

/* "OPTION=VALUE"; without a value there was no memory for it. */
static int add_arg(struct strlist *args, const char *option, const char *value)
{
	_cleanup_free_ char *s = NULL;

	if (!value || asprintf(&s, "%s=%s", option, value) < 0) {
		s = NULL;
		return -ENOMEM;
	}
	return strlist_add(args, s);
}

int sched_nested_args(const struct config *c, struct strlist *args)
{
	_cleanup_free_ char *path = c->scheduler ? under_test_path(c) : NULL;
	int r = c->scheduler ? add_arg(args, "--scheduler", path) : 0;

	for (size_t i = 0; i < c->stage.count && r == 0; i++) {
		const char *stage = c->stage.item[i];
		size_t len = strcspn(stage, "=");
		_cleanup_free_ char *guest = sched_staged_path(stage, len);
		_cleanup_free_ char *value = NULL;

		if (!guest || asprintf(&value, "%.*s=%s", (int)len, stage, guest) < 0) {
			value = NULL;
			return -ENOMEM;
		}
		r = add_arg(args, "--stage", value);
	}
	return r;
}

int sched_nested_files(const struct config *c, struct nested_file **ret, size_t *ret_count)
{
	struct nested_file *file = calloc(c->stage.count + 1, sizeof(*file));
	size_t n = 0;

	if (!file)
		return -ENOMEM;
	if (c->scheduler)
		file[n++] = (struct nested_file){ under_test_path(c), c->scheduler, true };
	for (size_t i = 0; i < c->stage.count; i++) {
		const char *stage = c->stage.item[i];
		size_t len = strcspn(stage, "=");

		file[n++] = (struct nested_file){
			sched_staged_path(stage, len), stage + len + 1, true,
		};
	}
	for (size_t i = 0; i < n; i++) {
		if (!file[i].guest) {
			sched_nested_free(file, n);
			return -ENOMEM;
		}
	}
	*ret = file;
	*ret_count = n;
	return 0;
}

void sched_nested_free(struct nested_file *file, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)file[i].guest);
	free(file);
}
