/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done to a guest that stands still, and what is made of the pause. */
#include "loop/run_freeze.h"

#include <errno.h>

#include "base/log.h"
#include "loop/bpf_write.h"
#include "loop/machine.h"
#include "loop/run.h"

int run_freeze_ask(struct ktstr_run *run, enum run_freeze_for what)
{
	struct run_freeze *f = &run->freeze;

	if (!run->machine || (!f->on && machine_freeze(run->machine) < 0))
		return -EAGAIN;
	f->on = true;
	f->wanted |= what;
	phases_pause(&run->phases);
	return 0;
}

static bool take(struct run_freeze *f, enum run_freeze_for what)
{
	const bool wanted = f->wanted & what;

	f->wanted &= ~(unsigned)what;
	return wanted;
}

/* One that fails may end the run, and so the freeze. */
static void do_writes(struct ktstr_run *run)
{
	const char *partial = machine_freeze_why(run->machine);

	if (take(&run->freeze, RUN_FREEZE_WATCHDOG))
		fate_set_watchdog(&run->fate, partial);
	if (take(&run->freeze, RUN_FREEZE_BPF_WRITE))
		bpf_write_frozen(run, partial);
}

void run_freeze_begun(struct ktstr_run *run)
{
	do_writes(run);
	if (take(&run->freeze, RUN_FREEZE_DUMP) && run_dump_frozen(run))
		return;			/* it is held */
	run_freeze_end(run);
}

void run_freeze_end(struct ktstr_run *run)
{
	const char *why;
	uint64_t ns;

	do_writes(run);			/* wanted since it has begun */
	if (!run->freeze.on)
		return;
	ns = machine_thaw(run->machine);
	why = machine_freeze_why(run->machine);
	run->freeze = (struct run_freeze){ 0 };
	phases_resume(&run->phases);
	run_dump_thawed(run, ns != 0);
	if (!ns)			/* it ends */
		return;
	run->facts.freezes++;
	run->facts.frozen_ns += ns;
	log_info("the guest stood still for %.1f ms", (double)ns / 1e6);
	if (*why)
		facts_finding(&run->facts, "Freeze", "the guest may have noticed that it stood "
			      "still for %.0f ms: %s", (double)ns / 1e6, why);
}

void run_freeze_release(struct ktstr_run *run)
{
	run->freeze = (struct run_freeze){ 0 };
	run_dump_release(run);
	phases_resume(&run->phases);
}
