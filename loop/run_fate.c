/* SPDX-License-Identifier: GPL-2.0-only */
/* What the run makes of exits that were read out of the kernel's memory (loop/fate.h). */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "loop/run.h"

/* After the kernel has thrown the scheduler out: time for the guest to end the run in order. */
#define EJECT_GRACE_NS (10 * NSEC_PER_SEC)

/*
 * Some milliseconds later its tasks are the kernel's. Of a process that died the kernel
 * has taken them over already, and its words name none: so does the last look before.
 */
static void ask_for_dump(struct ktstr_run *run, const struct sched_ext_exit *x)
{
	char text[300], waited[200];
	const bool has_waited = watch_waited(&run->watch, waited, sizeof(waited));

	sched_ext_exit_text(x, text, sizeof(text));
	if (x->is_error)
		(void)run_dump_ask(run, "scheduler-error", "%s: %s", x->ops, text);
	else if (run->sched_stays)
		(void)run_dump_ask(run, "scheduler-exit", "%s: %s%s%s", x->ops, text,
				   has_waited ? "; " : "", has_waited ? waited : "");
}

/* What PID 1 said before comes first: whose scheduler it is. */
static void on_exit_seen(struct fate_exit *x, void *arg)
{
	struct ktstr_run *run = arg;

	run_kvm_drain(run);
	if (run->current)
		memcpy(x->test, run->facts.test[run->current - 1].name, sizeof(x->test));
	ask_for_dump(run, &x->exit);
	run->sched_stays = false;
	if (sched_on_kernel_exit(run, &x->exit))
		phases_limit(&run->phases, EJECT_GRACE_NS);
}

static void on_watchdog(void *arg)
{
	(void)run_freeze_ask(arg, RUN_FREEZE_WATCHDOG);	/* at the next look again */
}

void run_fate_init(struct ktstr_run *run)
{
	const struct config *c = &run->config;

	fate_init(&run->fate, c->scheduler || c->stage.count || c->sched_enable.count,
		  c->watchdog_ns);
	run->fate.on_exit = on_exit_seen;
	run->fate.on_watchdog = on_watchdog;
	run->fate.arg = run;
}

void run_fate_begin(struct ktstr_run *run)
{
	if (watch_monitor(&run->watch))
		fate_begin(&run->fate, run->loop, watch_sched_ext(&run->watch),
			   watch_monitor(&run->watch));
}

void run_fate_collect(struct ktstr_run *run)
{
	struct sched_facts *s = &run->facts.sched;
	const char *why;

	fate_stop(&run->fate);
	if (run->fate.dropped)
		facts_finding(&run->facts, "Lost", "%llu exits of schedulers were not kept",
			      (unsigned long long)run->fate.dropped);
	if (!watch_monitor(&run->watch))
		run->fate.why = run->watch.why;
	s->kernel_exits = fate_exits_to_json(&run->fate, run->facts.phase_ns[PHASE_SETUP]);
	s->watchdog = fate_watchdog_to_json(&run->fate);
	why = fate_watchdog_missed(&run->fate, s->attach_ns);
	if (why)
		snprintf(s->watchdog_why, sizeof(s->watchdog_why), "%.255s", why);
}
