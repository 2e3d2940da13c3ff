/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vmlinux inside a bzImage, unpacked once at import, so that no guest has
 * to: Debian's kernel spends a third of its boot on it. The compression is
 * told by its magic (scanning for a magic finds false ones: the header says
 * where the payload lies) and undone by the usual program, so that the guest's
 * library closure does not grow by libraries that it never needs.
 * Source: Documentation/arch/x86/boot.rst, payload_offset (protocol 2.08).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/kernels_private.h"

#define SECTOR 512u
#define SETUP_SECTS 0x1f1
#define MAGIC 0x202
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END 0x250

static const struct packer {
	uint8_t magic[6];
	uint8_t magic_len;
	uint8_t trailer;		/* bytes of unpacked size that the build appends */
	char *argv[4];
} packers[] = {
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, 4, { "zstd", "-dcq", NULL } },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, 4, { "xz", "-dcq", NULL } },
	{ { 0x1f, 0x8b }, 2, 0, { "gzip", "-dcq", NULL } },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, 4, { "lz4", "-dcq", NULL } },
	{ { 'B', 'Z', 'h' }, 3, 4, { "bzip2", "-dcq", NULL } },
	{ { 0x5d, 0, 0 }, 3, 4, { "xz", "--format=lzma", "-dcq", NULL } },
	{ { 0x89, 'L', 'Z', 'O' }, 4, 4, { "lzop", "-dcq", NULL } },
};

static const struct packer *find_packer(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		const struct packer *k = &packers[i];

		if (n > (size_t)k->magic_len + k->trailer && !memcmp(p, k->magic, k->magic_len))
			return k;
	}
	return NULL;
}

static uint32_t le32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* The payload inside the image; NULL when the header does not tell. */
static const uint8_t *find_payload(const struct file_map *m, size_t *ret_n)
{
	uint64_t at, n;

	if (m->size < HEADER_END || memcmp(m->data + MAGIC, "HdrS", 4))
		return NULL;
	at = (m->data[SETUP_SECTS] ? m->data[SETUP_SECTS] + 1u : 5u) * SECTOR;
	at += le32_at(m->data + PAYLOAD_OFFSET);
	n = le32_at(m->data + PAYLOAD_LENGTH);
	if (!n || at >= m->size || n > m->size - at)
		return NULL;
	*ret_n = n;
	return m->data + at;
}

/* 0, or negative errno: nothing that was written counts then. */
static int unpack(const struct packer *k, const uint8_t *payload, size_t n, int out)
{
	_cleanup_close_ int in = memfd_create("ktstr-payload", MFD_CLOEXEC);
	const struct kernel_tool_fds fds = { .in = in, .out = out, .err = -1 };
	pid_t pid;
	int r;

	if (in < 0)
		return -errno;
	r = file_write_all(in, payload, n - k->trailer);
	if (r < 0)
		return r;
	if (lseek(in, 0, SEEK_SET) < 0)
		return -errno;
	r = kernel_tool_start(k->argv, &fds, &pid);
	if (r < 0)
		return r;
	return kernel_tool_failed(pid) ? -EIO : 0;
}

static bool is_kernel(const char *path)
{
	struct boot_image img;

	if (boot_image_open(path, &img, NULL) < 0)
		return false;
	boot_image_close(&img);
	return true;
}

static int unpack_to(const char *bzimage, const char *vmlinux, const struct file_map *m)
{
	_cleanup_close_ int out = -1;
	const struct packer *k;
	const uint8_t *payload;
	size_t n = 0;
	int r;

	payload = find_payload(m, &n);
	k = payload ? find_packer(payload, n) : NULL;
	if (!k)
		return -ENODATA;
	out = open(vmlinux, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return -errno;
	r = unpack(k, payload, n, out);
	if (r == -ENOENT)
		log_notice("%s: not found: %s stays packed and boots slower (install the package)",
			   k->argv[0], bzimage);
	return r;
}

bool kernel_unpack_payload(const char *bzimage, const char *vmlinux)
{
	struct file_map m;
	int r;

	if (file_map(bzimage, &m, NULL) < 0)
		return false;
	r = unpack_to(bzimage, vmlinux, &m);
	file_unmap(&m);
	if (r == 0 && is_kernel(vmlinux))
		return true;
	unlink(vmlinux);
	return false;
}
