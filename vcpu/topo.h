/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_TOPO_H
#define KTSTR_VCPU_TOPO_H
/*
 * The shape of the guest's CPUs: NUMA nodes hold LLCs, LLCs hold cores, cores
 * hold threads. CPU ids run thread fastest, then core, then LLC; nodes own
 * consecutive LLCs. Pure values. Thread: any.
 */
#include <stdint.h>

struct err;

#define TOPO_CPUS_MAX 512
#define TOPO_NODES_MAX 64

struct topo {
	unsigned numa_nodes;
	unsigned llcs;			/* in all; a multiple of numa_nodes */
	unsigned cores_per_llc;
	unsigned threads_per_core;
};

#define TOPO_DEFAULT { .numa_nodes = 1, .llcs = 1, .cores_per_llc = 2, .threads_per_core = 1 }

/* "N,L,C,T" or "1n2l4c2t". -EINVAL with the rule that is broken and the value. */
int topo_parse(const char *s, struct topo *ret, struct err *e);
/* The rules; everything below wants a topology that keeps them, and cpu < topo_cpus(). */
int topo_check(const struct topo *t, struct err *e);

#define TOPO_TEXT_MAX 48
/* "1n2l4c2t" */
void topo_format(const struct topo *t, char text[TOPO_TEXT_MAX]);

unsigned topo_cpus(const struct topo *t);
unsigned topo_cpu_node(const struct topo *t, unsigned cpu);
unsigned topo_cpu_llc(const struct topo *t, unsigned cpu);
/*
 * APIC id of a CPU: llc << (core_bits + thread_bits) | core << thread_bits |
 * thread, each field as wide as its count needs (Intel SDM vol. 3, 9.9.1).
 */
uint32_t topo_apic_id(const struct topo *t, unsigned cpu);
unsigned topo_thread_bits(const struct topo *t);
unsigned topo_core_bits(const struct topo *t);

#endif
