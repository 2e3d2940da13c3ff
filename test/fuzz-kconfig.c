/* SPDX-License-Identifier: GPL-2.0-only */
/* Any text as kernel options, and any bytes as a kernel that carries some. */
#include <errno.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/kconfig.h"
#include "test/fuzz.h"

static const char text[] =
	"# a comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_A=m # optional\nCONFIG_S=\"x\"\n";
/* ends where a value would begin */
static const char cut[] = "CONFIG_A=y\nCONFIG_B";
/* gzip of "CONFIG_A=y\n" between the marks */
static const char packed[] =
	"IKCFG_ST\x1f\x8b\x08\0\0\0\0\0\x02\x03\x73\xf6\xf7\x73\xf3\x74\x8f\x77\xb4\xad\xe4\x02"
	"\0\x09\x5a\x3c\x3a\x0b\0\0\0IKCFG_ED";

const struct fuzz_seed fuzz_seeds[] = {
	{ text, sizeof(text) - 1 },
	{ cut, sizeof(cut) - 1 },
	{ packed, sizeof(packed) - 1 },
	{ NULL, 0 },
};

/* What was written reads back as itself, in order and without doubles. */
static void check(const struct kconfig *k)
{
	_cleanup_(kconfig_fini) struct kconfig again = { 0 };
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 1; i < k->count; i++)
		FUZZ_CHECK(strcmp(k->item[i - 1].name, k->item[i].name) < 0);
	kconfig_write(k, &b);
	FUZZ_CHECK(kconfig_parse(&again, b.data ? (char *)b.data : "", b.len, "again", &e) == 0);
	FUZZ_CHECK(again.count == k->count);
	FUZZ_CHECK(kconfig_check(k, &again, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(kconfig_fini) struct kconfig k = { 0 };
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int r = kconfig_parse(&k, (const char *)data, size, "x", &e);

	if (r == 0)
		check(&k);
	else
		FUZZ_CHECK(r == -EINVAL && *err_text(&e) && !k.count);
	r = kconfig_extract(data, size, &b);
	FUZZ_CHECK(r == 0 || r == -ENOENT || r == -EBADMSG);
	return 0;
}
