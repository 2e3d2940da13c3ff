/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of where kernels have sched_ext's state, and reading it. */
#include "monitor/sched_ext.h"

#include <assert.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/sched_ext_private.h"

static const struct scx_row rows[] = {
	{ THING_STATE, "scx_enable_state_var", false, NULL, NULL, 4 },
	{ THING_STATE, "scx_ops_enable_state_var", false, NULL, NULL, 4 },
	{ THING_INFO, "scx_root", true, "scx_sched", "exit_info", 0 },
	{ THING_INFO, "scx_exit_info", false, NULL, NULL, 8 },
	{ THING_NAME, "scx_root", true, "scx_sched", "ops.name", 0 },
	{ THING_NAME, "scx_ops", false, "sched_ext_ops", "name", 0 },
	{ THING_DUMP_LEN, "scx_root", true, "scx_sched", "ops.exit_dump_len", 0 },
	{ THING_DUMP_LEN, "scx_ops", false, "sched_ext_ops", "exit_dump_len", 0 },
	{ THING_TIMEOUT, "scx_root", true, "scx_sched", "watchdog_timeout", 0 },
	{ THING_TIMEOUT, "scx_watchdog_timeout", false, NULL, NULL, 8 },
	{ THING_INTERVAL, "scx_watchdog_interval", false, NULL, NULL, 8 },
	{ THING_STAMP, "scx_watchdog_timestamp", false, NULL, NULL, 8 },
	{ THING_JIFFIES, "jiffies", false, NULL, NULL, 8 },
	/* its rate is TICK_NSEC and nothing else: kernel/time/jiffies.c */
	{ THING_TICK_MULT, "clocksource_jiffies", false, "clocksource", "mult", 0 },
	{ THING_TICK_SHIFT, "clocksource_jiffies", false, "clocksource", "shift", 0 },
};

/* enum scx_enable_state since 6.16, enum scx_ops_enable_state before; by BTF where it has them. */
static const struct {
	const char *name, *symbol, *old_symbol;
} states[] = {
	[SCHED_EXT_ENABLING] = { "enabling", "SCX_ENABLING", "SCX_OPS_ENABLING" },
	[SCHED_EXT_ENABLED] = { "enabled", "SCX_ENABLED", "SCX_OPS_ENABLED" },
	[SCHED_EXT_DISABLING] = { "disabling", "SCX_DISABLING", "SCX_OPS_DISABLING" },
	[SCHED_EXT_DISABLED] = { "disabled", "SCX_DISABLED", "SCX_OPS_DISABLED" },
};
static_assert(ARRAY_SIZE(states) == SCHED_EXT_STATE_COUNT, "every state has a row");

/* enum scx_exit_kind, 6.12; its numbers are the same ever since */
#define KIND_UNREG 64
#define KIND_ERROR 1024

const char *sched_ext_state_name(enum sched_ext_state s)
{
	return states[s].name;
}

/* --- look-up ---------------------------------------------------------------- */

static void find_exit_members(struct sched_ext *s, const struct btf *btf)
{
	const struct {
		const char *path;
		struct layout_place *place;
	} members[] = {
		{ "kind", &s->kind }, { "exit_code", &s->code }, { "reason", &s->reason },
		{ "msg", &s->msg }, { "dump", &s->dump },
	};
	struct err e = ERR_INIT;
	uint32_t type;
	int r = layout_type(btf, "scx_exit_info", &type, &e);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (r < 0)
			layout_absent(members[i].place, &e);
		else
			(void)layout_place(btf, type, members[i].path, members[i].place);
	}
}

static void find_values(struct sched_ext *s, const struct btf *btf)
{
	for (int i = 0; i < SCHED_EXT_STATE_COUNT; i++)
		if (layout_enum(btf, states[i].symbol, &s->state[i], NULL) < 0 &&
		    layout_enum(btf, states[i].old_symbol, &s->state[i], NULL) < 0)
			s->state[i] = i;
	if (layout_enum(btf, "SCX_EXIT_UNREG", &s->user, NULL) < 0)
		s->user = KIND_UNREG;
	if (layout_enum(btf, "SCX_EXIT_ERROR", &s->error, NULL) < 0)
		s->error = KIND_ERROR;
}

