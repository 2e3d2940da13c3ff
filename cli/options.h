/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_OPTIONS_H
#define KTSTR_CLI_OPTIONS_H
/*
 * The command line of a subcommand: the options of a run come from the table
 * of loop/config.h, those of the command line itself from the one here.
 *
 * Option names are taken only as they are written in the tables: with
 * getopt_long()'s abbreviations, each new option would break scripts that use
 * an abbreviation of an older one. Options and words may be mixed; "--" ends
 * the options.
 *
 * Ownership: the words borrow argv. Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/report.h"
#include "loop/config.h"

struct err;

struct cli_options {
	bool help;
	bool json;			/* a document on stdout ... */
	const char *json_file;		/* ... or in this file */
	bool tap;
	const char *junit_file;
	const char *html_file;
	const char *trace_file;
	const char *source;		/* kernel build */
	const char *fragment;
	bool topologies;		/* list: presets instead of tests */
	const char *dump_acpi;		/* topo: the folder */
	bool print_config;
	bool quiet;
	unsigned verbose;
	enum report_color color;
	struct config config;		/* CLI_TAKES_RUN: environment included */

	const char **word;		/* before "--" */
	size_t word_count;
	char **rest;			/* behind "--", argv's own */
	size_t rest_count;
};

/*
 * argv[0] is the command's name. 0, or -EINVAL: *e names the option and what
 * it takes. After an error the other options were read nevertheless, so that
 * the caller knows how to tell it. *o is to be released in either case.
 */
int options_parse(struct cli_options *o, const struct cli_command *command, int argc,
		  char **argv, struct err *e);
void options_fini(struct cli_options *o);

/* More words than max are a usage error that names the first one too many. */
int options_check_words(const struct cli_options *o, size_t max, struct err *e);

/* How an option is spelled in the help: "--[no-]fast-boot", "--no-ring", "--kernel". */
#define OPTIONS_SPELLED_MAX 48
void options_spell(const char *name, bool flag, char text[OPTIONS_SPELLED_MAX]);

/* An option of the command line itself. */
struct cli_option {
	const char *name;		/* without dashes */
	char letter;			/* 0: none */
	enum { CLI_ARG_NONE, CLI_ARG_REQUIRED, CLI_ARG_OPTIONAL } arg;
	enum cli_takes commands;	/* that have it */
	const char *placeholder;
	const char *help;
	int (*set)(struct cli_options *o, const char *value, struct err *e);
};

const struct cli_option *cli_options_table(size_t *ret_count);

/* The help, on stdout: all commands; one command. */
void help_program(FILE *out);
void help_command(FILE *out, const struct cli_command *command);

#endif
