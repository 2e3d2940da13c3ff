/* SPDX-License-Identifier: GPL-2.0-only */
/* Shapes from text: the four numbers, and the parts behind them. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/units.h"
#include "base/util.h"
#include "vcpu/topo.h"

enum { FIELDS = 4 };

/* A part, or a row of distances: 64 numbers of three digits. */
#define PART_MAX (TOPO_NODES_MAX * TOPO_NODES_MAX * 4 + 16)

/* --- the four numbers ------------------------------------------------------ */

/* Digits only; a number that does not fit becomes UINT_MAX, which no rule allows. */
static const char *parse_number(const char *s, unsigned *ret)
{
	unsigned v = 0;

	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++) {
		unsigned digit = (unsigned)(*s - '0');

		v = v > (UINT_MAX - digit) / 10 ? UINT_MAX : v * 10 + digit;
	}
	*ret = v;
	return s;
}

/* Four numbers, each followed by its separator ('\0' ends the text). */
static bool parse_as(const char *s, const char separators[FIELDS], unsigned value[FIELDS])
{
	for (unsigned i = 0; i < FIELDS; i++) {
		s = parse_number(s, &value[i]);
		if (!s || *s != separators[i])
			return false;
		if (*s)
			s++;
	}
	return !*s;
}

static int parse_base(const char *s, struct topo *ret, struct err *e)
{
	static const char commas[FIELDS] = { ',', ',', ',', '\0' };
	static const char letters[FIELDS] = { 'n', 'l', 'c', 't' };
	struct nearest near = NEAREST_INIT(s);
	unsigned v[FIELDS];
	const char *hint;
	size_t count;

	if (parse_as(s, commas, v) || parse_as(s, letters, v)) {
		*ret = (struct topo)TOPO(v[0], v[1], v[2], v[3]);
		return 0;
	}
	for (const struct topo_preset *p = topo_presets(&count); count--; p++)
		nearest_offer(&near, p->name);
	hint = nearest_get(&near);
	return err_set(e, -EINVAL, "topology \"%.60s\": want nodes,LLCs,cores,threads as in "
		       "1,2,4,2 or 1n2l4c2t, or a name of 'ktstr list --topologies'%s%s%s", s,
		       hint ? "; did you mean '" : "", hint ? hint : "", hint ? "'?" : "");
}

/* --- a node ---------------------------------------------------------------- */

static int parse_size(const char *s, uint64_t *ret, struct err *e)
{
	uint64_t v;

	if (units_parse_size(s, &v) < 0 || v > TOPO_MEMORY_MAX)
		return err_set(e, -EINVAL, "takes a size like 512M, up to 1024T");
	*ret = v;
	return 0;
}

static int parse_llcs(const char *s, struct topo_node *n, struct err *e)
{
	uint64_t v;

	if (units_parse_uint(s, TOPO_CPUS_MAX, &v) < 0)
		return err_set(e, -EINVAL, "takes a number up to %u", TOPO_CPUS_MAX);
	n->has_llcs = true;
	n->llcs = (unsigned)v;
	return 0;
}

/* Rounded up to what a region of guest memory can be (mm/mm.h), as --memory is. */
static int parse_memory(const char *s, struct topo_node *n, struct err *e)
{
	int r = parse_size(s, &n->memory_bytes, e);

	n->has_memory = true;
	n->memory_bytes = round_up(n->memory_bytes, TOPO_MEMORY_UNIT);
	return r;
}

static int parse_latency(const char *s, struct topo_node *n, struct err *e)
{
	uint64_t v;

	if (units_parse_duration(s, &v) < 0 || v < 1 || v > TOPO_LATENCY_MAX_NS)
		return err_set(e, -EINVAL, "takes a duration like 100ns, 1ns to 1ms");
	n->latency_ns = (unsigned)v;
	return 0;
}

static int parse_bandwidth(const char *s, struct topo_node *n, struct err *e)
{
	uint64_t v;

	if (units_parse_size(s, &v) < 0 || v < MIB || v / MIB > TOPO_BANDWIDTH_MAX_MBS)
		return err_set(e, -EINVAL, "takes bytes a second like 50G, 1M or more");
	n->bandwidth_mbs = (unsigned)(v / MIB);
	return 0;
}

