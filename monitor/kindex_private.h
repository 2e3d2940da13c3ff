/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KINDEX_PRIVATE_H
#define KTSTR_MONITOR_KINDEX_PRIVATE_H
/* The bytes of an index, between the file that writes and the one that reads them. */
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

#endif
