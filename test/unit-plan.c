/* SPDX-License-Identifier: GPL-2.0-only */
/* loop/: what is decided before a run, and what is said of it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"
#include "loop/plan.h"
#include "loop/testlist.h"
#include "test/tap.h"
#include "test/tmp.h"

static struct config config;
static struct plan plan;

/*
 * A run ends at the kernel, which does not exist: what was decided before is there. With a
 * shape nobody asks this program for its tests.
 */
static void begin(const char *accel)
{
	tap_eq(config_init(&config), 0);
	tap_eq(config_set(&config, "accel", accel, NULL), 0);
	tap_eq(config_set(&config, "kvm-device", "/nowhere/kvm", NULL), 0);
	tap_eq(config_set(&config, "kernel", "/nowhere/kernel", NULL), 0);
	tap_eq(config_set(&config, "topology", "1,1,2,1", NULL), 0);
	tap_eq(config_set(&config, "memory", "256M", NULL), 0);
}

static void make(void)
{
	plan_init(&plan);
	plan_make(&plan, &config);
	tap_ok(plan.result < 0, "%s", err_text(&plan.err));
}

static void done(void)
{
	plan_fini(&plan);
	config_fini(&config);
}

static void a_nested_run_is_told_in_a_line_and_why_is_kept(void)
{
	begin("auto");
	make();
	tap_eq(plan.accel, ACCEL_NESTED);
	tap_str(plan.note, "/nowhere/kvm is not there: running nested in QEMU, slower, "
		"timing is not judged");
	tap_ok(strstr(err_text(&plan.accel_why), "No such file"), "%s",
	       err_text(&plan.accel_why));
	done();
}

/* As an embedding program that does not answer: it asks itself, and is asked. */
static void a_program_that_runs_instead_of_answering_is_ended(void)
{
	tap_eq(config_init(&config), 0);
	tap_eq(config_set(&config, "accel", "nested", NULL), 0);
	make();
	tap_ok(strstr(err_text(&plan.err), "was asked for its tests, and runs tests instead"),
	       "%s", err_text(&plan.err));
	done();
}

static void who_asked_for_an_accelerator_is_told_nothing(void)
{
	static const char *const accels[] = { "nested", "kvm" };

	for (size_t i = 0; i < ARRAY_SIZE(accels); i++) {
		begin(accels[i]);
		make();
		tap_str(plan.note, "");
		tap_str(err_text(&plan.accel_why), "");
		done();
	}
}

/* Its shape is given, so that nothing but the wire has to be asked. */
static void a_program_of_another_wire_is_refused_before_anything_is_opened(void)
{
	static const char script[] =
		"#!/bin/sh\n"
		"echo '{\"schema\": \"ktstr.list/1\", \"version\": \"9.9\", \"wire\": 77, "
		"\"tests\": []}'\n";
	char dir[TMP_DIR_MAX], path[TMP_DIR_MAX + 16];

	tmp_make(dir);
	snprintf(path, sizeof(path), "%s/mytests", dir);
	tap_eq(file_write_atomic(path, script, sizeof(script) - 1, 0755, NULL), 0);
	begin("nested");
	tap_eq(config_set(&config, "binary", path, NULL), 0);
	make();
	tap_eq(plan.result, -EPROTO);
	tap_ok(strstr(err_text(&plan.err), "libktstr 9.9 (wire 77)"), "%s", err_text(&plan.err));
	done();
	unlink(path);
	rmdir(dir);
}

#define DEPTH_ENV "KTSTR_TEST_DEPTH"

/* "list": once only, so that a library that lets it cannot fill the machine. */
static int ask_myself(const char *command)
{
	struct testlist l;
	struct err e = ERR_INIT;

	if (strcmp(command, "list") || getenv(DEPTH_ENV))
		return 1;
	setenv(DEPTH_ENV, "1", 1);
	if (testlist_load(NULL, &l, &e) < 0)
		fprintf(stderr, "%s\n", err_text(&e));
	return 1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return ask_myself(argv[1]);
	TAP_RUN(a_nested_run_is_told_in_a_line_and_why_is_kept);
	TAP_RUN(a_program_of_another_wire_is_refused_before_anything_is_opened);
	TAP_RUN(a_program_that_runs_instead_of_answering_is_ended);
	TAP_RUN(who_asked_for_an_accelerator_is_told_nothing);
	return tap_done();
}
