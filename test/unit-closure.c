/* SPDX-License-Identifier: GPL-2.0-only */
/* Library closures of hand-made ELF files, and the reader of ld.so.cache. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "boot/ldcache.h"
#include "test/elf-make.h"
#include "test/tap.h"
#include "test/tmp.h"

/* --- a folder of ELF files ------------------------------------------------ */

struct fixture {
	char dir[TMP_DIR_MAX];
	struct closure c;
	struct err e;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .e = ERR_INIT };
	unsetenv("LD_LIBRARY_PATH");
	tmp_make(f->dir);
}

static void teardown(struct fixture *f)
{
	closure_fini(&f->c);
	unsetenv("LD_LIBRARY_PATH");
	file_remove_tree(f->dir, NULL);
}

static const char *in_dir(const struct fixture *f, const char *name)
{
	static char path[32][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % ARRAY_SIZE(path)];

	snprintf(p, sizeof(path[0]), "%s/%s", f->dir, name);
	return p;
}

static void put(const struct fixture *f, const char *name, const void *bytes, size_t n)
{
	char *path = strdup(in_dir(f, name)), *slash = strrchr(path, '/');

	*slash = '\0';
	if (file_mkdirs(path, 0755, NULL) < 0)
		abort();
	*slash = '/';
	if (file_write_atomic(path, bytes, n, 0755, NULL) < 0)
		abort();
	free(path);
}

static void put_elf(const struct fixture *f, const char *name, const struct elf_make *m)
{
	struct buf b = BUF_INIT;

	elf_make(m, &b);
	put(f, name, b.data, b.len);
	buf_fini(&b);
}

#define PUT(f, name, ...) put_elf(f, name, &(struct elf_make){ __VA_ARGS__ })

static int resolve(struct fixture *f, const char *name)
{
	closure_fini(&f->c);
	err_clear(&f->e);
	return closure_resolve(in_dir(f, name), &f->c, &f->e);
}

static const struct closure_lib *find(const struct fixture *f, const char *soname)
{
	for (size_t i = 0; i < f->c.count; i++)
		if (!strcmp(f->c.lib[i].soname, soname))
			return &f->c.lib[i];
	return NULL;
}

static void check_found(const struct fixture *f, const char *soname, const char *path,
			enum closure_via via)
{
	const struct closure_lib *lib = find(f, soname);

	tap_ok(lib && !strcmp(lib->path, in_dir(f, path)), "%s is %s, not %s", soname, path,
	       lib ? lib->path : err_text(&f->e));
	if (lib)
		tap_str(closure_via_name(lib->via), closure_via_name(via));
}

/* --- search order --------------------------------------------------------- */

static void rpath_is_inherited_from_the_loading_objects(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so" }, .rpath = "$ORIGIN/l");
	PUT(&f, "l/liba.so", .needed = { "libb.so" });
	PUT(&f, "l/libb.so", .needed = { NULL });
	tap_eq(resolve(&f, "prog"), 0);
	check_found(&f, "liba.so", "l/liba.so", CLOSURE_RPATH);
	check_found(&f, "libb.so", "l/libb.so", CLOSURE_RPATH);
	teardown(&f);
}

static void runpath_serves_only_the_object_that_has_it(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so" }, .runpath = "$ORIGIN/l");
	PUT(&f, "l/liba.so", .needed = { "libb.so" });
	PUT(&f, "l/libb.so", .needed = { NULL });
	tap_eq(resolve(&f, "prog"), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "libb.so: not found, needed by") &&
	       strstr(err_text(&f.e), "/prog via liba.so"), "%s", err_text(&f.e));
	teardown(&f);
}

static void an_object_with_runpath_ignores_all_rpaths(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so" }, .rpath = "$ORIGIN/l");
	PUT(&f, "l/liba.so", .needed = { "libb.so" }, .rpath = "$ORIGIN", .runpath = "$ORIGIN/m");
	PUT(&f, "l/libb.so", .needed = { NULL });
	PUT(&f, "l/m/libb.so", .needed = { NULL });
	tap_eq(resolve(&f, "prog"), 0);
	check_found(&f, "libb.so", "l/m/libb.so", CLOSURE_RUNPATH);
	teardown(&f);
}

static void the_environment_comes_after_rpath_and_before_runpath(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "old", .needed = { "liba.so" }, .rpath = "$ORIGIN/own");
	PUT(&f, "new", .needed = { "liba.so" }, .runpath = "$ORIGIN/own");
	PUT(&f, "own/liba.so", .needed = { NULL });
	PUT(&f, "env/liba.so", .needed = { NULL });
	setenv("LD_LIBRARY_PATH", in_dir(&f, "env"), 1);
	tap_eq(resolve(&f, "old"), 0);
	check_found(&f, "liba.so", "own/liba.so", CLOSURE_RPATH);
	tap_eq(resolve(&f, "new"), 0);
	check_found(&f, "liba.so", "env/liba.so", CLOSURE_ENV);
	teardown(&f);
}

