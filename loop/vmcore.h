/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_VMCORE_H
#define KTSTR_LOOP_VMCORE_H
/*
 * Writing an ELF core of a guest that has parked (monitor/vmcore.h): pages that are
 * zero are holes, and the file appears under its name when it is whole.
 *
 * Of a nested run the guest's memory is inside QEMU, which has no files. There a
 * window, memory that QEMU shows to its guest as a PCI device (ivshmem), takes the
 * core in; when QEMU is gone its bytes become the file:
 *
 *   inner ktstr: vmcore_to_window() -- BAR 2 -- memfd -- outer ktstr: vmcore_from_window()
 *
 * The head is written last, so a window whose core is not whole has none.
 *
 * Blocks: about a second for each GiB that the guest has used. Thread: any, one at a
 * time, while nobody else looks at the guest; *stop ends it with -ECANCELED.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct dump_source;
struct err;

struct vmcore_size {
	uint64_t bytes;			/* of the file */
	uint64_t data_bytes;		/* of it, what is not a hole */
	struct err *no_kernel;		/* in: gets the reason when the kernel was not found */
};

/* The window for a guest with so much memory: a size that a BAR can have. */
uint64_t vmcore_window_bytes(uint64_t memory_bytes);
/* One of that size, the caller's to close; or a negative errno. */
int vmcore_window_create(uint64_t bytes);

int vmcore_to_file(const struct dump_source *s, const char *path, const atomic_bool *stop,
		   struct vmcore_size *ret, struct err *e);
int vmcore_to_window(const struct dump_source *s, const atomic_bool *stop,
		     struct vmcore_size *ret, struct err *e);
bool vmcore_window_has_core(int window_fd);
/* -ENODATA: there is no core in it, or a part of one. */
int vmcore_from_window(int window_fd, const char *path, const atomic_bool *stop,
		       struct vmcore_size *ret, struct err *e);

#endif
