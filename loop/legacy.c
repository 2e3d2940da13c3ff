/* SPDX-License-Identifier: GPL-2.0-only */
/* i8042, CMOS and ACPI power registers: a few bits each. */
#include "loop/legacy.h"

#include "base/util.h"
#include "boot/tables.h"
#include "loop/bus.h"
#include "loop/machine.h"

#define I8042_STATUS 4			/* offset from port 0x60 */
#define I8042_RESET 0xfe

#define PIC_MASK 1			/* offset from port 0x20 and 0xa0 */

#define PM1_STATUS 0
#define PM1_ENABLE 2
#define PM1_CONTROL 4
#define PM1_SCI_EN (1u << 0)
#define PM1_SLP_TYP(v) (((v) >> 10) & 7)
#define PM1_SLP_EN (1u << 13)

static uint32_t read_zero(void *dev, uint16_t offset, unsigned width)
{
	(void)dev;
	(void)offset;
	(void)width;
	return 0;
}

static void write_nothing(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	(void)dev;
	(void)offset;
	(void)width;
	(void)value;
}

static void i8042_write(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	struct legacy *l = dev;

	(void)width;
	if (offset == I8042_STATUS && (value & 0xff) == I8042_RESET)
		l->off("reset by the keyboard controller", l->arg);
}

static uint32_t pm_read(void *dev, uint16_t offset, unsigned width)
{
	const struct legacy *l = dev;
	uint32_t all = (uint32_t)l->pm_status | (uint32_t)l->pm_enable << 16;

	(void)width;
	if (offset >= PM1_CONTROL)
		return (uint32_t)(l->pm_control | PM1_SCI_EN) >> 8 * (offset - PM1_CONTROL);
	return all >> 8 * offset;
}

static void pm_write(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	struct legacy *l = dev;

	(void)width;
	switch (offset) {
	case PM1_STATUS:
		l->pm_status &= (uint16_t)~value;	/* write one to clear */
		break;
	case PM1_ENABLE:
		l->pm_enable = (uint16_t)value;
		break;
	case PM1_CONTROL:
		/* SLP_EN reads as zero */
		l->pm_control = (uint16_t)(value & ~PM1_SLP_EN);
		if ((value & PM1_SLP_EN) && PM1_SLP_TYP(value) == BOOT_SLP_TYP_S5)
			l->off("powered off by ACPI", l->arg);
		break;
	}
}

static void reset_write(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	struct legacy *l = dev;

	(void)offset;
	(void)width;
	if ((value & 0xff) == BOOT_RESET_VALUE)
		l->off("reset by ACPI", l->arg);
}

static uint32_t pic_read(void *dev, uint16_t offset, unsigned width)
{
	const uint8_t *mask = dev;

	(void)width;
	return offset == PIC_MASK ? *mask : 0;
}

static void pic_write(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	uint8_t *mask = dev;

	(void)width;
	if (offset == PIC_MASK)
		*mask = (uint8_t)value;
}

/* Data and status: nothing to read, ready for a command. */
static const struct bus_ops i8042_ops = { read_zero, i8042_write };
/* Zero means: no update in progress; ones would make Linux wait for a second. */
static const struct bus_ops cmos_ops = { read_zero, write_nothing };
static const struct bus_ops pm_ops = { pm_read, pm_write };
/*
 * PICs that have nothing to interrupt for. Linux decides by a mask register
 * that keeps its value whether there are ISA interrupts at all; else IRQ 3 and
 * 4 are not GSI 3 and 4 for a kernel without 8250_PNP. KVM's own PICs, where
 * it has them, answer before these do.
 */
static const struct bus_ops pic_ops = { pic_read, pic_write };
static const struct bus_ops reset_ops = { read_zero, reset_write };

int legacy_add(struct legacy *l, struct bus *bus, struct err *e)
{
	const struct {
		uint16_t base, len;
		const struct bus_ops *ops;
		void *dev;
	} row[] = {
		{ 0x20, 2, &pic_ops, &l->pic_mask[0] },
		{ 0x60, 5, &i8042_ops, l },
		{ 0x70, 2, &cmos_ops, l },
		{ 0xa0, 2, &pic_ops, &l->pic_mask[1] },
		{ MACHINE_PM_PORT, 6, &pm_ops, l },
		{ MACHINE_RESET_PORT, 1, &reset_ops, l },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		int r = bus_add(bus, row[i].base, row[i].len, row[i].ops, row[i].dev, e);

		if (r < 0)
			return r;
	}
	return 0;
}
