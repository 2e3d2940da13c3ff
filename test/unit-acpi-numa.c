/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SRAT, SLIT and HMAT, read back and compared with the shape. Offsets are of
 * ACPI 6.4.
 */
#include <stdlib.h>

#include "base/util.h"
#include "test/acpi-read.h"

/* Shapes that no preset has. */
static const char *const shapes[] = {
	"1n1l2c1t",
	/* Linux would meet the nodes of CPUs first */
	"2n1l4c1t/node:llcs=0/node:llcs=1",
	"3n2l2c1t/node:llcs=1/node:llcs=0/node:llcs=1",
	"4n1l2c1t/node:llcs=0/node:llcs=0,mem=0/node:llcs=1,mem=0/node:llcs=0",
	"3n1l2c1t/node:llcs=0/node:llcs=1/node:llcs=0",
	"64n64l2c4t",
};

/* Each of the shapes above and of the presets; NULL behind the last. */
static const char *shape_at(size_t i)
{
	size_t presets;
	const struct topo_preset *p = topo_presets(&presets);

	if (i < ARRAY_SIZE(shapes))
		return shapes[i];
	i -= ARRAY_SIZE(shapes);
	return i < presets ? p[i].shape : NULL;
}

/* A structure of a table: its type, and where the next begins. */
static const uint8_t *next_srat(const uint8_t *p, size_t n, size_t *at)
{
	const uint8_t *s = p + *at;

	if (*at + 2 > n || s[1] < 2 || *at + s[1] > n)
		return NULL;
	*at += s[1];
	return s;
}

/* Nodes by the number that Linux gives them; SIZE_MAX where it does not learn of one. */
struct numbers {
	size_t of_domain[TOPO_NODES_MAX];
	unsigned count;
};

static void meet(struct numbers *k, uint64_t domain)
{
	if (tap_ok(domain < TOPO_NODES_MAX, "domain %llu", (unsigned long long)domain) &&
	    k->of_domain[domain] == SIZE_MAX)
		k->of_domain[domain] = k->count++;
}

/* As acpi_numa_init() does: CPUs and initiators first, memory behind them. */
static struct numbers number_nodes(const uint8_t *p, size_t n)
{
	struct numbers k;
	const uint8_t *s;

	memset(&k, 0xff, sizeof(k));
	k.count = 0;
	for (size_t at = 48; (s = next_srat(p, n, &at)); )
		if (s[0] == 2 || s[0] == 5)
			meet(&k, le(s + 4, 4));
	for (size_t at = 48; (s = next_srat(p, n, &at)); )
		if (s[0] == 1)
			meet(&k, le(s + 2, 4));
	return k;
}

static void Linux_meets_the_nodes_in_their_order(void)
{
	const char *shape;

	for (size_t i = 0; (shape = shape_at(i)); i++) {
		struct tables t = build(shape, 1 * GIB);
		struct numbers k;
		const uint8_t *p;
		size_t n;

		if (!t.topo.no_srat) {
			p = listed(&t, "SRAT", &n);
			k = number_nodes(p, n);
			tap_eq(k.count, t.topo.numa_nodes);
			for (unsigned node = 0; node < t.topo.numa_nodes; node++)
				tap_ok(k.of_domain[node] == node, "%s: node %u is %zu", shape, node,
				       k.of_domain[node]);
		}
		fini(&t);
	}
}

static void the_SRAT_has_each_CPU_that_is_there_in_its_node(void)
{
	const char *shape;

	for (size_t i = 0; (shape = shape_at(i)); i++) {
		struct tables t = build(shape, 1 * GIB);
		const uint8_t *p, *s;
		unsigned cpu = 0;
		size_t n;

		p = find_listed(&t, "SRAT", &n);
		for (size_t at = 48; p && (s = next_srat(p, n, &at)); ) {
			if (s[0] != 2)
				continue;
			tap_ok(s[1] == 24 && cpu < topo_cpus(&t.topo) &&
			       le(s + 4, 4) == topo_cpu_node(&t.topo, cpu) &&
			       le(s + 8, 4) == topo_apic_id(&t.topo, cpu) && le(s + 12, 4) == 1,
			       "%s: CPU %u", shape, cpu);
			cpu++;
		}
		tap_eq(cpu, p ? topo_cpus(&t.topo) : 0);
		fini(&t);
	}
}