/* "1G", "1G:direct", "1G:direct:wb", "1G:direct:wb:64" */
static int parse_cache(const char *s, struct topo_node *n, struct err *e)
{
	struct topo_cache c = { .assoc = TOPO_ASSOC_DIRECT, .write = TOPO_WRITE_BACK,
				.line_bytes = 64 };
	char text[64], *rest = text, *size, *assoc, *policy, *line;
	uint64_t v = 64;
	int r;

	snprintf(text, sizeof(text), "%s", s);
	size = strsep(&rest, ":");
	assoc = strsep(&rest, ":");
	policy = strsep(&rest, ":");
	line = strsep(&rest, ":");
	r = parse_size(size, &c.size_bytes, e);
	if (r < 0)
		return r;
	if (assoc)
		c.assoc = topo_assoc_find(assoc);
	if (policy)
		c.write = topo_write_find(policy);
	if (c.assoc == TOPO_ASSOC_COUNT || c.write == TOPO_WRITE_COUNT || rest || !c.size_bytes)
		return err_set(e, -EINVAL, "takes SIZE[:none|direct|complex[:none|wb|wt[:LINE]]]");
	if (line && (units_parse_uint(line, UINT16_MAX, &v) < 0 || !v))
		return err_set(e, -EINVAL, "a line is of 1 to %u bytes", UINT16_MAX);
	c.line_bytes = (unsigned)v;
	n->cache = c;
	return 0;
}

static const struct {
	const char *key;
	int (*parse)(const char *s, struct topo_node *n, struct err *e);
} node_keys[] = {
	{ "llcs", parse_llcs },
	{ "mem", parse_memory },
	{ "latency", parse_latency },
	{ "bandwidth", parse_bandwidth },
	{ "cache", parse_cache },
};

/* A bit of *said for each key that was there. */
static int parse_node_key(char *pair, struct topo_node *n, unsigned *said, struct err *e)
{
	char *value = strchr(pair, '=');
	int r;

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(node_keys); i++) {
		if (strcmp(pair, node_keys[i].key))
			continue;
		if (*said & 1u << i)
			return err_set(e, -EINVAL, "%s= is said twice", pair);
		*said |= 1u << i;
		r = node_keys[i].parse(value ? value : "", n, e);
		return r < 0 ? err_ctx(e, r, "%s=%.40s", pair, value ? value : "") : 0;
	}
	return err_set(e, -EINVAL, "\"%.40s\": takes llcs=, mem=, latency=, bandwidth= and cache=",
		       pair);
}

static int add_node(struct topo *t, const char *value, struct err *e)
{
	struct topo_node n = { 0 };
	char text[256], *rest = text, *pair;
	unsigned said = 0;

	if (t->described == TOPO_NODES_MAX)
		return err_set(e, -EINVAL, "more than %u NUMA nodes", TOPO_NODES_MAX);
	if ((size_t)snprintf(text, sizeof(text), "%s", value) >= sizeof(text))
		return err_set(e, -EINVAL, "too long");
	/* nothing said: a node like any other */
	while (*value && (pair = strsep(&rest, ","))) {
		int r = parse_node_key(pair, &n, &said, e);

		if (r < 0)
			return r;
	}
	t->node[t->described++] = n;
	return 0;
}

/* --- the other parts ------------------------------------------------------- */

/* Rows by semicolons, numbers by commas. As many rows as numbers in each. */
static int set_distances(struct topo *t, const char *s, struct err *e)
{
	unsigned rows = 0, columns = 0, i = 0, v;

	memset(t->distance, 0, sizeof(t->distance));
	for (;; s++) {
		s = parse_number(s, &v);
		if (!s || (*s && *s != ',' && *s != ';'))
			return err_set(e, -EINVAL, "takes rows of numbers like 10,20;20,10");
		if (i == TOPO_NODES_MAX || rows == TOPO_NODES_MAX)
			return err_set(e, -EINVAL, "distances of more than %u NUMA nodes",
				       TOPO_NODES_MAX);
		if (v > UINT8_MAX)
			return err_set(e, -EINVAL, "distance of NUMA nodes %u and %u is %u, must "
				       "be at most %u", rows, i, v, TOPO_DISTANCE_MAX);
		t->distance[rows][i++] = (uint8_t)v;
		if (*s == ',')
			continue;
		if (rows && i != columns)
			return err_set(e, -EINVAL, "row %u has %u distances, row 0 has %u", rows, i,
				       columns);
		columns = i;
		rows++;
		i = 0;
		if (!*s)
			break;
	}
	if (rows != columns)
		return err_set(e, -EINVAL, "%u rows of %u distances, must be a square", rows,
			       columns);
	t->distances = rows;
	return 0;
}

