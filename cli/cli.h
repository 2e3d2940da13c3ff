/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_CLI_H
#define KTSTR_CLI_CLI_H
/*
 * The ktstr command: one file per subcommand, one table of them. Only this
 * folder prints and exits; everything below it returns errors.
 *
 * Streams: stdout has the report and nothing else; stderr has notices.
 * Thread: control.
 */
#include <stddef.h>

struct ktstr_test;

#define EXIT_USAGE 64
#define EXIT_SKIP 77
#define EXIT_ERROR 99

/* The tests of the program that runs; what "ktstr list" shows without a BINARY. */
struct cli {
	const struct ktstr_test *const *tests;
	size_t test_count;
};

/* Whose options; a set of bits (cli/options.c has the table). */
enum cli_takes {
	CLI_TAKES_RUN = 1,
	CLI_TAKES_LIST = 2,
	CLI_TAKES_KERNEL = 4,
	CLI_TAKES_DOCTOR = 8,
	CLI_TAKES_VERSION = 16,
	CLI_TAKES_TOPO = 32,
	CLI_TAKES_CLEANUP = 64,
	CLI_TAKES_REPORT = 128,
	CLI_TAKES_REPORTS = CLI_TAKES_RUN | CLI_TAKES_REPORT,
	CLI_TAKES_COMMAND = 256,	/* exec, shell */
	CLI_TAKES_CONFIG = CLI_TAKES_RUN | CLI_TAKES_COMMAND,	/* the table of a run */
	CLI_TAKES_COMPLETIONS = 512,
	CLI_TAKES_HELP = 1024,
	CLI_TAKES_ALL = 2047,
};

struct cli_command {
	const char *name;
	int (*run)(const struct cli *cli, int argc, char **argv);	/* argv[0] = the name */
	const char *args;	/* for the usage line, "" for none */
	const char *help;	/* one line */
	const char *more;	/* further lines of the command's own help, "" for none */
	enum cli_takes takes;
};

extern const struct cli_command cli_run;
extern const struct cli_command cli_list;
extern const struct cli_command cli_report;
extern const struct cli_command cli_shell;
extern const struct cli_command cli_exec;
extern const struct cli_command cli_kernel;
extern const struct cli_command cli_topo;
extern const struct cli_command cli_doctor;
extern const struct cli_command cli_cleanup;
extern const struct cli_command cli_completions;
extern const struct cli_command cli_version;
extern const struct cli_command cli_help;

/* All commands, in the order of the help. */
const struct cli_command *const *cli_commands(size_t *ret_count);

int cli_main(const struct cli *cli, int argc, char **argv);

/* One line "ktstr: ..." on stderr; returns EXIT_USAGE, EXIT_ERROR. */
__attribute__((format(printf, 1, 2)))
int cli_usage_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2)))
int cli_error(const char *fmt, ...);

#endif