static void folders_in_a_list_are_searched_from_left_to_right(void)
{
	struct fixture f;
	char list[256];

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so" });
	PUT(&f, "two/liba.so", .needed = { NULL });
	PUT(&f, "three/liba.so", .needed = { NULL });
	snprintf(list, sizeof(list), "%s/one:%s/two;%s/three", f.dir, f.dir, f.dir);
	setenv("LD_LIBRARY_PATH", list, 1);
	tap_eq(resolve(&f, "prog"), 0);
	check_found(&f, "liba.so", "two/liba.so", CLOSURE_ENV);
	teardown(&f);
}

static void tokens_are_replaced_in_all_their_spellings(void)
{
	static const char *const good[] = {
		"$ORIGIN/l", "${ORIGIN}/l", "$ORIGIN/./l/", "/no:$ORIGIN/l",
	};
	static const char *const bad[] = {
		"$ORIGINS/l", "${ORIGIN/l", "$origin/l", "$$ORIGIN/l", "$",
	};
	struct fixture f;

	setup(&f);
	PUT(&f, "l/liba.so", .needed = { NULL });
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		PUT(&f, "prog", .needed = { "liba.so" }, .runpath = good[i]);
		tap_ok(resolve(&f, "prog") == 0, "%s: %s", good[i], err_text(&f.e));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		PUT(&f, "prog", .needed = { "liba.so" }, .runpath = bad[i]);
		tap_ok(resolve(&f, "prog") == -ENOENT, "%s", bad[i]);
	}
	teardown(&f);
}

static void origin_of_the_program_is_its_real_folder(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "bin/prog", .needed = { "liba.so" }, .runpath = "$ORIGIN/l");
	PUT(&f, "bin/l/liba.so", .needed = { NULL });
	tap_eq(symlink("bin/prog", in_dir(&f, "link")), 0);
	tap_eq(resolve(&f, "link"), 0);
	tap_str(f.c.origin, in_dir(&f, "bin"));
	tap_ok(find(&f, "liba.so") && find(&f, "liba.so")->main_origin, "said to depend on it");
	teardown(&f);
}

static void a_library_for_another_machine_is_passed_over(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so" }, .rpath = "$ORIGIN/arm:$ORIGIN/text:$ORIGIN/l");
	PUT(&f, "arm/liba.so", .machine = EM_AARCH64);
	put(&f, "text/liba.so", "/* GNU ld script */", 19);
	tap_eq(resolve(&f, "prog"), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "text/liba.so"), "the reason names it: %s", err_text(&f.e));
	PUT(&f, "l/liba.so", .needed = { NULL });
	tap_eq(resolve(&f, "prog"), 0);
	check_found(&f, "liba.so", "l/liba.so", CLOSURE_RPATH);
	teardown(&f);
}

static void a_needed_path_is_taken_as_it_is(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "l/liba.so", .needed = { NULL });
	PUT(&f, "prog", .needed = { "$ORIGIN/l/liba.so" });
	tap_eq(resolve(&f, "prog"), 0);
	tap_eq(f.c.count, 1);
	tap_str(f.c.lib[0].path, in_dir(&f, "l/liba.so"));
	PUT(&f, "prog", .needed = { "./l/liba.so" });
	tap_eq(resolve(&f, "prog"), -EINVAL);
	tap_ok(strstr(err_text(&f.e), "./l/liba.so"), "%s", err_text(&f.e));
	teardown(&f);
}

static void a_library_that_must_not_come_from_default_folders_does_not(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "libc.so.6" }, .nodeflib = true);
	tap_eq(resolve(&f, "prog"), -ENOENT);
	PUT(&f, "prog", .needed = { "libc.so.6" });
	tap_ok(resolve(&f, "prog") == 0, "%s", err_text(&f.e));
	tap_ok(find(&f, "libc.so.6") && find(&f, "libc.so.6")->default_dir, "a default folder");
	teardown(&f);
}

/* --- each object once ----------------------------------------------------- */

