/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The watchdog of sched_ext, rewritten from outside. kernel/sched/ext.c, 6.12:
 * scx_watchdog_workfn() looks at all waiting tasks and queues itself again after
 * half of scx_watchdog_timeout; scx_tick() looks whether it still does. Since 7.1 it is
 * queued after scx_watchdog_interval, half of the shortest time of all schedulers, which
 * is computed when one comes or goes (refresh_watchdog()).
 */
#include <errno.h>
#include <inttypes.h>

#include "base/util.h"
#include "monitor/monitor.h"
#include "monitor/sched_ext_private.h"

/* kernel/Kconfig.hz has 100 to 1000 Hz. */
#define TICK_MIN_NS (NSEC_PER_SEC / 2000)
#define TICK_MAX_NS (NSEC_PER_SEC / 20)

static int tick_ns(const struct sched_ext *s, const struct monitor *m, uint64_t *ret,
		   struct err *e)
{
	const struct layout_place *mult = &s->thing[THING_TICK_MULT].at;
	uint64_t v, shift;

	if (sched_ext_get(s, m, THING_TICK_MULT, &v) < 0 ||
	    sched_ext_get(s, m, THING_TICK_SHIFT, &shift) < 0)
		return err_set(e, -ENOENT, "the length of a jiffy is not known: %s",
			       mult->has ? "it cannot be read" : mult->why);
	v = shift < 32 ? v >> shift : 0;
	if (v < TICK_MIN_NS || v > TICK_MAX_NS)
		return err_set(e, -EPROTO, "the length of a jiffy is no sane one: %" PRIu64 " ns",
			       v);
	*ret = v;
	return 0;
}

static int put(const struct sched_ext *s, struct monitor *m, enum sched_ext_thing t, uint64_t v,
	       struct err *e)
{
	uint64_t kva;
	int r = scx_place_now(&s->thing[t], m, &kva);

	if (r == 0)
		r = monitor_put_uint(m, kva, s->thing[t].at.field.size, v);
	return r < 0 ? err_set(e, r, "%s cannot be written", s->thing[t].symbol) : 0;
}

static int get(const struct sched_ext *s, const struct monitor *m, enum sched_ext_thing t,
	       uint64_t *ret, struct err *e)
{
	const struct scx_place *p = &s->thing[t];
	int r = sched_ext_get(s, m, t, ret);

	if (r == -EAGAIN)
		return err_set(e, r, "no scheduler was attached");
	return r < 0 ? err_set(e, r, p->at.has ? "%s cannot be read" : "%s",
			       p->at.has ? p->symbol : p->at.why) : 0;
}

int sched_ext_read_timeout(const struct sched_ext *s, const struct monitor *m,
			   uint64_t *ret_jiffies, uint64_t *ret_tick_ns, struct err *e)
{
	*ret_tick_ns = 0;
	(void)tick_ns(s, m, ret_tick_ns, NULL);
	return get(s, m, THING_TIMEOUT, ret_jiffies, e);
}

/* As if the watchdog looked when it is due. */
static int look_ahead(const struct sched_ext *s, struct monitor *m, uint64_t interval,
		      struct err *e)
{
	uint64_t now, due;
	int r;

	if ((r = get(s, m, THING_JIFFIES, &now, e)) < 0 ||
	    (r = get(s, m, THING_STAMP, &due, e)) < 0)
		return r;
	due += interval;
	return (int64_t)(due - now) > 0 ? put(s, m, THING_STAMP, due, e) : 0;
}

/* All in jiffies but for a jiffy's length. */
struct times {
	uint64_t now, want;		/* how long a task may wait */
	uint64_t interval;		/* of the checks; 0: half of it */
	uint64_t tick_ns;
};

static uint64_t longest_interval(const struct times *t)
{
	return MAX(t->want / 2, UINT64_C(1));
}

/* A shorter interval may be that of another scheduler. */
static bool is_as_wanted(const struct times *t)
{
	return t->now == t->want && t->interval <= longest_interval(t);
}

static int measure(const struct sched_ext *s, const struct monitor *m,
		   struct sched_ext_watchdog *w, struct times *ret, struct err *e)
{
	struct times t = { 0 };
	int r;

	r = get(s, m, THING_TIMEOUT, &t.now, e);
	if (r == -EAGAIN)		/* what was held of the last scheduler stays */
		return r;
	w->held = false;
	if (r < 0 ||
	    (r = tick_ns(s, m, &t.tick_ns, e)) < 0 ||
	    (s->thing[THING_INTERVAL].at.has &&
	     (r = get(s, m, THING_INTERVAL, &t.interval, e)) < 0))
		return r;
	t.want = MAX(w->want_ns / t.tick_ns, UINT64_C(1));
	w->held = is_as_wanted(&t);
	w->now_ns = t.now * t.tick_ns;
	/* what is not as we set it, the scheduler has */
	if (t.now != t.want || !w->was_ns)
		w->was_ns = w->now_ns;
	*ret = t;
	return 0;
}

int sched_ext_watchdog_look(const struct sched_ext *s, const struct monitor *m,
			    struct sched_ext_watchdog *w, struct err *e)
{
	struct times t;
	int r = measure(s, m, w, &t, e);

	return r < 0 ? r : w->held;
}

int sched_ext_watchdog_set(const struct sched_ext *s, struct monitor *m,
			   struct sched_ext_watchdog *w, struct err *e)
{
	struct times t;
	uint64_t was_ns;
	int r = measure(s, m, w, &t, e);

	was_ns = w->was_ns;
	if (r == 0 && t.interval > longest_interval(&t))
		r = put(s, m, THING_INTERVAL, longest_interval(&t), e);
	if (r == 0 && t.want < t.now)
		r = look_ahead(s, m, t.interval ? t.interval : t.now / 2, e);
	if (r == 0)
		r = put(s, m, THING_TIMEOUT, t.want, e);
	if (r == 0)
		r = measure(s, m, w, &t, e);
	w->was_ns = was_ns;
	return r < 0 || w->held ? r : err_set(e, -EIO, "it reads back as something else");
}
