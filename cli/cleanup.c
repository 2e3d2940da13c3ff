/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr cleanup: empty the shared memory, and remove what crashed runs left. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "boot/segment.h"
#include "cli/cli.h"
#include "cli/options.h"

struct removed {
	struct segment_removed shm;
	struct kernel_swept kernels;
};

static int clean(struct removed *ret, struct err *e)
{
	int r = segment_store_empty(&ret->shm, e);

	return r < 0 ? r : kernel_sweep(&ret->kernels, e);
}

static void print_json(const struct removed *n)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "schema", json_object_new_string("ktstr.cleanup/1"));
	json_object_object_add(o, "segments", json_object_new_int((int)n->shm.segments));
	json_object_object_add(o, "segment_bytes", json_object_new_uint64(n->shm.bytes));
	json_object_object_add(o, "imports", json_object_new_int((int)n->kernels.stages));
	json_object_object_add(o, "import_bytes", json_object_new_uint64(n->kernels.bytes));
	report_json(stdout, o);
	json_object_put(o);
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct removed n = { 0 };
	struct err e = ERR_INIT;

	(void)cli;
	if (options_parse(&o, &cli_cleanup, argc, argv, &e) < 0 ||
	    options_check_words(&o, 0, &e) < 0)
		return cli_usage_error("%s", err_text(&e));
	if (o.help) {
		help_command(stdout, &cli_cleanup);
		return 0;
	}
	if (clean(&n, &e) < 0)
		return cli_error("cleanup: %s", err_text(&e));
	if (o.json)
		print_json(&n);
	else
		printf("shared memory: %u segments, %" PRIu64 " MiB; unfinished imports and builds: "
		       "%u, %" PRIu64 " MiB\n", n.shm.segments, n.shm.bytes / MIB,
		       n.kernels.stages, n.kernels.bytes / MIB);
	return 0;
}

const struct cli_command cli_cleanup = {
	.name = "cleanup",
	.run = run,
	.args = "",
	.help = "remove packed payloads from shared memory, and what killed runs and builds left",
	.more = "What other runs are using stays with them. Of what imports and builds left that were\n"
		"killed, it says first which folder that is and how large.\n",
	.takes = CLI_TAKES_CLEANUP,
};
