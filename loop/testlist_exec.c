/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks a program for its tests: "BINARY list --json". */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "base/util.h"
#include "loop/child.h"
#include "loop/testlist.h"
#include "shmring/wire.h"

#define SELF "/proc/self/exe"

static int judge(const char *path, const struct child_output *o, struct testlist *ret,
		 struct err *e)
{
	const char *said = (const char *)o->err.data;
	int line = (int)MIN(strcspn(said, "\n"), (size_t)200);
	const char *colon = line ? ": " : "";
	int r;

	if (WIFSIGNALED(o->status))
		return err_set(e, -ENOEXEC, "%s list --json died of signal %d%s%.*s", path,
			       WTERMSIG(o->status), colon, line, said);
	if (WEXITSTATUS(o->status))
		return err_set(e, -ENOEXEC, "%s: not a ktstr test program "
			       "(list --json exits with %d%s%.*s)", path,
			       WEXITSTATUS(o->status), colon, line, said);
	r = testlist_parse((const char *)o->out.data, ret, e);
	return r < 0 ? err_ctx(e, r, "%s: not a ktstr test program (list --json)", path) : 0;
}

/* Its lists had none before 0.1.0 was out: only to name it in an error. */
static char *ask_version(const char *path)
{
	char *argv[] = { (char *)path, (char *)"version", (char *)"--json", NULL };
	_cleanup_(child_output_fini) struct child_output o;
	struct json_object *doc = NULL, *v;
	char *version = NULL;

	if (child_run(argv, TESTLIST_TIMEOUT_MS, TESTLIST_BYTES_MAX, &o, NULL) == 0)
		doc = json_tokener_parse((const char *)o.out.data);
	if (json_object_object_get_ex(doc, "version", &v) &&
	    json_object_is_type(v, json_type_string))
		version = text_clean_dup(json_object_get_string(v), json_object_get_string_len(v));
	json_object_put(doc);
	return version;
}

/*
 * Are we such a program, asked for its tests? Then it does not answer, but runs tests: an
 * embedding program without ktstr_main(), which would ask itself again and again.
 */
static bool is_asked(void)
{
	static const char asked[] = "list\0--json";
	_cleanup_close_ int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char line[PATH_MAX + sizeof(asked)];
	const ssize_t n = read(fd, line, sizeof(line));
	const size_t name = n > 0 ? strnlen(line, (size_t)n) + 1 : 0;

	return n > 0 && (size_t)n == name + sizeof(asked) &&
	       !memcmp(line + name, asked, sizeof(asked));
}

int testlist_load(const char *binary, struct testlist *ret, struct err *e)
{
	const char *path = binary ? binary : SELF;
	char *argv[] = { (char *)path, (char *)"list", (char *)"--json", NULL };
	_cleanup_(child_output_fini) struct child_output o = { 0 };
	int r;

	if (is_asked())
		return err_set(e, -ELOOP, "%s was asked for its tests, and runs tests instead: "
			       "ktstr_main() belongs to its first line", path);
	r = child_run(argv, TESTLIST_TIMEOUT_MS, TESTLIST_BYTES_MAX, &o, e);
	if (r == 0)
		r = judge(path, &o, ret, e);
	if (r == 0 && ret->wire != WIRE_VERSION && !ret->version)
		ret->version = ask_version(path);
	return r;
}
