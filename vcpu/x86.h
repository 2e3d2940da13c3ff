/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_X86_H
#define KTSTR_VCPU_X86_H
/*
 * CPUID as the guest sees it: pure functions on values, no /dev/kvm, any
 * thread. And what the x86 files of vcpu/ share. Private to them and their
 * unit tests.
 */
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct topo;
struct vcpu;
struct vm;

#define CPUID_ENTRIES_MAX 256	/* KVM's own limit */

/* An empty list with room for CPUID_ENTRIES_MAX; free() it. NULL without memory. */
struct kvm_cpuid2 *cpuid_new(void);

/* The entry, or NULL. */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index);

/*
 * Turn c, what KVM supports, into the CPUID of one vCPU: its place in the
 * topology, and what KVM offers but does not report. c has room for
 * CPUID_ENTRIES_MAX. -ENOSPC when that is not enough.
 */
int cpuid_patch(struct kvm_cpuid2 *c, const struct topo *t, unsigned cpu, bool has_tsc_deadline);

/* Say that interrupt messages have 15 bits for the destination. -ENOSPC: c is full. */
int cpuid_add_ext_dest_id(struct kvm_cpuid2 *c);

/* Guest physical address bits, 36 when the leaf is missing. */
unsigned cpuid_phys_bits(struct kvm_cpuid2 *c);

/* -EINVAL: KVM does not know the register, or not this value. */
int vcpu_get_msr(struct vcpu *v, uint32_t index, uint64_t *ret);
int vcpu_set_msr(struct vcpu *v, uint32_t index, uint64_t value);

/* Instead of KVM's own interrupt controllers and timer. */
int vm_split_irqchip(struct vm *vm, struct err *e);

#endif
