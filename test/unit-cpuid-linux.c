/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every preset's CPUID, on every kind of host, read as Linux reads it
 * (linux-cpu.h): what Linux finds is what was asked for.
 */
#include <stdlib.h>

#include "base/util.h"
#include "test/cpuid-hosts.h"
#include "test/linux-cpu.h"
#include "test/tap.h"
#include "vcpu/topo.h"
#include "vcpu/x86.h"

#define ZEN_1 0x800f12		/* leaf 1's EAX */
#define BULLDOZER 0x600f20

struct host {
	const char *name;
	const struct kvm_cpuid_entry2 *rows;
	size_t count;
	uint32_t signature;	/* leaf 1's EAX instead; 0: as it is */
	bool is_hygon;
	bool fixed_llc;		/* an LLC is 8 ids wide or the package */
	bool byte_cores;	/* Linux takes the byte in 0x8000001e for the core */
};

#define HOST(name_, rows_) .name = name_, .rows = rows_, .count = ARRAY_SIZE(rows_)

static const struct host hosts[] = {
	{ HOST("intel", intel) },
	{ HOST("leaky intel", leaky_intel) },
	{ HOST("zen", zen) },
	{ HOST("leaky amd", leaky_amd) },
	{ HOST("old amd", old_amd) },
	{ HOST("bulldozer", zen), .signature = BULLDOZER, .byte_cores = true },
	{ HOST("zen 1", zen), .signature = ZEN_1, .fixed_llc = true },
	{ HOST("hygon", zen), .is_hygon = true, .fixed_llc = true },
};

/* Shapes that are no preset: fields that are not powers of two, large and small packages. */
static const char *const more_shapes[] = {
	"1n1l1c1t", "1n1l2c1t", "1n1l1c2t", "1n1l5c3t", "1n3l3c3t/package:all",
	"2n6l3c2t/package:node", "2n4l8c1t/package:all", "2n3l1c1t/package:node/node:llcs=2/node:llcs=1",
	"1n256l2c1t", "1n64l2c2t/package:all", "1n1l512c1t", "1n1l130c2t", "4n2l6c2t",
	"4n1l4c1t/package:all", "4n8l3c2t/package:2nodes", "64n64l2c1t/package:node",
};

static struct kvm_cpuid2 *load_host(const struct host *h)
{
	struct kvm_cpuid2 *c = load(h->rows, h->count);

	if (h->signature)
		cpuid_find(c, 1, 0)->eax = h->signature;
	if (h->is_hygon)
		*cpuid_find(c, 0, 0) = (struct kvm_cpuid_entry2){ .eax = 0x10, HYGON_GENUINE };
	return c;
}

/* Can this host tell this shape's LLCs? */
static bool tells_llcs(const struct host *h, const struct topo *t)
{
	return !h->fixed_llc || topo_llc_bits(t) == 0 ||
	       topo_thread_bits(t) + topo_core_bits(t) == 3;
}

/* What was asked of a CPU. */
struct asked {
	unsigned node, package, core, llc;
};

struct machine {
	const struct host *host;
	const struct topo *t;
	const char *shape;
	bool tells_llcs;
	struct linux_cpu *cpu;
	struct asked *asked;
	unsigned cpus;
	unsigned wrong;		/* fields of CPUs and pairs */
};

static void expect(struct machine *m, bool ok, unsigned cpu, const char *what)
{
	if (ok)
		return;
	/* one is enough to look into it */
	if (!m->wrong++)
		tap_ok(false, "%s on %s: CPU %u: %s", m->shape, m->host->name, cpu, what);
}

static void check_cpu(struct machine *m, unsigned cpu)
{
	static const struct {
		unsigned level, type, bytes;
	} caches[] = {
		{ 1, 1, 32 * KIB }, { 1, 2, 32 * KIB }, { 2, 3, 512 * KIB }, { 3, 3, 16 * MIB },
	};
	const struct linux_cpu *l = &m->cpu[cpu], *first = &m->cpu[0];

	expect(m, l->initial_apicid == topo_apic_id(m->t, cpu), cpu, "APIC id");
	expect(m, l->complaints == 0, cpu, "a firmware bug");
	expect(m, l->core == m->asked[cpu].core, cpu, "core id");
	expect(m, !memcmp(l->shift, first->shift, sizeof(l->shift)), cpu,
	       "levels as the boot CPU's");
	expect(m, l->caches == ARRAY_SIZE(caches), cpu, "number of caches");
	expect(m, l->cache_kib == (l->is_amd ? 512 : 16 * 1024), cpu, "cache size in cpuinfo");
	for (unsigned i = 0; i < ARRAY_SIZE(caches) && i < l->caches; i++)
		expect(m, l->cache[i].level == caches[i].level &&
		       l->cache[i].type == caches[i].type &&
		       l->cache[i].bytes == caches[i].bytes, cpu, "a cache's size or kind");
}

