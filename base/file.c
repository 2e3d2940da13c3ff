/* SPDX-License-Identifier: GPL-2.0-only */
/* Files as a whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"

int file_map(const char *path, struct file_map *ret, struct err *e)
{
	/* O_NONBLOCK: a FIFO must give an error, not wait for a writer */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *p;

	if (fd < 0)
		return err_sys(e, -errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "stat %s", path);
	if (S_ISDIR(st.st_mode))
		return err_sys(e, -EISDIR, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "open %s: not a regular file", path);
	if (st.st_size == 0) {
		*ret = (struct file_map)FILE_MAP_INIT;
		return 0;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, -errno, "map %s", path);
	*ret = (struct file_map){ .data = p, .size = (size_t)st.st_size };
	return 0;
}

void file_unmap(struct file_map *m)
{
	if (m->data)
		munmap((void *)m->data, m->size);
	*m = (struct file_map)FILE_MAP_INIT;
}

int file_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int file_new_open(const char *path, struct file_new *ret, struct err *e)
{
	struct file_new f = FILE_NEW_INIT;
	int r = -ENOMEM;

	f.path = strdup(path);
	if (!f.path || asprintf(&f.tmp, "%s.XXXXXX", path) < 0) {
		f.tmp = NULL;
		file_new_close(&f);
		return err_sys(e, r, "write %s", path);
	}
	f.fd = mkostemp(f.tmp, O_CLOEXEC);
	if (f.fd < 0) {
		r = err_sys(e, -errno, "create %s", path);
		free(take_ptr(f.tmp));		/* nothing to remove */
		file_new_close(&f);
		return r;
	}
	*ret = f;
	return 0;
}

int file_new_commit(struct file_new *f, mode_t mode, struct err *e)
{
	if (fchmod(f->fd, mode) < 0 || rename(f->tmp, f->path) < 0)
		return err_sys(e, -errno, "write %s", f->path);
	free(take_ptr(f->tmp));
	return 0;
}

void file_new_close(struct file_new *f)
{
	close_fd(&f->fd);
	if (f->tmp)
		unlink(f->tmp);
	free(f->tmp);
	free(f->path);
	*f = (struct file_new)FILE_NEW_INIT;
}

int file_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	_cleanup_(file_new_close) struct file_new f = FILE_NEW_INIT;
	int r = file_new_open(path, &f, e);

	if (r < 0)
		return r;
	r = file_write_all(f.fd, bytes, n);
	return r < 0 ? err_sys(e, r, "write %s", path) : file_new_commit(&f, mode, e);
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return err_sys(e, -ENOMEM, "mkdir %s", path);
	for (char *p = copy + 1; *copy; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "mkdir %s", copy);
		if (c == '\0')
			break;
		*p = c;
	}
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path) < 0 ? -errno : 0;
}

int file_remove_tree(const char *path, struct err *e)
{
	int r = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (r == -1 && errno == ENOENT)
		return 0;
	if (r == -1)
		r = -errno;
	return r < 0 ? err_sys(e, r, "remove %s", path) : 0;
}
