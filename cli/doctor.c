/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr doctor: every prerequisite tried, and for each miss what fixes it. */
#include "cli/doctor.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/report_get.h"

static const char *level_name(enum doctor_level level)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_MISS] = "miss",
	};
	static_assert(ARRAY_SIZE(names) == DOCTOR_LEVEL_COUNT, "every level has a name");

	return names[level];
}

/* Which of these would --accel a use? */
static enum doctor_need chosen(enum doctor_need works, enum accel a)
{
	if (a == ACCEL_KVM)
		return works & DOCTOR_NEED_KVM;
	if (a == ACCEL_NESTED)
		return works & DOCTOR_NEED_NESTED;
	return works;
}

/* The last line, also when nothing works. */
static const char *summary(enum doctor_need works)
{
	static const char *const texts[] = {
		[DOCTOR_NEED_NONE] = "no accelerator works: ktstr run cannot do its job",
		[DOCTOR_NEED_KVM] = "ktstr run works with kvm",
		[DOCTOR_NEED_NESTED] = "ktstr run works nested in QEMU, without kvm",
		[DOCTOR_NEED_BOTH] = "ktstr run works with kvm, and nested in QEMU",
	};

	return texts[works];
}

static void print_text(const struct doctor_finding *findings, enum doctor_need works)
{
	size_t count;
	const struct doctor_check *checks = doctor_checks(&count);

	for (size_t i = 0; i < count; i++) {
		const struct doctor_finding *f = &findings[i];

		printf("%-5s %s: ", level_name(f->level), checks[i].name);
		report_put_line(stdout, f->text);
		fputc('\n', stdout);
		if (f->level == DOCTOR_OK || !f->fix[0])
			continue;
		fputs("      fix: ", stdout);
		report_put_line(stdout, f->fix);
		fputc('\n', stdout);
	}
	puts(summary(works));
}

static void add(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void print_json(const struct doctor_finding *findings, enum doctor_need works)
{
	struct json_object *doc = json_object_new_object(), *all = json_object_new_array();
	struct json_object *accel = json_object_new_array();
	size_t count;
	const struct doctor_check *checks = doctor_checks(&count);

	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_new_object();

		add(o, "name", checks[i].name);
		add(o, "level", level_name(findings[i].level));
		add(o, "text", findings[i].text);
		if (findings[i].level != DOCTOR_OK && findings[i].fix[0])
			add(o, "fix", findings[i].fix);
		json_object_array_add(all, o);
	}
	if (works & DOCTOR_NEED_KVM)
		json_object_array_add(accel, json_object_new_string("kvm"));
	if (works & DOCTOR_NEED_NESTED)
		json_object_array_add(accel, json_object_new_string("nested"));
	add(doc, "schema", "ktstr.doctor/1");
	json_object_object_add(doc, "works", json_object_new_boolean(works != DOCTOR_NEED_NONE));
	json_object_object_add(doc, "accel", accel);
	json_object_object_add(doc, "checks", all);
	report_json(stdout, doc);
	json_object_put(doc);
}

static int examine(const struct config *c, bool json)
{
	_cleanup_free_ struct doctor_finding *findings = NULL;
	_cleanup_free_ char *cache = NULL;
	struct doctor_places places = {
		.cpuinfo = "/proc/cpuinfo",
		.meminfo = "/proc/meminfo",
		.kvm = c->kvm_device,
		.shm = "/dev/shm",
		.search = getenv("PATH"),
		.kernel = c->kernel,
		.outer_kernel = c->outer_kernel,
	};
	enum doctor_need works;
	size_t count;
	const struct doctor_check *checks = doctor_checks(&count);

	if (kernel_cache_dir(&cache, NULL) >= 0)
		places.cache = cache;
	findings = calloc(count, sizeof(*findings));
	if (!findings)
		return cli_error("doctor: out of memory");
	for (size_t i = 0; i < count; i++)
		checks[i].run(&places, &findings[i]);
	works = chosen(doctor_works(findings), c->accel);
	if (json)
		print_json(findings, works);
	else
		print_text(findings, works);
	return works == DOCTOR_NEED_NONE ? EXIT_ERROR : 0;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;

	(void)cli;
	/* a run's variables are looked at: what is examined is what a run would use */
	if (options_parse(&o, &cli_doctor, argc, argv, &e) < 0 ||
	    options_check_words(&o, 0, &e) < 0 ||
	    (!o.help && config_from_env(&o.config, &e) < 0))
		return cli_usage_error("doctor: %s", err_text(&e));
	if (o.help) {
		help_command(stdout, &cli_doctor);
		return 0;
	}
	return examine(&o.config, o.json);
}

const struct cli_command cli_doctor = {
	.name = "doctor",
	.run = run,
	.args = "",
	.help = "try every prerequisite for real and print the fix for each miss",
	.more = "Exit status: 0 when \"ktstr run\" can work in some accelerator, else 99.\n",
	.takes = CLI_TAKES_DOCTOR,
};
