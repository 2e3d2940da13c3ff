/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_LE_H
#define KTSTR_MONITOR_LE_H
/* Little-endian numbers at any address. Thread: any. */
#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t le16_at(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t le32_at(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t le64_at(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

#endif
