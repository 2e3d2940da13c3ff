/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_STUCK_H
#define KTSTR_MONITOR_STUCK_H
/*
 * Tasks that a BPF scheduler lets wait, before sched_ext's watchdog does something
 * about it: the kernel then throws the scheduler out, and what it had made of its
 * tasks is gone. So half of that time is when to look.
 *
 * Thread: any, one at a time; the guest may run meanwhile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

struct err;
struct kindex;
struct monitor;
struct sched_ext;
struct stuck;

/* Between two looks: each walks over all tasks that wait. */
#define STUCK_EVERY_NS (250 * NSEC_PER_MSEC)

/* Look up the places; borrows the index and scx. Fails for lack of memory only. */
int stuck_create(const struct kindex *k, const struct sched_ext *scx, struct stuck **ret,
		 struct err *e);
void stuck_destroy(struct stuck *s);

/*
 * Now, a caller's clock, which is looked at so that this can be called more often
 * than it is worth. True, and which task for how long, once for each time that one
 * comes to wait for half the watchdog's time when none did at the look before.
 */
bool stuck_look(struct stuck *s, const struct monitor *m, uint64_t now_ns, char *text,
		size_t size);
/*
 * The task that had waited longest at the last look, and for how long; false: the look is
 * not that of a moment ago, or none had waited since the one before.
 */
bool stuck_last(const struct stuck *s, uint64_t now_ns, char *text, size_t size);

#endif
