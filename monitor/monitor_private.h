/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_MONITOR_PRIVATE_H
#define KTSTR_MONITOR_MONITOR_PRIVATE_H
/* Between the file that finds the kernel (attach.c) and the door (address.c). */
#include "monitor/monitor.h"
#include "monitor/walk.h"

/*
 * Where x86-64 kernels are linked and mapped: Documentation/arch/x86/x86_64/mm.rst.
 * A gigabyte, from which KASLR draws; on some kernels half of it.
 */
#define KERNEL_MAP_KVA UINT64_C(0xffffffff80000000)
#define KERNEL_MAP_BYTES (UINT64_C(1) << 30)
/* Text moves by multiples of this (CONFIG_PHYSICAL_ALIGN is at least 2 MiB). */
#define KERNEL_ALIGN (UINT64_C(2) << 20)

struct monitor {
	const struct mm *mm;
	const struct kindex *index;
	unsigned cpus;
	bool attached;
	struct walk walk;
	struct monitor_map map;
	uint64_t direct_bytes;		/* of the direct map, as far as there is RAM */
	uint64_t *percpu_offset;	/* [cpus] */
};

#endif
