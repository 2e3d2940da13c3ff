/* SPDX-License-Identifier: GPL-2.0-only */
/* The folder of segments: whose it is, who packs, who has to go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/segment_private.h"

#define LOCK_NAME "lock"
/* Of the file system, for all segments together: it is not ours alone. */
#define STORE_SHARE 4
/* To wait for who packs: it takes seconds for a gigabyte. Who is stopped must not stop us. */
#define WAIT_MS 10000
/*
 * Who lets go of the lock closes its file, which is an event. One that is
 * killed is seen to close it a moment before its lock is gone: look again.
 */
#define LOOK_AGAIN_MS 200

static int store_path(char *path, size_t n, struct err *e)
{
	const char *root = getenv("KTSTR_SHM_DIR");
	int len = snprintf(path, n, "%s/ktstr-%u", root && *root ? root : "/dev/shm",
			   (unsigned)geteuid());

	if (root && !strcmp(root, "off"))
		return err_set(e, -EOPNOTSUPP, "shared memory: KTSTR_SHM_DIR is off");
	return len < (int)n ? 0 : err_sys(e, -ENAMETOOLONG, "shared memory");
}

int segment_store_open(bool create, int *ret_fd, struct err *e)
{
	_cleanup_close_ int fd = -1;
	char path[256];
	struct stat st;
	int r = store_path(path, sizeof(path), e);

	if (r < 0)
		return r;
	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "shared memory: make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "shared memory: open %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 0077))
		return err_set(e, -EPERM,
			       "shared memory: %s is not this user's alone (owner %u, mode %o)",
			       path, (unsigned)st.st_uid, st.st_mode & 07777);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- who packs ------------------------------------------------------------ */

/*
 * One byte of a file for each key: a lock of the open file, which goes away with
 * the process and works between threads, too (F_OFD_SETLK, fcntl_locking(2)).
 */
static int try_lock(int fd, const struct initramfs_key *key)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	uint32_t at;

	memcpy(&at, key->bytes, sizeof(at));
	l.l_start = at;
	return fcntl(fd, F_OFD_SETLK, &l) < 0 ? -errno : 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until somebody closes the file of locks, or it is time to look again. */
static void wait_event(int watch)
{
	struct pollfd p = { .fd = watch, .events = POLLIN };
	char events[1024];

	if (poll(&p, 1, LOOK_AGAIN_MS) > 0)
		(void)!read(watch, events, sizeof(events));
}

int segment_store_lock(int dir, const struct initramfs_key *key, bool (*there)(void *arg),
		       void *arg, int *ret_fd, struct err *e)
{
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_close_ int fd = openat(dir, LOCK_NAME,
					O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int64_t until = now_ms() + WAIT_MS;
	char path[64];
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "shared memory: %s", LOCK_NAME);
	/* without inotify the turns are longer, that is all */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)inotify_add_watch(watch, path, IN_CLOSE_WRITE);
	for (;;) {
		r = try_lock(fd, key);
		/* asked with the lock, too: it may have come before we got it */
		if (there(arg))
			return -EEXIST;
		if (r == 0) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
		if (r != -EAGAIN && r != -EACCES)
			return err_sys(e, r, "shared memory: %s", LOCK_NAME);
		if (now_ms() >= until)
			return err_set(e, -ETIMEDOUT,
				       "shared memory: who packs the same did not end in %d s",
				       WAIT_MS / 1000);
		wait_event(watch);
	}
}

/* --- who has to go -------------------------------------------------------- */

struct item {
	char name[SEGMENT_NAME_MAX];
	struct timespec used;
	uint64_t bytes;
};

static bool is_name(const char *name)
{
	return strlen(name) == SEGMENT_NAME_MAX - 1 &&
	       strspn(name, "0123456789abcdef") == SEGMENT_NAME_MAX - 1;
}

/* All segments, the longest unused first. */
static int by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

static void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int list(int dir, struct item **ret, size_t *ret_count)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(cleanup_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ struct item *item = NULL;
	struct dirent *ent;
	size_t n = 0;

	if (!d)
		return -errno;
	(void)take_fd(&fd);
	while ((ent = readdir(d))) {
		struct item *grown;
		struct stat st;

		if (!is_name(ent->d_name)) {
			/* nothing of ours has another name */
			if (strcmp(ent->d_name, LOCK_NAME))
				(void)unlinkat(dir, ent->d_name, 0);
			continue;
		}
		if (fstatat(dir, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		grown = reallocarray(item, n + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		item = grown;
		item[n] = (struct item){ .used = st.st_mtim, .bytes = (uint64_t)st.st_size };
		memcpy(item[n].name, ent->d_name, SEGMENT_NAME_MAX);
		n++;
	}
	if (n)
		qsort(item, n, sizeof(*item), by_time);
	*ret = take_ptr(item);
	*ret_count = n;
	return 0;
}

/* Remove one that nobody uses. */
static bool remove_unused(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	return unlinkat(dir, name, 0) == 0;
}

int segment_store_room(int dir, uint64_t n, struct err *e)
{
	_cleanup_free_ struct item *item = NULL;
	uint64_t limit, sum = n;
	struct statvfs fs;
	size_t count;
	int r;

	if (fstatvfs(dir, &fs) < 0)
		return err_sys(e, -errno, "shared memory");
	limit = (uint64_t)fs.f_blocks * fs.f_frsize / STORE_SHARE;
	r = list(dir, &item, &count);
	if (r < 0)
		return err_sys(e, r, "shared memory");
	for (size_t i = 0; i < count; i++)
		sum += item[i].bytes;
	for (size_t i = 0; i < count && sum > limit; i++)
		if (remove_unused(dir, item[i].name))
			sum -= item[i].bytes;
	if (sum > limit)
		return err_set(e, -ENOSPC,
			       "shared memory: %llu MiB more are over a quarter of its %llu MiB",
			       (unsigned long long)(n / MIB),
			       (unsigned long long)(limit * STORE_SHARE / MIB));
	return 0;
}

int segment_store_empty(struct segment_removed *ret, struct err *e)
{
	_cleanup_free_ struct item *item = NULL;
	_cleanup_close_ int dir = -1;
	char path[256];
	size_t count;
	int r = segment_store_open(false, &dir, e);

	*ret = (struct segment_removed){ 0 };
	if (r == -ENOENT || r == -EOPNOTSUPP) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	r = list(dir, &item, &count);
	if (r < 0)
		return err_sys(e, r, "shared memory");
	for (size_t i = 0; i < count; i++) {
		if (unlinkat(dir, item[i].name, 0) < 0)
			continue;
		ret->segments++;
		ret->bytes += item[i].bytes;
	}
	(void)unlinkat(dir, LOCK_NAME, 0);
	r = store_path(path, sizeof(path), e);
	if (r == 0)
		(void)rmdir(path);	/* somebody is building right now: it stays */
	return r;
}
