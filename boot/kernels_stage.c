/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder in which an import is put together. Its maker holds a lock on it
 * for as long as it lives, hence one that can be locked is left over and may
 * be removed. A folder that a sweep takes away before its maker has locked it
 * is noticed by the maker, who then makes another one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "boot/kernels_private.h"

#define ATTEMPTS_MAX 100

/* Is path still the folder that fd is? */
static bool is_same(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* 1: made and locked, 0: swept meanwhile. */
static int try_create(const char *entries_dir, struct kernel_stage *s, struct err *e)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&dir, "%s/" KERNEL_STAGE_PREFIX "%d.XXXXXX", entries_dir, (int)getpid()) < 0)
		return err_sys(e, -ENOMEM, "%s", entries_dir);
	if (!mkdtemp(dir))
		return err_sys(e, -errno, "create %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT) {
		int r = -errno;

		rmdir(dir);
		return err_sys(e, r, "open %s", dir);
	}
	if (fd < 0)
		return 0;
	/* where there are no locks, nothing is swept either */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return 0;
	if (!is_same(fd, dir))
		return 0;
	s->dir = take_ptr(dir);
	s->lock_fd = take_fd(&fd);
	return 1;
}

int kernel_stage_create(const char *entries_dir, struct kernel_stage *ret, struct err *e)
{
	struct kernel_stage s = KERNEL_STAGE_INIT;
	int r = file_mkdirs(entries_dir, 0755, e);

	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < ATTEMPTS_MAX; i++)
		r = try_create(entries_dir, &s, e);
	if (r == 0)
		return err_set(e, -EBUSY, "create %s/" KERNEL_STAGE_PREFIX "*: something "
			       "removes it", entries_dir);
	if (r < 0)
		return r;
	if (fchmod(s.lock_fd, 0755) < 0) {	/* it becomes the entry; mkdtemp made it 0700 */
		r = err_sys(e, -errno, "chmod %s", s.dir);
		kernel_stage_destroy(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void kernel_stage_destroy(struct kernel_stage *s)
{
	if (s->dir)
		(void)file_remove_tree(s->dir, NULL);	/* the next sweep tries again */
	free(s->dir);
	close_fd(&s->lock_fd);
	*s = (struct kernel_stage)KERNEL_STAGE_INIT;
}

static int is_stage(const struct dirent *d)
{
	return !strncmp(d->d_name, KERNEL_STAGE_PREFIX, strlen(KERNEL_STAGE_PREFIX));
}

/* What it takes on the disk; a file that is linked twice counts twice. */
static uint64_t tree_bytes(const char *path)
{
	char *const roots[] = { (char *)path, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	uint64_t bytes = 0;
	FTSENT *ent;

	while (fts && (ent = fts_read(fts)))
		if (ent->fts_info != FTS_DP && ent->fts_info != FTS_NS)
			bytes += (uint64_t)ent->fts_statp->st_blocks * 512;
	if (fts)
		fts_close(fts);
	return bytes;
}

static bool remove_left_over(const char *path, uint64_t *ret_bytes)
{
	struct err e = ERR_INIT;

	*ret_bytes = tree_bytes(path);
	log_notice("removing %s: %" PRIu64 " MiB that an import or a build left", path,
		   *ret_bytes / MIB);
	if (file_remove_tree(path, &e) == 0)
		return true;
	log_notice("%s", err_text(&e));
	return false;
}

void kernel_stage_sweep(const char *entries_dir, struct kernel_swept *ret)
{
	struct dirent **names;
	int n = scandir(entries_dir, &names, is_stage, alphasort);

	if (ret)
		*ret = (struct kernel_swept){ 0 };
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = kernel_path_if_exists(entries_dir, names[i]->d_name);
		_cleanup_close_ int fd = -1;
		uint64_t bytes;

		free(names[i]);
		if (path)
			fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !remove_left_over(path, &bytes))
			continue;
		if (ret) {
			ret->stages++;
			ret->bytes += bytes;
		}
	}
	if (n >= 0)
		free(names);
}
