/* SPDX-License-Identifier: GPL-2.0-only */
/* loop/: what is decided before a run, and what is said of it. */
#include "base/util.h"
#include "loop/plan.h"
#include "test/tap.h"

static struct config config;
static struct plan plan;

/* It ends at a kernel that does not exist: what was decided before is there. */
static void make(const char *accel)
{
	tap_eq(config_init(&config), 0);
	tap_eq(config_set(&config, "accel", accel, NULL), 0);
	tap_eq(config_set(&config, "kvm-device", "/nowhere/kvm", NULL), 0);
	tap_eq(config_set(&config, "kernel", "/nowhere/kernel", NULL), 0);
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
	make("auto");
	tap_eq(plan.accel, ACCEL_NESTED);
	tap_str(plan.note, "/nowhere/kvm is not there: running nested in QEMU, slower, "
		"timing is not judged");
	tap_ok(strstr(err_text(&plan.accel_why), "No such file"), "%s",
	       err_text(&plan.accel_why));
	done();
}

static void who_asked_for_an_accelerator_is_told_nothing(void)
{
	static const char *const accels[] = { "nested", "kvm" };

	for (size_t i = 0; i < ARRAY_SIZE(accels); i++) {
		make(accels[i]);
		tap_str(plan.note, "");
		tap_str(err_text(&plan.accel_why), "");
		done();
	}
}

int main(void)
{
	TAP_RUN(a_nested_run_is_told_in_a_line_and_why_is_kept);
	TAP_RUN(who_asked_for_an_accelerator_is_told_nothing);
	return tap_done();
}
