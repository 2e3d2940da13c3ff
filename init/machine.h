/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_MACHINE_H
#define KTSTR_INIT_MACHINE_H
/*
 * What the guest's kernel shows of the machine, from /proc and /sys, and
 * whether it is enough for a test. What the kernel does not tell counts as
 * one: one node, one LLC, one thread per core.
 *
 * Thread: any.
 */
#include <stddef.h>
#include <stdint.h>

struct ktstr_test;

struct init_machine {
	unsigned cpus;			/* online */
	unsigned numa_nodes;
	unsigned llcs;
	unsigned cores;			/* of the LLC with the fewest */
	unsigned threads;		/* of the core with the fewest */
	uint64_t memory_kib;		/* MemTotal */
	uint64_t ram_kib;		/* what the firmware gave the kernel; 0: unknown */
	uint64_t kernel_gpa;		/* where the kernel's code begins; 0: unknown */
};

/* Reads root/proc and root/sys; root is "" but for tests. */
void init_machine_probe(const char *root, struct init_machine *ret);

/*
 * 0, or the length of the reason why the machine is not enough: "needs 4 CPUs,
 * the guest has 2".
 */
int init_machine_lacks(const struct init_machine *m, const struct ktstr_test *t,
		       char *reason, size_t size);

#endif
