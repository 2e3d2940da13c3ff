/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MM_MM_H
#define KTSTR_MM_MM_H
/*
 * The guest's physical memory: where it lies, and the one door to it.
 *
 *   0        640K  1M                 3G       4G            top     ring
 *   |--RAM---|hole?|-------RAM--------|  MMIO  |-----RAM------|       |--ring--|
 *            (BIOS area: RAM to KVM, but not in e820)         ^ 2 MiB aligned
 *
 * mm_layout_build() computes the regions from sizes alone; memslots, e820,
 * SRAT and the placement of the initramfs all come from its result. Region
 * borders are multiples of 2 MiB, and host addresses are congruent to guest
 * addresses modulo 2 MiB, so that both sides can use large pages. The ring is
 * not carved out of RAM: it is a region of its own above RAM, backed by a
 * memfd, so that another process may map it too.
 *
 * The door: mm_view() and the copies built on it are the only way to guest
 * memory. They take a length, cannot overflow, and never cross a region.
 * A pointer from mm_view() dies at the end of the callback that asked for it;
 * what has to live longer is kept as a gpa and viewed again.
 * The guest writes this memory while we look: read each field once into host
 * memory, check the copy, then use the copy.
 *
 * Words: gpa = guest physical address; node = NUMA node; hva = host pointer.
 * Thread: any for reading the layout and for the door; create and destroy on
 * the control thread. Knows no KVM and no libev.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define MM_ALIGN (UINT64_C(2) << 20)
#define MM_HOLE_START (UINT64_C(3) << 30)	/* MMIO from here ... */
#define MM_HOLE_END (UINT64_C(4) << 30)		/* ... to here */
#define MM_NODES_MAX 64
/* one node straddles the hole, each other has one region, and the ring */
#define MM_REGIONS_MAX (MM_NODES_MAX + 2)

enum mm_kind {
	MM_RAM,
	MM_RING,
	MM_KIND_COUNT,
};

struct mm_region {
	uint64_t gpa;
	uint64_t size;		/* bytes, a multiple of MM_ALIGN for RAM */
	enum mm_kind kind;
	unsigned node;		/* RAM: the NUMA node it belongs to */
};

struct mm_layout {
	unsigned count;
	struct mm_region region[MM_REGIONS_MAX];	/* ascending by gpa, the ring last */
	uint64_t ram_bytes;	/* sum over RAM */
	uint64_t ram_top;	/* first gpa above all RAM */
};

/*
 * Lay out node_bytes[0..nodes) of RAM and ring_bytes of ring (0: none; a
 * multiple of 4 KiB) below 1 << phys_bits. Node sizes must be multiples of
 * 2 MiB; a node of 0 bytes has no region. -EINVAL with the rule and the value,
 * -E2BIG when the top exceeds what the CPU can address.
 */
int mm_layout_build(const uint64_t *node_bytes, unsigned nodes, uint64_t ring_bytes,
		    unsigned phys_bits, struct mm_layout *ret, struct err *e);

/* The ring's region, or NULL. */
const struct mm_region *mm_layout_ring(const struct mm_layout *l);

struct mm;

/* Reserve and map all regions (RAM private and untouched, the ring a shared memfd). */
int mm_create(const struct mm_layout *l, struct mm **ret, struct err *e);
/* KVM must have let go of the memory before: vCPU fds, VM fd, then this. */
void mm_destroy(struct mm *m);

const struct mm_layout *mm_layout(const struct mm *m);

/*
 * Have [gpa, gpa + bytes) of RAM show the beginning of a file, copy-on-write: what
 * nobody writes is one copy for all who map it. gpa is a multiple of 4 KiB; the
 * last page is the file's, too, up to its end. The range keeps its memslot, and
 * views of it stay valid. The file must not shrink before mm_destroy().
 * -EINVAL when the rest of a page, or of the range, lies outside of the file or
 * of one region of RAM.
 */
int mm_map_file(struct mm *m, uint64_t gpa, int fd, uint64_t bytes, struct err *e);

/* Host pointer to [gpa, gpa + len), or NULL unless it lies in one region. */
void *mm_view(const struct mm *m, uint64_t gpa, uint64_t len);

/* Copies through the door; -EFAULT unless the whole range lies in one region. */
int mm_read(const struct mm *m, uint64_t gpa, void *bytes, size_t len);
int mm_write(struct mm *m, uint64_t gpa, const void *bytes, size_t len);

#endif
