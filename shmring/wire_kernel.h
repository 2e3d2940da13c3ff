/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SHMRING_WIRE_KERNEL_H
#define KTSTR_SHMRING_WIRE_KERNEL_H
/*
 * WIRE_KERNEL: what a kernel says of itself, as the answer to WIRE_KERNEL_ASK, for a
 * host that could not read the kernel's file. A file that is not there has no frames.
 */
#include <stdint.h>

/* In this order. */
enum wire_kernel_part {
	WIRE_KERNEL_SYMBOLS,		/* /proc/kallsyms */
	WIRE_KERNEL_TYPES,		/* /sys/kernel/btf/vmlinux */
	WIRE_KERNEL_VERSION,		/* /proc/version */
	WIRE_KERNEL_END,		/* no more comes */
};

/* Followed by bytes of the part, from offset on. */
struct wire_kernel {
	uint32_t part;		/* enum wire_kernel_part */
	uint32_t offset;
};

#endif
