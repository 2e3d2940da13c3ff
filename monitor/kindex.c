/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading an index; its bytes are checked once, here. */
#include "monitor/kindex.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "monitor/kindex_private.h"

/* A symbol further away than this is not where the address is. */
#define REACH (UINT64_C(1) << 20)

struct kindex {
	struct buf bytes;		/* one of the two holds the index */
	struct file_map file;
	const struct kindex_head *head;
	const uint64_t *addr;
	const uint32_t *name, *order;
	const uint8_t *kind;
	const char *names;
	struct btf *btf;
};

/* --- open ------------------------------------------------------------------ */

static int take_parts(struct kindex *k, const uint8_t *p, size_t n, struct err *e)
{
	const struct kindex_head *h = (const struct kindex_head *)p;
	uint64_t total = sizeof(*h);

	if (n < sizeof(*h) || memcmp(h->magic, KINDEX_MAGIC, sizeof(h->magic)))
		return err_set(e, -EINVAL, "not an index of a kernel");
	total += (uint64_t)h->symbols * (8 + 4 + 4 + 1) + h->names_bytes + h->btf_bytes;
	if (total != n || !h->names_bytes || h->build_id_bytes > KINDEX_BUILD_ID_MAX ||
	    memchr(h->banner, 0, sizeof(h->banner)) == NULL)
		return err_set(e, -EINVAL, "a damaged index of a kernel");
	k->head = h;
	k->addr = (const uint64_t *)(h + 1);
	k->name = (const uint32_t *)(k->addr + h->symbols);
	k->order = k->name + h->symbols;
	k->kind = (const uint8_t *)(k->order + h->symbols);
	k->names = (const char *)(k->kind + h->symbols);
	if (k->names[h->names_bytes - 1])
		return err_set(e, -EINVAL, "a damaged index of a kernel");
	for (uint32_t i = 0; i < h->symbols; i++)
		if (k->name[i] >= h->names_bytes || k->order[i] >= h->symbols)
			return err_set(e, -EINVAL, "a damaged index of a kernel");
	k->btf = btf__new(k->names + h->names_bytes, h->btf_bytes);
	if (!k->btf)
		return err_sys(e, -errno, "BTF of the kernel");
	return 0;
}

int kindex_open(struct buf *bytes, struct kindex **ret, struct err *e)
{
	struct kindex *k = calloc(1, sizeof(*k));
	int r;

	if (!k) {
		buf_fini(bytes);
		return err_sys(e, -ENOMEM, "index of the kernel");
	}
	k->bytes = *bytes;
	*bytes = (struct buf)BUF_INIT;
	r = take_parts(k, k->bytes.data, k->bytes.len, e);
	if (r < 0)
		kindex_close(k);
	else
		*ret = k;
	return r;
}

int kindex_open_file(const char *path, struct kindex **ret, struct err *e)
{
	struct kindex *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_sys(e, -ENOMEM, "%s", path);
	r = file_map(path, &k->file, e);
	if (r == 0) {
		r = take_parts(k, k->file.data, k->file.size, e);
		if (r < 0)
			err_ctx(e, r, "%s", path);
	}
	if (r < 0)
		kindex_close(k);
	else
		*ret = k;
	return r;
}

void kindex_close(struct kindex *k)
{
	if (!k)
		return;
	btf__free(k->btf);
	file_unmap(&k->file);
	buf_fini(&k->bytes);
	free(k);
}

/* --- look-up --------------------------------------------------------------- */

static const char *name_of(const struct kindex *k, uint32_t i)
{
	return k->names + k->name[i];
}

bool kindex_find(const struct kindex *k, const char *name, uint64_t *ret_addr)
{
	uint32_t lo = 0, hi = k->head->symbols;

	/* the first that is not less */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (strcmp(name_of(k, k->order[mid]), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == k->head->symbols || strcmp(name_of(k, k->order[lo]), name))
		return false;
	*ret_addr = k->addr[k->order[lo]];
	return true;
}

const char *kindex_code_at(const struct kindex *k, uint64_t addr, uint64_t *ret_offset)
{
	uint32_t lo = 0, hi = k->head->symbols;

	/* the first behind addr */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (k->addr[mid] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo > 0 && addr - k->addr[lo - 1] < REACH) {
		lo--;
		if (k->kind[lo] != KINDEX_CODE)
			continue;
		/* of several names for one address the first */
		while (lo > 0 && k->addr[lo - 1] == k->addr[lo] && k->kind[lo - 1] == KINDEX_CODE)
			lo--;
		*ret_offset = addr - k->addr[lo];
		return name_of(k, lo);
	}
	return NULL;
}

size_t kindex_symbols(const struct kindex *k)
{
	return k->head->symbols;
}

const void *kindex_bytes(const struct kindex *k, size_t *ret_bytes)
{
	*ret_bytes = k->file.data ? k->file.size : k->bytes.len;
	return k->head;
}

const struct btf *kindex_btf(const struct kindex *k)
{
	return k->btf;
}

const char *kindex_banner(const struct kindex *k)
{
	return k->head->banner;
}

const uint8_t *kindex_build_id(const struct kindex *k, size_t *ret_bytes)
{
	*ret_bytes = k->head->build_id_bytes;
	return k->head->build_id;
}
