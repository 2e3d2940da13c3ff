/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vmlinux inside a bzImage, unpacked once at import, so that no guest has
 * to: Debian's kernel spends a third of its boot on it. The compression is
 * told by its magic (scanning for a magic finds false ones: the header says
 * where the payload lies).
 * Source: Documentation/arch/x86/boot.rst, payload_offset (protocol 2.08).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/*
 * Bytes of unpacked size that the build appends behind the payload; gzip has
 * them in its own trailer. Source: scripts/Makefile.lib, size_append.
 */
static size_t trailer(const struct kernel_packer *k)
{
	return strcmp(k->argv[0], "gzip") ? 4 : 0;
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

/* The packed kernel, without the trailer, and what unpacks it; NULL: not known. */
static const struct kernel_packer *find_packed(const struct file_map *m, const uint8_t **ret,
					       size_t *ret_n)
{
	const uint8_t *payload = find_payload(m, ret_n);
	const struct kernel_packer *k = payload ? kernel_packer_find(payload, *ret_n) : NULL;

	if (!k || *ret_n <= trailer(k))
		return NULL;
	*ret = payload;
	*ret_n -= trailer(k);
	return k;
}

const struct kernel_packer *kernel_payload_packer(const char *bzimage)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	const uint8_t *payload;
	size_t n = 0;

	return file_map(bzimage, &m, NULL) == 0 ? find_packed(&m, &payload, &n) : NULL;
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
	const struct kernel_packer *k;
	const uint8_t *payload;
	size_t n = 0;
	int r;

	k = find_packed(m, &payload, &n);
	if (!k)
		return -ENODATA;
	out = open(vmlinux, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return -errno;
	r = kernel_unpack(k, payload, n, out);
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

int kernel_read_payload(const char *bzimage, struct buf *ret, struct err *e)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	const struct kernel_packer *k;
	const uint8_t *payload;
	size_t n = 0;
	int r = file_map(bzimage, &m, e);

	if (r < 0)
		return r;
	k = find_packed(&m, &payload, &n);
	if (!k)
		return err_set(e, -ENODATA, "%s: no packed kernel in it that is known", bzimage);
	return kernel_unpack_said(k, kernel_unpack_to_buf(k, payload, n, ret), bzimage, e);
}
