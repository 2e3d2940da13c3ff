/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DSDT: soft off, and the devices that nobody can find by asking. There are no
 * processor devices and no event that would bring one: CPUs that the MADT only
 * tells of stay absent.
 */
#include <assert.h>
#include <stdio.h>

#include "boot/acpi_private.h"
#include "boot/aml.h"
#include "vcpu/topo.h"

/* A 16550 (PNP0501) with its eight ports and its interrupt. */
static void add_uart(struct aml *a, const char *name, unsigned uid, uint16_t port, unsigned irq)
{
	aml_device_begin(a, name);
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0501");
	aml_name(a, "_UID");
	aml_int(a, uid);
	aml_name(a, "_CRS");
	aml_resources_begin(a);
	aml_io(a, port, 8);
	aml_irq(a, irq);
	aml_resources_end(a);
	aml_end(a);
}

/* "VR1F" of ('V', 'R', 31): the name of a device of which there are many. */
static void device_begin(struct aml *a, const char kind[2], unsigned number)
{
	char name[5];

	assert(number <= 0xff);
	snprintf(name, sizeof(name), "%.2s%02X", kind, number & 0xff);
	aml_device_begin(a, name);
}

/* Linux' virtio_mmio driver knows it by this name (drivers/virtio/virtio_mmio.c). */
static void add_virtio_mmio(struct aml *a, unsigned number, const struct boot_virtio_mmio *v)
{
	device_begin(a, "VR", number);
	aml_name(a, "_HID");
	aml_string(a, "LNRO0005");
	aml_name(a, "_UID");
	aml_int(a, number);
	aml_name(a, "_CRS");
	aml_resources_begin(a);
	aml_memory(a, v->gpa, v->bytes);
	aml_interrupt(a, v->gsi);
	aml_resources_end(a);
	aml_end(a);
}

/* The device that stands for a node in SRAT's generic initiator structure. */
static void add_node(struct aml *a, unsigned node)
{
	device_begin(a, "ND", node);
	aml_name(a, "_HID");
	aml_string(a, ACPI_NODE_HID);
	aml_name(a, "_UID");
	aml_int(a, node);
	aml_name(a, "_PXM");
	aml_int(a, node);
	aml_end(a);
}

void acpi_add_dsdt(struct buf *out, const struct boot_machine *mc)
{
	struct aml a;

	assert(mc->virtio_mmios <= BOOT_VIRTIO_MMIO_MAX);
	aml_init(&a, out);
	/* soft off: what to put in SLP_TYP of PM1a and PM1b (7.4.2) */
	aml_name(&a, "\\_S5");
	aml_package_begin(&a, 4);
	aml_int(&a, BOOT_SLP_TYP_S5);
	aml_int(&a, BOOT_SLP_TYP_S5);
	aml_int(&a, 0);
	aml_int(&a, 0);
	aml_end(&a);
	aml_scope_begin(&a, "\\_SB");
	add_uart(&a, "COM1", 1, 0x3f8, 4);
	add_uart(&a, "COM2", 2, 0x2f8, 3);
	for (unsigned i = 0; i < mc->virtio_mmios; i++)
		add_virtio_mmio(&a, i, &mc->virtio_mmio[i]);
	for (unsigned i = 0; i < mc->topo->numa_nodes; i++)
		if (acpi_has_srat(mc) && acpi_node_is_initiator(mc, i))
			add_node(&a, i);
	aml_end(&a);
}
