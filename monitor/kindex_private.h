/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KINDEX_PRIVATE_H
#define KTSTR_MONITOR_KINDEX_PRIVATE_H
/* The bytes of an index, between those that write and the one that reads them. */
#include "base/buf.h"
#include "monitor/kindex.h"

#define KINDEX_MAGIC "ktstrki1"

struct kindex_head {
	char magic[8];
	uint32_t symbols;
	uint32_t names_bytes;		/* the last one is 0 */
	uint32_t btf_bytes;
	uint32_t build_id_bytes;
	uint8_t build_id[KINDEX_BUILD_ID_MAX + 4];
	char banner[KINDEX_BANNER_MAX];
	/*
	 * uint64_t addr[symbols];	ascending
	 * uint32_t name[symbols];	offset in names
	 * uint32_t order[symbols];	numbers of the symbols, ascending by name, then address
	 * uint8_t kind[symbols];	enum kindex_kind
	 * char names[names_bytes];
	 * uint8_t btf[btf_bytes];
	 */
};

enum kindex_kind {
	KINDEX_DATA,
	KINDEX_CODE,
};

/* --- in the making: kindex_draft.c -------------------------------------------- */

struct kindex_symbol {
	uint64_t addr;
	uint32_t name;
	uint32_t number;		/* as it came; after the sort by address: its place there */
	uint8_t kind;
};

/* Begins zeroed; banner and build-id are the caller's to put into head. */
struct kindex_draft {
	struct kindex_symbol *sym;
	size_t count, cap;
	struct buf names;
	const uint8_t *btf;		/* borrowed */
	size_t btf_bytes;
	struct kindex_head head;
};

/* A symbol's type as nm and kallsyms have it. */
static inline bool kindex_is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

int kindex_draft_add(struct kindex_draft *d, uint64_t addr, bool is_code, const char *name,
		     size_t len);
int kindex_draft_write(struct kindex_draft *d, struct buf *out, struct err *e);
void kindex_draft_fini(struct kindex_draft *d);

#endif
