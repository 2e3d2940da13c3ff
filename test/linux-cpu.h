/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_LINUX_CPU_H
#define KTSTR_TEST_LINUX_CPU_H
/*
 * What Linux 6.12 makes of a vCPU's CPUID: a model of its parsers, written from
 * arch/x86/kernel/cpu/topology_{common,ext,amd}.c, cacheinfo.c and
 * arch/x86/kernel/smpboot.c, and of how KVM answers CPUID from a list
 * (arch/x86/kvm/cpuid.c, kvm_cpuid()). It shares no code with vcpu/.
 */
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* thread, core, module, tile, die, die group, package */
#define LINUX_LEVELS 7
#define LINUX_CACHES_MAX 16
#define LINUX_NO_ID UINT32_MAX

struct linux_cache {
	unsigned level;
	unsigned type;		/* 1 data, 2 instructions, 3 both */
	unsigned bytes;
	unsigned ids;		/* APIC ids that share it */
	uint32_t id;		/* cache/indexN/id */
};

struct linux_cpu {
	bool is_amd, has_topoext;
	unsigned family, model;
	uint32_t apicid;		/* of the local APIC */
	uint32_t initial_apicid;	/* of CPUID; Linux complains when it differs */
	unsigned shift[LINUX_LEVELS];
	uint32_t package, die, core;
	uint32_t llc, l2;		/* LINUX_NO_ID: not known */
	uint32_t amd_node, amd_unit;
	unsigned caches;
	struct linux_cache cache[LINUX_CACHES_MAX];
	unsigned cache_kib;		/* /proc/cpuinfo: cache size */
	unsigned complaints;		/* lines with "Firmware Bug" */
};

struct linux_regs {
	uint32_t eax, ebx, ecx, edx;
};

/* What the guest's CPUID instruction returns. */
struct linux_regs linux_cpuid(const struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index);

void linux_cpu_read(const struct kvm_cpuid2 *c, uint32_t apicid, struct linux_cpu *ret);

/* thread_siblings */
bool linux_smt(const struct linux_cpu *a, const struct linux_cpu *b);

/* The scheduler's LLC; *warns: Linux finds the pair insane and says so. */
bool linux_llc(const struct linux_cpu *a, const struct linux_cpu *b, bool same_node, bool *warns);

/* cache/indexN/shared_cpu_list */
bool linux_share(const struct linux_cpu *a, const struct linux_cpu *b, unsigned index,
		 bool same_node);

#endif
