/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KBPF_PRIVATE_H
#define KTSTR_MONITOR_KBPF_PRIVATE_H
/* What the files of kbpf share: where members of the kernel's types lie. */
#include "base/err.h"
#include "monitor/idr.h"
#include "monitor/kbpf.h"
#include "monitor/layout.h"

/* Members that are of use only together. */
enum kbpf_group {
	KBPF_OF_MAP,
	KBPF_OF_ARRAY,
	KBPF_OF_HTAB,
	KBPF_OF_STRUCT_OPS,
	KBPF_OF_BTF,
	KBPF_OF_PROG,
	KBPF_GROUP_COUNT,
};

enum kbpf_member {
	/* MAP_... is <sys/mman.h>'s */
	BMAP_ID, BMAP_TYPE, BMAP_KEY_SIZE, BMAP_VALUE_SIZE, BMAP_MAX_ENTRIES, BMAP_FLAGS,
	BMAP_FROZEN, BMAP_BTF, BMAP_KEY_TYPE, BMAP_VALUE_TYPE, BMAP_KERNEL_TYPE, BMAP_NAME,
	ARRAY_ELEM_SIZE, ARRAY_VALUE, ARRAY_PPTRS,
	HTAB_BUCKETS, HTAB_N_BUCKETS, HTAB_BUCKET_FIRST, HTAB_NEXT, HTAB_PPREV, HTAB_KEY,
	OPS_USER_VALUE, OPS_STATE,
	BTF_DATA, BTF_DATA_SIZE, BTF_KERNEL, BTF_BASE,
	PROG_TYPE, PROG_AUX, PROG_STATS, PROG_ID, PROG_NAME, PROG_RUNS, PROG_RUN_NS, PROG_MISSES,
	KBPF_MEMBER_COUNT,
};

struct kbpf {
	const struct kindex *index;
	struct idr_layout idr;
	struct err no_idr;		/* why there is none */
	struct layout_field member[KBPF_MEMBER_COUNT];
	bool has[KBPF_MEMBER_COUNT];
	uint32_t bucket_size;
	struct {
		bool has;
		struct err why;		/* what is missing */
	} group[KBPF_GROUP_COUNT];
};

/* 0, or -ENOENT and what is missing. */
int kbpf_need(const struct kbpf *b, enum kbpf_group g, struct err *e);
/* A member of the object at kva; 0 for one that this kernel need not have and has not. */
int kbpf_get(const struct kbpf *b, const struct monitor *m, uint64_t kva, enum kbpf_member f,
	     uint64_t *ret);

#endif
