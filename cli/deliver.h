/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_DELIVER_H
#define KTSTR_CLI_DELIVER_H
/*
 * A record to where the options want it: one report on stdout, and files.
 * They return 0, or EXIT_ERROR after a line on stderr when a file could not be
 * written; stdout is checked by cli_main(). Thread: control.
 */
struct cli_options;
struct err;
struct json_object;

/*
 * Before a run: can every file that the options name be written, those of the
 * run itself included? Otherwise *e names the option and the file, and files of
 * reports that cannot be are dropped from *o, so that the rest gets the error.
 */
int deliver_check(struct cli_options *o, struct err *e);

/* Everything; an error is said on stderr, too. */
int deliver_all(const struct cli_options *o, const struct json_object *record);
/* The text for persons, on stdout. */
void deliver_text(const struct cli_options *o, const struct json_object *record);
/* All but the text for persons. */
int deliver_formats(const struct cli_options *o, const struct json_object *record);

#endif
