/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_VM_H
#define KTSTR_VCPU_VM_H
/*
 * A KVM virtual machine: /dev/kvm, its capabilities, the VM fd, the in-kernel
 * interrupt controllers, memory slots and event fds. vcpu/ is the only folder
 * that says KVM_*; the others see these functions.
 *
 * Teardown order that KVM needs: vCPUs (vcpu_destroy) -> vm_destroy -> guest
 * RAM (mm_destroy).
 * Thread: control.
 */
#include <stdint.h>

struct err;
struct vm;

/*
 * Open path (normally "/dev/kvm"), check every capability that the machine
 * needs (one error names all that are missing), create the VM with PIC,
 * IOAPIC, LAPICs and PIT in the kernel. EINTR of KVM_CREATE_VM is retried.
 * -ENOENT, -EACCES, -EPERM, -ENODEV: path cannot be opened, with a hint;
 * -ENOTTY: it is something else; -EOPNOTSUPP: capabilities are missing.
 */
int vm_create(const char *path, struct vm **ret, struct err *e);
void vm_destroy(struct vm *vm);

/* Guest physical address width that KVM offers to guests (CPUID 0x80000008). */
unsigned vm_phys_bits(const struct vm *vm);
unsigned vm_max_vcpus(const struct vm *vm);

/* Tell KVM of host memory at gpa; both and size are page aligned. One slot each. */
int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *hva, struct err *e);

/* Writing 1 to the eventfd raises an edge on the interrupt line gsi. Borrows fd. */
int vm_add_irqfd(struct vm *vm, int fd, unsigned gsi, struct err *e);

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
