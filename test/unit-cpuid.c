/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID as a guest sees it, from made-up lists of what KVM supports. */
#include <errno.h>

#include "base/util.h"
#include "test/cpuid-hosts.h"
#include "test/tap.h"
#include "vcpu/topo.h"
#include "vcpu/x86.h"

/* The list patched for one CPU. */
static struct kvm_cpuid2 *patch(struct kvm_cpuid2 *c, struct topo t, unsigned cpu)
{
	tap_eq(cpuid_patch(c, &t, cpu, true), 0);
	return c;
}

static struct kvm_cpuid_entry2 get(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(c, leaf, index);

	tap_ok(e, "leaf 0x%x/%u is there", leaf, index);
	return e ? *e : (struct kvm_cpuid_entry2){ 0 };
}

static uint32_t bits(uint32_t reg, unsigned high, unsigned low)
{
	return reg >> low & (uint32_t)((1ull << (high - low + 1)) - 1);
}

/* 2 NUMA nodes, 4 LLCs of 3 cores of 2 threads: CPU 23 is LLC 3, core 2, thread 1. */
static const struct topo odd = TOPO(2, 4, 3, 2);
#define ODD_CPU 23
#define ODD_APIC (3 << 3 | 2 << 1 | 1)

static void leaf_1_has_the_apic_id_the_count_and_what_kvm_does_not_report(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(intel), odd, ODD_CPU);
	struct kvm_cpuid_entry2 e = get(c, 1, 0);

	tap_eq(bits(e.ebx, 31, 24), ODD_APIC);
	tap_eq(bits(e.ebx, 23, 16), 8);	/* 6 threads take 8 ids */
	tap_eq(bits(e.ebx, 15, 0), 0x0800);
	tap_eq(bits(e.ecx, 24, 24), 1);	/* TSC deadline */
	tap_eq(bits(e.ecx, 21, 21), 1);	/* x2APIC */
	tap_eq(bits(e.ecx, 31, 31), 1);	/* hypervisor */
	tap_eq(bits(e.edx, 28, 28), 1);	/* HTT */
	tap_eq(e.eax, 0x806f8);
	free(c);
	c = patch(LOAD(zen), odd, ODD_CPU);
	tap_eq(bits(get(c, 1, 0).ebx, 23, 16), 6);
	free(c);
}

static void what_does_not_fit_in_leaf_1_is_cut(void)
{
	const struct topo t = TOPO(1, 2, 256, 1);
	struct kvm_cpuid2 *in = patch(LOAD(intel), t, 300), *ze = patch(LOAD(zen), t, 300);

	tap_eq(bits(get(in, 1, 0).ebx, 31, 24), 300 & 0xff);
	tap_eq(bits(get(in, 1, 0).ebx, 23, 16), 255);
	tap_eq(bits(get(ze, 1, 0).ebx, 23, 16), 255);
	tap_eq(bits(get(ze, 0x80000008, 0).ecx, 7, 0), 255);
	tap_eq(bits(get(ze, 0x80000008, 0).ecx, 15, 12), 8);
	tap_eq(get(in, 0xb, 0).edx, 300);
	tap_eq(get(ze, 0x8000001e, 0).eax, 300);
	free(in);
	free(ze);
}

static void one_cpu_per_package_has_no_htt(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(intel), (struct topo)TOPO(1, 4, 1, 1), 3);
	struct kvm_cpuid_entry2 e = get(c, 1, 0);

	tap_eq(bits(e.ebx, 31, 24), 3);
	tap_eq(bits(e.ebx, 23, 16), 1);
	tap_eq(bits(e.edx, 28, 28), 0);
	free(c);
	c = patch(LOAD(zen), (struct topo)TOPO(1, 4, 1, 1), 3);
	tap_eq(bits(get(c, 0x80000001, 0).ecx, 1, 1), 0);
	free(c);
}

