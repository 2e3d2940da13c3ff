/* SPDX-License-Identifier: GPL-2.0-only */
/* Places of sched_ext: at a symbol, or in what scx_root points at. */
#include "monitor/scx_place.h"

#include <errno.h>

#include "base/err.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"

static void find_row(const struct kindex *k, struct layout_last *last, const struct scx_row *row,
		     struct scx_place *p)
{
	struct err e = ERR_INIT;
	uint64_t addr;

	if (!kindex_find(k, row->symbol, &addr)) {
		err_set(&e, -ENOENT, "the kernel has no symbol %s", row->symbol);
		layout_absent(&p->at, &e);
		return;
	}
	p->symbol = row->symbol;
	p->pointer = row->pointer;
	if (!row->type)
		p->at = (struct layout_place){ .has = true, .field.size = row->size };
	else if (layout_next(last, row->type, row->path, &p->at.field, &e) == 0)
		p->at.has = true;
	else
		layout_absent(&p->at, &e);
}

void scx_place_find(const struct kindex *k, const struct scx_row *rows, size_t n,
		    struct scx_place *place)
{
	struct layout_last last = { .btf = kindex_btf(k) };

	for (size_t i = 0; i < n; i++)
		if (!place[rows[i].thing].at.has)
			find_row(k, &last, &rows[i], &place[rows[i].thing]);
}

int scx_place_now(const struct scx_place *p, const struct monitor *m, uint64_t *ret_kva)
{
	uint64_t kva;

	if (!p->at.has || !monitor_symbol(m, p->symbol, &kva))
		return -ENOENT;
	if (p->pointer && monitor_uint(m, kva, sizeof(kva), &kva) < 0)
		return -EFAULT;
	if (!kva)
		return -EAGAIN;
	*ret_kva = kva + p->at.field.offset;
	return 0;
}
