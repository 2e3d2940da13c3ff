/* SPDX-License-Identifier: GPL-2.0-only */
/* Importing kernels: what people have, several at once, and faults. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "test/kernels-fixture.h"

/* --- import --------------------------------------------------------------- */

static void a_bzimage_file_becomes_an_entry(void)
{
	struct json_object *o, *v;
	struct fixture f;
	const char *path;

	setup(&f);
	path = put_bzimage(&f, "my-kernel", "6.12.3-test", "x");
	tap_ok(import(&f, path) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, "6.12.3-test");
	tap_str(f.k.release, "6.12.3-test");
	tap_str(f.k.image, in_dir(&f, "cache/kernels/6.12.3-test/vmlinuz"));
	tap_str(f.k.bzimage, f.k.image);
	tap_ok(same_files(f.k.image, path), "the same bytes");
	tap_ok(!f.k.modules && !f.k.config && !f.k.system_map, "and nothing else");
	o = json_object_from_file(in_dir(&f, "cache/kernels/6.12.3-test/kernel.json"));
	tap_ok(json_object_object_get_ex(o, "schema", &v), "a record");
	tap_str(json_object_get_string(v), "ktstr.kernel/1");
	tap_ok(json_object_object_get_ex(o, "source", &v), "with its source");
	tap_str(json_object_get_string(v), path);
	tap_ok(json_object_object_get_ex(o, "arch", &v), "with its machine");
	tap_str(json_object_get_string(v), "x86_64");
	json_object_put(o);
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void a_vmlinux_file_becomes_an_entry(void)
{
	struct fixture f;

	setup(&f);
	tap_ok(import(&f, put_vmlinux(&f, "k", "6.9.1")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, "6.9.1");
	tap_str(f.k.image, in_dir(&f, "cache/kernels/6.9.1/vmlinux"));
	tap_ok(!f.k.bzimage, "there is no bzImage");
	teardown(&f);
}

static void files_beside_a_versioned_image_belong_to_it(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "root", "6.1.0-9");
	tap_ok(import(&f, in_dir(&f, "root/boot/vmlinuz-6.1.0-9")) == 0, "%s", err_text(&f.e));
	tap_ok(f.k.config && f.k.modules, "config and modules");
	teardown(&f);
}

static void a_folder_with_usual_names_is_a_kernel(void)
{
	struct fixture f;

	setup(&f);
	put_bzimage(&f, "d/bzImage", "6.5.0", "x");
	put_vmlinux(&f, "d/vmlinux", "6.5.0");
	put_text(&f, "d/vmlinux.zst", "not looked at");
	put_text(&f, "d/config", "CONFIG_KVM_AMD=y\n");
	put_text(&f, "d/System.map", "ffffffff81000000 T _text\nffffffff81000000 T _stext\n");
	put_text(&f, "d/modules/kernel/a.ko", "a");
	tap_ok(import(&f, in_dir(&f, "d")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.image, in_dir(&f, "cache/kernels/6.5.0/vmlinux"));
	tap_str(f.k.bzimage, in_dir(&f, "cache/kernels/6.5.0/vmlinuz"));
	tap_ok(f.k.config && f.k.system_map && f.k.modules, "all parts");
	tap_ok(exists(&f, "cache/kernels/6.5.0/modules/kernel/a.ko"), "a module");
	tap_ok(!exists(&f, "cache/kernels/6.5.0/vmlinux.zst"), "but no strange file");
	teardown(&f);
}

static void a_build_tree_is_a_kernel_with_the_modules_that_it_lists(void)
{
	struct fixture f;

	setup(&f);
	put_bzimage(&f, "linux/arch/x86/boot/bzImage", "6.13.0-rc1", "x");
	put_vmlinux(&f, "linux/vmlinux", "6.13.0-rc1");
	put_text(&f, "linux/.config", "CONFIG_KVM_AMD=m\n");
	put_text(&f, "linux/System.map", "ffffffff81000000 T _text\n");
	put_text(&f, "linux/include/config/kernel.release", "6.13.0-rc1\n");
	put_text(&f, "linux/modules.order",
		 "arch/x86/kvm/kvm-amd.o\nfs/none.o\nkernel/lib/old.ko\n../evil.ko\n");
	put_text(&f, "linux/arch/x86/kvm/kvm-amd.ko", "kvm-amd");
	put_text(&f, "linux/lib/old.ko", "old");
	put_text(&f, "evil.ko", "evil");
	tap_ok(import(&f, in_dir(&f, "linux")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, "6.13.0-rc1");
	tap_ok(f.k.system_map && f.k.config && f.k.modules, "all parts");
	tap_ok(exists(&f, "cache/kernels/6.13.0-rc1/modules/kernel/arch/x86/kvm/kvm-amd.ko"),
	       "a built one");
	tap_ok(exists(&f, "cache/kernels/6.13.0-rc1/modules/kernel/lib/old.ko"), "an older list");
	tap_ok(!exists(&f, "cache/kernels/6.13.0-rc1/modules/evil.ko") &&
	       !exists(&f, "cache/kernels/6.13.0-rc1/modules/kernel/evil.ko"), "none from outside");
	tap_ok(kernel_can_nest(&f.k), "and so it can nest");
	teardown(&f);
}

static void a_source_tree_that_is_not_built_says_so(void)
{
	struct fixture f;

	setup(&f);
	put_text(&f, "linux/Kconfig", "");
	tap_eq(import(&f, in_dir(&f, "linux")), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "not built") && strstr(err_text(&f.e), "bzImage"), "%s",
	       err_text(&f.e));
	teardown(&f);
}

static void an_unpacked_package_is_a_kernel(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0-9-amd64");
	tap_eq(symlink("/usr/src", in_dir(&f, "p/lib/modules/6.1.0-9-amd64/build")), 0);
	tap_ok(import(&f, in_dir(&f, "p")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, "6.1.0-9-amd64");
	tap_ok(f.k.config != NULL, "config");
	tap_ok(!f.k.system_map, "Debian's System.map is a stub and left out");
	tap_ok(exists(&f, "cache/kernels/6.1.0-9-amd64/modules/kernel/arch/x86/kvm/kvm.ko.xz"),
	       "modules as they come");
	tap_ok(exists(&f, "cache/kernels/6.1.0-9-amd64/modules/modules.builtin"),
	       "and the list of what is none");
	tap_ok(!exists(&f, "cache/kernels/6.1.0-9-amd64/modules/build"), "nothing else of them");
	teardown(&f);
}

static void an_image_among_its_modules_is_a_kernel(void)
{
	struct fixture f;

	setup(&f);
	put_bzimage(&f, "p/usr/lib/modules/6.7.1-arch1/vmlinuz", "6.7.1-arch1", "x");
	put_text(&f, "p/usr/lib/modules/6.7.1-arch1/kernel/a.ko.zst", "a");
	put_text(&f, "p/usr/lib/modules/6.7.1-arch1/config", "CONFIG_SMP=y\n");
	tap_ok(import(&f, in_dir(&f, "p")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, "6.7.1-arch1");
	tap_ok(f.k.config && f.k.modules, "config and modules");
	teardown(&f);
}

static void the_same_content_again_is_the_same_entry(void)
{
	_cleanup_free_ char *first = NULL;
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0");
	tap_eq(import(&f, in_dir(&f, "p")), 0);
	first = strdup(f.k.imported);
	tap_eq(import(&f, in_dir(&f, "p")), 0);
	tap_str(f.k.key, "6.1.0");
	tap_str(f.k.imported, first);
	tap_eq(count_entries(&f, false), 1);
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void other_content_of_the_same_release_is_another_entry(void)
{
	struct fixture f;

	setup(&f);
	tap_eq(import(&f, put_bzimage(&f, "a", "6.1.0", "a")), 0);
	tap_str(f.k.key, "6.1.0");
	tap_eq(import(&f, put_bzimage(&f, "b", "6.1.0", "b")), 0);
	tap_str(f.k.key, "6.1.0-2");
	put_bzimage(&f, "d/vmlinuz", "6.1.0", "b");
	put_text(&f, "d/modules/kernel/a.ko", "a");
	tap_eq(import(&f, in_dir(&f, "d")), 0);
	tap_str(f.k.key, "6.1.0-3");
	put_text(&f, "d/modules/kernel/a.ko", "b");
	tap_eq(import(&f, in_dir(&f, "d")), 0);
	tap_str(f.k.key, "6.1.0-4");
	file_remove_tree(in_dir(&f, "cache/kernels/6.1.0"), NULL);
	tap_eq(import(&f, in_dir(&f, "b")), 0);
	tap_str(f.k.key, "6.1.0-2");
	tap_eq(count_entries(&f, false), 3);
	teardown(&f);
}

static void a_key_is_a_plain_file_name(void)
{
	struct fixture f;

	setup(&f);
	tap_eq(import(&f, put_bzimage(&f, "a", "6.1/../../x~y", "a")), 0);
	tap_str(f.k.key, "6.1_.._.._x_y");
	tap_str(f.k.release, "6.1/../../x~y");
	tap_eq(import(&f, put_bzimage(&f, ".hidden name", "", "a")), 0);
	tap_str(f.k.key, "_hidden_name");
	tap_ok(!f.k.release, "nothing tells its release");
	teardown(&f);
}

static void what_is_no_kernel_leaves_nothing_behind(void)
{
	struct fixture f;

	setup(&f);
	tap_ok(import(&f, put_text(&f, "text", "hello\n")) < 0, "a text");
	tap_ok(strstr(err_text(&f.e), in_dir(&f, "text")), "%s", err_text(&f.e));
	tap_eq(import(&f, in_dir(&f, "missing")), -ENOENT);
	tap_ok(strstr(err_text(&f.e), in_dir(&f, "missing")), "%s", err_text(&f.e));
	file_mkdirs(in_dir(&f, "empty"), 0755, NULL);
	tap_eq(import(&f, in_dir(&f, "empty")), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "no kernel there"), "%s", err_text(&f.e));
	put_vmlinux(&f, "d/bzImage", "6.1.0");
	tap_ok(import(&f, in_dir(&f, "d")) < 0, "a vmlinux that says it is a bzImage");
	tap_eq(count_entries(&f, false) + count_entries(&f, true), 0);
	teardown(&f);
}

/* --- Debian packages ------------------------------------------------------ */

static bool make_deb(const struct fixture *f, const char *folder)
{
	char command[512], control[64];

	snprintf(control, sizeof(control), "%s/DEBIAN/control", folder);
	put_text(f, control, "Package: linux-image-test\nVersion: 1\nArchitecture: all\n"
		 "Maintainer: nobody <nobody@example.org>\nDescription: test\n");
	snprintf(command, sizeof(command), "dpkg-deb -b %s/%s %s/x.deb >/dev/null 2>&1", f->dir,
		 folder, f->dir);
	return system("command -v dpkg-deb >/dev/null") == 0 && system(command) == 0;
}

static void a_debian_package_is_unpacked(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0-9-amd64");
	if (!make_deb(&f, "p")) {
		tap_skip("no dpkg-deb");
	} else {
		tap_ok(import(&f, in_dir(&f, "x.deb")) == 0, "%s", err_text(&f.e));
		tap_str(f.k.key, "6.1.0-9-amd64");
		tap_ok(f.k.config && f.k.modules && kernel_can_nest(&f.k), "all parts");
		tap_ok(!exists(&f, "cache/kernels/6.1.0-9-amd64/unpacked"), "only these");
		tap_eq(import(&f, in_dir(&f, "p")), 0);
		tap_str(f.k.key, "6.1.0-9-amd64");
		tap_eq(count_entries(&f, false), 1);
		tap_eq(count_entries(&f, true), 0);
	}
	teardown(&f);
}

static void a_package_without_a_kernel_says_so(void)
{
	struct fixture f;

	setup(&f);
	put_text(&f, "p/usr/share/doc/x", "x");
	if (!make_deb(&f, "p")) {
		tap_skip("no dpkg-deb");
	} else {
		tap_eq(import(&f, in_dir(&f, "x.deb")), -ENOENT);
		tap_ok(strstr(err_text(&f.e), in_dir(&f, "x.deb")) &&
		       !strstr(err_text(&f.e), KERNEL_STAGE_PREFIX), "%s", err_text(&f.e));
		tap_eq(count_entries(&f, true), 0);
	}
	teardown(&f);
}

static void a_damaged_package_and_a_missing_dpkg_deb_are_errors(void)
{
	_cleanup_free_ char *path = strdup(getenv("PATH"));
	struct fixture f;

	setup(&f);
	put_text(&f, "x.deb", "!<arch>\ndebian-binary   and no more");
	tap_ok(import(&f, in_dir(&f, "x.deb")) < 0, "damaged");
	tap_ok(strstr(err_text(&f.e), in_dir(&f, "x.deb")), "%s", err_text(&f.e));
	setenv("PATH", "/nonexistent", 1);
	tap_eq(import(&f, in_dir(&f, "x.deb")), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "dpkg-deb is not installed"), "%s", err_text(&f.e));
	setenv("PATH", path, 1);
	tap_eq(count_entries(&f, false) + count_entries(&f, true), 0);
	teardown(&f);
}

/* --- several at once, and faults ------------------------------------------ */

/* Runs n imports at the same moment; returns how many succeeded. */
static unsigned import_at_once(struct fixture *f, const char *const *paths, unsigned n)
{
	unsigned good = 0;
	int go[2];

	if (pipe(go) < 0)
		abort();
	for (unsigned i = 0; i < n; i++) {
		char c;

		if (fork())
			continue;
		close(go[1]);
		(void)!read(go[0], &c, 1);
		_exit(import(f, paths[i]) == 0 ? 0 : 1);
	}
	close(go[0]);
	close(go[1]);
	for (unsigned i = 0; i < n; i++) {
		int status;

		if (wait(&status) > 0)
			good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	return good;
}

static void imports_of_the_same_at_once_make_one_entry(void)
{
	for (int round = 0; round < 10; round++) {
		const char *paths[6];
		struct fixture f;

		setup(&f);
		put_package(&f, "p", "6.1.0");
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			paths[i] = in_dir(&f, "p");
		tap_eq(import_at_once(&f, paths, ARRAY_SIZE(paths)), ARRAY_SIZE(paths));
		tap_eq(count_entries(&f, false), 1);
		tap_eq(count_entries(&f, true), 0);
		teardown(&f);
	}
}

static void imports_of_different_kernels_at_once_make_an_entry_each(void)
{
	const char *paths[6];
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char name[2] = { (char)('a' + i), '\0' };

		paths[i] = put_bzimage(&f, name, "6.1.0", name);
	}
	tap_eq(import_at_once(&f, paths, ARRAY_SIZE(paths)), ARRAY_SIZE(paths));
	tap_eq(count_entries(&f, false), ARRAY_SIZE(paths));
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void a_stage_whose_maker_is_gone_is_swept(void)
{
	struct fixture f;

	setup(&f);
	put_text(&f, "cache/kernels/.tmp.1.AbCdEf/vmlinuz", "half");
	put_text(&f, "cache/kernels/.tmp.2.AbCdEf/modules/kernel/x.ko", "half");
	tap_eq(import(&f, put_bzimage(&f, "a", "6.1.0", "a")), 0);
	tap_eq(count_entries(&f, true), 0);
	tap_eq(count_entries(&f, false), 1);
	teardown(&f);
}

static void a_stage_under_way_is_left_alone(void)
{
	struct kernel_swept swept;
	struct fixture f;
	char half[100000];
	int fd;

	setup(&f);
	memset(half, 'x', sizeof(half));
	put(&f, "cache/kernels/.tmp.1.AbCdEf/vmlinuz", half, sizeof(half));
	fd = open(in_dir(&f, "cache/kernels/.tmp.1.AbCdEf"), O_RDONLY | O_DIRECTORY);
	tap_eq(flock(fd, LOCK_EX), 0);
	tap_eq(import(&f, put_bzimage(&f, "a", "6.1.0", "a")), 0);
	tap_ok(exists(&f, "cache/kernels/.tmp.1.AbCdEf/vmlinuz"), "it is still there");
	close(fd);
	kernel_stage_sweep(in_dir(&f, "cache/kernels"), &swept);
	tap_eq(count_entries(&f, true), 0);
	tap_eq(swept.stages, 1);
	tap_ok(swept.bytes >= sizeof(half), "%" PRIu64 " bytes", swept.bytes);
	kernel_stage_sweep(in_dir(&f, "cache/kernels"), &swept);
	tap_ok(!swept.stages && !swept.bytes, "%u stages", swept.stages);
	teardown(&f);
}

static void an_entry_is_removed_by_its_key_and_nothing_else_is(void)
{
	static const char *const none[] = { "6.1", "", ".", "..", "../cache", "6.1.0/.", ".lock" };
	struct fixture f;

	setup(&f);
	import(&f, put_bzimage(&f, "a", "6.1.0", "a"));
	import(&f, put_bzimage(&f, "b", "6.1.0", "b"));
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		err_clear(&f.e);
		tap_ok(kernel_remove(none[i], &f.e) == -ENOENT, "\"%s\": %s", none[i],
		       err_text(&f.e));
	}
	tap_eq(count_entries(&f, false), 2);
	tap_eq(kernel_remove("6.1.0", &f.e), 0);
	tap_ok(!exists(&f, "cache/kernels/6.1.0") && exists(&f, "cache/kernels/6.1.0-2"),
	       "the other one stays");
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void a_killed_import_breaks_nothing(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0");
	for (int i = 0; i < 200; i++) {
		char name[64];

		snprintf(name, sizeof(name), "p/lib/modules/6.1.0/kernel/m%d.ko", i);
		put_text(&f, name, name);
	}
	for (int i = 0; i < 20; i++) {
		struct timespec some = { .tv_nsec = i * 400000 };
		pid_t pid = fork();

		if (pid == 0)
			_exit(import(&f, in_dir(&f, "p")) < 0);
		nanosleep(&some, NULL);		/* any moment will do */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	tap_ok(import(&f, in_dir(&f, "p")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.key, "6.1.0");
	tap_ok(exists(&f, "cache/kernels/6.1.0/modules/kernel/m199.ko"), "whole");
	tap_eq(count_entries(&f, false), 1);
	tap_eq(count_entries(&f, true), 0);
	teardown(&f);
}

static void a_cache_that_cannot_be_written_is_one_error_and_no_rest(void)
{
	struct fixture f;
	const char *path;
	pid_t pid;
	int status;

	setup(&f);
	path = put_bzimage(&f, "a", "6.1.0", "a");
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { .rlim_cur = 1000, .rlim_max = 1000 };

		/* like a full disk, of which nobody needs to be root */
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(import(&f, path) < 0 && strstr(err_text(&f.e), path) &&
		      !strchr(err_text(&f.e), '\n') ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a write fails: status 0x%x", status);
	tap_eq(count_entries(&f, false) + count_entries(&f, true), 0);
	setenv("KTSTR_CACHE_DIR", in_dir(&f, "a/below-a-file"), 1);
	tap_eq(import(&f, path), -ENOTDIR);
	tap_ok(strstr(err_text(&f.e), in_dir(&f, "a/below-a-file")), "%s", err_text(&f.e));
	teardown(&f);
}

int main(void)
{
	TAP_RUN(a_bzimage_file_becomes_an_entry);
	TAP_RUN(a_vmlinux_file_becomes_an_entry);
	TAP_RUN(files_beside_a_versioned_image_belong_to_it);
	TAP_RUN(a_folder_with_usual_names_is_a_kernel);
	TAP_RUN(a_build_tree_is_a_kernel_with_the_modules_that_it_lists);
	TAP_RUN(a_source_tree_that_is_not_built_says_so);
	TAP_RUN(an_unpacked_package_is_a_kernel);
	TAP_RUN(an_image_among_its_modules_is_a_kernel);
	TAP_RUN(the_same_content_again_is_the_same_entry);
	TAP_RUN(other_content_of_the_same_release_is_another_entry);
	TAP_RUN(a_key_is_a_plain_file_name);
	TAP_RUN(what_is_no_kernel_leaves_nothing_behind);
	TAP_RUN(a_debian_package_is_unpacked);
	TAP_RUN(a_package_without_a_kernel_says_so);
	TAP_RUN(a_damaged_package_and_a_missing_dpkg_deb_are_errors);
	TAP_RUN(imports_of_the_same_at_once_make_one_entry);
	TAP_RUN(imports_of_different_kernels_at_once_make_an_entry_each);
	TAP_RUN(a_stage_whose_maker_is_gone_is_swept);
	TAP_RUN(a_stage_under_way_is_left_alone);
	TAP_RUN(an_entry_is_removed_by_its_key_and_nothing_else_is);
	TAP_RUN(a_killed_import_breaks_nothing);
	TAP_RUN(a_cache_that_cannot_be_written_is_one_error_and_no_rest);
	return tap_done();
}
