/* SPDX-License-Identifier: GPL-2.0-only */
/* The help texts: made from the tables, so that they cannot lag behind. */
#include <string.h>

#include "base/util.h"
#include "cli/options.h"

#define COLUMN 30

static void put_row(FILE *out, const char *left, const char *help, const char *def)
{
	int n = fprintf(out, "  %s", left);

	if (n >= COLUMN)
		n = fprintf(out, "\n") - 1;
	fprintf(out, "%*s%s\n", COLUMN - n, "", help);
	if (def)
		fprintf(out, "%*s(default: %s)\n", COLUMN, "", def);
}

static void put_config_options(FILE *out)
{
	size_t count;
	const struct option_row *rows = config_options(&count);

	for (size_t i = 0; i < count; i++) {
		bool flag = rows[i].type == OPTION_FLAG;
		char spelled[OPTIONS_SPELLED_MAX], letter[8] = "", left[2 * OPTIONS_SPELLED_MAX];

		if (rows[i].positional)
			continue;
		options_spell(rows[i].name, flag, spelled);
		if (rows[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", rows[i].letter);
		snprintf(left, sizeof(left), "%s%s%s%s", letter, spelled, flag ? "" : " ",
			 flag ? "" : rows[i].arg);
		put_row(out, left, rows[i].help, rows[i].def);
	}
}

static void put_own_options(FILE *out, enum cli_takes takes)
{
	size_t count;
	const struct cli_option *table = cli_options_table(&count);

	for (size_t i = 0; i < count; i++) {
		const struct cli_option *o = &table[i];
		char letter[8] = "", left[2 * OPTIONS_SPELLED_MAX];

		if (!(o->commands & takes))
			continue;
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s%s", letter, o->name,
			 o->arg == CLI_ARG_NONE ? "" : o->arg == CLI_ARG_REQUIRED ? " " : "[=",
			 o->arg == CLI_ARG_NONE ? "" : o->placeholder,
			 o->arg == CLI_ARG_OPTIONAL ? "]" : "");
		put_row(out, left, o->help, NULL);
	}
}

void help_command(FILE *out, const struct cli_command *c)
{
	fprintf(out, "usage: ktstr %s [OPTION...]%s%s\n\n%c%s.\n", c->name, *c->args ? " " : "",
		c->args, c->help[0] - 'a' + 'A', c->help + 1);
	if (*c->more)
		fprintf(out, "\n%s", c->more);
	fprintf(out, "\nOptions:\n");
	if (c->takes & CLI_TAKES_CONFIG)
		put_config_options(out);
	put_own_options(out, c->takes);
}

void help_program(FILE *out)
{
	size_t count;
	const struct cli_command *const *commands = cli_commands(&count);

	fputs("usage: ktstr COMMAND [ARGUMENT...]\n\n"
	      "Boots a Linux kernel in a virtual machine, runs tests in it, returns a verdict.\n\n"
	      "Commands:\n", out);
	for (size_t i = 0; i < count; i++) {
		char left[96];

		snprintf(left, sizeof(left), "%s%s%s", commands[i]->name,
			 *commands[i]->args ? " " : "", commands[i]->args);
		put_row(out, left, commands[i]->help, NULL);
	}
	fputs("\n\"ktstr COMMAND --help\" shows the options of a command, ktstr(1) the rest.\n",
	      out);
}
