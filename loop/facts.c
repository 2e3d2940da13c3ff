/* SPDX-License-Identifier: GPL-2.0-only */
/* The facts of a run, bounded as they are added. */
#include "loop/facts.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

void facts_init(struct facts *f)
{
	memset(f, 0, sizeof(*f));
}

static void test_fini(struct fact_test *t)
{
	for (size_t i = 0; i < t->detail_count; i++)
		free(t->detail[i].text);
	free(t->detail);
	free(t->worker);
}

void facts_fini(struct facts *f)
{
	for (size_t i = 0; i < f->test_count; i++)
		test_fini(&f->test[i]);
	free(f->test);
	for (size_t i = 0; i < f->finding_count; i++)
		free(f->finding[i].text);
	free(f->finding);
	for (size_t i = 0; i < f->vcpu_count; i++)
		free(f->vcpu[i].symbol);
	free(f->vcpu);
	sched_facts_fini(&f->sched);
	strlist_fini(&f->console_tail);
	strlist_fini(&f->program_tail);
	free(f->accel_why);
	free(f->kernel_path);
	free(f->kernel_release);
	free(f->kernel_why);
	free(f->error);
	json_object_put(f->monitor);
	facts_init(f);
}

/* The array with room for one more element, or NULL; grows by doubling. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? count * 2 : 1, size);
}

void facts_stop(struct facts *f, enum stop_reason why, const char *fmt, ...)
{
	va_list ap;

	if (f->stop != STOP_NONE)
		return;
	f->stop = why;
	for (int p = 0; p < PHASE_COUNT; p++)
		if (f->phase_ns[p])
			f->stop_phase = (enum phase)p;
	va_start(ap, fmt);
	text_vappend(f->stop_text, sizeof(f->stop_text), fmt, ap);
	va_end(ap);
}

void facts_finding(struct facts *f, const char *kind, const char *fmt, ...)
{
	struct fact_finding *n;
	char *text;
	va_list ap;
	int r;

	if (f->finding_count == RECORD_FINDINGS_MAX) {
		f->findings_dropped++;
		return;
	}
	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		return;
	n = grow(f->finding, f->finding_count, sizeof(*n));
	if (!n) {
		free(text);
		return;
	}
	f->finding = n;
	n += f->finding_count++;
	snprintf(n->kind, sizeof(n->kind), "%s", kind);
	n->text = text;
}

struct fact_test *facts_test(struct facts *f, const char *name)
{
	struct fact_test *n;

	for (size_t i = 0; i < f->test_count; i++)
		if (!strcmp(f->test[i].name, name))
			return &f->test[i];
	n = f->test_count < RECORD_TESTS_MAX ? grow(f->test, f->test_count, sizeof(*n)) : NULL;
	if (!n) {
		f->tests_dropped++;
		return NULL;
	}
	f->test = n;
	n += f->test_count++;
	*n = (struct fact_test){ .verdict = VERDICT_INCONCLUSIVE };
	snprintf(n->name, sizeof(n->name), "%s", name);
	text_clean(n->name, strlen(n->name));
	return n;
}

enum verdict facts_wire_verdict(uint32_t v)
{
	static const enum verdict table[] = {
		[WIRE_PASS] = VERDICT_PASS,
		[WIRE_FAIL] = VERDICT_FAIL,
		[WIRE_SKIP] = VERDICT_SKIP,
		[WIRE_INCONCLUSIVE] = VERDICT_INCONCLUSIVE,
	};

	/* a guest that invents verdicts has not measured anything */
	return v < ARRAY_SIZE(table) ? table[v] : VERDICT_INCONCLUSIVE;
}

void facts_detail(struct facts *f, struct fact_test *t, const struct wire_detail *d,
		  const char *text, size_t len)
{
	struct fact_detail *n;
	char *copy;

	if (f->details == RECORD_DETAILS_MAX) {
		f->details_dropped++;
		return;
	}
	copy = text_clean_dup(text, len);
	n = grow(t->detail, t->detail_count, sizeof(*n));
	if (!copy || !n) {
		free(copy);
		f->details_dropped++;
		return;
	}
	t->detail = n;
	n += t->detail_count++;
	f->details++;
	snprintf(n->kind, sizeof(n->kind), "%.32s", d->kind);
	text_clean(n->kind, strlen(n->kind));
	n->verdict = facts_wire_verdict(d->verdict);
	n->text = copy;
}

void facts_worker(struct facts *f, struct fact_test *t, const struct wire_worker *w)
{
	struct wire_worker *n;

	n = f->workers < FACTS_WORKERS_MAX ? grow(t->worker, t->worker_count, sizeof(*n)) : NULL;
	if (!n) {
		f->details_dropped++;
		return;
	}
	t->worker = n;
	n[t->worker_count++] = *w;
	f->workers++;
}

void facts_stat_add(struct facts *f, const char *name, uint64_t value)
{
	for (size_t i = 0; i < f->stat_count; i++) {
		if (!strcmp(f->stat[i].name, name)) {
			f->stat[i].value += value;
			return;
		}
	}
	if (f->stat_count == FACTS_STATS_MAX)
		return;
	snprintf(f->stat[f->stat_count].name, sizeof(f->stat[0].name), "%s", name);
	f->stat[f->stat_count++].value = value;
}
