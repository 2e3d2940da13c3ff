/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an ELF file says about the libraries it needs. Like the dynamic linker
 * this goes by program headers, since sections may be stripped. The file may
 * be damaged or made to hurt: every string ends within it or is refused.
 */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/closure_private.h"

#define DYNAMIC_MAX MIB
#define STRING_MAX (64 * KIB)	/* an rpath may be long */
#define NEEDED_MAX 1024		/* in one file; the largest seen have about 150 */

static void cleanup_elf(Elf **elf)
{
	elf_end(*elf);
}

void closure_elf_fini(struct closure_elf *elf)
{
	free(elf->interp);
	free(elf->soname);
	free(elf->rpath);
	free(elf->runpath);
	for (size_t i = 0; i < elf->count; i++)
		free(elf->needed[i]);
	free(elf->needed);
	*elf = (struct closure_elf){ 0 };
}

/* A file being read. */
struct reader {
	Elf *elf;
	const char *path;
	size_t phdrs;
	uint64_t file_bytes;
	Elf_Data *strings;
	struct err *e;
};

static int damaged(const struct reader *rd, const char *what)
{
	return err_set(rd->e, -ENOEXEC, "%s: a damaged ELF file: %s", rd->path, what);
}

/* n bytes of the file, clipped to its end; NULL when there are none. */
static Elf_Data *chunk(const struct reader *rd, uint64_t offset, uint64_t n, Elf_Type type)
{
	if (offset >= rd->file_bytes || offset > INT64_MAX)
		return NULL;
	n = MIN(n, rd->file_bytes - offset);
	return n ? elf_getdata_rawchunk(rd->elf, (int64_t)offset, n, type) : NULL;
}

/* A copy of the string at an offset of the chunk, NULL if it does not end there. */
static char *chunk_string(const Elf_Data *d, uint64_t offset)
{
	const char *s;
	size_t max;

	if (offset >= d->d_size)
		return NULL;
	s = (const char *)d->d_buf + offset;
	max = MIN(d->d_size - offset, STRING_MAX);
	return strnlen(s, max) < max ? strdup(s) : NULL;
}

static int find_phdr(const struct reader *rd, unsigned type, GElf_Phdr *ret)
{
	for (size_t i = 0; i < rd->phdrs; i++)
		if (gelf_getphdr(rd->elf, (int)i, ret) && ret->p_type == type)
			return 1;
	return 0;
}

static int read_interp(const struct reader *rd, struct closure_elf *ret)
{
	GElf_Phdr ph;
	Elf_Data *d;

	if (!find_phdr(rd, PT_INTERP, &ph))
		return 0;
	d = ph.p_filesz <= PATH_MAX ? chunk(rd, ph.p_offset, ph.p_filesz, ELF_T_BYTE) : NULL;
	if (!d)
		return damaged(rd, "PT_INTERP lies outside of the file");
	ret->interp = chunk_string(d, 0);
	if (!ret->interp || ret->interp[0] != '/')
		return damaged(rd, "PT_INTERP is not an absolute path");
	return 0;
}

