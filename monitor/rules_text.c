/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of rules as text. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "monitor/rules.h"

#define SUSTAIN_MAX 100000
#define TEXT_MAX 512

static int set_limit(struct rule_limits *l, const char *key, const char *value, struct err *e)
{
	for (int i = 0; i < RULE_COUNT; i++) {
		char *end;
		double v;

		if (strcmp(key, rule_name((enum rule)i)))
			continue;
		v = value ? strtod(value, &end) : NAN;
		if (!value || end == value || *end || !isfinite(v) || v < 0)
			return err_set(e, -EINVAL, "%s=%s: takes a number, 0 for off", key,
				       value ? value : "");
		l->limit[i] = v;
		return 0;
	}
	return err_set(e, -EINVAL, "\"%s\": takes imbalance=, local-dsq=, stall=, fallback=, "
		       "keep-last=, sustain=, warmup=, enforce and off", key);
}

static int set_word(struct rule_limits *l, const char *key, const char *value, struct err *e)
{
	uint64_t v;

	if (!strcmp(key, "enforce") && !value) {
		l->enforce = true;
		return 0;
	}
	if (!strcmp(key, "off") && !value) {
		memset(l->limit, 0, sizeof(l->limit));
		return 0;
	}
	if (!strcmp(key, "sustain")) {
		if (!value || units_parse_uint(value, SUSTAIN_MAX, &v) < 0 || !v)
			return err_set(e, -EINVAL, "sustain=%s: takes a number of samples",
				       value ? value : "");
		l->sustain = (unsigned)v;
		return 0;
	}
	if (!strcmp(key, "warmup")) {
		if (!value || units_parse_duration(value, &v) < 0)
			return err_set(e, -EINVAL, "warmup=%s: takes a duration like 500ms",
				       value ? value : "");
		l->warmup_ns = v;
		return 0;
	}
	return set_limit(l, key, value, e);
}

int rule_limits_parse(struct rule_limits *l, const char *text, struct err *e)
{
	struct rule_limits copy = *l;
	char buf[TEXT_MAX], *rest = buf, *word;

	if ((size_t)snprintf(buf, sizeof(buf), "%s", text) >= sizeof(buf))
		return err_set(e, -EINVAL, "too long");
	while (*text && (word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');
		int r;

		if (value)
			*value++ = '\0';
		r = set_word(&copy, word, value, e);
		if (r < 0)
			return r;
	}
	*l = copy;
	return 0;
}
