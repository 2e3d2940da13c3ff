/* SPDX-License-Identifier: GPL-2.0-only */
/* The fixture's maps alone, for kernels that have no sched_ext. */
#include "test/sched/types.bpf.h"

#include <bpf/bpf_helpers.h>

#include "test/sched/maps.bpf.h"

char _license[] SEC("license") = "GPL";