static void libraries_are_listed_breadth_first_and_once(void)
{
	static const char *const order[] = { "liba.so", "libb.so", "libc1.so", "libd.so" };
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so", "libb.so" }, .rpath = "$ORIGIN");
	PUT(&f, "liba.so", .needed = { "libc1.so", "libb.so" });
	PUT(&f, "libb.so", .needed = { "libd.so", "liba.so" });
	PUT(&f, "libc1.so", .needed = { "libd.so" });
	PUT(&f, "libd.so", .needed = { "liba.so", "libd.so" });
	tap_eq(resolve(&f, "prog"), 0);
	tap_eq(f.c.count, 4);
	for (size_t i = 0; i < f.c.count && i < 4; i++)
		tap_str(f.c.lib[i].soname, order[i]);
	teardown(&f);
}

static void a_loaded_soname_answers_for_its_name(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so", "libx.so.1" }, .rpath = "$ORIGIN");
	PUT(&f, "liba.so", .soname = "libx.so.1");
	tap_ok(resolve(&f, "prog") == 0, "there is no file of that name: %s", err_text(&f.e));
	tap_eq(f.c.count, 1);
	teardown(&f);
}

static void a_file_under_two_names_is_listed_with_both(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .needed = { "liba.so", "libb.so", "libb.so" }, .rpath = "$ORIGIN");
	PUT(&f, "liba.so", .needed = { NULL });
	tap_eq(symlink("liba.so", in_dir(&f, "libb.so")), 0);
	tap_eq(resolve(&f, "prog"), 0);
	tap_eq(f.c.count, 2);
	tap_ok(find(&f, "libb.so") && find(&f, "libb.so")->alias, "the second is an alias");
	tap_ok(find(&f, "liba.so") && !find(&f, "liba.so")->alias, "the first is not");
	teardown(&f);
}

static void the_interpreter_answers_for_its_own_name(void)
{
	const char *interp;
	struct fixture f;

	setup(&f);
	interp = in_dir(&f, "ld.so.1");
	PUT(&f, "ld.so.1", .soname = "ld-linux-test.so.2");
	PUT(&f, "prog", .interp = interp, .needed = { "ld-linux-test.so.2" });
	tap_ok(resolve(&f, "prog") == 0, "%s", err_text(&f.e));
	tap_str(f.c.interp, interp);
	tap_eq(f.c.count, 0);
	tap_str(f.c.link_dir, f.dir);
	teardown(&f);
}

/* --- files that need nothing, and bad ones -------------------------------- */

static void static_programs_scripts_and_data_need_nothing(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "static", .needed = { NULL });
	put(&f, "script", "#!/bin/sh\n", 10);
	put(&f, "empty", "", 0);
	tap_eq(resolve(&f, "static"), 0);
	tap_ok(!f.c.interp && !f.c.count, "static");
	tap_eq(resolve(&f, "script"), 0);
	tap_ok(!f.c.interp && !f.c.count, "script");
	tap_eq(resolve(&f, "empty"), 0);
	tap_eq(resolve(&f, "missing"), -ENOENT);
	tap_eq(resolve(&f, "."), -EINVAL);
	teardown(&f);
}

static void a_missing_interpreter_is_an_error_with_both_names(void)
{
	struct fixture f;

	setup(&f);
	PUT(&f, "prog", .interp = "/no/such/ld.so", .needed = { NULL });
	tap_eq(resolve(&f, "prog"), -ENOENT);
	tap_ok(strstr(err_text(&f.e), "/no/such/ld.so") && strstr(err_text(&f.e), "/prog"), "%s",
	       err_text(&f.e));
	teardown(&f);
}

/* Cut anywhere, it is an error or has fewer names, never more. */
static void a_truncated_file_does_no_harm(void)
{
	struct buf b = BUF_INIT;
	unsigned errors = 0;
	struct fixture f;

	setup(&f);
	PUT(&f, "liba.so", .needed = { NULL });
	elf_make(&(struct elf_make){ .needed = { "liba.so" }, .rpath = "$ORIGIN" }, &b);
	for (size_t n = 0; n < b.len; n += 3) {
		put(&f, "prog", b.data, n);
		errors += resolve(&f, "prog") < 0;
		tap_ok(f.c.count <= 1, "%zu bytes", n);
	}
	tap_ok(errors > 10, "%u errors", errors);
	buf_fini(&b);
	teardown(&f);
}

