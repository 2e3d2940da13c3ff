/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_LAYOUT_H
#define KTSTR_MONITOR_LAYOUT_H
/*
 * Where the members of the guest kernel's types lie, by its BTF. What a kernel
 * has is told by the presence of a member, never by its version.
 *
 * Types may be hostile (a scheduler's own BTF comes from the guest): every
 * search is bounded. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct err;

struct layout_field {
	uint32_t offset;		/* bytes from the start of the outer type */
	uint32_t size;			/* bytes, of the storage unit for a bit field */
	uint8_t bit_offset, bit_size;	/* bit_size 0: no bit field */
	uint32_t type;			/* BTF id of the member, without typedef and the like */
};

/*
 * A member of struct (or union) type by its path, "scx.local_dsq.nr"; members of
 * anonymous members are found by their own name, "a[2]" is an element.
 * -ENOENT: *e says which part the kernel has not.
 */
int layout_field(const struct btf *btf, const char *type, const char *path,
		 struct layout_field *ret, struct err *e);
/* The same, from a type's id: of an array "[2].a" leads on, and "" is the type itself. */
int layout_field_in(const struct btf *btf, uint32_t id, const char *path,
		    struct layout_field *ret, struct err *e);

/*
 * layout_field() again and again: finding a type by its name looks at all types, so
 * the last one is kept. Begin with { .btf = ... }; borrows that, and the last name.
 */
struct layout_last {
	const struct btf *btf;
	const char *type;		/* NULL: none yet */
	uint32_t id;			/* 0: there is no such type */
};
int layout_next(struct layout_last *last, const char *type, const char *path,
		struct layout_field *ret, struct err *e);

/* Members that are of use only together: -ENOENT, and *e, for the first that is missing. */
struct layout_row {
	const char *type, *path;
	struct layout_field *field;
};
int layout_fields(const struct btf *btf, const struct layout_row *rows, size_t n,
		  struct err *e);

/* A member that a kernel may not have. */
#define LAYOUT_WHY_MAX 96
struct layout_place {
	bool has;
	struct layout_field field;
	char why[LAYOUT_WHY_MAX];	/* !has: in short, as layout_field_in() says it */
};

/* Look a member up as layout_field_in() does; returns ret->has. */
bool layout_place(const struct btf *btf, uint32_t id, const char *path,
		  struct layout_place *ret);
/* It is not there for this reason. */
void layout_absent(struct layout_place *p, const struct err *why);

/*
 * The id of a struct or union, for several look-ups: finding one by name looks at
 * all types.
 */
int layout_type(const struct btf *btf, const char *type, uint32_t *ret, struct err *e);
/* The size of a struct in bytes. */
int layout_size(const struct btf *btf, const char *type, uint32_t *ret, struct err *e);
/* The value of an enumerator of any enum. */
int layout_enum(const struct btf *btf, const char *name, int64_t *ret, struct err *e);

struct btf_type;

/* The value of t's enumerator of this name; false: it has none, or t is no enum. */
bool layout_enum_value(const struct btf *btf, const struct btf_type *t, const char *name,
		       int64_t *ret);
/* The first name of a value (of its low 32 bits, unless t has 64); NULL: it has none. */
const char *layout_enum_name(const struct btf *btf, const struct btf_type *t, int64_t value);

/* Calls fn for each member that has a name, until it returns a negative. */
typedef int layout_member_fn(const char *name, const struct layout_field *field, void *arg);
void layout_each(const struct btf *btf, uint32_t id, layout_member_fn *fn, void *arg);

#endif
