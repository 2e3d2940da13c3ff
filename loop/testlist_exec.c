/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks a program for its tests: "BINARY list --json". */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/child.h"
#include "loop/testlist.h"

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

int testlist_load(const char *binary, struct testlist *ret, struct err *e)
{
	const char *path = binary ? binary : SELF;
	char *argv[] = { (char *)path, (char *)"list", (char *)"--json", NULL };
	_cleanup_(child_output_fini) struct child_output o;
	int r = child_run(argv, TESTLIST_TIMEOUT_MS, TESTLIST_BYTES_MAX, &o, e);

	return r < 0 ? r : judge(path, &o, ret, e);
}
