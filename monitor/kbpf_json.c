/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of BPF maps as JSON, by BTF (Documentation/bpf/btf.rst). */
#include "monitor/kbpf_json.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "monitor/layout.h"
#include "monitor/le.h"

#define DEPTH_MAX 24			/* of values in each other, typedefs included */
#define NAME_BYTES 128			/* KSYM_NAME_LEN, with the end */
#define STRING_MAX 4096
#define BYTES_MAX 256
#define WIDE_BYTES_MAX 16		/* __int128, long double */
#define BYTES_PER_VALUE 64		/* text, and bytes without a type, cost by their length */

/* Some bytes, which bits of them count, and what they are. */
struct place {
	uint32_t type;
	const uint8_t *p;
	size_t n;			/* there are so many from p on */
	unsigned bit, bits;		/* bits 0: no bit field */
	unsigned depth;
};

static struct json_object *value(struct kbpf_json *j, const struct place *at);

/* Of what may still be looked at; false: there is not enough. */
static bool spend(struct kbpf_json *j, unsigned n)
{
	const bool enough = n <= j->left;

	j->left = enough ? j->left - n : 0;
	return enough;
}

static const char *name_at(const struct btf *btf, uint32_t offset, char name[NAME_BYTES])
{
	const char *s = btf__str_by_offset(btf, offset);

	text_clean_copy(name, NAME_BYTES, s ? s : "");
	return name;
}

static struct json_object *hex(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return json_object_new_string(text);
}

struct json_object *kbpf_json_bytes(struct kbpf_json *j, const uint8_t *bytes, size_t n)
{
	char text[2 * BYTES_MAX + 3] = "0x";

