/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The archive and the table of its entries: every path once, below folders
 * that have entries of their own.
 */
#include "boot/initramfs_private.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"

static int compare_entries(const void *a, const void *b)
{
	const struct initramfs_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static void free_entry(void *p)
{
	struct initramfs_entry *ent = p;

	if (!ent)
		return;
	free(ent->path);
	free(ent->host);
	buf_fini(&ent->bytes);
	free(ent);
}

int initramfs_create(struct initramfs **ret, struct err *e)
{
	struct initramfs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return err_sys(e, -ENOMEM, "initramfs");
	*ret = fs;
	return 0;
}

int initramfs_create_over(struct initramfs *base, struct initramfs **ret, struct err *e)
{
	int r = initramfs_create(ret, e);

	assert(!base->over && !base->finished);
	if (r < 0)
		return r;
	(*ret)->base = base;
	base->over = *ret;
	return 0;
}

void initramfs_destroy(struct initramfs *fs)
{
	if (!fs)
		return;
	if (fs->base)
		fs->base->over = NULL;
	tdestroy(fs->tree, free_entry);
	free(fs->entry);
	free(fs->libs);
	free(fs);
}

/* --- paths ---------------------------------------------------------------- */

int initramfs_clean_path(const char *path, bool dotdot, char **ret, struct err *e)
{
	_cleanup_free_ char *out = NULL;
	size_t len = 0;

	if (path[0] != '/')
		return err_set(e, -EINVAL, "add \"%s\": not an absolute path in the guest", path);
	out = malloc(strlen(path) + 2);
	if (!out)
		return err_sys(e, -ENOMEM, "add %s", path);
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !memcmp(p, "..", 2)) {
			if (!dotdot)
				return err_set(e, -EINVAL, "add %s: \"..\" in the guest's path",
					       path);
			while (len && out[--len] != '/')
				;
		} else if (n > NAME_MAX) {
			return err_sys(e, -ENAMETOOLONG, "add %s", path);
		} else if (n && !(n == 1 && *p == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n + (p[n] == '/');
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	if (len >= PATH_MAX)	/* init/initramfs.c skips longer names */
		return err_sys(e, -ENAMETOOLONG, "add %s", path);
	*ret = take_ptr(out);
	return 0;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (path[n] == '\0' || path[n] == '/');
}

int initramfs_check_user_path(const char *guest, struct err *e)
{
	static const char *const ours[] = {
		INITRAMFS_PRIVATE, INITRAMFS_MARKER, "/init", "/scheduler", "/staging",
		"/dev", "/proc", "/sys",
	};
	_cleanup_free_ char *path = NULL;
	int r = initramfs_clean_path(guest, false, &path, e);

	if (r < 0)
		return r;
	if (!strcmp(path, "/"))
		return err_set(e, -EINVAL, "add %s: not the name of a file", guest);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (is_below(path, ours[i]))
			return err_set(e, -EINVAL, "add %s: %s is reserved in the guest", guest,
				       ours[i]);
	return 0;
}

struct initramfs_entry *initramfs_find(const struct initramfs *fs, const char *path)
{
	struct initramfs_entry key = { .path = (char *)path };
	void *node = tfind(&key, &fs->tree, compare_entries);

	return node ? *(struct initramfs_entry **)node : NULL;
}

/* --- entries -------------------------------------------------------------- */

/* Both archives may have a folder; anything else would replace what the other one has. */
static int check_other(const struct initramfs *fs, const char *path, mode_t mode, struct err *e)
{
	const struct initramfs *other = fs->base ? fs->base : fs->over;
	const struct initramfs_entry *ent = other ? initramfs_find(other, path) : NULL;

	if (!ent || (S_ISDIR(ent->mode) && S_ISDIR(mode)))
		return 0;
	return err_set(e, -EEXIST, "add %s: the path is taken by something else", path);
}

static int append(struct initramfs *fs, const char *path, mode_t mode,
		  struct initramfs_entry **ret, struct err *e)
{
	struct initramfs_entry *ent = calloc(1, sizeof(*ent));
	struct initramfs_entry **grown;

	if (ent)
		ent->path = strdup(path);
	grown = reallocarray(fs->entry, fs->count + 1, sizeof(*grown));
	if (grown)
		fs->entry = grown;
	if (!ent || !ent->path || !grown || !tsearch(ent, &fs->tree, compare_entries)) {
		free_entry(ent);
		return err_sys(e, -ENOMEM, "add %s", path);
	}
	ent->mode = mode;
	grown[fs->count++] = ent;
	*ret = ent;
	return 0;
}

/* Entries for the folders above path, as far as they are missing. */
static int add_ancestors(struct initramfs *fs, const char *path, struct err *e)
{
	_cleanup_free_ char *copy = strdup(path);
	struct initramfs_entry *ent;
	int r;

	if (!copy)
		return err_sys(e, -ENOMEM, "add %s", path);
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		ent = initramfs_find(fs, copy);
		if (ent && !S_ISDIR(ent->mode))
			return err_set(e, -ENOTDIR, "add %s: %s is in the archive and not a folder",
				       path, copy);
		if (!ent) {
			r = check_other(fs, copy, S_IFDIR, e);
			if (r == 0)
				r = append(fs, copy, S_IFDIR | 0755, &ent, e);
			if (r < 0)
				return r;
		}
		*p = '/';
	}
	return 0;
}

int initramfs_new_entry(struct initramfs *fs, const char *path, mode_t mode,
			struct initramfs_entry **ret, struct err *e)
{
	int r;

	assert(!fs->finished);
	r = check_other(fs, path, mode, e);
	if (r == 0)
		r = add_ancestors(fs, path, e);
	return r < 0 ? r : append(fs, path, mode, ret, e);
}

/* Does the entry have this content? 1 or 0. */
static int has_content(const struct initramfs_entry *ent, const void *bytes, size_t n,
		       struct err *e)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	int r;

	if (ent->host && (uint64_t)ent->st.st_size != n)
		return 0;
	r = initramfs_read_entry(ent, &b, e);
	if (r < 0)
		return r;
	return b.len == n && (!n || !memcmp(b.data, bytes, n));
}

