/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_VMCORE_WINDOW_H
#define KTSTR_LOOP_VMCORE_WINDOW_H
/*
 * The window that QEMU gives the outer guest of a nested run: BAR 2 of an ivshmem
 * device, mapped through sysfs, which takes no driver. (QEMU: docs/specs/ivshmem-spec.rst;
 * kernel: Documentation/PCI/sysfs-pci.rst.) Thread: any.
 */
#include <stdint.h>

struct err;

struct vmcore_window {
	uint8_t *data;
	uint64_t bytes;
};

int vmcore_window_open(struct vmcore_window *ret, struct err *e);
void vmcore_window_close(struct vmcore_window *w);

#endif
