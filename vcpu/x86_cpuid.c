/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID of one vCPU: the list of entries, and the features that depend on the
 * vCPU or that KVM offers without reporting them. x86_cpuid_topo.c has the
 * leaves about topology and caches.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "vcpu/topo.h"
#include "vcpu/x86.h"
#include "vcpu/x86_cpuid.h"

struct kvm_cpuid2 *cpuid_new(void)
{
	return calloc(1, sizeof(struct kvm_cpuid2) +
		      CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2));
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index)
{
	for (unsigned i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function != leaf)
			continue;
		if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index)
			return e;
	}
	return NULL;
}

unsigned cpuid_phys_bits(struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x80000008, 0);
	unsigned bits, mappable;

	if (!e)
		return 36;	/* what PAE had */
	bits = e->eax & 0xff;
	/* newer KVMs tell what the nested page tables can map, where that is less */
	mappable = e->eax >> 16 & 0xff;
	return mappable ? MIN(bits, mappable) : bits;
}

int cpuid_put(struct kvm_cpuid2 *c, const struct kvm_cpuid_entry2 *row)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(c, row->function, row->index);
	struct kvm_cpuid_entry2 *first;

	if (!e) {
		if (c->nent >= CPUID_ENTRIES_MAX)
			return -ENOSPC;
		e = &c->entries[c->nent++];
	}
	*e = *row;
	first = cpuid_find(c, row->function & 0xffff0000, 0);
	if (first)
		first->eax = MAX(first->eax, row->function);
	return 0;
}

/* --- who and where ---------------------------------------------------------- */

static enum vendor vendor_of(struct kvm_cpuid2 *c)
{
	static const struct {
		char name[13];
		enum vendor vendor;
	} vendors[] = {
		{ "AuthenticAMD", VENDOR_AMD },
		{ "HygonGenuine", VENDOR_HYGON },
	};
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0, 0);
	char name[12];

	if (!e)
		return VENDOR_INTEL;
	memcpy(name, &e->ebx, 4);
	memcpy(name + 4, &e->edx, 4);
	memcpy(name + 8, &e->ecx, 4);
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		if (!memcmp(name, vendors[i].name, sizeof(name)))
			return vendors[i].vendor;
	return VENDOR_INTEL;
}

/* As AMD counts: family 0xf is the first that has more (APM vol. 3, E.3.2). */
static void read_family(struct kvm_cpuid2 *c, struct place *p)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, 1, 0);
	uint32_t eax = e ? e->eax : 0;

	p->family = eax >> 8 & 0xf;
	p->model = eax >> 4 & 0xf;
	if (p->family == 0xf) {
		p->family += eax >> 20 & 0xff;
		p->model |= (eax >> 16 & 0xf) << 4;
	}
}

static struct place place_of(struct kvm_cpuid2 *c, const struct topo *t, unsigned cpu)
{
	struct place p = {
		.vendor = vendor_of(c),
		.apic_id = topo_apic_id(t, cpu),
		.threads = t->threads_per_core,
		.cpus = topo_package_cpus(t, cpu),
		.llc = topo_cpu_llc(t, cpu),
	};

	p.core_shift = topo_thread_bits(t);
	p.llc_shift = p.core_shift + topo_core_bits(t);
	p.package_shift = p.llc_shift + topo_llc_bits(t);
	read_family(c, &p);
	return p;
}

/* --- features --------------------------------------------------------------- */

static void set_bit(uint32_t *reg, unsigned bit, bool on)
{
	*reg = on ? *reg | BIT(bit) : *reg & ~BIT(bit);
}

static void patch_features(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	/* AMD's count is of threads, Intel's of the ids that they may have */
	uint32_t count = is_amd(p) ? p->cpus : BIT(p->package_shift);

	/* of an id that does not fit, the low byte (Intel SDM vol. 3, 11.12.8.1) */
	e->ebx = (e->ebx & 0xffff) | MIN(count, 255u) << 16 | (p->apic_id & 0xff) << 24;
	set_bit(&e->ecx, 21, true);		/* x2APIC */
	/* KVM_GET_SUPPORTED_CPUID never reports it; it saves the guest a calibration */
	set_bit(&e->ecx, 24, p->has_tsc_deadline);
	set_bit(&e->ecx, 31, true);		/* a hypervisor is present */
	set_bit(&e->edx, 28, p->cpus > 1);	/* HTT: EBX[23:16] counts */
}

static void patch_pmu(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	(void)p;
	/* no PMU: nothing here wants one, and Linux would start its NMI watchdog on it */
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void patch_amd_features(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	if (!is_amd(p))
		return;
	set_bit(&e->ecx, 1, p->cpus > 1);	/* CmpLegacy: HTT means cores */
	set_bit(&e->ecx, 22, true);		/* TopologyExtensions: 0x8000001d, 1e */
}

/* AMD's count of threads, and the bits of their ids; reserved elsewhere. */
static void patch_sizes(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	e->ecx = is_amd(p) ? MIN(p->cpus - 1, 255u) | p->package_shift << 12 : 0;
}

static const struct rule {
	uint32_t leaf;
	void (*patch)(const struct place *p, struct kvm_cpuid_entry2 *e);
} rules[] = {
	{ 0x00000001, patch_features },
	{ 0x0000000a, patch_pmu },
	{ 0x80000001, patch_amd_features },
	{ 0x80000008, patch_sizes },
};

static void apply(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].leaf == e->function)
			rules[i].patch(p, e);
}

int cpuid_patch(struct kvm_cpuid2 *c, const struct topo *t, unsigned cpu, bool has_tsc_deadline)
{
	/* how a guest finds kvm-clock: "KVMKVMKVM" */
	static const struct kvm_cpuid_entry2 signature = {
		.function = 0x40000000, .eax = 0x40000001,
		.ebx = 0x4b4d564b, .ecx = 0x564b4d56, .edx = 0x4d,
	};
	struct place p = place_of(c, t, cpu);
	int r;

	p.has_tsc_deadline = has_tsc_deadline;
	r = cpuid_put_topology(c, &p);
	if (!r && !cpuid_find(c, 0x40000000, 0))
		r = cpuid_put(c, &signature);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < c->nent; i++)
		apply(&p, &c->entries[i]);
	return 0;
}
