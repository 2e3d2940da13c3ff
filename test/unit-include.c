/* SPDX-License-Identifier: GPL-2.0-only */
/* What --include names, and what the first line of a script does. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "loop/payload_include.h"
#include "test/tap.h"

static void host_and_guest_are_split_at_the_last_colon_before_a_slash(void)
{
	static const struct { const char *text, *host, *guest; } cases[] = {
		{ "tool", "tool", NULL },
		{ "./a/tool", "./a/tool", NULL },
		{ "tool:/bin/tool", "tool", "/bin/tool" },
		{ "folder/:/opt/", "folder/", "/opt/" },
		{ "a:/b:/c", "a:/b", "/c" },
		{ "a:b:/c", "a:b", "/c" },
		{ "a:/", "a", "/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *host = NULL, *guest = NULL;
		struct err e = ERR_INIT;

		tap_eq(payload_include_parse(cases[i].text, &host, &guest, &e), 0);
		tap_str(host, cases[i].host);
		tap_ok(cases[i].guest ? guest && !strcmp(guest, cases[i].guest) : !guest,
		       "%s: guest is %s", cases[i].text, guest ? guest : "none");
	}
}

static void an_empty_host_and_a_relative_guest_are_refused(void)
{
	static const char *const bad[] = { ":/bin/tool", "no-such-file:bin", "no-such-file:" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *host = NULL, *guest = NULL;
		struct err e = ERR_INIT;

		tap_ok(payload_include_parse(bad[i], &host, &guest, &e) == -EINVAL, "%s", bad[i]);
		tap_ok(!host && !guest, "%s: nothing to free", bad[i]);
	}
}

static void a_script_names_its_interpreter_and_what_env_looks_for(void)
{
	static const struct { const char *line, *path, *name; } cases[] = {
		{ "#!/bin/sh\necho", "/bin/sh", NULL },
		{ "#! \t/bin/sh -e\n", "/bin/sh", NULL },
		{ "#!/bin/sh", "/bin/sh", NULL },
		{ "#!/usr/bin/env python3\n", "/usr/bin/env", "python3" },
		{ "#!/usr/bin/env -S x\n", "/usr/bin/env", "x" },
		{ "#!/usr/bin/env -i A=b x y\n", "/usr/bin/env", "x" },
		{ "#!/usr/bin/env\nx", "/usr/bin/env", NULL },
		{ "#!/usr/bin/env -S\n", "/usr/bin/env", NULL },
		{ "#!/opt/myenv x\n", "/opt/myenv", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = NULL, *name = NULL;
		const char *line = cases[i].line;

		tap_ok(payload_script_parse(line, strlen(line), &path, &name), "%s", line);
		tap_str(path, cases[i].path);
		tap_ok(cases[i].name ? name && !strcmp(name, cases[i].name) : !name,
		       "%s: env looks for %s", line, name ? name : "nothing");
	}
}

static void what_linux_would_not_run_by_an_interpreter_is_no_script(void)
{
	static const char *const bad[] = { "", "#", "#!", "#!\n/bin/sh", "#!  \n", "#!sh\n",
					   "x#!/bin/sh", "\177ELF" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *path = NULL, *name = NULL;

		tap_ok(!payload_script_parse(bad[i], strlen(bad[i]), &path, &name), "%s", bad[i]);
		tap_ok(!path && !name, "%s: nothing to free", bad[i]);
	}
}

int main(void)
{
	TAP_RUN(host_and_guest_are_split_at_the_last_colon_before_a_slash);
	TAP_RUN(an_empty_host_and_a_relative_guest_are_refused);
	TAP_RUN(a_script_names_its_interpreter_and_what_env_looks_for);
	TAP_RUN(what_linux_would_not_run_by_an_interpreter_is_no_script);
	return tap_done();
}
