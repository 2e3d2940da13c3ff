/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program's list of tests as values: read from and written to JSON, and the
 * machine that a selection needs. Running the program is testlist_exec.c's.
 */
#include "loop/testlist.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/text.h"
#include "base/util.h"
#include "ktstr/ktstr.h"
#include "loop/config.h"
#include "shmring/wire.h"
#include "vcpu/topo.h"

#define NAME_MAX_BYTES 200
#define VERSION_MAX_BYTES 64

/* The members of an entry, by what they are. */
static const struct text_member {
	const char *key;
	size_t offset;
} text_members[] = {
	{ "name", offsetof(struct testlist_entry, name) },
	{ "about", offsetof(struct testlist_entry, about) },
	{ "tags", offsetof(struct testlist_entry, tags) },
};

static const struct number_member {
	const char *key;
	size_t offset;
} number_members[] = {
	{ "numa_nodes", offsetof(struct testlist_entry, numa_nodes) },
	{ "llcs", offsetof(struct testlist_entry, llcs) },
	{ "cores", offsetof(struct testlist_entry, cores) },
	{ "threads", offsetof(struct testlist_entry, threads) },
	{ "memory_mib", offsetof(struct testlist_entry, memory_mib) },
	{ "timeout_ms", offsetof(struct testlist_entry, timeout_ms) },
	{ "duration_ms", offsetof(struct testlist_entry, duration_ms) },
};

static int parse_text(struct json_object *o, const struct text_member *m,
		      struct testlist_entry *t, struct err *e)
{
	struct json_object *v;
	char **s = (char **)((char *)t + m->offset);

	if (!json_object_object_get_ex(o, m->key, &v) || !v)
		return 0;
	if (!json_object_is_type(v, json_type_string))
		return err_set(e, -EINVAL, "%s is not a string", m->key);
	*s = strdup(json_object_get_string(v));
	return *s ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int parse_number(struct json_object *o, const struct number_member *m,
			struct testlist_entry *t, struct err *e)
{
	struct json_object *v;
	int64_t n;

	if (!json_object_object_get_ex(o, m->key, &v) || !v)
		return 0;
	n = json_object_get_int64(v);
	if (!json_object_is_type(v, json_type_int) || n < 0 || n > INT_MAX)
		return err_set(e, -EINVAL, "%s is not a number from 0 to %d", m->key, INT_MAX);
	*(unsigned *)((char *)t + m->offset) = (unsigned)n;
	return 0;
}

static void entry_fini(struct testlist_entry *t)
{
	free(t->name);
	free(t->about);
	free(t->tags);
}

static int parse_members(struct json_object *o, struct testlist_entry *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(text_members) && r >= 0; i++)
		r = parse_text(o, &text_members[i], t, e);
	for (size_t i = 0; i < ARRAY_SIZE(number_members) && r >= 0; i++)
		r = parse_number(o, &number_members[i], t, e);
	if (r < 0)
		return r;
	if (!t->name || !*t->name || strlen(t->name) > NAME_MAX_BYTES)
		return err_set(e, -EINVAL, "name is missing, empty or longer than %d bytes",
			       NAME_MAX_BYTES);
	return 0;
}

static int parse_tests(struct json_object *doc, struct testlist *l, struct err *e)
{
	struct json_object *tests;
	size_t count;

	if (!json_object_object_get_ex(doc, "tests", &tests) ||
	    !json_object_is_type(tests, json_type_array))
		return err_set(e, -EINVAL, "no array of tests");
	count = json_object_array_length(tests);
	if (count > TESTLIST_TESTS_MAX)
		return err_set(e, -E2BIG, "%zu tests, more than %d", count, TESTLIST_TESTS_MAX);
	l->entry = calloc(count ? count : 1, sizeof(*l->entry));
	if (!l->entry)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_array_get_idx(tests, i);
		int r;

		l->count = i + 1;	/* a half-read entry is freed as well */
		if (!json_object_is_type(o, json_type_object))
			return err_set(e, -EINVAL, "test %zu is not an object", i);
		r = parse_members(o, &l->entry[i], e);
		if (r < 0)
			return err_ctx(e, r, "test %zu", i);
	}
	return 0;
}

/* Before it was told. */
#define FIRST_WIRE 1

static int parse_version(struct json_object *doc, struct testlist *l, struct err *e)
{
	struct json_object *v;

	if (json_object_object_get_ex(doc, "version", &v) &&
	    json_object_is_type(v, json_type_string)) {
		l->version = text_clean_dup(json_object_get_string(v), VERSION_MAX_BYTES);
		if (!l->version)
			return err_set(e, -ENOMEM, "out of memory");
	}
	l->wire = json_object_object_get_ex(doc, "wire", &v) ? (unsigned)json_object_get_int(v) :
							       FIRST_WIRE;
	return 0;
}

