/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding kernels: where the cache is, what --kernel may name, and which can nest. */
#include <errno.h>
#include <sys/wait.h>

#include "test/kernels-fixture.h"

/* --- the cache's place ---------------------------------------------------- */

static void check_cache_dir(const char *want)
{
	struct err e = ERR_INIT;
	char *dir = NULL;

	tap_ok(kernel_cache_dir(&dir, &e) == 0, "%s", err_text(&e));
	tap_str(dir, want);
	free(dir);
}

static void the_environment_says_where_the_cache_is(void)
{
	_cleanup_free_ char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
	char *dir = NULL;

	setenv("HOME", "/h", 1);
	setenv("XDG_CACHE_HOME", "/x", 1);
	setenv("KTSTR_CACHE_DIR", "/k", 1);
	check_cache_dir("/k");
	setenv("KTSTR_CACHE_DIR", "", 1);
	check_cache_dir("/x/ktstr");
	setenv("XDG_CACHE_HOME", "relative", 1);
	check_cache_dir("/h/.cache/ktstr");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("KTSTR_CACHE_DIR");
	check_cache_dir("/h/.cache/ktstr");
	setenv("HOME", "", 1);
	if (kernel_cache_dir(&dir, NULL) == 0)	/* from the user database */
		tap_ok(dir[0] == '/' && strstr(dir, "/.cache/ktstr"), "%s", dir);
	free(dir);
	if (home)
		setenv("HOME", home, 1);
}

/* --- find ----------------------------------------------------------------- */

static void put_entries(struct fixture *f)
{
	import(f, put_bzimage(f, "a", "6.12.117+deb12", "a"));
	import(f, put_bzimage(f, "b", "6.12.5", "b"));
	import(f, put_bzimage(f, "c", "5.10.1", "c"));
}

static void a_kernel_is_found_by_key_and_by_version(void)
{
	struct fixture f;

	setup(&f);
	put_entries(&f);
	tap_eq(find(&f, "6.12.117+deb12"), 0);
	tap_str(f.k.key, "6.12.117+deb12");
	tap_str(f.k.why, "--kernel");
	tap_eq(find(&f, "6.12"), 0);
	tap_str(f.k.key, "6.12.5");
	tap_eq(find(&f, "6"), 0);
	tap_eq(find(&f, "6.12.11"), -ENOENT);
	tap_eq(find(&f, "6.1"), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "6.12.5") && strstr(err_text(&f.e), "ktstr kernel import"),
	       "%s", err_text(&f.e));
	teardown(&f);
}

static void without_a_spec_the_newest_import_is_taken(void)
{
	struct fixture f;

	setup(&f);
	put_entries(&f);
	tap_eq(find(&f, NULL), 0);
	tap_str(f.k.key, "5.10.1");
	tap_str(f.k.why, "newest in the cache");
	setenv("KTSTR_KERNEL", "6.12", 1);
	tap_eq(find(&f, NULL), 0);
	tap_str(f.k.key, "6.12.5");
	tap_str(f.k.why, "KTSTR_KERNEL");
	tap_eq(find(&f, "5.10.1"), 0);
	tap_str(f.k.key, "5.10.1");
	setenv("KTSTR_KERNEL", "nonsense", 1);
	tap_eq(find(&f, NULL), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "KTSTR_KERNEL: nonsense"), "%s", err_text(&f.e));
	teardown(&f);
}

static void put_with_config(struct fixture *f, const char *release, const char *config)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/vmlinuz", release);
	put_bzimage(f, name, release, release);
	snprintf(name, sizeof(name), "%s/config", release);
	put_text(f, name, config);
	import(f, in_dir(f, release));
}

static int find_with(struct fixture *f, const char *spec, const char *option)
{
	kernel_fini(&f->k);
	err_clear(&f->e);
	return kernel_find_with(spec, option, &f->k, &f->e);
}

