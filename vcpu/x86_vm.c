/* SPDX-License-Identifier: GPL-2.0-only */
/* The x86 side of a VM: interrupt controllers, timer, what CPUID KVM supports. */
#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"
#include "vcpu/topo.h"
#include "vcpu/x86.h"

/*
 * Pages of the guest's address space that KVM keeps for itself on Intel hosts,
 * inside the MMIO hole and where nobody else is: four of them, and before
 * them one for the identity map.
 */
#define IDENTITY_MAP_GPA 0xfffbc000
#define TSS_GPA 0xfffbd000

/*
 * The largest APIC id that interrupts can be sent to. Split, a message has
 * room for 15 bits, see struct vm_msi.
 */
static const uint32_t apic_id_max[] = {
	[VM_IRQCHIP_KERNEL] = VM_KERNEL_APIC_ID_MAX,
	[VM_IRQCHIP_SPLIT] = TOPO_APIC_ID_MAX,
};
static_assert(ARRAY_SIZE(apic_id_max) == VM_IRQCHIP_COUNT, "a limit for every kind");

void vm_disable_mtrrs(struct vm *vm)
{
	vm->no_mtrrs = true;
}

enum vm_irqchip vm_irqchip_for(enum vm_irqchip wanted, const struct topo *topo)
{
	if (wanted != VM_IRQCHIP_AUTO)
		return wanted;
	return topo_apic_id_max(topo) > VM_KERNEL_APIC_ID_MAX ? VM_IRQCHIP_SPLIT :
		VM_IRQCHIP_KERNEL;
}

static int read_cpuid(struct vm *vm, struct err *e)
{
	vm->cpuid = cpuid_new();
	if (!vm->cpuid)
		return err_sys(e, -ENOMEM, "CPUID");
	vm->cpuid->nent = CPUID_ENTRIES_MAX;
	if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, vm->cpuid) < 0)
		return err_sys(e, -errno, "read CPUID");
	if (vm->irqchip == VM_IRQCHIP_SPLIT && cpuid_add_ext_dest_id(vm->cpuid) < 0)
		return err_set(e, -ENOSPC, "more than %u CPUID leaves", CPUID_ENTRIES_MAX);
	vm->phys_bits = cpuid_phys_bits(vm->cpuid);
	return 0;
}

/*
 * The guest's TSC runs at the host's rate (0). KVM's own default is the rate
 * known when KVM was loaded. Built into a kernel that refines its calibration
 * later by more than 250 ppm, it would be "below hardware speed": KVM then only
 * warns and scales by 0, and every timer of the guest is late by the uptime of
 * the host. KVMs before Linux 5.19 do not know the request and keep the default.
 */
static void set_tsc_rate(struct vm *vm)
{
	(void)ioctl(vm->fd, KVM_SET_TSC_KHZ, 0);
}

static int create_irqchip(struct vm *vm, struct err *e)
{
	/* the dummy answers at port 0x61, which guests read to calibrate by the PIT */
	const struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	if (vm->irqchip == VM_IRQCHIP_SPLIT)
		return vm_split_irqchip(vm, e);
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_sys(e, -errno, "create interrupt controllers");
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0)
		return err_sys(e, -errno, "create timer");
	return 0;
}

int vm_arch_init(struct vm *vm, struct err *e)
{
	uint64_t identity_map = IDENTITY_MAP_GPA;
	int r;

	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)TSS_GPA) < 0)
		return err_sys(e, -errno, "set TSS address");
	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
		return err_sys(e, -errno, "set identity map address");
	r = create_irqchip(vm, e);
	if (r < 0)
		return r;
	set_tsc_rate(vm);
	return read_cpuid(vm, e);
}

void vm_arch_fini(struct vm *vm)
{
	free(vm->cpuid);
	vm->cpuid = NULL;
}

int vcpu_arch_id(const struct vm *vm, const struct topo *topo, unsigned cpu, unsigned *ret,
		 struct err *e)
{
	uint32_t id = topo_apic_id(topo, cpu);
	uint32_t max = MIN(apic_id_max[vm->irqchip], vm->max_vcpu_id - 1);

	if (id > max)
		return err_set(e, -E2BIG, "APIC id %u, at most %u: take fewer CPUs, or cores and "
			       "threads that are powers of two%s", id, max,
			       vm->irqchip == VM_IRQCHIP_KERNEL ? ", or --irqchip split" : "");
	*ret = id;
	return 0;
}
