/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders for the kernel cache: copying them and telling whether they are the same. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"

#define SEND_MAX (16 * MIB)

int kernel_copy_file(const char *from, const char *to, struct err *e)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_close_ int out = -1;
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, -errno, "open %s", from);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "open %s: not a regular file", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return err_sys(e, -errno, "create %s", to);
	do
		n = sendfile(out, in, NULL, SEND_MAX);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_sys(e, -errno, "copy %s to %s", from, to);
	/* a full disk may be told only now, on some network file systems */
	return close(take_fd(&out)) < 0 ? err_sys(e, -errno, "write %s", to) : 0;
}

static void cleanup_fts(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

static FTS *open_tree(const char *root)
{
	char *const roots[] = { (char *)root, NULL };

	return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
}

static int copy_entry(const FTSENT *ent, const char *path, struct err *e)
{
	switch (ent->fts_info) {
	case FTS_D:
		return file_mkdirs(path, 0755, e);
	case FTS_F:
		return kernel_copy_file(ent->fts_path, path, e);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return err_sys(e, -ent->fts_errno, "read %s", ent->fts_path);
	default:
		return 0;
	}
}

int kernel_copy_tree(const char *from, const char *to, struct err *e)
{
	_cleanup_(cleanup_fts) FTS *fts = open_tree(from);
	FTSENT *ent;
	int r = 0;

	if (!fts)
		return err_sys(e, -errno, "read %s", from);
	while (r == 0 && (errno = 0, ent = fts_read(fts))) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", to, ent->fts_path + strlen(from)) < 0)
			return err_sys(e, -ENOMEM, "copy %s", from);
		r = copy_entry(ent, path, e);
	}
	if (r == 0 && errno)
		return err_sys(e, -errno, "read %s", from);
	return r;
}

/* 1 when both have the same bytes; a missing one is different. */
static int same_file(const char *a, const char *b, struct err *e)
{
	_cleanup_(file_unmap) struct file_map x = FILE_MAP_INIT, y = FILE_MAP_INIT;
	int r = file_map(a, &x, e);

	if (r == 0)
		r = file_map(b, &y, e);
	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR)
		return 0;
	if (r < 0)
		return r;
	return x.size == y.size && (!x.size || !memcmp(x.data, y.data, x.size));
}

/*
 * Is each file of a in b too, with the same content? Counts them. Entries are
 * never written to again, hence no file can shrink under the mapping.
 */
static int contained(const char *a, const char *b, size_t *ret_files, struct err *e)
{
	_cleanup_(cleanup_fts) FTS *fts = open_tree(a);
	size_t files = 0;
	FTSENT *ent;

	if (!fts)
		return err_sys(e, -errno, "read %s", a);
	while ((errno = 0, ent = fts_read(fts))) {
		_cleanup_free_ char *path = NULL;
		int r;

		if (ent->fts_info != FTS_F)
			continue;
		files++;
		if (ent->fts_level == 1 && !strcmp(ent->fts_name, KERNEL_JSON))
			continue;
		if (!b)
			continue;
		if (asprintf(&path, "%s%s", b, ent->fts_path + strlen(a)) < 0)
			return err_sys(e, -ENOMEM, "compare %s", a);
		r = same_file(ent->fts_path, path, e);
		if (r <= 0)
			return r;
	}
	*ret_files = files;
	return errno ? err_sys(e, -errno, "read %s", a) : 1;
}

int kernel_same_tree(const char *a, const char *b, struct err *e)
{
	size_t in_a = 0, in_b = 0;
	int r = contained(a, b, &in_a, e);

	if (r == 1)
		r = contained(b, NULL, &in_b, e);
	return r == 1 ? in_a == in_b : r;
}
