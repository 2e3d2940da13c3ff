/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding or making the index of a kernel. */
#include "loop/kernel_index.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "monitor/kindex.h"

/* NULL: no memory, or there is no such file. */
static char *beside(const char *image)
{
	const char *slash = strrchr(image, '/');
	char *path;

	if (asprintf(&path, "%.*s" KERNEL_INDEX_NAME, slash ? (int)(slash - image) + 1 : 0,
		     image) < 0)
		return NULL;
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* Where an index of this file is kept; NULL when nothing can be. */
static char *cached(const char *image)
{
	_cleanup_free_ char *cache = NULL, *dir = NULL;
	struct stat st;
	char *path;

	if (kernel_cache_dir(&cache, NULL) < 0 || stat(image, &st) < 0)
		return NULL;
	if (asprintf(&dir, "%s/index", cache) < 0) {
		dir = NULL;
		return NULL;
	}
	if (file_mkdirs(dir, 0755, NULL) < 0 ||
	    asprintf(&path, "%s/%lx-%lx-%lx-%lx.%lx-%lx.%lx", dir, (long)st.st_dev,
		     (long)st.st_ino, (long)st.st_size, (long)st.st_mtim.tv_sec,
		     st.st_mtim.tv_nsec, (long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec) < 0)
		return NULL;
	return path;
}

static int make_from(const char *image, struct buf *ret, struct err *e)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_(buf_fini) struct buf payload = BUF_INIT;
	int r = file_map(image, &m, e);

	if (r < 0)
		return r;
	if (m.size > SELFMAG && !memcmp(m.data, ELFMAG, SELFMAG))
		return kindex_build(m.data, m.size, ret, e);
	r = kernel_read_payload(image, &payload, e);
	return r < 0 ? r : kindex_build(payload.data, payload.len, ret, e);
}

/* The file in dir that was written longest ago; the number of files. */
static unsigned oldest(const char *dir, char path[PATH_MAX])
{
	struct timespec first = { 0 };
	unsigned count = 0;
	DIR *d = opendir(dir);

	for (struct dirent *entry; d && (entry = readdir(d));) {
		char name[PATH_MAX] = "";
		struct stat st;

		if (snprintf(name, sizeof(name), "%s/%s", dir, entry->d_name) >= PATH_MAX ||
		    lstat(name, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (count++ && (st.st_mtim.tv_sec > first.tv_sec ||
				(st.st_mtim.tv_sec == first.tv_sec &&
				 st.st_mtim.tv_nsec >= first.tv_nsec)))
			continue;
		first = st.st_mtim;
		memcpy(path, name, PATH_MAX);
	}
	if (d)
		closedir(d);
	return count;
}

/* Kernels that are built again and again must not fill the disk. */
static void sweep(const char *store)
{
	_cleanup_free_ char *dir = strdup(store);
	char path[PATH_MAX];

	if (!dir)
		return;
	*strrchr(dir, '/') = '\0';
	while (oldest(dir, path) > KERNEL_INDEX_KEPT)
		if (unlink(path) < 0)
			return;
}

static int make(const char *image, const char *store, struct kindex **ret, struct err *e)
{
	struct buf bytes = BUF_INIT;
	struct err why = ERR_INIT;
	int r = make_from(image, &bytes, e);

	if (r < 0) {
		buf_fini(&bytes);
		return r;
	}
	if (store && file_write_atomic(store, bytes.data, bytes.len, 0644, &why) < 0)
		log_info("index of the kernel is not kept: %s", err_text(&why));
	else if (store)
		sweep(store);
	return kindex_open(&bytes, ret, e);
}

int kernel_index_open(const char *image, struct kindex **ret, struct err *e)
{
	_cleanup_free_ char *near = beside(image), *store = NULL;
	int r;

	if (near)
		return kindex_open_file(near, ret, e);
	store = cached(image);
	if (store && access(store, R_OK) == 0 && kindex_open_file(store, ret, NULL) == 0)
		return 0;
	r = make(image, store, ret, e);
	return r < 0 ? err_ctx(e, r, "%s", image) : 0;
}
