/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest says of the scheduler under test becomes facts and a part of the record. */
#include "loop/sched.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "base/util.h"
#include "loop/bpf_write.h"
#include "loop/json.h"
#include "loop/run.h"
#include "monitor/sched_ext.h"

/* How an event reads, and whether it ends the run. */
static const struct {
	const char *status;		/* in the record */
	const char *reason;		/* in front of the guest's words */
	enum stop_reason stop;
} events[] = {
	[0] = { "not started", "", STOP_NONE },
	[WIRE_SCHED_ATTACHED] = { "attached", "", STOP_NONE },
	[WIRE_SCHED_STOPPED] = { "stopped", "", STOP_NONE },
	[WIRE_SCHED_NO_EXEC] = { "not executable", "", STOP_SCHED_EXEC },
	[WIRE_SCHED_UNSUPPORTED] = { "unsupported", "", STOP_SCHED_UNSUPPORTED },
	[WIRE_SCHED_COMMAND] = { "not enabled", "--sched-enable: ", STOP_SCHED_COMMAND },
	[WIRE_SCHED_DIED_EARLY] = { "died early", "died early: ", STOP_SCHED_DIED_EARLY },
	[WIRE_SCHED_NOT_ATTACHED] = { "never attached", "never attached: ",
				      STOP_SCHED_NOT_ATTACHED },
	[WIRE_SCHED_EJECTED] = { "ejected", "ejected by the kernel: ", STOP_SCHED_EJECTED },
	[WIRE_SCHED_DIED] = { "died", "died: ", STOP_SCHED_DIED },
};
static_assert(ARRAY_SIZE(events) == WIRE_SCHED_EVENT_COUNT, "every event has a row");

/* --- from the options --------------------------------------------------------- */

static int copy(struct strlist *to, const struct strlist *from)
{
	int r = 0;

	for (size_t i = 0; i < from->count && r == 0; i++)
		r = strlist_add(to, from->item[i]);
	return r;
}

int sched_facts_init(struct sched_facts *f, const struct config *c)
{
	int r;

	*f = (struct sched_facts){ .path = c->scheduler ? strdup(c->scheduler) : NULL };
	if (c->scheduler && !f->path)
		return -ENOMEM;
	if ((r = copy(&f->args, &c->sched_args)) < 0 ||
	    (r = copy(&f->enable, &c->sched_enable)) < 0 ||
	    (r = copy(&f->disable, &c->sched_disable)) < 0)
		return r;
	return copy(&f->staged, &c->stage);
}

void sched_facts_fini(struct sched_facts *f)
{
	free(f->path);
	strlist_fini(&f->args);
	strlist_fini(&f->enable);
	strlist_fini(&f->disable);
	strlist_fini(&f->staged);
	strlist_fini(&f->log_tail);
	json_object_put(f->kernel_exits);
	json_object_put(f->watchdog);
	json_object_put(f->bpf_writes);
	*f = (struct sched_facts){ 0 };
}

/* --- from the guest ----------------------------------------------------------- */

static void keep_line(const char *line, void *arg)
{
	snprintf(arg, 200, "%.199s", line);
}

/* "scheduler simple: died early: exited with status 1; its last words: ..." */
static void stop(struct ktstr_run *run, uint32_t event, bool last_words)
{
	const struct sched_facts *s = &run->facts.sched;
	const char *slash = s->path ? strrchr(s->path, '/') : NULL;
	const char *name = slash ? slash + 1 : s->path ? s->path : "";
	char line[200] = "";

	if (last_words)
		capture_tail(&run->sched_log, 1, keep_line, line);
	facts_stop(&run->facts, events[event].stop, "scheduler%s%.64s: %s%.300s%s%s",
		   *name ? " " : "", name, events[event].reason, s->why,
		   *line ? "; its last words: " : "", line);
}