static void tsc_deadline_is_told_only_where_kvm_has_it(void)
{
	struct kvm_cpuid2 *c = LOAD(intel);
	const struct topo t = TOPO_DEFAULT;

	cpuid_find(c, 1, 0)->ecx |= 1u << 24;
	tap_eq(cpuid_patch(c, &t, 0, false), 0);
	tap_eq(bits(get(c, 1, 0).ecx, 24, 24), 0);
	free(c);
}

static void check_levels(struct kvm_cpuid2 *c, uint32_t leaf, const struct topo *t, unsigned cpu)
{
	unsigned all = topo_thread_bits(t) + topo_core_bits(t);
	struct kvm_cpuid_entry2 smt = get(c, leaf, 0), core = get(c, leaf, 1);
	struct kvm_cpuid_entry2 end = get(c, leaf, 2);

	tap_eq(smt.eax, topo_thread_bits(t));
	tap_eq(smt.ebx, t->threads_per_core);
	tap_eq(smt.ecx, 1 << 8 | 0);
	tap_eq(core.eax, all);
	tap_eq(core.ebx, t->cores_per_llc * t->threads_per_core);
	tap_eq(core.ecx, 2 << 8 | 1);
	tap_ok(!end.eax && !end.ebx && end.ecx == 2, "the end");
	tap_eq(smt.edx, topo_apic_id(t, cpu));
	tap_eq(core.edx, topo_apic_id(t, cpu));
	tap_eq(end.edx, topo_apic_id(t, cpu));
	tap_ok(smt.flags & core.flags & end.flags & SUB, "sub-leaves count");
	/* the package above them is the LLC */
	tap_eq(smt.edx >> core.eax, topo_cpu_llc(t, cpu));
}

static void topology_leaves_describe_every_shape_for_every_vendor(void)
{
	static const struct topo shapes[] = {
		TOPO(1, 1, 1, 1), TOPO(1, 1, 4, 1), TOPO(1, 2, 2, 2), TOPO(2, 4, 3, 2),
		TOPO(1, 1, 1, 2), TOPO(1, 8, 16, 1), TOPO(4, 4, 5, 3),
	};

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct topo *t = &shapes[i];

		for (unsigned cpu = 0; cpu < topo_cpus(t); cpu++) {
			struct kvm_cpuid2 *in = patch(LOAD(intel), *t, cpu);
			struct kvm_cpuid2 *ze = patch(LOAD(zen), *t, cpu);
			struct kvm_cpuid2 *ol = patch(LOAD(old_amd), *t, cpu);

			check_levels(in, 0xb, t, cpu);
			check_levels(in, 0x1f, t, cpu);
			check_levels(ze, 0xb, t, cpu);
			check_levels(ol, 0xb, t, cpu);
			free(in);
			free(ze);
			free(ol);
		}
	}
}

static void sub_leaves_of_the_host_are_overwritten(void)
{
	struct kvm_cpuid2 *c = LOAD(intel);

	for (unsigned i = 1; i < 4; i++)
		c->entries[c->nent++] = (struct kvm_cpuid_entry2){
			.function = 0xb, .index = i, .flags = SUB,
			.eax = 7, .ebx = 96, .ecx = 0x200 | i, .edx = 0x55,
		};
	patch(c, odd, ODD_CPU);
	check_levels(c, 0xb, &odd, ODD_CPU);
	tap_ok(!cpuid_find(c, 0xb, 3), "levels that a host has beyond ours");
	free(c);
}

static void a_range_that_ends_too_early_is_extended_and_no_other(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(old_amd), odd, 0);

	tap_eq(get(c, 0, 0).eax, 0xb);
	tap_eq(get(c, 0x80000000, 0).eax, 0x8000001e);
	tap_ok(!cpuid_find(c, 0x1f, 0), "no leaf beyond the range");
	free(c);
	c = patch(LOAD(zen), odd, 0);
	tap_eq(get(c, 0, 0).eax, 0x10);
	tap_eq(get(c, 0x80000000, 0).eax, 0x80000021);
	free(c);
	c = patch(LOAD(intel), odd, 0);
	tap_eq(get(c, 0x80000000, 0).eax, 0x80000008);
	tap_ok(!cpuid_find(c, 0x8000001e, 0), "nothing of AMD's");
	free(c);
}

