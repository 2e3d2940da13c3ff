/* SPDX-License-Identifier: GPL-2.0-only */
/* Members of types, by BTF. Format: Documentation/bpf/btf.rst. */
#include "monitor/layout.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"

/* typedefs and qualifiers in a row, and anonymous members in each other */
#define DEPTH_MAX 16
/* Members looked at for one part of a path, anonymous ones included. */
#define MEMBERS_MAX 16384
#define NAME_MAX_BYTES 128

struct search {
	const struct btf *btf;
	const char *name;
	size_t len;
	unsigned left;			/* members that may still be looked at */
	struct layout_field *ret;
};

/* Without typedef, const, volatile, restrict and tags; NULL: there is no such type. */
static const struct btf_type *strip(const struct btf *btf, uint32_t *id)
{
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(btf, *id);

		if (!t || !(btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t)))
			return t;
		*id = t->type;
	}
	return NULL;
}

static uint32_t size_of(const struct btf *btf, uint32_t id)
{
	const int64_t size = btf__resolve_size(btf, id);

	return size > 0 && size <= UINT32_MAX ? (uint32_t)size : 0;
}

static void set_field(const struct btf *btf, const struct btf_type *t, uint32_t i, uint32_t base,
		      struct layout_field *ret)
{
	const uint32_t bits = btf_member_bit_offset(t, i);
	uint32_t id = btf_members(t)[i].type;

	strip(btf, &id);
	*ret = (struct layout_field){
		.offset = base + bits / 8, .size = size_of(btf, id), .type = id,
		.bit_size = (uint8_t)btf_member_bitfield_size(t, i),
	};
	/* the aligned unit of the member's type that holds all of the bits */
	if (ret->bit_size && ret->size) {
		ret->offset = base + bits / 8 / ret->size * ret->size;
		ret->bit_offset = (uint8_t)(bits - (ret->offset - base) * 8);
	}
}

/* In a struct or union, and in its anonymous members. */
static bool find_member(struct search *s, uint32_t id, uint32_t base, unsigned depth)
{
	const struct btf_type *t = strip(s->btf, &id);

	if (!t || !btf_is_composite(t) || depth == DEPTH_MAX)
		return false;
	for (uint32_t i = 0; i < btf_vlen(t) && s->left; i++) {
		const char *name = btf__str_by_offset(s->btf, btf_members(t)[i].name_off);

		s->left--;
		if (name && *name) {
			if (strncmp(name, s->name, s->len) || name[s->len])
				continue;
			set_field(s->btf, t, i, base, s->ret);
			return true;
		}
		if (find_member(s, btf_members(t)[i].type,
				base + btf_member_bit_offset(t, i) / 8, depth + 1))
			return true;
	}
	return false;
}

/* "[2]": of the array *f, which becomes the element. */
static int step_element(const struct btf *btf, const char *step, struct layout_field *f,
			struct err *e)
{
	uint32_t id = f->type;
	const struct btf_type *t = strip(btf, &id);
	unsigned long n;
	char *end;

	n = strtoul(step + 1, &end, 10);
	if (!t || !btf_is_array(t) || *end != ']')
		return err_set(e, -ENOENT, "not an array");
	if (n >= btf_array(t)->nelems)
		return err_set(e, -ENOENT, "an array of %u", btf_array(t)->nelems);
	id = btf_array(t)->type;
	strip(btf, &id);
	f->type = id;
	f->size = size_of(btf, id);
	f->offset += (uint32_t)n * f->size;
	return 0;
}

static const char *type_name(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const char *name = t ? btf__str_by_offset(btf, t->name_off) : NULL;

	return name && *name ? name : "(anonymous)";
}

/* A name of len bytes: of the struct *f, which becomes the member. */
static int step_member(const struct btf *btf, const char *step, size_t len,
		       struct layout_field *f, struct err *e)
{
	struct layout_field part = { 0 };
	struct search s = {
		.btf = btf, .name = step, .len = len, .left = MEMBERS_MAX, .ret = &part,
	};

	if (len >= NAME_MAX_BYTES || !find_member(&s, f->type, 0, 0))
		return err_set(e, -ENOENT, "struct %.64s has no member %.*s",
			       type_name(btf, f->type), (int)MIN(len, 64), step);
	part.offset += f->offset;
	*f = part;
	return 0;
}

int layout_field_in(const struct btf *btf, uint32_t id, const char *path,
		    struct layout_field *ret, struct err *e)
{
	struct layout_field at = { .type = id };
	const char *member = path;	/* the last one: what errors name, with its elements */