/* Whoever sits at a terminal in the guest, once it is there, is told there, and may look around. */
static bool told_at_terminal(const struct ktstr_run *run, uint32_t event)
{
	return run->config.tty && run->phases.now >= PHASE_TEST &&
	       (event == WIRE_SCHED_EJECTED || event == WIRE_SCHED_DIED);
}

bool sched_on_event(struct ktstr_run *run, const struct frame *f)
{
	struct sched_facts *s = &run->facts.sched;
	struct wire_sched w;
	const char *text;

	if (!frame_get_sched(f, &w, &text))
		return false;
	if (w.has_status) {
		s->has_status = true;
		s->status = w.status;
	}
	if (w.event == WIRE_SCHED_ATTACHED) {
		memcpy(s->ops, w.ops, sizeof(s->ops));
		text_clean(s->ops, strlen(s->ops));
		s->attach_ns = w.attach_ns;
		phases_reach(&run->phases, PHASE_SCHED);
		bpf_write_attached(run);
	}
	/* a failure stays one, whatever the guest says behind it */
	if (events[s->event].stop != STOP_NONE)
		return true;
	s->event = w.event;
	if (events[w.event].stop == STOP_NONE)
		return true;
	snprintf(s->why, sizeof(s->why), "%.*s", (int)(f->length - sizeof(w)), text);
	text_clean(s->why, strlen(s->why));
	if (!told_at_terminal(run, w.event))
		stop(run, w.event, true);
	return true;
}

bool sched_on_kernel_exit(struct ktstr_run *run, const struct sched_ext_exit *x)
{
	struct sched_facts *s = &run->facts.sched;

	/*
	 * A test's is the test's affair. Of one that was let go, or never came to be attached,
	 * PID 1 tells, with its process; and with a terminal it knows whether that is there yet.
	 */
	if (!x->is_error || s->event != WIRE_SCHED_ATTACHED || run->config.tty)
		return false;
	s->event = WIRE_SCHED_EJECTED;
	sched_ext_exit_text(x, s->why, sizeof(s->why));
	/* its process still runs: what it printed so far was about something else */
	stop(run, WIRE_SCHED_EJECTED, false);
	return true;
}

void sched_on_log(struct ktstr_run *run, const struct frame *f)
{
	run->facts.sched.log_bytes += f->length;
	capture_add(&run->sched_log, f->payload, f->length);
}

/* --- to the record ------------------------------------------------------------ */

static void add_exit(struct json_object *o, int status)
{
	struct json_object *x = json_object_new_object();
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
	char text[24];

	if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "SIG%s", name ? name : "?");
		json_add_str(x, "signal", text);
	} else {
		json_object_object_add(x, "code", json_object_new_int(WEXITSTATUS(status)));
	}
	json_object_object_add(o, "exit", x);
}

struct json_object *sched_facts_to_json(const struct sched_facts *f)
{
	struct json_object *o;

	if (!f->path && !f->enable.count && !f->disable.count && !f->staged.count &&
	    !f->kernel_exits)
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "path", f->path);
	json_add_list(o, "args", &f->args);
	json_add_list(o, "enable", &f->enable);
	json_add_list(o, "disable", &f->disable);
	json_add_list(o, "staged", &f->staged);
	if (f->path || f->event)
		json_add_str(o, "status", events[f->event].status);
	json_add_str(o, "ops", f->ops);
	if (f->attach_ns)
		json_add_ms(o, "attach_ms", f->attach_ns);
	if (f->bpf_writes)
		json_object_object_add(o, "bpf_writes", json_object_get(f->bpf_writes));
	json_add_str(o, "why", f->why);
	if (f->has_status)
		add_exit(o, f->status);
	if (f->log_bytes)
		json_object_object_add(o, "log_bytes", json_object_new_uint64(f->log_bytes));
	json_add_list(o, "log_tail", &f->log_tail);
	if (f->kernel_exits)
		json_object_object_add(o, "kernel_exits", json_object_get(f->kernel_exits));
	if (f->watchdog)
		json_object_object_add(o, "watchdog", json_object_get(f->watchdog));
	return o;
}
