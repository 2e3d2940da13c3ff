/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID's leaves about topology and caches. Nothing of what KVM passes on from
 * the host is kept: the host's caches belong to other cores, KVM blanks one
 * leaf and passes the next (Linux 6.12, arch/x86/kvm/cpuid.c: 2, 4, 0x80000005,
 * 6 and 0x8000001d are the host's, EDX of 0xb and 0x1f is the APIC id of the
 * host's CPU that answered), and other releases do otherwise. So every guest
 * has the same four caches, on whatever host it runs.
 *
 * A level has a field of the APIC id (topo_apic_id()). The fields of LLC and
 * package are told by different leaves: 0xb and 0x1f tell threads, then all
 * that is below the package; the L3's sharing tells the LLC.
 *
 * Leaves: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E. What Linux
 * makes of them: arch/x86/kernel/cpu/topology_{ext,amd,common}.c, cacheinfo.c.
 */
#include "base/util.h"
#include "vcpu/x86.h"
#include "vcpu/x86_cpuid.h"

#define SUBLEAF(leaf, i) \
	.function = (leaf), .index = (i), .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX

/* --- caches ---------------------------------------------------------------- */

enum cache_type { CACHE_END, CACHE_DATA, CACHE_INSTRUCTION, CACHE_UNIFIED };

#define LINE_BYTES 64

/*
 * Those of a Zen 2. Linux knows an AMD's L3 by its place, the fourth
 * (__cache_amd_cpumap_setup()).
 */
static const struct cache {
	enum cache_type type;
	unsigned level, kib, ways;
	uint32_t ways_code;	/* how 0x80000006 says it */
} caches[] = {
	{ CACHE_DATA, 1, 32, 8, 6 },
	{ CACHE_INSTRUCTION, 1, 32, 8, 6 },
	{ CACHE_UNIFIED, 2, 512, 8, 6 },
	{ CACHE_UNIFIED, 3, 16 * 1024, 16, 8 },
};

#define L1D (&caches[0])
#define L1I (&caches[1])
#define L2 (&caches[2])
#define L3 (&caches[3])

/* L1 and L2 are the core's, L3 is what an LLC is. In APIC ids, holes included. */
static uint32_t sharing(const struct place *p, const struct cache *cache)
{
	return BIT(cache->level <= 2 ? p->core_shift : p->llc_shift);
}

/* Leaf 4 and AMD's 0x8000001d are the same but for the cores of a package. */
static int put_caches(struct kvm_cpuid2 *c, const struct place *p, uint32_t leaf)
{
	const uint32_t cores = BIT(p->package_shift - p->core_shift);
	struct kvm_cpuid_entry2 end = { SUBLEAF(leaf, ARRAY_SIZE(caches)) };
	int r = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(caches) && !r; i++) {
		const struct cache *cache = &caches[i];
		struct kvm_cpuid_entry2 e = {
			SUBLEAF(leaf, i),
			.eax = cache->type | cache->level << 5 | BIT(8) /* needs no set-up */ |
			       (sharing(p, cache) - 1) << 14,
			.ebx = (cache->ways - 1) << 22 | (LINE_BYTES - 1),
			.ecx = cache->kib * 1024 / (cache->ways * LINE_BYTES) - 1,
		};

		if (leaf == 4)
			e.eax |= MIN(cores - 1, 63u) << 26;
		r = cpuid_put(c, &e);
	}
	return r ? r : cpuid_put(c, &end);
}

/*
 * Before Zen 2, and on Hygon's, Linux takes bits 3 and up of the APIC id for
 * the LLC's number, unless 0x80000006 tells of no L3: then it takes the package
 * (cacheinfo_amd_init_llc_id()). The L3 itself it finds in 0x8000001d. So there
 * an LLC that is neither 8 ids wide nor the package cannot be told.
 */
static bool tells_l3(const struct place *p)
{
	bool zen1 = p->vendor == VENDOR_AMD && p->family == 0x17 && p->model <= 0x1f;

	return (!zen1 && p->vendor != VENDOR_HYGON) || p->llc_shift == 3;
}

static uint32_t legacy_l1(const struct cache *cache)
{
	return cache->kib << 24 | cache->ways << 16 | 1 << 8 | LINE_BYTES;
}

