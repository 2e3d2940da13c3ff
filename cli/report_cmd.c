/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr report: a record that was kept, as a report of any kind. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/deliver.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/report_get.h"
#include "loop/record.h"

#define RECORD_BYTES_MAX (512 * MIB)

static int read_whole(const char *path, struct buf *ret, struct err *e)
{
	/* a pipe is fine, so that it is not mapped */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return err_sys(e, -errno, "open %s", path);
	while (n > 0 && ret->len <= RECORD_BYTES_MAX) {
		void *room = buf_reserve(ret, 64 * KIB);

		if (!room)
			return err_sys(e, -ENOMEM, "read %s", path);
		n = read(fd, room, 64 * KIB);
		if (n > 0)
			ret->len += (size_t)n;
	}
	if (n < 0)
		return err_sys(e, -errno, "read %s", path);
	return n ? err_sys(e, -EFBIG, "read %s", path) : 0;
}

/* Where something follows that is no blank; text->len: nowhere. */
static size_t behind(const struct buf *text, size_t at)
{
	while (at < text->len && isspace(text->data[at]))
		at++;
	return at;
}

static struct json_object *parse(const char *path, const struct buf *text, struct err *e)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = NULL;
	enum json_tokener_error je = json_tokener_error_size;

	if (!text->len) {
		je = json_tokener_continue;
	} else if (t) {
		o = json_tokener_parse_ex(t, (const char *)text->data, (int)text->len);
		je = json_tokener_get_error(t);
	}
	if (je == json_tokener_continue) {
		err_set(e, -EINVAL, "%s: empty or cut short", path);
	} else if (je != json_tokener_success) {
		err_set(e, -EINVAL, "%s: no JSON: %s at byte %zu", path,
			json_tokener_error_desc(je), t ? json_tokener_get_parse_end(t) : 0);
	} else if (behind(text, json_tokener_get_parse_end(t)) < text->len) {
		err_set(e, -EINVAL, "%s: no JSON: the record ends at byte %zu, and more follows",
			path, json_tokener_get_parse_end(t));
		json_object_put(o);
		o = NULL;
	}
	if (t)
		json_tokener_free(t);
	return o;
}

static struct json_object *load(const char *path, struct err *e)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	struct json_object *record;
	const char *schema;

	if (read_whole(path, &text, e) < 0)
		return NULL;
	record = parse(path, &text, e);
	schema = report_str(record, "schema");
	if (schema && !strcmp(schema, RECORD_SCHEMA))
		return record;
	if (!*err_text(e))
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
