/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel files: opening them, telling what they are, and bzImage. The reader
 * of ELF files is image_elf.c. Nothing is loaded here.
 */
#include "boot/image.h"

#include <asm/bootparam.h>
#include <assert.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"

/* boot.rst: setup_header lies at 0x1f1; its jump at 0x200 tells where it ends. */
#define HDR_OFFSET 0x1f1
#define SECTOR_BYTES 512
#define PARAGRAPH_BYTES 16
#define ENTRY64_OFFSET 0x200
/* 2.12 (Linux 3.8) brought xloadflags, which say whether there is a 64-bit entry. */
#define PROTOCOL_MIN 0x020c

const char *boot_format_name(enum boot_format f)
{
	static const char *const name[] = {
		[BOOT_BZIMAGE] = "bzImage",
		[BOOT_VMLINUX] = "vmlinux",
	};

	static_assert(ARRAY_SIZE(name) == BOOT_FORMAT_COUNT, "a name for each format");
	assert((unsigned)f < BOOT_FORMAT_COUNT);
	return name[f];
}

bool boot_image_has(const struct boot_image *img, uint64_t offset, uint64_t n)
{
	return offset <= img->file_bytes && n <= img->file_bytes - offset;
}

int boot_image_read(const struct boot_image *img, uint64_t offset, void *bytes, size_t n)
{
	char *p = bytes;

	while (n) {
		ssize_t got = pread(img->fd, p, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ENODATA;
		p += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

void boot_image_set_release(struct boot_image *img, const char *s, size_t n)
{
	size_t len = 0;

	if (!n || !isdigit((unsigned char)s[0]))
		return;
	while (len < n && len < sizeof(img->release) - 1 && isgraph((unsigned char)s[len]))
		len++;
	memcpy(img->release, s, len);
	img->release[len] = '\0';
}

/* The version string, at kernel_version + 0x200, must lie in the setup sectors. */
static void bzimage_release(struct boot_image *img, const struct setup_header *h,
			    uint64_t setup_bytes)
{
	uint64_t at = (uint64_t)h->kernel_version + SECTOR_BYTES;
	char text[sizeof(img->release)];
	size_t n;

	if (!h->kernel_version || at >= setup_bytes)
		return;
	n = MIN(sizeof(text), setup_bytes - at);
	if (boot_image_read(img, at, text, n) == 0)
		boot_image_set_release(img, text, n);
}

static int bzimage_check(const struct setup_header *h, struct err *e)
{
	if (h->boot_flag != 0xaa55)
		return err_set(e, -ENOEXEC, "not a kernel: no boot sector signature");
	if (h->version < PROTOCOL_MIN)
		return err_set(e, -ENOEXEC,
			       "too old: boot protocol %u.%u, 2.12 (Linux 3.8) or later is needed",
			       h->version >> 8, h->version & 0xffu);
	if (!(h->xloadflags & XLF_KERNEL_64))
		return err_set(e, -ENOEXEC, "a 32-bit kernel: it has no 64-bit entry point");
	if (!(h->loadflags & LOADED_HIGH))
		return err_set(e, -ENOEXEC, "a zImage, which loads below 1 MiB; make bzImage");
	if (h->pref_address < BOOT_GPA_HIGH || h->pref_address >= BOOT_GPA_MAX)
		return err_set(e, -ENOEXEC,
			       "damaged: wants to be loaded at 0x%" PRIx64
			       ", must be from 1 MiB to 3 GiB", (uint64_t)h->pref_address);
	return 0;
}

/* What the kernel may ask of us and what it gets, once the header is known to be sane. */
static void bzimage_fill(struct boot_image *img, const struct setup_header *h,
			 uint64_t setup_bytes, uint64_t payload)
{
	img->format = BOOT_BZIMAGE;
	img->load_gpa = h->pref_address;
	/* init_size covers decompressing in place; the file itself must fit in any case */
	img->memory_bytes = MAX((uint64_t)h->init_size, payload);
	img->entry_gpa = img->load_gpa + ENTRY64_OFFSET;
	img->initrd_max = h->initrd_addr_max;
	img->cmdline_max = h->cmdline_size ? h->cmdline_size : 255;
	img->segment[0] = (struct boot_segment){
		.offset = setup_bytes, .bytes = payload, .gpa = img->load_gpa,
	};
	img->segments = 1;
}

/* head holds BOOT_HEAD_BYTES, zero behind the end of a smaller file. */
static int bzimage_inspect(struct boot_image *img, const uint8_t *head, struct err *e)
{
	struct setup_header h;
	uint64_t setup_bytes, payload;
	unsigned end;
	int r;

	memcpy(&h, head + HDR_OFFSET, sizeof(h));
	if (img->file_bytes < HDR_OFFSET + sizeof(h))
		return err_set(e, -ENOEXEC, "truncated: %" PRIu64 " bytes", img->file_bytes);
	r = bzimage_check(&h, e);
	if (r < 0)
		return r;
	/* boot.rst: 0 means 4; the boot sector itself is one more */
	setup_bytes = ((uint64_t)(h.setup_sects ? h.setup_sects : 4) + 1) * SECTOR_BYTES;
	payload = (uint64_t)h.syssize * PARAGRAPH_BYTES;
	if (payload <= ENTRY64_OFFSET)
		return err_set(e, -ENOEXEC, "damaged: a kernel of %" PRIu64 " bytes", payload);
	/* the last paragraph may be cut short: syssize counts whole ones */
	if (!boot_image_has(img, setup_bytes, payload - (PARAGRAPH_BYTES - 1)))
		return err_set(e, -ENOEXEC,
			       "truncated: %" PRIu64 " bytes, its header tells of %" PRIu64,
			       img->file_bytes, setup_bytes + payload);
	payload = MIN(payload, img->file_bytes - setup_bytes);
	bzimage_fill(img, &h, setup_bytes, payload);
	/* the header ends where the jump at 0x200 lands (boot.rst, "Details of header fields") */
	end = 0x202u + (h.jump >> 8);
	img->setup_header_len = MIN(end - HDR_OFFSET, (unsigned)sizeof(img->setup_header));
	memcpy(img->setup_header, head + HDR_OFFSET, img->setup_header_len);
	bzimage_release(img, &h, setup_bytes);
	return 0;
}

/* What people give by mistake, and what to do then. */
struct magic {
	size_t at;
	size_t n;
	const char *bytes;
	const char *what;
};

static const struct magic magics[] = {
	{ 0x38, 4, "ARM\x64", "an arm64 Image; this ktstr boots x86-64 kernels" },
	{ 0x30, 5, "RISCV", "a RISC-V Image; this ktstr boots x86-64 kernels" },
	{ 0, 2, "\x1f\x8b", "gzip data; gunzip it first" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "zstd data; unzstd it first" },
	{ 0, 6, "\xfd" "7zXZ", "xz data; unxz it first" },
	{ 0, 3, "BZh", "bzip2 data; bunzip2 it first" },
	{ 0, 4, "\x04\x22\x4d\x18", "LZ4 data; unlz4 it first" },
	{ 0, 4, "\x02\x21\x4c\x18", "LZ4 data; unlz4 it first" },
	{ 0, 8, "!<arch>\n", "a package or an archive; ktstr kernel import takes packages" },
	{ 0, 4, "\xed\xab\xee\xdb", "an RPM package; ktstr kernel import takes it" },
	{ 0, 5, "07070", "a cpio archive, perhaps an initramfs" },
	{ 0x101, 5, "ustar", "a tar archive; unpack it first" },
	{ 0, 2, "#!", "a script" },
	{ 0, 2, "MZ", "an EFI or Windows program without a Linux boot header" },
};

static bool is_text(const uint8_t *head, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isprint(head[i]) && !isspace(head[i]))
			return false;
	return true;
}

static int not_a_kernel(const uint8_t *head, size_t n, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		const struct magic *m = &magics[i];

		if (m->at + m->n <= n && !memcmp(head + m->at, m->bytes, m->n))
			return err_set(e, -ENOEXEC, "not a kernel: %s", m->what);
	}
	return err_set(e, -ENOEXEC, "not a kernel: %s",
		       is_text(head, n) ? "a text file" : "neither a bzImage nor an ELF file");
}

static int inspect(struct boot_image *img, struct err *e)
{
	uint8_t head[BOOT_HEAD_BYTES] = { 0 };
	size_t n = MIN(sizeof(head), img->file_bytes);
	int r;

	if (!n)
		return err_set(e, -ENOEXEC, "empty file");
	r = boot_image_read(img, 0, head, n);
	if (r < 0)
		return err_sys(e, r, "read");
	if (!memcmp(head + 0x202, "HdrS", 4))
		return bzimage_inspect(img, head, e);
	if (n >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		return boot_elf_inspect(img, head, e);
	return not_a_kernel(head, n, e);
}

static int open_file(const char *path, struct boot_image *img, struct err *e)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO must give an error, not wait for a writer */
	img->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* Debian and others install /boot/vmlinuz-* readable for root only */
	if (img->fd < 0 && errno == EACCES)
		return err_set(e, -EACCES,
			       "open %s: Permission denied (try: sudo install -m 0644 %s ./vmlinuz "
			       "&& ktstr kernel import ./vmlinuz)", path, path);
	if (img->fd < 0 || fstat(img->fd, &st) < 0)
		return err_sys(e, -errno, "open %s", path);
	if (S_ISDIR(st.st_mode))
		return err_sys(e, -EISDIR, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "open %s: not a regular file", path);
	img->file_bytes = (uint64_t)st.st_size;
	img->path = strdup(path);
	return img->path ? 0 : err_sys(e, -ENOMEM, "open %s", path);
}

int boot_image_open(const char *path, struct boot_image *ret, struct err *e)
{
	struct boot_image img = { .fd = -1 };
	int r;

	r = open_file(path, &img, e);
	if (r == 0) {
		r = inspect(&img, e);
		if (r < 0)
			err_ctx(e, r, "%s", path);
	}
	if (r < 0) {
		boot_image_close(&img);
		return r;
	}
	*ret = img;
	return 0;
}

void boot_image_close(struct boot_image *img)
{
	if (!img)
		return;
	close_fd(&img->fd);
	free(img->path);
	*img = (struct boot_image){ .fd = -1 };
}