static void intel_caches_are_shared_by_the_core_and_by_the_llc(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(intel), odd, ODD_CPU);

	for (unsigned i = 0; i < 4; i++) {
		struct kvm_cpuid_entry2 e = get(c, 4, i);

		tap_eq(bits(e.eax, 25, 14), i < 3 ? 1 : 7);	/* ids - 1 */
		tap_eq(bits(e.eax, 31, 26), 3);			/* 3 cores take 4 ids */
		tap_eq(bits(e.eax, 8, 8), 1);			/* self-initialising */
		tap_eq(bits(e.ebx, 11, 0), 63);			/* bytes of a line - 1 */
	}
	tap_eq(get(c, 4, 4).eax, 0);
	free(c);
	/* the field has six bits */
	c = patch(LOAD(intel), (struct topo)TOPO(1, 1, 128, 1), 0);
	tap_eq(bits(get(c, 4, 3).eax, 31, 26), 63);
	tap_eq(bits(get(c, 4, 3).eax, 25, 14), 127);
	free(c);
}

static void amd_leaves_say_the_same(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(zen), odd, ODD_CPU);
	struct kvm_cpuid_entry2 e;

	for (unsigned i = 0; i < 4; i++) {
		e = get(c, 0x8000001d, i);
		tap_eq(bits(e.eax, 25, 14), i < 3 ? 1 : 7);
		tap_eq(bits(e.eax, 31, 26), 0);
	}
	e = get(c, 0x8000001e, 0);
	tap_eq(e.eax, ODD_APIC);
	tap_eq(bits(e.ebx, 7, 0), 2);		/* core */
	tap_eq(bits(e.ebx, 15, 8), 1);		/* threads - 1 */
	tap_eq(e.ecx, 3);			/* die 3, one per package */
	e = get(c, 0x80000008, 0);
	tap_eq(bits(e.ecx, 7, 0), 5);		/* threads of the package - 1 */
	tap_eq(bits(e.ecx, 15, 12), 3);		/* bits of the id within it */
	tap_eq(bits(e.ecx, 17, 16), 0);
	tap_eq(e.eax, 0x303030);
	e = get(c, 0x80000001, 0);
	tap_eq(bits(e.ecx, 1, 1), 1);		/* CmpLegacy */
	tap_eq(bits(e.ecx, 22, 22), 1);		/* TopologyExtensions */
	tap_ok(!cpuid_find(c, 4, 0) && !cpuid_find(c, 2, 0), "Intel's leaves are AMD's reserved");
	free(c);
}

/* 0x80000005 and 6 tell of the same caches as the leaves that tell of all. */
static void older_words_for_caches_agree(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(leaky_amd), odd, ODD_CPU);
	struct kvm_cpuid_entry2 l1 = get(c, 0x80000005, 0), l2 = get(c, 0x80000006, 0);

	tap_eq(l1.eax, 0xff48ff40);		/* TLBs stay the host's */
	tap_eq(l2.ebx, 0x6c004200);
	tap_eq(l1.ecx, 32u << 24 | 8 << 16 | 1 << 8 | 64);
	tap_eq(l1.edx, l1.ecx);
	tap_eq(l2.ecx, 512u << 16 | 6 << 12 | 1 << 8 | 64);
	tap_eq(bits(l2.edx, 31, 18), 16 * MIB / (512 * KIB));
	tap_eq(bits(l2.edx, 17, 0), 8 << 12 | 1 << 8 | 64);
	free(c);
	c = patch(LOAD(leaky_intel), odd, ODD_CPU);
	tap_eq(get(c, 2, 0).eax, 0xff01);	/* see leaf 4 */
	tap_eq(get(c, 2, 0).ebx | get(c, 2, 0).edx, 0);
	tap_eq(get(c, 0x80000005, 0).ecx, 0);
	tap_eq(get(c, 0x80000006, 0).ecx, 512u << 16 | 6 << 12 | 64);
	tap_eq(get(c, 0x80000006, 0).edx, 0);
	free(c);
}

