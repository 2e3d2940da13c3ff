/* SPDX-License-Identifier: GPL-2.0-only */
/* Segments in shared memory: found again, never half, never somebody else's. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/segment_private.h"
#include "test/tap.h"
#include "test/tmp.h"

/* A builder that counts and packs n bytes of one kind. */
struct packer {
	atomic_uint calls;
	size_t n;
	uint8_t fill;
	int r;			/* what it returns */
	sem_t *enter, *leave;	/* NULL, or: tell that we are in, wait to go on */
};

static int build(struct buf *ret, struct segment_info *info, void *arg, struct err *e)
{
	struct packer *p = arg;

	p->calls++;
	if (p->enter) {
		sem_post(p->enter);
		sem_wait(p->leave);
	}
	if (p->r < 0)
		return err_set(e, p->r, "no");
	for (size_t i = 0; i < p->n; i++)
		buf_u8(ret, p->fill);
	*info = (struct segment_info){ .raw_bytes = 2 * p->n, .unpacked_bytes = 3 * p->n };
	return 0;
}

struct fixture {
	char root[TMP_DIR_MAX];
	char dir[TMP_DIR_MAX + 32];
	struct packer p;
	struct segment_builder b;
	struct segment s;
	struct err e;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .p = { .n = 5000, .fill = 'x' }, .s = SEGMENT_NONE, .e = ERR_INIT };
	f->b = (struct segment_builder){ build, &f->p };
	tmp_make(f->root);
	snprintf(f->dir, sizeof(f->dir), "%s/ktstr-%u", f->root, (unsigned)geteuid());
	setenv("KTSTR_SHM_DIR", f->root, 1);
}

static void teardown(struct fixture *f)
{
	segment_fini(&f->s);
	file_remove_tree(f->root, NULL);
}

static struct initramfs_key key_of(uint8_t n)
{
	struct initramfs_key key = { { 0 } };

	memset(key.bytes, n, sizeof(key.bytes));
	return key;
}

static int take(struct fixture *f, uint8_t key)
{
	struct initramfs_key k = key_of(key);

	segment_fini(&f->s);
	return segment_get(&k, &f->b, &f->s, &f->e);
}

/* What the packer packs came with r. */
static bool check(const struct fixture *f, int r)
{
	size_t same = 0;

	if (!tap_ok(r == 0, "%s", err_text(&f->e)))
		return false;
	for (size_t i = 0; i < f->s.bytes; i++)
		same += f->s.data[i] == f->p.fill;
	return tap_ok(f->s.bytes == f->p.n && same == f->p.n, "its bytes") &&
	       tap_ok(f->s.info.raw_bytes == 2 * f->p.n && f->s.info.unpacked_bytes == 3 * f->p.n,
		      "what is known of them");
}

/* The segment of that key. */
static bool get(struct fixture *f, uint8_t key)
{
	return check(f, take(f, key));
}

static const char *path_of(const struct fixture *f, uint8_t key)
{
	static char path[2][256];
	static unsigned turn;
	struct initramfs_key k = key_of(key);
	char name[SEGMENT_NAME_MAX], *p = path[turn++ % 2];

	segment_name(&k, name);
	snprintf(p, sizeof(path[0]), "%s/%s", f->dir, name);
	return p;
}

/* --- cases ---------------------------------------------------------------- */

static void the_second_finds_what_the_first_has_packed(void)
{
	struct fixture f;
	struct stat st;

	setup(&f);
	get(&f, 1);
	tap_ok(!f.s.cached && f.s.fd >= 0, "packed: %s", err_text(&f.s.why));
	get(&f, 1);
	tap_ok(f.s.cached && f.s.fd >= 0, "found");
	tap_eq(f.p.calls, 1);
	get(&f, 2);
	tap_ok(!f.s.cached, "another key is another segment");
	tap_ok(stat(f.dir, &st) == 0 && (st.st_mode & 07777) == 0700, "the folder is ours alone");
	tap_ok(stat(path_of(&f, 1), &st) == 0 && (st.st_mode & 07777) == 0600, "and the file");
	tap_eq(st.st_size % 4096, 0);
	teardown(&f);
}

static void what_is_cut_is_packed_anew(void)
{
	static const off_t sizes[] = { 0, 1, 4096, 8192, 12287, 16384 };
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		get(&f, 1);
		tap_eq(truncate(path_of(&f, 1), sizes[i]), 0);
		get(&f, 1);
		tap_ok(!f.s.cached && f.s.fd >= 0, "cut to %d", (int)sizes[i]);
		get(&f, 1);
		tap_ok(f.s.cached, "and found again");
	}
	teardown(&f);
}

