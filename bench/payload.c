/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * payload FILE...: what it costs to pack these files as a base, to find it
 * again, and to bring it into guest RAM; compressed and not. CPU time of this
 * process, kernel included, so that it means something on a busy machine. The
 * table is in doc/initramfs.md. Uses a store of its own (KTSTR_SHM_DIR).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "boot/segment.h"
#include "mm/mm.h"

#define GUEST_BYTES (2 * GIB)
#define INITRD_GPA GIB

struct request {
	struct initramfs *fs;
	bool lz4;
};

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int build(struct buf *ret, struct segment_info *info, void *arg, struct err *e)
{
	_cleanup_(buf_fini) struct buf cpio = BUF_INIT;
	const struct request *q = arg;
	int r = initramfs_finish(q->fs, &cpio, e);

	if (r < 0)
		return r;
	info->raw_bytes = cpio.len;
	info->unpacked_bytes = initramfs_unpacked_bytes(q->fs);
	if (q->lz4)
		return initramfs_lz4(cpio.data, cpio.len, ret, e);
	*ret = cpio;
	cpio = (struct buf)BUF_INIT;
	return 0;
}

static int add_files(struct initramfs *fs, char **file, struct err *e)
{
	int r = 0;

	for (size_t i = 0; file[i] && r == 0; i++) {
		char guest[32];

		snprintf(guest, sizeof(guest), "/%zu", i);
		r = initramfs_add_file(fs, guest, file[i], e);
	}
	return r;
}

/* Into fresh guest RAM, mapped or copied. */
static int load(const struct segment *s, bool map, double *ret_ms, struct err *e)
{
	const uint64_t node = GUEST_BYTES;
	struct mm_layout l;
	struct mm *m = NULL;
	double from;
	int r = mm_layout_build(&node, 1, 0, 46, &l, e);

	if (r == 0)
		r = mm_create(&l, &m, e);
	if (r < 0)
		return r;
	from = cpu_ms();
	if (map)
		r = mm_map_file(m, INITRD_GPA, s->fd, s->bytes, e);
	else
		r = mm_write(m, INITRD_GPA, s->data, s->bytes);
	*ret_ms = cpu_ms() - from;
	mm_destroy(m);
	return r;
}

static int measure(bool lz4, char **file, struct err *e)
{
	struct request q = { .lz4 = lz4 };
	const struct segment_builder b = { build, &q };
	struct segment s = SEGMENT_NONE;
	struct initramfs_key key;
	double from, got, mapped, copied;
	int r = initramfs_create(&q.fs, e);

	if (r == 0)
		r = add_files(q.fs, file, e);
	from = cpu_ms();
	if (r == 0)
		r = initramfs_key(q.fs, lz4, &key, e);
	if (r == 0)
		r = segment_get(&key, &b, &s, e);
	got = cpu_ms() - from;
	if (r == 0)
		r = load(&s, true, &mapped, e);
	if (r == 0)
		r = load(&s, false, &copied, e);
	if (r == 0)
		printf("| %.1f | %s | %s | %.1f | %.1f | %.2f | %.1f |\n",
		       (double)s.info.raw_bytes / 1e6, lz4 ? "LZ4" : "no", s.cached ? "warm" : "cold",
		       (double)s.bytes / 1e6, got, mapped, copied);
	segment_fini(&s);
	initramfs_destroy(q.fs);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r = 0;

	if (argc < 2 || !getenv("KTSTR_SHM_DIR")) {
		fprintf(stderr, "usage: KTSTR_SHM_DIR=FOLDER payload FILE...\n");
		return 64;
	}
	printf("| MB | compressed | | MB packed | pack or find, ms | map, ms | copy, ms |\n"
	       "|--:|---|---|--:|--:|--:|--:|\n");
	for (int i = 0; i < 4 && r == 0; i++)
		r = measure(i / 2, argv + 1, &e);
	if (r < 0)
		fprintf(stderr, "payload: %s\n", err_text(&e));
	return r < 0 ? 99 : 0;
}
