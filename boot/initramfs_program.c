/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program with all that it needs to start. The guest has no ld.so.cache and
 * no LD_LIBRARY_PATH, and the program may lie somewhere else there: a library
 * that its loader would then not find gets a link in a default folder.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs_private.h"

/* Is the library found in the guest by the same rule as here? */
static bool found_again(const struct closure *c, const struct closure_lib *lib, const char *guest)
{
	size_t n = (size_t)(strrchr(guest, '/') - guest);

	if (lib->default_dir || lib->via == CLOSURE_PATH)
		return true;
	if (lib->via != CLOSURE_RPATH && lib->via != CLOSURE_RUNPATH)
		return false;
	if (strstr(lib->path, "/../"))		/* the folder before it may not be there */
		return false;
	if (!lib->main_origin)
		return true;
	return n && strlen(c->origin) == n && !memcmp(c->origin, guest, n);
}

static int link_library(struct initramfs *fs, const struct closure *c,
			const struct closure_lib *lib, struct err *e)
{
	_cleanup_free_ char *at = NULL, *target = NULL;
	int r = initramfs_clean_path(lib->path, true, &target, e);

	if (r < 0)
		return r;
	if (asprintf(&at, "%s/%s", c->link_dir, lib->soname) < 0)
		return err_sys(e, -ENOMEM, "add %s", lib->path);
	if (!strcmp(at, target))
		return 0;
	r = initramfs_add_symlink(fs, at, target, e);
	if (r == -EEXIST)
		return err_set(e, r, "%s is needed in %s, where there is another one",
			       lib->path, at);
	return r;
}

/*
 * The loader at its real place, with a link where PT_INTERP wants it: ktstr
 * may run in the guest and pack again, and then derives the loader's default
 * folders from that place.
 */
static int add_interp(struct initramfs *fs, const char *interp, struct err *e)
{
	_cleanup_free_ char *real = realpath(interp, NULL);
	int r;

	if (!real || !strcmp(real, interp))
		return initramfs_add_library(fs, interp, interp, e);
	r = initramfs_add_library(fs, real, real, e);
	return r < 0 ? r : initramfs_add_symlink(fs, interp, real, e);
}

static int add_libraries(struct initramfs *fs, const struct closure *c, const char *guest,
			 struct err *e)
{
	int r;

	if (fs->base)
		fs = fs->base;
	r = c->interp ? add_interp(fs, c->interp, e) : 0;
	for (size_t i = 0; i < c->count && r == 0; i++) {
		const struct closure_lib *lib = &c->lib[i];

		r = initramfs_add_library(fs, lib->path, lib->path, e);
		if (r == 0 && !found_again(c, lib, guest))
			r = link_library(fs, c, lib, e);
	}
	return r;
}

int initramfs_add_program(struct initramfs *fs, const char *guest, const char *host,
			  struct err *e)
{
	_cleanup_(closure_fini) struct closure c = { 0 };
	_cleanup_free_ char *clean = NULL;
	int r = initramfs_clean_path(guest, false, &clean, e);

	if (r == 0)
		r = closure_resolve(host, &c, e);
	if (r == 0)
		r = initramfs_add_file(fs, clean, host, e);
	if (r < 0)
		return r;
	r = add_libraries(fs, &c, clean, e);
	return r < 0 ? err_ctx(e, r, "%s", host) : 0;
}
