/* SPDX-License-Identifier: GPL-2.0-only */
/* What Linux makes of CPUID: linux-cpu.h. */
#include "test/linux-cpu.h"

#include <string.h>

enum { THREAD, CORE, MODULE, TILE, DIE, DIE_GROUP, PACKAGE };

#define INTEL 0x756e6547
#define AMD 0x68747541
#define HYGON 0x6f677948

/* The state of one parse. */
struct scan {
	const struct kvm_cpuid2 *c;
	struct linux_cpu *cpu;
	uint32_t vendor;
	uint32_t basic, extended;	/* the highest leaves */
	unsigned cpus[LINUX_LEVELS];
};

static uint32_t field(uint32_t reg, unsigned high, unsigned low)
{
	return reg >> low & (uint32_t)((UINT64_C(1) << (high - low + 1)) - 1);
}

static unsigned order(uint32_t n)
{
	unsigned bits = 0;

	while (n > UINT64_C(1) << bits)
		bits++;
	return bits;
}

/* --- CPUID, as KVM answers it ------------------------------------------------ */

static const struct kvm_cpuid_entry2 *entry(const struct kvm_cpuid2 *c, uint32_t leaf,
					    uint32_t index)
{
	for (unsigned i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == leaf && (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
					    e->index == index))
			return e;
	}
	return NULL;
}

/* Intel's processors answer with the highest basic leaf, AMD's with zeros. */
static const struct kvm_cpuid_entry2 *beyond_range(const struct kvm_cpuid2 *c, uint32_t *leaf,
						   uint32_t index)
{
	const struct kvm_cpuid_entry2 *basic = entry(c, 0, 0);
	const struct kvm_cpuid_entry2 *first = entry(c, *leaf & 0x80000000, 0);

	if (!basic || basic->ebx == AMD || basic->ebx == HYGON)
		return NULL;
	if (first && *leaf <= first->eax)
		return NULL;
	*leaf = basic->eax;
	return entry(c, *leaf, index);
}

struct linux_regs linux_cpuid(const struct kvm_cpuid2 *c, uint32_t leaf, uint32_t index)
{
	const struct kvm_cpuid_entry2 *e = entry(c, leaf, index);

	if (!e)
		e = beyond_range(c, &leaf, index);
	if (e)
		return (struct linux_regs){ e->eax, e->ebx, e->ecx, e->edx };
	if (leaf == 0xb || leaf == 0x1f) {
		e = entry(c, leaf, 1);
		if (e)
			return (struct linux_regs){ .ecx = index & 0xff, .edx = e->edx };
	}
	return (struct linux_regs){ 0 };
}

static struct linux_regs get(const struct scan *s, uint32_t leaf, uint32_t index)
{
	return linux_cpuid(s->c, leaf, index);
}

/* --- levels ------------------------------------------------------------------ */

/* A level, and all above it until one of them is told. */
static void set_level(struct scan *s, unsigned level, unsigned shift, unsigned cpus)
{
	for (; level < LINUX_LEVELS; level++) {
		s->cpu->shift[level] = shift;
		s->cpus[level] = cpus;
	}
}

static unsigned level_of(struct scan *s, uint32_t leaf, uint32_t type, unsigned last)
{
	static const unsigned intel[] = { 0, THREAD, CORE, MODULE, TILE, DIE, DIE_GROUP };
	static const unsigned amd[] = { 0, THREAD, CORE, TILE, DIE };
	uint32_t types = leaf == 0xb ? 3 : leaf == 0x1f ? 7 : 5;

	if (type >= types) {
		s->cpu->complaints++;
		return last + 1;
	}
	return leaf == 0x80000026 ? amd[type] : intel[type];
}

static bool parse_levels(struct scan *s, uint32_t leaf)
{
	unsigned level = 0;
	uint32_t index;

	for (index = 0; index < 256; index++) {
		struct linux_regs r = get(s, leaf, index);
		uint32_t type = field(r.ecx, 15, 8), cpus = field(r.ebx, 15, 0);

		if (!cpus || !type)
			break;
		level = level_of(s, leaf, type, level);
		if (level == THREAD)
			s->cpu->initial_apicid = r.edx;
		else if (s->cpu->initial_apicid != r.edx)
			s->cpu->complaints++;
		set_level(s, level, field(r.eax, 4, 0), cpus);
	}
	if (index && !s->cpu->shift[THREAD] && s->cpus[THREAD] > 1) {
		s->cpu->complaints++;
		s->cpu->shift[THREAD] = order(s->cpus[THREAD]);
	}
	return index > 0;
}

