/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of strings out of a file. */
#include "init/strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

char **init_strings(const struct file_map *m, const char *const *first, size_t n)
{
	const char *at = (const char *)m->data, *end = at ? at + m->size : at;
	size_t max = n + 1;
	char **list;

	for (const char *p = at; p < end; p++)
		max += *p == '\0';
	list = calloc(max, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++)
		list[i] = (char *)first[i];
	/* a last string without its NUL is none */
	while (at < end && memchr(at, '\0', (size_t)(end - at))) {
		list[n++] = (char *)at;
		at += strlen(at) + 1;
	}
	return list;
}
