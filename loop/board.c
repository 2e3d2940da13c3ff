/* SPDX-License-Identifier: GPL-2.0-only */
/* What the board of a shape looks like. */
#include "loop/board.h"

#include <assert.h>

#include "loop/machine.h"
#include "mm/mm.h"

static_assert(TOPO_MEMORY_UNIT == MM_ALIGN, "what a shape may say is what can be laid out");

int board_layout(const struct topo *t, uint64_t memory_bytes, bool ring, unsigned phys_bits,
		 struct mm_layout *ret, struct err *e)
{
	uint64_t node_bytes[TOPO_NODES_MAX];
	int r = topo_split_memory(t, memory_bytes, MM_ALIGN, node_bytes, e);

	if (r < 0)
		return r;
	return mm_layout_build(node_bytes, t->numa_nodes, ring ? WIRE_RING_BYTES : 0, phys_bits,
			       ret, e);
}

struct boot_machine board_describe(const struct topo *t, const struct mm_layout *memory)
{
	return (struct boot_machine){
		.topo = t,
		.memory = memory,
		.pm_port = MACHINE_PM_PORT,
		.reset_port = MACHINE_RESET_PORT,
		.sci_gsi = MACHINE_SCI_GSI,
	};
}
