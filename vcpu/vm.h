/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_VM_H
#define KTSTR_VCPU_VM_H
/*
 * A KVM virtual machine: /dev/kvm, its capabilities, the VM fd, interrupt
 * controllers, memory slots and event fds. vcpu/ is the only folder that says
 * KVM_*; the others see these functions.
 *
 * Teardown order that KVM needs: vCPUs (vcpu_destroy) -> vm_destroy -> guest
 * RAM (mm_destroy).
 * Thread: control.
 */
#include <stdint.h>

struct err;
struct topo;
struct vm;

/*
 * Who has the interrupt controllers. KVM's own IOAPIC, PIC and PIT are the
 * fastest, but its IOAPIC knows APIC ids of 8 bits only. Split, KVM keeps the
 * LAPICs, there is neither PIC nor PIT, and the IOAPIC is our caller's: it
 * turns its pins into routes (vm_set_route()), so that an irqfd still needs no
 * exit. The guest's CPUs are then in x2APIC mode from the start.
 */
enum vm_irqchip {
	VM_IRQCHIP_AUTO,	/* as the topology needs it */
	VM_IRQCHIP_KERNEL,
	VM_IRQCHIP_SPLIT,
	VM_IRQCHIP_COUNT,
};

/* KVM's IOAPIC knows 8 bits, and 255 is the broadcast id of xAPIC. */
#define VM_KERNEL_APIC_ID_MAX 254u

const char *vm_irqchip_name(enum vm_irqchip i);
/* The one place that decides: AUTO is SPLIT where an APIC id is too large for KERNEL. */
enum vm_irqchip vm_irqchip_for(enum vm_irqchip wanted, const struct topo *topo);

/*
 * Open path (normally "/dev/kvm"), check every capability that the machine
 * needs (one error names all that are missing), create the VM with its
 * interrupt controllers (not AUTO). EINTR of KVM_CREATE_VM is retried.
 * -ENOENT, -EACCES, -EPERM, -ENODEV: path cannot be opened, with a hint;
 * -ENOTTY: it is something else; -EOPNOTSUPP: capabilities are missing.
 */
int vm_create(const char *path, enum vm_irqchip irqchip, struct vm **ret, struct err *e);
void vm_destroy(struct vm *vm);

/*
 * x86: the vCPUs of this VM, none of which exists yet, have their MTRRs off. With
 * neither them nor the PAT to set (nopat), Linux does not stop all CPUs that are up
 * each time that one more comes up: cache_ap_online(), arch/x86/kernel/cpu/cacheinfo.c
 * of 6.12. KVM takes memory for write-back either way.
 */
void vm_disable_mtrrs(struct vm *vm);

/* Guest physical address width that KVM offers to guests (CPUID 0x80000008). */
unsigned vm_phys_bits(const struct vm *vm);
unsigned vm_max_vcpus(const struct vm *vm);
/* -E2BIG with the numbers when this VM cannot have so many vCPUs, or APIC ids so large. */
int vm_check_topo(const struct vm *vm, const struct topo *topo, struct err *e);

/* Tell KVM of host memory at gpa; both and size are page aligned. One slot each. */
int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *hva, struct err *e);

/* Writing 1 to the eventfd raises an edge on the interrupt line gsi. Borrows fd. */
int vm_add_irqfd(struct vm *vm, int fd, unsigned gsi, struct err *e);

/* --- split: interrupts as messages ---------------------------------------- */

#define VM_ROUTES 24	/* lines that can have a route: the pins of an IOAPIC */

/*
 * A message-signalled interrupt: Intel SDM vol. 3A, 11.11. Bits 11:5 of addr
 * are bits 14:8 of the destination (Linux 5.15, KVM_FEATURE_MSI_EXT_DEST_ID).
 */
struct vm_msi {
	uint64_t addr;
	uint32_t data;
};

/*
 * What an edge on gsi (below VM_ROUTES) sends from now on; NULL: nothing. When
 * a vCPU ends the interrupt of a route that says "level", it exits
 * (VCPU_EXIT_EOI).
 */
int vm_set_route(struct vm *vm, unsigned gsi, const struct vm_msi *msi, struct err *e);
/* Send one now. Where it goes is the guest's business; so is whether anybody is there. */
void vm_send_msi(struct vm *vm, const struct vm_msi *msi);

/*
 * A guest write of width bytes (1, 2, 4) to the port signals the eventfd and
 * never exits to us. Borrows fd. Removed with the VM.
 */
int vm_add_doorbell(struct vm *vm, int fd, uint16_t port, unsigned width, struct err *e);
/* The same for a guest physical address that no memory backs. */
int vm_add_doorbell_mmio(struct vm *vm, int fd, uint64_t gpa, unsigned width, struct err *e);

/*
 * Have KVM collect guest writes of one byte to the port instead of leaving the
 * guest for each; vcpu_take_writes() hands them over. -EOPNOTSUPP (and nothing
 * in *e) where KVM cannot: each write then exits as usual.
 */
int vm_collect_port(struct vm *vm, uint16_t port, struct err *e);

#endif
