/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of commands, and how one is chosen. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"

static const struct cli_command *const commands[] = {
	&cli_run,
	&cli_list,
	&cli_report,
	&cli_shell,
	&cli_exec,
	&cli_kernel,
	&cli_topo,
	&cli_doctor,
	&cli_cleanup,
	&cli_completions,
	&cli_version,
	&cli_help,
};

const struct cli_command *const *cli_commands(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(commands);
	return commands;
}

__attribute__((format(printf, 1, 0)))
static void say_error(const char *fmt, va_list ap)
{
	char line[2 * ERR_TEXT_MAX];

	/* arguments and file names may hold anything; an error is one line */
	vsnprintf(line, sizeof(line), fmt, ap);
	text_clean(line, sizeof(line));
	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	log_error("%s", line);
}

int cli_usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

int cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_error(fmt, ap);
	va_end(ap);
	return EXIT_ERROR;
}

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	struct nearest n = NEAREST_INIT(name);
	const char *hint;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		nearest_offer(&n, commands[i]->name);
	hint = nearest_get(&n);
	if (hint)
		return cli_usage_error("%.100s: unknown command; did you mean %s?", name, hint);
	return cli_usage_error("%.100s: unknown command; ktstr --help lists them", name);
}

static int run_help(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	const struct cli_command *c = &cli_help;
	struct err e = ERR_INIT;

	(void)cli;
	if (options_parse(&o, &cli_help, argc, argv, &e) < 0 ||
	    options_check_words(&o, 1, &e) < 0)
		return cli_usage_error("help: %s", err_text(&e));
	if (!o.help && !o.word_count) {
		help_program(stdout);
		return 0;
	}
	if (!o.help)
		c = find(o.word[0]);
	if (!c)
		return unknown(o.word[0]);
	help_command(stdout, c);
	return 0;
}

const struct cli_command cli_help = {
	.name = "help",
	.run = run_help,
	.args = "[COMMAND]",
	.help = "the commands, or the options of one",
	.more = "",
	.takes = CLI_TAKES_HELP,
};

static int dispatch(const struct cli *cli, int argc, char **argv)
{
	const struct cli_command *c;

	if (argc < 2)
		return cli_usage_error("no command; ktstr --help lists them");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)cli_help.name;
	if (!strcmp(argv[1], "--version"))
		argv[1] = (char *)cli_version.name;
	c = find(argv[1]);
	return c ? c->run(cli, argc - 1, argv + 1) : unknown(argv[1]);
}

int cli_main(const struct cli *cli, int argc, char **argv)
{
	int status;

	/* a reader that went away is told by write(), in words and by the status */
	signal(SIGPIPE, SIG_IGN);
	status = dispatch(cli, argc, argv);
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		cli_error("stdout: %s", errno ? strerrordesc_np(errno) : "write error");
		status = status ? status : EXIT_ERROR;
	}
	return status;
}
