/* SPDX-License-Identifier: GPL-2.0-only */
/* Symbol tables with any bytes changed: symbols that are sorted and bounded, or an error. */
#include <errno.h>

#include "base/err.h"
#include "monitor/kallsyms.h"
#include "test/fuzz.h"
#include "test/kallsyms-make.h"

static const struct kallsyms_symbol symbols[] = {
	{ 0x1c0, "Drunqueues" },
	{ UINT64_C(0xffffffff81000000), "T_text" },
	{ UINT64_C(0xffffffff81001000), "t\x01" "tick" },
	{ UINT64_C(0xffffffff81002000), "B_end" },
};

static int on_symbol(uint64_t addr, char type, const char *name, size_t len, void *arg)
{
	uint64_t *last = arg;

	FUZZ_CHECK(addr >= *last && type);
	FUZZ_CHECK(len > 0 && len < 2 * KALLSYMS_NAME_MAX && !memchr(name, 0, len));
	*last = addr;
	return 0;
}

#define LINKED UINT64_C(0xffffffff82000000)

static uint64_t linked_at(size_t off, void *arg)
{
	(void)arg;
	return LINKED + off;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	_cleanup_(buf_fini) struct buf image = BUF_INIT;
	const uint8_t form = fuzz_u8(&in);
	const struct kallsyms_make m = {
		.offsets_first = form & 1, .seqs = form & 2, .absolute = form & 4,
		.linked = form & 16 ? LINKED : 0,
	};
	struct kallsyms_image i = { .linked = linked_at };
	struct err e = ERR_INIT;
	uint64_t last = 0;
	int r;

	if (form & 8) {			/* the input itself */
		i.bytes = in.data;
		i.n = in.left;
	} else {
		kallsyms_make(&m, symbols + !m.absolute, ARRAY_SIZE(symbols) - !m.absolute,
			      &image);
		FUZZ_CHECK(buf_ok(&image));
		while (in.left)
			image.data[fuzz_u16(&in) % image.len] = fuzz_u8(&in);
		i.bytes = image.data;
		i.n = image.len;
	}
	r = kallsyms_decode(&i, on_symbol, &last, &e);
	FUZZ_CHECK(r == 0 || (r == -ENODATA && *err_text(&e)));
	return 0;
}
