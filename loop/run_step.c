/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run does just now, for a person who waits. */
#include <assert.h>

#include "base/util.h"
#include "ktstr/ktstr.h"
#include "loop/run.h"

static const char *const steps[] = {
	[PHASE_SETUP] = "building the machine",
	[PHASE_LOADED] = "starting the kernel",
	[PHASE_OUTPUT] = "starting the kernel",
	[PHASE_BANNER] = "booting the kernel",
	[PHASE_INIT] = "setting up the guest",
	[PHASE_READY] = "starting the tests",
	[PHASE_SCHED] = "starting the tests",
	[PHASE_TEST] = "running the tests",
	[PHASE_RESULT] = "powering off",
	[PHASE_POWEROFF] = "cleaning up",
	[PHASE_DONE] = "",
};
static_assert(ARRAY_SIZE(steps) == PHASE_COUNT, "every phase has words");

const char *ktstr_run_step(const struct ktstr_run *run)
{
	if (!run->loop || run->record_text || run->finishing)
		return "";
	/* the phases of a nested run pass inside it, out of our sight */
	if (run->nested)
		return "running nested in QEMU";
	return steps[run->phases.now];
}
