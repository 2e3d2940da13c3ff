/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_BUF_H
#define KTSTR_BASE_BUF_H
/*
 * A byte buffer that grows. A failed allocation makes the buffer bad: later
 * writes do nothing and buf_ok() says so, hence one check at the end serves.
 *
 * Ownership: the caller's storage; buf_fini() frees the bytes, buf_take()
 * hands them on. Thread: any, one owner.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len;		/* bytes written */
	size_t cap;
	bool bad;
};

#define BUF_INIT { 0 }

void buf_fini(struct buf *b);
void buf_reset(struct buf *b);		/* len = 0, memory stays */
bool buf_ok(const struct buf *b);
/* Room for n more bytes at data + len, or NULL. Does not change len. */
void *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_zero(struct buf *b, size_t n);
void buf_align(struct buf *b, size_t align);	/* zeros up to a multiple */
void buf_str(struct buf *b, const char *s);	/* without the NUL */
__attribute__((format(printf, 2, 3)))
void buf_fmt(struct buf *b, const char *fmt, ...);
void buf_u8(struct buf *b, uint8_t v);
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
/* The bytes with a NUL behind them, the caller's to free; NULL when bad. */
char *buf_take(struct buf *b);

#endif
