/* SPDX-License-Identifier: GPL-2.0-only */
/* A run from options to record: the first user of libktstr. */
#include "cli/session.h"

#include <errno.h>
#include <ev.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/progress.h"
#include "ktstr/ktstr.h"

struct session {
	const struct session_hooks *hooks;	/* NULL: tests run */
	struct ev_loop *loop;
	struct ktstr_run *run;
	ev_signal signals[2], dump;
	bool passed_on;			/* a signal went to the command */
	unsigned interrupts;
	struct progress progress;
};

/* --- signals ------------------------------------------------------------------ */

static void stop_signals(struct session *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->signals); i++)
		ev_signal_stop(s->loop, &s->signals[i]);
}

static void on_dump(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct session *s = w->data;

	(void)loop;
	(void)revents;
	if (ktstr_run_dump(s->run, "SIGUSR1") < 0)
		log_notice("SIGUSR1: %s", ktstr_run_error(s->run));
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct session *s = w->data;

	(void)loop;
	(void)revents;
	if (s->hooks && !s->passed_on && ktstr_run_signal(s->run, w->signum) == 0) {
		s->passed_on = true;
		return;
	}
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
	ev_signal_init(&s->dump, on_dump, SIGUSR1);
	s->dump.data = s;
	ev_signal_start(s->loop, &s->dump);
}

/* --- the run ------------------------------------------------------------------- */

static void on_done(struct ktstr_run *run, void *arg)
{
	struct session *s = arg;

	(void)run;
	ev_break(s->loop, EVBREAK_ALL);
}

static void on_begun(struct ktstr_run *run, void *arg)
{
	struct session *s = arg;

	progress_stop(&s->progress);
	if (s->hooks->begun)
		s->hooks->begun(run, s->hooks->arg);
}

static int set_option(const struct option_row *row, const char *value, void *arg)
{
	return ktstr_run_set(arg, row->name, value);
}

static int prepare(struct session *s, const struct cli_options *o, struct err *e)
{
	const struct ktstr_streams streams = {
		.in = STDIN_FILENO, .out = STDOUT_FILENO, .err = STDERR_FILENO,
		.begun = on_begun, .arg = s,
	};
	int r = config_each(&o->config, set_option, s->run);

	if (r == 0 && s->hooks)
		r = ktstr_run_streams(s->run, &streams);
	if (r < 0)
		return err_set(e, r, "%s", ktstr_run_error(s->run));
	return s->hooks && s->hooks->prepare ?
	       s->hooks->prepare(s->run, s->loop, s->hooks->arg, e) : 0;
}

static int work(struct session *s, const struct cli_options *o, struct err *e)
{
	int r;

	s->loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL);
	s->run = ktstr_run_create();
	if (!s->loop || !s->run)
		return err_set(e, -ENOMEM, "event loop: %s", strerrordesc_np(errno));
	r = prepare(s, o, e);
	if (r < 0)
		return r;
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
	ev_signal_stop(s->loop, &s->dump);
	return r;
}

/* --- the record ----------------------------------------------------------------- */

struct json_object *session_error_record(const char *reason, int exit_code)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "schema", json_object_new_string("ktstr.run/1"));
	json_object_object_add(o, "verdict", json_object_new_string("error"));
	json_object_object_add(o, "reason", json_object_new_string(reason));
	json_object_object_add(o, "exit_code", json_object_new_int(exit_code));
	return o;
}

static int add_argument(const struct option_row *row, const char *value, void *arg)
{
	/* what a record says by itself: the values that were chosen in the end */
	static const char *const told[] = {
		"kernel", "topology", "numa", "distances", "package", "max-cpus", "offline-cpus",
		"memory", "accel",
	};

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

static struct json_object *take_record(const struct cli_options *o, const struct ktstr_run *run,
				       int *ret_status)
{
	const char *text = ktstr_run_record(run);
	struct json_object *record = text ? json_tokener_parse(text) : NULL;

	*ret_status = ktstr_run_exit_code(run);
	if (!record) {
		*ret_status = EXIT_ERROR;
		record = session_error_record("the run left no record", EXIT_ERROR);
	}
	if (json_object_is_type(record, json_type_object))
		complete_record(&o->config, record);
	return record;
}

int session_run(const struct cli_options *o, const struct session_hooks *hooks,
		struct json_object **ret_record, int *ret_status, struct err *e)
{
	struct session s = { .hooks = hooks };
	int r = work(&s, o, e);

	if (hooks && hooks->over)
		hooks->over(hooks->arg);
	if (r == 0)
		*ret_record = take_record(o, s.run, ret_status);
	ktstr_run_destroy(s.run);
	if (s.loop)
		ev_loop_destroy(s.loop);
	return r < 0 ? r : 0;
}

/* --- options that every such command has ------------------------------------------ */

void session_log_level(const struct cli_options *o)
{
	log_set_level(o->quiet ? LOG_QUIET : o->verbose == 0 ? LOG_NOTICE :
		      o->verbose == 1 ? LOG_INFO : LOG_DEBUG);
}

int session_print_config(const struct cli_options *o)
{
	struct json_object *config = config_to_json(&o->config);

	if (!config)
		return cli_error("out of memory");
	report_json(stdout, config);
	json_object_put(config);
	return 0;
}
