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

/*
 * What belongs to a scheduler goes with it, and the guest runs. So the pointer to it
 * is followed anew for each write, with nothing in between.
 */
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

/* As if the watchdog had just looked; not when it should have: then it may be stuck itself. */
static int freshen(const struct sched_ext *s, struct monitor *m, struct sched_ext_watchdog *w,
		   struct err *e)
{
	uint64_t now;
	int r = get(s, m, THING_JIFFIES, &now, e);

	w->stamp = 0;
	if (r < 0 || (int64_t)(now - w->due) >= 0)
		return r;
	r = put(s, m, THING_STAMP, now, e);
	if (r == 0)
		w->stamp = now;
	return r;
}

static int keep_fresh(const struct sched_ext *s, struct monitor *m, struct sched_ext_watchdog *w,
		      struct err *e)
{
	uint64_t stamp;
	int r = get(s, m, THING_STAMP, &stamp, e);

	if (r < 0)
		return r;
	if (stamp == w->stamp)
		return freshen(s, m, w, e);
	w->stamp = 0;			/* the kernel has looked, and goes on by itself */
	return 0;
}

static int shorten(const struct sched_ext *s, struct monitor *m, struct sched_ext_watchdog *w,
		   uint64_t timeout, struct err *e)
{
	uint64_t stamp;
	int r = get(s, m, THING_STAMP, &stamp, e);

	if (r < 0)
		return r;
	w->due = stamp + timeout / 2;
	return freshen(s, m, w, e);
}

/* One that is short enough may be that of another scheduler. */
static int shorten_interval(const struct sched_ext *s, struct monitor *m, uint64_t timeout,
			    struct err *e)
{
	const uint64_t most = MAX(timeout / 2, UINT64_C(1));
	uint64_t now;
	int r;

	if (!s->thing[THING_INTERVAL].at.has)
		return 0;
	r = get(s, m, THING_INTERVAL, &now, e);
	return r < 0 || now <= most ? r : put(s, m, THING_INTERVAL, most, e);
}

int sched_ext_watchdog_hold(const struct sched_ext *s, struct monitor *m,
			    struct sched_ext_watchdog *w, struct err *e)
{
	uint64_t tick = 0, want, now;
	int r;

	if ((r = get(s, m, THING_TIMEOUT, &now, e)) < 0 || (r = tick_ns(s, m, &tick, e)) < 0)
		return r;
	want = MAX(w->want_ns / tick, UINT64_C(1));
	if ((r = shorten_interval(s, m, want, e)) < 0)
		return r;
	if (now == want && w->held)
		return w->stamp ? keep_fresh(s, m, w, e) : 0;
	w->held = false;
	w->was_ns = now * tick;
	/* first, or the tick between the two writes finds the watchdog late */
	w->stamp = 0;
	if (want < now && (r = shorten(s, m, w, now, e)) < 0)
		return r;
	if ((r = put(s, m, THING_TIMEOUT, want, e)) < 0 ||
	    (r = get(s, m, THING_TIMEOUT, &now, e)) < 0)
		return r;
	w->now_ns = now * tick;
	w->held = now == want;
	return w->held ? 0 : err_set(e, -EBUSY, "it was changed again at once");
}
