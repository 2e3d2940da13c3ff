/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel has of what ktstr wants: by its own config, by one beside it, by strings. */
#include <errno.h>
#include <zlib.h>

#include "boot/kernels_check.h"
#include "test/kernels-fixture.h"

/* All fatal options; what a test leaves out is found by its name. */
static const char enough[] =
	"CONFIG_BLK_DEV_INITRD=y\nCONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_DEVTMPFS=y\n"
	"CONFIG_PROC_FS=y\nCONFIG_SYSFS=y\nCONFIG_UNIX=y\n";

static enum kernel_has of(const struct kernel_check *c, const char *name)
{
	size_t count;
	const struct kernel_wish *w = kernel_wishes(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(w[i].name, name))
			return c->has[i];
	tap_ok(false, "no wish %s", name);
	return KERNEL_HAS_UNKNOWN;
}

static int check(struct fixture *f, const char *name, struct kernel_check *c)
{
	int r = find(f, in_dir(f, name));

	if (r == 0)
		r = kernel_check(&f->k, c, &f->e);
	tap_ok(r == 0, "%s", err_text(&f->e));
	return r;
}

/* A vmlinux with bytes behind it: its config, strings. */
static const char *put_kernel(const struct fixture *f, const char *name, const void *more,
			      size_t n)
{
	struct buf b = BUF_INIT;
	const char *path;

	make_vmlinux(&b, "6.12.9");
	buf_add(&b, more, n);
	path = put(f, name, b.data, b.len);
	buf_fini(&b);
	return path;
}

static void put_ikconfig(const struct fixture *f, const char *name, const char *config)
{
	z_stream z = { .next_in = (unsigned char *)config, .avail_in = (uInt)strlen(config) };
	struct buf b = BUF_INIT;

	buf_str(&b, "IKCFG_ST");
	if (deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_out = buf_reserve(&b, 8192);
	z.avail_out = 8192;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	b.len += z.total_out;
	deflateEnd(&z);
	buf_str(&b, "IKCFG_ED");
	put_kernel(f, name, b.data, b.len);
	buf_fini(&b);
}

static void a_config_in_the_kernel_outranks_one_beside_it(void)
{
	struct kernel_check c;
	struct fixture f;

	setup(&f);
	put_ikconfig(&f, "d/vmlinux", enough);
	put_text(&f, "d/config", "CONFIG_SCHED_CLASS_EXT=y\n");
	if (check(&f, "d", &c) == 0) {
		tap_eq(c.told_by, KERNEL_TOLD_BY_IKCONFIG);
		tap_eq(of(&c, "serial console"), KERNEL_HAS);
		tap_eq(of(&c, "sched_ext"), KERNEL_HAS_NOT);
		tap_eq(c.missing[KERNEL_COST_FATAL], 0);
		tap_ok(c.missing[KERNEL_COST_FEATURE] > 5, "%u", c.missing[KERNEL_COST_FEATURE]);
		tap_eq(c.unknown_fatal, 0);
	}
	teardown(&f);
}

static void each_fatal_option_that_is_missing_is_told(void)
{
	struct fixture f;
	size_t count, fatal = 0;
	const struct kernel_wish *w = kernel_wishes(&count);

	setup(&f);
	put_kernel(&f, "d/vmlinux", "", 0);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *config = strdup(enough);
		struct kernel_check c;
		char *line;

		if (w[i].cost != KERNEL_COST_FATAL)
			continue;
		fatal++;
		line = strstr(config, w[i].option);
		if (!tap_ok(line, "%s is in this test", w[i].option))
			continue;
		line[7] = '_';		/* another option */
		put_text(&f, "d/config", config);
		if (check(&f, "d", &c) == 0)
			tap_ok(c.missing[KERNEL_COST_FATAL] == 1 &&
			       c.has[i] == KERNEL_HAS_NOT, "%s", w[i].name);
	}
	tap_ok(fatal >= 5, "%zu", fatal);
	teardown(&f);
}

