/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels out of packages: RPM, and image and modules in packages of their own. */
#include <errno.h>

#include "test/kernels-fixture.h"

#define RELEASE "6.9.1-200.fc40.x86_64"

/* Lead, a signature header of odd length, a header, then what is packed. */
static void put_rpm(const struct fixture *f, const char *name, const char *payload)
{
	static const uint8_t lead[96] = { 0xed, 0xab, 0xee, 0xdb, 3 };
	static const uint8_t header[16] = { 0x8e, 0xad, 0xe8, 1, [11] = 1, [15] = 5 };
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	tap_eq(file_map(in_dir(f, payload), &m, NULL), 0);
	buf_add(&b, lead, sizeof(lead));
	buf_add(&b, header, sizeof(header));
	buf_add_zero(&b, 16 + 5);
	buf_align(&b, 8);
	buf_add(&b, header, sizeof(header));
	buf_add_zero(&b, 16 + 5);
	buf_add(&b, m.data, m.size);
	put(f, name, b.data, b.len);
}

/* folder as an RPM package, packed by this program; false: a program is missing. */
static bool make_rpm(const struct fixture *f, const char *folder, const char *name,
		     const char *packer)
{
	char command[4 * PATH_MAX];

	snprintf(command, sizeof(command), "command -v cpio %s >/dev/null && cd %s/%s && "
		 "find . | cpio -o -H newc --quiet | %s -c >%s/packed", packer, f->dir, folder,
		 packer, f->dir);
	if (system(command) != 0)
		return false;
	put_rpm(f, name, "packed");
	return true;
}

/* As Fedora has it: the image among its modules, the modules in another package. */
static void put_fedora(const struct fixture *f)
{
	put_bzimage(f, "core/lib/modules/" RELEASE "/vmlinuz", RELEASE, "x");
	put_text(f, "core/lib/modules/" RELEASE "/config", "CONFIG_KVM_AMD=m\n");
	put_text(f, "core/lib/modules/" RELEASE "/System.map", "ffffffff81000000 T _text\n");
	put_module(f, "more/lib/modules/" RELEASE "/kernel/arch/x86/kvm/kvm-amd.ko.xz", "");
}

static void an_rpm_package_is_unpacked(void)
{
	static const char *const packers[] = { "gzip", "xz", "zstd" };
	struct fixture f;

	setup(&f);
	put_fedora(&f);
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		if (!make_rpm(&f, "core", "core.rpm", packers[i])) {
			tap_skip("no cpio, or no packer");
			continue;
		}
		tap_ok(import(&f, in_dir(&f, "core.rpm")) == 0, "%s", err_text(&f.e));
		tap_str(f.k.key, RELEASE);
		tap_ok(f.k.config && f.k.system_map && !f.k.modules, "all parts");
	}
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void packages_that_belong_together_are_one_kernel(void)
{
	const char *paths[2];
	struct fixture f;

	setup(&f);
	put_fedora(&f);
	if (!make_rpm(&f, "core", "core.rpm", "gzip") ||
	    !make_rpm(&f, "more", "more.rpm", "gzip")) {
		tap_skip("no cpio, or no gzip");
		teardown(&f);
		return;
	}
	paths[0] = in_dir(&f, "more.rpm");
	paths[1] = in_dir(&f, "core.rpm");
	tap_ok(kernel_import(paths, 2, &f.k, &f.e) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, RELEASE);
	tap_ok(f.k.modules && kernel_can_nest(&f.k), "the modules are there");
	kernel_fini(&f.k);
	tap_eq(kernel_import(paths, 1, &f.k, &f.e), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "no kernel in the package"), "%s", err_text(&f.e));
	paths[1] = put_text(&f, "notes.txt", "words");
	tap_eq(kernel_import(paths, 2, &f.k, &f.e), -EINVAL);
	tap_ok(strstr(err_text(&f.e), "notes.txt: not a Debian or RPM package"), "%s",
	       err_text(&f.e));
	paths[0] = in_dir(&f, "core/lib/modules/" RELEASE "/vmlinuz");
	tap_eq(kernel_import(paths, 2, &f.k, &f.e), -EINVAL);
	tap_ok(strstr(err_text(&f.e), "vmlinuz: not a package"), "%s", err_text(&f.e));
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void fails(struct fixture *f, const char *path, int r, const char *says)
{
	tap_eq(import(f, path), r);
	tap_ok(strstr(err_text(&f->e), says), "%s", err_text(&f->e));
}

static void a_damaged_rpm_package_is_refused(void)
{
	static const char magic[] = "\xed\xab\xee\xdb";
	_cleanup_free_ char *path = strdup(getenv("PATH") ?: "");
	struct fixture f;

	setup(&f);
	fails(&f, put(&f, "short.rpm", magic, 4), -EBADMSG, "short.rpm: a damaged RPM package");
	put_text(&f, "text", "not packed at all");
	put_rpm(&f, "plain.rpm", "text");
	fails(&f, in_dir(&f, "plain.rpm"), -EBADMSG, "packed in a way that is not known");
	put(&f, "gz", "\x1f\x8b\x08 and no more", 15);
	put_rpm(&f, "cut.rpm", "gz");
	fails(&f, in_dir(&f, "cut.rpm"), -EIO, "gzip failed");
	setenv("PATH", f.dir, 1);
	fails(&f, in_dir(&f, "cut.rpm"), -ENOENT, "gzip is not installed");
	setenv("PATH", path, 1);
	tap_eq(count_entries(&f, false), 0);
	teardown(&f);
}

int main(void)
{
	TAP_RUN(an_rpm_package_is_unpacked);
	TAP_RUN(packages_that_belong_together_are_one_kernel);
	TAP_RUN(a_damaged_rpm_package_is_refused);
	return tap_done();
}
