/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the archive of an RPM package begins: behind the lead and two headers,
 * which tell their sizes. Source: docs/manual/format_v4.md of rpm: lead of 96
 * bytes; header: magic, 4 reserved bytes, number of index entries of 16 bytes,
 * bytes of the store, big-endian; the first (signatures) is padded to 8.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "boot/kernels_private.h"

#define LEAD_BYTES 96
#define HEADER_MAGIC "\x8e\xad\xe8\x01"
#define HEADER_BYTES 16
#define INDEX_BYTES 16

static uint32_t be32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* Moves *at behind the header there. */
static int skip_header(const uint8_t *p, size_t n, uint64_t *at)
{
	if (n < HEADER_BYTES || *at > n - HEADER_BYTES || memcmp(p + *at, HEADER_MAGIC, 4))
		return -EBADMSG;
	*at += HEADER_BYTES + (uint64_t)be32_at(p + *at + 8) * INDEX_BYTES + be32_at(p + *at + 12);
	return *at < n ? 0 : -EBADMSG;
}

int kernel_rpm_payload(const uint8_t *p, size_t n, size_t *ret_at)
{
	uint64_t at = LEAD_BYTES;
	int r;

	if (n < LEAD_BYTES || memcmp(p, KERNEL_RPM_MAGIC, 4))
		return -EBADMSG;
	r = skip_header(p, n, &at);
	at = round_up(at, 8);
	if (r == 0)
		r = skip_header(p, n, &at);
	*ret_at = (size_t)at;
	return r;
}
