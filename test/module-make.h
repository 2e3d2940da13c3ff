/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_MODULE_MAKE_H
#define KTSTR_TEST_MODULE_MAKE_H
/* Files that look like kernel modules: an ELF object with nothing but .modinfo. */
#include <elf.h>
#include <string.h>

#include "base/buf.h"

/* modinfo: "key=value" strings, each with its NUL. */
__attribute__((unused))
static void make_module_raw(struct buf *b, const char *modinfo, size_t n)
{
	static const char names[] = "\0.modinfo\0.shstrtab";
	const size_t info_at = 64, names_at = (info_at + n + 7) & ~(size_t)7;
	const size_t table_at = names_at + 24;
	const Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr), .e_shentsize = sizeof(Elf64_Shdr),
		.e_shoff = table_at, .e_shnum = 3, .e_shstrndx = 2,
	};
	const Elf64_Shdr sections[3] = {
		[1] = { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = info_at, .sh_size = n },
		[2] = { .sh_name = 10, .sh_type = SHT_STRTAB, .sh_offset = names_at,
			.sh_size = sizeof(names) },
	};

	buf_reset(b);
	buf_add(b, &eh, sizeof(eh));
	buf_add(b, modinfo, n);
	buf_add_zero(b, names_at - b->len);
	buf_add(b, names, sizeof(names));
	buf_add_zero(b, table_at - b->len);
	buf_add(b, sections, sizeof(sections));
}

/* A module that needs these: "a,b", or "". */
__attribute__((unused))
static void make_module(struct buf *b, const char *depends)
{
	struct buf info = { 0 };

	buf_str(&info, "license=GPL");
	buf_u8(&info, 0);
	buf_fmt(&info, "depends=%s", depends);
	buf_u8(&info, 0);
	buf_str(&info, "vermagic=6.1.0 SMP");
	buf_u8(&info, 0);
	make_module_raw(b, (const char *)info.data, info.len);
	buf_fini(&info);
}

#endif
