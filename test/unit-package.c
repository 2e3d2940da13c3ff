/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels out of packages as Ubuntu, Fedora, openSUSE and Arch make them. */
#include <errno.h>

#include "test/kernels-fixture.h"

#define RELEASE "6.9.1-200.fc40.x86_64"
#define UBUNTU "6.8.0-31-generic"

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

/* folder as a Debian package, its members packed by zstd as Ubuntu's are; false: no dpkg-deb. */
static bool make_deb(const struct fixture *f, const char *folder, const char *name)
{
	char path[64], text[256], command[4 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/DEBIAN/control", folder);
	snprintf(text, sizeof(text), "Package: %s\nVersion: 1\nArchitecture: amd64\n"
		 "Maintainer: t <t@example.org>\nDescription: t\n", folder);
	put_text(f, path, text);
	snprintf(command, sizeof(command), "cd %s && dpkg-deb --root-owner-group -Zzstd -b %s %s "
		 ">/dev/null 2>&1", f->dir, folder, name);
	return system(command) == 0;
}

/* Image alone; config, System.map and modules in the other package, below lib or usr/lib. */
static bool put_ubuntu(const struct fixture *f, const char *prefix)
{
	char path[128];

	put_bzimage(f, "image/boot/vmlinuz-" UBUNTU, UBUNTU, "x");
	put_text(f, "modules/boot/config-" UBUNTU, "CONFIG_MODULES=y\nCONFIG_KVM_AMD=m\n");
	put_text(f, "modules/boot/System.map-" UBUNTU, "ffffffff81000000 T _text\n");
	snprintf(path, sizeof(path), "modules/%s/" UBUNTU "/kernel/arch/x86/kvm/kvm-amd.ko.zst",
		 prefix);
	put_module(f, path, "");
	snprintf(path, sizeof(path), "modules/%s/" UBUNTU "/modules.builtin", prefix);
	put_text(f, path, "kernel/fs/ext4/ext4.ko\n");
	snprintf(path, sizeof(path), "modules/%s/" UBUNTU "/modules.order", prefix);
	put_text(f, path, "kernel/arch/x86/kvm/kvm-amd.ko\n");
	return make_deb(f, "image", "image.deb") && make_deb(f, "modules", "modules.deb");
}

static void image_and_modules_of_ubuntu_are_one_kernel_in_any_order(void)
{
	static const char *const prefixes[] = { "lib/modules", "usr/lib/modules" };

	for (unsigned i = 0; i < 4; i++) {
		const char *paths[2];
		struct fixture f;

		setup(&f);
		if (!put_ubuntu(&f, prefixes[i / 2])) {
			tap_skip("no dpkg-deb that knows zstd");
			teardown(&f);
			return;
		}
		paths[i % 2] = in_dir(&f, "image.deb");
		paths[!(i % 2)] = in_dir(&f, "modules.deb");
		tap_ok(kernel_import(paths, 2, &f.k, &f.e) == 0, "%s", err_text(&f.e));
		tap_str(f.k.key, UBUNTU);
		tap_ok(f.k.config && f.k.system_map && f.k.modules, "all parts");
		tap_eq(kernel_driver_find(&f.k, "kvm_amd"), KERNEL_DRIVER_MODULE);
		tap_eq(kernel_driver_find(&f.k, "ext4"), KERNEL_DRIVER_BUILTIN);
		tap_eq(count_entries(&f, true), 0);
		teardown(&f);
	}
}

static void an_image_without_its_modules_is_a_kernel_and_says_so(void)
{
	struct fixture f;

	setup(&f);
	put_ubuntu(&f, "lib/modules");
	if (!exists(&f, "modules.deb")) {
		tap_skip("no dpkg-deb that knows zstd");
	} else {
		tap_ok(import(&f, in_dir(&f, "image.deb")) == 0, "%s", err_text(&f.e));
		tap_ok(!f.k.modules && !kernel_has_modules(&f.k), "no modules");
		tap_eq(import(&f, in_dir(&f, "modules.deb")), -ENOENT);
		tap_ok(strstr(err_text(&f.e), "no kernel in the package"), "%s", err_text(&f.e));
	}
	teardown(&f);
}

/* As openSUSE has it: all of it in usr/lib/modules, links to it in boot. */
static void put_suse(const struct fixture *f, const char *to)
{
	put_bzimage(f, "suse/usr/lib/modules/6.11.8-1-default/vmlinuz", "6.11.8-1-default", "x");
	put_text(f, "suse/usr/lib/modules/6.11.8-1-default/config", "CONFIG_MODULES=y\n");
	put_text(f, "suse/usr/lib/modules/6.11.8-1-default/modules.order", "kernel/b/a.ko\n");
	put_text(f, "suse/usr/lib/modules/6.11.8-1-default/modules.builtin", "kernel/c.ko\n");
	put_module(f, "suse/usr/lib/modules/6.11.8-1-default/kernel/b/a.ko.zst", "");
	tap_eq(file_mkdirs(in_dir(f, "suse/boot"), 0755, NULL), 0);
	tap_eq(symlink("../usr/lib/modules/6.11.8-1-default/vmlinuz",
		       in_dir(f, "suse/boot/vmlinuz-6.11.8-1-default")), 0);
	tap_eq(symlink(to, in_dir(f, "suse/boot/config-6.11.8-1-default")), 0);
}

static void links_in_a_package_are_followed_inside_it_only(void)
{
	struct fixture f;

	setup(&f);
	put_suse(&f, "../usr/lib/modules/6.11.8-1-default/config");
	if (!make_rpm(&f, "suse", "suse.rpm", "gzip")) {
		tap_skip("no cpio, or no gzip");
		teardown(&f);
		return;
	}
	tap_ok(import(&f, in_dir(&f, "suse.rpm")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.release, "6.11.8-1-default");
	tap_eq(kernel_config_value(&f.k, "CONFIG_MODULES"), 'y');
	tap_ok(same_files(f.k.bzimage,
			  in_dir(&f, "suse/usr/lib/modules/6.11.8-1-default/vmlinuz")), "the image");
	tap_eq(kernel_driver_find(&f.k, "a"), KERNEL_DRIVER_MODULE);
	tap_eq(unlink(in_dir(&f, "suse/boot/config-6.11.8-1-default")), 0);
	tap_eq(symlink(put_text(&f, "secret", "CONFIG_SECRET=y\n"),
		       in_dir(&f, "suse/boot/config-6.11.8-1-default")), 0);
	tap_ok(make_rpm(&f, "suse", "bad.rpm", "gzip"), "rpm");
	tap_eq(import(&f, in_dir(&f, "bad.rpm")), -EBADMSG);
	tap_ok(strstr(err_text(&f.e), "leads out of it"), "%s", err_text(&f.e));
	tap_eq(count_entries(&f, false), 1);
	teardown(&f);
}

/* A package cannot have a folder of the host moved into the cache either. */
static void modules_are_taken_from_the_package_only(void)
{
	struct fixture f;

	setup(&f);
	put_fedora(&f);
	put_module(&f, "host/kernel/a.ko", "");
	tap_eq(file_mkdirs(in_dir(&f, "core/usr/lib/modules"), 0755, NULL), 0);
	tap_eq(symlink(in_dir(&f, "host"), in_dir(&f, "core/usr/lib/modules/" RELEASE)), 0);
	if (!make_rpm(&f, "core", "core.rpm", "gzip"))
		tap_skip("no cpio, or no gzip");
	else
		tap_ok(import(&f, in_dir(&f, "core.rpm")) == -EBADMSG, "%s", err_text(&f.e));
	tap_ok(exists(&f, "host/kernel/a.ko"), "the host's is where it was");
	teardown(&f);
}

/* It would lead nowhere once the rest of the package is removed. */
static void modules_that_are_a_link_inside_the_package_are_refused(void)
{
	struct fixture f;

	setup(&f);
	put_fedora(&f);
	put_module(&f, "core/lib/modules/" RELEASE "/real/a.ko", "");
	tap_eq(symlink("real", in_dir(&f, "core/lib/modules/" RELEASE "/kernel")), 0);
	if (!make_rpm(&f, "core", "core.rpm", "gzip")) {
		tap_skip("no cpio, or no gzip");
	} else {
		tap_eq(import(&f, in_dir(&f, "core.rpm")), -EBADMSG);
		tap_ok(strstr(err_text(&f.e), "is a link, not a folder"), "%s", err_text(&f.e));
		tap_eq(count_entries(&f, false), 0);
	}
	teardown(&f);
}

/* lib/modules/RELEASE as it is installed: the folder, and the image in it. */
static void an_installed_image_among_its_modules_has_them(void)
{
	static const char *const specs[] = { "lib/modules/" RELEASE, "lib/modules/" RELEASE
					     "/vmlinuz" };
	struct fixture f;

	setup(&f);
	put_bzimage(&f, "lib/modules/" RELEASE "/vmlinuz", RELEASE, "x");
	put_text(&f, "lib/modules/" RELEASE "/config", "CONFIG_KVM_AMD=m\n");
	put_text(&f, "lib/modules/" RELEASE "/modules.order", "kernel/kvm-amd.ko\n");
	put_text(&f, "lib/modules/" RELEASE "/modules.builtin", "kernel/c.ko\n");
	put_module(&f, "lib/modules/" RELEASE "/kernel/kvm-amd.ko.xz", "");
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		tap_ok(find(&f, in_dir(&f, specs[i])) == 0, "%s", err_text(&f.e));
		tap_ok(f.k.modules && kernel_can_nest(&f.k), "%s has its modules", specs[i]);
		tap_ok(import(&f, in_dir(&f, specs[i])) == 0, "%s", err_text(&f.e));
		tap_ok(f.k.modules && kernel_can_nest(&f.k), "imported, too");
	}
	tap_eq(count_entries(&f, false), 1);
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
	TAP_RUN(image_and_modules_of_ubuntu_are_one_kernel_in_any_order);
	TAP_RUN(an_image_without_its_modules_is_a_kernel_and_says_so);
	TAP_RUN(links_in_a_package_are_followed_inside_it_only);
	TAP_RUN(modules_are_taken_from_the_package_only);
	TAP_RUN(modules_that_are_a_link_inside_the_package_are_refused);
	TAP_RUN(an_installed_image_among_its_modules_has_them);
	TAP_RUN(a_damaged_rpm_package_is_refused);
	return tap_done();
}
