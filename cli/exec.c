/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr exec and ktstr shell: one command in a VM. stdout and stderr are the
 * command's; what ktstr itself has to say is on stderr, too.
 */
#include <errno.h>
#include <json-c/json.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/deliver.h"
#include "cli/options.h"
#include "cli/session.h"
#include "cli/terminal.h"

static int tell(const struct cli_options *o, const struct err *e, int exit_code)
{
	struct json_object *record = session_error_record(err_text(e), exit_code);

	if (exit_code == EXIT_USAGE)
		cli_usage_error("%s", err_text(e));
	else
		cli_error("%s", err_text(e));
	(void)deliver_formats(o, record);
	json_object_put(record);
	return exit_code;
}

static int prepare(struct ktstr_run *run, struct ev_loop *loop, void *arg, struct err *e)
{
	return terminal_open(arg, STDIN_FILENO, run, loop, e);
}

static void begun(struct ktstr_run *run, void *arg)
{
	(void)run;
	terminal_raw(arg);
}

static void over(void *arg)
{
	terminal_close(arg);
}

/* Without the command's status the reason is all there is to say. */
static int tell_result(const struct cli_options *o, struct json_object *record, int status)
{
	struct json_object *command, *value;
	bool has_status = json_object_object_get_ex(record, "command", &command) &&
			  json_object_object_get_ex(command, "status", &value);
	int r;

	if (status && (!has_status || json_object_get_int(value) != status) &&
	    json_object_object_get_ex(record, "reason", &value))
		cli_error("%s", json_object_get_string(value));
	r = deliver_formats(o, record);
	json_object_put(record);
	return status ? status : r;
}

static int run_command(const struct cli_options *o)
{
	struct terminal terminal = { .loop = NULL };
	struct session_hooks hooks = { .arg = &terminal };
	struct json_object *record;
	struct err e = ERR_INIT;
	int status, r;

	/* an inner ktstr has the terminal's frames, not the terminal */
	if (o->config.tty && !o->config.relay) {
		hooks.prepare = prepare;
		hooks.begun = begun;
		hooks.over = over;
	}
	r = session_run(o, &hooks, &record, &status, &e);
	if (r < 0)
		return tell(o, &e, r == -EINVAL ? EXIT_USAGE : EXIT_ERROR);
	return tell_result(o, record, status);
}

static int check(const struct cli_options *o, struct err *e)
{
	const struct config *c = &o->config;
	int r = options_check_words(o, 0, e);

	if (r < 0)
		return err_ctx(e, r, "a command comes after --");
	if (!config_has_command(c))
		return err_set(e, -EINVAL, "no command; it comes after --, as in "
			       "ktstr exec -- uname -r");
	if (o->json && !c->relay)
		return err_set(e, -EINVAL, "--json: stdout is the command's; --json=FILE is "
			       "for the record");
	if (c->tty && !c->relay && !isatty(STDIN_FILENO))
		return err_set(e, -EINVAL, "stdin is no terminal; without one there is "
			       "ktstr exec -- COMMAND");
	return 0;
}

static int start(const struct cli_command *command, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;
	int r = options_parse(&o, command, argc, argv, &e);

	if (r == 0 && o.help) {
		help_command(stdout, command);
		return 0;
	}
	if (r == 0 && command == &cli_shell)
		r = config_set(&o.config, "tty", "1", &e);
	if (r == 0 && o.print_config)
		return session_print_config(&o);
	if (r == 0)
		r = check(&o, &e);
	if (r < 0)
		return tell(&o, &e, EXIT_USAGE);
	session_log_level(&o);
	if (deliver_check(&o, &e) < 0)
		return tell(&o, &e, EXIT_ERROR);
	return run_command(&o);
}

static int run_exec(const struct cli *cli, int argc, char **argv)
{
	(void)cli;
	return start(&cli_exec, argc, argv);
}

static int run_shell(const struct cli *cli, int argc, char **argv)
{
	(void)cli;
	return start(&cli_shell, argc, argv);
}

const struct cli_command cli_exec = {
	.name = "exec",
	.run = run_exec,
	.args = "-- COMMAND [ARGUMENT...]",
	.help = "run one command in a VM and exit with its status",
	.more = "The command has this stdin, stdout and stderr. It is found among what -i brings,\n"
		"and the host's busybox where there is one. SIGINT and SIGTERM go to it first; once\n"
		"more ends it.\n\n"
		"Exit status: the command's, 128+N when it died of signal N, 127 when there is no such\n"
		"command; 2 when it ended with 0 but --watchdog-timeout could not be set; 64 usage;\n"
		"99 when it has none, as when the --scheduler that it ran on was ejected: then a line on\n"
		"stderr says why.\n",
	.takes = CLI_TAKES_COMMAND,
};

const struct cli_command cli_shell = {
	.name = "shell",
	.run = run_shell,
	.args = "[-- COMMAND [ARGUMENT...]]",
	.help = "an interactive shell in a VM",
	.more = "busybox of the host, which is needed, with what -i brings; or COMMAND, with a\n"
		"terminal. There is no deadline without --timeout. Ctrl-A X ends the VM at once,\n"
		"Ctrl-A A types Ctrl-A.\n\n"
		"Exit status: the shell's; 2 in place of 0 when --watchdog-timeout could not be set;\n"
		"0 after Ctrl-A X, poweroff and reboot; 64 usage, 99 error.\n",
	.takes = CLI_TAKES_COMMAND,
};
