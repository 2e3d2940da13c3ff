/* SPDX-License-Identifier: GPL-2.0-only */
/* The initramfs of the outer guest, and how much RAM it takes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "boot/kernels.h"
#include "init/init.h"
#include "loop/modules.h"
#include "loop/kernel_index.h"
#include "loop/nested.h"
#include "monitor/kindex.h"

/*
 * A distribution's kernel and its user space take 100 MiB of a small guest;
 * with its size grow struct page, hash tables and what is kept free: 3.5 %
 * of 20 GiB, measured. Memory that is not touched costs the host nothing.
 */
#define OUTER_BASE_BYTES (256 * MIB)
#define GROWTH 32
/* At once: the unpacked files, and the archive or the inner run's copies of them. */
#define PAYLOAD_COPIES 3
/*
 * Free memory lets the outer kernel back the inner guest with large pages: with
 * 832 MiB in all an inner boot took 8800 nested page faults, with 1 GiB 27, and
 * half the time. What the outer guest does not touch costs nothing.
 */
#define SPARE_BYTES (512 * MIB)
#define MEMORY_STEP (64 * MIB)

/* The user's own settings are arguments by now: nothing of our environment is passed. */
/* One run in a guest of its own shares with nobody, and an emulated CPU pays for the try. */
static const char *const environment[] = { "TMPDIR=/tmp", "KTSTR_SHM_DIR=off" };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* NUL-separated, as init/ wants its arguments and its environment. */
static int add_strings(struct initramfs *fs, const char *guest, const char *const *s, size_t n,
		       struct err *e)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		buf_str(&b, s[i]);
		buf_u8(&b, 0);
	}
	if (!buf_ok(&b))
		return err_sys(e, -ENOMEM, "%s", guest);
	return initramfs_add_bytes(fs, guest, b.data, b.len, 0444, e);
}

static int add_file_in(struct initramfs *fs, const char *dir, const char *name, const char *host,
		       struct err *e)
{
	_cleanup_free_ char *guest = NULL;

	if (asprintf(&guest, "%s/%s", dir, name) < 0) {
		guest = NULL;
		return err_sys(e, -ENOMEM, "%s", host);
	}
	return initramfs_add_file(fs, guest, host, e);
}

/* What the outer kernel has as modules of what a nested run needs of it. */
static int add_outer_modules(struct initramfs *fs, const struct kernel *outer, struct err *e)
{
	_cleanup_(kernel_modules_fini) struct kernel_modules m = { 0 };
	int r = kernel_modules_read(outer, KERNEL_DRIVER_KVM, &m, e);

	if (r == 0)
		r = modules_pack(fs, &m, e);
	return r < 0 ? err_ctx(e, r, "outer kernel") : 0;
}

/* The inner ktstr finds them beside its kernel. */
static int add_inner_modules(struct initramfs *fs, const struct kernel_modules *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; m && r == 0 && i < m->count; i++) {
		const struct kernel_module *one = &m->item[i];
		_cleanup_free_ char *guest = NULL;

		if (asprintf(&guest, NESTED_KERNEL_DIR "/modules/kernel/%s.ko", one->name) < 0) {
			guest = NULL;
			return err_sys(e, -ENOMEM, "module %s", one->name);
		}
		r = initramfs_add_bytes(fs, guest, one->bytes.data, one->bytes.len, 0444, e);
	}
	return r;
}

/* There is nothing in the outer guest that could unpack a bzImage. */
static int add_index(struct initramfs *fs, const struct kindex *index, struct err *e)
{
	size_t n;
	const void *bytes = kindex_bytes(index, &n);

	return initramfs_add_bytes(fs, NESTED_KERNEL_DIR "/" KERNEL_INDEX_NAME, bytes, n, 0444,
				   e);
}

static int add_all(struct initramfs *fs, const struct nested_payload *p, struct err *e)
{
	int r = initramfs_add_program(fs, "/init", p->binary, e);

	if (r >= 0)
		r = add_file_in(fs, NESTED_KERNEL_DIR, base_name(p->inner_image), p->inner_image,
				e);
	if (r >= 0 && p->inner_index)
		r = add_index(fs, p->inner_index, e);
	if (r >= 0 && p->inner_initramfs)
		r = initramfs_add_bytes(fs, NESTED_INITRAMFS, p->inner_initramfs->data,
					p->inner_initramfs->len, 0444, e);
	if (r >= 0)
		r = add_strings(fs, INIT_OUTER_ARGS, (const char *const *)p->args->item,
				p->args->count, e);
	if (r >= 0)
		r = add_strings(fs, INIT_OUTER_ENV, environment, ARRAY_SIZE(environment), e);
	if (r >= 0)
		r = add_inner_modules(fs, p->inner_modules, e);
	if (r >= 0)
		r = add_outer_modules(fs, p->outer, e);
	for (size_t i = 0; r >= 0 && i < p->file_count; i++) {
		const struct nested_file *f = &p->file[i];

		r = f->program ? initramfs_add_program(fs, f->guest, f->host, e) :
				 initramfs_add_file(fs, f->guest, f->host, e);
	}
	return r;
}

static int memory_needed(uint64_t inner_bytes, uint64_t payload_bytes, uint64_t *ret,
			 struct err *e)
{
	uint64_t sum = OUTER_BASE_BYTES + SPARE_BYTES;

	if (__builtin_add_overflow(sum, inner_bytes, &sum) ||
	    __builtin_add_overflow(sum, PAYLOAD_COPIES * payload_bytes, &sum) ||
	    __builtin_add_overflow(sum, sum / GROWTH + MEMORY_STEP, &sum))
		return err_set(e, -ERANGE, "memory: %llu MiB of the guest are too much",
			       (unsigned long long)(inner_bytes / MIB));
	*ret = round_down(sum, MEMORY_STEP);
	return 0;
}

int nested_pack(const struct nested_payload *p, uint64_t inner_memory_bytes,
		struct buf *ret_initrd, uint64_t *ret_memory_bytes, struct err *e)
{
	_cleanup_(buf_fini) struct buf cpio = BUF_INIT;
	struct initramfs *fs = NULL;
	uint64_t memory_bytes = 0;
	int r = initramfs_create(&fs, e);

	if (r >= 0)
		r = add_all(fs, p, e);
	if (r >= 0)
		r = initramfs_finish(fs, &cpio, e);
	if (r >= 0)
		r = memory_needed(inner_memory_bytes, initramfs_unpacked_bytes(fs),
				  &memory_bytes, e);
	initramfs_destroy(fs);
	if (r < 0)
		return r;
	*ret_initrd = cpio;
	cpio = (struct buf)BUF_INIT;
	*ret_memory_bytes = memory_bytes;
	return 0;
}
