/* SPDX-License-Identifier: GPL-2.0-only */
/* BTF out of guest memory (Documentation/bpf/btf.rst, kernel/bpf/btf.c). */
#include "monitor/kbpf_types.h"

#include <bpf/btf.h>
#include <errno.h>

#include "base/util.h"
#include "monitor/kbpf_private.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"

struct kbpf_types {
	const struct kbpf *b;
	const struct monitor *m;
	size_t bytes;			/* of all entries */
	unsigned count;
	struct entry {
		uint64_t kva;
		struct btf *btf;	/* NULL: why */
		int r;
		struct err why;
	} entry[KBPF_TYPES_MAX];
};

int kbpf_types_create(const struct kbpf *b, const struct monitor *m, struct kbpf_types **ret,
		      struct err *e)
{
	struct kbpf_types *t = calloc(1, sizeof(*t));

	if (!t)
		return err_sys(e, -ENOMEM, "monitor");
	t->b = b;
	t->m = m;
	*ret = t;
	return 0;
}

void kbpf_types_destroy(struct kbpf_types *t)
{
	for (unsigned i = 0; t && i < t->count; i++)
		btf__free(t->entry[i].btf);
	free(t);
}

/* --- the form of the bytes -------------------------------------------------------------- */

/* What follows struct btf_type: so much, and so much for each of vlen. */
static const struct {
	bool known;
	uint8_t fixed, each;
} kinds[] = {
	[BTF_KIND_INT] = { true, 4, 0 },
	[BTF_KIND_PTR] = { true, 0, 0 },
	[BTF_KIND_ARRAY] = { true, sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { true, 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { true, 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { true, 0, sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = { true, 0, 0 },
	[BTF_KIND_TYPEDEF] = { true, 0, 0 },
	[BTF_KIND_VOLATILE] = { true, 0, 0 },
	[BTF_KIND_CONST] = { true, 0, 0 },
	[BTF_KIND_RESTRICT] = { true, 0, 0 },
	[BTF_KIND_FUNC] = { true, 0, 0 },
	[BTF_KIND_FUNC_PROTO] = { true, 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { true, sizeof(struct btf_var), 0 },
	[BTF_KIND_DATASEC] = { true, 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_FLOAT] = { true, 0, 0 },
	[BTF_KIND_DECL_TAG] = { true, sizeof(struct btf_decl_tag), 0 },
	[BTF_KIND_TYPE_TAG] = { true, 0, 0 },
	[BTF_KIND_ENUM64] = { true, 0, sizeof(struct btf_enum64) },
};

static int check_types(const uint8_t *p, size_t n, struct err *e)
{
	while (n) {
		struct btf_type t;
		unsigned kind;
		size_t size = sizeof(t);

		if (n < size)
			return err_set(e, -EPROTO, "a type is cut off");
		memcpy(&t, p, sizeof(t));
		kind = BTF_INFO_KIND(t.info);
		if (kind >= ARRAY_SIZE(kinds) || !kinds[kind].known)
			return err_set(e, -EPROTO, "a type of kind %u", kind);
		size += kinds[kind].fixed + (size_t)kinds[kind].each * BTF_INFO_VLEN(t.info);
		if (n < size)
			return err_set(e, -EPROTO, "a type is cut off");
		p += size;
		n -= size;
	}
	return 0;
}

int kbpf_types_check(const uint8_t *bytes, size_t n, struct err *e)
{
	struct btf_header h;
	const uint8_t *types, *strings;
	size_t left;

	if (n < sizeof(h))
		return err_set(e, -EPROTO, "too short");
	memcpy(&h, bytes, sizeof(h));
	left = n - sizeof(h);
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION || h.hdr_len != sizeof(h))
		return err_set(e, -EPROTO, "no BTF of version %u", BTF_VERSION);
	if (h.type_off % 4 || h.type_off > left || h.type_len > left - h.type_off ||
	    h.str_off > left || !h.str_len || h.str_len > left - h.str_off ||
	    h.str_off < h.type_off + h.type_len)
		return err_set(e, -EPROTO, "its parts lie outside of it");
	types = bytes + sizeof(h) + h.type_off;
	strings = bytes + sizeof(h) + h.str_off;
	if (strings[0] || strings[h.str_len - 1])
		return err_set(e, -EPROTO, "its names have no end");
	return check_types(types, h.type_len, e);
}

/* --- from the guest ------------------------------------------------------------------------ */

static int load(struct kbpf_types *t, uint64_t kva, struct btf **ret, struct err *e)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	uint64_t data, size, kernel, base;
	int r = kbpf_need(t->b, KBPF_OF_BTF, e);

	if (r < 0)
		return r;
	if (kbpf_get(t->b, t->m, kva, BTF_DATA, &data) < 0 ||
	    kbpf_get(t->b, t->m, kva, BTF_DATA_SIZE, &size) < 0 ||
	    kbpf_get(t->b, t->m, kva, BTF_KERNEL, &kernel) < 0 ||
	    kbpf_get(t->b, t->m, kva, BTF_BASE, &base) < 0)
		return err_set(e, -EFAULT, "its types are not mapped");
	if (kernel || base)
		return err_set(e, -ENODATA, "its types are of the kernel, or of a module");
	if (size > KBPF_TYPES_BYTES_MAX)
		return err_set(e, -E2BIG, "its types have %llu bytes", (unsigned long long)size);
	if (size > KBPF_TYPES_ALL_BYTES_MAX - t->bytes)
		return err_set(e, -E2BIG, "there are more types than are read");
	t->bytes += size;
	bytes = malloc(size + 1);
	if (!bytes)
		return err_sys(e, -ENOMEM, "its types");
	if (monitor_read(t->m, data, bytes, size) < 0)
		return err_set(e, -EFAULT, "its types are not mapped");
	r = kbpf_types_check(bytes, size, e);
	if (r < 0)
		return err_ctx(e, r, "its types");
	*ret = btf__new(bytes, (uint32_t)size);
	return *ret ? 0 : err_sys(e, -errno, "its types");
}

static const struct entry *find(struct kbpf_types *t, uint64_t kva)
{
	struct entry *n;

	for (unsigned i = 0; i < t->count; i++)
		if (t->entry[i].kva == kva)
			return &t->entry[i];
	if (t->count == KBPF_TYPES_MAX)
		return NULL;
	n = &t->entry[t->count++];
	n->kva = kva;
	n->why = (struct err)ERR_INIT;
	n->r = load(t, kva, &n->btf, &n->why);
	return n;
}

int kbpf_types_of(struct kbpf_types *t, const struct kbpf_map *map, const struct btf **ret,
		  uint32_t *ret_value_type, struct err *e)
{
	const struct entry *n;

	if (map->type == BPF_MAP_TYPE_STRUCT_OPS && map->kernel_value_type) {
		*ret = kindex_btf(t->b->index);
		*ret_value_type = map->kernel_value_type;
		return 0;
	}
	if (!map->btf_kva || !map->value_type)
		return err_set(e, -ENODATA, "it has no types");
	n = find(t, map->btf_kva);
	if (!n)
		return err_set(e, -E2BIG, "there are more than %u sets of types", KBPF_TYPES_MAX);
	if (n->r < 0)
		return err_set(e, n->r, "%s", err_text(&n->why));
	*ret = n->btf;
	*ret_value_type = map->value_type;
	return 0;
}
