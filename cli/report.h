/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_REPORT_H
#define KTSTR_CLI_REPORT_H
/*
 * Reports, rendered from a record (schema ktstr.run/1) alone. A record may
 * come from a file or a nested run, so members may be missing or of another
 * type: what is not there is left out. Pure but for the FILE.
 */
#include <stdbool.h>
#include <stdio.h>

struct json_object;

enum report_color { REPORT_COLOR_AUTO, REPORT_COLOR_ALWAYS, REPORT_COLOR_NEVER };

/* What a person reads. verbose adds phases, exits and workers. */
void report_text(FILE *out, const struct json_object *record, bool verbose, bool color);
void report_json(FILE *out, const struct json_object *record);
void report_tap(FILE *out, const struct json_object *record);	/* TAP 13 */
void report_junit(FILE *out, const struct json_object *record);
/* One page, complete in itself: no script, nothing from elsewhere. */
void report_html(FILE *out, const struct json_object *record);
/* What the monitor saw as a timeline for Perfetto: Trace Event Format, JSON. */
void report_trace(FILE *out, const struct json_object *record);

#endif