static void what_is_foreign_is_never_taken(void)
{
	struct fixture f;
	char *text;

	setup(&f);
	get(&f, 1);
	get(&f, 2);
	tap_eq(rename(path_of(&f, 2), path_of(&f, 1)), 0);
	get(&f, 1);
	tap_ok(!f.s.cached, "the segment of another key");
	text = calloc(1, 12288);
	file_write_atomic(path_of(&f, 1), text, 12288, 0600, NULL);
	free(text);
	get(&f, 1);
	tap_ok(!f.s.cached, "zeros of the right size");
	chmod(path_of(&f, 1), 0644);
	get(&f, 1);
	tap_ok(!f.s.cached, "a file that others may read");
	tap_eq(rename(path_of(&f, 1), path_of(&f, 3)), 0);
	tap_eq(symlink(path_of(&f, 3), path_of(&f, 1)), 0);
	get(&f, 1);
	tap_ok(!f.s.cached && f.s.fd >= 0, "a link, even to the right one");
	tap_eq(unlink(path_of(&f, 1)), 0);
	tap_eq(mkfifo(path_of(&f, 1), 0600), 0);
	get(&f, 1);
	tap_ok(!f.s.cached && f.s.fd >= 0, "a FIFO");
	teardown(&f);
}

static void a_folder_that_is_not_ours_alone_is_not_used(void)
{
	char other[TMP_DIR_MAX + 8];
	struct fixture f;

	setup(&f);
	mkdir(f.dir, 0700);
	chmod(f.dir, 0770);
	get(&f, 1);
	tap_ok(f.s.fd < 0 && strstr(err_text(&f.s.why), "not this user's alone"), "%s",
	       err_text(&f.s.why));
	rmdir(f.dir);
	snprintf(other, sizeof(other), "%s/other", f.root);
	mkdir(other, 0700);
	tap_eq(symlink(other, f.dir), 0);
	get(&f, 1);
	tap_ok(f.s.fd < 0 && strstr(err_text(&f.s.why), f.dir), "a link: %s", err_text(&f.s.why));
	tap_eq(rmdir(other), 0);
	unlink(f.dir);
	setenv("KTSTR_SHM_DIR", "off", 1);
	get(&f, 1);
	tap_ok(f.s.fd < 0 && strstr(err_text(&f.s.why), "off"), "%s", err_text(&f.s.why));
	setenv("KTSTR_SHM_DIR", "/proc/nonexistent", 1);
	get(&f, 1);
	tap_ok(f.s.fd < 0 && strstr(err_text(&f.s.why), "/nonexistent"), "%s", err_text(&f.s.why));
	teardown(&f);
}

static void an_error_of_the_packer_is_the_error(void)
{
	struct initramfs_key k = key_of(1);
	struct fixture f;

	setup(&f);
	f.p.r = -EFBIG;
	tap_eq(segment_get(&k, &f.b, &f.s, &f.e), -EFBIG);
	tap_str(err_text(&f.e), "no");
	f.p.r = 0;
	get(&f, 1);
	tap_ok(!f.s.cached, "nothing was left");
	teardown(&f);
}

/* Checks are for the main thread: TAP's counts have no lock. */
static void *take_thread(void *arg)
{
	return (void *)(intptr_t)take(arg, 1);
}

static void who_comes_while_it_is_packed_waits_for_it(void)
{
	struct fixture f, g;
	sem_t enter, leave;
	pthread_t t[2];
	void *r[2];

	setup(&f);
	sem_init(&enter, 0, 0);
	sem_init(&leave, 0, 0);
	f.p.enter = &enter;
	f.p.leave = &leave;
	g = f;
	g.b.arg = &g.p;
	pthread_create(&t[0], NULL, take_thread, &f);
	sem_wait(&enter);
	pthread_create(&t[1], NULL, take_thread, &g);
	sem_post(&leave);
	pthread_join(t[0], &r[0]);
	pthread_join(t[1], &r[1]);
	check(&f, (int)(intptr_t)r[0]);
	check(&g, (int)(intptr_t)r[1]);
	tap_eq(f.p.calls, 1);
	tap_eq(g.p.calls, 0);
	tap_ok(g.s.cached, "found");
	segment_fini(&g.s);
	teardown(&f);
}