	n = MIN(n, BYTES_MAX);
	if (!spend(j, 1 + (unsigned)n / BYTES_PER_VALUE)) {
		j->cut = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", bytes[i]);
	return json_object_new_string(text);
}

/* Up to 8 bytes, or the bits of a bit field; false: they are not all there. */
static bool number(const struct place *at, size_t size, uint64_t *ret)
{
	uint8_t b[16] = { 0 };
	const size_t n = at->bits ? (at->bit + at->bits + 7) / 8 : size;

	if (!n || n > at->n || n > sizeof(b) || (!at->bits && n > 8) || at->bits > 64)
		return false;
	memcpy(b, at->p, n);
	*ret = le64_at(b);
	if (!at->bits)
		return true;
	*ret >>= at->bit;
	if (at->bit)
		*ret |= le64_at(b + 8) << (64 - at->bit);
	if (at->bits < 64)
		*ret &= (UINT64_C(1) << at->bits) - 1;
	return true;
}

static int64_t signed_of(uint64_t v, unsigned bits)
{
	const unsigned up = bits && bits < 64 ? 64 - bits : 0;

	return (int64_t)(v << up) >> up;
}

/* --- scalars --------------------------------------------------------------------------- */

/* A number of so many bytes: the most significant one first, as in any other number. */
static struct json_object *hex_wide(const uint8_t *p, size_t n)
{
	char text[2 * WIDE_BYTES_MAX + 3] = "0x";

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", p[n - 1 - i]);
	return json_object_new_string(text);
}

static struct json_object *integer(struct kbpf_json *j, const struct place *at,
				   const struct btf_type *t)
{
	const uint8_t encoding = btf_int_encoding(t);
	uint64_t v;

	if (t->size > 8 && t->size <= WIDE_BYTES_MAX && !at->bits && t->size <= at->n)
		return hex_wide(at->p, t->size);
	if (!number(at, t->size, &v)) {
		j->cut = true;
		return NULL;
	}
	if (encoding & BTF_INT_BOOL)
		return json_object_new_boolean(v != 0);
	if (encoding & BTF_INT_SIGNED)
		return json_object_new_int64(signed_of(v, at->bits ? at->bits : t->size * 8));
	return json_object_new_uint64(v);
}

static struct json_object *enumeration(struct kbpf_json *j, const struct place *at,
				       const struct btf_type *t)
{
	char clean[NAME_BYTES];
	const char *name;
	uint64_t v;

	if (!number(at, t->size, &v) || !spend(j, btf_vlen(t) / 64)) {
		j->cut = true;
		return NULL;
	}
	if (btf_kflag(t))		/* signed */
		v = (uint64_t)signed_of(v, at->bits ? at->bits : t->size * 8);
	name = layout_enum_name(j->btf, t, (int64_t)v);
	if (name) {
		text_clean_copy(clean, sizeof(clean), name);
		return json_object_new_string(clean);
	}
	return btf_kflag(t) ? json_object_new_int64((int64_t)v) : json_object_new_uint64(v);
}

static struct json_object *floating(struct kbpf_json *j, const struct place *at,
				    const struct btf_type *t)
{
	uint64_t v;
	double d;
	float f;

	if (t->size > at->n || t->size > WIDE_BYTES_MAX) {
		j->cut = true;
		return NULL;
	}
	/* what is in a half or a long double, the machine decides */
	if ((t->size != sizeof(d) && t->size != sizeof(f)) || !number(at, t->size, &v))
		return hex_wide(at->p, t->size);
	if (t->size == sizeof(d)) {
		memcpy(&d, &v, sizeof(d));
	} else {
		const uint32_t v32 = (uint32_t)v;

		memcpy(&f, &v32, sizeof(f));
		d = (double)f;
	}
	/* JSON has no infinity */
	return isfinite(d) ? json_object_new_double(d) : NULL;
}

static struct json_object *pointer(struct kbpf_json *j, const struct place *at,
				   const struct btf_type *t)
{
	const struct btf_type *to = btf__type_by_id(j->btf, t->type);
	uint64_t v;

	if (!number(at, 8, &v)) {
		j->cut = true;
		return NULL;
	}
	return j->programs && to && btf_is_func_proto(to) ? json_object_new_uint64(v) : hex(v);
}

/* --- what holds others -------------------------------------------------------------------- */

static bool is_char(const struct btf *btf, uint32_t id)
{
	for (unsigned i = 0; i < DEPTH_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name;

		if (!t)
			return false;
		if (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t)) {
			id = t->type;
			continue;
		}
		name = btf__str_by_offset(btf, t->name_off);
		return btf_is_int(t) && t->size == 1 &&
		       (btf_int_encoding(t) & BTF_INT_CHAR || (name && !strcmp(name, "char")));
	}
	return false;
}

/* Text, and then zeros to the end; NULL: something else. */
static struct json_object *string(struct kbpf_json *j, const struct place *at, uint32_t n)
{
	size_t len;

	if (n > at->n || n > STRING_MAX || !spend(j, n / BYTES_PER_VALUE))
		return NULL;
	len = strnlen((const char *)at->p, n);
	if (len == n)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (i < len ? at->p[i] < ' ' || at->p[i] > '~' : at->p[i])
			return NULL;
	return json_object_new_string_len((const char *)at->p, (int)len);
}

static struct json_object *array(struct kbpf_json *j, const struct place *at,
				 const struct btf_type *t)
{
	const struct btf_array *a = btf_array(t);
	const int64_t size = btf__resolve_size(j->btf, a->type);
	struct json_object *o = is_char(j->btf, a->type) ? string(j, at, a->nelems) : NULL;
	const bool was_cut = j->cut;

	if (o)
		return o;
	o = json_object_new_array();
	/* what cut one element cuts those behind it, too */
	j->cut = false;
	for (uint32_t i = 0; i < a->nelems && !j->cut; i++) {
		const uint64_t offset = (uint64_t)i * (uint64_t)MAX(size, 0);

		if (!j->left || size <= 0 || offset >= at->n) {
			j->cut = true;
			break;
		}
		json_object_array_add(o, value(j, &(struct place){
			.type = a->type, .p = at->p + offset, .n = at->n - offset,
			.depth = at->depth + 1,
		}));
	}
	j->cut |= was_cut;
	return o;
}

