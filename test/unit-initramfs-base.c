/* SPDX-License-Identifier: GPL-2.0-only */
/* An archive over a base: what lies where, and which names they may share. */
#include <errno.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "test/cpio-read.h"
#include "test/tap.h"

struct fixture {
	struct initramfs *base, *over;
	struct buf base_cpio, over_cpio;
	struct cpio_archive in_base, in_over;
	struct err e;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .e = ERR_INIT };
	if (initramfs_create(&f->base, &f->e) < 0 ||
	    initramfs_create_over(f->base, &f->over, &f->e) < 0)
		abort();
}

static void finish(struct fixture *f)
{
	tap_ok(initramfs_finish(f->base, &f->base_cpio, &f->e) == 0, "base: %s", err_text(&f->e));
	tap_ok(initramfs_finish(f->over, &f->over_cpio, &f->e) == 0, "over: %s", err_text(&f->e));
	f->in_base = cpio_read(&f->base_cpio);
	f->in_over = cpio_read(&f->over_cpio);
	tap_ok(!f->in_base.broken && f->in_base.trailer, "the base is an archive");
	tap_ok(!f->in_over.broken && f->in_over.trailer, "and so is the one over it");
}

static void teardown(struct fixture *f)
{
	initramfs_destroy(f->over);
	initramfs_destroy(f->base);
	buf_fini(&f->base_cpio);
	buf_fini(&f->over_cpio);
}

static void only_the_last_archive_has_the_marker(void)
{
	struct fixture f;

	setup(&f);
	initramfs_add_bytes(f.base, "/b", "1", 1, 0644, &f.e);
	initramfs_add_bytes(f.over, "/o", "2", 1, 0644, &f.e);
	finish(&f);
	tap_ok(!cpio_find(&f.in_base, &INITRAMFS_MARKER[1]), "none in the base");
	tap_str(f.in_over.item[f.in_over.count - 1].name, &INITRAMFS_MARKER[1]);
	tap_ok(cpio_find(&f.in_base, "b") && !cpio_find(&f.in_over, "b"), "b");
	tap_ok(cpio_find(&f.in_over, "o") && !cpio_find(&f.in_base, "o"), "o");
	teardown(&f);
}

static void a_program_is_over_the_base_and_its_libraries_are_in_it(void)
{
	unsigned libraries = 0;
	struct fixture f;

	setup(&f);
	tap_ok(initramfs_add_program(f.over, "/init", "/proc/self/exe", &f.e) == 0, "%s",
	       err_text(&f.e));
	finish(&f);
	tap_ok(cpio_find(&f.in_over, "init") && !cpio_find(&f.in_base, "init"), "the program");
	tap_eq(f.in_over.count, 2);
	for (unsigned i = 0; i < f.in_base.count; i++)
		libraries += strstr(f.in_base.item[i].name, ".so") != NULL;
	tap_ok(libraries >= 2, "the loader and a libc: %u", libraries);
	teardown(&f);
}

static void each_has_entries_for_the_folders_that_it_needs(void)
{
	struct fixture f;

	setup(&f);
	tap_eq(initramfs_add_bytes(f.over, "/d/e/o", "", 0, 0644, &f.e), 0);
	tap_eq(initramfs_add_bytes(f.base, "/d/e/b", "", 0, 0644, &f.e), 0);
	tap_eq(initramfs_add_dir(f.base, "/d", &f.e), 0);
	finish(&f);
	tap_ok(cpio_find(&f.in_base, "d") && cpio_find(&f.in_base, "d/e"), "the base");
	tap_ok(cpio_find(&f.in_over, "d") && cpio_find(&f.in_over, "d/e"), "the one over it");
	teardown(&f);
}

static void a_name_is_taken_in_both(void)
{
	struct fixture f;

	setup(&f);
	tap_eq(initramfs_add_bytes(f.base, "/b", "x", 1, 0644, &f.e), 0);
	tap_eq(initramfs_add_bytes(f.over, "/b", "y", 1, 0644, &f.e), -EEXIST);
	tap_ok(strstr(err_text(&f.e), "/b"), "%s", err_text(&f.e));
	tap_eq(initramfs_add_bytes(f.over, "/o", "x", 1, 0644, &f.e), 0);
	tap_eq(initramfs_add_dir(f.base, "/o", &f.e), -EEXIST);
	/* a folder over a link would hide what lies behind the link */
	tap_eq(initramfs_add_symlink(f.base, "/lib", "usr/lib", &f.e), 0);
	tap_eq(initramfs_add_bytes(f.over, "/lib/x", "", 0, 0644, &f.e), -EEXIST);
	finish(&f);
	tap_ok(!cpio_find(&f.in_over, "lib") && !cpio_find(&f.in_over, "b"), "nothing was added");
	teardown(&f);
}

int main(void)
{
	TAP_RUN(only_the_last_archive_has_the_marker);
	TAP_RUN(a_program_is_over_the_base_and_its_libraries_are_in_it);
	TAP_RUN(each_has_entries_for_the_folders_that_it_needs);
	TAP_RUN(a_name_is_taken_in_both);
	return tap_done();
}
