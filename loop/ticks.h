/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_TICKS_H
#define KTSTR_LOOP_TICKS_H
/*
 * How fast the host's time stamp counter runs. QEMU's emulated CPUs read it
 * unscaled, so an outer kernel that is told need not measure: under load its
 * measurement goes wrong, and then its clock and every deadline in it.
 * Thread: any.
 */
#include <stdint.h>

struct ticks {
	uint64_t count, ns;
};

struct ticks ticks_read(void);
/* kHz between then and now; 0: too short a time, or no plausible rate. */
unsigned ticks_khz(const struct ticks *then, const struct ticks *now);

#endif
