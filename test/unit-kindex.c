/* SPDX-License-Identifier: GPL-2.0-only */
/* The index of a kernel: from an ELF with and without symbols, through a file, damaged. */
#include <errno.h>

#include "base/err.h"
#include "base/file.h"
#include "monitor/kindex.h"
#include "test/tap.h"
#include "test/tmp.h"
#include "test/vmlinux-make.h"

static int build(const struct vmlinux_make *m, struct buf *ret, struct err *e)
{
	_cleanup_(buf_fini) struct buf elf = BUF_INIT;

	vmlinux_make(m, &elf);
	return kindex_build(elf.data, elf.len, ret, e);
}

static struct kindex *make(const struct vmlinux_make *m)
{
	struct buf bytes = BUF_INIT;
	struct kindex *k = NULL;
	struct err e = ERR_INIT;

	tap_ok(build(m, &bytes, &e) == 0 && kindex_open(&bytes, &k, &e) == 0, "%s",
	       err_text(&e));
	return k;
}

static void check_content(const struct kindex *k)
{
	uint64_t addr = 1, offset;
	size_t n;

	tap_eq(kindex_symbols(k), ARRAY_SIZE(vmlinux_symbols));
	tap_ok(kindex_find(k, "__per_cpu_start", &addr) && addr == 0, "the first");
	tap_ok(kindex_find(k, "_text", &addr) && addr == VMLINUX_TEXT, "one of them");
	tap_ok(kindex_find(k, "_end", &addr) && addr == VMLINUX_END, "the last");
	tap_ok(!kindex_find(k, "_tex", &addr) && !kindex_find(k, "zzz", &addr), "no other");
	tap_str(kindex_banner(k), VMLINUX_BANNER);
	tap_ok(!memcmp(kindex_build_id(k, &n), VMLINUX_BUILD_ID, 20) && n == 20, "build-id");
	tap_str(kindex_code_at(k, VMLINUX_TEXT + VMLINUX_AT_ENTRY + 5, &offset),
		"entry_SYSCALL_64");
	tap_eq(offset, 5);
	tap_str(kindex_code_at(k, VMLINUX_TEXT + VMLINUX_AT_PHYS_BASE, &offset), "do_idle");
	tap_ok(!kindex_code_at(k, VMLINUX_TEXT - 1, &offset), "nothing before the text");
	tap_ok(!kindex_code_at(k, VMLINUX_TEXT + (8 << 20), &offset), "nothing far behind it");
}

static void symbols_come_from_the_symbol_table(void)
{
	struct kindex *k = make(&(struct vmlinux_make){ 0 });

	if (k)
		check_content(k);
	kindex_close(k);
}

static void symbols_of_a_stripped_kernel_come_from_kallsyms(void)
{
	/* as 6.5 has it, and 7.0 */
	for (int own = 0; own < 2; own++) {
		struct kindex *k = make(&(struct vmlinux_make){
			.stripped = true, .own_offsets = own });

		if (k)
			check_content(k);
		kindex_close(k);
	}
}

static void an_index_survives_a_file(void)
{
	char dir[TMP_DIR_MAX], path[TMP_DIR_MAX + 16];
	struct buf bytes = BUF_INIT;
	struct kindex *k = NULL;
	struct err e = ERR_INIT;

	tmp_make(dir);
	snprintf(path, sizeof(path), "%s/index", dir);
	tap_eq(build(&(struct vmlinux_make){ 0 }, &bytes, &e), 0);
	tap_eq(file_write_atomic(path, bytes.data, bytes.len, 0644, &e), 0);
	if (tap_ok(kindex_open_file(path, &k, &e) == 0, "%s", err_text(&e)))
		check_content(k);
	kindex_close(k);
	buf_fini(&bytes);
	file_remove_tree(dir, NULL);
}

static void a_kernel_without_symbols_or_types_is_refused_with_the_option(void)
{
	struct buf bytes = BUF_INIT;
	struct err e = ERR_INIT;

	tap_eq(build(&(struct vmlinux_make){ .no_symbols = true }, &bytes, &e), -ENODATA);
	tap_ok(strstr(err_text(&e), "CONFIG_KALLSYMS"), "%s", err_text(&e));
	err_clear(&e);
	tap_eq(build(&(struct vmlinux_make){ .no_btf = true }, &bytes, &e), -ENODATA);
	tap_ok(strstr(err_text(&e), "CONFIG_DEBUG_INFO_BTF"), "%s", err_text(&e));
	err_clear(&e);
	tap_eq(kindex_build((const uint8_t *)"#!/bin/sh\n", 10, &bytes, &e), -ENOEXEC);
	buf_fini(&bytes);
}

/* Each byte of what describes the parts, and a file cut anywhere. */
static void a_damaged_index_is_refused(void)
{
	_cleanup_(buf_fini) struct buf good = BUF_INIT;
	struct err e = ERR_INIT;
	unsigned refused = 0, cuts = 0;

	tap_eq(build(&(struct vmlinux_make){ 0 }, &good, &e), 0);
	for (size_t i = 0; i < 24; i++) {
		struct buf bytes = BUF_INIT;
		struct kindex *k = NULL;

		buf_add(&bytes, good.data, good.len);
		bytes.data[i] ^= 0xff;
		refused += kindex_open(&bytes, &k, NULL) == -EINVAL;
		kindex_close(k);
	}
	tap_eq(refused, 24);
	for (size_t n = 0; n < good.len; n += 7) {
		struct buf bytes = BUF_INIT;
		struct kindex *k = NULL;

		buf_add(&bytes, good.data, n);
		cuts += kindex_open(&bytes, &k, NULL) == -EINVAL;
		kindex_close(k);
	}
	tap_eq(cuts, (good.len + 6) / 7);
}

int main(void)
{
	TAP_RUN(symbols_come_from_the_symbol_table);
	TAP_RUN(symbols_of_a_stripped_kernel_come_from_kallsyms);
	TAP_RUN(an_index_survives_a_file);
	TAP_RUN(a_kernel_without_symbols_or_types_is_refused_with_the_option);
	TAP_RUN(a_damaged_index_is_refused);
	return tap_done();
}
