/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_REPORT_SUMMARY_H
#define KTSTR_CLI_REPORT_SUMMARY_H
/*
 * The monitor's summary, CPU by CPU (doc/monitor.md), as reports show it: one table
 * of columns. What no CPU was measured for is no column; "-" is a gap in one.
 * Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_object;

enum summary_kind {
	SUMMARY_VALUE,			/* "1.50 / 3": average and most */
	SUMMARY_COUNT,
	SUMMARY_NS,			/* shown in milliseconds */
};

struct summary_column {
	const char *key, *title;
	enum summary_kind kind;
	bool of_scheduler;		/* 0 everywhere: none was there */
};

#define SUMMARY_COLUMNS_MAX 16
#define SUMMARY_CELL_MAX 48

/* Those that the summary has something for; returns how many. */
size_t report_summary_columns(const struct json_object *summary,
			      const struct summary_column *ret[SUMMARY_COLUMNS_MAX]);
/* Of one CPU. False: "-". */
bool report_summary_cell(const struct json_object *cpu, const struct summary_column *c,
			 char text[SUMMARY_CELL_MAX]);

/* As text; without all only the first CPUs and what they are together. */
void report_summary_text(FILE *out, const struct json_object *record, bool all);

#endif
