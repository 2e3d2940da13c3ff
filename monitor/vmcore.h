/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_VMCORE_H
#define KTSTR_MONITOR_VMCORE_H
/*
 * The head of an ELF core of the guest, as kdump writes it and crash, drgn and gdb
 * read it: headers, a NT_PRSTATUS note for each vCPU, and VMCOREINFO.
 *
 *   head              a multiple of VMCORE_ALIGN
 *   RAM, region by region as in the layout, ascending: holes where pages are zero
 *
 * Each region of RAM is a PT_LOAD with its physical address, and at its address in
 * the kernel's direct map; the kernel's image is one more, of the same bytes. The
 * ring is not in it.
 *
 * VMCOREINFO (Documentation/admin-guide/kdump/vmcoreinfo.rst) is the kernel's own
 * where it has one (CONFIG_VMCORE_INFO); else the part of it that readers need to
 * find their way is made from symbols and memory.
 *
 * Pure but for reads of guest memory; thread: any.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "mm/mm.h"

struct buf;
struct err;
struct monitor;

#define VMCORE_ALIGN 4096u
/* PT_NOTE, the image, RAM */
#define VMCORE_SEGMENTS_MAX (2 + MM_REGIONS_MAX)

struct vmcore_cpu {
	bool has_regs;
	struct user_regs_struct regs;
};

struct vmcore_source {
	const struct mm *mm;
	const struct monitor *monitor;	/* attached; NULL: no kernel was found, no VMCOREINFO */
	unsigned cpus;
	const struct vmcore_cpu *cpu;
};

/* *ret_bytes: of the whole file. */
int vmcore_head(const struct vmcore_source *s, struct buf *ret, uint64_t *ret_bytes,
		struct err *e);

#endif