static void check_pair(struct machine *m, unsigned a, unsigned b)
{
	const struct linux_cpu *x = &m->cpu[a], *y = &m->cpu[b];
	const struct asked *p = &m->asked[a], *q = &m->asked[b];
	bool package = p->package == q->package, core = package && p->core == q->core;
	bool node = p->node == q->node, l3_id = p->llc == q->llc;
	bool llc = m->tells_llcs ? l3_id : package;
	/* Linux cuts an LLC at a node's border; of Intel's it knows that they exist */
	bool cut = llc && !node, warns = false;

	expect(m, (x->package == y->package) == package, a, "packages");
	expect(m, (x->die == y->die) == package, a, "dies");
	expect(m, linux_smt(x, y) == core, a, "SMT siblings");
	expect(m, linux_llc(x, y, node, &warns) == (llc && node), a, "the scheduler's LLC");
	expect(m, warns == (cut && (x->is_amd || !package)), a, "a warning of insane topology");
	for (unsigned i = 0; i < 3; i++)
		expect(m, linux_share(x, y, i, node) == core, a, "L1 and L2");
	expect(m, linux_share(x, y, 3, node) == (llc && !(cut && x->is_amd)), a, "L3");
	expect(m, (x->cache[3].id == y->cache[3].id) == l3_id, a, "the L3's number");
}

static void read_cpu(struct machine *m, unsigned cpu)
{
	struct kvm_cpuid2 *c = load_host(m->host);

	m->asked[cpu] = (struct asked){
		.node = topo_cpu_node(m->t, cpu),
		.package = topo_cpu_package(m->t, cpu),
		.core = topo_cpu_core(m->t, cpu),
		.llc = topo_cpu_llc(m->t, cpu),
	};
	expect(m, !cpuid_patch(c, m->t, cpu, true), cpu, "patched");
	linux_cpu_read(c, topo_apic_id(m->t, cpu), &m->cpu[cpu]);
	free(c);
}

static void check_shape(const struct host *h, const char *shape)
{
	struct machine m = { .host = h, .shape = shape };
	struct topo t;

	if (!tap_ok(!topo_parse(shape, &t, NULL), "%s", shape))
		return;
	if (h->byte_cores && t.cores_per_llc > 256)
		return;
	m.t = &t;
	m.tells_llcs = tells_llcs(h, &t);
	m.cpus = topo_cpus(&t);
	m.cpu = calloc(m.cpus, sizeof(*m.cpu));
	m.asked = calloc(m.cpus, sizeof(*m.asked));
	for (unsigned i = 0; i < m.cpus; i++) {
		read_cpu(&m, i);
		check_cpu(&m, i);
	}
	for (unsigned a = 0; a < m.cpus; a++)
		for (unsigned b = a; b < m.cpus; b++)
			check_pair(&m, a, b);
	free(m.asked);
	free(m.cpu);
}

static void check_host(const char *name)
{
	size_t n;
	const struct topo_preset *p = topo_presets(&n);

	for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
		if (strcmp(hosts[h].name, name))
			continue;
		for (size_t i = 0; i < n; i++)
			check_shape(&hosts[h], p[i].shape);
		for (size_t i = 0; i < ARRAY_SIZE(more_shapes); i++)
			check_shape(&hosts[h], more_shapes[i]);
	}
}

static void linux_finds_every_shape_on_an_intel_host(void)
{
	check_host("intel");
}

static void linux_finds_every_shape_on_an_intel_host_without_leaf_1f(void)
{
	check_host("leaky intel");
}

static void linux_finds_every_shape_on_a_zen_host(void)
{
	check_host("zen");
}

static void linux_finds_every_shape_on_a_host_that_passes_everything_on(void)
{
	check_host("leaky amd");
}

static void linux_finds_every_shape_on_an_amd_host_older_than_zen(void)
{
	check_host("old amd");
	check_host("bulldozer");
}

/* Linux takes bits 3 and up of the APIC id for the LLC there, or the package. */
static void where_linux_knows_llcs_of_8_ids_only_others_are_the_package(void)
{
	check_host("zen 1");
	check_host("hygon");
}

/* Nothing of the host's is left in a leaf about topology and caches. */
static void the_same_shape_reads_the_same_whatever_the_host_tells(void)
{
	static const uint32_t leaves[] = {
		2, 4, 0xb, 0x18, 0x1f, 0x8000001d, 0x8000001e, 0x80000026,
	};
	const struct topo t = TOPO(1, 2, 2, 2);
	struct kvm_cpuid2 *a = LOAD(zen), *b = LOAD(leaky_amd);

	tap_eq(cpuid_patch(a, &t, 5, true), 0);
	tap_eq(cpuid_patch(b, &t, 5, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		/* a Zen 3 has no 0x1f; then Linux reads 0xb */
		uint32_t leaf = leaves[i] == 0x1f ? 0xb : leaves[i];

		for (uint32_t index = 0; index < 8; index++) {
			struct linux_regs x = linux_cpuid(a, leaf, index);
			struct linux_regs y = linux_cpuid(b, leaves[i], index);

			tap_ok(!memcmp(&x, &y, sizeof(x)), "0x%x/%u", leaves[i], index);
		}
	}
	free(a);
	free(b);
}

int main(void)
{
	TAP_RUN(linux_finds_every_shape_on_an_intel_host);
	TAP_RUN(linux_finds_every_shape_on_an_intel_host_without_leaf_1f);
	TAP_RUN(linux_finds_every_shape_on_a_zen_host);
	TAP_RUN(linux_finds_every_shape_on_a_host_that_passes_everything_on);
	TAP_RUN(linux_finds_every_shape_on_an_amd_host_older_than_zen);
	TAP_RUN(where_linux_knows_llcs_of_8_ids_only_others_are_the_package);
	TAP_RUN(the_same_shape_reads_the_same_whatever_the_host_tells);
	return tap_done();
}
