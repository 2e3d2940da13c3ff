/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts with a split irqchip: KVM has the LAPICs, everything else arrives
 * as a message. Source: Documentation/virt/kvm/api.rst, KVM_CAP_SPLIT_IRQCHIP,
 * KVM_CAP_X2APIC_API, KVM_SET_GSI_ROUTING, KVM_SIGNAL_MSI.
 */
#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"
#include "vcpu/x86.h"

/* Destination bits 14:8: where a guest puts them in an address, and where KVM wants them. */
#define EXT_DEST_MASK 0xfe0u
#define EXT_DEST_SHIFT 35

#define CPUID_KVM_FEATURES 0x40000001

static int enable_cap(struct vm *vm, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &c) < 0 ? -errno : 0;
}

int vm_split_irqchip(struct vm *vm, struct err *e)
{
	/* KVM looks at so many routes for interrupts whose end it has to tell */
	int r = enable_cap(vm, KVM_CAP_SPLIT_IRQCHIP, VM_ROUTES);

	if (r < 0)
		return err_sys(e, r, "split the interrupt controllers");
	/* ids of 32 bits; 255 is then an id like others and no broadcast */
	r = enable_cap(vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS |
		       KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	return r < 0 ? err_sys(e, r, "take APIC ids of 32 bits") : 0;
}

/*
 * Without it Linux brings up no CPU with an id above 255, for lack of an IOMMU
 * that remaps interrupts. KVM never reports it: it is a promise of whoever
 * turns the guest's addresses into KVM's, which is to_kvm().
 */
int cpuid_add_ext_dest_id(struct kvm_cpuid2 *c)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(c, CPUID_KVM_FEATURES, 0);

	if (!e) {
		if (c->nent >= CPUID_ENTRIES_MAX)
			return -ENOSPC;
		e = &c->entries[c->nent++];
		*e = (struct kvm_cpuid_entry2){ .function = CPUID_KVM_FEATURES };
	}
	e->eax |= UINT32_C(1) << KVM_FEATURE_MSI_EXT_DEST_ID;
	return 0;
}

/* KVM has the upper bits of the destination in the upper half of the address. */
static uint64_t to_kvm(uint64_t addr)
{
	return (addr & UINT32_MAX & ~(uint64_t)EXT_DEST_MASK) |
	       (addr & EXT_DEST_MASK) << EXT_DEST_SHIFT;
}

/* KVM takes the whole table at a time. */
static int set_routes(struct vm *vm)
{
	union {
		struct kvm_irq_routing table;
		uint8_t room[sizeof(struct kvm_irq_routing) +
			     VM_ROUTES * sizeof(struct kvm_irq_routing_entry)];
	} u = { .room = { 0 } };

	for (unsigned gsi = 0; gsi < VM_ROUTES; gsi++) {
		const uint64_t addr = to_kvm(vm->route[gsi].addr);

		if (!(vm->routed >> gsi & 1))
			continue;
		u.table.entries[u.table.nr++] = (struct kvm_irq_routing_entry){
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {
				.address_lo = (uint32_t)addr,
				.address_hi = (uint32_t)(addr >> 32),
				.data = vm->route[gsi].data,
			},
		};
	}
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &u.table) < 0 ? -errno : 0;
}

int vm_set_route(struct vm *vm, unsigned gsi, const struct vm_msi *msi, struct err *e)
{
	int r;

	assert(vm->irqchip == VM_IRQCHIP_SPLIT && gsi < VM_ROUTES);
	vm->routed &= ~(UINT32_C(1) << gsi);
	if (msi) {
		vm->route[gsi] = *msi;
		vm->routed |= UINT32_C(1) << gsi;
	}
	r = set_routes(vm);
	return r < 0 ? err_sys(e, r, "route GSI %u", gsi) : 0;
}

void vm_send_msi(struct vm *vm, const struct vm_msi *msi)
{
	const uint64_t addr = to_kvm(msi->addr);
	const struct kvm_msi m = {
		.address_lo = (uint32_t)addr,
		.address_hi = (uint32_t)(addr >> 32),
		.data = msi->data,
	};

	assert(vm->irqchip == VM_IRQCHIP_SPLIT);
	/* it fails when no vCPU has that id */
	(void)ioctl(vm->fd, KVM_SIGNAL_MSI, &m);
}
