/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_X86_CPUID_H
#define KTSTR_VCPU_X86_CPUID_H
/*
 * What the files that make a vCPU's CPUID share: x86_cpuid.c has the list and
 * the features, x86_cpuid_topo.c the leaves about topology and caches. Private
 * to those two.
 */
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n) (UINT32_C(1) << (n))

enum vendor { VENDOR_INTEL, VENDOR_AMD, VENDOR_HYGON };

/* Where a vCPU is. An APIC id shifted right by x_shift is the number of its x. */
struct place {
	enum vendor vendor;	/* VENDOR_INTEL: all that describe themselves as Intel's do */
	unsigned family, model;
	uint32_t apic_id;
	unsigned core_shift, llc_shift, package_shift;
	unsigned threads;	/* of a core */
	unsigned cpus;		/* of the package */
	unsigned llc;		/* counted over the machine */
	bool has_tsc_deadline;
};

static inline bool is_amd(const struct place *p)
{
	return p->vendor != VENDOR_INTEL;
}

/* Write an entry, and let the leaf that tells the range reach it. -ENOSPC. */
int cpuid_put(struct kvm_cpuid2 *c, const struct kvm_cpuid_entry2 *row);

/* All that tells of topology and caches, whatever c had of it. -ENOSPC. */
int cpuid_put_topology(struct kvm_cpuid2 *c, const struct place *p);

#endif
