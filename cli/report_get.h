/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_REPORT_GET_H
#define KTSTR_CLI_REPORT_GET_H
/*
 * What the reports share: members of a record that may be missing or of
 * another type, and text of the guest that goes to a terminal or a file.
 * Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "loop/record.h"

struct json_object;

/* The member, or NULL when it is not there or of another type. o may be NULL. */
const char *report_str(const struct json_object *o, const char *key);
struct json_object *report_obj(const struct json_object *o, const char *key);
/* A finite number that is not negative. */
bool report_num(const struct json_object *o, const char *key, double *ret);
bool report_bool(const struct json_object *o, const char *key);

/* The elements of an array that are objects (strings), in order; from *at on. */
struct report_array {
	const struct json_object *array;	/* NULL: nothing to see */
	size_t at;
};

struct report_array report_array(const struct json_object *o, const char *key);
struct json_object *report_next_obj(struct report_array *a);
const char *report_next_str(struct report_array *a);
size_t report_count_obj(const struct json_object *o, const char *key);
size_t report_count_str(const struct json_object *o, const char *key);

/* Of the record: a verdict that we do not know is an error; of a test: inconclusive. */
enum verdict report_run_verdict(const struct json_object *record);
enum verdict report_test_verdict(const struct json_object *test);
const char *report_test_name(const struct json_object *test);
/* Why the run ended as it did; never empty. */
const char *report_reason(const struct json_object *record);
/*
 * Do the tests explain the run's verdict? If not (a panic between tests, no
 * test at all), formats that know only tests need one more for the run.
 */
bool report_tests_tell(const struct json_object *record);
/* How long it took: the sum of the phases; false when there are none. */
bool report_total_ms(const struct json_object *record, double *ret);

/*
 * Text of unknown origin: valid UTF-8, no control characters. Newlines and
 * tabs become blanks.
 */
void report_put_line(FILE *out, const char *s);
/* A cleaned copy with newlines, or NULL. The caller's to free. */
char *report_clean(const char *s);

#endif
