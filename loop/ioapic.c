/* SPDX-License-Identifier: GPL-2.0-only */
/* The I/O APIC: registers, entries, and the messages they make. */
#include "loop/ioapic.h"

#include <assert.h>

#include "base/util.h"

/* Windows of the register file (data sheet, 3.1; ICH9, 13.5.1) */
#define IOREGSEL 0x00
#define IOWIN 0x10
#define IOEOI 0x40

/* Registers behind them (3.2) */
#define REG_ID 0x00
#define REG_VERSION 0x01
#define REG_ARBITRATION 0x02
#define REG_TABLE 0x10

#define ID_MASK 0x0f000000u
#define VERSION (0x20u | (IOAPIC_PINS - 1) << 16)

/* A redirection table entry (3.2.4) */
#define ENTRY_VECTOR UINT64_C(0xff)
#define ENTRY_MODE(e) ((e) >> 8 & 7)
#define ENTRY_LOGICAL (UINT64_C(1) << 11)
#define ENTRY_STATUS (UINT64_C(1) << 12)
#define ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define ENTRY_LEVEL (UINT64_C(1) << 15)
#define ENTRY_MASKED (UINT64_C(1) << 16)
#define ENTRY_READ_ONLY (ENTRY_STATUS | ENTRY_REMOTE_IRR)
/* bits 63:56 are the destination; of the reserved ones Linux uses 55:49 for more of it */
#define ENTRY_WRITABLE (UINT64_C(0xffff00000001ffff) & ~ENTRY_READ_ONLY)

/* A message: SDM vol. 3A, 11.11 */
#define MSI_ADDR_BASE 0xfee00000u
#define MSI_ADDR_LOGICAL (1u << 2)
#define MSI_DATA_ASSERT (1u << 14)
#define MSI_DATA_LEVEL (1u << 15)
#define VECTOR_MIN 16		/* below, LAPICs take a message for an error: 11.5.3 */

enum delivery_mode { FIXED, LOWEST, SMI, RESERVED_3, NMI, INIT, RESERVED_6, EXTINT, MODE_COUNT };

static const struct {
	bool sends;
	bool has_vector;	/* and may be level triggered */
} modes[] = {
	[FIXED] = { true, true },
	[LOWEST] = { true, true },
	[SMI] = { true, false },
	[NMI] = { true, false },
	[INIT] = { true, false },
	[EXTINT] = { false, false },
};
static_assert(ARRAY_SIZE(modes) == MODE_COUNT, "a row for every delivery mode");

static bool is_level(uint64_t entry)
{
	return entry & ENTRY_LEVEL && modes[ENTRY_MODE(entry)].has_vector;
}

/* False: the entry sends nothing. */
static bool message(uint64_t entry, struct vm_msi *ret)
{
	const unsigned mode = ENTRY_MODE(entry);
	/* bits 63:48, as bits 19:4 of an address; 48 would say that an IOMMU shall remap */
	const uint32_t dest = (uint32_t)(entry >> 48) & 0xfffe;

	if (!modes[mode].sends)
		return false;
	if (modes[mode].has_vector && (entry & ENTRY_VECTOR) < VECTOR_MIN)
		return false;
	*ret = (struct vm_msi){
		.addr = MSI_ADDR_BASE | dest << 4 | (entry & ENTRY_LOGICAL ? MSI_ADDR_LOGICAL : 0),
		.data = (uint32_t)(entry & ENTRY_VECTOR) | mode << 8 |
			(is_level(entry) ? MSI_DATA_LEVEL | MSI_DATA_ASSERT : 0),
	};
	return true;
}

/* What an edge by irqfd shall send. */
static bool routed(uint64_t entry, struct vm_msi *ret)
{
	if (entry & ENTRY_MASKED && !(entry & ENTRY_REMOTE_IRR))
		return false;
	return message(entry, ret);
}

