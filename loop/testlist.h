/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_TESTLIST_H
#define KTSTR_LOOP_TESTLIST_H
/*
 * The tests of a program: asked from the program itself by running
 * "BINARY list --json" (schema ktstr.list/1), so that there is one way, also
 * for the program that runs. And what a selection of them needs of a machine, and
 * whether guests of the program are understood here.
 *
 * Thread: any; testlist_load() blocks for up to TESTLIST_TIMEOUT_MS.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct json_object;
struct strlist;
struct topo;

#define TESTLIST_TIMEOUT_MS 10000
#define TESTLIST_BYTES_MAX (1u << 20)
#define TESTLIST_TESTS_MAX 4096
#define TESTLIST_SCHEMA "ktstr.list/1"

struct testlist_entry {
	char *name;
	char *about;			/* NULL: none */
	char *tags;			/* NULL: none; words, comma separated */
	unsigned numa_nodes;		/* 0: does not matter; so for all below */
	unsigned llcs;
	unsigned cores;
	unsigned threads;
	unsigned memory_mib;
	unsigned timeout_ms;
	unsigned duration_ms;
};

struct testlist {
	struct testlist_entry *entry;
	size_t count;
	char *version;			/* of the program's libktstr; NULL: it does not tell */
	unsigned wire;			/* its WIRE_VERSION */
};

/*
 * Run binary (NULL: the program that runs) and take its list; where that is of another
 * wire and does not tell a version, "BINARY version --json" is asked. Errors: what exec says,
 * -ETIMEDOUT, -E2BIG, -ENOEXEC when it is no ktstr program, or -ELOOP when the program
 * that runs was itself asked so.
 */
int testlist_load(const char *binary, struct testlist *ret, struct err *e);
/* The same from the document itself. */
int testlist_parse(const char *json, struct testlist *ret, struct err *e);
/*
 * Can the program be the guest of this host? -EPROTO: it was built with a libktstr that
 * speaks another wire; *e names both versions.
 */
int testlist_check_wire(const struct testlist *l, const char *binary, struct err *e);
void testlist_fini(struct testlist *l);

const struct testlist_entry *testlist_find(const struct testlist *l, const char *name);
/* Is tag one of the words of the entry's tags? */
bool testlist_has_tag(const struct testlist_entry *t, const char *tag);

/*
 * The smallest machine that satisfies every test of names (empty: all but
 * those tagged "manual"): the element-wise maximum of what they ask for and
 * of the default topology, llcs rounded up to a multiple of numa_nodes.
 * *ret_memory_bytes is 0 when no test asks for memory. -ENOENT names the test
 * that does not exist, and the nearest that does.
 */
int testlist_shape(const struct testlist *l, const struct strlist *names, struct topo *ret,
		   uint64_t *ret_memory_bytes, struct err *e);

/* One entry as JSON: what is not set is absent. A new object; NULL: no memory. */
struct json_object *testlist_entry_to_json(const struct testlist_entry *t);

#endif