/* The memory in SRAT is the RAM of the layout, region by region. */
static void check_memory(const struct tables *t, const char *what)
{
	size_t n, region = 0, ram = 0;
	const uint8_t *s, *p = listed(t, "SRAT", &n);

	tap_eq(p[8], 3);
	tap_eq(le(p + 36, 4), 1);
	for (size_t at = 48; (s = next_srat(p, n, &at)); ) {
		const struct mm_region *r = &t->memory.region[region];

		if (s[0] != 1)
			continue;
		tap_ok(region < t->memory.count && r->kind == MM_RAM && s[1] == 40 &&
		       le(s + 2, 4) == r->node && le(s + 8, 8) == r->gpa &&
		       le(s + 16, 8) == r->size && le(s + 28, 4) == 1, "%s: region %zu", what,
		       region);
		region++;
	}
	for (unsigned i = 0; i < t->memory.count; i++)
		ram += t->memory.region[i].kind == MM_RAM;
	tap_eq(region, ram);
}

static void the_SRAT_has_the_memory_of_the_layout(void)
{
	static const uint64_t bytes[] = {
		3 * GIB - 2 * MIB, 3 * GIB, 3 * GIB + 2 * MIB, 5 * GIB,
	};
	static const char *const nodes[] = { "1n1l4c1t", "2n2l4c1t", "4n4l4c1t" };
	const char *shape;

	for (size_t i = 0; (shape = shape_at(i)); i++) {
		struct tables t = build(shape, 1 * GIB);

		if (!t.topo.no_srat)
			check_memory(&t, shape);
		fini(&t);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(nodes); k++) {
			struct tables t = build(nodes[k], bytes[i]);

			check_memory(&t, nodes[k]);
			tap_eq(t.memory.ram_bytes, bytes[i]);
			fini(&t);
		}
}

static void a_generic_initiator_names_a_device_of_the_DSDT(void)
{
	struct tables t = build("3n1l4c1t/node:llcs=1/node:llcs=0,mem=0/node:llcs=0,mem=0",
				64 * MIB);
	static const char device[] = "ND02\x08_HID\x0d" "ACPI0004\0\x08_UID\x0a\2\x08_PXM\x0a\2";
	unsigned initiators = 0;
	size_t n;
	const uint8_t *s, *p = listed(&t, "SRAT", &n);

	for (size_t at = 48; (s = next_srat(p, n, &at)); ) {
		if (s[0] != 5)
			continue;
		initiators++;
		tap_eq(s[1], 32);
		tap_eq(s[3], 0);
		tap_eq(le(s + 4, 4), initiators);
		tap_ok(!memcmp(s + 8, "ACPI0004", 8), "HID");
		tap_eq(le(s + 16, 4), initiators);
		tap_eq(le(s + 24, 4), 1);
	}
	tap_eq(initiators, 2);
	p = listed(&t, "FACP", &n);
	p = table(&t, le(p + 140, 8), "DSDT", &n);
	tap_ok(memmem(p, n, device, sizeof(device) - 1), "the device of node 2");
	fini(&t);
}

static void a_shape_without_SRAT_says_nothing_of_nodes(void)
{
	struct tables t = build("2n2l2c1t/no-srat/node:/node:latency=500ns,cache=1G", 64 * MIB);
	size_t n;

	tap_ok(!find_listed(&t, "SRAT", &n), "SRAT");
	tap_ok(!find_listed(&t, "SLIT", &n), "SLIT");
	tap_ok(!find_listed(&t, "HMAT", &n), "HMAT");
	fini(&t);
}

static void one_node_is_near_to_itself_and_needs_no_SLIT_or_HMAT(void)
{
	struct tables t = build("1n1l2c1t", 64 * MIB), said;
	size_t n;

	tap_ok(find_listed(&t, "SRAT", &n), "no SRAT");
	tap_ok(!find_listed(&t, "SLIT", &n), "SLIT");
	tap_ok(!find_listed(&t, "HMAT", &n), "HMAT");
	fini(&t);
	said = build("1n1l2c1t/node:bandwidth=10G", 64 * MIB);
	tap_ok(find_listed(&said, "HMAT", &n), "no HMAT, but it has something to say");
	fini(&said);
}

