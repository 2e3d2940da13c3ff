/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_KERNEL_MAKE_H
#define KTSTR_TEST_KERNEL_MAKE_H
/* Files that look like kernels from outside, for whoever only files them. */
#include <asm/bootparam.h>
#include <elf.h>
#include <string.h>

#include "base/buf.h"

/* A bzImage of this release; content tells two of the same release apart. */
__attribute__((unused))
static void make_bzimage(struct buf *b, const char *release, const char *content)
{
	struct setup_header h = {
		.setup_sects = 1, .boot_flag = 0xaa55, .jump = 0x66eb, .header = 0x53726448,
		.version = 0x020f, .kernel_version = 0x100, .loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64, .syssize = 4096 / 16, .init_size = 1 << 20,
		.pref_address = 0x1000000, .initrd_addr_max = 0x7fffffff, .cmdline_size = 2047,
		.kernel_alignment = 0x200000,
	};
	size_t n = 1024 + 4096;

	buf_reset(b);
	buf_add_zero(b, n);
	memcpy(b->data + 0x1f1, &h, sizeof(h));
	memcpy(b->data + 0x300, release, strlen(release));
	memcpy(b->data + 2048, content, strlen(content));
}

/* A vmlinux whose .rodata has the banner that tells its release. */
__attribute__((unused))
static void make_vmlinux(struct buf *b, const char *release)
{
	static const char names[] = "\0.rodata\0.shstrtab";
	const size_t page = 4096, names_at = 2 * page, sections_at = names_at + 64;
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_entry = 0x1000000, .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1, .e_shentsize = sizeof(Elf64_Shdr),
		.e_shoff = sections_at, .e_shnum = 3, .e_shstrndx = 2,
	};
	Elf64_Phdr ph = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = page, .p_vaddr = 0x1000000,
		.p_paddr = 0x1000000, .p_filesz = page, .p_memsz = 2 * page,
	};
	Elf64_Shdr sections[3] = {
		[1] = { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = page, .sh_size = page },
		[2] = { .sh_name = 9, .sh_type = SHT_STRTAB, .sh_offset = names_at,
			.sh_size = sizeof(names) },
	};

	buf_reset(b);
	buf_add(b, &eh, sizeof(eh));
	buf_add(b, &ph, sizeof(ph));
	buf_align(b, page);
	buf_fmt(b, "Linux version %s (gcc) #1 SMP\n", release);
	buf_align(b, page);
	buf_add(b, names, sizeof(names));
	buf_add_zero(b, sections_at - b->len);
	buf_add(b, sections, sizeof(sections));
}

#endif
