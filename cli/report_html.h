/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_REPORT_HTML_H
#define KTSTR_CLI_REPORT_HTML_H
/* Between the files that make the HTML report. Thread: any. */
#include <stdio.h>

struct json_object;
struct series;

/* Text as HTML and XML take it, in elements and in quoted attributes. */
void report_put_xml(FILE *out, const char *s);

/* Pictures over time, all on one axis: phases, heat maps, lines, tasks. */
void report_svg(FILE *out, const struct json_object *record, const struct series *s);

#endif
