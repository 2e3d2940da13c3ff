/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_KERNEL_TOLD_H
#define KTSTR_INIT_KERNEL_TOLD_H
/*
 * The host could not read the kernel's file: what the kernel says of itself, some
 * MiB as WIRE_KERNEL frames. A file that is not there has no frames.
 *
 * Thread: PID 1's only one. Takes as long as the host takes to read it.
 */
struct init_host;

/* root: "", but for tests. */
void init_kernel_tell(struct init_host *h, const char *root);

#endif
