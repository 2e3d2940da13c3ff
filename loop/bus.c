/* SPDX-License-Identifier: GPL-2.0-only */
/* Address ranges, searched in order: there are few and exits are dear anyway. */
#include "loop/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/err.h"

int bus_add(struct bus *b, uint64_t base, uint16_t len, const struct bus_ops *ops, void *dev,
	    struct err *e)
{
	if (b->count == BUS_RANGES_MAX)
		return err_set(e, -ENOSPC, "bus: no room for address 0x%" PRIx64, base);
	for (unsigned i = 0; i < b->count; i++) {
		const struct bus_range *r = &b->range[i];

		if (base < r->base + r->len && r->base < base + len)
			return err_set(e, -EEXIST, "bus: ranges at 0x%" PRIx64 " and 0x%" PRIx64
				       " overlap", base, r->base);
	}
	b->range[b->count++] = (struct bus_range){ base, len, ops, dev };
	return 0;
}

static const struct bus_range *find(const struct bus *b, uint64_t addr)
{
	for (unsigned i = 0; i < b->count; i++) {
		uint64_t off = addr - b->range[i].base;	/* wraps to huge when below */

		if (off < b->range[i].len)
			return &b->range[i];
	}
	return NULL;
}

bool bus_has(const struct bus *b, uint64_t addr)
{
	return find(b, addr) != NULL;
}

uint32_t bus_read(const struct bus *b, uint64_t addr, unsigned width)
{
	const struct bus_range *r = find(b, addr);

	return r ? r->ops->read(r->dev, (uint16_t)(addr - r->base), width) : UINT32_MAX;
}

void bus_write(const struct bus *b, uint64_t addr, unsigned width, uint32_t value)
{
	const struct bus_range *r = find(b, addr);

	if (r)
		r->ops->write(r->dev, (uint16_t)(addr - r->base), width, value);
}
