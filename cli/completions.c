/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr completions: scripts for shells, made from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/kernel.h"
#include "cli/options.h"
#include "vcpu/topo.h"

struct completion {
	const struct cli_command *command;
	const char *name;		/* without dashes */
	char letter;			/* 0: none */
	bool value;			/* it takes one */
	const char *help;
};

typedef void put_fn(const struct completion *c);

/* A flag has two names: dmesg and no-dmesg, no-ring and ring. */
static void put_flag(struct completion *c, put_fn *put)
{
	char other[OPTIONS_SPELLED_MAX];
	const char *name = c->name;

	put(c);
	snprintf(other, sizeof(other), "no-%s", name);
	c->name = strncmp(name, "no-", 3) ? other : name + 3;
	c->letter = 0;
	put(c);
}

static void each_option(const struct cli_command *command, put_fn *put)
{
	size_t count;
	const struct option_row *rows = config_options(&count);
	const struct cli_option *own;

	for (size_t i = 0; i < count && (command->takes & CLI_TAKES_CONFIG); i++) {
		struct completion c = { command, rows[i].name, rows[i].letter,
					rows[i].type != OPTION_FLAG, rows[i].help };

		if (rows[i].positional)
			continue;
		if (c.value)
			put(&c);
		else
			put_flag(&c, put);
	}
	own = cli_options_table(&count);
	for (size_t i = 0; i < count; i++) {
		const struct completion c = { command, own[i].name, own[i].letter,
					      own[i].arg == CLI_ARG_REQUIRED, own[i].help };

		if (own[i].commands & command->takes)
			put(&c);
	}
}

static void put_name(const struct completion *c)
{
	printf(" --%s", c->name);
}

static void put_commands(void)
{
	size_t count;
	const struct cli_command *const *commands = cli_commands(&count);

	for (size_t i = 0; i < count; i++)
		printf(" %s", commands[i]->name);
}

static void put_presets(void)
{
	size_t count;

	for (const struct topo_preset *p = topo_presets(&count); count--; p++)
		printf(" %s", p->name);
}

static void put_actions(void)
{
	for (size_t i = 0; cli_kernel_action(i); i++)
		printf(" %s", cli_kernel_action(i));
}

static void put_topo_words(void)
{
	printf(" import");
	put_presets();
}

static void put_shells(void)
{
	printf(" bash zsh fish");
}

/* What a command takes as its first word, where that is no file. */
static const struct {
	const struct cli_command *command;
	void (*put)(void);
} first_words[] = {
	{ &cli_kernel, put_actions },
	{ &cli_topo, put_topo_words },
	{ &cli_help, put_commands },
	{ &cli_completions, put_shells },
};

static void put_first_words(const struct cli_command *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(first_words); i++)
		if (first_words[i].command == command)
			first_words[i].put();
}

/* "name) options=( ... ) first=( ... ) ;;" for each command: bash and zsh read it alike. */
static void put_cases(void)
{
	size_t count;
	const struct cli_command *const *commands = cli_commands(&count);

	for (size_t i = 0; i < count; i++) {
		printf("\t%s) options=(", commands[i]->name);
		each_option(commands[i], put_name);
		printf(" ) first=(");
		put_first_words(commands[i]);
		puts(" ) ;;");
	}
}

static void put_bash(void)
{
	printf("_ktstr()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} options=() first=()\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"");
	put_commands();
	printf("\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
	put_cases();
	printf("\tesac\n"
	       "\tif [ \"${COMP_WORDS[COMP_CWORD - 1]}\" = --topology ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"");
	put_presets();
	printf("\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\t[ \"$COMP_CWORD\" = 2 ] || first=()\n\tcase $cur in\n"
	       "\t-*) COMPREPLY=($(compgen -W \"${options[*]}\" -- \"$cur\")) ;;\n"
	       "\t*) if [ ${#first[@]} -gt 0 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"${first[*]}\" -- \"$cur\"))\n"
	       "\telse\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi ;;\n"
	       "\tesac\n}\ncomplete -o filenames -F _ktstr ktstr\n");
}

static void put_zsh(void)
{
	printf("#compdef ktstr\n_ktstr()\n{\n\tlocal -a options first\n"
	       "\tif (( CURRENT == 2 )); then\n\t\tcompadd --");
	put_commands();
	printf("\n\t\treturn\n\tfi\n\tcase $words[2] in\n");
	put_cases();
	printf("\tesac\n\tif [[ $PREFIX == -* ]]; then\n\t\tcompadd -- $options\n"
	       "\telif [[ $words[CURRENT-1] == --topology ]]; then\n\t\tcompadd --");
	put_presets();
	printf("\n\telif (( CURRENT == 3 && $#first )); then\n\t\tcompadd -- $first\n"
	       "\telse\n\t\t_files\n\tfi\n}\ncompdef _ktstr ktstr\n");
}

/* In single quotes fish knows two escapes. */
static void put_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++)
		printf("%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	putchar('\'');
}

static void put_fish_option(const struct completion *c)
{
	printf("complete -c ktstr -n '__fish_seen_subcommand_from %s' -l %s", c->command->name,
	       c->name);
	if (c->letter)
		printf(" -s %c", c->letter);
	printf("%s -d ", c->value ? " -r" : "");
	put_quoted(c->help);
	putchar('\n');
}

static void put_fish(void)
{
	size_t count;
	const struct cli_command *const *commands = cli_commands(&count);

	for (size_t i = 0; i < count; i++) {
		printf("complete -c ktstr -n __fish_use_subcommand -f -a %s -d ",
		       commands[i]->name);
		put_quoted(commands[i]->help);
		putchar('\n');
		each_option(commands[i], put_fish_option);
	}
}

static int run(const struct cli *cli, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*put)(void);
	} shells[] = { { "bash", put_bash }, { "zsh", put_zsh }, { "fish", put_fish } };
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;
	int r = options_parse(&o, &cli_completions, argc, argv, &e);

	(void)cli;
	if (r == 0 && o.help) {
		help_command(stdout, &cli_completions);
		return 0;
	}
	if (r == 0)
		r = options_check_words(&o, 1, &e);
	if (r < 0)
		return cli_usage_error("completions: %s", err_text(&e));
	for (size_t i = 0; i < ARRAY_SIZE(shells) && o.word_count; i++) {
		if (!strcmp(o.word[0], shells[i].name)) {
			shells[i].put();
			return 0;
		}
	}
	return cli_usage_error("completions: takes bash, zsh or fish");
}

const struct cli_command cli_completions = {
	.name = "completions",
	.run = run,
	.args = "bash|zsh|fish",
	.help = "a script that completes commands and options",
	.more = "Try it with: source <(ktstr completions bash)\n",
	.takes = CLI_TAKES_COMPLETIONS,
};
