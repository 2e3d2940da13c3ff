/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_LEGACY_H
#define KTSTR_LOOP_LEGACY_H
/*
 * The little of a PC that Linux pokes on its way up and down: i8042 (reset
 * line only), CMOS, ACPI PM1a registers and the reset register; the mask
 * registers of the PICs, where KVM has no PICs of its own (a split irqchip).
 * Source: ACPI 6.5, 4.8.3 (PM1 registers), 4.8.3.6 (reset register).
 * Thread: control.
 */
#include <stdint.h>

struct bus;
struct err;

struct legacy {
	/* the guest asked for power off or reset; text says how */
	void (*off)(const char *text, void *arg);
	void *arg;
	uint8_t pic_mask[2];
	uint16_t pm_status, pm_enable, pm_control;
};

/* Claim the ports; l lives as long as the bus. */
int legacy_add(struct legacy *l, struct bus *bus, struct err *e);

#endif