static int set_package(struct topo *t, const char *value, struct err *e)
{
	enum topo_package i = topo_package_find(value);
	unsigned nodes = 0;
	const char *unit = parse_number(value, &nodes);

	/* "2nodes" */
	if (unit && !strcmp(unit, "nodes") && nodes && nodes <= TOPO_NODES_MAX)
		i = TOPO_PACKAGE_NODE;
	if (i == TOPO_PACKAGE_COUNT)
		return err_set(e, -EINVAL, "takes llc, node, all, or a number of nodes (2nodes)");
	t->package = i;
	t->nodes_per_package = nodes > 1 ? nodes : 0;
	return 0;
}

static int set_possible(struct topo *t, const char *value, struct err *e)
{
	uint64_t v;

	if (units_parse_uint(value, TOPO_CPUS_MAX, &v) < 0 || !v)
		return err_set(e, -EINVAL, "takes a number of CPUs, 1 to %u", TOPO_CPUS_MAX);
	t->possible = (unsigned)v;
	return 0;
}

static int set_offline(struct topo *t, const char *value, struct err *e)
{
	if (cpulist_parse(value, TOPO_CPUS_MAX, &t->offline) < 0)
		return err_set(e, -EINVAL, "takes CPU numbers below %u like 1,4-7", TOPO_CPUS_MAX);
	return 0;
}

static int set_no_srat(struct topo *t, const char *value, struct err *e)
{
	if (*value)
		return err_set(e, -EINVAL, "takes no value");
	t->no_srat = true;
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct topo *t, const char *value, struct err *e);
} parts[] = {
	{ "node", add_node },
	{ "distances", set_distances },
	{ "package", set_package },
	{ "possible", set_possible },
	{ "offline", set_offline },
	{ "no-srat", set_no_srat },
};

int topo_parse_part(struct topo *t, const char *part, const char *value, struct err *e)
{
	struct nearest near = NEAREST_INIT(part);
	const char *hint;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!strcmp(part, parts[i].name))
			return parts[i].set(t, value, e);
		nearest_offer(&near, parts[i].name);
	}
	hint = nearest_get(&near);
	return err_set(e, -EINVAL, "no such part, there are node, distances, package, possible, "
		       "offline and no-srat%s%s%s", hint ? "; did you mean '" : "", hint ? hint : "",
		       hint ? "'?" : "");
}

/* s up to the next slash into text, which has room for PART_MAX; behind it, or NULL at the end. */
static const char *cut(const char *s, char *text, struct err *e)
{
	size_t n = strcspn(s, "/");

	text[0] = '\0';
	if (n >= PART_MAX) {
		err_set(e, -EINVAL, "topology \"%.60s...\": too long", s);
		return NULL;
	}
	memcpy(text, s, n);
	text[n] = '\0';
	return s + n;
}

static int parse_parts(const char *s, struct topo *t, struct err *e)
{
	char text[PART_MAX], *value;

	while (*s == '/') {
		int r;

		s = cut(s + 1, text, e);
		if (!s)
			return -EINVAL;
		value = strchr(text, ':');
		if (value)
			*value++ = '\0';
		r = topo_parse_part(t, text, value ? value : "", e);
		if (r < 0)
			return err_ctx(e, r, "topology: part \"%.40s%s%.60s\"", text,
				       value ? ":" : "", value ? value : "");
	}
	return 0;
}

static int parse_into(const char *s, struct topo *t, struct err *e)
{
	char text[PART_MAX];
	const char *rest = cut(s, text, e);
	const struct topo_preset *preset;
	int r;

	if (!rest)
		return -EINVAL;
	preset = topo_preset_find(text);
	/* a preset is four numbers and parts, never another preset's name */
	r = preset ? parse_into(preset->shape, t, e) : parse_base(text, t, e);
	return r < 0 ? r : parse_parts(rest, t, e);
}

int topo_parse_unchecked(const char *s, struct topo *ret, struct err *e)
{
	struct topo t = { 0 };
	int r = parse_into(s, &t, e);

	if (r == 0)
		r = topo_check_numbers(&t, e);
	if (r == 0)
		*ret = t;
	return r;
}

int topo_parse(const char *s, struct topo *ret, struct err *e)
{
	struct topo t;
	int r = topo_parse_unchecked(s, &t, e);

	if (r == 0)
		r = topo_check(&t, e);
	if (r == 0)
		*ret = t;
	return r;
}