	strip(btf, &at.type);
	at.size = size_of(btf, at.type);
	while (*path) {
		const char *end = path + strcspn(path, *path == '[' ? "]" : ".[");
		int r;

		if (*path == '[') {
			end += *end == ']';
			r = step_element(btf, path, &at, e);
			if (r < 0)
				return err_ctx(e, r, "%.*s", (int)MIN(end - member, 64), member);
		} else {
			member = path;
			r = step_member(btf, path, (size_t)(end - path), &at, e);
			if (r < 0)
				return r;
		}
		path = end + (*end == '.');
	}
	*ret = at;
	return 0;
}

void layout_absent(struct layout_place *p, const struct err *why)
{
	p->has = false;
	snprintf(p->why, sizeof(p->why), "%.*s", LAYOUT_WHY_MAX - 1, err_text(why));
}

bool layout_place(const struct btf *btf, uint32_t id, const char *path,
		  struct layout_place *ret)
{
	struct err e = ERR_INIT;

	ret->has = layout_field_in(btf, id, path, &ret->field, &e) == 0;
	if (!ret->has)
		layout_absent(ret, &e);
	return ret->has;
}

int layout_type(const struct btf *btf, const char *type, uint32_t *ret, struct err *e)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	if (id < 0)
		id = btf__find_by_name_kind(btf, type, BTF_KIND_UNION);
	if (id < 0)
		return err_set(e, -ENOENT, "no struct %s", type);
	*ret = (uint32_t)id;
	return 0;
}

int layout_field(const struct btf *btf, const char *type, const char *path,
		 struct layout_field *ret, struct err *e)
{
	uint32_t id = 0;
	int r = layout_type(btf, type, &id, e);

	return r < 0 ? r : layout_field_in(btf, id, path, ret, e);
}

int layout_next(struct layout_last *last, const char *type, const char *path,
		struct layout_field *ret, struct err *e)
{
	if (!last->type || strcmp(last->type, type)) {
		last->type = type;
		if (layout_type(last->btf, type, &last->id, NULL) < 0)
			last->id = 0;
	}
	return last->id ? layout_field_in(last->btf, last->id, path, ret, e) :
			  err_set(e, -ENOENT, "no struct %s", type);
}

int layout_fields(const struct btf *btf, const struct layout_row *rows, size_t n,
		  struct err *e)
{
	struct layout_last last = { .btf = btf };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = layout_next(&last, rows[i].type, rows[i].path, rows[i].field, e);
	return r;
}

int layout_size(const struct btf *btf, const char *type, uint32_t *ret, struct err *e)
{
	uint32_t id = 0;
	int r = layout_type(btf, type, &id, e);

	if (r == 0)
		*ret = size_of(btf, id);
	return r;
}

/* The i-th one; "": it has no name that can be read. */
static const char *enumerator(const struct btf *btf, const struct btf_type *t, uint32_t i,
			      int64_t *ret_value)
{
	const bool is_64 = btf_is_enum64(t);
	const char *name = btf__str_by_offset(btf, is_64 ? btf_enum64(t)[i].name_off :
							   btf_enum(t)[i].name_off);

	*ret_value = is_64 ? (int64_t)btf_enum64_value(&btf_enum64(t)[i]) : btf_enum(t)[i].val;
	return name ? name : "";
}

bool layout_enum_value(const struct btf *btf, const struct btf_type *t, const char *name,
		       int64_t *ret)
{
	const uint32_t n = btf_is_any_enum(t) ? btf_vlen(t) : 0;

	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(enumerator(btf, t, i, ret), name))
			return true;
	return false;
}

const char *layout_enum_name(const struct btf *btf, const struct btf_type *t, int64_t value)
{
	const uint32_t n = btf_is_any_enum(t) ? btf_vlen(t) : 0;
	const uint64_t bits = btf_is_enum64(t) ? UINT64_MAX : UINT32_MAX;

	for (uint32_t i = 0; i < n; i++) {
		int64_t v;
		const char *name = enumerator(btf, t, i, &v);

		if (*name && !((uint64_t)(v ^ value) & bits))
			return name;
	}
	return NULL;
}

int layout_enum(const struct btf *btf, const char *name, int64_t *ret, struct err *e)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (layout_enum_value(btf, t, name, ret))
			return 0;
	}
	return err_set(e, -ENOENT, "no enumerator %s", name);
}

void layout_each(const struct btf *btf, uint32_t id, layout_member_fn *fn, void *arg)
{
	const struct btf_type *t = strip(btf, &id);

	if (!t || !btf_is_composite(t))
		return;
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__str_by_offset(btf, btf_members(t)[i].name_off);
		struct layout_field f;

		set_field(btf, t, i, 0, &f);
		if (name && *name && fn(name, &f, arg) < 0)
			return;
	}
}
