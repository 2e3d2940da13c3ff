/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KBPF_SEEN_H
#define KTSTR_MONITOR_KBPF_SEEN_H
/*
 * The BPF side of schedulers over time: struct_ops programs that were there at some
 * look, how often each had run at the last look that found it, and the maps that were
 * there with them. They outlive their scheduler, which is gone when a run ends.
 *
 * A look costs two reads while nothing was loaded and the kernel does not count runs;
 * ids are given in a cycle, so a new program always moves the next one.
 *
 * Thread: any, one at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "monitor/kbpf.h"

struct kbpf_seen;

#define KBPF_SEEN_MAX 128		/* programs, and maps */

/* Borrows the index. Fails for lack of memory only. */
int kbpf_seen_create(const struct kindex *k, struct kbpf_seen **ret, struct err *e);
void kbpf_seen_destroy(struct kbpf_seen *s);

/* Look now; m is attached. */
void kbpf_seen_take(struct kbpf_seen *s, const struct monitor *m);

struct kbpf_seen_program {
	uint32_t id;
	char name[KBPF_NAME_MAX];
	bool counted;			/* the kernel counted runs */
	struct kbpf_count count;
};

/* In the order in which they were first seen; *ret_n of them. */
const struct kbpf_seen_program *kbpf_seen_programs(const struct kbpf_seen *s, unsigned *ret_n);
const struct kbpf_map *kbpf_seen_maps(const struct kbpf_seen *s, unsigned *ret_n);
/* There were more than are kept. */
bool kbpf_seen_dropped(const struct kbpf_seen *s);

/* NULL, or why there are no programs and maps; why runs were never counted. */
const char *kbpf_seen_none(const struct kbpf_seen *s);
const char *kbpf_seen_uncounted(const struct kbpf_seen *s);

#endif
