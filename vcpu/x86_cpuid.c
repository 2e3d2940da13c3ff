/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID of one vCPU. KVM tells what it supports with most of the topology
 * blank; the tables here say which leaves must exist and how each is filled.
 *
 * An LLC is a package in the guest: thread bits, then core bits, then the
 * package, as topo_apic_id() lays them out.
 *
 * Leaves: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E. What Linux
 * makes of them: arch/x86/kernel/cpu/topology_{ext,amd,common}.c, cacheinfo.c.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "vcpu/topo.h"
#include "vcpu/x86.h"

#define BIT(n) (UINT32_C(1) << (n))

/* What the patches need to know. */
struct place {
	struct kvm_cpuid2 *c;
	uint32_t apic_id;
	unsigned thread_bits;
	unsigned package_bits;	/* thread_bits and core bits */
	unsigned threads;	/* of a core */
	unsigned cpus;		/* of a package */
	unsigned core, llc;	/* core counts within the LLC */
	bool is_amd;
	bool has_tsc_deadline;
};

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

/* --- leaves that must exist ----------------------------------------------- */

static bool is_amd(struct kvm_cpuid2 *c)
{
	static const char names[][13] = { "AuthenticAMD", "HygonGenuine" };
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0, 0);
	char vendor[12];

	if (!e)
		return false;
	memcpy(vendor, &e->ebx, 4);
	memcpy(vendor + 4, &e->edx, 4);
	memcpy(vendor + 8, &e->ecx, 4);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!memcmp(vendor, names[i], sizeof(vendor)))
			return true;
	return false;
}

/* Write a leaf, and let the leaf that counts its range reach it. */
static int put(struct kvm_cpuid2 *c, const struct kvm_cpuid_entry2 *row)
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

static int put_all(struct kvm_cpuid2 *c, const struct kvm_cpuid_entry2 *rows, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = put(c, &rows[i]);
	return r;
}

#define SUBLEAF(leaf, i) \
	.function = (leaf), .index = (i), .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX

/* KVM returns one empty sub-leaf here, or the host's, or none. */
static const struct kvm_cpuid_entry2 topology_b[] = {
	{ SUBLEAF(0xb, 0) }, { SUBLEAF(0xb, 1) }, { SUBLEAF(0xb, 2) },
};

static const struct kvm_cpuid_entry2 topology_1f[] = {
	{ SUBLEAF(0x1f, 0) }, { SUBLEAF(0x1f, 1) }, { SUBLEAF(0x1f, 2) },
};

/* How a guest finds kvm-clock. "KVMKVMKVM" */
static const struct kvm_cpuid_entry2 signature[] = {
	{ .function = 0x40000000, .eax = 0x40000001,
	  .ebx = 0x4b4d564b, .ecx = 0x564b4d56, .edx = 0x4d },
};

/*
 * AMD processors older than Zen, QEMU's among them, describe neither threads
 * nor shared caches. Give them the leaves that do, with the sizes of a Zen:
 * type, level and sharing in EAX; ways, partitions, line size in EBX; sets.
 */
static const struct kvm_cpuid_entry2 amd_caches[] = {
	{ SUBLEAF(0x8000001d, 0), .eax = 0x121, .ebx = 0x1c0003f, .ecx = 63 },	/* L1d 32 KiB */
	{ SUBLEAF(0x8000001d, 1), .eax = 0x122, .ebx = 0x1c0003f, .ecx = 63 },	/* L1i 32 KiB */
	{ SUBLEAF(0x8000001d, 2), .eax = 0x143, .ebx = 0x1c0003f, .ecx = 1023 }, /* L2 512 KiB */
	{ SUBLEAF(0x8000001d, 3), .eax = 0x163, .ebx = 0x3c0003f, .ecx = 16383 }, /* L3 16 MiB */
	{ SUBLEAF(0x8000001d, 4) },
};

static const struct kvm_cpuid_entry2 amd_topology[] = {
	{ .function = 0x8000001e },
};

static bool has_caches(struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x8000001d, 0);

	return e && e->eax & 0x1f;
}

static int add_missing(struct place *p)
{
	struct kvm_cpuid2 *c = p->c;
	const struct kvm_cpuid_entry2 *basic;
	int r;

	r = put_all(c, topology_b, ARRAY_SIZE(topology_b));
	if (r < 0)
		return r;
	/* where the range has 0x1f, Intel guests prefer it to 0xb */
	basic = cpuid_find(c, 0, 0);
	if (basic && basic->eax >= 0x1f)
		r = put_all(c, topology_1f, ARRAY_SIZE(topology_1f));
	if (!r && !cpuid_find(c, 0x40000000, 0))
		r = put_all(c, signature, ARRAY_SIZE(signature));
	/* all caches or none: a mixture of two processors helps nobody */
	if (!r && p->is_amd && !has_caches(c))
		r = put_all(c, amd_caches, ARRAY_SIZE(amd_caches));
	if (!r && p->is_amd)
		r = put_all(c, amd_topology, ARRAY_SIZE(amd_topology));
	return r;
}

/* --- what they say -------------------------------------------------------- */

