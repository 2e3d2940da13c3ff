/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr kernel: the kernels that a run can find. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "cli/cli.h"
#include "cli/kernel.h"
#include "cli/options.h"
#include "cli/report_get.h"

static void add(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *to_json(const struct kernel *k)
{
	struct json_object *o = json_object_new_object();

	add(o, "key", k->key);
	add(o, "release", k->release);
	add(o, "image", k->image);
	add(o, "bzimage", k->bzimage);
	add(o, "modules", k->modules);
	add(o, "system_map", k->system_map);
	add(o, "config", k->config);
	add(o, "source", k->source);
	add(o, "imported", k->imported);
	add(o, "found_by", k->why);
	json_object_object_add(o, "can_nest", json_object_new_boolean(kernel_can_nest(k)));
	return o;
}

static void print_json(struct json_object *o)
{
	report_json(stdout, o);
	json_object_put(o);
}

static void print_line(const struct kernel *k)
{
	report_put_line(stdout, k->key ? k->key : "-");
	fputs("  ", stdout);
	report_put_line(stdout, k->release ? k->release : "-");
	fputs("  ", stdout);
	report_put_line(stdout, k->image);
	puts(kernel_can_nest(k) ? "  can nest" : "");
}

static int list(const struct cli_options *o, const char *unused, struct err *e)
{
	struct json_object *doc = json_object_new_object(), *all = json_object_new_array();
	struct kernel *k = NULL;
	size_t n = 0;
	int r = kernel_list(&k, &n, e);

	(void)unused;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (o->json)
			json_object_array_add(all, to_json(&k[i]));
		else
			print_line(&k[i]);
		kernel_fini(&k[i]);
	}
	free(k);
	json_object_object_add(doc, "schema", json_object_new_string("ktstr.kernels/1"));
	json_object_object_add(doc, "kernels", all);
	if (r >= 0 && o->json)
		report_json(stdout, doc);
	json_object_put(doc);
	return r;
}

void cli_kernel_print(const struct cli_options *o, const struct kernel *k)
{
	if (o->json)
		print_json(to_json(k));
	else
		puts(k->key);
}

static int import(const struct cli_options *o, const char *unused, struct err *e)
{
	struct kernel k = { 0 };
	int r = kernel_import(o->word + 1, o->word_count - 1, &k, e);

	(void)unused;

	if (r < 0)
		return r;
	cli_kernel_print(o, &k);
	kernel_fini(&k);
	return 0;
}

static int path(const struct cli_options *o, const char *spec, struct err *e)
{
	struct kernel k = { 0 };
	int r = kernel_find(spec, &k, e);

	if (r < 0)
		return r;
	if (o->json)
		print_json(to_json(&k));
	else
		puts(k.image);
	kernel_fini(&k);
	return 0;
}

static int remove_one(const char *key, struct json_object *keys, struct err *e)
{
	int r = kernel_remove(key, e);

	if (r == 0)
		json_object_array_add(keys, json_object_new_string(key));
	return r;
}

static void print_keys(const struct cli_options *o, struct json_object *keys)
{
	struct json_object *document;

	if (o->json) {
		document = json_object_new_object();
		json_object_object_add(document, "schema",
				       json_object_new_string("ktstr.kernels-removed/1"));
		json_object_object_add(document, "keys", json_object_get(keys));
		print_json(document);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(keys); i++)
		puts(json_object_get_string(json_object_array_get_idx(keys, i)));
}

/* One entry, or "all". What was removed is told, also when the next one could not be. */
static int clean(const struct cli_options *o, const char *key, struct err *e)
{
	struct json_object *keys = json_object_new_array();
	struct kernel *k = NULL;
	size_t n = 0;
	int r = 0;

	if (strcmp(key, "all"))
		r = remove_one(key, keys, e);
	else
		r = kernel_list(&k, &n, e);
	for (size_t i = 0; i < n; i++) {
		if (r >= 0)
			r = remove_one(k[i].key, keys, e);
		kernel_fini(&k[i]);
	}
	free(k);
	if (r >= 0 || json_object_array_length(keys))
		print_keys(o, keys);
	json_object_put(keys);
	return r;
}

static const struct action {
	const char *name;
	int (*run)(const struct cli_options *o, const char *arg, struct err *e);
	const char *arg;		/* NULL: takes none */
	bool required;
} actions[] = {
	{ "list", list, NULL, false },
	{ "build", cli_kernel_build, NULL, false },
	{ "import", import, "FILE, FOLDER, or PACKAGE...", true },
	{ "check", cli_kernel_check, "SPEC", false },
	{ "path", path, "SPEC", false },
	{ "clean", clean, "KEY or all", true },
};

const char *cli_kernel_action(size_t i)
{
	return i < ARRAY_SIZE(actions) ? actions[i].name : NULL;
}

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	return NULL;
}

static int unknown(const char *name)
{
	struct nearest n = NEAREST_INIT(name);
	const char *hint;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		nearest_offer(&n, actions[i].name);
	hint = nearest_get(&n);
	return cli_usage_error("kernel: %.100s: unknown action; %s%s", name,
			       hint ? "did you mean " : "takes list, build, import, check, path or clean",
			       hint ? hint : "");
}

static int dispatch(const struct cli_options *o)
{
	const struct action *a = o->word_count ? find(o->word[0]) : NULL;
	const char *arg = o->word_count > 1 ? o->word[1] : NULL;
	struct err e = ERR_INIT;
	int r;

	if (!o->word_count)
		return cli_usage_error("kernel: takes list, build, import, check, path or clean");
	if (!a)
		return unknown(o->word[0]);
	if (a->required && !arg)
		return cli_usage_error("kernel %s: takes %s", a->name, a->arg);
	if (arg && !*arg)
		return cli_usage_error("kernel %s: takes %s, not an empty string", a->name,
				       a->arg ? a->arg : "nothing");
	if (a->run != cli_kernel_build && (o->source || o->fragment))
		return cli_usage_error("kernel %s: --%s: only build takes it", a->name,
				       o->source ? "source" : "fragment");
	if (a->run != import && options_check_words(o, a->arg ? 2 : 1, &e) < 0)
		return cli_usage_error("kernel %s: %s", a->name, err_text(&e));
	r = a->run(o, arg, &e);
	return r < 0 ? cli_error("kernel: %s", err_text(&e)) : r;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;

	(void)cli;
	if (options_parse(&o, &cli_kernel, argc, argv, &e) < 0)
		return cli_usage_error("kernel: %s", err_text(&e));
	if (o.help) {
		help_command(stdout, &cli_kernel);
		return 0;
	}
	return dispatch(&o);
}

const struct cli_command cli_kernel = {
	.name = "kernel",
	.run = run,
	.args = "list|build|import|check|path|clean [ARGUMENT]",
	.help = "show, build and add kernels",
	.more = "  list                the kernels in the cache, newest import first: key, release, file\n"
		"  build               make a guest kernel from source; the same one is made once\n"
		"  import PATH...      copy one into the cache: a file, a folder, or packages (.deb, .rpm)\n"
		"  check [SPEC]        what it has of what ktstr wants: 1 if it cannot be used,\n"
		"                      2 if that cannot be told\n"
		"  path [SPEC]         print the file that run --kernel SPEC would boot\n"
		"  clean KEY|all       remove an entry of the cache, or all; print what is gone\n",
	.takes = CLI_TAKES_KERNEL,
};
