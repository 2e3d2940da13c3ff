/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_ELF_MAKE_H
#define KTSTR_TEST_ELF_MAKE_H
/*
 * Makes small ELF files that say what they need and have no code: enough for
 * whoever computes a library closure, nothing that could run.
 */
#include <elf.h>
#include <string.h>

#include "base/buf.h"

#define ELF_MAKE_NEEDED_MAX 8

struct elf_make {
	uint16_t machine;		/* 0: x86-64 */
	unsigned char elf_class;	/* 0: 64 bit; only the byte is changed */
	const char *interp, *soname, *rpath, *runpath;
	const char *needed[ELF_MAKE_NEEDED_MAX + 1];
	bool nodeflib;
};

#define ELF_MAKE_VADDR 0x10000

struct elf_make_dyn {
	Elf64_Dyn entry[ELF_MAKE_NEEDED_MAX + 8];
	size_t count;
	struct buf strings;
};

static void elf_make_add(struct elf_make_dyn *d, Elf64_Sxword tag, uint64_t value)
{
	d->entry[d->count].d_tag = tag;
	d->entry[d->count++].d_un.d_val = value;
}

static void elf_make_string(struct elf_make_dyn *d, Elf64_Sxword tag, const char *s)
{
	if (!s)
		return;
	elf_make_add(d, tag, d->strings.len);
	buf_add(&d->strings, s, strlen(s) + 1);
}

/* Layout: header, three program headers, interpreter, strings, dynamic section. */
__attribute__((unused)) static void elf_make(const struct elf_make *m, struct buf *out)
{
	struct elf_make_dyn d = { .strings = BUF_INIT };
	size_t interp_bytes = m->interp ? strlen(m->interp) + 1 : 0;
	size_t interp_at = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
	size_t strings_at = interp_at + interp_bytes, dynamic_at;
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = m->machine ? m->machine : EM_X86_64,
		.e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = m->interp ? 3 : 2, .e_shentsize = sizeof(Elf64_Shdr),
	};
	Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = ELF_MAKE_VADDR },
		{ .p_type = PT_DYNAMIC, .p_flags = PF_R },
		{ .p_type = PT_INTERP, .p_offset = interp_at, .p_filesz = interp_bytes },
	};

	if (m->elf_class)
		eh.e_ident[EI_CLASS] = m->elf_class;
	buf_u8(&d.strings, 0);
	for (size_t i = 0; m->needed[i]; i++)
		elf_make_string(&d, DT_NEEDED, m->needed[i]);
	elf_make_string(&d, DT_SONAME, m->soname);
	elf_make_string(&d, DT_RPATH, m->rpath);
	elf_make_string(&d, DT_RUNPATH, m->runpath);
	if (m->nodeflib)
		elf_make_add(&d, DT_FLAGS_1, DF_1_NODEFLIB);
	elf_make_add(&d, DT_STRTAB, ELF_MAKE_VADDR + strings_at);
	elf_make_add(&d, DT_STRSZ, d.strings.len);
	elf_make_add(&d, DT_NULL, 0);
	dynamic_at = (strings_at + d.strings.len + 7) & ~(size_t)7;
	ph[1].p_offset = dynamic_at;
	ph[1].p_vaddr = ELF_MAKE_VADDR + dynamic_at;
	ph[1].p_filesz = ph[1].p_memsz = d.count * sizeof(d.entry[0]);
	ph[0].p_filesz = ph[0].p_memsz = dynamic_at + ph[1].p_filesz;
	buf_reset(out);
	buf_add(out, &eh, sizeof(eh));
	buf_add(out, ph, sizeof(ph));
	buf_add(out, m->interp, interp_bytes);
	buf_add(out, d.strings.data, d.strings.len);
	buf_align(out, 8);
	buf_add(out, d.entry, d.count * sizeof(d.entry[0]));
	buf_fini(&d.strings);
}

#endif
