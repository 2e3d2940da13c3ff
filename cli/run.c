/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr run: the first user of libktstr. Everything that has to be told ends
 * as a record, errors before the run included, and the reports are made of it.
 */
#include <errno.h>
#include <ev.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/deliver.h"
#include "cli/options.h"
#include "cli/tests.h"
#include "cli/progress.h"
#include "ktstr/ktstr.h"
#include "loop/testlist.h"

struct session {
	struct ev_loop *loop;
	struct ktstr_run *run;
	ev_signal signals[2];
	unsigned interrupts;
	struct progress progress;
};

/* --- the run ---------------------------------------------------------------- */

static void stop_signals(struct session *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->signals); i++)
		ev_signal_stop(s->loop, &s->signals[i]);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct session *s = w->data;

	(void)loop;
	(void)revents;
	s->interrupts++;
	if (s->interrupts == 1)
		log_notice("%s: ending the run; once more ends it at once", strsignal(w->signum));
	else
		stop_signals(s);	/* a third one has its default effect */
	ktstr_run_cancel(s->run);
}

static void start_signals(struct session *s)
{
	static const int numbers[] = { SIGINT, SIGTERM };

	/* the loop is this command's own, hence signals may be watched on it */
	for (size_t i = 0; i < ARRAY_SIZE(s->signals); i++) {
		ev_signal_init(&s->signals[i], on_signal, numbers[i]);
		s->signals[i].data = s;
		ev_signal_start(s->loop, &s->signals[i]);
	}
}

static void on_done(struct ktstr_run *run, void *arg)
{
	struct session *s = arg;

	(void)run;
	ev_break(s->loop, EVBREAK_ALL);
}

static int set_option(const struct option_row *row, const char *value, void *arg)
{
	return ktstr_run_set(arg, row->name, value);
}

/* Returns 0 when the run took place, whatever came of it. */
static int work(struct session *s, const struct cli_options *o, struct err *e)
{
	int r;

	s->loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	s->run = ktstr_run_create();
	if (!s->loop || !s->run)
		return err_set(e, -ENOMEM, "event loop: %s", strerrordesc_np(errno));
	r = config_each(&o->config, set_option, s->run);
	if (r < 0)
		return err_set(e, r, "%s", ktstr_run_error(s->run));
	start_signals(s);
	r = ktstr_run_start(s->run, s->loop, on_done, s);
	if (r < 0) {
		err_set(e, r, "%s", ktstr_run_error(s->run));
	} else {
		progress_start(&s->progress, s->loop, s->run,
			       !o->quiet && !o->verbose && !o->config.dmesg);
		ev_run(s->loop, 0);
		progress_stop(&s->progress);
	}
	stop_signals(s);
	return r;
}

static void session_fini(struct session *s)
{
	ktstr_run_destroy(s->run);
	if (s->loop)
		ev_loop_destroy(s->loop);
}

/* --- from options to exit status --------------------------------------------- */

/* An error of ours as a record; exit_code tells which kind. */
static struct json_object *error_record(const char *reason, int exit_code)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "schema", json_object_new_string("ktstr.run/1"));
	json_object_object_add(o, "verdict", json_object_new_string("error"));
	json_object_object_add(o, "reason", json_object_new_string(reason));
	json_object_object_add(o, "exit_code", json_object_new_int(exit_code));
	return o;
}

static int tell_usage_error(const struct cli_options *o, const struct err *e)
{
	struct json_object *record = error_record(err_text(e), EXIT_USAGE);

	cli_usage_error("%s", err_text(e));
	/* who reads a format gets one; a person has read the line */
	(void)deliver_formats(o, record);
	json_object_put(record);
	return EXIT_USAGE;
}

static int tell_error(const struct cli_options *o, const struct err *e)
{
	struct json_object *record = error_record(err_text(e), EXIT_ERROR);

	(void)deliver_all(o, record);
	json_object_put(record);
	return EXIT_ERROR;
}

