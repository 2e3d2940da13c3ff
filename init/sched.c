/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of the scheduler under test; its process and its log: sched_proc.c. */
#include "init/sched.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/units.h"
#include "base/util.h"
#include "init/guest.h"
#include "init/host.h"
#include "init/sched_private.h"
#include "init/scx.h"

#define ATTACH_MS 15000
#define STOP_MS 5000
/* A process that let go of its scheduler, or was thrown out, still has to say why and end. */
#define FAREWELL_MS 3000
/* "disabled" follows "remove" within a moment, and no event tells of it (scx.h). */
#define LOOK_MS 5
#define LOOKS_MAX 1000

static void arm(struct init_sched *s, unsigned ms)
{
	const struct itimerspec its = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
	};

	timerfd_settime(s->timer, 0, &its, NULL);
}

/* --- telling ------------------------------------------------------------------ */

/* A staged scheduler is the running test's affair, the one under test the run's. */
static void tell_test(struct init_sched *s, enum wire_sched_event event, const char *text)
{
	static const char *const words[WIRE_SCHED_EVENT_COUNT] = {
		[WIRE_SCHED_ATTACHED] = "attached as ",
		[WIRE_SCHED_STOPPED] = "stopped: ",
		[WIRE_SCHED_EJECTED] = "ejected by the kernel: ",
	};

	/* the supervisor tells it, as a failure */
	if (init_sched_lost(s))
		return;
	init_detail(s->host, WIRE_PASS, "Scheduler", "%s: %s%s", s->staged,
		    words[event] ? words[event] : "", event == WIRE_SCHED_ATTACHED ? s->ops : text);
}

static void tell(struct init_sched *s, enum wire_sched_event event, const char *text)
{
	struct wire_sched w = {
		.event = event, .has_status = s->proc.exited, .status = s->proc.status,
		.attach_ns = s->attach_ns,
	};

	if (s->staged[0]) {
		tell_test(s, event, text);
		return;
	}
	memcpy(w.ops, s->ops, sizeof(w.ops));
	s->host->send(s->host, WIRE_SCHED, &w, sizeof(w), text, strlen(text));
}

/* One that goes although it is to stay is a failure, which the host looks into at once. */
static void tell_stays(struct init_sched *s, bool stays)
{
	const struct wire_exit x = { .code = stays };

	s->host->send(s->host, WIRE_SCHED_STAYS, &x, sizeof(x), NULL, 0);
}

/* The first end is the one that counts. */
__attribute__((format(printf, 3, 4)))
static void end(struct init_sched *s, enum wire_sched_event event, const char *fmt, ...)
{
	va_list ap;

	if (s->end)
		return;
	s->end = event;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	tell(s, event, s->why);
}

/* --- from state to state ------------------------------------------------------ */

static void leave(struct init_sched *s)
{
	char state[32];

	scx_state(s->plan->sysfs, state);
	if (!*state || !strcmp(state, "disabled")) {
		s->state = SCHED_OFF;
		arm(s, 0);
	} else if (s->looks++ == LOOKS_MAX) {
		s->state = SCHED_OFF;
		arm(s, 0);
		init_log(s->host, "sched_ext stays %s after its scheduler has ended", state);
	} else {
		/* attached without a link: nobody but us is left to let go of it */
		if (s->looks == 1 && !strcmp(state, "enabled"))
			sched_reset(s);
		s->state = SCHED_LEAVING;
		arm(s, LOOK_MS);
	}
}

static void on_exit_of_process(struct init_sched *s)
{
	char how[64], why[300];
	bool user;

	s->looking = false;
	sched_log_finish(s);
	init_status_describe(s->proc.status, how, sizeof(how));
	scx_why(s->plan->kmsg, why, sizeof(why), &user);
	if (s->state == SCHED_STARTING && !*why)
		end(s, WIRE_SCHED_DIED_EARLY, "%s before it was attached", how);
	else if ((s->state == SCHED_STARTING || s->state == SCHED_ATTACHED) && *why && !user)
		/* without an event: never enabled (scx.h), or between ops.exit and "remove" */
		end(s, WIRE_SCHED_EJECTED, "%s", why);
	else if (s->state != SCHED_STOPPING)
		end(s, WIRE_SCHED_DIED, "%s while it was attached", how);
	else if (s->end)
		tell(s, WIRE_SCHED_STOPPED, how);	/* too late for the reason */
	else
		end(s, WIRE_SCHED_STOPPED, "%s", how);
	s->looks = 0;
	leave(s);
}

static void on_add(struct init_sched *s, const char *ops)
{
	if (s->state != SCHED_STARTING)
		return;
	snprintf(s->ops, sizeof(s->ops), "%s", ops);
	if (!*s->ops)
		scx_ops(s->plan->sysfs, s->ops);
	s->attach_ns = units_now_ns() - s->start_ns;
	s->state = SCHED_ATTACHED;
	arm(s, 0);
	tell_stays(s, true);
	tell(s, WIRE_SCHED_ATTACHED, "");
}

static void on_remove(struct init_sched *s)
{
	char why[300];
	bool user;

	if (s->state != SCHED_ATTACHED)
		return;
	s->looking = false;
	scx_why(s->plan->kmsg, why, sizeof(why), &user);
	arm(s, FAREWELL_MS);
	if (user) {
		s->state = SCHED_GOING;
		return;
	}
	end(s, WIRE_SCHED_EJECTED, "%s", *why ? why : "the kernel's log does not say why");
	s->state = SCHED_STOPPING;
}

