/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking for exits of schedulers, and after the watchdog. */
#include "loop/fate.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/json.h"

/* --- exits -------------------------------------------------------------------- */

/* Room for one more; when all is full the last one makes it. */
static struct fate_exit *add(struct fate *f)
{
	struct fate_exit *x = calloc(1, sizeof(*x));

	if (!x || f->exits == FATE_EXITS_MAX)
		f->dropped++;
	if (!x)
		return NULL;
	if (f->exits == FATE_EXITS_MAX) {
		f->exits--;
		sched_ext_exit_fini(&f->exit[f->exits]->exit);
		free(f->exit[f->exits]);
	}
	f->exit[f->exits++] = x;
	return x;
}

static void on_first_sight(struct fate *f, struct sched_ext_exit *x)
{
	char text[300];

	f->now = add(f);
	if (!f->now) {
		sched_ext_exit_fini(x);
		return;
	}
	f->now->exit = *x;
	f->now->seen_ns = units_now_ns();
	sched_ext_exit_text(x, text, sizeof(text));
	log_info("the kernel lets go of scheduler %s: %s", x->ops, text);
	if (f->on_exit)
		f->on_exit(f->now, f->arg);
}

/* The dump grows until the exit is complete; what comes then is being freed. True: it was read. */
static bool look_for_exit(struct fate *f)
{
	struct sched_ext_exit x, *now = f->now ? &f->now->exit : NULL;
	int r = sched_ext_read_exit(f->layout, f->monitor, &x);

	if (r == -EAGAIN)
		f->now = NULL;
	if (r < 0)
		return r == -ESTALE;	/* up to there as much work */
	if (!now || now->info_kva != x.info_kva || now->kind != x.kind) {
		on_first_sight(f, &x);
	} else if (now->complete) {
		sched_ext_exit_fini(&x);
	} else {
		sched_ext_exit_fini(now);
		*now = x;
	}
	return true;
}

/* --- the loop's side -------------------------------------------------------------- */

static void pay(struct fate *f, bool read)
{
	if (read)
		f->spent = MIN(f->spent + FATE_LOOK_PRICE, FATE_SPENT_MAX);
	else if (f->spent)
		f->spent--;
}

static bool is_busy(const struct fate *f, enum sched_ext_state state, bool read)
{
	if (read)
		return f->spent < FATE_SPENT_MAX;
	return f->expect || state != SCHED_EXT_DISABLED;
}

static void note_look(struct fate *f, int r)
{
	err_clear(&f->why);
	f->looked = r == 0;
	if (r < 0)
		err_set(&f->why, r, "the state of sched_ext cannot be read");
}

/* A freeze that was asked for may be under way: asking again changes nothing. */
static void look_at_watchdog(struct fate *f)
{
	int r;

	if (!f->watchdog.want_ns || f->given_up)
		return;
	err_clear(&f->why);
	r = sched_ext_watchdog_look(f->layout, f->monitor, &f->watchdog, &f->why);
	if (f->sets)
		f->sets--;
	if (r != 0)
		return;
	if (f->sets > FATE_SETS_MAX - FATE_SET_PRICE) {
		err_set(&f->why, -EBUSY, "it is changed again and again");
		return;
	}
	err_set(&f->why, -EAGAIN, "the guest has not stood still for it yet");
	f->on_watchdog(f->arg);
}

void fate_set_watchdog(struct fate *f, const char *partial)
{
	enum sched_ext_state state;

	err_clear(&f->why);
	f->sets += FATE_SET_PRICE;
	/* each try takes as long as a freeze may */
	f->given_up = *partial;
	if (f->given_up)
		err_set(&f->why, -ETIMEDOUT, "%s", partial);
	else if (sched_ext_read_state(f->layout, f->monitor, &state) < 0 ||
		 state != SCHED_EXT_ENABLED)
		err_set(&f->why, -EAGAIN, "the scheduler was gone before it could be set");
	else
		(void)sched_ext_watchdog_set(f->layout, f->monitor, &f->watchdog, &f->why);
}