static void the_SLIT_has_the_distances(void)
{
	struct tables t = build("3n3l1c1t/distances:10,16,32;16,10,40;32,40,10", 64 * MIB);
	size_t n;
	const uint8_t *p = listed(&t, "SLIT", &n);

	tap_eq(n, 44 + 9);
	tap_eq(le(p + 36, 8), 3);
	tap_ok(n == 53 && !memcmp(p + 44, "\x0a\x10\x20\x10\x0a\x28\x20\x28\x0a", 9), "matrix");
	fini(&t);
}

/* A structure of HMAT (type, 2 bytes reserved, 4 bytes length), by type and number. */
static const uint8_t *hmat(const struct tables *t, unsigned type, unsigned number)
{
	static const uint8_t nothing[256];
	size_t n, len;
	const uint8_t *p = listed(t, "HMAT", &n);

	for (size_t at = 40; at + 8 <= n; at += len) {
		len = le(p + at + 4, 4);
		if (!tap_ok(len >= 8 && at + len <= n, "length %zu at %zu of %zu", len, at, n))
			break;
		if (le(p + at, 2) == type && number-- == 0)
			return p + at;
	}
	tap_ok(false, "no structure of type %u", type);
	return nothing;
}

/* What Linux makes of an entry (hmat_normalize(), 6.12); latency in picoseconds. */
static uint64_t entry(const uint8_t *matrix, unsigned from, unsigned to)
{
	uint64_t cpus = le(matrix + 8 + 4, 4), memory = le(matrix + 16, 4);
	uint64_t unit = le(matrix + 24, 8);
	const uint8_t *p = matrix + 32 + 4 * (cpus + memory) + 2 * (from * memory + to);
	uint64_t v = le(p, 2);

	tap_ok(from < cpus && to < memory && v && v != 0xffff && unit <= UINT32_MAX / v,
	       "entry %llu of %llu", (unsigned long long)v, (unsigned long long)unit);
	return v * unit;
}

static void the_HMAT_scales_what_a_node_says_by_its_distance(void)
{
	/* CPUs, memory alone, CPUs without memory */
	struct tables t = build("3n2l1c1t/node:llcs=1,latency=80ns,bandwidth=60G"
				"/node:llcs=0,mem=64M/node:llcs=1,mem=0"
				"/distances:10,25,20;25,10,15;20,15,10", 128 * MIB);
	const uint8_t *m;

	/* memory domain and whose it is: its own CPUs, and the nearest ones */
	m = hmat(&t, 0, 0);
	tap_eq(le(m + 4, 4), 40);
	tap_eq(le(m + 8, 2), 1);
	tap_eq(le(m + 12, 4), 0);
	tap_eq(le(m + 16, 4), 0);
	m = hmat(&t, 0, 1);
	tap_eq(le(m + 12, 4), 2);
	tap_eq(le(m + 16, 4), 1);
	m = hmat(&t, 1, 0);
	tap_eq(le(m + 4, 4), 32 + 4 * 4 + 2 * 4);
	tap_eq(m[8], 0);
	tap_eq(m[9], 0);			/* access latency */
	tap_eq(le(m + 12, 4), 2);
	tap_eq(le(m + 16, 4), 2);
	tap_ok(!memcmp(m + 32, "\0\0\0\0\2\0\0\0" "\0\0\0\0\1\0\0\0", 16), "domains");
	tap_eq(entry(m, 0, 0), 80 * 1000);
	tap_eq(entry(m, 0, 1), TOPO_CXL_LATENCY_NS * 1000 * 25 / 10);
	tap_eq(entry(m, 1, 0), 160 * 1000);
	tap_eq(entry(m, 1, 1), TOPO_CXL_LATENCY_NS * 1000 * 15 / 10);
	m = hmat(&t, 1, 1);
	tap_eq(m[9], 3);			/* access bandwidth */
	tap_eq(entry(m, 0, 0), 60 * 1024);
	tap_eq(entry(m, 0, 1), TOPO_CXL_BANDWIDTH_MBS * 10 / 25);
	tap_eq(entry(m, 1, 0), 30 * 1024);
	fini(&t);
}

