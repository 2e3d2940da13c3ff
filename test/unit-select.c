/* SPDX-License-Identifier: GPL-2.0-only */
/* Which tests run, and the names that guest and host have to agree on. */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "boot/initramfs.h"
#include "init/init.h"
#include "init/reap.h"
#include "init/select.h"
#include "ktstr/test.h"
#include "test/tap.h"

static const struct ktstr_test by_name = { .size = sizeof(by_name), .name = "by_name" };

static void tags_are_whole_words(void)
{
	tap_ok(init_select_has_tag("manual", "manual"), "alone");
	tap_ok(init_select_has_tag("a,manual", "manual"), "last");
	tap_ok(init_select_has_tag("manual, b", "manual"), "first");
	tap_ok(!init_select_has_tag("manually", "manual"), "longer");
	tap_ok(!init_select_has_tag("man,ual", "manual"), "torn");
	tap_ok(!init_select_has_tag(NULL, "manual"), "none");
}

static void on_choice(const char *name, const struct ktstr_test *t, void *arg)
{
	(void)name;
	*(struct ktstr_test *)arg = *t;
}

static void a_test_of_another_version_is_read_as_far_as_it_goes(void)
{
	struct ktstr_test old = by_name, got = { 0 };
	const struct ktstr_test *const tests[] = { &old };

	old.duration_ms = 7;
	old.timeout_ms = 8;
	old.size = offsetof(struct ktstr_test, duration_ms);
	tap_eq(init_select(tests, 1, NULL, on_choice, &got), 0);
	tap_str(got.name, "by_name");
	tap_eq(got.timeout_ms, 8);
	tap_eq(got.duration_ms, 0);
}

static void signals_have_names(void)
{
	char name[16];

	init_signal_name(SIGABRT, name);
	tap_str(name, "SIGABRT");
	init_signal_name(SIGRTMIN + 1, name);
	tap_str(name, "SIG35");
}

static void the_marker_is_the_one_that_the_initramfs_has(void)
{
	tap_str(INIT_MARKER_PATH, INITRAMFS_MARKER);
	tap_ok(!strncmp(INIT_TESTS_PATH, INITRAMFS_PRIVATE "/", strlen(INITRAMFS_PRIVATE) + 1),
	       "the list of tests is not in our folder");
}

static void a_process_that_is_not_pid_1_is_no_guest(void)
{
	setenv(INIT_ROLE_ENV, INIT_ROLE_TEST, 1);
	tap_ok(!init_role(), "%s", init_role());
}

int main(void)
{
	TAP_RUN(tags_are_whole_words);
	TAP_RUN(a_test_of_another_version_is_read_as_far_as_it_goes);
	TAP_RUN(signals_have_names);
	TAP_RUN(the_marker_is_the_one_that_the_initramfs_has);
	TAP_RUN(a_process_that_is_not_pid_1_is_no_guest);
	return tap_done();
}
