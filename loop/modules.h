/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_MODULES_H
#define KTSTR_LOOP_MODULES_H
/*
 * Kernel modules on their way from the kernel's files into a guest, where PID 1
 * loads them (init/modules.c). Thread: any (a job).
 */
struct err;
struct initramfs;
struct kernel_modules;

/* Add them to an initramfs, unpacked, under names that keep their order. */
int modules_pack(struct initramfs *fs, const struct kernel_modules *m, struct err *e);

#endif
