/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr kernel check: what a kernel has, and what it costs when something is missing. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/kernels.h"
#include "boot/kernels_check.h"
#include "cli/kernel.h"
#include "cli/options.h"
#include "cli/report_get.h"

#define EXIT_FATAL 1
#define EXIT_UNKNOWN 2

static int exit_status(const struct kernel_check *c)
{
	if (c->missing[KERNEL_COST_FATAL])
		return EXIT_FATAL;
	return c->unknown_fatal ? EXIT_UNKNOWN : 0;
}

static void add(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_object_object_add(o, key, json_object_new_string(value));
}

static void print_json(const struct kernel *k, const struct kernel_check *c)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	size_t count;
	const struct kernel_wish *w = kernel_wishes(&count);

	add(o, "schema", "ktstr.kernel-check/1");
	add(o, "image", k->image);
	add(o, "release", k->release);
	add(o, "arch", "x86_64");
	add(o, "form", kernel_is_packed(k) ? "bzImage" : "vmlinux");
	add(o, "packed", c->packed);
	add(o, "told_by", kernel_told_by_name(c->told_by));
	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_new_object();

		add(one, "name", w[i].name);
		add(one, "option", w[i].option);
		add(one, "has", kernel_has_name(c->has[i]));
		add(one, "cost", kernel_cost_name(w[i].cost));
		add(one, "without", w[i].without);
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "checks", list);
	json_object_object_add(o, "exit_code", json_object_new_int(exit_status(c)));
	report_json(stdout, o);
	json_object_put(o);
}

static void print_row(const struct kernel_wish *w, enum kernel_has has)
{
	bool there = has == KERNEL_HAS || has == KERNEL_HAS_MODULE;

	printf("%-8s %-27s", there ? "ok" : has == KERNEL_HAS_UNKNOWN ? "unknown" :
	       kernel_cost_name(w->cost), w->name);
	if (has == KERNEL_HAS_MODULE)
		printf(" as a module");
	else if (!there)
		printf(" %s (%s)", w->without, w->option);
	putchar('\n');
}

static void print_text(const struct kernel *k, const struct kernel_check *c)
{
	size_t count;
	const struct kernel_wish *w = kernel_wishes(&count);

	fputs("kernel   ", stdout);
	report_put_line(stdout, k->image);
	fputs("\nrelease  ", stdout);
	report_put_line(stdout, k->release ? k->release : "not told");
	printf("\narch     x86_64\nform     %s", kernel_is_packed(k) ? "bzImage" : "vmlinux");
	if (k->bzimage)
		printf("%spacked with %s", kernel_is_packed(k) ? ", " : ", beside a bzImage that is ",
		       c->packed ? c->packed : "what is not known");
	printf("\ntold by  %s\n", kernel_told_by_name(c->told_by));
	for (size_t i = 0; i < count; i++)
		print_row(&w[i], c->has[i]);
	if (c->missing[KERNEL_COST_FATAL])
		printf("it cannot be used: fatal is what no guest runs without\n");
	else
		printf("it can be used%s\n", c->unknown_fatal ? ", as far as can be told" : "");
}

/* A file that is no kernel of ours is an answer, too. */
static int not_a_kernel(const struct cli_options *o, const char *spec, struct err *e)
{
	struct json_object *doc;

	if (!o->json) {
		fputs("fatal    image                       ", stdout);
		report_put_line(stdout, err_text(e));
		putchar('\n');
		return EXIT_FATAL;
	}
	doc = json_object_new_object();
	add(doc, "schema", "ktstr.kernel-check/1");
	add(doc, "image", spec);
	add(doc, "fatal", err_text(e));
	json_object_object_add(doc, "exit_code", json_object_new_int(EXIT_FATAL));
	report_json(stdout, doc);
	json_object_put(doc);
	return EXIT_FATAL;
}

int cli_kernel_check(const struct cli_options *o, const char *spec, struct err *e)
{
	_cleanup_(kernel_fini) struct kernel k = { 0 };
	struct kernel_check c;
	int r = kernel_find(spec, &k, e);

	if (r == -ENOEXEC)
		return not_a_kernel(o, spec, e);
	if (r == 0)
		r = kernel_check(&k, &c, e);
	if (r < 0)
		return r;
	if (o->json)
		print_json(&k, &c);
	else
		print_text(&k, &c);
	return exit_status(&c);
}
