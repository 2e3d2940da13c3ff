/* SPDX-License-Identifier: GPL-2.0-only */
/* What the rules for the scheduler say of a run. */
#include <errno.h>
#include <stdio.h>

#include "loop/watch.h"

void watch_rules(struct watch *w, const struct rule_limits *limits)
{
	w->limits = *limits;
	w->enforce |= limits->enforce;
	if (w->rules)
		rules_change(w->rules, limits);
}

/* The breach that lasted longest. */
static const struct rule_finding *worst(const struct rules *r)
{
	const struct rule_finding *w = NULL;
	uint64_t dropped;
	size_t n;
	const struct rule_finding *f = rules_findings(r, &n, &dropped);

	for (size_t i = 0; i < n; i++)
		if (f[i].enforced && (!w || f[i].samples > w->samples))
			w = &f[i];
	return w;
}

int watch_verdict(const struct watch *w, char *text, size_t size)
{
	const struct rule_finding *f = w->rules ? worst(w->rules) : NULL;
	char what[RULE_TEXT_MAX];
	const char *why = w->rules ? rules_unmeasured(w->rules) : err_text(&w->why);

	if (!w->enforce)
		return 0;
	if (f) {
		rule_finding_text(f, what);
		snprintf(text, size, "%s: %s, from %.2f s on", rule_name(f->rule), what,
			 (double)f->since_ns / 1e9);
		return 1;
	}
	if (!why)
		return 0;
	snprintf(text, size, "the rules for the scheduler were not measured: %s", why);
	return -ENODATA;
}
