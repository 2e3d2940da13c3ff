/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_SCHED_EXT_PRIVATE_H
#define KTSTR_MONITOR_SCHED_EXT_PRIVATE_H
/* What sched_ext.c and sched_ext_watchdog.c share. */
#include "base/err.h"
#include "monitor/sched_ext.h"
#include "monitor/scx_place.h"

/* What is read, wherever a kernel has it. */
enum sched_ext_thing {
	THING_STATE,
	THING_INFO,			/* struct scx_exit_info * */
	THING_NAME,
	THING_DUMP_LEN,
	THING_TIMEOUT,			/* jiffies */
	THING_INTERVAL,			/* jiffies, from one check to the next; since 7.1 */
	THING_STAMP,			/* jiffies, at the watchdog's last check */
	THING_JIFFIES,
	THING_TICK_MULT,
	THING_TICK_SHIFT,
	THING_COUNT,
};

struct sched_ext {
	struct scx_place thing[THING_COUNT];
	struct layout_place kind, code, reason, msg, dump;	/* in struct scx_exit_info */
	int64_t state[SCHED_EXT_STATE_COUNT];
	int64_t error, user;		/* kinds */
	const struct kindex *index;
};

/* The thing as of now; errors are those of scx_place_now(). */
int sched_ext_get(const struct sched_ext *s, const struct monitor *m, enum sched_ext_thing t,
		  uint64_t *ret);

#endif