/* In the middle, with the lock held. */
static int die(struct buf *ret, struct segment_info *info, void *arg, struct err *e)
{
	(void)ret;
	(void)info;
	(void)arg;
	(void)e;
	_exit(0);
}

static void who_dies_while_packing_leaves_nothing(void)
{
	struct initramfs_key k = key_of(1);
	struct segment_removed removed;
	struct fixture f;
	pid_t pid;

	setup(&f);
	pid = fork();
	if (pid == 0) {
		f.b.build = die;
		segment_get(&k, &f.b, &f.s, &f.e);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	get(&f, 1);
	tap_ok(!f.s.cached && f.s.fd >= 0, "packed: %s", err_text(&f.s.why));
	tap_eq(segment_store_empty(&removed, &f.e), 0);
	tap_eq(removed.segments, 1);
	teardown(&f);
}

/* Two uses within a tick of the clock have one time: set what the order is. */
static bool set_used(const struct fixture *f, uint8_t key)
{
	const struct timespec at[2] = { { .tv_sec = key }, { .tv_sec = key } };

	return utimensat(AT_FDCWD, path_of(f, key), at, 0) == 0;
}

static void room_is_made_by_what_nobody_uses(void)
{
	struct statvfs fs;
	struct fixture f;
	uint64_t limit;
	int dir = -1;

	setup(&f);
	get(&f, 1);
	get(&f, 2);
	get(&f, 3);		/* in use */
	tap_ok(set_used(&f, 1) && set_used(&f, 2), "1 was used before 2");
	tap_eq(segment_store_open(false, &dir, &f.e), 0);
	tap_eq(fstatvfs(dir, &fs), 0);
	limit = fs.f_blocks * fs.f_frsize / 4;
	tap_eq(segment_store_room(dir, limit - 3 * 12288, &f.e), 0);
	tap_ok(access(path_of(&f, 1), F_OK) == 0, "there is room for all");
	tap_eq(segment_store_room(dir, limit - 2 * 12288, &f.e), 0);
	tap_ok(access(path_of(&f, 1), F_OK) < 0, "the oldest goes first");
	tap_ok(access(path_of(&f, 2), F_OK) == 0, "and no more than must");
	tap_eq(segment_store_room(dir, limit, &f.e), -ENOSPC);
	tap_ok(access(path_of(&f, 2), F_OK) < 0, "what is unused goes");
	tap_ok(access(path_of(&f, 3), F_OK) == 0, "what is in use stays");
	segment_fini(&f.s);
	tap_eq(segment_store_room(dir, limit, &f.e), 0);
	tap_ok(access(path_of(&f, 3), F_OK) < 0, "until it is not");
	close(dir);
	teardown(&f);
}

static void emptied_means_all_and_who_uses_one_keeps_it(void)
{
	struct segment_removed removed;
	struct fixture f;
	char path[256];

	setup(&f);
	tap_eq(segment_store_empty(&removed, &f.e), 0);
	tap_eq(removed.segments, 0);
	get(&f, 1);
	get(&f, 2);
	snprintf(path, sizeof(path), "%s/left-by-an-older-version", f.dir);
	file_write_atomic(path, "x", 1, 0600, NULL);
	tap_ok(segment_store_empty(&removed, &f.e) == 0, "%s", err_text(&f.e));
	tap_eq(removed.segments, 2);
	tap_eq(removed.bytes, 2 * 12288);
	tap_ok(access(f.dir, F_OK) < 0, "the folder is gone");
	tap_eq(f.s.data[4999], 'x');
	teardown(&f);
}

int main(void)
{
	/* a tmpfs, as in real use; any file system with O_TMPFILE would do */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	TAP_RUN(the_second_finds_what_the_first_has_packed);
	TAP_RUN(what_is_cut_is_packed_anew);
	TAP_RUN(what_is_foreign_is_never_taken);
	TAP_RUN(a_folder_that_is_not_ours_alone_is_not_used);
	TAP_RUN(an_error_of_the_packer_is_the_error);
	TAP_RUN(who_comes_while_it_is_packed_waits_for_it);
	TAP_RUN(who_dies_while_packing_leaves_nothing);
	TAP_RUN(room_is_made_by_what_nobody_uses);
	TAP_RUN(emptied_means_all_and_who_uses_one_keeps_it);
	return tap_done();
}