static void damage_is_told_apart_by_its_reason(void)
{
	struct buf b = BUF_INIT;
	struct fixture f;
	Elf64_Phdr *ph;

	setup(&f);
	elf_make(&(struct elf_make){ .needed = { "liba.so" }, .interp = "relative" }, &b);
	put(&f, "prog", b.data, b.len);
	tap_eq(resolve(&f, "prog"), -ENOEXEC);
	tap_ok(strstr(err_text(&f.e), "absolute"), "%s", err_text(&f.e));
	elf_make(&(struct elf_make){ .needed = { "liba.so" } }, &b);
	ph = (Elf64_Phdr *)(b.data + sizeof(Elf64_Ehdr));
	ph[1].p_offset = UINT64_MAX - 8;
	put(&f, "prog", b.data, b.len);
	tap_eq(resolve(&f, "prog"), -ENOEXEC);
	tap_ok(strstr(err_text(&f.e), "dynamic section"), "%s", err_text(&f.e));
	elf_make(&(struct elf_make){ .needed = { "liba.so" } }, &b);
	ph = (Elf64_Phdr *)(b.data + sizeof(Elf64_Ehdr));
	ph[0].p_vaddr = 0;
	put(&f, "prog", b.data, b.len);
	tap_eq(resolve(&f, "prog"), -ENOEXEC);
	tap_ok(strstr(err_text(&f.e), "string table"), "%s", err_text(&f.e));
	buf_fini(&b);
	teardown(&f);
}

/* --- in the guest --------------------------------------------------------- */

/* The text of an archive, as far as names and links show in it. */
static bool archive_has(const struct buf *b, const char *text)
{
	return b->data && memmem(b->data, b->len, text, strlen(text) + 1) != NULL;
}

static int pack(struct fixture *f, const char *guest, struct buf *ret)
{
	struct initramfs *fs;
	int r = initramfs_create(&fs, &f->e);

	if (r == 0)
		r = initramfs_add_program(fs, guest, in_dir(f, "bin/prog"), &f->e);
	if (r == 0)
		r = initramfs_finish(fs, ret, &f->e);
	initramfs_destroy(fs);
	return r;
}

static void a_library_that_only_the_host_finds_gets_a_link(void)
{
	const char *interp, *link;
	struct buf b = BUF_INIT;
	struct fixture f;

	setup(&f);
	interp = in_dir(&f, "ld/ld.so");
	link = in_dir(&f, "ld/liba.so") + 1;
	PUT(&f, "ld/ld.so", .soname = "ld.so");
	PUT(&f, "bin/l/liba.so", .needed = { NULL });
	PUT(&f, "bin/prog", .interp = interp, .needed = { "liba.so" }, .runpath = "$ORIGIN/l");
	tap_ok(pack(&f, "/init", &b) == 0, "%s", err_text(&f.e));
	tap_ok(archive_has(&b, link), "the program moved, so its $ORIGIN is another: %s", link);
	buf_fini(&b);
	tap_eq(pack(&f, in_dir(&f, "bin/prog"), &b), 0);
	tap_ok(!archive_has(&b, link), "it did not move");
	buf_fini(&b);
	setenv("LD_LIBRARY_PATH", in_dir(&f, "bin/l"), 1);
	PUT(&f, "bin/prog", .interp = interp, .needed = { "liba.so" });
	tap_eq(pack(&f, in_dir(&f, "bin/prog"), &b), 0);
	tap_ok(archive_has(&b, link), "the guest has no LD_LIBRARY_PATH");
	buf_fini(&b);
	teardown(&f);
}

/* --- ld.so.cache ---------------------------------------------------------- */

struct cache_entry {
	uint32_t flags;
	const char *name, *path;
	uint64_t hwcap;
};

static const struct cache_entry cache_entries[] = {
	{ 0x0003, "liba.so", "/lib32/liba.so", 0 },
	{ 0x0303, "liba.so", "/hw/liba.so", UINT64_C(1) << 62 },
	{ 0x0303, "liba.so", "/lib/liba.so", 0 },
	{ 0x0303, "liba.so", "/later/liba.so", 0 },
	{ 0x0303, "libr.so", "relative/libr.so", 0 },
};

static void make_cache(struct buf *b)
{
	struct buf strings = BUF_INIT;
	uint32_t at = 48 + 24 * ARRAY_SIZE(cache_entries);

	buf_str(b, "glibc-ld.so.cache1.1");
	buf_le32(b, ARRAY_SIZE(cache_entries));
	buf_le32(b, 0);
	buf_u8(b, 2);
	buf_add_zero(b, 19);
	for (size_t i = 0; i < ARRAY_SIZE(cache_entries); i++) {
		const struct cache_entry *c = &cache_entries[i];

		buf_le32(b, c->flags);
		buf_le32(b, at + (uint32_t)strings.len);
		buf_add(&strings, c->name, strlen(c->name) + 1);
		buf_le32(b, at + (uint32_t)strings.len);
		buf_add(&strings, c->path, strlen(c->path) + 1);
		buf_le32(b, 0);
		buf_le64(b, c->hwcap);
	}
	buf_add(b, strings.data, strings.len);
	buf_fini(&strings);
}

