/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr report: a record that was kept, as a report of any kind. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/deliver.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "loop/record.h"

static struct json_object *load(const char *path, struct err *e)
{
	struct json_object *record = json_object_from_file(path);
	const char *schema = report_str(record, "schema");

	if (schema && !strcmp(schema, RECORD_SCHEMA))
		return record;
	if (!record)
		err_set(e, -EINVAL, "%s: %.200s", path, json_util_get_last_err());
	else
		err_set(e, -EINVAL, "%s: is no record of a run (schema %s)", path, RECORD_SCHEMA);
	json_object_put(record);
	return NULL;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct json_object *record;
	struct err e = ERR_INIT;
	int status;

	(void)cli;
	if (options_parse(&o, &cli_report, argc, argv, &e) < 0 ||
	    options_check_words(&o, 1, &e) < 0)
		return cli_usage_error("report: %s", err_text(&e));
	if (o.help) {
		help_command(stdout, &cli_report);
		return 0;
	}
	if (!o.word_count)
		return cli_usage_error("report: takes RECORD, a file that run --json=FILE made");
	if (deliver_check(&o, &e) < 0)
		return cli_error("report: %s", err_text(&e));
	record = load(o.word[0], &e);
	if (!record)
		return cli_error("report: %s", err_text(&e));
	/* who asks for a file asks for nothing else */
	if (!o.json && !o.tap && !o.html_file && !o.trace_file && !o.junit_file)
		deliver_text(&o, record);
	status = deliver_formats(&o, record);
	json_object_put(record);
	return status;
}

const struct cli_command cli_report = {
	.name = "report",
	.run = run,
	.args = "RECORD",
	.help = "make a report, a page or a timeline of a record",
	.more = "",
	.takes = CLI_TAKES_REPORT,
};
