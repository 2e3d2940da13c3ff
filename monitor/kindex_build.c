/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making an index from a vmlinux. The ELF structure is libelf's to read; every
 * offset that it gives is checked against the file.
 */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "monitor/kallsyms.h"
#include "monitor/kindex_private.h"

struct build {
	const uint8_t *file;
	size_t n;
	Elf *elf;
	size_t phdrs;
	struct kindex_draft draft;
};

static void build_fini(struct build *b)
{
	elf_end(b->elf);
	kindex_draft_fini(&b->draft);
}

/* --- symbols --------------------------------------------------------------- */

static int on_kallsym(uint64_t addr, char type, const char *name, size_t len, void *arg)
{
	struct build *b = arg;

	return kindex_draft_add(&b->draft, addr, kindex_is_code(type), name, len);
}

/* Is a symbol in this section code? */
static bool is_code_section(struct build *b, size_t shndx)
{
	Elf_Scn *scn = elf_getscn(b->elf, shndx);
	GElf_Shdr sh;

	return scn && gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR;
}

static int add_elf_symbol(struct build *b, const GElf_Sym *sym, const char *name)
{
	const int type = GELF_ST_TYPE(sym->st_info);

	if (!name || !*name || sym->st_shndx == SHN_UNDEF || type == STT_SECTION ||
	    type == STT_FILE)
		return 0;
	return kindex_draft_add(&b->draft, sym->st_value,
			  type == STT_FUNC ||
			  (type == STT_NOTYPE && sym->st_shndx < SHN_LORESERVE &&
			   is_code_section(b, sym->st_shndx)), name, strlen(name));
}

static int read_symtab(struct build *b, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;
	int r = 0;

	if (!data || !sh->sh_entsize)
		return 0;
	for (int i = 0; r == 0 && gelf_getsym(data, i, &sym); i++)
		r = add_elf_symbol(b, &sym, elf_strptr(b->elf, sh->sh_link, sym.st_name));
	return r;
}

/* --- the rest of the ELF ---------------------------------------------------- */

/* n bytes at most of what is linked at addr, in the file; NULL: not there. */
static const uint8_t *at_address(struct build *b, uint64_t addr, size_t *ret_n)
{
	for (size_t i = 0; i < b->phdrs; i++) {
		GElf_Phdr ph;
		uint64_t off;

		if (!gelf_getphdr(b->elf, (int)i, &ph) || ph.p_type != PT_LOAD ||
		    addr < ph.p_vaddr || addr - ph.p_vaddr >= ph.p_filesz)
			continue;
		off = addr - ph.p_vaddr;
		if (ph.p_offset > b->n || ph.p_filesz > b->n - ph.p_offset)
			return NULL;
		*ret_n = ph.p_filesz - off;
		return b->file + ph.p_offset + off;
	}
	return NULL;
}

static uint64_t linked_at(size_t at, void *arg)
{
	struct build *b = arg;

	for (size_t i = 0; i < b->phdrs; i++) {
		GElf_Phdr ph;

		if (gelf_getphdr(b->elf, (int)i, &ph) && ph.p_type == PT_LOAD &&
		    at >= ph.p_offset && at - ph.p_offset < ph.p_filesz)
			return ph.p_vaddr + (at - ph.p_offset);
	}
	return 0;
}

static void read_notes(struct build *b, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t at = 0, name, desc;
	GElf_Nhdr nh;

	while (data && (at = gelf_getnote(data, at, &nh, &name, &desc)) > 0) {
		if (nh.n_type != NT_GNU_BUILD_ID || nh.n_descsz > KINDEX_BUILD_ID_MAX ||
		    nh.n_namesz != 4 || memcmp((char *)data->d_buf + name, "GNU", 4))
			continue;
		memcpy(b->draft.head.build_id, (char *)data->d_buf + desc, nh.n_descsz);
		b->draft.head.build_id_bytes = nh.n_descsz;
	}
}

static int read_sections(struct build *b)
{
	size_t strings;
	Elf_Scn *scn = NULL;
	int r = 0;

	if (elf_getshdrstrndx(b->elf, &strings) < 0)
		return 0;
	while (r == 0 && (scn = elf_nextscn(b->elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			continue;
		name = elf_strptr(b->elf, strings, sh.sh_name);
		if (sh.sh_type == SHT_SYMTAB)
			r = read_symtab(b, scn, &sh);
		else if (sh.sh_type == SHT_NOTE)
			read_notes(b, scn);
		else if (name && !strcmp(name, ".BTF") && sh.sh_type != SHT_NOBITS &&
			 sh.sh_offset <= b->n && sh.sh_size <= b->n - sh.sh_offset &&
			 sh.sh_size <= UINT32_MAX) {
			b->draft.btf = b->file + sh.sh_offset;
			b->draft.btf_bytes = sh.sh_size;
		}
	}
	return r;
}

static void read_banner(struct build *b)
{
	for (size_t i = 0; i < b->draft.count; i++) {
		const uint8_t *p;
		size_t n;

		if (strcmp((char *)b->draft.names.data + b->draft.sym[i].name, "linux_banner"))
			continue;
		p = at_address(b, b->draft.sym[i].addr, &n);
		if (p)
			memcpy(b->draft.head.banner, p,
			       strnlen((const char *)p, MIN(n, KINDEX_BANNER_MAX - (size_t)1)));
		return;
	}
}

/* --- all ------------------------------------------------------------------- */

static int open_elf(struct build *b, struct err *e)
{
	GElf_Ehdr eh;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(e, -ENOSYS, "libelf: %s", elf_errmsg(-1));
	b->elf = elf_memory((char *)(uintptr_t)b->file, b->n);
	if (!b->elf || elf_kind(b->elf) != ELF_K_ELF || !gelf_getehdr(b->elf, &eh) ||
	    gelf_getclass(b->elf) != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_type != ET_EXEC || elf_getphdrnum(b->elf, &b->phdrs) < 0)
		return err_set(e, -ENOEXEC, "not a 64-bit ELF vmlinux");
	return 0;
}

static int collect(struct build *b, struct err *e)
{
	const struct kallsyms_image image = {
		.bytes = b->file, .n = b->n, .linked = linked_at, .arg = b,
	};
	int r = open_elf(b, e);

	if (r < 0)
		return r;
	r = read_sections(b);
	if (r < 0)
		return err_sys(e, r, "symbols");
	if (!b->draft.count)
		r = kallsyms_decode(&image, on_kallsym, b, e);
	if (r < 0)
		return r == -ENODATA ? err_ctx(e, r, "no .symtab and")
				     : err_sys(e, r, "symbols");
	if (!b->draft.btf)
		return err_set(e, -ENODATA, "no types (CONFIG_DEBUG_INFO_BTF)");
	read_banner(b);
	return 0;
}

int kindex_build(const uint8_t *elf, size_t n, struct buf *ret, struct err *e)
{
	_cleanup_(build_fini) struct build b = { .file = elf, .n = n };
	int r = collect(&b, e);

	if (r < 0)
		return r;
	return kindex_draft_write(&b.draft, ret, e);
}
