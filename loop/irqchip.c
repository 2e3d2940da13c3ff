/* SPDX-License-Identifier: GPL-2.0-only */
/* The IOAPIC's wires: to the memory bus, and to KVM. */
#include "loop/irqchip.h"

#include "base/err.h"
#include "base/util.h"
#include "loop/bus.h"

static uint32_t read_ioapic(void *dev, uint16_t offset, unsigned width)
{
	const struct irqchip *chip = dev;

	(void)width;
	return ioapic_read(&chip->ioapic, offset);
}

static void write_ioapic(void *dev, uint16_t offset, unsigned width, uint32_t value)
{
	struct irqchip *chip = dev;

	(void)width;
	ioapic_write(&chip->ioapic, offset, value);
}

static const struct bus_ops ioapic_bus = { read_ioapic, write_ioapic };

static void route(unsigned pin, const struct vm_msi *msi, void *arg)
{
	struct irqchip *chip = arg;
	struct err e = ERR_INIT;

	if (vm_set_route(chip->vm, pin, msi, &e) < 0)
		chip->failed(err_text(&e), chip->arg);
}

static void send(const struct vm_msi *msi, void *arg)
{
	const struct irqchip *chip = arg;

	vm_send_msi(chip->vm, msi);
}

int irqchip_add(struct irqchip *chip, struct bus *mmio, struct err *e)
{
	const struct ioapic_ops ops = { .route = route, .send = send, .arg = chip };

	ioapic_init(&chip->ioapic, &ops);
	return bus_add(mmio, IOAPIC_GPA, IOAPIC_BYTES, &ioapic_bus, chip, e);
}
