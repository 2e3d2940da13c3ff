/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs and scripts: what has to come along for one to run. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "init/init.h"
#include "loop/payload.h"
#include "loop/payload_include.h"

/* Linux reads so much of the first line (BINPRM_BUF_SIZE, 5.1). */
#define HEAD_BYTES 256
/* An interpreter may be a script, as often as Linux allows (fs/exec.c, exec_binprm). */
#define DEPTH_MAX 5

static size_t skip(const char *p, size_t at, size_t end, bool blanks)
{
	while (at < end && (p[at] == ' ' || p[at] == '\t') == blanks)
		at++;
	return at;
}

bool payload_script_parse(const char *head, size_t n, char **ret_path, char **ret_name)
{
	const char *newline = memchr(head, '\n', n);
	size_t end = newline ? (size_t)(newline - head) : n, from, to;
	const char *base;

	*ret_path = *ret_name = NULL;
	if (n < 2 || memcmp(head, "#!", 2))
		return false;
	from = skip(head, 2, end, true);
	to = skip(head, from, end, false);
	if (from == to || head[from] != '/' || memchr(head + from, '\0', to - from))
		return false;
	*ret_path = strndup(head + from, to - from);
	base = *ret_path ? strrchr(*ret_path, '/') + 1 : "";
	if (strcmp(base, "env"))
		return *ret_path;
	/* its options and assignments, then the name */
	do {
		from = skip(head, to, end, true);
		to = skip(head, from, end, false);
	} while (from < to && (head[from] == '-' || memchr(head + from, '=', to - from)));
	if (from < to && !memchr(head + from, '\0', to - from))
		*ret_name = strndup(head + from, to - from);
	return true;
}

char *payload_find_program(const char *name)
{
	size_t n;

	for (const char *p = INIT_USUAL_PATH; *p; p += n + (p[n] == ':')) {
		char *path;

		n = strcspn(p, ":");
		if (asprintf(&path, "%.*s/%s", (int)n, p, name) < 0)
			return NULL;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static size_t read_head(const char *host, char head[HEAD_BYTES])
{
	/* a FIFO must not keep us; what it is will be said by whoever packs it */
	_cleanup_close_ int fd = open(host, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, HEAD_BYTES);

	return n > 0 ? (size_t)n : 0;
}

/* The interpreters of a script, each at its own path. */
static int add_interpreters(struct payload_draft *d, const char *host, unsigned depth,
			    struct err *e)
{
	_cleanup_free_ char *path = NULL, *name = NULL, *found = NULL;
	char head[HEAD_BYTES];
	size_t n = read_head(host, head);
	int r;

	if (!payload_script_parse(head, n, &path, &name))
		return 0;
	if (depth >= DEPTH_MAX)
		return err_set(e, -ELOOP, "%s: too many interpreters of interpreters", host);
	r = payload_add_program(d, PAYLOAD_BASE, path, path, e);
	if (r == 0)
		r = add_interpreters(d, path, depth + 1, e);
	if (r == 0 && name) {
		found = payload_find_program(name);
		r = found ? payload_add_program(d, PAYLOAD_BASE, found, found, e) :
			    err_set(e, -ENOENT, "%s: not in %s", name, INIT_USUAL_PATH);
		if (r == 0)
			r = add_interpreters(d, found, depth + 1, e);
	}
	return r < 0 ? err_ctx(e, r, "interpreter of %s", host) : 0;
}

int payload_add_runnable(struct payload_draft *d, const char *guest, const char *host,
			 struct err *e)
{
	int r = payload_add_program(d, PAYLOAD_BASE, guest, host, e);

	return r < 0 ? r : add_interpreters(d, host, 0, e);
}