static bool parse_extended(struct scan *s)
{
	return (s->basic >= 0x1f && parse_levels(s, 0x1f)) ||
	       (s->extended >= 0x80000026 && parse_levels(s, 0x80000026)) ||
	       (s->basic >= 0xb && parse_levels(s, 0xb));
}

/* Intel's, without leaf 0xb. */
static void parse_legacy(struct scan *s)
{
	struct linux_regs one = get(s, 1, 0), four = get(s, 4, 0);
	unsigned cores = 1, shift, threads = 0;

	if (s->basic >= 4 && field(four.eax, 4, 0))
		cores = field(four.eax, 31, 26) + 1;
	shift = order(cores);
	if (field(one.edx, 28, 28)) {
		unsigned all = order(field(one.ebx, 23, 16));

		if (all < shift)
			s->cpu->complaints++;
		else
			threads = all - shift;
	}
	set_level(s, THREAD, threads, 1u << threads);
	set_level(s, CORE, shift + threads, cores << threads);
}

/* --- caches ------------------------------------------------------------------ */

static void read_caches(struct scan *s)
{
	struct linux_cpu *cpu = s->cpu;
	uint32_t leaf = cpu->is_amd ? 0x8000001d : 4;

	while (cpu->caches < LINUX_CACHES_MAX) {
		struct linux_regs r = get(s, leaf, cpu->caches);
		struct linux_cache *ret = &cpu->cache[cpu->caches];

		if (!field(r.eax, 4, 0))
			return;
		ret->type = field(r.eax, 4, 0);
		ret->level = field(r.eax, 7, 5);
		ret->ids = field(r.eax, 25, 14) + 1;
		ret->bytes = (r.ecx + 1) * (field(r.ebx, 11, 0) + 1) *
			     (field(r.ebx, 21, 12) + 1) * (field(r.ebx, 31, 22) + 1);
		ret->id = cpu->apicid >> order(ret->ids);
		cpu->caches++;
	}
}

static void intel_cache_ids(struct scan *s)
{
	struct linux_cpu *cpu = s->cpu;
	uint32_t l2 = LINUX_NO_ID, l3 = LINUX_NO_ID;

	for (unsigned i = 0; i < cpu->caches; i++) {
		const struct linux_cache *k = &cpu->cache[i];
		uint32_t first = cpu->apicid & ~((1u << order(k->ids)) - 1);

		if (k->level == 2)
			l2 = first;
		if (k->level == 3)
			l3 = first;
		if (k->level == 2 || (k->level == 3 && k->bytes))
			cpu->cache_kib = k->bytes / 1024;
	}
	cpu->l2 = l2;
	cpu->llc = l3 != LINUX_NO_ID ? l3 : l2 != LINUX_NO_ID ? l2 : cpu->package;
}

/* --- AMD --------------------------------------------------------------------- */

static void amd_llc(struct scan *s, uint32_t node)
{
	struct linux_cpu *cpu = s->cpu;

	if (!get(s, 0x80000006, 0).edx)
		return;
	if (s->vendor == HYGON || (cpu->family == 0x17 && cpu->model <= 0x1f))
		cpu->llc = cpu->apicid >> 3;
	else if (cpu->family < 0x17)
		cpu->llc = node;
	else if (cpu->caches)
		cpu->llc = cpu->apicid >> order(cpu->cache[cpu->caches - 1].ids);
}

