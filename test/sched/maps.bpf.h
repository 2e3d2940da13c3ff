/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_SCHED_MAPS_BPF_H
#define KTSTR_TEST_SCHED_MAPS_BPF_H
/* The maps of the fixture scheduler, which its loader fills: maps of several kinds. */
#include "test/sched/args.h"

struct fixture_args args SEC(".data.args");
struct fixture_state state SEC(".bss.state");

/* enum bpf_map_type */
#define HASH 1
#define ARRAY 2
#define PERCPU_ARRAY 6

struct {
	__uint(type, HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct fixture_entry);
} entries_hash SEC(".maps");

struct {
	__uint(type, ARRAY);
	__uint(max_entries, FIXTURE_ENTRIES);
	__type(key, __u32);
	__type(value, struct fixture_entry);
} entries_array SEC(".maps");

struct {
	__uint(type, PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} entries_percpu SEC(".maps");

#endif
