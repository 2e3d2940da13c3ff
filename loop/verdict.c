/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From facts to a verdict, and the names of things in a record. Pure.
 * What could not be measured is inconclusive, never pass.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "loop/facts.h"
#include "loop/record.h"

static const struct {
	const char *name;
	int exit_code;
	int rank;			/* how bad */
} verdicts[] = {
	[VERDICT_PASS] = { "pass", 0, 1 },
	[VERDICT_FAIL] = { "fail", 1, 3 },
	[VERDICT_SKIP] = { "skip", 77, 0 },
	[VERDICT_INCONCLUSIVE] = { "inconclusive", 2, 2 },
	[VERDICT_ERROR] = { "error", 99, 4 },
};
static_assert(ARRAY_SIZE(verdicts) == VERDICT_COUNT, "every verdict has a row");

const char *verdict_name(enum verdict v)
{
	return verdicts[v].name;
}

int verdict_exit_code(enum verdict v)
{
	return verdicts[v].exit_code;
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
	return verdicts[a].rank >= verdicts[b].rank ? a : b;
}

/* What a reason says of the run when the guest did not end it in order. */
static const struct {
	const char *name;
	enum verdict verdict;
} stops[] = {
	[STOP_NONE] = { "none", VERDICT_ERROR },
	[STOP_POWEROFF] = { "poweroff", VERDICT_PASS },
	[STOP_EARLY_OFF] = { "early-off", VERDICT_FAIL },
	[STOP_PANIC] = { "panic", VERDICT_FAIL },
	[STOP_OOPS] = { "oops", VERDICT_FAIL },
	[STOP_TRIPLE_FAULT] = { "triple-fault", VERDICT_FAIL },
	/* the hypervisor could not go on: nothing is known of the scheduler */
	[STOP_INTERNAL] = { "kvm-internal", VERDICT_ERROR },
	[STOP_PHASE] = { "phase-timeout", VERDICT_FAIL },
	[STOP_DEADLINE] = { "deadline", VERDICT_FAIL },
	/* these say nothing of a scheduler: it was never loaded */
	[STOP_SCHED_EXEC] = { "scheduler-exec", VERDICT_ERROR },
	[STOP_SCHED_UNSUPPORTED] = { "scheduler-unsupported", VERDICT_ERROR },
	[STOP_SCHED_COMMAND] = { "scheduler-command", VERDICT_ERROR },
	[STOP_SCHED_DIED_EARLY] = { "scheduler-died-early", VERDICT_FAIL },
	[STOP_SCHED_NOT_ATTACHED] = { "scheduler-not-attached", VERDICT_FAIL },
	[STOP_BPF_WRITE] = { "bpf-write", VERDICT_ERROR },
	[STOP_SCHED_EJECTED] = { "scheduler-ejected", VERDICT_FAIL },
	[STOP_SCHED_DIED] = { "scheduler-died", VERDICT_FAIL },
	[STOP_ESCAPE] = { "escape", VERDICT_ERROR },
	[STOP_CANCELLED] = { "cancelled", VERDICT_ERROR },
	[STOP_HOST] = { "host", VERDICT_ERROR },
};
static_assert(ARRAY_SIZE(stops) == STOP_COUNT, "every reason has a row");

const char *stop_reason_name(enum stop_reason r)
{
	return stops[r].name;
}

const char *phase_name(enum phase p)
{
	static const char *const names[] = {
		[PHASE_SETUP] = "setup",
		[PHASE_LOADED] = "loaded",
		[PHASE_OUTPUT] = "first output",
		[PHASE_BANNER] = "kernel banner",
		[PHASE_INIT] = "init",
		[PHASE_READY] = "ready",
		[PHASE_SCHED] = "scheduler attached",
		[PHASE_TEST] = "test",
		[PHASE_RESULT] = "result",
		[PHASE_POWEROFF] = "power-off",
		[PHASE_DONE] = "done",
	};
	static_assert(ARRAY_SIZE(names) == PHASE_COUNT, "every phase has a name");

	return names[p];
}

__attribute__((format(printf, 2, 3)))
static void say(char *reason, const char *fmt, ...)
{
	va_list ap;

	*reason = '\0';
	va_start(ap, fmt);
	text_vappend(reason, FACTS_REASON_MAX, fmt, ap);
	va_end(ap);
}

/* The guest's own summary; a code that we do not know proves nothing. */
static enum verdict from_exit_code(int code)
{
	for (int v = 0; v < VERDICT_COUNT; v++)
		if (verdicts[v].exit_code == code)
			return (enum verdict)v;
	return VERDICT_INCONCLUSIVE;
}

