/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * render FORMAT <RECORD: print the report of a record, for test scripts that
 * look at it with the tools of others. FORMAT: text, color, verbose, json, tap,
 * junit, html, trace.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/report.h"

static void render_text(FILE *out, const struct json_object *record)
{
	report_text(out, record, false, false);
}

static void render_color(FILE *out, const struct json_object *record)
{
	report_text(out, record, false, true);
}

static void render_verbose(FILE *out, const struct json_object *record)
{
	report_text(out, record, true, false);
}

static const struct {
	const char *name;
	void (*render)(FILE *out, const struct json_object *record);
} formats[] = {
	{ "text", render_text },
	{ "color", render_color },
	{ "verbose", render_verbose },
	{ "json", report_json },
	{ "tap", report_tap },
	{ "junit", report_junit },
	{ "html", report_html },
	{ "trace", report_trace },
};

int main(int argc, char **argv)
{
	struct json_object *record = json_object_from_fd(STDIN_FILENO);
	int status = 2;

	for (size_t i = 0; i < ARRAY_SIZE(formats) && argc == 2; i++) {
		if (strcmp(formats[i].name, argv[1]))
			continue;
		formats[i].render(stdout, record);
		status = 0;
	}
	if (status)
		fprintf(stderr, "usage: render text|color|verbose|json|tap|junit|html|trace <RECORD\n");
	json_object_put(record);
	return status;
}
