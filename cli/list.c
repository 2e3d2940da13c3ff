/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr list: the tests of a program, with the machine and the tags of each. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/tests.h"
#include "cli/report_get.h"
#include "ktstr/ktstr.h"
#include "ktstr/test.h"
#include "loop/testlist.h"
#include "shmring/wire.h"

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void take_entry(struct testlist_entry *t, const struct ktstr_test *test)
{
	struct ktstr_test known = { 0 };

	/* a program may have been built with a larger or smaller struct */
	memcpy(&known, test, MIN(test->size, sizeof(known)));
	*t = (struct testlist_entry){
		.name = dup_or_null(known.name),
		.about = dup_or_null(known.about),
		.tags = dup_or_null(known.tags),
		.numa_nodes = known.numa_nodes,
		.llcs = known.llcs,
		.cores = known.cores,
		.threads = known.threads,
		.memory_mib = known.memory_mib,
		.timeout_ms = known.timeout_ms,
		.duration_ms = known.duration_ms,
	};
}

static int own_tests(const struct cli *cli, struct testlist *ret, struct err *e)
{
	struct testlist l = { 0 };

	l.wire = WIRE_VERSION;
	l.version = strdup(ktstr_version());
	l.entry = calloc(cli->test_count + 1, sizeof(*l.entry));
	if (!l.entry || !l.version) {
		testlist_fini(&l);
		return err_set(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < cli->test_count; i++) {
		/* a linker or a sanitizer may leave gaps between the entries */
		if (!cli->tests[i])
			continue;
		take_entry(&l.entry[l.count], cli->tests[i]);
		l.count++;
		if (!l.entry[l.count - 1].name) {
			testlist_fini(&l);
			return err_set(e, -EINVAL, "test %zu has no name", i);
		}
	}
	*ret = l;
	return 0;
}

int cli_tests(const struct cli *cli, const char *binary, struct testlist *ret, struct err *e)
{
	return binary ? testlist_load(binary, ret, e) : own_tests(cli, ret, e);
}

/* The machine that this test alone needs; false when there is none such. */
static bool shape_of(const struct testlist_entry *t, char text[TOPO_TEXT_MAX])
{
	const struct testlist one = { .entry = (struct testlist_entry *)t, .count = 1 };
	struct strlist name = { .item = (char **)&t->name, .count = 1 };
	uint64_t memory_bytes;
	struct topo topo;

	if (testlist_shape(&one, &name, &topo, &memory_bytes, NULL) < 0)
		return false;
	topo_format(&topo, text);
	return true;
}

static int print_json(const struct testlist *l)
{
	struct json_object *doc = json_object_new_object(), *tests = json_object_new_array();
	char shape[TOPO_TEXT_MAX];

	json_object_object_add(doc, "schema", json_object_new_string(TESTLIST_SCHEMA));
	if (l->version)
		json_object_object_add(doc, "version", json_object_new_string(l->version));
	json_object_object_add(doc, "wire", json_object_new_int64(l->wire));
	json_object_object_add(doc, "tests", tests);
	for (size_t i = 0; i < l->count; i++) {
		struct json_object *o = testlist_entry_to_json(&l->entry[i]);

		if (o && shape_of(&l->entry[i], shape))
			json_object_object_add(o, "topology", json_object_new_string(shape));
		if (o)
			json_object_array_add(tests, o);
	}
	report_json(stdout, doc);
	json_object_put(doc);
	return 0;
}

static int print_text(const struct testlist *l)
{
	int width = 0;

	for (size_t i = 0; i < l->count; i++)
		width = MAX(width, (int)strnlen(l->entry[i].name, 40));
	for (size_t i = 0; i < l->count; i++) {
		const struct testlist_entry *t = &l->entry[i];
		char shape[TOPO_TEXT_MAX] = "?";

		(void)shape_of(t, shape);
		report_put_line(stdout, t->name);
		printf("%*s  %-10s", MAX(width - (int)strlen(t->name), 0), "", shape);
		if (t->tags && *t->tags) {
			fputs("  [", stdout);
			report_put_line(stdout, t->tags);
			fputc(']', stdout);
		}
		fputs(t->about ? "  " : "", stdout);
		report_put_line(stdout, t->about ? t->about : "");
		fputc('\n', stdout);
	}
	return 0;
}

/* The presets, with those that broke schedulers marked. */
static void print_topologies(void)
{
	size_t count;

	for (const struct topo_preset *p = topo_presets(&count); count--; p++)
		printf("%-20s  %s%s  %s\n", p->name, p->zoo ? "[zoo] " : "", p->shape, p->about);
}

static void print_topologies_json(void)
{
	struct json_object *doc = json_object_new_object(), *all = json_object_new_array();
	size_t count;

	for (const struct topo_preset *p = topo_presets(&count); count--; p++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "name", json_object_new_string(p->name));
		json_object_object_add(o, "shape", json_object_new_string(p->shape));
		json_object_object_add(o, "about", json_object_new_string(p->about));
		json_object_object_add(o, "zoo", json_object_new_boolean(p->zoo));
		json_object_array_add(all, o);
	}
	json_object_object_add(doc, "schema", json_object_new_string("ktstr.topologies/1"));
	json_object_object_add(doc, "topologies", all);
	report_json(stdout, doc);
	json_object_put(doc);
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	_cleanup_(testlist_fini) struct testlist l = { 0 };
	struct err e = ERR_INIT;

	if (options_parse(&o, &cli_list, argc, argv, &e) < 0 ||
	    options_check_words(&o, o.topologies ? 0 : 1, &e) < 0)
		return cli_usage_error("%s", err_text(&e));
	if (o.help) {
		help_command(stdout, &cli_list);
		return 0;
	}
	if (o.topologies) {
		(o.json ? print_topologies_json : print_topologies)();
		return 0;
	}
	if (cli_tests(cli, o.word_count ? o.word[0] : NULL, &l, &e) < 0)
		return cli_error("list: %s", err_text(&e));
	return o.json ? print_json(&l) : print_text(&l);
}

const struct cli_command cli_list = {
	.name = "list",
	.run = run,
	.args = "[TEST-BINARY]",
	.help = "list tests with their topology and tags",
	.more = "",
	.takes = CLI_TAKES_LIST,
};