static void HMAT_values_of_any_size_fit_their_entries(void)
{
	/* 1 ms is more than an entry in ns; from afar it is more than Linux takes */
	struct tables t = build("3n3l1c1t/node:latency=1ms,bandwidth=9000G/node:latency=1ns"
				"/node:bandwidth=1M"
				"/distances:10,254,20;254,10,20;20,20,10", 96 * MIB);
	const uint8_t *latency = hmat(&t, 1, 0), *bandwidth = hmat(&t, 1, 1);
	uint64_t v;

	/* as exact as the unit that the largest value needs */
	v = entry(latency, 0, 0);
	tap_ok(v <= 1000000000 && v > 999900000, "1 ms: %llu ps", (unsigned long long)v);
	v = entry(latency, 1, 0);
	tap_ok(v > UINT32_MAX - 100000, "25.4 ms: %llu ps", (unsigned long long)v);
	tap_eq(entry(latency, 1, 1), le(latency + 24, 8));
	v = entry(bandwidth, 0, 0);
	tap_ok(v <= 9000 * 1024 && v > 8999 * 1024, "9000 GiB/s: %llu", (unsigned long long)v);
	tap_eq(entry(bandwidth, 2, 2), le(bandwidth + 24, 8));
	fini(&t);
	t = build("2n2l1c1t/node:bandwidth=100G/node:bandwidth=256G", 64 * MIB);
	tap_eq(entry(hmat(&t, 1, 1), 0, 0), 100 * 1024);
	tap_eq(entry(hmat(&t, 1, 1), 1, 1), 256 * 1024);
	fini(&t);
}

static void the_HMAT_has_the_caches_in_front_of_memory(void)
{
	struct tables t = build("2n2l1c1t/node:/node:cache=1G:direct:wb:128", 64 * MIB);
	const uint8_t *c = hmat(&t, 2, 0);

	tap_eq(le(c + 4, 4), 32);
	tap_eq(le(c + 8, 4), 1);
	tap_eq(le(c + 16, 8), 1 * GIB);
	/* one level, this one; direct mapped; write back; line */
	tap_eq(le(c + 24, 4), 1 | 1 << 4 | 1 << 8 | 1 << 12 | 128 << 16);
	tap_eq(le(c + 30, 2), 0);
	fini(&t);
}

static void the_tables_of_the_largest_shape_fit_their_place(void)
{
	static struct boot_virtio_mmio virtio[BOOT_VIRTIO_MMIO_MAX];
	struct topo topo = TOPO(64, 64, 8, 1);
	struct tables t;

	topo.described = topo.numa_nodes;
	for (unsigned i = 0; i < topo.numa_nodes; i++)
		topo.node[i].cache = (struct topo_cache){ .size_bytes = GIB, .line_bytes = 64 };
	for (unsigned i = 0; i < BOOT_VIRTIO_MMIO_MAX; i++)
		virtio[i] = (struct boot_virtio_mmio){ 0xd0000000 + i * 0x1000, 0x1000, 5 };
	t = build_with(&topo, 64 * GIB, virtio, BOOT_VIRTIO_MMIO_MAX);
	tap_ok(t.acpi.bytes.len <= 128 * KIB, "%zu bytes", t.acpi.bytes.len);
	tap_eq(t.acpi.tables, 9);
	fini(&t);
}

int main(void)
{
	TAP_RUN(Linux_meets_the_nodes_in_their_order);
	TAP_RUN(the_SRAT_has_each_CPU_that_is_there_in_its_node);
	TAP_RUN(the_SRAT_has_the_memory_of_the_layout);
	TAP_RUN(a_generic_initiator_names_a_device_of_the_DSDT);
	TAP_RUN(a_shape_without_SRAT_says_nothing_of_nodes);
	TAP_RUN(one_node_is_near_to_itself_and_needs_no_SLIT_or_HMAT);
	TAP_RUN(the_SLIT_has_the_distances);
	TAP_RUN(the_HMAT_scales_what_a_node_says_by_its_distance);
	TAP_RUN(HMAT_values_of_any_size_fit_their_entries);
	TAP_RUN(the_HMAT_has_the_caches_in_front_of_memory);
	TAP_RUN(the_tables_of_the_largest_shape_fit_their_place);
	return tap_done();
}