/* One that was imported later, to be the outer kernel for example, is not in the way. */
static void the_newest_that_fits_is_taken(void)
{
	struct fixture f;

	setup(&f);
	put_with_config(&f, "6.12.1", "CONFIG_A=y\nCONFIG_B=m\n");
	put_with_config(&f, "6.12.2", "CONFIG_A=y\n");
	put_with_config(&f, "6.1.3", "# CONFIG_A is not set\n");
	tap_eq(find_with(&f, NULL, "CONFIG_A"), 0);
	tap_str(f.k.key, "6.12.2");
	tap_str(f.k.why, "newest in the cache with CONFIG_A");
	tap_eq(find_with(&f, NULL, "CONFIG_B"), 0);
	tap_str(f.k.key, "6.1.3");
	tap_str(f.k.why, "newest in the cache");
	tap_eq(find_with(&f, NULL, NULL), 0);
	tap_str(f.k.key, "6.1.3");
	tap_eq(find_with(&f, "6.1.3", "CONFIG_A"), 0);
	tap_str(f.k.key, "6.1.3");
	teardown(&f);
}

static void a_file_and_a_folder_are_found_by_path(void)
{
	struct fixture f;

	setup(&f);
	put_package(&f, "p", "6.1.0");
	tap_ok(find(&f, in_dir(&f, "p")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.image, in_dir(&f, "p/boot/vmlinuz-6.1.0"));
	tap_ok(!f.k.key && f.k.modules && kernel_can_nest(&f.k), "with its modules");
	tap_ok(find(&f, in_dir(&f, "p/boot")) == 0, "%s", err_text(&f.e));
	tap_ok(f.k.modules && f.k.config, "beside the folder");
	tap_ok(find(&f, in_dir(&f, "p/boot/vmlinuz-6.1.0")) == 0, "%s", err_text(&f.e));
	tap_str(f.k.release, "6.1.0");
	tap_str(f.k.bzimage, in_dir(&f, "p/boot/vmlinuz-6.1.0"));
	tap_eq(find(&f, in_dir(&f, "p/missing")), -ENOENT);
	teardown(&f);
}

static void the_newest_kernel_of_boot_is_taken_by_version(void)
{
	struct kernel_parts p = { 0 };
	struct fixture f;

	setup(&f);
	put_bzimage(&f, "boot/vmlinuz-6.1.0-9", "6.1.0-9", "a");
	put_bzimage(&f, "boot/vmlinuz-6.1.0-10", "6.1.0-10", "b");
	put_bzimage(&f, "boot/vmlinuz-6.1.0-10.old", "6.1.0-10", "b");
	put_bzimage(&f, "boot/vmlinuz-0-rescue-12ab", "6.0", "b");
	put_text(&f, "boot/initrd.img-6.9", "");
	tap_eq(kernel_parts_find_boot(in_dir(&f, "boot"), &p, &f.e), 0);
	tap_str(p.bzimage, in_dir(&f, "boot/vmlinuz-6.1.0-10"));
	kernel_parts_fini(&p);
	tap_eq(kernel_parts_find_boot(in_dir(&f, "cache"), &p, &f.e), -ENOENT);
	teardown(&f);
}

/* What a user sees whose distribution keeps its kernels from him. */
static int look_as_nobody(struct fixture *f)
{
	struct kernel_parts p = { 0 };

	if (geteuid() == 0 && setuid(65534) < 0)
		return 9;
	if (kernel_parts_find_boot(in_dir(f, "boot"), &p, &f->e) != -EACCES)
		return 1;
	if (!strstr(err_text(&f->e), "vmlinuz-6.1.0-9"))
		return 2;
	if (!strstr(err_text(&f->e), "sudo install"))
		return 3;
	/* an older one that can be read is better than none */
	if (kernel_parts_find_boot(in_dir(f, "both"), &p, &f->e) < 0)
		return 4;
	return strcmp(p.release, "6.1.0-8") ? 5 : 0;
}

static void an_unreadable_kernel_of_boot_says_what_to_do(void)
{
	struct kernel_parts p = { 0 };
	struct fixture f;
	int status;
	pid_t pid;

	setup(&f);
	put_bzimage(&f, "boot/vmlinuz-6.1.0-9", "6.1.0-9", "a");
	chmod(in_dir(&f, "boot/vmlinuz-6.1.0-9"), 0);
	put_bzimage(&f, "both/vmlinuz-6.1.0-8", "6.1.0-8", "a");
	put_bzimage(&f, "both/vmlinuz-6.1.0-9", "6.1.0-9", "a");
	chmod(in_dir(&f, "both/vmlinuz-6.1.0-9"), 0);
	pid = fork();
	if (pid == 0)
		_exit(look_as_nobody(&f));
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
	chmod(in_dir(&f, "boot/vmlinuz-6.1.0-9"), 0644);
	tap_eq(kernel_parts_find_boot(in_dir(&f, "boot"), &p, &f.e), 0);
	kernel_parts_fini(&p);
	teardown(&f);
}

static void the_list_has_the_newest_first_and_forgives_damage(void)
{
	struct kernel *list = NULL;
	struct fixture f;
	size_t n = 7;

	setup(&f);
	tap_eq(kernel_list(&list, &n, &f.e), 0);
	tap_eq(n, 0);
	free(list);
	put_entries(&f);
	put_text(&f, "cache/kernels/5.10.1/kernel.json", "{ \"release\": 5, ");
	put_text(&f, "cache/kernels/not-a-kernel/readme", "");
	put_text(&f, "cache/kernels/file", "");
	tap_eq(kernel_list(&list, &n, &f.e), 0);
	tap_eq(n, 3);
	if (n == 3) {
		tap_str(list[0].key, "6.12.5");
		tap_str(list[1].key, "6.12.117+deb12");
		tap_str(list[2].key, "5.10.1");
		tap_ok(!list[2].release && !list[2].imported, "nothing is made up");
	}
	/* an entry of another architecture does not fit, however new it is */
	put_bzimage(&f, "cache/kernels/7.0/vmlinuz", "7.0", "x");
	put_text(&f, "cache/kernels/7.0/kernel.json",
		 "{ \"arch\": \"aarch64\", \"imported\": \"2099-01-01T00:00:00.000000Z\" }");
	tap_eq(find(&f, NULL), 0);
	tap_str(f.k.key, "6.12.5");
	for (size_t i = 0; i < n; i++)
		kernel_fini(&list[i]);
	free(list);
	teardown(&f);
}

/* --- nesting -------------------------------------------------------------- */

static void what_can_nest_is_read_from_config_and_modules(void)
{
	static const struct {
		const char *config;
		bool module, can;
	} cases[] = {
		{ "CONFIG_KVM_AMD=y\n", false, true },
		{ "CONFIG_KVM_AMD=y\n", true, true },
		{ "CONFIG_KVM_AMD=m\n", true, true },
		{ "CONFIG_KVM_AMD=m\n", false, false },
		{ "# CONFIG_KVM_AMD is not set\n", true, false },
		{ "CONFIG_KVM_AMD_SEV=y\n", false, false },
		{ "", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		setup(&f);
		put_bzimage(&f, "d/vmlinuz", "6.1.0", "x");
		put_text(&f, "d/config", cases[i].config);
		put_text(&f, "d/modules/kernel/other.ko", "");
		if (cases[i].module)
			put_text(&f, "d/modules/kernel/arch/x86/kvm/kvm-amd.ko.zst", "");
		tap_eq(find(&f, in_dir(&f, "d")), 0);
		tap_ok(kernel_can_nest(&f.k) == cases[i].can, "case %zu", i);
		teardown(&f);
	}
}

int main(void)
{
	TAP_RUN(the_environment_says_where_the_cache_is);
	TAP_RUN(a_kernel_is_found_by_key_and_by_version);
	TAP_RUN(without_a_spec_the_newest_import_is_taken);
	TAP_RUN(the_newest_that_fits_is_taken);
	TAP_RUN(a_file_and_a_folder_are_found_by_path);
	TAP_RUN(the_newest_kernel_of_boot_is_taken_by_version);
	TAP_RUN(an_unreadable_kernel_of_boot_says_what_to_do);
	TAP_RUN(the_list_has_the_newest_first_and_forgives_damage);
	TAP_RUN(what_can_nest_is_read_from_config_and_modules);
	return tap_done();
}
