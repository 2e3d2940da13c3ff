/* SPDX-License-Identifier: GPL-2.0-only */
/* An index of what the guest tells of its kernel, when the kernel's file tells nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/util.h"
#include "monitor/kbpf_types.h"
#include "monitor/kindex_private.h"

#define LINE_MAX_BYTES 512

/* A name goes to terminals and into JSON; of the kernel's own all are such. */
static bool is_printable(const char *name)
{
	while (*name > ' ' && *name <= '~')
		name++;
	return !*name;
}

/* "ffffffff81000000 T _text"; those of modules and BPF programs have "\t[module]" behind them. */
static int add_line(struct kindex_draft *d, const char *line, size_t n, bool *some)
{
	char text[LINE_MAX_BYTES], *end;
	uint64_t addr;

	if (n >= sizeof(text) || memchr(line, '[', n))
		return 0;
	memcpy(text, line, n);
	text[n] = '\0';
	addr = strtoull(text, &end, 16);
	if (end == text || end[0] != ' ' || !end[1] || end[2] != ' ' || !end[3] ||
	    !is_printable(end + 3))
		return 0;
	*some |= addr != 0;
	return kindex_draft_add(d, addr, kindex_is_code(end[1]), end + 3, strlen(end + 3));
}

static int add_symbols(struct kindex_draft *d, const char *p, size_t n, struct err *e)
{
	bool some = false;
	int r = 0;

	while (n && r == 0) {
		const char *end = memchr(p, '\n', n);
		const size_t len = end ? (size_t)(end - p) : n;

		r = add_line(d, p, len, &some);
		p += MIN(len + 1, n);
		n -= MIN(len + 1, n);
	}
	if (r < 0)
		return err_sys(e, r, "symbols");
	if (!d->count)
		return err_set(e, -ENODATA, "it has no /proc/kallsyms (CONFIG_KALLSYMS)");
	return some ? 0 : err_set(e, -ENODATA, "it hides addresses (kernel.kptr_restrict)");
}

int kindex_build_told(const struct kindex_told *t, struct buf *ret, struct err *e)
{
	_cleanup_(kindex_draft_fini) struct kindex_draft d = { 0 };
	int r = add_symbols(&d, t->kallsyms, t->kallsyms_bytes, e);

	if (r < 0)
		return r;
	if (!t->btf_bytes)
		return err_set(e, -ENODATA, "it has no /sys/kernel/btf/vmlinux "
			       "(CONFIG_DEBUG_INFO_BTF)");
	r = t->btf_bytes > UINT32_MAX ? -E2BIG : kbpf_types_check(t->btf, t->btf_bytes, e);
	if (r < 0)
		return err_ctx(e, r, "/sys/kernel/btf/vmlinux");
	d.btf = t->btf;
	d.btf_bytes = t->btf_bytes;
	memcpy(d.head.banner, t->version, MIN(t->version_bytes, KINDEX_BANNER_MAX - (size_t)1));
	/* a kernel whose banner that changes is not found: there is none */
	text_clean(d.head.banner, sizeof(d.head.banner));
	return kindex_draft_write(&d, ret, e);
}
