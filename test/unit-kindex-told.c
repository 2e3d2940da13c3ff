/* SPDX-License-Identifier: GPL-2.0-only */
/* The index of a kernel by its own word: /proc/kallsyms, types and version. */
#include <bpf/btf.h>
#include <errno.h>

#include "test/guest-kernel.h"

/* /proc/kallsyms of a guest; hidden: as root without the right sees it. */
static void kallsyms(const struct guest_kernel *g, bool hidden, struct buf *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(vmlinux_symbols); i++) {
		const struct kallsyms_symbol *s = &vmlinux_symbols[i];
		const uint64_t addr = s->addr < VMLINUX_TEXT ? s->addr : s->addr + g->slide;

		buf_fmt(ret, "%016llx %c %s\n", hidden ? 0 : (unsigned long long)addr,
			s->name[0], s->name + 1);
	}
	buf_str(ret, "ffffffffc0000000 t runqueues\t[module]\nffffffffc0001000 t x\t[bpf]\n");
}

static int told(const struct buf *symbols, struct kindex **ret, struct err *e)
{
	struct btf *btf = btf__new_empty();
	struct kindex_told t = {
		.kallsyms = (char *)symbols->data, .kallsyms_bytes = symbols->len,
		.version = VMLINUX_BANNER, .version_bytes = strlen(VMLINUX_BANNER),
	};
	struct buf bytes = BUF_INIT;
	uint32_t n;
	int r;

	t.btf = btf__raw_data(btf, &n);
	t.btf_bytes = n;
	err_clear(e);
	r = kindex_build_told(&t, &bytes, e);
	if (r == 0)
		r = kindex_open(&bytes, ret, e);
	else
		buf_fini(&bytes);
	btf__free(btf);
	return r;
}

static void a_kernel_is_found_by_its_own_word(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	const struct monitor_regs regs = {
		.cr3 = GUEST_KERNEL_CR3, .lstar = guest_kva(&g, VMLINUX_AT_ENTRY),
	};
	struct monitor *m = NULL;
	struct kindex *k = NULL;
	uint64_t kva = 0;

	if (!guest_kernel_open(&g))
		return;
	kallsyms(&g, false, &text);
	if (tap_ok(told(&text, &k, &g.err) == 0 &&
		   monitor_create(g.mm, k, g.cpus, &m, &g.err) == 0 &&
		   monitor_attach(m, &regs, &g.err) == 0, "%s", err_text(&g.err))) {
		tap_eq(kindex_symbols(k), ARRAY_SIZE(vmlinux_symbols));
		/* the addresses are those of now */
		tap_eq(monitor_map(m)->slide, 0);
		tap_eq(monitor_map(m)->text_gpa, g.text_gpa);
		tap_eq(monitor_map(m)->direct_kva, g.direct_kva);
		tap_ok(monitor_symbol(m, "linux_banner", &kva), "a symbol");
		tap_eq(kva, guest_kva(&g, VMLINUX_AT_BANNER));
		/* not that of a module */
		tap_ok(monitor_symbol(m, "runqueues", &kva), "a per-CPU variable");
		tap_eq(kva, VMLINUX_RUNQUEUES);
	}
	monitor_destroy(m);
	kindex_close(k);
	guest_kernel_close(&g);
}

static void the_word_of_another_kernel_is_not_believed(void)
{
	struct guest_kernel g = GUEST_KERNEL_INIT;
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	const struct monitor_regs regs = {
		.cr3 = GUEST_KERNEL_CR3, .lstar = guest_kva(&g, VMLINUX_AT_ENTRY),
	};
	struct monitor *m = NULL;
	struct kindex *k = NULL;

	g.make.banner = "Linux version 6.13.0-test (k@k) #1 SMP\n";
	if (!guest_kernel_open(&g))
		return;
	kallsyms(&g, false, &text);
	if (tap_ok(told(&text, &k, &g.err) == 0 &&
		   monitor_create(g.mm, k, g.cpus, &m, &g.err) == 0, "%s", err_text(&g.err)))
		tap_eq(monitor_attach(m, &regs, &g.err), -ESTALE);
	monitor_destroy(m);
	kindex_close(k);
	guest_kernel_close(&g);
}

static void names_and_version_are_clean_text(void)
{
	const struct guest_kernel g = GUEST_KERNEL_INIT;
	_cleanup_(buf_fini) struct buf text = BUF_INIT, bytes = BUF_INIT;
	struct kindex_told t = {
		.version = "Linux version 6\x1b[31m\xff\n", .version_bytes = 22,
	};
	struct btf *btf = btf__new_empty();
	struct err e = ERR_INIT;
	struct kindex *k = NULL;
	uint32_t n;

	kallsyms(&g, false, &text);
	buf_str(&text, "ffffffff81000010 t a\x1b[31m\nffffffff81000020 t a b\n"
		       "ffffffff81000030 t \xc3\xa4\nffffffff81000040 t .L__~1\n");
	t.kallsyms = (char *)text.data;
	t.kallsyms_bytes = text.len;
	t.btf = btf__raw_data(btf, &n);
	t.btf_bytes = n;
	if (tap_ok(kindex_build_told(&t, &bytes, &e) == 0 && kindex_open(&bytes, &k, &e) == 0,
		   "%s", err_text(&e))) {
		tap_eq(kindex_symbols(k), ARRAY_SIZE(vmlinux_symbols) + 1);
		tap_str(kindex_banner(k), "Linux version 6 [31m?\n");
	}
	kindex_close(k);
	btf__free(btf);
}

static void what_is_missing_is_named(void)
{
	const struct guest_kernel g = GUEST_KERNEL_INIT;
	_cleanup_(buf_fini) struct buf hidden = BUF_INIT, text = BUF_INIT, bytes = BUF_INIT;
	struct kindex *k = NULL;
	struct err e = ERR_INIT;
	struct kindex_told t = { 0 };

	tap_eq(told(&text, &k, &e), -ENODATA);
	tap_str(err_text(&e), "it has no /proc/kallsyms (CONFIG_KALLSYMS)");
	kallsyms(&g, true, &hidden);
	hidden.len = (size_t)((char *)memmem(hidden.data, hidden.len, "ffff", 4) -
			      (char *)hidden.data);
	tap_eq(told(&hidden, &k, &e), -ENODATA);
	tap_str(err_text(&e), "it hides addresses (kernel.kptr_restrict)");
	kallsyms(&g, false, &text);
	t = (struct kindex_told){ .kallsyms = (char *)text.data, .kallsyms_bytes = text.len };
	err_clear(&e);
	tap_eq(kindex_build_told(&t, &bytes, &e), -ENODATA);
	tap_ok(strstr(err_text(&e), "CONFIG_DEBUG_INFO_BTF"), "%s", err_text(&e));
	t.btf = (const uint8_t *)"no types at all, but bytes enough";
	t.btf_bytes = 32;
	err_clear(&e);
	tap_eq(kindex_build_told(&t, &bytes, &e), -EPROTO);
	tap_str(err_text(&e), "/sys/kernel/btf/vmlinux: no BTF of version 1");
}

int main(void)
{
	TAP_RUN(a_kernel_is_found_by_its_own_word);
	TAP_RUN(the_word_of_another_kernel_is_not_believed);
	TAP_RUN(names_and_version_are_clean_text);
	TAP_RUN(what_is_missing_is_named);
	return tap_done();
}
