/* SPDX-License-Identifier: GPL-2.0-only */
/* An index in the making: symbols in any order become the bytes that kindex.c reads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/kindex_private.h"

#define SYMBOLS_MAX (UINT32_C(1) << 24)
#define NAMES_MAX (UINT32_C(1) << 30)

void kindex_draft_fini(struct kindex_draft *d)
{
	free(d->sym);
	buf_fini(&d->names);
}

int kindex_draft_add(struct kindex_draft *d, uint64_t addr, bool is_code, const char *name,
		     size_t len)
{
	if (d->count == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 1 << 14;
		struct kindex_symbol *p = cap <= SYMBOLS_MAX ?
				   reallocarray(d->sym, cap, sizeof(*p)) : NULL;

		if (!p)
			return -ENOMEM;
		d->sym = p;
		d->cap = cap;
	}
	if (d->names.len > NAMES_MAX)
		return -ENOMEM;
	d->sym[d->count] = (struct kindex_symbol){
		.addr = addr, .name = (uint32_t)d->names.len, .number = (uint32_t)d->count,
		.kind = is_code ? KINDEX_CODE : KINDEX_DATA,
	};
	d->count++;
	buf_add(&d->names, name, len);
	buf_u8(&d->names, 0);
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	const struct kindex_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int by_name(const void *a, const void *b, void *names)
{
	const struct kindex_symbol *x = a, *y = b;
	int r = strcmp((char *)names + x->name, (char *)names + y->name);

	return r ? r : x->number < y->number ? -1 : x->number > y->number;
}

int kindex_draft_write(struct kindex_draft *d, struct buf *out, struct err *e)
{
	if (!buf_ok(&d->names))
		return err_sys(e, -ENOMEM, "symbols");
	qsort(d->sym, d->count, sizeof(*d->sym), by_addr);
	for (size_t i = 0; i < d->count; i++)
		d->sym[i].number = (uint32_t)i;
	memcpy(d->head.magic, KINDEX_MAGIC, sizeof(d->head.magic));
	d->head.symbols = (uint32_t)d->count;
	d->head.names_bytes = (uint32_t)d->names.len;
	d->head.btf_bytes = (uint32_t)d->btf_bytes;
	buf_add(out, &d->head, sizeof(d->head));
	for (size_t i = 0; i < d->count; i++)
		buf_le64(out, d->sym[i].addr);
	for (size_t i = 0; i < d->count; i++)
		buf_le32(out, d->sym[i].name);
	qsort_r(d->sym, d->count, sizeof(*d->sym), by_name, d->names.data);
	for (size_t i = 0; i < d->count; i++)
		buf_le32(out, d->sym[i].number);
	qsort(d->sym, d->count, sizeof(*d->sym), by_addr);
	for (size_t i = 0; i < d->count; i++)
		buf_u8(out, d->sym[i].kind);
	buf_add(out, d->names.data, d->names.len);
	buf_add(out, d->btf, d->btf_bytes);
	return buf_ok(out) ? 0 : err_sys(e, -ENOMEM, "index of the kernel");
}
