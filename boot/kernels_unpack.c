/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernels, modules and packages are packed with: told by its magic, undone
 * by the usual program, so that the guest's library closure does not grow by
 * libraries that it never needs.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/util.h"
#include "boot/kernels_private.h"

static const struct kernel_packer packers[] = {
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd", { "zstd", "-dcq", NULL }, "zstd" },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, "xz", { "xz", "-dcq", NULL }, "xz-utils" },
	{ { 0x1f, 0x8b }, 2, "gzip", { "gzip", "-dcq", NULL }, "gzip" },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, "lz4", { "lz4", "-dcq", NULL }, "lz4" },
	{ { 'B', 'Z', 'h' }, 3, "bzip2", { "bzip2", "-dcq", NULL }, "bzip2" },
	{ { 0x5d, 0, 0 }, 3, "lzma", { "xz", "--format=lzma", "-dcq", NULL }, "xz-utils" },
	{ { 0x89, 'L', 'Z', 'O' }, 4, "lzo", { "lzop", "-dcq", NULL }, "lzop" },
};

const struct kernel_packer *kernel_packer_find(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		const struct kernel_packer *k = &packers[i];

		if (n > k->magic_len && !memcmp(p, k->magic, k->magic_len))
			return k;
	}
	return NULL;
}

int kernel_unpack(const struct kernel_packer *k, const uint8_t *bytes, size_t n, int out)
{
	_cleanup_close_ int in = memfd_create("ktstr-packed", MFD_CLOEXEC);
	const struct spawn tool = { .argv = k->argv, .in = in, .out = out, .err = -1 };
	pid_t pid;
	int r;

	if (in < 0)
		return -errno;
	r = file_write_all(in, bytes, n);
	if (r < 0)
		return r;
	if (lseek(in, 0, SEEK_SET) < 0)
		return -errno;
	r = spawn(&tool, &pid);
	if (r < 0)
		return r;
	return kernel_tool_failed(pid) ? -EIO : 0;
}

int kernel_unpack_to_buf(const struct kernel_packer *k, const uint8_t *bytes, size_t n,
			 struct buf *ret)
{
	_cleanup_close_ int fd = memfd_create("ktstr-unpacked", MFD_CLOEXEC);
	struct file_map out = FILE_MAP_INIT;
	char path[32];
	int r = fd < 0 ? -errno : kernel_unpack(k, bytes, n, fd);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = file_map(path, &out, NULL);
	if (r < 0)
		return r;
	buf_add(ret, out.data, out.size);
	file_unmap(&out);
	return buf_ok(ret) ? 0 : -ENOMEM;
}

int kernel_unpack_said(const struct kernel_packer *k, int r, const char *path, struct err *e)
{
	if (r == -ENOENT)
		return err_set(e, r, "unpack %s: %s is not installed (package %s)", path,
			       k->argv[0], k->package);
	if (r == -EIO)
		return err_set(e, r, "unpack %s: %s failed: damaged?", path, k->argv[0]);
	return r < 0 ? err_sys(e, r, "unpack %s", path) : 0;
}

int kernel_read_unpacked(const char *path, struct buf *ret, struct err *e)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	const struct kernel_packer *k;
	int r = file_map(path, &m, e);

	if (r < 0)
		return r;
	k = kernel_packer_find(m.data, m.size);
	if (!k) {
		buf_add(ret, m.data, m.size);
		return buf_ok(ret) ? 0 : err_sys(e, -ENOMEM, "read %s", path);
	}
	return kernel_unpack_said(k, kernel_unpack_to_buf(k, m.data, m.size, ret), path, e);
}