int sched_ext_create(const struct kindex *k, struct sched_ext **ret, struct err *e)
{
	struct sched_ext *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(e, -ENOMEM, "monitor");
	*ret = s;
	s->index = k;
	scx_place_find(k, rows, ARRAY_SIZE(rows), s->thing);
	/* a kernel without sched_ext has not even the symbols: its types need no search */
	if (!s->thing[THING_INFO].at.has) {
		s->kind = s->thing[THING_INFO].at;
		return 0;
	}
	find_values(s, kindex_btf(k));
	find_exit_members(s, kindex_btf(k));
	return 0;
}

void sched_ext_destroy(struct sched_ext *s)
{
	free(s);
}

/* What a user may want to know of. */
static const struct {
	const char *name;
	size_t offset;			/* of its place in struct sched_ext */
} parts[] = {
	{ "scx_state", offsetof(struct sched_ext, thing[THING_STATE].at) },
	{ "scx_exit", offsetof(struct sched_ext, kind) },
	{ "scx_exit code", offsetof(struct sched_ext, code) },
	{ "scx_exit reason", offsetof(struct sched_ext, reason) },
	{ "scx_exit msg", offsetof(struct sched_ext, msg) },
	{ "scx_exit dump", offsetof(struct sched_ext, dump) },
	{ "scx_watchdog", offsetof(struct sched_ext, thing[THING_TIMEOUT].at) },
};

static const struct layout_place *part(const struct sched_ext *s, size_t i)
{
	return (const void *)((const char *)s + parts[i].offset);
}

void sched_ext_available(const struct sched_ext *s, void (*fn)(const char *what, void *arg),
			 void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (part(s, i)->has)
			fn(parts[i].name, arg);
}

void sched_ext_absent(const struct sched_ext *s,
		      void (*fn)(const char *what, const char *why, void *arg), void *arg)
{
	/* without an exit its members need no lines of their own */
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!part(s, i)->has && *part(s, i)->why)
			fn(parts[i].name, part(s, i)->why, arg);
}

/* --- numbers ------------------------------------------------------------------ */

int sched_ext_get(const struct sched_ext *s, const struct monitor *m, enum sched_ext_thing t,
		  uint64_t *ret)
{
	uint64_t kva;
	int r = scx_place_now(&s->thing[t], m, &kva);

	return r < 0 ? r : monitor_uint(m, kva, s->thing[t].at.field.size, ret);
}

int sched_ext_read_state(const struct sched_ext *s, const struct monitor *m,
			 enum sched_ext_state *ret)
{
	uint64_t v;
	int r = sched_ext_get(s, m, THING_STATE, &v);

	if (r < 0)
		return r;
	for (int i = 0; i < SCHED_EXT_STATE_COUNT; i++) {
		if ((int64_t)v == s->state[i]) {
			*ret = (enum sched_ext_state)i;
			return 0;
		}
	}
	return -ENODATA;
}

/* --- an exit --------------------------------------------------------------------- */

/* Text at kva up to its NUL, at most max bytes; page by page, for the rest may not be mapped. */
static size_t read_text(const struct monitor *m, uint64_t kva, char *text, size_t max)
{
	size_t n = 0, len;

	while (n < max) {
		size_t part = MIN(max - n, (size_t)(4096 - (kva + n) % 4096));

		if (monitor_read(m, kva + n, text + n, part) < 0)
			break;
		len = strnlen(text + n, part);
		n += len;
		if (len < part)
			break;
	}
	text[n] = '\0';
	text_clean(text, n);
	return n;
}

/* What a member points to; "" when it cannot be read. size: of text, with its NUL. */
static void read_string(const struct monitor *m, uint64_t info, const struct layout_place *p,
			char *text, size_t size)
{
	uint64_t kva;

	text[0] = '\0';
	if (p->has && monitor_field(m, info, &p->field, &kva) == 0 && kva)
		read_text(m, kva, text, size - 1);
}

static void read_ops(const struct sched_ext *s, const struct monitor *m, char *name)
{
	uint64_t kva;

	name[0] = '\0';
	if (scx_place_now(&s->thing[THING_NAME], m, &kva) == 0)
		read_text(m, kva, name, MIN(s->thing[THING_NAME].at.field.size,
					    (uint32_t)SCHED_EXT_NAME_MAX - 1));
}

