/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_VM_TOPOLOGY_H
#define KTSTR_TEST_VM_TOPOLOGY_H
/*
 * Does the guest's kernel see the machine that the run asked for? A test
 * program that compares sysfs with the shape, CPU by CPU and node by node; run
 * in guests by vm-topology.sh. It uses the public API alone.
 */
#include <ktstr/test.h>
#include <ktstr/topology.h>

#define CPUS_MAX 512
#define CPU_DIR "/sys/devices/system/cpu"
#define NODE_DIR "/sys/devices/system/node"

/* A set of CPUs or nodes. */
struct set {
	bool has[CPUS_MAX];
};

/* The first line of a file. False when there is no such file. */
__attribute__((format(printf, 3, 4)))
bool read_line(char *line, size_t bytes, const char *fmt, ...);

/* Fail the test when the file has something else. */
void expect_list(struct ktstr_t *t, const struct set *asked, const char *path);
void expect_number(struct ktstr_t *t, unsigned long asked, const char *path);

/* What was asked for; NULL, and the test has failed, when nobody told. */
const struct ktstr_topology *shape_of(struct ktstr_t *t);
bool is_online(const struct ktstr_topology *s, unsigned cpu);
/* Without tables that tell of nodes all is node 0. */
unsigned node_of(const struct ktstr_topology *s, unsigned cpu);
/* Is the processor AMD's or of its kind? */
bool is_amd(void);

#endif
