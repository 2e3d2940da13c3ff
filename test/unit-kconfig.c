/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel options: read, written, compared; and taken out of a kernel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/kconfig.h"
#include "test/tap.h"

static int parse(struct kconfig *k, const char *text)
{
	return kconfig_parse(k, text, strlen(text), "x", NULL);
}

static const char *written(const struct kconfig *k, char text[512])
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	kconfig_write(k, &b);
	snprintf(text, 512, "%.*s", (int)b.len, b.data ? (const char *)b.data : "");
	return text;
}

static void options_are_read_as_kconfig_writes_them(void)
{
	_cleanup_(kconfig_fini) struct kconfig k = { 0 };

	tap_eq(parse(&k, "#\n# Linux/x86 6.12 Kernel Configuration\n#\n\nCONFIG_B=m\n"
		     "CONFIG_A=y\n# CONFIG_C is not set\nCONFIG_S=\"a # b = c\"\n"
		     "CONFIG_N=0x10"), 0);
	tap_eq(k.count, 5);
	tap_str(kconfig_get(&k, "CONFIG_A"), "y");
	tap_str(kconfig_get(&k, "CONFIG_B"), "m");
	tap_str(kconfig_get(&k, "CONFIG_C"), "n");
	tap_str(kconfig_get(&k, "CONFIG_S"), "\"a # b = c\"");
	tap_str(kconfig_get(&k, "CONFIG_N"), "0x10");
	tap_ok(!kconfig_get(&k, "CONFIG_D") && !kconfig_get(&k, "CONFIG_"), "nothing more");
}

static void a_later_line_wins_and_so_does_a_later_text(void)
{
	_cleanup_(kconfig_fini) struct kconfig k = { 0 };
	char text[512];

	tap_eq(parse(&k, "CONFIG_B=y\nCONFIG_A=1\nCONFIG_B=m\nCONFIG_A=2\n"), 0);
	tap_str(written(&k, text), "CONFIG_A=2\nCONFIG_B=m\n");
	tap_eq(parse(&k, "# CONFIG_B is not set\nCONFIG_C=y # optional # optional\n"), 0);
	tap_str(written(&k, text), "CONFIG_A=2\n# CONFIG_B is not set\nCONFIG_C=y\n");
	tap_eq(parse(&k, "CONFIG_D=y\nwhat?\n"), -EINVAL);
	tap_str(written(&k, text), "CONFIG_A=2\n# CONFIG_B is not set\nCONFIG_C=y\n");
}

static void what_is_no_option_is_refused_with_its_line(void)
{
	static const char *const bad[] = { "CONFIG_A", "CONFIG_A=", "CONFIG_=y", "A=y",
					   "CONFIG_A =y", "CONFIG_a-b=y" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(kconfig_fini) struct kconfig k = { 0 };
		struct err e = ERR_INIT;
		char text[64];

		snprintf(text, sizeof(text), "# x\n\n%s\nCONFIG_B=y\n", bad[i]);
		tap_eq(kconfig_parse(&k, text, strlen(text), "file", &e), -EINVAL);
		tap_ok(!strncmp(err_text(&e), "file:3: ", 8) && strstr(err_text(&e), bad[i]), "%s",
		       err_text(&e));
	}
}

static void many_lost_options_are_counted(void)
{
	_cleanup_(kconfig_fini) struct kconfig want = { 0 }, got = { 0 };
	struct err e = ERR_INIT;

	for (int i = 0; i < 40; i++) {
		char line[64];

		snprintf(line, sizeof(line), "CONFIG_LONG_NAME_OF_AN_OPTION_%02d=y\n", i);
		tap_eq(parse(&want, line), 0);
	}
	tap_eq(parse(&got, "CONFIG_LONG_NAME_OF_AN_OPTION_00=m\nCONFIG_LONG_NAME_OF_AN_OPTION_01=y\n"),
	       0);
	tap_eq(kconfig_check(&want, &got, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "OPTION_00=y (is m), ") && strstr(err_text(&e), "and 31 more"),
	       "%s", err_text(&e));
	tap_ok(!strstr(err_text(&e), "OPTION_01"), "%s", err_text(&e));
}

static void the_fragment_has_what_a_guest_needs(void)
{
	static const char *const needed[] = {
		"CONFIG_SCHED_CLASS_EXT", "CONFIG_DEBUG_INFO_BTF", "CONFIG_KALLSYMS_ALL",
		"CONFIG_CGROUPS", "CONFIG_ACPI_HMAT", "CONFIG_PCI", "CONFIG_DEVMEM",
		"CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES", "CONFIG_VIRTIO_CONSOLE", "CONFIG_IKCONFIG",
		"CONFIG_SERIAL_8250_CONSOLE", "CONFIG_BLK_DEV_INITRD", "CONFIG_KVM_AMD",
	};
	_cleanup_(kconfig_fini) struct kconfig k = { 0 };
	struct err e = ERR_INIT;

	tap_ok(kconfig_parse(&k, kconfig_fragment, strlen(kconfig_fragment), "f", &e) == 0, "%s",
	       err_text(&e));
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		tap_str(kconfig_get(&k, needed[i]), "y");
	tap_ok(!kconfig_get(&k, "CONFIG_MODULES"), "no modules");
	tap_ok(kconfig_get(&k, "CONFIG_SCHED_DEBUG"), "the mark of an optional one is not its value");
}

static void put_packed(struct buf *b, const char *text, bool end)
{
	z_stream z = { .next_in = (unsigned char *)text, .avail_in = (uInt)strlen(text) };

	buf_str(b, "\x7f" "ELF and other bytes IKCFG_S IKCFG_ST");
	if (deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_out = buf_reserve(b, 4096);
	z.avail_out = 4096;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	b->len += z.total_out;
	deflateEnd(&z);
	if (end)
		buf_str(b, "IKCFG_ED and more");
}

static void a_kernel_carries_its_config(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT, got = BUF_INIT;

	put_packed(&b, "CONFIG_A=y\n", true);
	tap_eq(kconfig_extract(b.data, b.len, &got), 0);
	tap_ok(got.len == 11 && !memcmp(got.data, "CONFIG_A=y\n", 11), "%zu bytes", got.len);
	b.data[60] ^= 0x55;
	tap_eq(kconfig_extract(b.data, b.len, &got), -EBADMSG);
	buf_reset(&b);
	put_packed(&b, "CONFIG_A=y\n", false);
	tap_eq(kconfig_extract(b.data, b.len, &got), -EBADMSG);
	tap_eq(kconfig_extract((const unsigned char *)"none", 4, &got), -ENOENT);
	tap_eq(kconfig_extract(NULL, 0, &got), -ENOENT);
}

int main(void)
{
	TAP_RUN(options_are_read_as_kconfig_writes_them);
	TAP_RUN(a_later_line_wins_and_so_does_a_later_text);
	TAP_RUN(what_is_no_option_is_refused_with_its_line);
	TAP_RUN(many_lost_options_are_counted);
	TAP_RUN(the_fragment_has_what_a_guest_needs);
	TAP_RUN(a_kernel_carries_its_config);
	return tap_done();
}