/* Add path with this content, unless it is there already. */
static int add_content(struct initramfs *fs, const char *guest, const void *bytes, size_t n,
		       mode_t mode, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	struct initramfs_entry *ent;
	int r = initramfs_clean_path(guest, false, &path, e);

	if (r < 0)
		return r;
	if (!strcmp(path, INITRAMFS_MARKER))
		return err_set(e, -EINVAL, "add %s: the name is reserved", path);
	if (!strcmp(path, "/"))
		return S_ISDIR(mode) ? 0 : err_set(e, -EISDIR, "add /: it is the root folder");
	ent = initramfs_find(fs, path);
	if (ent && S_ISDIR(mode) && S_ISDIR(ent->mode))
		return 0;
	if (ent) {
		r = ent->mode == mode ? has_content(ent, bytes, n, e) : 0;
		if (r == 0)
			r = err_set(e, -EEXIST, "add %s: the path is taken by something else",
				    path);
		return r < 0 ? r : 0;
	}
	r = initramfs_new_entry(fs, path, mode, &ent, e);
	if (r < 0)
		return r;
	buf_add(&ent->bytes, bytes, n);
	return buf_ok(&ent->bytes) ? 0 : err_sys(e, -ENOMEM, "add %s", path);
}

int initramfs_add_bytes(struct initramfs *fs, const char *guest, const void *bytes, size_t n,
			mode_t mode, struct err *e)
{
	return add_content(fs, guest, bytes, n, S_IFREG | (mode & 07777), e);
}

int initramfs_add_symlink(struct initramfs *fs, const char *guest, const char *target,
			  struct err *e)
{
	size_t n = strlen(target);

	if (!n || n >= PATH_MAX)
		return err_set(e, -EINVAL, "add %s: a link to a name of %zu bytes", guest, n);
	return add_content(fs, guest, target, n, S_IFLNK | 0777, e);
}

int initramfs_add_dir(struct initramfs *fs, const char *guest, struct err *e)
{
	return add_content(fs, guest, NULL, 0, S_IFDIR | 0755, e);
}
