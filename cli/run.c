/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr run: the first user of libktstr. Everything that has to be told ends
 * as a record, errors before the run included, and the reports are made of it.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/deliver.h"
#include "cli/options.h"
#include "cli/tests.h"
#include "cli/session.h"
#include "loop/testlist.h"

/* --- from options to exit status --------------------------------------------- */

static int tell_usage_error(const struct cli_options *o, const struct err *e)
{
	struct json_object *record = session_error_record(err_text(e), EXIT_USAGE);

	cli_usage_error("%s", err_text(e));
	/* who reads a format gets one; a person has read the line */
	(void)deliver_formats(o, record);
	json_object_put(record);
	return EXIT_USAGE;
}

static int tell_error(const struct cli_options *o, const struct err *e)
{
	struct json_object *record = session_error_record(err_text(e), EXIT_ERROR);

	(void)deliver_all(o, record);
	json_object_put(record);
	return EXIT_ERROR;
}

static int tell_result(const struct cli_options *o, struct json_object *record, int status)
{
	int r = deliver_all(o, record);

	json_object_put(record);
	return status ? status : r;
}

/* "ktstr run smoke" */
static bool is_own_test(const struct cli *cli, const char *name)
{
	_cleanup_(testlist_fini) struct testlist l = { 0 };

	return name && cli_tests(cli, NULL, &l, NULL) == 0 && testlist_find(&l, name);
}

/* Names are checked before anything starts: a mistyped one is a usage error. */
static int check_names(const struct cli *cli, const struct cli_options *o)
{
	_cleanup_(testlist_fini) struct testlist l = { 0 };
	const struct config *c = &o->config;
	struct err e = ERR_INIT;
	uint64_t memory_bytes;
	struct topo topo;
	int r;

	if (c->binary && access(c->binary, F_OK) < 0 && is_own_test(cli, c->binary)) {
		err_set(&e, -EINVAL, "%s: no such program; the test is behind --: "
			"ktstr run -- %s", c->binary, c->binary);
		return tell_usage_error(o, &e);
	}
	if (!c->tests.count)
		return 0;
	r = cli_tests(cli, c->binary, &l, &e);
	if (r < 0)
		return tell_error(o, &e);
	r = testlist_shape(&l, &c->tests, &topo, &memory_bytes, &e);
	if (r == -ENOENT)
		return tell_usage_error(o, &e);
	return r < 0 ? tell_error(o, &e) : 0;
}

static int do_run(const struct cli *cli, const struct cli_options *o)
{
	struct json_object *record = NULL;
	struct err e = ERR_INIT;
	int status, r;

	status = check_names(cli, o);
	if (status)
		return status;
	r = session_run(o, NULL, &record, &status, &e);
	if (r < 0)
		return r == -EINVAL ? tell_usage_error(o, &e) : tell_error(o, &e);
	return tell_result(o, record, status);
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;

	if (options_parse(&o, &cli_run, argc, argv, &e) < 0)
		return tell_usage_error(&o, &e);
	if (o.help) {
		help_command(stdout, &cli_run);
		return 0;
	}
	if (o.print_config)
		return session_print_config(&o);
	session_log_level(&o);
	if (deliver_check(&o, &e) < 0)
		return tell_error(&o, &e);
	return do_run(cli, &o);
}

const struct cli_command cli_run = {
	.name = "run",
	.run = run,
	.args = "[TEST-BINARY] [-- TEST-NAME...]",
	.help = "boot a VM, run tests in it, print the verdict",
	.more = "Without TEST-BINARY the tests of this program are run, without TEST-NAME all but\n"
		"those tagged \"manual\". Each option NAME has a variable KTSTR_NAME (upper case,\n"
		"underscores for dashes); the option wins.\n\n"
		"Exit status: 0 pass, 1 fail, 2 inconclusive, 64 usage, 77 skipped, 99 error.\n",
	.takes = CLI_TAKES_RUN,
};
