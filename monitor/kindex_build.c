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

#define SYMBOLS_MAX (UINT32_C(1) << 24)
#define NAMES_MAX (UINT32_C(1) << 30)

struct symbol {
	uint64_t addr;
	uint32_t name;
	uint32_t number;		/* as it came; after the sort by address: its place there */
	uint8_t kind;
};

struct build {
	const uint8_t *file;
	size_t n;
	Elf *elf;
	size_t phdrs;
	struct symbol *sym;
	size_t count, cap;
	struct buf names;
	const uint8_t *btf;
	size_t btf_bytes;
	struct kindex_head head;
};

static void build_fini(struct build *b)
{
	elf_end(b->elf);
	free(b->sym);
	buf_fini(&b->names);
}

/* --- symbols --------------------------------------------------------------- */

static int add_symbol(struct build *b, uint64_t addr, bool is_code, const char *name, size_t len)
{
	if (b->count == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 1 << 14;
		struct symbol *p = cap <= SYMBOLS_MAX ?
				   reallocarray(b->sym, cap, sizeof(*p)) : NULL;

		if (!p)
			return -ENOMEM;
		b->sym = p;
		b->cap = cap;
	}
	if (b->names.len > NAMES_MAX)
		return -ENOMEM;
	b->sym[b->count] = (struct symbol){
		.addr = addr, .name = (uint32_t)b->names.len, .number = (uint32_t)b->count,
		.kind = is_code ? KINDEX_CODE : KINDEX_DATA,
	};
	b->count++;
	buf_add(&b->names, name, len);
	buf_u8(&b->names, 0);
	return 0;
}

static int on_kallsym(uint64_t addr, char type, const char *name, size_t len, void *arg)
{
	return add_symbol(arg, addr, strchr("tTwW", type) != NULL, name, len);
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
	return add_symbol(b, sym->st_value,
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

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int by_name(const void *a, const void *b, void *names)
{
	const struct symbol *x = a, *y = b;
	int r = strcmp((char *)names + x->name, (char *)names + y->name);

	return r ? r : x->number < y->number ? -1 : x->number > y->number;
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

static void read_notes(struct build *b, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t at = 0, name, desc;
	GElf_Nhdr nh;

	while (data && (at = gelf_getnote(data, at, &nh, &name, &desc)) > 0) {
		if (nh.n_type != NT_GNU_BUILD_ID || nh.n_descsz > KINDEX_BUILD_ID_MAX ||
		    nh.n_namesz != 4 || memcmp((char *)data->d_buf + name, "GNU", 4))
			continue;
		memcpy(b->head.build_id, (char *)data->d_buf + desc, nh.n_descsz);
		b->head.build_id_bytes = nh.n_descsz;
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
			b->btf = b->file + sh.sh_offset;
			b->btf_bytes = sh.sh_size;
		}
	}
	return r;
}

static void read_banner(struct build *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const uint8_t *p;
		size_t n;

		if (strcmp((char *)b->names.data + b->sym[i].name, "linux_banner"))
			continue;
		p = at_address(b, b->sym[i].addr, &n);
		if (p)
			memcpy(b->head.banner, p,
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
	int r = open_elf(b, e);

	if (r < 0)
		return r;
	r = read_sections(b);
	if (r < 0)
		return err_sys(e, r, "symbols");
	if (!b->count)
		r = kallsyms_decode(b->file, b->n, on_kallsym, b, e);
	if (r < 0)
		return r == -ENODATA ? err_ctx(e, r, "no .symtab and")
				     : err_sys(e, r, "symbols");
	if (!b->btf)
		return err_set(e, -ENODATA, "no types (CONFIG_DEBUG_INFO_BTF)");
	read_banner(b);
	return buf_ok(&b->names) ? 0 : err_sys(e, -ENOMEM, "symbols");
}

static void write_all(struct build *b, struct buf *out)
{
	qsort(b->sym, b->count, sizeof(*b->sym), by_addr);
	for (size_t i = 0; i < b->count; i++)
		b->sym[i].number = (uint32_t)i;
	memcpy(b->head.magic, KINDEX_MAGIC, sizeof(b->head.magic));
	b->head.symbols = (uint32_t)b->count;
	b->head.names_bytes = (uint32_t)b->names.len;
	b->head.btf_bytes = (uint32_t)b->btf_bytes;
	buf_add(out, &b->head, sizeof(b->head));
	for (size_t i = 0; i < b->count; i++)
		buf_le64(out, b->sym[i].addr);
	for (size_t i = 0; i < b->count; i++)
		buf_le32(out, b->sym[i].name);
	qsort_r(b->sym, b->count, sizeof(*b->sym), by_name, b->names.data);
	for (size_t i = 0; i < b->count; i++)
		buf_le32(out, b->sym[i].number);
	qsort(b->sym, b->count, sizeof(*b->sym), by_addr);
	for (size_t i = 0; i < b->count; i++)
		buf_u8(out, b->sym[i].kind);
	buf_add(out, b->names.data, b->names.len);
	buf_add(out, b->btf, b->btf_bytes);
}

int kindex_build(const uint8_t *elf, size_t n, struct buf *ret, struct err *e)
{
	_cleanup_(build_fini) struct build b = { .file = elf, .n = n };
	int r = collect(&b, e);

	if (r < 0)
		return r;
	write_all(&b, ret);
	return buf_ok(ret) ? 0 : err_sys(e, -ENOMEM, "index of the kernel");
}
