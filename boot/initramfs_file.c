/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of the host: which may be packed, and reading them when they are. They
 * are read and not mapped, because a file that another process truncates while
 * we look at its mapping would kill us with SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs_private.h"

#define CHUNK_MAX MIB
/* files of procfs say that they are empty; take what they have up to here */
#define UNSIZED_MAX (16 * MIB)

static const char *kind_name(mode_t mode)
{
	static const struct {
		mode_t type;
		const char *name;
	} kinds[] = {
		{ S_IFDIR, "a folder" },
		{ S_IFCHR, "a device" },
		{ S_IFBLK, "a device" },
		{ S_IFIFO, "a FIFO" },
		{ S_IFSOCK, "a socket" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((mode & S_IFMT) == kinds[i].type)
			return kinds[i].name;
	return "not a regular file";
}

int initramfs_open_host(const char *host, int *ret_fd, struct stat *ret_st, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* looked at before it is opened: opening a device may do something */
	if (stat(host, &st) < 0)
		return err_sys(e, -errno, "add %s", host);
	if (S_ISREG(st.st_mode)) {
		fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return err_sys(e, -errno, "add %s", host);
		if (fstat(fd, &st) < 0)
			return err_sys(e, -errno, "add %s", host);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(e, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
			       "add %s: it is %s, only regular files can be packed", host,
			       kind_name(st.st_mode));
	*ret_fd = take_fd(&fd);
	*ret_st = st;
	return 0;
}

static ssize_t read_some(int fd, void *at, size_t n)
{
	ssize_t got;

	do
		got = read(fd, at, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* Append a file. One that grows meanwhile is cut at size, one that shrinks is an error. */
static int read_into(struct buf *b, int fd, const char *host, uint64_t size, struct err *e)
{
	uint64_t limit = size ? size : UNSIZED_MAX, got = 0;

	if (size && !buf_reserve(b, size))
		return err_sys(e, -ENOMEM, "add %s", host);
	while (got < limit) {
		size_t want = MIN(limit - got, CHUNK_MAX);
		void *at = buf_reserve(b, want);
		ssize_t n;

		if (!at)
			return err_sys(e, -ENOMEM, "add %s", host);
		n = read_some(fd, at, want);
		if (n < 0)
			return err_sys(e, (int)n, "add %s", host);
		if (n == 0)
			break;
		b->len += (size_t)n;
		got += (uint64_t)n;
	}
	if (got < size)
		return err_set(e, -EIO, "add %s: it shrank from %llu to %llu bytes meanwhile",
			       host, (unsigned long long)size, (unsigned long long)got);
	return 0;
}

bool initramfs_same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int initramfs_read_entry(const struct initramfs_entry *ent, struct buf *b, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!ent->host) {
		buf_add(b, ent->bytes.data, ent->bytes.len);
		return buf_ok(b) ? 0 : err_sys(e, -ENOMEM, "add %s", ent->path);
	}
	r = initramfs_open_host(ent->host, &fd, &st, e);
	if (r == 0)
		r = read_into(b, fd, ent->host, (uint64_t)ent->st.st_size, e);
	if (r < 0)
		return r;
	/* its time is looked at behind the reading: what was read is what it was */
	if (fstat(fd, &st) < 0 || !initramfs_same_stat(&st, &ent->st))
		return err_set(e, -EIO, "add %s: it changed meanwhile", ent->host);
	return 0;
}

/* Does the entry have what the file has? 1 or 0. */
static int same_content(const struct initramfs_entry *ent, const char *host, int fd,
			const struct stat *st, struct err *e)
{
	_cleanup_(buf_fini) struct buf a = BUF_INIT, b = BUF_INIT;
	int r;

	if (ent->mode != (S_IFREG | (st->st_mode & 07777)))
		return 0;
	if (ent->host && initramfs_same_stat(&ent->st, st))
		return 1;
	if (st->st_size && (ent->host ? (uint64_t)ent->st.st_size : ent->bytes.len) !=
				   (uint64_t)st->st_size)
		return 0;
	r = read_into(&b, fd, host, (uint64_t)st->st_size, e);
	if (r == 0)
		r = initramfs_read_entry(ent, &a, e);
	if (r < 0)
		return r;
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

/* An opened host file at a clean path. */
static int add_opened(struct initramfs *fs, const char *path, const char *host, int fd,
		      const struct stat *st, struct initramfs_entry **ret, struct err *e)
{
	mode_t mode = S_IFREG | (st->st_mode & 07777);
	struct initramfs_entry *ent = initramfs_find(fs, path);
	int r;

	if (ent) {
		*ret = ent;
		r = same_content(ent, host, fd, st, e);
		if (r == 0)
			return err_set(e, -EEXIST, "add %s: %s is something else already", host,
				       path);
		return r < 0 ? r : 0;
	}
	if (st->st_size > UINT32_MAX)	/* a word of the archive's format */
		return err_sys(e, -EFBIG, "add %s: %lld bytes", host, (long long)st->st_size);
	r = initramfs_new_entry(fs, path, mode, &ent, e);
	if (r < 0)
		return r;
	*ret = ent;
	/* it does not tell its size, nor whether it changes: read it now */
	if (!st->st_size)
		return read_into(&ent->bytes, fd, host, 0, e);
	ent->st = *st;
	ent->host = strdup(host);
	return ent->host ? 0 : err_sys(e, -ENOMEM, "add %s", host);
}

int initramfs_add_file(struct initramfs *fs, const char *guest, const char *host, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct initramfs_entry *ent;
	struct stat st;
	int r = initramfs_clean_path(guest, false, &path, e);

	if (r < 0)
		return r;
	if (!strcmp(path, INITRAMFS_MARKER) || !strcmp(path, "/"))
		return err_set(e, -EINVAL, "add %s: %s is reserved in the guest", host, path);
	r = initramfs_open_host(host, &fd, &st, e);
	if (r < 0)
		return r;
	return add_opened(fs, path, host, fd, &st, &ent, e);
}

static struct initramfs_entry *find_library(const struct initramfs *fs, const struct stat *st)
{
	for (size_t i = 0; i < fs->lib_count; i++)
		if (initramfs_same_stat(&fs->libs[i]->st, st))
			return fs->libs[i];
	return NULL;
}

static int remember_library(struct initramfs *fs, struct initramfs_entry *ent, struct err *e)
{
	struct initramfs_entry **libs;

	libs = reallocarray(fs->libs, fs->lib_count + 1, sizeof(*libs));
	if (!libs)
		return err_sys(e, -ENOMEM, "add %s", ent->path);
	fs->libs = libs;
	fs->libs[fs->lib_count++] = ent;
	return 0;
}

int initramfs_add_library(struct initramfs *fs, const char *guest, const char *host,
			  struct err *e)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct initramfs_entry *ent;
	struct stat st;
	int r = initramfs_clean_path(guest, true, &path, e);

	if (r < 0)
		return r;
	r = initramfs_open_host(host, &fd, &st, e);
	if (r < 0)
		return r;
	ent = find_library(fs, &st);
	if (ent && !strcmp(ent->path, path))
		return 0;
	if (ent)
		return initramfs_add_symlink(fs, path, ent->path, e);
	r = add_opened(fs, path, host, fd, &st, &ent, e);
	if (r < 0)
		return r;
	return remember_library(fs, ent, e);
}