/* From the member's first bit on; false: it lies behind the bytes. */
static bool member_place(const struct place *at, const struct btf_type *t, uint32_t i,
			 struct place *ret)
{
	const uint32_t bits = btf_member_bit_offset(t, i);

	if (bits / 8 > at->n)
		return false;
	*ret = (struct place){
		.type = btf_members(t)[i].type, .p = at->p + bits / 8, .n = at->n - bits / 8,
		.bit = bits % 8, .bits = btf_member_bitfield_size(t, i), .depth = at->depth + 1,
	};
	return true;
}

static void add_members(struct kbpf_json *j, const struct place *at, const struct btf_type *t,
			struct json_object *o)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *inner;
		char name[NAME_BYTES];
		struct place m;

		if (!spend(j, 1) || !member_place(at, t, i, &m)) {
			j->cut = true;
			return;
		}
		if (*name_at(j->btf, btf_members(t)[i].name_off, name)) {
			json_object_object_add(o, name, value(j, &m));
			continue;
		}
		/* padding has no name either */
		inner = btf__type_by_id(j->btf, m.type);
		if (inner && btf_is_composite(inner) && m.depth < DEPTH_MAX)
			add_members(j, &m, inner, o);
	}
}

static struct json_object *composite(struct kbpf_json *j, const struct place *at,
				     const struct btf_type *t)
{
	struct json_object *o = json_object_new_object();

	add_members(j, at, t, o);
	return o;
}

static struct json_object *datasec(struct kbpf_json *j, const struct place *at,
				   const struct btf_type *t)
{
	struct json_object *o = json_object_new_object();

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *s = &btf_var_secinfos(t)[i];
		const struct btf_type *var = btf__type_by_id(j->btf, s->type);
		char name[NAME_BYTES];

		if (!spend(j, 1) || s->offset > at->n) {
			j->cut = true;
			break;
		}
		if (var && btf_is_var(var) && *name_at(j->btf, var->name_off, name))
			json_object_object_add(o, name, value(j, &(struct place){
				.type = var->type, .p = at->p + s->offset,
				.n = at->n - s->offset, .depth = at->depth + 1,
			}));
	}
	return o;
}

/* --- any ---------------------------------------------------------------------------------- */

static bool holds_others(const struct btf_type *t)
{
	return btf_is_composite(t) || btf_is_array(t) || btf_is_datasec(t);
}

static struct json_object *value(struct kbpf_json *j, const struct place *at)
{
	static struct json_object *(*const kinds[])(struct kbpf_json *j, const struct place *at,
						    const struct btf_type *t) = {
		[BTF_KIND_INT] = integer, [BTF_KIND_PTR] = pointer, [BTF_KIND_ARRAY] = array,
		[BTF_KIND_STRUCT] = composite, [BTF_KIND_UNION] = composite,
		[BTF_KIND_ENUM] = enumeration, [BTF_KIND_ENUM64] = enumeration,
		[BTF_KIND_DATASEC] = datasec, [BTF_KIND_FLOAT] = floating,
	};
	struct place p = *at;

	/* each step costs, also one that leads nowhere: types may have no end of these */
	for (; spend(j, 1) && p.depth < DEPTH_MAX; p.depth++) {
		const struct btf_type *t = btf__type_by_id(j->btf, p.type);

		if (!t)
			return NULL;
		if (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t)) {
			p.type = t->type;
			continue;
		}
		if (holds_others(t) && !spend(j, KBPF_JSON_OBJECT_COST - 1))
			break;
		return btf_kind(t) < ARRAY_SIZE(kinds) && kinds[btf_kind(t)] ?
		       kinds[btf_kind(t)](j, &p, t) : NULL;
	}
	j->cut = true;
	return NULL;
}

struct json_object *kbpf_json(struct kbpf_json *j, uint32_t type, const uint8_t *bytes, size_t n)
{
	return value(j, &(struct place){ .type = type, .p = bytes, .n = n });
}