static const char *lookup(const struct buf *b, const char *name, unsigned cls, unsigned machine)
{
	struct ldcache c;

	return ldcache_init(&c, b->data, b->len) < 0 ? NULL : ldcache_find(&c, name, cls, machine);
}

static void the_cache_answers_for_class_and_machine(void)
{
	struct buf b = BUF_INIT;

	make_cache(&b);
	tap_str(lookup(&b, "liba.so", ELFCLASS64, EM_X86_64), "/lib/liba.so");
	tap_str(lookup(&b, "liba.so", ELFCLASS32, EM_386), "/lib32/liba.so");
	tap_ok(!lookup(&b, "liba.so", ELFCLASS64, EM_AARCH64), "not for arm64");
	tap_ok(!lookup(&b, "liba.so", ELFCLASS64, EM_PPC64), "not for a machine nobody knows");
	tap_ok(!lookup(&b, "liba", ELFCLASS64, EM_X86_64), "not a part of the name");
	tap_ok(!lookup(&b, "libr.so", ELFCLASS64, EM_X86_64), "not a relative path");
	buf_fini(&b);
}

static void the_cache_may_lie_behind_one_of_the_old_format(void)
{
	struct buf b = BUF_INIT, old = BUF_INIT;

	make_cache(&b);
	buf_str(&old, "ld.so-1.7.0");
	buf_u8(&old, 0);
	buf_le32(&old, 3);
	buf_add_zero(&old, 3 * 12);
	buf_align(&old, 8);
	buf_add(&old, b.data, b.len);
	tap_str(lookup(&old, "liba.so", ELFCLASS64, EM_X86_64), "/lib/liba.so");
	buf_fini(&old);
	buf_fini(&b);
}

static void a_damaged_cache_has_nothing(void)
{
	struct buf b = BUF_INIT;

	make_cache(&b);
	b.data[0] = 'G';
	tap_ok(!lookup(&b, "liba.so", ELFCLASS64, EM_X86_64), "another magic");
	b.data[0] = 'g';
	b.data[28] = 3;
	tap_ok(!lookup(&b, "liba.so", ELFCLASS64, EM_X86_64), "big-endian");
	b.data[28] = 2;
	b.data[23] = 0xff;
	tap_ok(!lookup(&b, "liba.so", ELFCLASS64, EM_X86_64), "more entries than bytes");
	b.data[23] = 0;
	memset(b.data + 48 + 2 * 24 + 8, 0xff, 4);
	tap_ok(!lookup(&b, "liba.so", ELFCLASS64, EM_X86_64), "a path outside of the file");
	for (size_t n = 0; n < b.len; n++) {
		struct buf part = { .data = b.data, .len = n };

		tap_ok(!lookup(&part, "libr.so", ELFCLASS64, EM_X86_64), "%zu bytes", n);
	}
	buf_fini(&b);
}

int main(void)
{
	TAP_RUN(rpath_is_inherited_from_the_loading_objects);
	TAP_RUN(runpath_serves_only_the_object_that_has_it);
	TAP_RUN(an_object_with_runpath_ignores_all_rpaths);
	TAP_RUN(the_environment_comes_after_rpath_and_before_runpath);
	TAP_RUN(folders_in_a_list_are_searched_from_left_to_right);
	TAP_RUN(tokens_are_replaced_in_all_their_spellings);
	TAP_RUN(origin_of_the_program_is_its_real_folder);
	TAP_RUN(a_library_for_another_machine_is_passed_over);
	TAP_RUN(a_needed_path_is_taken_as_it_is);
	TAP_RUN(a_library_that_must_not_come_from_default_folders_does_not);
	TAP_RUN(libraries_are_listed_breadth_first_and_once);
	TAP_RUN(a_loaded_soname_answers_for_its_name);
	TAP_RUN(a_file_under_two_names_is_listed_with_both);
	TAP_RUN(the_interpreter_answers_for_its_own_name);
	TAP_RUN(static_programs_scripts_and_data_need_nothing);
	TAP_RUN(a_missing_interpreter_is_an_error_with_both_names);
	TAP_RUN(a_truncated_file_does_no_harm);
	TAP_RUN(damage_is_told_apart_by_its_reason);
	TAP_RUN(a_library_that_only_the_host_finds_gets_a_link);
	TAP_RUN(the_cache_answers_for_class_and_machine);
	TAP_RUN(the_cache_may_lie_behind_one_of_the_old_format);
	TAP_RUN(a_damaged_cache_has_nothing);
	return tap_done();
}
