/* SPDX-License-Identifier: GPL-2.0-only */
/* One segment: looked up, or packed and published. */
#include "boot/segment.h"

#include <assert.h>
#include <asm/mman.h>		/* MADV_COLLAPSE, which glibc 2.36 lacks */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/util.h"
#include "boot/segment_private.h"

#define PAGE_BYTES 4096
#define LARGE_PAGE (2 * MIB)
#define FOOTER_VERSION 1

/* The last page of the file. */
struct footer {
	char magic[8];
	uint32_t version, page_bytes;
	uint8_t key[16];
	uint64_t bytes, raw_bytes, unpacked_bytes;
};

static const char magic[8] = "KTSTRseg";

void segment_name(const struct initramfs_key *key, char name[SEGMENT_NAME_MAX])
{
	for (size_t i = 0; i < sizeof(key->bytes); i++)
		snprintf(name + 2 * i, 3, "%02x", key->bytes[i]);
}

static uint64_t footer_at(uint64_t bytes)
{
	return round_up(bytes, PAGE_BYTES);
}

static int map(struct segment *s)
{
	void *p = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, s->fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	s->data = p;
	return 0;
}

/* Is this file a whole segment of that key, written by this user? */
static bool check(int fd, const struct initramfs_key *key, struct footer *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 07777) != 0600 || st.st_size < 2 * PAGE_BYTES ||
	    st.st_size % PAGE_BYTES)
		return false;
	if (pread(fd, ret, sizeof(*ret), st.st_size - PAGE_BYTES) != (ssize_t)sizeof(*ret))
		return false;
	return !memcmp(ret->magic, magic, sizeof(magic)) && ret->version == FOOTER_VERSION &&
	       ret->page_bytes == PAGE_BYTES && !memcmp(ret->key, key->bytes, sizeof(ret->key)) &&
	       ret->bytes && ret->bytes <= (uint64_t)st.st_size &&
	       footer_at(ret->bytes) + PAGE_BYTES == (uint64_t)st.st_size;
}

/* --- looking up ----------------------------------------------------------- */

struct lookup {
	int dir;
	const struct initramfs_key *key;
	struct segment *s;
};

static bool find(void *arg)
{
	struct lookup *q = arg;
	char name[SEGMENT_NAME_MAX];
	_cleanup_close_ int fd = -1;
	struct footer f;

	segment_name(q->key, name);
	fd = openat(q->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0 || !check(fd, q->key, &f)) {
		(void)unlinkat(q->dir, name, 0);
		return false;
	}
	/* shared with other users; exclusive is only tried, by who wants to remove it */
	if (flock(fd, LOCK_SH) < 0)
		return false;
	(void)futimens(fd, NULL);	/* it is in use: the last to go */
	q->s->fd = take_fd(&fd);
	q->s->bytes = f.bytes;
	q->s->info = (struct segment_info){ f.raw_bytes, f.unpacked_bytes };
	q->s->cached = true;
	if (map(q->s) < 0) {
		close_fd(&q->s->fd);
		return false;
	}
	return true;
}

/* --- packing -------------------------------------------------------------- */

static int write_segment(int fd, const struct initramfs_key *key, const struct buf *b,
			 const struct segment_info *info)
{
	struct footer f = {
		.version = FOOTER_VERSION, .page_bytes = PAGE_BYTES, .bytes = b->len,
		.raw_bytes = info->raw_bytes, .unpacked_bytes = info->unpacked_bytes,
	};
	off_t end = (off_t)footer_at(b->len);
	uint8_t page[PAGE_BYTES] = { 0 };
	int r;

	memcpy(f.magic, magic, sizeof(magic));
	memcpy(f.key, key->bytes, sizeof(f.key));
	/*
	 * Every page is written, so memory is taken here or not at all: one that
	 * is missing later is SIGBUS. fallocate() would clear all of it before.
	 */
	memcpy(page, &f, sizeof(f));
	r = file_write_all(fd, b->data, b->len);
	if (r == 0 && lseek(fd, end, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : file_write_all(fd, page, sizeof(page));
}

/*
 * Have the file in large pages, where the kernel can (MADV_COLLAPSE: Linux 6.1):
 * guests that map it take a fault for 2 MiB, not for 4 KiB. Without, it works.
 */
static void use_large_pages(int fd, size_t bytes)
{
#ifdef MADV_COLLAPSE
	size_t len = round_down(bytes, LARGE_PAGE);
	uint8_t *reserved, *at;

	if (!len)
		return;
	reserved = mmap(NULL, len + LARGE_PAGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (reserved == MAP_FAILED)
		return;
	at = (uint8_t *)round_up((uintptr_t)reserved, LARGE_PAGE);
	if (mmap(at, len, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED)
		(void)madvise(at, len, MADV_COLLAPSE);
	munmap(reserved, len + LARGE_PAGE);
#else
	(void)fd;
	(void)bytes;
#endif
}

/* Into the store, under its name when it is whole. */
static int publish(const struct lookup *q, const struct buf *b, struct err *e)
{
	char name[SEGMENT_NAME_MAX], path[32];
	_cleanup_close_ int fd = -1;
	struct segment *s = q->s;
	int r = segment_store_room(q->dir, footer_at(b->len) + PAGE_BYTES, e);

	if (r < 0)
		return r;
	fd = openat(q->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return err_sys(e, -errno, "shared memory");
	r = write_segment(fd, q->key, b, &s->info);
	if (r < 0)
		return err_sys(e, r, "shared memory: %zu bytes", b->len);
	if (flock(fd, LOCK_SH) < 0)
		return err_sys(e, -errno, "shared memory");
	use_large_pages(fd, b->len);
	segment_name(q->key, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* EEXIST: another one built it alone; ours serves us as well */
	if (linkat(AT_FDCWD, path, q->dir, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "shared memory");
	s->bytes = b->len;
	s->fd = take_fd(&fd);
	r = map(s);
	if (r < 0)
		close_fd(&s->fd);
	return r < 0 ? err_sys(e, r, "shared memory") : 0;
}

static int pack(const struct lookup *q, const struct segment_builder *builder, bool store,
		struct err *e)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct segment *s = q->s;
	int r = builder->build(&b, &s->info, builder->arg, e);

	if (r < 0)
		return r;
	assert(buf_ok(&b) && b.len);
	if (store && publish(q, &b, &s->why) == 0)
		return 0;
	s->data = b.data;
	s->bytes = b.len;
	b = (struct buf)BUF_INIT;
	return 0;
}

int segment_get(const struct initramfs_key *key, const struct segment_builder *builder,
		struct segment *ret, struct err *e)
{
	_cleanup_close_ int dir = -1, lock = -1;
	struct segment s = SEGMENT_NONE;
	struct lookup q = { .key = key, .s = &s };
	int r = segment_store_open(true, &dir, &s.why);

	q.dir = dir;
	if (r == 0 && !find(&q)) {
		r = segment_store_lock(dir, key, find, &q, &lock, &s.why);
		if (r != -EEXIST)
			r = pack(&q, builder, r == 0, e);
	} else if (r < 0) {
		r = pack(&q, builder, false, e);
	}
	if (r < 0 && r != -EEXIST)
		return r;
	*ret = s;
	return 0;
}

void segment_fini(struct segment *s)
{
	if (s->fd >= 0)
		munmap((void *)s->data, s->bytes);
	else
		free((void *)s->data);
	close_fd(&s->fd);
	*s = (struct segment)SEGMENT_NONE;
}
