/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's frames mean: one row and one small function per type. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "loop/bpf_write.h"
#include "loop/channel.h"
#include "loop/run.h"

__attribute__((format(printf, 2, 3)))
static void bad_frame(struct ktstr_run *run, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	run->facts.bad_frames++;
	facts_finding(&run->facts, "BadFrame", "%s", text);
}

/* A payload shorter than its type needs. */
static void too_short(struct ktstr_run *run, const struct frame *f)
{
	bad_frame(run, "%s frame of %u bytes is too short", wire_type_name(f->type), f->length);
}

static struct fact_test *current(struct ktstr_run *run)
{
	return run->current ? &run->facts.test[run->current - 1] : NULL;
}

static struct fact_test *begin(struct ktstr_run *run, const char *name)
{
	struct fact_test *t = facts_test(&run->facts, name);

	run->current = t ? (size_t)(t - run->facts.test) + 1 : 0;
	return t;
}

/*
 * PID 1 runs, and then CPU after CPU is up. More of them is progress, and there
 * are only so many: a guest cannot wait forever by telling.
 */
static void on_init(struct ktstr_run *run, unsigned cpus)
{
	phases_reach(&run->phases, PHASE_INIT);
	if (cpus > topo_cpus(&run->facts.topo))
		return;
	/* those that PID 1 will take offline may be up yet */
	cpus = MIN(cpus, topo_online_cpus(&run->facts.topo));
	if (run->phases.now != PHASE_INIT || cpus <= run->facts.guest_cpus)
		return;
	run->facts.guest_cpus = cpus;
	if (cpus > 1)
		log_info("%u CPUs are up", cpus);
	phases_progress(&run->phases);
}

static void on_lifecycle(struct ktstr_run *run, const struct frame *f)
{
	struct wire_lifecycle l;

	if (!frame_get_lifecycle(f, &l)) {
		too_short(run, f);
		return;
	}
	if (l.phase == WIRE_PHASE_INIT)
		on_init(run, l.cpus);
	if (l.phase != WIRE_PHASE_READY)
		return;
	run->facts.guest_cpus = l.cpus;
	memcpy(run->facts.guest_release, l.release, sizeof(l.release));
	text_clean(run->facts.guest_release, strlen(run->facts.guest_release));
	if (l.cpus != topo_online_cpus(&run->facts.topo))
		facts_finding(&run->facts, "Cpus", "the guest has %u CPUs, %u were asked for",
			      l.cpus, topo_online_cpus(&run->facts.topo));
	phases_reach(&run->phases, PHASE_READY);
	run_kvm_ready(run, l.kernel_gpa);
	if (run->channel)
		channel_open(run->channel);
}

/* Only the channel knows what they mean; the first grant says that the command runs. */
static void on_stream(struct ktstr_run *run, const struct frame *f)
{
	if (!run->channel) {
		bad_frame(run, "%s without a command", wire_type_name(f->type));
		return;
	}
	if (f->type == WIRE_GRANT)
		phases_reach(&run->phases, PHASE_TEST);
	channel_frame(run->channel, f);
}

static void on_ended(struct ktstr_run *run, const struct frame *f)
{
	if (!frame_get_ended(f, &run->facts.end)) {
		too_short(run, f);
		return;
	}
	run->facts.ended = true;
	on_stream(run, f);
}

/* The defaults, what the test wants, and over it what the user wants. */
static void set_rules(struct ktstr_run *run, const char *of_test)
{
	struct rule_limits l = RULE_LIMITS_DEFAULT;
	struct err e = ERR_INIT;

	if (rule_limits_parse(&l, of_test, &e) < 0)
		facts_finding(&run->facts, "Rules", "of the test: %s", err_text(&e));
	if (run->config.rules)
		(void)rule_limits_parse(&l, run->config.rules, NULL);	/* checked before */
	watch_rules(&run->watch, &l);
}

static void on_test_start(struct ktstr_run *run, const struct frame *f)
{
	struct wire_name n;
	const char *text;

	if (!frame_get_start(f, &n, &text)) {
		too_short(run, f);
		return;
	}
	phases_reach(&run->phases, PHASE_TEST);
	if (begin(run, n.name))
		log_info("test %s", current(run)->name);
	set_rules(run, text);
}

static void on_detail(struct ktstr_run *run, const struct frame *f)
{
	struct fact_test *t = current(run);
	struct wire_detail d;
	const char *text;

	if (!frame_get_detail(f, &d, &text))
		too_short(run, f);
	else if (t)
		facts_detail(&run->facts, t, &d, text, f->length - sizeof(d));
}

static void on_worker(struct ktstr_run *run, const struct frame *f)
{
	struct fact_test *t = current(run);
	struct wire_worker w;

	if (!frame_get_worker(f, &w))
		too_short(run, f);
	else if (t)
		facts_worker(&run->facts, t, &w);
}

