/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_SHAPE_H
#define KTSTR_INIT_SHAPE_H
/*
 * The shape that the run asked for, as PID 1 finds it in INIT_SHAPE_PATH, and
 * the part of it that only the guest can bring about: which CPUs are online.
 *
 * Thread: PID 1's only one.
 */
#include <stdbool.h>

struct err;
struct init_host;
struct ktstr_topology;

/* The caller's to destroy. -ENOENT and no error text when the host gave none. */
int init_shape_load(const char *path, struct ktstr_topology **ret, struct err *e);

/*
 * Take CPUs offline as the shape says. root is "" but for tests. An error names
 * the CPU and the reason: -EOPNOTSUPP for a kernel without CPU hotplug.
 */
int init_shape_offline(const char *root, const struct ktstr_topology *t, struct err *e);

/*
 * The kernel was told to leave all CPUs but the first alone (INIT_LATE_ENV):
 * bring up those that the shape has online, one after the other. The host hears
 * of each (WIRE_PHASE_INIT). An error names the CPU and the reason.
 */
int init_shape_bring_up(const char *root, const struct ktstr_topology *t, struct init_host *h,
			struct err *e);

/*
 * For the time that it takes to bring up CPUs: this process and kthreadd, which
 * makes each CPU's threads, run on CPU 0 alone. Elsewhere each of their many
 * wake-ups is an interrupt to a CPU that sleeps. (true), then anywhere (false).
 */
void init_shape_gather(bool on);

#endif