/* The detail that asks for the test's verdict, to say why. */
static const struct fact_detail *deciding_detail(const struct fact_test *t)
{
	for (size_t i = 0; i < t->detail_count; i++)
		if (t->detail[i].verdict == t->verdict)
			return &t->detail[i];
	return NULL;
}

static void say_test(const struct fact_test *t, char *reason)
{
	const struct fact_detail *d = deciding_detail(t);

	if (!t->finished)
		say(reason, "%s: no result came", t->name);
	else if (d)
		say(reason, "%s: %s: %s", t->name, d->kind, d->text);
	else
		say(reason, "%s: the test gave no reason", t->name);
}

static enum verdict judge_tests(const struct facts *f, char *reason)
{
	const struct fact_test *worst = NULL;
	enum verdict v = VERDICT_SKIP;

	for (size_t i = 0; i < f->test_count; i++) {
		const struct fact_test *t = &f->test[i];
		enum verdict tv = t->finished ? t->verdict : VERDICT_INCONCLUSIVE;

		if (!worst || verdict_worse(v, tv) != v) {
			v = verdict_worse(v, tv);
			worst = t;
		}
	}
	if (!worst)
		say(reason, "no test was run");
	else if (v == VERDICT_PASS)
		say(reason, "%zu %s passed", f->test_count, f->test_count == 1 ? "test" : "tests");
	else
		say_test(worst, reason);
	return v;
}

/* What passed did so under another watchdog than was asked for. */
static enum verdict judge_watchdog(const struct facts *f, enum verdict v, char *reason)
{
	if (!*f->sched.watchdog_why || v != VERDICT_PASS)
		return v;
	say(reason, "--watchdog-timeout: sched_ext's watchdog was not set: %s",
	    f->sched.watchdog_why);
	return VERDICT_INCONCLUSIVE;
}

static enum verdict judge_ended(const struct facts *f, char *reason)
{
	enum verdict v = judge_tests(f, reason);
	enum verdict guest = f->has_exit ? from_exit_code(f->exit_code) : VERDICT_INCONCLUSIVE;

	if (verdict_worse(v, guest) != v) {
		v = guest;
		say(reason, "the guest ended with status %d, its results do not say why",
		    f->exit_code);
	}
	/* a test that was skipped says nothing of the scheduler, and so neither do its rules */
	if (f->rules != VERDICT_PASS && v != VERDICT_SKIP && verdict_worse(v, f->rules) != v) {
		v = f->rules;
		say(reason, "%s", f->rules_text);
	}
	v = judge_watchdog(f, v, reason);
	if (f->tests_dropped && v == VERDICT_PASS) {
		v = VERDICT_INCONCLUSIVE;
		say(reason, "more than %d tests: the rest was not recorded", RECORD_TESTS_MAX);
	}
	return v;
}

static enum verdict judge_command(const struct facts *f, char *reason)
{
	if (!f->ended) {
		say(reason, "the guest ended without the command's status");
		return VERDICT_ERROR;
	}
	if (f->end.signal)
		say(reason, "the command died of signal %u", f->end.signal);
	else
		say(reason, "the command exited with status %d", f->end.status);
	return judge_watchdog(f, f->end.status ? VERDICT_FAIL : VERDICT_PASS, reason);
}

int facts_exit_code(const struct facts *f, enum verdict v)
{
	if (!f->command || f->error || f->stop == STOP_ESCAPE)
		return verdict_exit_code(v);
	if (f->stop != STOP_POWEROFF || !f->ended)
		return verdict_exit_code(VERDICT_ERROR);
	/* 0 is for what passed */
	return f->end.status ? f->end.status : verdict_exit_code(v);
}

enum verdict facts_verdict(const struct facts *f, char reason[FACTS_REASON_MAX])
{
	if (f->error) {
		say(reason, "%s", f->error);
		return VERDICT_ERROR;
	}
	if (f->stop == STOP_POWEROFF)
		return f->command ? judge_command(f, reason) : judge_ended(f, reason);
	if (f->stop == STOP_NONE) {
		say(reason, "the run did not end");
		return VERDICT_ERROR;
	}
	say(reason, "%s", f->stop_text);
	/* whoever sits at the command's terminal may leave it */
	if (f->command && f->stop == STOP_ESCAPE)
		return VERDICT_PASS;
	return stops[f->stop].verdict;
}
