/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_BUS_H
#define KTSTR_LOOP_BUS_H
/*
 * Who answers at which address: the board has one bus for I/O ports and one for
 * memory. A handful of ranges, added when the board is built. Addresses that
 * nobody claims read as ones and swallow writes, like a bus without a device.
 * Thread: control.
 */
#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * offset is the address minus the range's base; width is 1, 2 or 4 bytes, in
 * memory also 8, of which value has the lower half.
 */
struct bus_ops {
	uint32_t (*read)(void *dev, uint16_t offset, unsigned width);
	void (*write)(void *dev, uint16_t offset, unsigned width, uint32_t value);
};

#define BUS_RANGES_MAX 16

struct bus {
	unsigned count;
	struct bus_range {
		uint64_t base;
		uint16_t len;
		const struct bus_ops *ops;
		void *dev;
	} range[BUS_RANGES_MAX];
};

/* Claim [base, base + len) for dev (borrowed). -EEXIST when a part is taken. */
int bus_add(struct bus *b, uint64_t base, uint16_t len, const struct bus_ops *ops, void *dev,
	    struct err *e);

bool bus_has(const struct bus *b, uint64_t addr);
uint32_t bus_read(const struct bus *b, uint64_t addr, unsigned width);
void bus_write(const struct bus *b, uint64_t addr, unsigned width, uint32_t value);

#endif
