/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a payload bench packs, and the store that it packs them into. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "bench/bench.h"

#define DIR "/tmp/ktstr-bench-load"
#define STORE DIR "/store"
#define FILE_PATH DIR "/file"

static const char *const names[] = {
	[BENCH_MAPPED] = "mapped", [BENCH_LZ4] = "LZ4", [BENCH_COPIED] = "copied",
};
_Static_assert(ARRAY_SIZE(names) == BENCH_HOW_COUNT, "a name for every way");

const char *bench_how_name(enum bench_how how)
{
	return names[how];
}

/* Our own program again and again: with its build-id, as programs and libraries have one. */
static int make_file(uint64_t bytes, struct err *e)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT;
	_cleanup_(file_unmap) struct file_map image = FILE_MAP_INIT;
	struct stat st;
	int r;

	if (stat(FILE_PATH, &st) == 0 && (uint64_t)st.st_size == bytes)
		return 0;
	r = file_map("/proc/self/exe", &image, e);
	if (r < 0)
		return r;
	while (image.size && buf_ok(&out) && out.len < bytes)
		buf_add(&out, image.data, MIN(image.size, bytes - out.len));
	if (!buf_ok(&out))
		return err_sys(e, -ENOMEM, FILE_PATH);
	return file_write_atomic(FILE_PATH, out.data, out.len, 0600, e);
}

int load_prepare(const struct job *j, const char **ret, struct err *e)
{
	int r;

	*ret = NULL;
	if (!j->load.mb)
		return 0;
	if (j->look == LOOK_COLD)
		file_remove_tree(STORE, NULL);
	r = file_mkdirs(STORE, 0700, e);
	if (r < 0)
		return r;
	if (setenv("KTSTR_SHM_DIR", j->load.how == BENCH_COPIED ? "off" : STORE, 1) < 0)
		return err_sys(e, -errno, "KTSTR_SHM_DIR");
	*ret = FILE_PATH;
	return make_file(j->load.mb * UINT64_C(1000000), e);
}