static int parse_document(struct json_object *doc, struct testlist *l, struct err *e)
{
	struct json_object *schema;
	int r;

	if (!json_object_object_get_ex(doc, "schema", &schema) ||
	    !json_object_is_type(schema, json_type_string) ||
	    strcmp(json_object_get_string(schema), TESTLIST_SCHEMA))
		return err_set(e, -ENOEXEC, "not a list of tests (schema %s)", TESTLIST_SCHEMA);
	r = parse_version(doc, l, e);
	return r < 0 ? r : parse_tests(doc, l, e);
}

int testlist_parse(const char *json, struct testlist *ret, struct err *e)
{
	struct json_object *doc = json_tokener_parse(json);
	struct testlist l = { 0 };
	int r = parse_document(doc, &l, e);

	json_object_put(doc);
	if (r < 0)
		testlist_fini(&l);
	else
		*ret = l;
	return r;
}

void testlist_fini(struct testlist *l)
{
	for (size_t i = 0; i < l->count; i++)
		entry_fini(&l->entry[i]);
	free(l->entry);
	free(l->version);
	*l = (struct testlist){ 0 };
}

int testlist_check_wire(const struct testlist *l, const char *binary, struct err *e)
{
	if (l->wire == WIRE_VERSION)
		return 0;
	return err_set(e, -EPROTO, "%s has libktstr %s (wire %u), this is ktstr %s (wire %u), and "
		       "they do not understand each other: link it with this one, or start it as "
		       "%s run", binary, l->version ? l->version : "of an unknown version", l->wire,
		       ktstr_version(), WIRE_VERSION, binary);
}

const struct testlist_entry *testlist_find(const struct testlist *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->entry[i].name, name))
			return &l->entry[i];
	return NULL;
}

bool testlist_has_tag(const struct testlist_entry *t, const char *tag)
{
	size_t n = strlen(tag);

	for (const char *p = t->tags; p && *p; p += strcspn(p, ",")) {
		p += strspn(p, ", ");
		if (!strncmp(p, tag, n) && (!p[n] || p[n] == ',' || p[n] == ' '))
			return true;
	}
	return false;
}

static void grow(struct topo *topo, uint64_t *memory_bytes, const struct testlist_entry *t)
{
	topo->numa_nodes = MAX(topo->numa_nodes, t->numa_nodes);
	topo->llcs = MAX(topo->llcs, t->llcs);
	topo->cores_per_llc = MAX(topo->cores_per_llc, t->cores);
	topo->threads_per_core = MAX(topo->threads_per_core, t->threads);
	*memory_bytes = MAX(*memory_bytes, t->memory_mib * MIB);
}

static int no_such_test(const struct testlist *l, const char *name, struct err *e)
{
	struct nearest n = NEAREST_INIT(name);
	const char *hint;

	for (size_t i = 0; i < l->count; i++)
		nearest_offer(&n, l->entry[i].name);
	hint = nearest_get(&n);
	return err_set(e, -ENOENT, "no test named '%.100s'; %s%s%s", name,
		       hint ? "did you mean '" : "ktstr list shows them", hint ? hint : "",
		       hint ? "'?" : "");
}

int testlist_shape(const struct testlist *l, const struct strlist *names, struct topo *ret,
		   uint64_t *ret_memory_bytes, struct err *e)
{
	struct topo topo = TOPO_DEFAULT;
	uint64_t memory_bytes = 0, llcs;
	int r;

	for (size_t i = 0; i < names->count; i++) {
		const struct testlist_entry *t = testlist_find(l, names->item[i]);

		if (!t)
			return no_such_test(l, names->item[i], e);
		grow(&topo, &memory_bytes, t);
	}
	for (size_t i = 0; i < l->count && !names->count; i++)
		if (!testlist_has_tag(&l->entry[i], "manual"))
			grow(&topo, &memory_bytes, &l->entry[i]);
	llcs = ((uint64_t)topo.llcs + topo.numa_nodes - 1) / topo.numa_nodes * topo.numa_nodes;
	topo.llcs = (unsigned)MIN(llcs, (uint64_t)UINT_MAX);
	r = topo_check(&topo, e);
	if (r < 0)
		return err_ctx(e, r, "the machine that the tests ask for");
	*ret = topo;
	*ret_memory_bytes = memory_bytes;
	return 0;
}

struct json_object *testlist_entry_to_json(const struct testlist_entry *t)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(text_members); i++) {
		const char *s = *(char *const *)((const char *)t + text_members[i].offset);

		if (s && json_object_object_add(o, text_members[i].key, json_object_new_string(s)))
			goto fail;
	}
	for (size_t i = 0; i < ARRAY_SIZE(number_members); i++) {
		unsigned v = *(const unsigned *)((const char *)t + number_members[i].offset);

		if (v && json_object_object_add(o, number_members[i].key,
						json_object_new_int64(v)))
			goto fail;
	}
	return o;
fail:
	json_object_put(o);
	return NULL;
}
