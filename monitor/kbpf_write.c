/* SPDX-License-Identifier: GPL-2.0-only */
/* MAP.FIELD=VALUE: which map, which of its bytes, which number. */
#include "monitor/kbpf_write.h"

#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "monitor/kbpf_private.h"
#include "monitor/kbpf_types.h"
#include "monitor/monitor.h"

#define SPEC_MAX 512
/* Variables and members that a look-up goes through, and what one in a struct is taken for. */
#define LOOKED_AT_MAX (2u << 20)
#define LOOKED_AT_STRUCT 16384u		/* as many as layout.c looks at */

struct place {
	struct kbpf_map map;
	uint64_t kva;
	struct layout_field field;
	const struct btf *btf;
};

struct search {
	const struct kbpf *b;
	const struct monitor *m;
	struct kbpf_types *types;
	char path[SPEC_MAX];		/* MAP.FIELD */

	unsigned left;			/* of LOOKED_AT_MAX */
	bool named;			/* some map has the name */
	unsigned found;			/* places as good as the one that is kept */
	bool exact;			/* the map was given with all of its name */
	struct place place;
	struct err why;			/* of the last one that had the name */
	char others[128];		/* what maps there are */
};

/* --- the form --------------------------------------------------------------------------- */

static const char *split(const char *spec, char path[SPEC_MAX], struct err *e)
{
	const size_t n = strcspn(spec, "=");

	if (!spec[n] || !spec[n + 1] || n < 3 || n >= SPEC_MAX || !memchr(spec + 1, '.', n - 2)) {
		err_set(e, -EINVAL, "takes MAP.FIELD=VALUE");
		return NULL;
	}
	memcpy(path, spec, n);
	path[n] = '\0';
	return spec + n + 1;
}

int kbpf_write_check(const char *spec, struct err *e)
{
	char path[SPEC_MAX];

	return split(spec, path, e) ? 0 : -EINVAL;
}

/* --- which bytes --------------------------------------------------------------------------- */

/* Is name[len] the map's? *ret_exact: all of it. */
static bool is_name(const char *map, const char *name, size_t len, bool *ret_exact)
{
	const size_t n = strlen(map);

	*ret_exact = len == n || (n == KBPF_NAME_MAX - 1 && len > n);
	if (*ret_exact)
		return !memcmp(map, name, n);
	return *name == '.' && len < n && !memcmp(map + n - len, name, len);
}

/* "name[3]": the element, and len without it. False: the brackets are no element. */
static bool take_index(const char *name, size_t *len, uint32_t *ret)
{
	const char *open = memchr(name, '[', *len);
	unsigned long v;
	char *end;

	*ret = 0;
	if (!open)
		return true;
	v = strtoul(open + 1, &end, 10);
	if (end == open + 1 || *end != ']' || end + 1 != name + *len || v > UINT32_MAX)
		return false;
	*len = (size_t)(open - name);
	*ret = (uint32_t)v;
	return true;
}

/* A variable of a data section, and what is in it. */
static int find_variable(const struct btf *btf, const struct btf_type *sec, const char *path,
			 struct layout_field *ret, struct err *e)
{
	const size_t n = strcspn(path, ".[");

	for (uint32_t i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *s = &btf_var_secinfos(sec)[i];
		const struct btf_type *var = btf__type_by_id(btf, s->type);
		const char *name = var ? btf__str_by_offset(btf, var->name_off) : NULL;
		int r;

		if (!name || !btf_is_var(var) || strncmp(name, path, n) || name[n])
			continue;
		r = layout_field_in(btf, var->type, path + n + (path[n] == '.'), ret, e);
		/* an element alone says little */
		if (r < 0)
			return path[n] == '[' ? err_ctx(e, r, "%.*s", (int)MIN(n, 64), path) : r;
		ret->offset += s->offset;
		return 0;
	}
	return err_set(e, -ENOENT, "it has no variable %.*s", (int)MIN(n, 64), path);
}

static int find_field(struct search *s, const struct kbpf_map *map, const char *path,
		      struct place *ret, struct err *e)
{
	const struct btf_type *t;
	uint32_t id;
	int r = kbpf_types_of(s->types, map, &ret->btf, &id, e);

	if (r < 0)
		return r;
	t = btf__type_by_id(ret->btf, id);
	s->left -= MIN(s->left, MAX(t ? btf_vlen(t) : 0u, LOOKED_AT_STRUCT));
	if (!s->left)
		return err_set(e, -E2BIG, "too many have this name");
	return t && btf_is_datasec(t) ? find_variable(ret->btf, t, path, &ret->field, e) :
					layout_field_in(ret->btf, id, path, &ret->field, e);
}

static int find_place(struct search *s, const struct kbpf_map *map, uint32_t index,
		      const char *path, struct place *ret, struct err *e)
{
	int r;

	*ret = (struct place){ .map = *map };
	if (map->type != BPF_MAP_TYPE_ARRAY)
		return err_set(e, -EOPNOTSUPP, "it is no array, and only these can be written");
	/* the verifier takes its values for constants then */
	if (map->frozen && map->flags & BPF_F_RDONLY_PROG)
		return err_set(e, -EROFS, "it is constant: programs do not look at it any more");
	r = find_field(s, map, path, ret, e);
	if (r < 0)
		return r;
	if (ret->field.offset > map->value_size ||
	    ret->field.size > map->value_size - ret->field.offset)
		return err_set(e, -EPROTO, "its values are smaller than their type");
	r = kbpf_array_at(s->b, s->m, map, index, &ret->kva, e);
	ret->kva += ret->field.offset;
	return r;
}