/* The only place where an entry changes: its route follows. */
static void set_entry(struct ioapic *io, unsigned pin, uint64_t entry)
{
	struct vm_msi old = { 0 }, new = { 0 };
	const bool had = routed(io->entry[pin], &old);
	const bool has = routed(entry, &new);

	io->entry[pin] = entry;
	if (had != has || old.addr != new.addr || old.data != new.data)
		io->ops.route(pin, has ? &new : NULL, io->ops.arg);
}

/* A level line that is asserted interrupts whenever nothing is in its way. */
static void serve_level(struct ioapic *io, unsigned pin)
{
	const uint64_t entry = io->entry[pin];
	struct vm_msi msi;

	if (!is_level(entry) || !(io->lines >> pin & 1) ||
	    entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR) || !message(entry, &msi))
		return;
	set_entry(io, pin, entry | ENTRY_REMOTE_IRR);
	io->ops.send(&msi, io->ops.arg);
}

void ioapic_init(struct ioapic *io, const struct ioapic_ops *ops)
{
	*io = (struct ioapic){ .ops = *ops };
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		io->entry[pin] = ENTRY_MASKED;
}

/* The half of a table entry that a register is; false: it is no such register. */
static bool table_register(uint8_t reg, unsigned *pin, unsigned *shift)
{
	*pin = (unsigned)(reg - REG_TABLE) / 2;
	*shift = reg & 1 ? 32 : 0;
	return reg >= REG_TABLE && *pin < IOAPIC_PINS;
}

uint32_t ioapic_read(const struct ioapic *io, uint16_t offset)
{
	unsigned pin, shift;

	if (offset == IOREGSEL)
		return io->select;
	if (offset != IOWIN)
		return 0;
	if (table_register(io->select, &pin, &shift))
		return (uint32_t)(io->entry[pin] >> shift);
	switch (io->select) {
	case REG_ID:
	case REG_ARBITRATION:	/* loaded with the id; there is no bus to arbitrate for */
		return io->id;
	case REG_VERSION:
		return VERSION;
	}
	return 0;
}

static void write_entry(struct ioapic *io, unsigned pin, unsigned shift, uint32_t value)
{
	const uint64_t mask = (uint64_t)UINT32_MAX << shift & ENTRY_WRITABLE;
	uint64_t entry = (io->entry[pin] & ~mask) | ((uint64_t)value << shift & mask);

	/*
	 * Remote IRR is a level pin's. Software makes a pin an edge one and a
	 * level one again to clear it where there is no EOI register.
	 */
	if (!is_level(entry))
		entry &= ~ENTRY_REMOTE_IRR;
	set_entry(io, pin, entry);
	serve_level(io, pin);
}

void ioapic_write(struct ioapic *io, uint16_t offset, uint32_t value)
{
	unsigned pin, shift;

	switch (offset) {
	case IOREGSEL:
		io->select = (uint8_t)value;
		break;
	case IOWIN:
		if (table_register(io->select, &pin, &shift))
			write_entry(io, pin, shift, value);
		else if (io->select == REG_ID)
			io->id = value & ID_MASK;
		break;
	case IOEOI:
		ioapic_eoi(io, (uint8_t)value);
		break;
	}
}

void ioapic_set_line(struct ioapic *io, unsigned pin, bool asserted)
{
	const uint32_t bit = UINT32_C(1) << pin;
	struct vm_msi msi;
	bool rises;

	assert(pin < IOAPIC_PINS);
	rises = asserted && !(io->lines & bit);
	io->lines = asserted ? io->lines | bit : io->lines & ~bit;
	if (is_level(io->entry[pin]))
		serve_level(io, pin);
	else if (rises && !(io->entry[pin] & ENTRY_MASKED) && message(io->entry[pin], &msi))
		io->ops.send(&msi, io->ops.arg);
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		const uint64_t entry = io->entry[pin];

		if (!(entry & ENTRY_REMOTE_IRR) || (entry & ENTRY_VECTOR) != vector)
			continue;
		set_entry(io, pin, entry & ~ENTRY_REMOTE_IRR);
		serve_level(io, pin);
	}
}