static void a_package_of_several_llcs_is_wider_than_they_are(void)
{
	struct topo t = TOPO(2, 6, 3, 2);
	const unsigned cpu = 35;		/* package 1, LLC 2 of it, core 2, thread 1 */
	const uint32_t id = 1 << 5 | 2 << 3 | 2 << 1 | 1;
	struct kvm_cpuid2 *in, *ze;
	struct kvm_cpuid_entry2 e;

	t.package = TOPO_PACKAGE_NODE;
	in = patch(LOAD(intel), t, cpu);
	ze = patch(LOAD(zen), t, cpu);
	e = get(in, 0xb, 1);
	tap_eq(e.eax, 5);
	tap_eq(e.ebx, 18);
	tap_eq(e.edx, id);
	e = get(in, 4, 3);
	tap_eq(bits(e.eax, 25, 14), 7);		/* ids of an LLC - 1 */
	tap_eq(bits(e.eax, 31, 26), 15);	/* ids of a package's cores - 1 */
	tap_eq(bits(get(ze, 0x8000001d, 3).eax, 25, 14), 7);
	e = get(ze, 0x8000001e, 0);
	tap_eq(bits(e.ebx, 7, 0), 2 << 2 | 2);	/* core of the package */
	tap_eq(e.ecx, 5);			/* LLC of the machine */
	tap_eq(bits(get(ze, 0x80000008, 0).ecx, 15, 0), 5 << 12 | 17);
	free(in);
	free(ze);
}

static void an_old_amd_gets_caches_and_topology(void)
{
	static const unsigned levels[] = { 1, 1, 2, 3 };
	struct kvm_cpuid2 *c = patch(LOAD(old_amd), odd, ODD_CPU);

	tap_eq(bits(get(c, 0x80000001, 0).ecx, 22, 22), 1);
	for (unsigned i = 0; i < 4; i++) {
		struct kvm_cpuid_entry2 e = get(c, 0x8000001d, i);

		tap_eq(bits(e.eax, 7, 5), levels[i]);
		tap_eq(bits(e.eax, 25, 14), i < 3 ? 1 : 7);
	}
	/* ways * partitions * line * sets */
	tap_eq(8 * 1 * 64 * (get(c, 0x8000001d, 0).ecx + 1), 32 * KIB);
	tap_eq(16 * 1 * 64 * (get(c, 0x8000001d, 3).ecx + 1), 16 * MIB);
	tap_eq(get(c, 0x8000001d, 4).eax, 0);
	tap_eq(get(c, 0x8000001e, 0).eax, ODD_APIC);
	free(c);
	/* an empty leaf is no leaf */
	c = LOAD(old_amd);
	c->entries[c->nent++] = (struct kvm_cpuid_entry2){ .function = 0x8000001d, .flags = SUB };
	patch(c, odd, 0);
	tap_eq(bits(get(c, 0x8000001d, 3).eax, 7, 5), 3);
	tap_eq(bits(get(c, 0x8000001d, 0).eax, 7, 5), 1);
	free(c);
}

static void there_is_no_pmu(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(intel), odd, 0);
	struct kvm_cpuid_entry2 e = get(c, 0xa, 0);

	tap_eq(e.eax | e.ebx | e.ecx | e.edx, 0);
	free(c);
}

static void intel_has_no_core_count_of_amds(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(intel), odd, 0);

	tap_eq(get(c, 0x80000008, 0).ecx, 0);
	tap_eq(get(c, 0x80000008, 0).eax, 0x3934);
	tap_eq(get(c, 0x80000001, 0).ecx, 0x121);
	free(c);
}