/* The name ends at len of the path. */
static void try_split(struct search *s, const struct kbpf_map *map, size_t len)
{
	const char *field = s->path + len + (s->path[len] == '.');
	struct err why = ERR_INIT;
	struct place place;
	uint32_t index;
	bool exact;

	if (!take_index(s->path, &len, &index) || !is_name(map->name, s->path, len, &exact))
		return;
	if (find_place(s, map, index, field, &place, &why) < 0) {
		/* of several that it could be, one whose name is all there is meant */
		if (!s->found && (exact || !s->named))
			err_set(&s->why, -ENOENT, "map %s: %s", map->name, err_text(&why));
		s->named = true;
		return;
	}
	s->named = true;
	if (s->found && s->exact && !exact)
		return;
	s->found = s->found && s->exact == exact ? s->found + 1 : 1;
	s->exact = exact;
	s->place = place;
}

static int on_map(const struct kbpf_map *map, void *arg)
{
	struct search *s = arg;
	const size_t n = strlen(s->others);

	snprintf(s->others + n, sizeof(s->others) - n, "%s%s", n ? ", " : "", map->name);
	for (size_t i = 1; s->path[i]; i++)
		if (s->path[i] == '.')
			try_split(s, map, i);
	return s->left ? 0 : 1;
}

static int find(struct search *s, struct err *e)
{
	int r = kbpf_each_map(s->b, s->m, on_map, s, e);

	if (r < 0)
		return r;
	if (!s->left)
		return err_set(e, -E2BIG, "too many maps have this name");
	if (!s->named)
		return err_set(e, -ENOENT, "no map of this name%s%s",
			       *s->others ? "; there are " : "", s->others);
	if (!s->found)
		return err_set(e, -ENOENT, "%s", err_text(&s->why));
	if (s->found > 1)
		return err_set(e, -ENOTUNIQ, "%u maps have this name and field", s->found);
	return 0;
}

/* --- which number ---------------------------------------------------------------------------- */

static int parse_number(const char *text, bool is_signed, unsigned size, uint64_t *ret,
			struct err *e)
{
	const unsigned up = 64 - size * 8;
	char *end;

	errno = 0;
	*ret = *text == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	if (end == text || *end)
		return err_set(e, -EINVAL, "%.64s is no number", text);
	if (errno || (*text == '-' && !is_signed) ||
	    (is_signed ? (*text == '-') != ((int64_t)*ret < 0) ||
			 (int64_t)(*ret << up) >> up != (int64_t)*ret :
			 *ret << up >> up != *ret))
		return err_set(e, -EINVAL, "%.64s does not fit %u bits%s", text, size * 8,
			       is_signed ? " with a sign" : "");
	*ret = *ret << up >> up;
	return 0;
}

static bool parse_enumerator(const struct btf *btf, const struct btf_type *t, const char *text,
			     uint64_t *ret)
{
	int64_t v;

	if (!layout_enum_value(btf, t, text, &v))
		return false;
	*ret = (uint64_t)v & (t->size < 8 ? (UINT64_C(1) << t->size * 8) - 1 : UINT64_MAX);
	return true;
}

static int parse_value(const struct place *p, const char *text, uint64_t *ret, struct err *e)
{
	const struct btf_type *t = btf__type_by_id(p->btf, p->field.type);
	const unsigned size = p->field.size;

	if (!t || !(btf_is_int(t) || btf_is_any_enum(t)) || p->field.bit_size)
		return err_set(e, -EOPNOTSUPP, "only integers, bools and enums can be written");
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return err_set(e, -EOPNOTSUPP, "it has %u bytes", size);
	if (btf_is_any_enum(t))
		return parse_enumerator(p->btf, t, text, ret) ? 0 :
		       parse_number(text, btf_kflag(t), size, ret, e);
	if (btf_int_encoding(t) & BTF_INT_BOOL) {
		*ret = !strcmp(text, "true") || !strcmp(text, "1");
		return *ret || !strcmp(text, "false") || !strcmp(text, "0") ? 0 :
		       err_set(e, -EINVAL, "%.64s is neither true nor false", text);
	}
	return parse_number(text, btf_int_encoding(t) & BTF_INT_SIGNED, size, ret, e);
}

/* --- all of it ------------------------------------------------------------------------ */

static int put(const struct place *p, struct monitor *m, struct kbpf_written *w, struct err *e)
{
	uint64_t back;
	int r = monitor_uint(m, p->kva, w->size, &w->was);

	if (r == 0)
		r = monitor_put_uint(m, p->kva, w->size, w->now);
	if (r == -EINVAL)
		return err_set(e, -EOPNOTSUPP, "map %s: the field is not aligned", p->map.name);
	if (r == 0)
		r = monitor_uint(m, p->kva, w->size, &back);
	if (r < 0)
		return err_set(e, -EFAULT, "map %s: the field is not mapped", p->map.name);
	return back == w->now ? 0 : err_set(e, -EIO, "map %s: the field reads back as 0x%" PRIx64,
					    p->map.name, back);
}

int kbpf_write(const struct kbpf *b, struct monitor *m, struct kbpf_types *t, const char *spec,
	       struct kbpf_written *ret, struct err *e)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	const char *value;
	int r;

	if (!s)
		return err_sys(e, -ENOMEM, "%.100s", spec);
	*s = (struct search){ .b = b, .m = m, .types = t, .left = LOOKED_AT_MAX,
			       .why = ERR_INIT };
	value = split(spec, s->path, e);
	r = value ? find(s, e) : -EINVAL;
	*ret = (struct kbpf_written){ .map_id = s->place.map.id, .size = s->place.field.size };
	memcpy(ret->map, s->place.map.name, sizeof(ret->map));
	if (r == 0)
		r = parse_value(&s->place, value, &ret->now, e);
	if (r == 0)
		r = put(&s->place, m, ret, e);
	return r < 0 ? err_ctx(e, r, "%.100s", spec) : 0;
}
