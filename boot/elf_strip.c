/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cuts debug sections out of an executable. The front of the file, up to the
 * end of the last segment, is taken as it is; of the sections behind it those
 * are appended that are not for debuggers, then the table of sections. A file
 * that does not look like what a linker writes is left alone.
 */
#include "boot/elf_strip.h"

#include <elf.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"

#define ALIGN_MAX 4096

struct strip {
	const struct buf *file;
	Elf64_Ehdr eh;
	Elf64_Shdr *sh;			/* a copy, which becomes the new table */
	const char *names;
	uint64_t names_bytes;
	uint64_t front;			/* bytes that stay where they are */
};

static bool inside(const struct strip *s, uint64_t offset, uint64_t bytes)
{
	return offset <= s->file->len && bytes <= s->file->len - offset;
}

static bool has_bytes(const Elf64_Shdr *sh)
{
	return sh->sh_type != SHT_NULL && sh->sh_type != SHT_NOBITS && sh->sh_size;
}

static bool is_debug(const struct strip *s, const Elf64_Shdr *sh)
{
	static const char prefix[] = ".debug_";
	const size_t n = sizeof(prefix) - 1;

	return sh->sh_type == SHT_PROGBITS && !(sh->sh_flags & SHF_ALLOC) &&
	       s->names_bytes >= n && sh->sh_name <= s->names_bytes - n &&
	       !memcmp(s->names + sh->sh_name, prefix, n);
}

static bool read_headers(struct strip *s)
{
	const Elf64_Shdr *names;
	uint64_t table;

	if (s->file->len < sizeof(s->eh))
		return false;
	memcpy(&s->eh, s->file->data, sizeof(s->eh));
	table = (uint64_t)s->eh.e_shnum * sizeof(*s->sh);
	if (memcmp(s->eh.e_ident, ELFMAG, SELFMAG) || s->eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    s->eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (s->eh.e_type != ET_EXEC && s->eh.e_type != ET_DYN) ||
	    s->eh.e_shentsize != sizeof(*s->sh) || s->eh.e_phentsize != sizeof(Elf64_Phdr) ||
	    s->eh.e_shstrndx >= s->eh.e_shnum || !inside(s, s->eh.e_shoff, table))
		return false;
	s->sh = malloc(table);
	if (!s->sh)
		return false;
	memcpy(s->sh, s->file->data + s->eh.e_shoff, table);
	names = &s->sh[s->eh.e_shstrndx];
	if (names->sh_type != SHT_STRTAB || !inside(s, names->sh_offset, names->sh_size))
		return false;
	s->names = (const char *)s->file->data + names->sh_offset;
	s->names_bytes = names->sh_size;
	return true;
}

/* What is loaded, and what describes it, ends here. */
static bool find_front(struct strip *s)
{
	uint64_t table = (uint64_t)s->eh.e_phnum * sizeof(Elf64_Phdr);
	Elf64_Phdr ph;

	if (!inside(s, s->eh.e_phoff, table))
		return false;
	s->front = MAX(sizeof(s->eh), s->eh.e_phoff + table);
	for (unsigned i = 0; i < s->eh.e_phnum; i++) {
		memcpy(&ph, s->file->data + s->eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (!inside(s, ph.p_offset, ph.p_filesz))
			return false;
		s->front = MAX(s->front, ph.p_offset + ph.p_filesz);
	}
	for (unsigned i = 0; i < s->eh.e_shnum; i++) {
		const Elf64_Shdr *sh = &s->sh[i];

		if (!has_bytes(sh))
			continue;
		if (!inside(s, sh->sh_offset, sh->sh_size))
			return false;
		if (sh->sh_flags & SHF_ALLOC)
			s->front = MAX(s->front, sh->sh_offset + sh->sh_size);
	}
	return true;
}

/* Nothing lies across the border, refers to what goes, or is in no section. */
static bool is_plain(const struct strip *s)
{
	uint64_t end = MAX(s->front, s->eh.e_shoff + (uint64_t)s->eh.e_shnum * sizeof(*s->sh));

	for (unsigned i = 0; i < s->eh.e_shnum; i++) {
		const Elf64_Shdr *sh = &s->sh[i];

		if (sh->sh_link >= s->eh.e_shnum || is_debug(s, &s->sh[sh->sh_link]))
			return false;
		if ((sh->sh_type == SHT_REL || sh->sh_type == SHT_RELA) &&
		    (sh->sh_info >= s->eh.e_shnum || is_debug(s, &s->sh[sh->sh_info])))
			return false;
		if (!has_bytes(sh))
			continue;
		end = MAX(end, sh->sh_offset + sh->sh_size);
		if (sh->sh_offset < s->front &&
		    (is_debug(s, sh) || sh->sh_offset + sh->sh_size > s->front))
			return false;
		if (sh->sh_addralign > ALIGN_MAX ||
		    (sh->sh_addralign & (sh->sh_addralign - 1)))
			return false;
	}
	return end == s->file->len;	/* some programs have data behind them */
}

static bool write_out(struct strip *s, struct buf *ret)
{
	buf_add(ret, s->file->data, s->front);
	for (unsigned i = 0; i < s->eh.e_shnum; i++) {
		Elf64_Shdr *sh = &s->sh[i];

		if (is_debug(s, sh)) {
			*sh = (Elf64_Shdr){ .sh_type = SHT_NULL };
		} else if (has_bytes(sh) && sh->sh_offset >= s->front) {
			buf_align(ret, MAX(sh->sh_addralign, 1));
			buf_add(ret, s->file->data + sh->sh_offset, sh->sh_size);
			sh->sh_offset = ret->len - sh->sh_size;
		}
	}
	buf_align(ret, 8);
	s->eh.e_shoff = ret->len;
	buf_add(ret, s->sh, (uint64_t)s->eh.e_shnum * sizeof(*s->sh));
	if (!buf_ok(ret) || ret->len >= s->file->len)
		return false;
	memcpy(ret->data, &s->eh, sizeof(s->eh));
	return true;
}

bool elf_strip_debug(const struct buf *file, struct buf *ret)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT;
	struct strip s = { .file = file };
	bool ok = read_headers(&s) && find_front(&s) && is_plain(&s) && write_out(&s, &out);

	free(s.sh);
	*ret = (struct buf)BUF_INIT;
	if (!ok)
		return false;
	*ret = out;
	out = (struct buf)BUF_INIT;
	return true;
}
