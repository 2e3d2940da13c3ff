/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot's "scx": sched_ext's state and watchdog, and the exits seen so far. */
#include <errno.h>
#include <json-c/json.h>

#include "base/err.h"
#include "loop/dump_private.h"
#include "loop/json.h"
#include "monitor/sched_ext.h"

/* What a kernel has not at all (-ENOENT) is told by sched_ext_absent(). */
static void add_state(struct json_object *o, const struct sched_ext *x, struct dump_section *s)
{
	enum sched_ext_state state;
	int r = sched_ext_read_state(x, s->monitor, &state);

	if (r == 0)
		json_add_str(o, "state", sched_ext_state_name(state));
	else if (r != -ENOENT)
		dump_unavailable(s, "scx: state", r == -ENODATA ? "it is none that is known" :
								  "it cannot be read");
}

/* Without a scheduler (-EAGAIN) there need not be one. */
static void add_watchdog(struct json_object *o, const struct sched_ext *x, struct dump_section *s)
{
	uint64_t jiffies, tick_ns;
	struct err e = ERR_INIT;
	int r = sched_ext_read_timeout(x, s->monitor, &jiffies, &tick_ns, &e);

	if (r == 0 && tick_ns)
		json_add_ms(o, "watchdog_ms", jiffies * tick_ns);
	else if (r == 0)
		dump_unavailable(s, "scx: watchdog", "the length of a jiffy is not known");
	else if (r != -ENOENT && r != -EAGAIN)
		dump_unavailable(s, "scx: watchdog", "%s", err_text(&e));
}

void dump_scx(struct dump_section *s)
{
	struct json_object *o = json_object_new_object();
	struct sched_ext *x = NULL;
	struct err e = ERR_INIT;

	if (sched_ext_create(s->source->index, &x, &e) < 0) {
		dump_unavailable(s, "scx", "%s", err_text(&e));
		json_object_put(o);
		return;
	}
	add_state(o, x, s);
	add_watchdog(o, x, s);
	if (s->source->kernel_exits)
		json_object_object_add(o, "exits", json_object_get(s->source->kernel_exits));
	json_object_object_add(s->out, "scx", o);
	sched_ext_absent(x, dump_absent, s);
	sched_ext_destroy(x);
}