/* The string table's address becomes an offset by the segment that holds it. */
static Elf_Data *string_table(const struct reader *rd, uint64_t addr, uint64_t n)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < rd->phdrs; i++) {
		if (!gelf_getphdr(rd->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (addr - ph.p_vaddr < ph.p_filesz) {
			n = MIN(n, ph.p_filesz - (addr - ph.p_vaddr));
			return chunk(rd, ph.p_offset + (addr - ph.p_vaddr), n, ELF_T_BYTE);
		}
	}
	return NULL;
}

static int take_string(const struct reader *rd, uint64_t offset, char **ret)
{
	char *s = rd->strings ? chunk_string(rd->strings, offset) : NULL;

	if (!s)
		return damaged(rd, "a name lies outside of the string table");
	free(*ret);
	*ret = s;
	return 0;
}

static int take_needed(const struct reader *rd, uint64_t offset, struct closure_elf *ret)
{
	char **needed;

	if (ret->count == NEEDED_MAX)
		return damaged(rd, "too many libraries");
	needed = reallocarray(ret->needed, ret->count + 1, sizeof(*needed));
	if (!needed)
		return err_sys(rd->e, -ENOMEM, "%s", rd->path);
	ret->needed = needed;
	needed[ret->count] = NULL;
	ret->count++;
	return take_string(rd, offset, &needed[ret->count - 1]);
}

static int take_entry(const struct reader *rd, const GElf_Dyn *dyn, struct closure_elf *ret)
{
	switch (dyn->d_tag) {
	case DT_NEEDED:
		return take_needed(rd, dyn->d_un.d_val, ret);
	case DT_SONAME:
		return take_string(rd, dyn->d_un.d_val, &ret->soname);
	case DT_RPATH:
		return take_string(rd, dyn->d_un.d_val, &ret->rpath);
	case DT_RUNPATH:
		return take_string(rd, dyn->d_un.d_val, &ret->runpath);
	case DT_FLAGS_1:
		ret->nodeflib = dyn->d_un.d_val & DF_1_NODEFLIB;
		return 0;
	default:
		return 0;
	}
}

/* Up to DT_NULL; the whole section when there is none. */
static size_t count_entries(Elf_Data *d, size_t entry_bytes, uint64_t *ret_strtab,
			    uint64_t *ret_strsz)
{
	size_t max = d->d_size / entry_bytes, i;
	GElf_Dyn dyn;

	for (i = 0; i < max; i++) {
		if (!gelf_getdyn(d, (int)i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			*ret_strtab = dyn.d_un.d_ptr;
		if (dyn.d_tag == DT_STRSZ)
			*ret_strsz = dyn.d_un.d_val;
	}
	return i;
}

static int read_dynamic(struct reader *rd, struct closure_elf *ret)
{
	size_t entry_bytes = gelf_fsize(rd->elf, ELF_T_DYN, 1, EV_CURRENT), n;
	uint64_t strtab = 0, strsz = UINT64_MAX;
	GElf_Phdr ph;
	GElf_Dyn dyn;
	Elf_Data *d;
	int r;

	if (!find_phdr(rd, PT_DYNAMIC, &ph) || !ph.p_filesz)
		return 0;
	if (!entry_bytes || ph.p_filesz > DYNAMIC_MAX)
		return damaged(rd, "the dynamic section is too large");
	d = chunk(rd, ph.p_offset, ph.p_filesz / entry_bytes * entry_bytes, ELF_T_DYN);
	if (!d)
		return damaged(rd, "the dynamic section lies outside of the file");
	n = count_entries(d, entry_bytes, &strtab, &strsz);
	rd->strings = string_table(rd, strtab, strsz);
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getdyn(d, (int)i, &dyn))
			break;
		r = take_entry(rd, &dyn, ret);
		if (r < 0)
			return r;
	}
	if (ret->runpath) {
		free(ret->rpath);
		ret->rpath = NULL;
	}
	return 0;
}

int closure_elf_read(int fd, const char *path, struct closure_elf *ret, struct err *e)
{
	_cleanup_(closure_elf_fini) struct closure_elf out = { 0 };
	_cleanup_(cleanup_elf) Elf *elf = NULL;
	struct reader rd = { .path = path, .e = e };
	GElf_Ehdr eh;
	off_t size;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(e, -ENOSYS, "libelf: %s", elf_errmsg(-1));
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return err_sys(e, -errno, "read %s", path);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return err_set(e, -ENOEXEC, "%s: not an ELF file", path);
	rd.elf = elf;
	rd.file_bytes = (uint64_t)size;
	out.elf_class = eh.e_ident[EI_CLASS];
	out.machine = eh.e_machine;
	if (elf_getphdrnum(elf, &rd.phdrs) < 0)
		return damaged(&rd, "no program headers");
	r = read_interp(&rd, &out);
	if (r == 0)
		r = read_dynamic(&rd, &out);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct closure_elf){ 0 };
	return 0;
}
