/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_MONITOR_H
#define KTSTR_MONITOR_MONITOR_H
/*
 * The monitor reads the state of a running guest's kernel out of its memory,
 * from outside, without its help and without stopping it.
 *
 *   kernel file --kindex_build()--> index (kindex.h)   symbols, BTF, banner, build-id
 *                                     | kindex_open()
 *   mm.h -- guest memory --+          v
 *   a vCPU's registers ----+--> monitor_attach()       where KASLR put everything
 *                                     |
 *                 monitor_read(), monitor_field(), ... one door to kernel addresses
 *                                     |
 *                 sample.h            what the schedulers do, CPU by CPU
 *
 * The guest is memory and a few numbers: nothing here knows KVM, vCPU threads or
 * the loop. Whoever calls brings the registers of a vCPU that has run the kernel.
 *
 * Words: kva = kernel virtual address in the guest; slide = the distance by which
 * KASLR moved the kernel's text and data; direct map = all of memory, mapped at an
 * address that KASLR draws independently of the slide.
 *
 * How the addresses are found, and why they can be believed: the slide comes from
 * LSTAR or from the first mapping in the text's region under CR3, and holds only
 * if the kernel's banner and build-id are then found where the index says. So an
 * index of another kernel is noticed. From there on the kernel's own page tables
 * (init_top_pgt) are walked, not those of a process, which may go away. phys_base
 * and page_offset_base, as the kernel has them in memory, must agree with what
 * the page tables say; so must PID 1, which reads /proc/iomem (monitor_confirm()).
 *
 * All reads return a status: 0 or a negative errno, never a silent zero. The
 * memory changes while it is read: a number of up to 8 bytes, aligned, is read
 * whole, but two reads may be of different moments.
 *
 * Thread: any, one at a time; the guest's vCPUs may run meanwhile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct kindex;
struct layout_field;
struct mm;
struct monitor;

/* Of a vCPU; x86-64. */
struct monitor_regs {
	uint64_t cr3;
	uint64_t cr4;			/* LA57 */
	uint64_t lstar;			/* 0: not set, as with FRED */
};

/* Borrows memory and index. cpus: those of the guest, numbered from 0. */
int monitor_create(const struct mm *mm, const struct kindex *index, unsigned cpus,
		   struct monitor **ret, struct err *e);
void monitor_destroy(struct monitor *m);

/*
 * Find the kernel in memory. -EAGAIN: this vCPU has no kernel mapped (yet), ask
 * again later; -ESTALE: the kernel in memory is not the one of the index, *e says
 * how they differ; -EPROTO: memory contradicts itself.
 */
int monitor_attach(struct monitor *m, const struct monitor_regs *regs, struct err *e);
bool monitor_attached(const struct monitor *m);
/*
 * Hold what was found against the guest's own word of where its kernel's code begins
 * (0: it has none). -EPROTO: they differ, and it is not attached any more.
 */
int monitor_confirm(struct monitor *m, uint64_t text_gpa, struct err *e);

/* What was found; valid once attached. */
struct monitor_map {
	uint64_t slide;
	uint64_t text_kva, text_end_kva;	/* the image, with its data */
	uint64_t text_gpa;
	uint64_t direct_kva;		/* 0: not known, page tables are walked instead */
	bool five_levels;
};
const struct monitor_map *monitor_map(const struct monitor *m);

unsigned monitor_cpus(const struct monitor *m);
const struct kindex *monitor_index(const struct monitor *m);

/* --- the door: valid once attached ------------------------------------------ */

/* -EFAULT, -ENOENT, -EINVAL as walk_translate() has them. May end in the middle of len. */
int monitor_read(const struct monitor *m, uint64_t kva, void *bytes, size_t len);
/* A number of 1, 2, 4 or 8 bytes. */
int monitor_uint(const struct monitor *m, uint64_t kva, unsigned size, uint64_t *ret);
/* Write such a number, in one store; -EINVAL unless it is aligned. */
int monitor_put_uint(struct monitor *m, uint64_t kva, unsigned size, uint64_t v);
/* A member of the object at kva, as an unsigned number. */
int monitor_field(const struct monitor *m, uint64_t kva, const struct layout_field *f,
		  uint64_t *ret);
/* Where a byte of the kernel lies in guest memory. */
int monitor_translate(const struct monitor *m, uint64_t kva, uint64_t *ret_gpa,
		      uint64_t *ret_left);

/* A symbol's address in this guest; a per-CPU variable's goes to monitor_percpu(). False: none. */
bool monitor_symbol(const struct monitor *m, const char *name, uint64_t *ret_kva);
/* The address of a CPU's own copy of what lies at kva in the template. -EINVAL: no such CPU. */
int monitor_percpu(const struct monitor *m, uint64_t kva, unsigned cpu, uint64_t *ret_kva);

/*
 * "do_idle+0x12" (malloc'ed) for a code address of this guest, or NULL. Works
 * without attaching, too: the slide is then told by lstar alone (0: none).
 */
char *monitor_code_name(const struct kindex *k, uint64_t rip, uint64_t lstar);

#endif
