/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O port ranges, searched in order: there are few and exits are dear anyway. */
#include "loop/bus.h"

#include <errno.h>
#include <stddef.h>

#include "base/err.h"

int bus_add(struct bus *b, uint16_t base, uint16_t len, const struct bus_ops *ops, void *dev,
	    struct err *e)
{
	if (b->count == BUS_RANGES_MAX)
		return err_set(e, -ENOSPC, "bus: no room for port 0x%x", base);
	for (unsigned i = 0; i < b->count; i++) {
		const struct bus_range *r = &b->range[i];

		if (base < r->base + r->len && r->base < base + len)
			return err_set(e, -EEXIST, "bus: ports 0x%x and 0x%x overlap", base,
				       r->base);
	}
	b->range[b->count++] = (struct bus_range){ base, len, ops, dev };
	return 0;
}

static const struct bus_range *find(const struct bus *b, uint64_t port)
{
	for (unsigned i = 0; i < b->count; i++) {
		uint64_t off = port - b->range[i].base;	/* wraps to huge when below */

		if (off < b->range[i].len)
			return &b->range[i];
	}
	return NULL;
}

uint32_t bus_read(const struct bus *b, uint64_t port, unsigned width)
{
	const struct bus_range *r = find(b, port);

	return r ? r->ops->read(r->dev, (uint16_t)(port - r->base), width) : UINT32_MAX;
}

void bus_write(const struct bus *b, uint64_t port, unsigned width, uint32_t value)
{
	const struct bus_range *r = find(b, port);

	if (r)
		r->ops->write(r->dev, (uint16_t)(port - r->base), width, value);
}