static void set_bit(uint32_t *reg, unsigned bit, bool on)
{
	*reg = on ? *reg | BIT(bit) : *reg & ~BIT(bit);
}

static void patch_features(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	e->ebx = (e->ebx & 0xffff) | MIN(p->cpus, 255u) << 16 | (p->apic_id & 0xff) << 24;
	set_bit(&e->ecx, 21, true);		/* x2APIC */
	/* KVM_GET_SUPPORTED_CPUID never reports it; it saves the guest a calibration */
	set_bit(&e->ecx, 24, p->has_tsc_deadline);
	set_bit(&e->ecx, 31, true);		/* a hypervisor is present */
	set_bit(&e->edx, 28, p->cpus > 1);	/* HTT: EBX[23:16] counts */
}

/* How many APIC ids share a cache of this level. L1 and L2 are the core's. */
static uint32_t sharing(const struct place *p, const struct kvm_cpuid_entry2 *e)
{
	unsigned level = e->eax >> 5 & 7;

	return BIT(level <= 2 ? p->thread_bits : p->package_bits);
}

static void patch_caches(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	uint32_t cores = BIT(p->package_bits - p->thread_bits);

	if (!(e->eax & 0x1f))		/* no more caches */
		return;
	e->eax = (e->eax & 0x3fff) | (sharing(p, e) - 1) << 14 | MIN(cores - 1, 63u) << 26;
}

static void patch_amd_caches(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	if (!(e->eax & 0x1f))
		return;
	e->eax = (e->eax & 0x3fff) | (sharing(p, e) - 1) << 14;
}

static void patch_pmu(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	(void)p;
	/* no PMU: nothing here wants one, and Linux would start its NMI watchdog on it */
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

/* EAX: bits to shift the x2APIC id right by to get to the next level. */
static void patch_topology(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	const struct {
		uint32_t shift, cpus, type;
	} level[] = {
		{ p->thread_bits, p->threads, 1 },	/* SMT */
		{ p->package_bits, p->cpus, 2 },	/* core */
		{ 0, 0, 0 },				/* no more levels */
	};
	const unsigned i = MIN(e->index, 2u);

	e->eax = level[i].shift;
	e->ebx = level[i].cpus;
	e->ecx = (e->index & 0xff) | level[i].type << 8;
	e->edx = p->apic_id;
}

static void patch_amd_features(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	set_bit(&e->ecx, 1, p->cpus > 1);	/* CmpLegacy: HTT means cores */
	set_bit(&e->ecx, 22, true);		/* TopologyExtensions: 0x8000001d, 1e */
}

static void patch_amd_sizes(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	e->ecx = MIN(p->cpus - 1, 255u) | p->package_bits << 12;
}

static void patch_sizes(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	(void)p;
	e->ecx = 0;	/* AMD's core count; reserved elsewhere */
}

/*
 * The node id is the die's. Linux takes it for the LLC's number on processors
 * older than Zen, so it counts LLCs; NUMA nodes come from the SRAT.
 */
static void patch_amd_topology(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	e->eax = p->apic_id;
	e->ebx = (p->core & 0xff) | ((p->threads - 1) & 0xff) << 8;
	e->ecx = p->llc & 0xff;		/* one node per package */
	e->edx = 0;
}

enum vendor { ANY, AMD, OTHERS };

static const struct rule {
	uint32_t leaf;
	enum vendor vendor;
	void (*patch)(const struct place *p, struct kvm_cpuid_entry2 *e);
} rules[] = {
	{ 0x00000001, ANY, patch_features },
	{ 0x00000004, ANY, patch_caches },
	{ 0x0000000a, ANY, patch_pmu },
	{ 0x0000000b, ANY, patch_topology },
	{ 0x0000001f, ANY, patch_topology },
	{ 0x80000001, AMD, patch_amd_features },
	{ 0x80000008, AMD, patch_amd_sizes },
	{ 0x80000008, OTHERS, patch_sizes },
	{ 0x8000001d, AMD, patch_amd_caches },
	{ 0x8000001e, AMD, patch_amd_topology },
};

static void apply(const struct place *p, struct kvm_cpuid_entry2 *e)
{
	const enum vendor vendor = p->is_amd ? AMD : OTHERS;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].leaf == e->function &&
		    (rules[i].vendor == ANY || rules[i].vendor == vendor))
			rules[i].patch(p, e);
}

int cpuid_patch(struct kvm_cpuid2 *c, const struct topo *t, unsigned cpu, bool has_tsc_deadline)
{
	struct place p = {
		.c = c,
		.apic_id = topo_apic_id(t, cpu),
		.thread_bits = topo_thread_bits(t),
		.package_bits = topo_thread_bits(t) + topo_core_bits(t),
		.threads = t->threads_per_core,
		.cpus = t->cores_per_llc * t->threads_per_core,
		.core = cpu / t->threads_per_core % t->cores_per_llc,
		.llc = topo_cpu_llc(t, cpu),
		.is_amd = is_amd(c),
		.has_tsc_deadline = has_tsc_deadline,
	};
	int r = add_missing(&p);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < c->nent; i++)
		apply(&p, &c->entries[i]);
	return 0;
}
