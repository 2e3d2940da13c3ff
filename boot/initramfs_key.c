/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A name for what an archive will have, without packing it. A host file goes
 * in by its build-id where it has one, else by its content. A build-id says
 * which link made a file, not what was done to it since: size and time go
 * with it, so that a file that was stripped or patched is another one.
 */
#define XXH_INLINE_ALL
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs_private.h"

#define CHUNK_BYTES (64 * KIB)
#define BUILD_ID_MAX 64
#define NOTES_MAX (64 * KIB)

/* Goes into every key: another layout of the archive is another number. */
#define KEY_VERSION 1

static void cleanup_elf(Elf **elf)
{
	elf_end(*elf);
}

static void cleanup_state(XXH3_state_t **state)
{
	XXH3_freeState(*state);
}

static void add_u64(XXH3_state_t *h, uint64_t v)
{
	XXH3_128bits_update(h, &v, sizeof(v));
}

/* With its length, so that two strings cannot pass for two others. */
static void add_bytes(XXH3_state_t *h, const void *bytes, size_t n)
{
	add_u64(h, n);
	if (n)
		XXH3_128bits_update(h, bytes, n);
}

/* The build-id in a segment of notes; 0: it has none. */
static size_t note_build_id(Elf_Data *d, uint8_t id[BUILD_ID_MAX])
{
	size_t at = 0, next, name, desc;
	GElf_Nhdr n;

	while ((next = gelf_getnote(d, at, &n, &name, &desc)) > 0) {
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof("GNU") &&
		    !memcmp((char *)d->d_buf + name, "GNU", sizeof("GNU")) &&
		    n.n_descsz && n.n_descsz <= BUILD_ID_MAX) {
			memcpy(id, (char *)d->d_buf + desc, n.n_descsz);
			return n.n_descsz;
		}
		at = next;
	}
	return 0;
}

static size_t build_id(int fd, uint8_t id[BUILD_ID_MAX])
{
	_cleanup_(cleanup_elf) Elf *elf = NULL;
	size_t phdrs, n = 0;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return 0;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &phdrs) < 0)
		return 0;
	for (size_t i = 0; i < phdrs && !n; i++) {
		Elf_Data *d;
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_NOTE ||
		    ph.p_filesz > NOTES_MAX || ph.p_offset > INT64_MAX)
			continue;
		d = elf_getdata_rawchunk(elf, (int64_t)ph.p_offset, ph.p_filesz,
					 ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		n = d ? note_build_id(d, id) : 0;
	}
	return n;
}

static int add_content(XXH3_state_t *h, int fd, const char *host, struct err *e)
{
	_cleanup_free_ void *chunk = malloc(CHUNK_BYTES);
	ssize_t n;

	if (!chunk)
		return err_sys(e, -ENOMEM, "%s", host);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, -errno, "read %s", host);
	while ((n = read(fd, chunk, CHUNK_BYTES)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_sys(e, -errno, "read %s", host);
		if (n > 0)
			XXH3_128bits_update(h, chunk, (size_t)n);
	}
	return 0;
}

static int add_host(XXH3_state_t *h, const struct initramfs_entry *ent, struct err *e)
{
	_cleanup_close_ int fd = -1;
	uint8_t id[BUILD_ID_MAX];
	struct stat st;
	size_t n;
	int r = initramfs_open_host(ent->host, &fd, &st, e);

	if (r < 0)
		return r;
	add_u64(h, (uint64_t)ent->st.st_size);
	n = build_id(fd, id);
	add_bytes(h, id, n);
	if (n) {
		add_u64(h, (uint64_t)ent->st.st_mtim.tv_sec);
		add_u64(h, (uint64_t)ent->st.st_mtim.tv_nsec);
	} else {
		r = add_content(h, fd, ent->host, e);
	}
	if (r == 0 && (fstat(fd, &st) < 0 || !initramfs_same_stat(&st, &ent->st)))
		return err_set(e, -EIO, "add %s: it changed meanwhile", ent->host);
	return r;
}

int initramfs_key(const struct initramfs *fs, uint64_t salt, struct initramfs_key *ret,
		  struct err *e)
{
	_cleanup_(cleanup_state) XXH3_state_t *h = XXH3_createState();
	XXH128_canonical_t out;
	int r = 0;

	if (!h || XXH3_128bits_reset(h) == XXH_ERROR)
		return err_sys(e, -ENOMEM, "initramfs");
	add_u64(h, KEY_VERSION);
	add_u64(h, salt);
	for (size_t i = 0; i < fs->count && r == 0; i++) {
		const struct initramfs_entry *ent = fs->entry[i];

		add_bytes(h, ent->path, strlen(ent->path));
		add_u64(h, ent->mode);
		add_u64(h, (ent->host != NULL) | (uint64_t)ent->strip << 1);
		if (ent->host)
			r = add_host(h, ent, e);
		else
			add_bytes(h, ent->bytes.data, ent->bytes.len);
	}
	if (r < 0)
		return r;
	XXH128_canonicalFromHash(&out, XXH3_128bits_digest(h));
	static_assert(sizeof(out.digest) == sizeof(ret->bytes), "128 bits");
	memcpy(ret->bytes, out.digest, sizeof(ret->bytes));
	return 0;
}