static int read_dump(const struct sched_ext *s, const struct monitor *m, struct sched_ext_exit *x)
{
	uint64_t kva, room = 0;
	char *text;

	if (!s->dump.has || monitor_field(m, x->info_kva, &s->dump.field, &kva) < 0 || !kva)
		return 0;
	(void)sched_ext_get(s, m, THING_DUMP_LEN, &room);
	room = MIN(room ? room : SCHED_EXT_DUMP_DEFAULT, (uint64_t)SCHED_EXT_DUMP_MAX);
	text = malloc(room + 1);
	if (!text)
		return -ENOMEM;
	x->dump_bytes = read_text(m, kva, text, room);
	x->dump = x->dump_bytes ? text : NULL;
	if (!x->dump)
		free(text);
	return 0;
}

/* The enumerator of this value in enum scx_exit_kind. */
static void name_kind(const struct btf *btf, struct sched_ext_exit *x)
{
	int id = btf__find_by_name_kind(btf, "scx_exit_kind", BTF_KIND_ENUM);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	const char *name = t ? layout_enum_name(btf, t, x->kind) : NULL;

	if (name)
		text_clean_copy(x->kind_name, sizeof(x->kind_name), name);
}

/* The exit that is there now: where, and its kind. */
static int find_exit(const struct sched_ext *s, const struct monitor *m, uint64_t *ret_info,
		     uint64_t *ret_kind)
{
	int r = sched_ext_get(s, m, THING_INFO, ret_info);

	if (r < 0)
		return r;
	if (!*ret_info)
		return -EAGAIN;
	if (!s->kind.has)
		return -ENOENT;
	r = monitor_field(m, *ret_info, &s->kind.field, ret_kind);
	/* SCX_EXIT_NONE, and SCX_EXIT_DONE, which is no reason */
	return r < 0 ? r : *ret_kind < (uint64_t)s->user ? -EAGAIN : 0;
}

int sched_ext_read_exit(const struct sched_ext *s, const struct monitor *m,
			struct sched_ext_exit *ret)
{
	enum sched_ext_state state = SCHED_EXT_DISABLED;
	uint64_t info, kind, info_now, kind_now, code;
	struct sched_ext_exit x;
	int r = find_exit(s, m, &info, &kind);

	if (r < 0)
		return r;
	/* before the text is read: who sees DISABLING here finds the dump whole */
	(void)sched_ext_read_state(s, m, &state);
	x = (struct sched_ext_exit){
		.info_kva = info, .kind = (uint32_t)kind,
		.is_error = (int64_t)kind >= s->error,
		.complete = state == SCHED_EXT_DISABLING,
	};
	x.has_code = s->code.has && monitor_field(m, info, &s->code.field, &code) == 0;
	x.code = x.has_code ? (int64_t)code : 0;
	read_ops(s, m, x.ops);
	read_string(m, info, &s->reason, x.reason, sizeof(x.reason));
	read_string(m, info, &s->msg, x.msg, sizeof(x.msg));
	r = read_dump(s, m, &x);
	if (r == 0 && (find_exit(s, m, &info_now, &kind_now) < 0 || info_now != info ||
		       kind_now != kind))
		r = -ESTALE;
	if (r < 0) {
		sched_ext_exit_fini(&x);
		return r;
	}
	name_kind(kindex_btf(s->index), &x);
	*ret = x;
	return 0;
}

void sched_ext_exit_fini(struct sched_ext_exit *x)
{
	free(x->dump);
	*x = (struct sched_ext_exit){ 0 };
}

void sched_ext_exit_text(const struct sched_ext_exit *x, char *text, size_t size)
{
	const char *reason = *x->reason ? x->reason : x->kind_name;

	if (*reason)
		snprintf(text, size, "%s%s%s", reason, *x->msg ? ": " : "", x->msg);
	else
		snprintf(text, size, "kind %u%s%s", x->kind, *x->msg ? ": " : "", x->msg);
	text_clean(text, size);		/* the cut may go through a character */
}