static void on_result(struct ktstr_run *run, const struct frame *f)
{
	struct wire_result res;
	struct fact_test *t;

	if (!frame_get_result(f, &res)) {
		too_short(run, f);
		return;
	}
	t = begin(run, res.name);
	if (!t)
		return;
	/* a test has one result; a second one cannot improve on it */
	t->verdict = t->finished ? verdict_worse(t->verdict, facts_wire_verdict(res.verdict))
				 : facts_wire_verdict(res.verdict);
	t->finished = true;
	t->duration_ns = res.duration_ns;
}

static void on_crash(struct ktstr_run *run, const struct frame *f)
{
	struct wire_detail d = { .verdict = WIRE_FAIL, .kind = "Crash" };
	struct fact_test *t;
	struct wire_crash c;
	const char *where;
	char text[256];
	int n;

	if (!frame_get_crash(f, &c, &where)) {
		too_short(run, f);
		return;
	}
	t = begin(run, c.name);
	n = snprintf(text, sizeof(text), "died of %s%s%.160s",
		     c.signal_name[0] ? c.signal_name : "a signal", *where ? ": " : "", where);
	if (t && n > 0)
		facts_detail(&run->facts, t, &d, text, MIN((size_t)n, sizeof(text) - 1));
}

static void on_lost(struct ktstr_run *run, const struct frame *f)
{
	struct wire_lost l;

	if (!frame_get_lost(f, &l)) {
		too_short(run, f);
		return;
	}
	run->facts.drops += l.frames;
	facts_finding(&run->facts, "Lost", "the guest dropped %llu frames: the ring was full",
		      (unsigned long long)l.frames);
}

static void on_exit_frame(struct ktstr_run *run, const struct frame *f)
{
	struct wire_exit x;

	if (!frame_get_exit(f, &x)) {
		too_short(run, f);
		return;
	}
	run->facts.has_exit = true;
	run->facts.exit_code = x.code;
	phases_reach(&run->phases, PHASE_RESULT);
}

static void on_log(struct ktstr_run *run, const struct frame *f)
{
	_cleanup_free_ char *text = text_clean_dup(f->payload, f->length);

	if (text)
		facts_finding(&run->facts, "Guest", "%.500s", text);
}

static void on_sched(struct ktstr_run *run, const struct frame *f)
{
	if (!sched_on_event(run, f))
		too_short(run, f);
}

static void on_sched_stays(struct ktstr_run *run, const struct frame *f)
{
	struct wire_exit x;

	if (!frame_get_exit(f, &x)) {
		too_short(run, f);
		return;
	}
	/* by COM2 the kernel would be seen to let go of it before the word that it may */
	run->sched_stays = x.code && run->facts.by_ring;
}

static void on_kernel(struct ktstr_run *run, const struct frame *f)
{
	if (!watch_told(&run->watch, f))
		bad_frame(run, "the guest told of its kernel what nobody asked");
}

static void on_hold(struct ktstr_run *run, const struct frame *f)
{
	(void)f;
	if (!bpf_write_hold(run))
		bad_frame(run, "the guest waits for what it was not asked to");
}

static void on_dump_ask(struct ktstr_run *run, const struct frame *f)
{
	_cleanup_free_ char *text = text_clean_dup(f->payload, f->length);

	run_dump_test(run, text ? text : "");
}

typedef void frame_fn(struct ktstr_run *run, const struct frame *f);

/* Types without a row are not for us in this direction. */
static frame_fn *const frame_table[] = {
	[WIRE_LIFECYCLE] = on_lifecycle,
	[WIRE_TEST_START] = on_test_start,
	[WIRE_DETAIL] = on_detail,
	[WIRE_WORKER] = on_worker,
	[WIRE_RESULT] = on_result,
	[WIRE_CRASH] = on_crash,
	[WIRE_LOST] = on_lost,
	[WIRE_EXIT] = on_exit_frame,
	[WIRE_LOG] = on_log,
	[WIRE_SCHED] = on_sched,
	[WIRE_SCHED_LOG] = sched_on_log,
	[WIRE_SCHED_STAYS] = on_sched_stays,
	[WIRE_KERNEL] = on_kernel,
	[WIRE_HOLD] = on_hold,
	[WIRE_DUMP_ASK] = on_dump_ask,
	[WIRE_STDOUT] = on_stream,
	[WIRE_STDERR] = on_stream,
	[WIRE_GRANT] = on_stream,
	[WIRE_ENDED] = on_ended,
	[WIRE_TYPE_COUNT] = NULL,
};
static_assert(ARRAY_SIZE(frame_table) == WIRE_TYPE_COUNT + 1, "a row for every type");

void guest_frame(struct ktstr_run *run, const struct frame *f)
{
	frame_fn *fn = f->type < WIRE_TYPE_COUNT ? frame_table[f->type] : NULL;

	run->facts.frames++;
	run->facts.bytes += sizeof(struct wire_frame) + f->length;
	if (fn)
		fn(run, f);
	else
		bad_frame(run, "a guest does not send %s frames", wire_type_name(f->type));
}
