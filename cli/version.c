/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr version: which one, and what it can do. */
#include <ev.h>
#include <json-c/json.h>
#include <lz4.h>
#include <stdio.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "ktstr/ktstr.h"
#include "shmring/wire.h"

/* Words that scripts may ask for; one is added with each feature. */
static const char *const features[] = {
	"accel-kvm",
	"accel-nested",
	"initramfs-lz4",
	"kernel-import",
	"report-json",
	"report-junit",
	"report-tap",
	"transport-com2",
	"transport-shmring",
};

static void print_json(void)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct json_object *libs = json_object_new_object();
	char libev[16];

	snprintf(libev, sizeof(libev), "%d.%d", ev_version_major(), ev_version_minor());
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		json_object_array_add(list, json_object_new_string(features[i]));
	json_object_object_add(libs, "libev", json_object_new_string(libev));
	json_object_object_add(libs, "json-c", json_object_new_string(json_c_version()));
	json_object_object_add(libs, "lz4", json_object_new_string(LZ4_versionString()));
	json_object_object_add(o, "schema", json_object_new_string("ktstr.version/1"));
	json_object_object_add(o, "version", json_object_new_string(ktstr_version()));
	json_object_object_add(o, "wire", json_object_new_int64(WIRE_VERSION));
	json_object_object_add(o, "features", list);
	json_object_object_add(o, "libraries", libs);
	report_json(stdout, o);
	json_object_put(o);
}

static int run(const struct cli *cli, int argc, char **argv)
{
	struct err e = ERR_INIT;
	_cleanup_(options_fini) struct cli_options o;

	(void)cli;
	if (options_parse(&o, &cli_version, argc, argv, &e) < 0 ||
	    options_check_words(&o, 0, &e) < 0)
		return cli_usage_error("%s", err_text(&e));
	if (o.help)
		help_command(stdout, &cli_version);
	else if (o.json)
		print_json();
	else
		printf("ktstr %s\n", ktstr_version());
	return 0;
}

const struct cli_command cli_version = {
	.name = "version",
	.run = run,
	.args = "",
	.help = "print the version",
	.more = "",
	.takes = CLI_TAKES_VERSION,
};