static int add_argument(const struct option_row *row, const char *value, void *arg)
{
	/* what a record says by itself: the values that were chosen in the end */
	static const char *const told[] = { "kernel", "topology", "memory", "accel" };

	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		if (!strcmp(row->name, told[i]))
			return 0;
	return row->positional ? 0 : config_arg(row, value, arg);
}

/* The rest of what was asked for, so that a report can say how to do it again. */
static void complete_record(const struct config *c, struct json_object *record)
{
	_cleanup_(strlist_fini) struct strlist args = { 0 };
	struct json_object *list = json_object_new_array();

	/* without memory the list is short; the record is worth more than the list */
	(void)config_each(c, add_argument, &args);
	for (size_t i = 0; i < args.count; i++)
		json_object_array_add(list, json_object_new_string(args.item[i]));
	json_object_object_add(record, "arguments", list);
	if (c->binary)
		json_object_object_add(record, "binary", json_object_new_string(c->binary));
}

static int tell_result(const struct cli_options *o, const struct ktstr_run *run)
{
	const char *text = ktstr_run_record(run);
	struct json_object *record = text ? json_tokener_parse(text) : NULL;
	int status = ktstr_run_exit_code(run), r;

	if (!record) {
		status = EXIT_ERROR;
		record = error_record("the run left no record", status);
	}
	if (json_object_is_type(record, json_type_object))
		complete_record(&o->config, record);
	r = deliver_all(o, record);
	json_object_put(record);
	return status ? status : r;
}

/* Names are checked before anything starts: a mistyped one is a usage error. */
static int check_names(const struct cli *cli, const struct cli_options *o)
{
	_cleanup_(testlist_fini) struct testlist l = { 0 };
	const struct config *c = &o->config;
	struct err e = ERR_INIT;
	uint64_t memory_bytes;
	struct topo topo;
	int r;

	if (!c->tests.count)
		return 0;
	r = cli_tests(cli, c->binary, &l, &e);
	if (r < 0)
		return tell_error(o, &e);
	r = testlist_shape(&l, &c->tests, &topo, &memory_bytes, &e);
	if (r == -ENOENT)
		return tell_usage_error(o, &e);
	return r < 0 ? tell_error(o, &e) : 0;
}

static void set_log_level(const struct cli_options *o)
{
	log_set_level(o->quiet ? LOG_QUIET : o->verbose == 0 ? LOG_NOTICE :
		      o->verbose == 1 ? LOG_INFO : LOG_DEBUG);
}

static int print_config(const struct cli_options *o)
{
	struct json_object *config = config_to_json(&o->config);

	if (!config)
		return cli_error("out of memory");
	report_json(stdout, config);
	json_object_put(config);
	return 0;
}

static int do_run(const struct cli *cli, const struct cli_options *o)
{
	struct session s = { 0 };
	struct err e = ERR_INIT;
	int status, r;

	status = check_names(cli, o);
	if (status)
		return status;
	r = work(&s, o, &e);
	if (r < 0)
		status = r == -EINVAL ? tell_usage_error(o, &e) : tell_error(o, &e);
	else
		status = tell_result(o, s.run);
	session_fini(&s);
	return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(options_fini) struct cli_options o;
	struct err e = ERR_INIT;

	if (options_parse(&o, &cli_run, argc, argv, &e) < 0)
		return tell_usage_error(&o, &e);
	if (o.help) {
		help_command(stdout, &cli_run);
		return 0;
	}
	if (o.print_config)
		return print_config(&o);
	set_log_level(&o);
	return do_run(cli, &o);
}

const struct cli_command cli_run = {
	.name = "run",
	.run = run,
	.args = "[TEST-BINARY] [-- TEST-NAME...]",
	.help = "boot a VM, run tests in it, print the verdict",
	.more = "Without TEST-BINARY the tests of this program are run, without TEST-NAME all but\n"
		"those tagged \"manual\". Each option NAME has a variable KTSTR_NAME (upper case,\n"
		"underscores for dashes); the option wins.\n\n"
		"Exit status: 0 pass, 1 fail, 2 inconclusive, 64 usage, 77 skipped, 99 error.\n",
	.takes = CLI_TAKES_RUN,
};
