/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduling domains of a CPU: rq->sd and up by parent. The list is the
 * guest's, so it is followed for SAMPLE_DOMAINS_MAX steps and no further.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/le.h"
#include "monitor/monitor.h"
#include "monitor/sample_private.h"

/* A domain is read as a whole, up to here. */
#define DOMAIN_BYTES_MAX 1024

static const char *const plain[] = {
	"level", "flags", "span_weight", "balance_interval", "nr_balance_failed",
	"max_newidle_lb_cost", "newidle_call", "newidle_success", "newidle_ratio",
	"alb_count", "alb_failed", "alb_pushed", "sbe_count", "sbe_balanced", "sbe_pushed",
	"sbf_count", "sbf_balanced", "sbf_pushed", "ttwu_wake_remote", "ttwu_move_affine",
	"ttwu_move_balance",
};

/* One number for each reason to balance. CONFIG_SCHEDSTATS. */
static const char *const by_idle[] = {
	"lb_count", "lb_failed", "lb_balanced", "lb_gained", "lb_hot_gained", "lb_nobusyg",
	"lb_nobusyq", "lb_imbalance", "lb_imbalance_load", "lb_imbalance_util",
	"lb_imbalance_task", "lb_imbalance_misfit",
};

static void add_field(struct domains *d, const struct btf *btf, uint32_t sd, const char *path,
		      const char *name)
{
	struct layout_field f;

	if (d->count == SAMPLE_DOMAIN_FIELDS_MAX || layout_field_in(btf, sd, path, &f, NULL) < 0 ||
	    !f.size || f.size > 8 || f.offset > DOMAIN_BYTES_MAX - f.size)
		return;
	snprintf(d->field[d->count].name, sizeof(d->field[0].name), "%s", name);
	d->field[d->count++].field = f;
	d->size = MAX(d->size, f.offset + f.size);
}

/* enum cpu_idle_type was turned round in 6.8. */
static void add_by_idle(struct domains *d, const struct btf *btf, uint32_t sd)
{
	static const char *const suffix[] = { "idle", "newidle", "busy" };
	struct layout_field f;
	int64_t at[3] = { 0 };

	if (layout_field_in(btf, sd, by_idle[0], &f, NULL) < 0 ||
	    layout_enum(btf, "CPU_IDLE", &at[0], NULL) < 0 ||
	    layout_enum(btf, "CPU_NEWLY_IDLE", &at[1], NULL) < 0)
		return;
	d->has_stats = true;
	at[2] = 3 - at[0] - at[1];	/* 0, 1 and 2 in some order */
	for (size_t i = 0; i < ARRAY_SIZE(by_idle); i++) {
		for (unsigned k = 0; k < 3; k++) {
			char path[48], name[48];

			snprintf(path, sizeof(path), "%s[%d]", by_idle[i], (int)at[k]);
			snprintf(name, sizeof(name), "%s_%s", by_idle[i], suffix[k]);
			add_field(d, btf, sd, path, name);
		}
	}
}

static int need(const struct btf *btf, uint32_t type, const char *path, struct layout_field *ret,
		struct domains *d)
{
	struct err e = ERR_INIT;
	int r = layout_field_in(btf, type, path, ret, &e);

	if (r < 0)
		snprintf(d->why, sizeof(d->why), "%.*s", LAYOUT_WHY_MAX - 1, err_text(&e));
	return r;
}

int domains_init(struct domains *d, const struct kindex *k, uint32_t rq, unsigned cpus)
{
	const struct btf *btf = kindex_btf(k);
	uint32_t sd;

	d->levels = calloc(cpus, sizeof(*d->levels));
	d->domain = calloc((size_t)cpus * SAMPLE_DOMAINS_MAX, sizeof(*d->domain));
	if (!d->levels || !d->domain)
		return -ENOMEM;
	if (!rq || layout_type(btf, "sched_domain", &sd, NULL) < 0) {
		snprintf(d->why, sizeof(d->why), "no struct %s", rq ? "sched_domain" : "rq");
		return 0;
	}
	if (need(btf, rq, "sd", &d->sd, d) < 0 || need(btf, sd, "parent", &d->parent, d) < 0)
		return 0;
	d->has = true;
	d->has_name = layout_field_in(btf, sd, "name", &d->name, NULL) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		add_field(d, btf, sd, plain[i], plain[i]);
	add_by_idle(d, btf, sd);
	return 0;
}

void domains_fini(struct domains *d)
{
	free(d->domain);
	free(d->levels);
}

/* A number out of the copy of a domain. */
static uint64_t number(const uint8_t *sd, const struct layout_field *f)
{
	uint8_t b[8] = { 0 };

	/* nearly all are of these two sizes */
	if (f->size == 4)
		return le32_at(sd + f->offset);
	if (f->size == 8)
		return le64_at(sd + f->offset);
	memcpy(b, sd + f->offset, f->size);
	return le64_at(b);
}

static void take_name(const struct domains *d, const struct monitor *m, uint64_t sd_kva,
		      struct sample_domain *ret)
{
	uint64_t kva;

	ret->name[0] = '\0';
	if (!d->has_name || monitor_field(m, sd_kva, &d->name, &kva) < 0 ||
	    monitor_read(m, kva, ret->name, sizeof(ret->name) - 1) < 0)
		return;
	ret->name[sizeof(ret->name) - 1] = '\0';
	text_clean(ret->name, sizeof(ret->name));
}

void domains_take(struct domains *d, const struct monitor *m, unsigned cpu, uint64_t rq_kva)
{
	struct sample_domain *out = &d->domain[(size_t)cpu * SAMPLE_DOMAINS_MAX];
	unsigned level = 0;
	uint64_t sd;

	d->levels[cpu] = 0;
	if (!d->has || monitor_field(m, rq_kva, &d->sd, &sd) < 0)
		return;
	for (; sd && level < SAMPLE_DOMAINS_MAX; level++, out++) {
		uint8_t copy[DOMAIN_BYTES_MAX];

		if (monitor_read(m, sd, copy, d->size) < 0)
			break;
		take_name(d, m, sd, out);
		for (unsigned i = 0; i < d->count; i++)
			out->value[i] = number(copy, &d->field[i].field);
		if (monitor_field(m, sd, &d->parent, &sd) < 0)
			sd = 0;
	}
	d->levels[cpu] = level;
}

unsigned sampler_domain_fields(const struct sampler *s)
{
	return s->domains.count;
}

const char *sampler_domain_field(const struct sampler *s, unsigned field)
{
	return s->domains.field[field].name;
}

const struct sample_domain *sampler_domains(const struct sampler *s, unsigned cpu,
					    unsigned *ret_count)
{
	*ret_count = s->domains.levels[cpu];
	return &s->domains.domain[(size_t)cpu * SAMPLE_DOMAINS_MAX];
}