/* The same caches in AMD's older words; Intel's 0x80000006 has the L2 as well. */
static int put_legacy_caches(struct kvm_cpuid2 *c, const struct place *p)
{
	const struct kvm_cpuid_entry2 *l1 = cpuid_find(c, 0x80000005, 0);
	const struct kvm_cpuid_entry2 *l2 = cpuid_find(c, 0x80000006, 0);
	struct kvm_cpuid_entry2 e5 = { .function = 0x80000005 };
	struct kvm_cpuid_entry2 e6 = { .function = 0x80000006 };
	int r;

	/* EAX and EBX are TLBs */
	if (l1 && is_amd(p))
		e5 = *l1;
	if (l2 && is_amd(p))
		e6 = *l2;
	e6.ecx = L2->kib << 16 | L2->ways_code << 12 | LINE_BYTES;
	e6.edx = 0;
	if (is_amd(p)) {
		e5.ecx = legacy_l1(L1D);
		e5.edx = legacy_l1(L1I);
		e6.ecx |= 1 << 8;
		if (tells_l3(p))
			e6.edx = L3->kib / 512 << 18 | L3->ways_code << 12 | 1 << 8 | LINE_BYTES;
	}
	r = cpuid_put(c, &e5);
	return r ? r : cpuid_put(c, &e6);
}

/* --- topology -------------------------------------------------------------- */

/* EAX: bits to shift the x2APIC id right by to get to the next level. */
static int put_levels(struct kvm_cpuid2 *c, const struct place *p, uint32_t leaf)
{
	const struct {
		uint32_t shift, cpus, type;
	} level[] = {
		{ p->core_shift, p->threads, 1 },	/* SMT */
		{ p->package_shift, p->cpus, 2 },	/* core */
		{ 0, 0, 0 },				/* no more levels */
	};
	int r = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(level) && !r; i++)
		r = cpuid_put(c, &(struct kvm_cpuid_entry2){
			SUBLEAF(leaf, i),
			.eax = level[i].shift,
			.ebx = level[i].cpus,
			.ecx = i | level[i].type << 8,
			.edx = p->apic_id,
		});
	return r;
}

/*
 * A package has one node here, and the node's number is the LLC's: Linux takes
 * it for that on processors older than Zen (cacheinfo_amd_init_llc_id()), QEMU's
 * among them, and uses it for nothing else. NUMA nodes come from the SRAT. The
 * field has a byte, so 256 LLCs are what such a processor can tell apart.
 */
static int put_amd_ids(struct kvm_cpuid2 *c, const struct place *p)
{
	const uint32_t core = (p->apic_id & (BIT(p->package_shift) - 1)) >> p->core_shift;
	const struct kvm_cpuid_entry2 e = {
		.function = 0x8000001e,
		.eax = p->apic_id,
		.ebx = (core & 0xff) | ((p->threads - 1) & 0xff) << 8,
		.ecx = p->llc & 0xff,
	};

	return cpuid_put(c, &e);
}

/* --- all of it ------------------------------------------------------------- */

/* Leaves that are absent read as zeros, or are written again below. */
static bool is_ours(uint32_t leaf)
{
	static const uint32_t leaves[] = {
		2, 4, 0xb, 0x18, 0x1f, 0x8000001d, 0x8000001e, 0x80000026,
	};

	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		if (leaves[i] == leaf)
			return true;
	return false;
}

static void drop_ours(struct kvm_cpuid2 *c)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->nent; i++)
		if (!is_ours(c->entries[i].function))
			c->entries[kept++] = c->entries[i];
	c->nent = kept;
}

static int put_intel(struct kvm_cpuid2 *c, const struct place *p)
{
	/* once; caches are in leaf 4, of TLBs nothing is said */
	const struct kvm_cpuid_entry2 descriptors = { .function = 2, .eax = 0xff01 };
	int r = cpuid_put(c, &descriptors);

	return r ? r : put_caches(c, p, 4);
}

static int put_amd(struct kvm_cpuid2 *c, const struct place *p)
{
	int r = put_caches(c, p, 0x8000001d);

	return r ? r : put_amd_ids(c, p);
}

int cpuid_put_topology(struct kvm_cpuid2 *c, const struct place *p)
{
	const struct kvm_cpuid_entry2 *basic;
	int r;

	drop_ours(c);
	r = put_levels(c, p, 0xb);
	/* where the range has 0x1f, Linux prefers it to 0xb */
	basic = cpuid_find(c, 0, 0);
	if (!r && basic && basic->eax >= 0x1f)
		r = put_levels(c, p, 0x1f);
	if (!r)
		r = put_legacy_caches(c, p);
	if (!r)
		r = is_amd(p) ? put_amd(c, p) : put_intel(c, p);
	return r;
}
