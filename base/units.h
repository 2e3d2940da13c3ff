/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_UNITS_H
#define KTSTR_BASE_UNITS_H
/*
 * Numbers as people write them. Pure functions: 0, or -EINVAL when the text
 * is not such a number, or -ERANGE when it does not fit; *ret is written only
 * on success. Thread: any.
 */
#include <stdint.h>

int units_parse_uint(const char *s, uint64_t max, uint64_t *ret);
/* "512M": bytes, binary suffixes K, M, G, T; no suffix means bytes. */
int units_parse_size(const char *s, uint64_t *ret_bytes);
/* "1500ms": ns, us, ms, s, m; a number without a unit is refused unless 0. */
int units_parse_duration(const char *s, uint64_t *ret_ns);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t units_now_ns(void);

#endif
