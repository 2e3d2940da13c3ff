/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_X86_H
#define KTSTR_VCPU_X86_H
/*
 * CPUID as the guest sees it. Private to the x86 files of vcpu/ and their
 * unit test: pure functions on values, no /dev/kvm. Thread: any.
 */
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct topo;

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

/* Guest physical address bits, 36 when the leaf is missing. */
unsigned cpuid_phys_bits(struct kvm_cpuid2 *c);

#endif
