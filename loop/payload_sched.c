/* SPDX-License-Identifier: GPL-2.0-only */
/* Schedulers in the guest's payload: the one under test, its arguments, staged ones. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "init/init.h"
#include "loop/payload_features.h"
#include "loop/sched.h"

static int add_args(struct payload_draft *d, const struct strlist *args, struct err *e)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	for (size_t i = 0; i < args->count; i++) {
		buf_str(&b, args->item[i]);
		buf_u8(&b, 0);
	}
	return payload_add_bytes(d, PAYLOAD_SUFFIX, INIT_SCHED_ARGS, &b, e);
}

/* PID 1 gets files and values: it has no grammar of commands. */
static int add_commands(struct payload_draft *d, const struct strlist *l, const char *guest,
			struct err *e)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->count; i++) {
		struct sched_command c;
		int r = sched_command_parse(l->item[i], &c, e);

		if (r < 0)
			return r;
		buf_add(&b, c.file, c.file_len);
		buf_u8(&b, 0);
		buf_add(&b, c.value, c.value_len);
		buf_u8(&b, 0);
	}
	return l->count ? payload_add_bytes(d, PAYLOAD_SUFFIX, guest, &b, e) : 0;
}

char *sched_staged_path(const char *stage, size_t name_len)
{
	char *guest;

	if (asprintf(&guest, INIT_STAGED_DIR "/%.*s/scheduler", (int)name_len, stage) < 0)
		return NULL;
	return guest;
}

static int add_scheduler(struct payload_draft *d, const char *guest, const char *host,
			 struct err *e)
{
	int r = payload_add_program(d, PAYLOAD_BASE, guest, host, e);

	if (r == 0)
		payload_strip(d, PAYLOAD_BASE, guest);
	return r;
}

static int add_staged(struct payload_draft *d, const char *stage, struct err *e)
{
	_cleanup_free_ char *guest = NULL;
	size_t len;
	const char *host = sched_stage_parse(stage, &len, e);
	int r;

	if (!host)
		return -EINVAL;
	guest = sched_staged_path(stage, len);
	if (!guest)
		return err_sys(e, -ENOMEM, "--stage %s", stage);
	r = add_scheduler(d, guest, host, e);
	return r < 0 ? err_ctx(e, r, "--stage %s", stage) : 0;
}

static int add_limit(struct payload_draft *d, const struct config *c, struct err *e)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	if (!sched_attach_limit_ns(c))
		return 0;
	buf_fmt(&b, "%" PRIu64 "\n", sched_attach_limit_ns(c) / NSEC_PER_MSEC);
	return payload_add_bytes(d, PAYLOAD_SUFFIX, INIT_SCHED_LIMIT, &b, e);
}

/* Its presence is what it says. */
static int add_hold(struct payload_draft *d, const struct config *c, struct err *e)
{
	_cleanup_(buf_fini) struct buf empty = BUF_INIT;

	return c->bpf_write.count ?
	       payload_add_bytes(d, PAYLOAD_SUFFIX, INIT_SCHED_HOLD, &empty, e) : 0;
}

int payload_schedulers(struct payload_draft *d, const struct payload_request *q, struct err *e)
{
	const struct config *c = q->config;
	int r = 0;

	if (c->scheduler) {
		r = add_scheduler(d, INIT_SCHED_PATH, c->scheduler, e);
		if (r < 0)
			return err_ctx(e, r, "--scheduler");
		r = add_args(d, &c->sched_args, e);
	}
	if (r == 0)
		r = add_limit(d, c, e);
	if (r == 0)
		r = add_hold(d, c, e);
	if (r == 0)
		r = add_commands(d, &c->sched_enable, INIT_SCHED_ENABLE, e);
	if (r == 0)
		r = add_commands(d, &c->sched_disable, INIT_SCHED_DISABLE, e);
	for (size_t i = 0; i < c->stage.count && r == 0; i++)
		r = add_staged(d, c->stage.item[i], e);
	return r;
}
