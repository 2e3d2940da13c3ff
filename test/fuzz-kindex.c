/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vmlinux with any bytes changed: an index that can be opened and asked, or an
 * error. And an index with any bytes changed, which comes from a file, too.
 */
#include <bpf/libbpf.h>
#include <errno.h>

#include "base/err.h"
#include "monitor/kindex.h"
#include "test/fuzz.h"
#include "test/vmlinux-make.h"

static void ask(const struct kindex *k)
{
	uint64_t addr, offset;
	const char *name;
	size_t n;

	FUZZ_CHECK(memchr(kindex_banner(k), 0, KINDEX_BANNER_MAX));
	(void)kindex_build_id(k, &n);
	FUZZ_CHECK(n <= KINDEX_BUILD_ID_MAX && kindex_btf(k));
	(void)kindex_find(k, "runqueues", &addr);
	(void)kindex_find(k, "", &addr);
	name = kindex_code_at(k, VMLINUX_TEXT + VMLINUX_AT_ENTRY + 7, &offset);
	FUZZ_CHECK(!name || (strlen(name) < 1 << 20 && offset < 1 << 20));
}

static void change(struct fuzz_in *in, struct buf *b)
{
	while (in->left > 2) {
		const uint16_t at = fuzz_u16(in);

		/* most of the structure lies in the last KiB */
		b->data[at & 0x8000 ? b->len - 1 - at % MIN(b->len, (size_t)1024) :
			at % b->len] = fuzz_u8(in);
	}
}

/* What a guest tells: any lines, and types that anybody may have changed. */
static void told(struct fuzz_in *in)
{
	struct btf *btf = btf__new_empty();
	_cleanup_(buf_fini) struct buf types = BUF_INIT;
	struct kindex_told t = { .version = "Linux", .version_bytes = 5 };
	struct buf bytes = BUF_INIT;
	struct kindex *k = NULL;
	struct err e = ERR_INIT;
	const void *raw;
	uint32_t n;
	int r;

	btf__add_int(btf, "int", 4, 0);
	raw = btf__raw_data(btf, &n);
	buf_add(&types, raw, n);
	if (fuzz_u8(in) & 1)
		types.data[fuzz_u8(in) % types.len] = fuzz_u8(in);
	t.btf = types.data;
	t.btf_bytes = types.len;
	t.kallsyms = (const char *)fuzz_take(in, 4096, &t.kallsyms_bytes);
	r = kindex_build_told(&t, &bytes, &e);
	FUZZ_CHECK(r == 0 || *err_text(&e));
	if (r < 0)
		buf_fini(&bytes);
	else if (kindex_open(&bytes, &k, &e) == 0)
		ask(k);
	kindex_close(k);
	btf__free(btf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	_cleanup_(buf_fini) struct buf elf = BUF_INIT;
	struct buf bytes = BUF_INIT;
	const uint8_t form = fuzz_u8(&in);
	struct kindex *k = NULL;
	struct err e = ERR_INIT;
	int r;

	libbpf_set_print(NULL);		/* what is refused is said aloud */
	if (form & 4) {
		told(&in);
		return 0;
	}
	vmlinux_make(&(struct vmlinux_make){ .stripped = form & 1 }, &elf);
	if (form & 2)
		change(&in, &elf);
	r = kindex_build(elf.data, elf.len, &bytes, &e);
	FUZZ_CHECK(r == 0 || *err_text(&e));
	if (r == 0 && !(form & 2))
		change(&in, &bytes);
	if (r == 0 && kindex_open(&bytes, &k, &e) == 0)
		ask(k);
	kindex_close(k);
	buf_fini(&bytes);
	return 0;
}
