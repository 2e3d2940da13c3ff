/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Import: a kernel's files are put together in a stage, compared with what is
 * there already, and appear in the cache by a rename.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "boot/kernels_private.h"

#define KEY_MAX 200
#define COPIES_MAX 1000		/* kernels with the same release */

/* An import under way. */
struct import {
	const struct kernel_import_request *q;
	const char *path;		/* q->path: what the user named */
	char *entries;			/* the folder of all entries */
	struct kernel_stage stage;
	struct kernel_parts parts;
	bool move;			/* parts lie in the stage: rename them */
	char *key;			/* without -N */
	struct err *e;
};

static void import_fini(struct import *im)
{
	kernel_parts_fini(&im->parts);
	kernel_stage_destroy(&im->stage);
	free(im->entries);
	free(im->key);
}

/* --- publishing ----------------------------------------------------------- */

/* A file name from a release, or from the source's name when there is none. */
static int make_key(struct import *im)
{
	const char *slash = strrchr(im->path, '/');
	const char *from = im->q->key ? im->q->key : im->parts.release;

	if (!from)
		from = slash && slash[1] ? slash + 1 : im->path;
	im->key = strndup(from, KEY_MAX);
	if (!im->key)
		return err_sys(im->e, -ENOMEM, "import %s", im->path);
	for (char *p = im->key; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._+-", *p))
			*p = '_';
	if (im->key[0] == '.')		/* hidden names are stages */
		im->key[0] = '_';
	return 0;
}

static int write_json(struct import *im, const char *key)
{
	_cleanup_free_ char *real = realpath(im->path, NULL);
	const char *source = im->q->source ? im->q->source : real ? real : im->path;
	const struct kernel k = {
		.key = (char *)key, .release = im->parts.release, .source = (char *)source,
		.files_built = im->q->files_built,
	};

	return kernel_json_write(im->stage.dir, &k, im->e);
}

/* Is the entry what the stage is? */
static int is_same(const struct import *im, const char *key)
{
	_cleanup_free_ char *dir = kernel_path_if_exists(im->entries, key);

	return dir ? kernel_same_tree(im->stage.dir, dir, im->e) : 0;
}

/* 1 with *ret_key when an entry of this release has the same content. */
static int find_same(const struct import *im, char **ret_key)
{
	struct dirent **names;
	int n = scandir(im->entries, &names, NULL, versionsort), r = 0;

	if (n < 0)
		return err_sys(im->e, -errno, "read %s", im->entries);
	for (int i = 0; i < n; i++) {
		char *name = names[i]->d_name;

		if (r == 0 && !strncmp(name, im->key, strlen(im->key)))
			r = is_same(im, name);
		if (r == 1 && !*ret_key)
			*ret_key = strdup(name);
		free(names[i]);
	}
	free(names);
	return r == 1 && !*ret_key ? err_sys(im->e, -ENOMEM, "import %s", im->path) : r;
}

/* 1: the stage is now the entry, 0: the name is taken. */
static int rename_stage(struct import *im, const char *key)
{
	_cleanup_free_ char *to = NULL;

	if (asprintf(&to, "%s/%s", im->entries, key) < 0)
		return err_sys(im->e, -ENOMEM, "import %s", im->path);
	/* a folder that is not empty is never replaced: see rename(2) */
	if (rename(im->stage.dir, to) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
			return 0;
		return err_sys(im->e, -errno, "rename %s to %s", im->stage.dir, to);
	}
	free(im->stage.dir);
	im->stage.dir = NULL;
	return 1;
}

/*
 * Give the stage the first free name. Another import may have taken it between
 * our look and the rename, with the same content even.
 */
static int publish(struct import *im, char **ret_key)
{
	int r = write_json(im, im->key);

	if (r == 0)
		r = find_same(im, ret_key);
	for (unsigned n = 1; r == 0 && n <= COPIES_MAX; n++) {
		_cleanup_free_ char *key = NULL;

		if (n == 1 ? !(key = strdup(im->key)) : asprintf(&key, "%s-%u", im->key, n) < 0)
			return err_sys(im->e, -ENOMEM, "import %s", im->path);
		r = write_json(im, key);
		if (r == 0)
			r = rename_stage(im, key);
		if (r == 0)
			r = is_same(im, key);
		if (r == 1)
			*ret_key = take_ptr(key);
	}
	if (r == 0)
		return err_set(im->e, -EEXIST, "import %s: there are %d kernels %s already",
			       im->path, COPIES_MAX, im->key);
	return r < 0 ? r : 0;
}

/* Under exactly this key: the caller holds its lock. */
static int publish_as_key(struct import *im, char **ret_key)
{
	_cleanup_free_ char *to = NULL;
	int r = write_json(im, im->key);

	if (r == 0)
		r = rename_stage(im, im->key);
	if (r == 0 && im->q->replace) {
		if (asprintf(&to, "%s/%s", im->entries, im->key) < 0)
			return err_sys(im->e, -ENOMEM, "import %s", im->path);
		/* the old one goes with the stage; who has its files open keeps them */
		if (renameat2(AT_FDCWD, im->stage.dir, AT_FDCWD, to, RENAME_EXCHANGE) < 0)
			return err_sys(im->e, -errno, "replace %s", to);
	}
	if (r < 0)
		return r;
	*ret_key = strdup(im->key);
	return *ret_key ? 0 : err_sys(im->e, -ENOMEM, "import %s", im->path);
}

/* --- import --------------------------------------------------------------- */

/* Packages are unpacked into the stage, everything else is looked at where it is. */
static int gather(struct import *im)
{
	_cleanup_free_ char *unpacked = NULL;
	bool package = kernel_is_package(im->path);
	int r = package ? 0 : kernel_parts_find(im->path, &im->parts, im->e);

	if (r < 0)
		return r;
	if (!package && im->q->more_count)
		return err_set(im->e, -EINVAL, "%s: not a package, so it cannot go together with "
			       "%s", im->path, im->q->more[0]);
	kernel_stage_sweep(im->entries, NULL);
	r = kernel_stage_create(im->entries, &im->stage, im->e);
	if (r < 0 || !package)
		return r;
	im->move = true;
	if (asprintf(&unpacked, "%s/unpacked", im->stage.dir) < 0)
		return err_sys(im->e, -ENOMEM, "import %s", im->path);
	r = file_mkdirs(unpacked, 0755, im->e);
	if (r == 0)
		r = kernel_unpack_package(im->path, unpacked, im->e);
	for (size_t i = 0; r == 0 && i < im->q->more_count; i++)
		r = kernel_unpack_package(im->q->more[i], unpacked, im->e);
	if (r == 0) {
		r = kernel_parts_find(unpacked, &im->parts, im->e);
		if (r == -ENOENT)
			r = err_set(im->e, r, "no kernel in the package %s (does it only depend "
				    "on one that has it? then import that one)", im->path);
	}
	return r;
}

/* Ubuntu and Fedora have image and modules in packages of their own. */
static void tell_what_is_missing(const struct kernel *k)
{
	char modules = kernel_config_value(k, "CONFIG_MODULES");

	if (modules != 'n' && !kernel_has_modules(k))
		log_notice("%s: no modules in the package; if another one has them "
			   "(linux-modules-*, kernel-modules-core-*), import both together",
			   k->key);
}

int kernel_import_as(const struct kernel_import_request *q, struct kernel *ret, struct err *e)
{
	_cleanup_(import_fini) struct import im = {
		.q = q, .path = q->path, .stage = KERNEL_STAGE_INIT, .e = e,
	};
	_cleanup_free_ char *key = NULL, *unpacked = NULL;
	int r = kernel_entries_dir(&im.entries, e);

	if (r == 0)
		r = gather(&im);
	if (r == 0)
		r = kernel_fill_stage(&(struct kernel_fill){
			.stage = im.stage.dir, .parts = &im.parts, .move = im.move,
			.path = im.path, .e = e,
		});
	if (r == 0 && im.move) {
		unpacked = kernel_path_if_exists(im.stage.dir, "unpacked");
		r = unpacked ? file_remove_tree(unpacked, e) : 0;
	}
	if (r == 0)
		r = make_key(&im);
	if (r == 0)
		r = q->key ? publish_as_key(&im, &key) : publish(&im, &key);
	if (r < 0)
		return r;
	r = kernel_entry_load(im.entries, key, ret, e);
	if (r == 0 && im.move)
		tell_what_is_missing(ret);
	return r;
}

int kernel_import(const char *const *paths, size_t count, struct kernel *ret, struct err *e)
{
	const struct kernel_import_request q = {
		.path = paths[0], .more = paths + 1, .more_count = count - 1,
	};

	return kernel_import_as(&q, ret, e);
}
