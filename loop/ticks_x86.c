/* SPDX-License-Identifier: GPL-2.0-only */
/* The TSC beside CLOCK_MONOTONIC. */
#include "loop/ticks.h"

#include <x86intrin.h>

#include "base/units.h"
#include "base/util.h"

/* Reading both takes below 1 us, hence an error below 100 ppm. */
#define SHORTEST_NS (10 * NSEC_PER_MSEC)
#define KHZ_MIN 100000u
#define KHZ_MAX 20000000u

struct ticks ticks_read(void)
{
	return (struct ticks){ .count = __rdtsc(), .ns = units_now_ns() };
}

unsigned ticks_khz(const struct ticks *then, const struct ticks *now)
{
	uint64_t ns = now->ns - then->ns;
	double khz = (double)(now->count - then->count) * 1e6 / (double)MAX(ns, 1u);

	if (ns < SHORTEST_NS || khz < KHZ_MIN || khz > KHZ_MAX)
		return 0;
	return (unsigned)khz;
}
