/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_IRQCHIP_H
#define KTSTR_LOOP_IRQCHIP_H
/*
 * The board's part of a split irqchip: the IOAPIC model on the memory bus, its
 * pins as KVM's routes. With everything in the kernel there is none of this.
 * Thread: control.
 */
#include <stdint.h>

#include "loop/ioapic.h"

struct bus;
struct err;
struct vm;

struct irqchip {
	struct vm *vm;			/* borrowed */
	struct ioapic ioapic;
	/* KVM refused a route: said once, the guest cannot go on */
	void (*failed)(const char *text, void *arg);
	void *arg;
};

/* Claim the IOAPIC's registers; chip lives as long as the bus. vm, failed and arg are set. */
int irqchip_add(struct irqchip *chip, struct bus *mmio, struct err *e);

#endif