static void the_kvm_signature_is_always_there(void)
{
	struct kvm_cpuid2 *c = patch(LOAD(old_amd), odd, 0);
	struct kvm_cpuid_entry2 e = get(c, 0x40000000, 0);
	char name[13] = "";

	memcpy(name, &e.ebx, 4);
	memcpy(name + 4, &e.ecx, 4);
	memcpy(name + 8, &e.edx, 4);
	tap_str(name, "KVMKVMKVM");
	tap_eq(e.eax, 0x40000001);
	free(c);
	c = patch(LOAD(intel), odd, 0);
	tap_eq(get(c, 0x40000001, 0).eax, 0x1007efb);
	free(c);
}

static void no_leaf_is_there_twice(void)
{
	struct kvm_cpuid2 *lists[] = {
		patch(LOAD(intel), odd, 5), patch(LOAD(zen), odd, 5), patch(LOAD(old_amd), odd, 5),
	};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct kvm_cpuid2 *c = lists[l];

		for (unsigned i = 0; i < c->nent; i++)
			tap_ok(cpuid_find(c, c->entries[i].function, c->entries[i].index) ==
			       &c->entries[i], "0x%x/%u", c->entries[i].function,
			       c->entries[i].index);
		free(c);
	}
}

static void a_full_list_is_refused_without_overflow(void)
{
	struct kvm_cpuid2 *c = LOAD(old_amd);

	while (c->nent < CPUID_ENTRIES_MAX) {
		c->entries[c->nent] = (struct kvm_cpuid_entry2){ .function = 0x2000 + c->nent };
		c->nent++;
	}
	tap_eq(cpuid_patch(c, &odd, 0, true), -ENOSPC);
	tap_eq(c->nent, CPUID_ENTRIES_MAX);
	free(c);
	c = cpuid_new();
	tap_eq(cpuid_patch(c, &odd, 0, true), 0);
	tap_eq(get(c, 0xb, 0).edx, 0);
	free(c);
}

static void address_bits_are_those_that_can_be_mapped(void)
{
	struct kvm_cpuid2 *c = LOAD(zen);
	struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x80000008, 0);

	tap_eq(cpuid_phys_bits(c), 48);
	e->eax = 0x3934;	/* 52, and nothing about mapping */
	tap_eq(cpuid_phys_bits(c), 52);
	e->eax = 0x303934;	/* 52, of which 48 can be mapped */
	tap_eq(cpuid_phys_bits(c), 48);
	c->nent = 0;
	tap_eq(cpuid_phys_bits(c), 36);
	free(c);
}

int main(void)
{
	TAP_RUN(leaf_1_has_the_apic_id_the_count_and_what_kvm_does_not_report);
	TAP_RUN(what_does_not_fit_in_leaf_1_is_cut);
	TAP_RUN(one_cpu_per_package_has_no_htt);
	TAP_RUN(tsc_deadline_is_told_only_where_kvm_has_it);
	TAP_RUN(topology_leaves_describe_every_shape_for_every_vendor);
	TAP_RUN(sub_leaves_of_the_host_are_overwritten);
	TAP_RUN(a_range_that_ends_too_early_is_extended_and_no_other);
	TAP_RUN(intel_caches_are_shared_by_the_core_and_by_the_llc);
	TAP_RUN(amd_leaves_say_the_same);
	TAP_RUN(older_words_for_caches_agree);
	TAP_RUN(a_package_of_several_llcs_is_wider_than_they_are);
	TAP_RUN(an_old_amd_gets_caches_and_topology);
	TAP_RUN(there_is_no_pmu);
	TAP_RUN(intel_has_no_core_count_of_amds);
	TAP_RUN(the_kvm_signature_is_always_there);
	TAP_RUN(no_leaf_is_there_twice);
	TAP_RUN(a_full_list_is_refused_without_overflow);
	TAP_RUN(address_bits_are_those_that_can_be_mapped);
	return tap_done();
}