static void parse_amd(struct scan *s)
{
	struct linux_cpu *cpu = s->cpu;
	struct linux_regs sizes = get(s, 0x80000008, 0), ids = get(s, 0x8000001e, 0);
	bool extended = parse_extended(s);

	if (!extended && s->extended >= 0x80000008) {
		unsigned threads = field(sizes.ecx, 7, 0) + 1, shift = field(sizes.ecx, 15, 12);

		cpu->shift[THREAD] = 0;
		set_level(s, CORE, shift ? shift : order(threads), threads);
	}
	cpu->has_topoext = field(get(s, 0x80000001, 0).ecx, 22, 22);
	if (cpu->has_topoext) {
		if (!extended)
			cpu->initial_apicid = ids.eax;
		if (!extended && cpu->family >= 0x17)
			cpu->shift[THREAD] = order(field(ids.ebx, 15, 8) + 1);
		cpu->amd_node = field(ids.ecx, 7, 0);
		if (field(ids.ecx, 10, 8))
			cpu->complaints++;	/* several nodes: paths that are not here */
		if (s->vendor == AMD && cpu->family == 0x15)
			cpu->amd_unit = field(ids.ebx, 7, 0);
		amd_llc(s, cpu->amd_node);
	}
	if (cpu->llc == LINUX_NO_ID)
		cpu->llc = cpu->initial_apicid >> cpu->shift[CORE];
	cpu->cache_kib = field(get(s, 0x80000006, 0).ecx, 31, 16);
}

/* --- a CPU ------------------------------------------------------------------- */

static void read_family(struct scan *s)
{
	uint32_t eax = get(s, 1, 0).eax;

	s->cpu->family = field(eax, 11, 8);
	s->cpu->model = field(eax, 7, 4);
	if (s->cpu->family == 0xf)
		s->cpu->family += field(eax, 27, 20);
	if (s->cpu->family >= 6)
		s->cpu->model += field(eax, 19, 16) << 4;
}

void linux_cpu_read(const struct kvm_cpuid2 *c, uint32_t apicid, struct linux_cpu *ret)
{
	struct scan s = { .c = c, .cpu = ret };

	*ret = (struct linux_cpu){
		.apicid = apicid, .llc = LINUX_NO_ID, .l2 = LINUX_NO_ID, .amd_unit = 0xff,
	};
	s.vendor = get(&s, 0, 0).ebx;
	s.basic = get(&s, 0, 0).eax;
	s.extended = get(&s, 0x80000000, 0).eax;
	ret->is_amd = s.vendor == AMD || s.vendor == HYGON;
	read_family(&s);
	read_caches(&s);
	ret->initial_apicid = field(get(&s, 1, 0).ebx, 31, 24);
	set_level(&s, THREAD, 0, 1);
	if (ret->is_amd)
		parse_amd(&s);
	else if (!parse_extended(&s))
		parse_legacy(&s);
	ret->package = apicid >> ret->shift[PACKAGE - 1];
	ret->die = apicid >> ret->shift[DIE - 1];
	ret->core = (apicid & ((1u << ret->shift[PACKAGE - 1]) - 1)) >> ret->shift[THREAD];
	if (!ret->is_amd)
		intel_cache_ids(&s);
}

/* --- pairs ------------------------------------------------------------------- */

bool linux_smt(const struct linux_cpu *a, const struct linux_cpu *b)
{
	if (a->package != b->package || a->die != b->die)
		return false;
	if (!a->has_topoext)
		return a->core == b->core;
	if (a->amd_node != b->amd_node || a->llc != b->llc)
		return false;
	return a->core == b->core || (a->amd_unit != 0xff && a->amd_unit == b->amd_unit);
}

bool linux_llc(const struct linux_cpu *a, const struct linux_cpu *b, bool same_node, bool *warns)
{
	if (a->llc == LINUX_NO_ID || a->llc != b->llc)
		return false;
	/* sub-NUMA clustering, which Linux knows of Intel's only */
	if (!same_node && !a->is_amd && a->package == b->package)
		return false;
	*warns |= !same_node;
	return same_node;
}

bool linux_share(const struct linux_cpu *a, const struct linux_cpu *b, unsigned index,
		 bool same_node)
{
	const struct linux_cache *k = &a->cache[index];
	bool warns = false;

	if (a->is_amd && index == 3)
		return linux_llc(a, b, same_node, &warns);
	if (a->has_topoext)
		return a->apicid / k->ids == b->apicid / k->ids;
	return a->apicid >> order(k->ids) == b->apicid >> order(k->ids);
}
