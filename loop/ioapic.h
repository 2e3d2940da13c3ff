/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_IOAPIC_H
#define KTSTR_LOOP_IOAPIC_H
/*
 * An I/O APIC as a value: its registers, and what they make of its pins. It
 * knows no KVM, no vCPU and no loop, so it can be tested and fuzzed alone. The
 * board has one when KVM's own cannot serve (vm.h, VM_IRQCHIP_SPLIT).
 *
 *   guest writes an entry --> route(pin, message)    an edge by irqfd sends it from now on
 *   ioapic_set_line()     --> send(message)          a line that we drive ourselves
 *   ioapic_eoi(vector)    --> send(message) again    while a level line is still high
 *
 * route() is called only when the message has changed, as it is dear. A masked
 * pin has none, so an edge is lost then, as the data sheet says; but for a
 * level pin whose interrupt a CPU has not ended: its route stays until then,
 * since KVM tells of the end only of what has one.
 *
 * Level pins are for lines that we drive. An irqfd on a pin that the guest
 * made a level one sends its message for each edge, and no Remote IRR is kept.
 *
 * Lines are asserted or not: polarity is kept in the entry and means nothing.
 * Messages are delivered at once, so Delivery Status is always idle. ExtINT
 * entries send nothing, as there is no 8259 to ask for the vector.
 *
 * Source: Intel 82093AA data sheet (290566), 3; the EOI register of version
 * 0x20: Intel ICH9 data sheet (316972), 13.5.4. KVM's LAPICs let a guest choose
 * directed EOI when the IOAPIC is not KVM's, hence that register.
 * Entries as Linux writes them: arch/x86/include/asm/io_apic.h.
 * Thread: control.
 */
#include <stdbool.h>
#include <stdint.h>

#include "vcpu/vm.h"

#define IOAPIC_GPA 0xfec00000u
#define IOAPIC_BYTES 0x100
#define IOAPIC_PINS VM_ROUTES

struct ioapic_ops {
	/* An edge on the pin's line shall send msi; NULL: nothing. */
	void (*route)(unsigned pin, const struct vm_msi *msi, void *arg);
	/* Send it now. */
	void (*send)(const struct vm_msi *msi, void *arg);
	void *arg;
};

struct ioapic {
	struct ioapic_ops ops;
	uint8_t select;			/* IOREGSEL */
	uint32_t id;			/* bits 27:24 */
	uint64_t entry[IOAPIC_PINS];	/* redirection table */
	uint32_t lines;			/* bit i: pin i is asserted */
};

/* All pins masked, as after a reset; nothing is called. */
void ioapic_init(struct ioapic *io, const struct ioapic_ops *ops);

/* offset is the address minus IOAPIC_GPA. */
uint32_t ioapic_read(const struct ioapic *io, uint16_t offset);
void ioapic_write(struct ioapic *io, uint16_t offset, uint32_t value);

void ioapic_set_line(struct ioapic *io, unsigned pin, bool asserted);
/* A CPU has ended an interrupt of this vector. */
void ioapic_eoi(struct ioapic *io, uint8_t vector);

#endif
