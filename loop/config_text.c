/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A struct config as text again: arguments, JSON. Every value is written in a
 * form that config_set() takes and that gives the same value.
 */
#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "loop/config.h"
#include "loop/config_priv.h"

/* --- one formatter per type: false when there is no value ------------------ */

struct unit {
	const char *name;
	uint64_t factor;
};

/* With the largest unit that leaves no fraction; the last unit's factor is 1. */
static bool format_number(uint64_t v, const struct unit *units, struct buf *out)
{
	const struct unit *u = units;

	if (!v)
		return false;
	while (v % u->factor)
		u++;
	buf_fmt(out, "%llu%s", (unsigned long long)(v / u->factor), u->name);
	return true;
}

static bool format_string(const void *field, struct buf *out)
{
	const char *s = *(char *const *)field;

	if (s)
		buf_str(out, s);
	return s != NULL;
}

static bool format_flag(const void *field, struct buf *out)
{
	buf_str(out, *(const bool *)field ? "1" : "0");
	return true;
}

static bool format_size(const void *field, struct buf *out)
{
	static const struct unit units[] = {
		{ "G", GIB }, { "M", MIB }, { "K", KIB }, { "", 1 },
	};

	return format_number(*(const uint64_t *)field, units, out);
}

static bool format_duration(const void *field, struct buf *out)
{
	static const struct unit units[] = {
		{ "s", NSEC_PER_SEC }, { "ms", NSEC_PER_MSEC }, { "us", 1000 }, { "ns", 1 },
	};

	return format_number(*(const uint64_t *)field, units, out);
}

static bool format_topology(const void *field, struct buf *out)
{
	topo_format_whole(field, out);
	return true;
}

static bool format_accel(const void *field, struct buf *out)
{
	buf_str(out, accel_name(*(const enum accel *)field));
	return true;
}

static bool format_irqchip(const void *field, struct buf *out)
{
	buf_str(out, vm_irqchip_name(*(const enum vm_irqchip *)field));
	return true;
}

static bool (*const formatters[])(const void *field, struct buf *out) = {
	[OPTION_STRING] = format_string,
	[OPTION_LIST] = NULL,		/* has many values: see each_item() */
	[OPTION_WORDS] = NULL,
	[OPTION_FLAG] = format_flag,
	[OPTION_SIZE] = format_size,
	[OPTION_DURATION] = format_duration,
	[OPTION_TOPOLOGY] = format_topology,
	[OPTION_ACCEL] = format_accel,
	[OPTION_IRQCHIP] = format_irqchip,
};
static_assert(ARRAY_SIZE(formatters) == OPTION_TYPE_COUNT, "a formatter for every type");

/* The caller's to free; NULL in *ret when there is no value. */
static int format_row(const struct config *c, const struct option_row *row, char **ret)
{
	struct buf text = BUF_INIT;
	bool has = formatters[row->type]((const char *)c + row->offset, &text);

	*ret = has ? buf_take(&text) : NULL;
	buf_fini(&text);
	return has && !*ret ? -ENOMEM : 0;
}

int config_range_error(const struct config *c, const char *name, const char *range,
		       struct err *e)
{
	_cleanup_free_ char *value = NULL;

	/* without memory the rest is said */
	(void)format_row(c, config_option_find(name), &value);
	return err_set(e, -EINVAL, "--%s %s: takes %s", name, value ? value : "?", range);
}

/* --- all of them ------------------------------------------------------------ */

struct walk {
	const struct config *config;
	const struct config *defaults;
	int (*fn)(const struct option_row *row, const char *value, void *arg);
	void *arg;
};

static int each_item(const struct walk *w, const struct option_row *row)
{
	const struct strlist *l = (const void *)((const char *)w->config + row->offset);

	for (size_t i = 0; i < l->count; i++) {
		int r = w->fn(row, l->item[i], w->arg);

		if (r < 0)
			return r;
	}
	return 0;
}

static int each_row(const struct walk *w, const struct option_row *row)
{
	_cleanup_free_ char *value = NULL, *def = NULL;
	int r;

	if (config_is_list(row))
		return each_item(w, row);
	r = format_row(w->config, row, &value);
	if (r < 0 || !value)
		return r;
	r = format_row(w->defaults, row, &def);
	if (r < 0)
		return r;
	if (!config_is_given(w->config, row) && def && !strcmp(value, def))
		return 0;
	return w->fn(row, value, w->arg);
}

int config_each(const struct config *c,
		int (*fn)(const struct option_row *row, const char *value, void *arg), void *arg)
{
	struct config defaults;
	struct walk w = { .config = c, .defaults = &defaults, .fn = fn, .arg = arg };
	size_t count;
	const struct option_row *rows = config_options(&count);
	int r = config_init(&defaults);

	for (size_t i = 0; i < count && r >= 0; i++)
		r = each_row(&w, &rows[i]);
	config_fini(&defaults);
	return r < 0 ? r : 0;
}

static int add_flag(struct strlist *args, const char *name, bool on)
{
	char text[CONFIG_VARIABLE_MAX];

	if (on)
		snprintf(text, sizeof(text), "--%s", name);
	else if (!strncmp(name, "no-", 3))
		snprintf(text, sizeof(text), "--%s", name + 3);
	else
		snprintf(text, sizeof(text), "--no-%s", name);
	return strlist_add(args, text);
}

int config_arg(const struct option_row *row, const char *value, struct strlist *args)
{
	struct buf text = BUF_INIT;
	_cleanup_free_ char *joined = NULL;

	if (row->type == OPTION_FLAG)
		return add_flag(args, row->name, value[0] == '1');
	/* one word, so that a value may begin with a dash */
	buf_fmt(&text, "--%s=%s", row->name, value);
	joined = buf_take(&text);
	return joined ? strlist_add(args, joined) : -ENOMEM;
}

static int add_inner(const struct option_row *row, const char *value, void *arg)
{
	return row->inner && !row->positional ? config_arg(row, value, arg) : 0;
}

int config_to_args(const struct config *c, struct strlist *args)
{
	return config_each(c, add_inner, args);
}

static struct json_object *list_to_json(const struct strlist *l)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < l->count; i++)
		json_object_array_add(array, json_object_new_string(l->item[i]));
	return array;
}

/* False: no memory. *ret NULL is JSON's null. */
static bool row_to_json(const struct config *c, const struct option_row *row,
			struct json_object **ret)
{
	const char *field = (const char *)c + row->offset;
	_cleanup_free_ char *text = NULL;

	*ret = NULL;
	if (config_is_list(row)) {
		*ret = list_to_json((const void *)field);
		return *ret;
	}
	if (row->type == OPTION_FLAG) {
		*ret = json_object_new_boolean(*(const bool *)field);
		return *ret;
	}
	if (format_row(c, row, &text) < 0)
		return false;
	if (!text)
		return true;
	*ret = json_object_new_string(text);
	return *ret;
}

struct json_object *config_to_json(const struct config *c)
{
	struct json_object *o = json_object_new_object();
	size_t count;
	const struct option_row *rows = config_options(&count);

	if (!o || json_object_object_add(o, "schema", json_object_new_string("ktstr.config/1")))
		goto fail;
	for (size_t i = 0; i < count; i++) {
		struct json_object *value;

		if (!row_to_json(c, &rows[i], &value))
			goto fail;
		if (json_object_object_add(o, rows[i].name, value)) {
			json_object_put(value);
			goto fail;
		}
	}
	return o;
fail:
	json_object_put(o);
	return NULL;
}
