/* SPDX-License-Identifier: GPL-2.0-only */
/* Where guest memory lies: sizes in, regions out. Pure. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/err.h"
#include "base/util.h"
#include "mm/mm.h"

static void add_region(struct mm_layout *l, uint64_t gpa, uint64_t size, enum mm_kind kind,
		       unsigned node)
{
	assert(l->count < MM_REGIONS_MAX);
	l->region[l->count++] = (struct mm_region){
		.gpa = gpa, .size = size, .kind = kind, .node = node,
	};
}

/* Place one node from *at on, around the hole; *at ends behind it. */
static void add_node(struct mm_layout *l, uint64_t bytes, unsigned node, uint64_t *at)
{
	while (bytes) {
		uint64_t size = bytes;

		if (*at == MM_HOLE_START)
			*at = MM_HOLE_END;
		if (*at < MM_HOLE_START)
			size = MIN(size, MM_HOLE_START - *at);
		add_region(l, *at, size, MM_RAM, node);
		*at += size;
		bytes -= size;
	}
}

static int check_sizes(const uint64_t *node_bytes, unsigned nodes, uint64_t ring_bytes,
		       uint64_t limit, struct err *e)
{
	uint64_t sum = 0;

	if (nodes == 0 || nodes > MM_NODES_MAX)
		return err_set(e, -EINVAL, "memory: %u NUMA nodes, must be 1 to %d", nodes,
			       MM_NODES_MAX);
	for (unsigned i = 0; i < nodes; i++) {
		if (node_bytes[i] % MM_ALIGN)
			return err_set(e, -EINVAL,
				       "memory: node %u has %" PRIu64 " bytes, must be a multiple of 2M",
				       i, node_bytes[i]);
		if (node_bytes[i] > limit || sum > limit - node_bytes[i])
			return err_set(e, -E2BIG, "memory: node %u ends above 2^52", i);
		sum += node_bytes[i];
	}
	if (sum == 0)
		return err_set(e, -EINVAL, "memory: no node has any");
	if (ring_bytes % (4 * KIB) || ring_bytes > GIB)
		return err_set(e, -EINVAL,
			       "memory: ring of %" PRIu64 " bytes, must be a multiple of 4K up to 1G",
			       ring_bytes);
	return 0;
}

int mm_layout_build(const uint64_t *node_bytes, unsigned nodes, uint64_t ring_bytes,
		    unsigned phys_bits, struct mm_layout *ret, struct err *e)
{
	/* x86 page tables hold 52 address bits (Intel SDM vol. 3, 4.4.1) */
	const uint64_t limit = UINT64_C(1) << 52;
	struct mm_layout l = { 0 };
	uint64_t at = 0, top;
	int r;

	r = check_sizes(node_bytes, nodes, ring_bytes, limit, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < nodes; i++) {
		add_node(&l, node_bytes[i], i, &at);
		l.ram_bytes += node_bytes[i];
	}
	l.ram_top = top = at;
	if (ring_bytes) {
		uint64_t gpa = MAX(round_up(at, MM_ALIGN), MM_HOLE_END);

		add_region(&l, gpa, ring_bytes, MM_RING, 0);
		top = gpa + ring_bytes;
	}
	if (phys_bits < 52 && top > UINT64_C(1) << phys_bits)
		return err_set(e, -E2BIG,
			       "memory: guest memory ends at 0x%" PRIx64
			       ", the CPU addresses %u bits", top, phys_bits);
	*ret = l;
	return 0;
}

const struct mm_region *mm_layout_ring(const struct mm_layout *l)
{
	const struct mm_region *last = l->count ? &l->region[l->count - 1] : NULL;

	return last && last->kind == MM_RING ? last : NULL;
}