static void a_driver_may_be_a_module_if_its_file_is_there(void)
{
	struct kernel_check c;
	struct fixture f;

	setup(&f);
	put_kernel(&f, "d/vmlinux", "", 0);
	put_text(&f, "d/config", "CONFIG_VIRTIO_MMIO=m\nCONFIG_VIRTIO_BLK=m\nCONFIG_SMP=m\n");
	put_module(&f, "d/modules/kernel/drivers/virtio/virtio_mmio.ko", "");
	if (check(&f, "d", &c) == 0) {
		tap_eq(c.told_by, KERNEL_TOLD_BY_CONFIG);
		tap_eq(of(&c, "virtio-mmio"), KERNEL_HAS_MODULE);
		tap_eq(of(&c, "virtio-blk"), KERNEL_HAS_NOT);
		tap_eq(of(&c, "SMP"), KERNEL_HAS_NOT);
	}
	teardown(&f);
}

static void without_a_config_strings_tell_some_and_the_rest_is_unknown(void)
{
	static const char strings[] = "sysfs: cannot create duplicate\0UNIX-STREAM\0.BTF";
	struct kernel_check c;
	struct fixture f;

	setup(&f);
	put_kernel(&f, "vmlinux", strings, sizeof(strings));
	if (check(&f, "vmlinux", &c) == 0) {
		tap_eq(c.told_by, KERNEL_TOLD_BY_STRINGS);
		tap_eq(of(&c, "sysfs"), KERNEL_HAS);
		tap_eq(of(&c, "BTF"), KERNEL_HAS);
		tap_eq(of(&c, "serial console"), KERNEL_HAS_UNKNOWN);
		tap_eq(of(&c, "sched_ext"), KERNEL_HAS_NOT);
		tap_eq(c.missing[KERNEL_COST_FATAL], 0);
		tap_eq(c.unknown_fatal, 4);
	}
	teardown(&f);
}

static void an_import_keeps_the_config_that_a_kernel_carries(void)
{
	struct fixture f;

	setup(&f);
	put_ikconfig(&f, "vmlinux", "CONFIG_KVM_AMD=y\n");
	tap_ok(import(&f, in_dir(&f, "vmlinux")) == 0, "%s", err_text(&f.e));
	tap_eq(kernel_config_value(&f.k, "CONFIG_KVM_AMD"), 'y');
	tap_ok(kernel_can_nest(&f.k), "so it is known to have KVM");
	teardown(&f);
}

static void how_a_bzimage_is_packed_is_named_as_the_kernels_options_are(void)
{
	static const struct {
		char magic[8];
		const char *name;
	} rows[] = {
		{ "\x1f\x8b\x08", "gzip" }, { "BZh9", "bzip2" }, { "\x5d\0\0\0\4", "lzma" },
		{ "\xfd" "7zXZ\0", "xz" }, { "\x89LZO", "lzo" }, { "\x02\x21\x4c\x18", "lz4" },
		{ "\x28\xb5\x2f\xfd", "zstd" }, { "what?", NULL },
	};
	struct kernel_check c;
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(buf_fini) struct buf payload = BUF_INIT;

		buf_add(&payload, rows[i].magic, 6);
		buf_add_zero(&payload, 64);
		put_packed(&f, &payload, (uint32_t)payload.len);
		if (check(&f, "packed", &c) == 0)
			tap_str(c.packed ? c.packed : "none", rows[i].name ? rows[i].name : "none");
	}
	put_kernel(&f, "d/vmlinux", "", 0);
	if (check(&f, "d", &c) == 0)
		tap_ok(!c.packed, "%s", c.packed);
	teardown(&f);
}

int main(void)
{
	TAP_RUN(a_config_in_the_kernel_outranks_one_beside_it);
	TAP_RUN(each_fatal_option_that_is_missing_is_told);
	TAP_RUN(a_driver_may_be_a_module_if_its_file_is_there);
	TAP_RUN(without_a_config_strings_tell_some_and_the_rest_is_unknown);
	TAP_RUN(an_import_keeps_the_config_that_a_kernel_carries);
	TAP_RUN(how_a_bzimage_is_packed_is_named_as_the_kernels_options_are);
	return tap_done();
}