static void look(struct fate *f)
{
	enum sched_ext_state state = SCHED_EXT_DISABLED;
	int r = sched_ext_read_state(f->layout, f->monitor, &state);
	bool read;

	if (!f->looked)
		note_look(f, r);
	/* first: to read an exit takes long enough for the scheduler to be gone */
	if (r == 0 && state == SCHED_EXT_ENABLED) {
		f->attached = true;
		look_at_watchdog(f);
	}
	read = look_for_exit(f);
	pay(f, read);
	f->look.repeat = is_busy(f, state, read) ? FATE_BUSY_MS / 1e3 : FATE_IDLE_MS / 1e3;
}

static void on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct fate *f = container_of(t, struct fate, look);

	(void)revents;
	look(f);
	ev_timer_again(loop, t);
}

void fate_init(struct fate *f, bool expect, uint64_t watchdog_ns)
{
	*f = (struct fate){ .expect = expect, .watchdog.want_ns = watchdog_ns, .why = ERR_INIT };
}

void fate_begin(struct fate *f, struct ev_loop *loop, const struct sched_ext *layout,
		struct monitor *monitor)
{
	f->loop = loop;
	f->layout = layout;
	f->monitor = monitor;
	ev_timer_init(&f->look, on_look, 0., FATE_BUSY_MS / 1e3);
	ev_timer_start(loop, &f->look);
}

void fate_stop(struct fate *f)
{
	if (!f->loop)
		return;
	ev_timer_stop(f->loop, &f->look);
	(void)look_for_exit(f);
	f->loop = NULL;
}

void fate_fini(struct fate *f)
{
	if (f->loop)
		ev_timer_stop(f->loop, &f->look);
	for (unsigned i = 0; i < f->exits; i++) {
		sched_ext_exit_fini(&f->exit[i]->exit);
		free(f->exit[i]);
	}
	fate_init(f, false, 0);
}

const char *fate_watchdog_failed(const struct fate *f)
{
	const char *why = err_text(&f->why);

	if (!f->watchdog.want_ns || f->watchdog.held)
		return NULL;
	return *why ? why : "no scheduler was seen";
}

const char *fate_watchdog_missed(const struct fate *f, bool told)
{
	return told || f->attached || f->exits || !f->looked ? fate_watchdog_failed(f) : NULL;
}

/* --- to the record ------------------------------------------------------------------ */

static struct json_object *exit_to_json(const struct fate_exit *e, uint64_t since_ns)
{
	const struct sched_ext_exit *x = &e->exit;
	struct json_object *o = json_object_new_object();

	json_add_ms(o, "t_ms", e->seen_ns - since_ns);
	json_add_str(o, "test", e->test);
	json_add_str(o, "ops", x->ops);
	json_object_object_add(o, "kind", json_object_new_int64(x->kind));
	json_add_str(o, "kind_name", x->kind_name);
	if (x->has_code)
		json_object_object_add(o, "code", json_object_new_int64(x->code));
	json_add_str(o, "reason", x->reason);
	json_add_str(o, "msg", x->msg);
	json_add_str(o, "dump", x->dump);
	if (!x->complete)
		json_object_object_add(o, "incomplete", json_object_new_boolean(true));
	return o;
}

struct json_object *fate_exits_to_json(const struct fate *f, uint64_t since_ns)
{
	struct json_object *a;

	if (!f->exits)
		return NULL;
	a = json_object_new_array();
	for (unsigned i = 0; i < f->exits; i++)
		json_object_array_add(a, exit_to_json(f->exit[i], since_ns));
	return a;
}

struct json_object *fate_watchdog_to_json(const struct fate *f)
{
	const struct sched_ext_watchdog *w = &f->watchdog;
	struct json_object *o;

	if (!w->want_ns)
		return NULL;
	o = json_object_new_object();
	json_add_ms(o, "requested_ms", w->want_ns);
	if (w->was_ns)
		json_add_ms(o, "was_ms", w->was_ns);
	if (w->now_ns)
		json_add_ms(o, "now_ms", w->now_ns);
	json_add_str(o, "why", fate_watchdog_failed(f));
	return o;
}