void init_sched_look(struct init_sched *s)
{
	char ops[WIRE_NAME_MAX], state[32];
	bool enabled;

	scx_state(s->plan->sysfs, state);
	enabled = !strcmp(state, "enabled");
	if (s->state == SCHED_STARTING && enabled) {
		scx_ops(s->plan->sysfs, ops);
		on_add(s, ops);
	} else if (s->state == SCHED_ATTACHED && !strcmp(state, "disabling") &&
		   s->looks++ < LOOKS_MAX) {
		s->looking = true;
		arm(s, LOOK_MS);
	} else if (s->state == SCHED_ATTACHED && !enabled) {
		on_remove(s);
	}
}

static void on_too_late(struct init_sched *s)
{
	char why[300];
	bool user;

	scx_why(s->plan->kmsg, why, sizeof(why), &user);
	if (*why && !user)
		end(s, WIRE_SCHED_EJECTED, "%s", why);
	else
		end(s, WIRE_SCHED_NOT_ATTACHED, "runs, but was not attached after %.1f s",
		    (double)(units_now_ns() - s->start_ns) / (double)NSEC_PER_SEC);
}

static void on_timer(struct init_sched *s)
{
	uint64_t ticks;

	if (read(s->timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	if (s->state == SCHED_LEAVING) {
		leave(s);
		return;
	}
	if (s->state == SCHED_ATTACHED) {
		init_sched_look(s);
		return;
	}
	if (s->killed) {
		init_log(s->host, "the scheduler's process could not be killed");
		s->state = SCHED_OFF;
		return;
	}
	if (s->state == SCHED_STARTING)
		on_too_late(s);
	else if (s->state == SCHED_GOING)
		end(s, WIRE_SCHED_DIED, "let go of its scheduler and went on running");
	s->state = SCHED_STOPPING;
	s->killed = true;
	tell_stays(s, false);
	kill(s->proc.pid, SIGKILL);
	arm(s, STOP_MS);
}

/* --- the outside -------------------------------------------------------------- */

int init_sched_init(struct init_sched *s, const struct init_sched_plan *plan,
		    struct init_host *host)
{
	*s = (struct init_sched){ .plan = plan, .host = host, .output = -1 };
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return s->timer < 0 ? -errno : 0;
}

void init_sched_fini(struct init_sched *s)
{
	close_fd(&s->timer);
	close_fd(&s->output);
	buf_fini(&s->log_tail);
}

/* What happened before is nobody's business. */
static void forget_past(struct init_sched *s)
{
	char ops[WIRE_NAME_MAX];
	enum scx_event event;

	while (s->plan->events >= 0 && scx_events_next(s->plan->events, &event, ops))
		;
	init_kmsg_skip(s->plan->kmsg);
	s->proc = (struct init_proc){ 0 };
	s->end = 0;
	s->why[0] = s->ops[0] = '\0';
	s->attach_ns = 0;
	s->killed = s->looking = false;
	s->looks = 0;
	s->log_bytes = s->log_told = 0;
	buf_reset(&s->log_tail);
}

void init_sched_start(struct init_sched *s, const char *staged, const char *path,
		      char *const *argv)
{
	int r;

	forget_past(s);
	snprintf(s->staged, sizeof(s->staged), "%s", staged);
	s->start_ns = units_now_ns();
	if (!scx_is_supported(s->plan->sysfs)) {
		end(s, WIRE_SCHED_UNSUPPORTED, "the guest's kernel has no sched_ext: there is no "
		    "%s, which takes CONFIG_SCHED_CLASS_EXT", s->plan->sysfs);
		return;
	}
	r = sched_spawn(s, path, argv);
	if (r < 0) {
		end(s, WIRE_SCHED_NO_EXEC, "could not be executed: %s", strerrordesc_np(-r));
		return;
	}
	s->state = SCHED_STARTING;
	arm(s, s->plan->attach_ms ? s->plan->attach_ms : ATTACH_MS);
}

void init_sched_stop(struct init_sched *s)
{
	if (s->state != SCHED_STARTING && s->state != SCHED_ATTACHED)
		return;
	s->looking = false;
	s->state = SCHED_STOPPING;
	tell_stays(s, false);
	kill(s->proc.pid, SIGINT);
	arm(s, s->plan->stop_ms ? s->plan->stop_ms : STOP_MS);
}

void init_sched_want(const struct init_sched *s, struct pollfd ret[INIT_SCHED_POLLS])
{
	bool off = s->state == SCHED_OFF;

	ret[0] = (struct pollfd){ .fd = off ? -1 : s->plan->events, .events = POLLIN };
	ret[1] = (struct pollfd){ .fd = off ? -1 : s->timer, .events = POLLIN };
	ret[2] = (struct pollfd){ .fd = s->host->busy ? -1 : s->output, .events = POLLIN };
}

/* Events first: what the kernel did to a scheduler comes before what its process did then. */
void init_sched_ready(struct init_sched *s)
{
	char ops[WIRE_NAME_MAX];
	enum scx_event event;

	if (s->state == SCHED_OFF)
		return;
	while (s->plan->events >= 0 && scx_events_next(s->plan->events, &event, ops)) {
		if (event == SCX_ADD)
			on_add(s, ops);
		else if (event == SCX_REMOVE)
			on_remove(s);
		else if (event == SCX_LOST)
			init_sched_look(s);
	}
	sched_log_take(s);
	if (s->proc.exited && s->state != SCHED_LEAVING)
		on_exit_of_process(s);
	on_timer(s);
}
