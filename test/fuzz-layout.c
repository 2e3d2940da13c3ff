/* SPDX-License-Identifier: GPL-2.0-only */
/* Types of any bytes: a member or a reason, whatever points to whatever. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "base/err.h"
#include "base/util.h"
#include "monitor/layout.h"
#include "test/fuzz.h"

/* Some types that refer to each other, as bytes; n of them. */
static void *make(uint32_t *ret_n)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "u32", 4, 0), td = btf__add_typedef(b, "t", u32);
	int s = btf__add_struct(b, "s", 16), array;
	const void *raw;
	void *copy;

	btf__add_field(b, "a", td, 0, 0);
	btf__add_field(b, NULL, s + 1, 32, 0);
	btf__add_field(b, "c", s + 2, 64, 0);
	btf__add_union(b, NULL, 4);
	btf__add_field(b, "b", btf__add_const(b, td) - 1, 0, 3);
	array = btf__add_array(b, u32, td, 2);
	btf__add_ptr(b, array);
	btf__add_enum(b, "e", 4);
	btf__add_enum_value(b, "E", 1);
	raw = btf__raw_data(b, ret_n);
	copy = raw ? malloc(*ret_n) : NULL;
	if (copy)
		memcpy(copy, raw, *ret_n);
	btf__free(b);
	return copy;
}

static int on_member(const char *name, const struct layout_field *field, void *arg)
{
	FUZZ_CHECK(*name && field);
	++*(unsigned *)arg;
	return 0;
}

static void search(const struct btf *b)
{
	static const char *const paths[] = {
		"a", "b", "c[1]", "c[1].a.b", "x", "", "[", "a[", "..a",
	};
	unsigned members = 0;
	uint32_t id;
	int64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct layout_field f;
		struct err e = ERR_INIT;
		int r = layout_field(b, "s", paths[i], &f, &e);

		FUZZ_CHECK(r == 0 || (r == -ENOENT && *err_text(&e)));
	}
	(void)layout_enum(b, "E", &v, NULL);
	if (layout_type(b, "s", &id, NULL) == 0)
		layout_each(b, id, on_member, &members);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct btf *b = NULL;
	uint32_t n = 0;

	libbpf_set_print(NULL);	/* what is refused is said aloud */
	if (fuzz_u8(&in) & 3) {		/* a good one with some bytes changed */
		_cleanup_free_ uint8_t *raw = make(&n);

		FUZZ_CHECK(raw && n);
		for (unsigned i = 0; in.left && i < 8; i++)
			raw[fuzz_u16(&in) % n] = fuzz_u8(&in);
		b = btf__new(raw, n);
	} else {
		b = btf__new(in.data, (uint32_t)in.left);
	}
	if (b)
		search(b);
	btf__free(b);
	return 0;
}
