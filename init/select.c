/* SPDX-License-Identifier: GPL-2.0-only */
/* Which tests run, and in which order. */
#include "init/select.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "ktstr/test.h"

bool init_select_has_tag(const char *tags, const char *word)
{
	size_t len = strlen(word);

	while (tags && *tags) {
		size_t n;

		tags += strspn(tags, " ,");
		n = strcspn(tags, " ,");
		if (n == len && !memcmp(tags, word, n))
			return true;
		tags += n;
	}
	return false;
}

/* Members that the program did not know are zero, those that we do not know are cut. */
static struct ktstr_test as_ours(const struct ktstr_test *t)
{
	struct ktstr_test ours = { 0 };

	memcpy(&ours, t, MIN(t->size, sizeof(ours)));
	return ours;
}

static const struct ktstr_test *find(const struct ktstr_test *const *tests, size_t count,
				     const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(tests[i]->name, name))
			return tests[i];
	return NULL;
}

/* The next line that is not blank, trimmed; *len 0 at the end. */
static const char *next_name(const char *at, size_t *len)
{
	const char *name = at + strspn(at, " \t\r\n");

	*len = strcspn(name, "\n");
	while (*len && isspace((unsigned char)name[*len - 1]))
		(*len)--;
	return name;
}

int init_select(const struct ktstr_test *const *tests, size_t count, const char *names,
		void (*fn)(const char *name, const struct ktstr_test *t, void *arg), void *arg)
{
	struct ktstr_test ours;
	size_t len = 0;
	const char *at = names ? next_name(names, &len) : "";

	if (!len) {
		for (size_t i = 0; i < count; i++) {
			ours = as_ours(tests[i]);
			if (!init_select_has_tag(ours.tags, "manual"))
				fn(ours.name, &ours, arg);
		}
		return 0;
	}
	for (; len; at = next_name(at + len, &len)) {
		_cleanup_free_ char *name = strndup(at, len);
		const struct ktstr_test *t;

		if (!name)
			return -ENOMEM;
		t = find(tests, count, name);
		if (t)
			ours = as_ours(t);
		fn(name, t ? &ours : NULL, arg);
	}
	return 0;
}
