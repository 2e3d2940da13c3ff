/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tiny-kernel KIND FILE: write a "kernel" of a few instructions as a vmlinux
 * (ELF, 64-bit entry). Plain integer instructions only, so that it runs on any
 * KVM, one that emulates included. For the tests of guests that go wrong.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define LOAD_ADDR 0x1000000

/*
 * Each kind is a piece of code between two labels, copied out of this program,
 * so it must not refer to anything outside itself.
 */
#define KIND(name, code)						\
	extern const uint8_t tiny_##name[], tiny_##name##_end[];	\
	__asm__(".pushsection .rodata\n"				\
		"tiny_" #name ":\n" code "\ntiny_" #name "_end:\n"	\
		".popsection\n")

/* Print the zero-terminated text behind label 9, then go on at label 8. */
#define PRINT						\
	"	lea	9f(%rip), %rsi\n"		\
	"	mov	$0x3f8, %edx\n"			\
	"1:	movzbl	(%rsi), %eax\n"			\
	"	test	%eax, %eax\n"			\
	"	jz	8f\n"				\
	"	out	%al, (%dx)\n"			\
	"	inc	%rsi\n"				\
	"	jmp	1b\n"

#define SPIN "8:	jmp	8b\n"

KIND(hang, SPIN);
KIND(halt, "	cli\n8:	hlt\n	jmp	8b\n");
/* an IDT without entries, then an address that is not mapped */
KIND(triple, "	lidt	9f(%rip)\n	mov	$1, %eax\n	shl	$45, %rax\n"
	     "	mov	(%rax), %eax\n9:	.fill 10, 1, 0\n");
KIND(print, "	mov	$0x3f8, %edx\n	mov	$0x78, %eax\n8:	out	%al, (%dx)\n	jmp	8b\n");
KIND(panic, PRINT SPIN "9:	.asciz \"[    0.5] Kernel panic - not syncing: tiny\\n\"\n");
KIND(oops, PRINT SPIN "9:	.asciz \"BUG: unable to handle page fault for address: tiny\\n\"\n");
KIND(banner, PRINT SPIN "9:	.asciz \"Linux version 0.0-tiny\\n\"\n");
KIND(reset, "	mov	$0xfe, %eax\n	out	%al, $0x64\n" SPIN);
/* SLP_EN and SLP_TYP 5 to PM1a control, after some memory that nobody claims */
KIND(off, "	mov	$0xd0000000, %ebx\n	movl	$1, (%rbx)\n	mov	(%rbx), %ecx\n"
	  "	mov	$0x604, %edx\n	mov	$0x3400, %eax\n	out	%ax, (%dx)\n" SPIN);

/* Read every page of the initramfs that boot_params (RSI) names, then power off. */
KIND(touch, "	mov	0x218(%rsi), %ebx\n	mov	0x21c(%rsi), %ecx\n"
	    "1:	mov	(%rbx), %al\n	add	$4096, %rbx\n	sub	$4096, %rcx\n	ja	1b\n"
	    "	mov	$0x604, %edx\n	mov	$0x3400, %eax\n	out	%ax, (%dx)\n" SPIN);

static const struct {
	const char *name;
	const uint8_t *start, *end;
} kinds[] = {
	{ "hang", tiny_hang, tiny_hang_end },
	{ "halt", tiny_halt, tiny_halt_end },
	{ "triple", tiny_triple, tiny_triple_end },
	{ "print", tiny_print, tiny_print_end },
	{ "panic", tiny_panic, tiny_panic_end },
	{ "oops", tiny_oops, tiny_oops_end },
	{ "banner", tiny_banner, tiny_banner_end },
	{ "reset", tiny_reset, tiny_reset_end },
	{ "off", tiny_off, tiny_off_end },
	{ "touch", tiny_touch, tiny_touch_end },
};

static int write_elf(const char *path, const uint8_t *code, size_t n)
{
	struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr phdr;
	} head = {
		.ehdr = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = LOAD_ADDR,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.phdr = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_offset = sizeof(head),
			.p_vaddr = 0xffffffff80000000 + LOAD_ADDR,
			.p_paddr = LOAD_ADDR,
			.p_filesz = n,
			.p_memsz = n,
			.p_align = 0x1000,
		},
	};
	FILE *f = fopen(path, "wb");
	int ok;

	if (!f)
		return 1;
	ok = fwrite(&head, sizeof(head), 1, f) == 1 && fwrite(code, n, 1, f) == 1;
	return fclose(f) != 0 || !ok;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: tiny-kernel KIND FILE\n");
		return 64;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].name))
			continue;
		if (write_elf(argv[2], kinds[i].start, (size_t)(kinds[i].end - kinds[i].start))) {
			perror(argv[2]);
			return 1;
		}
		return 0;
	}
	fprintf(stderr, "tiny-kernel: no kind %s\n", argv[1]);
	return 64;
}
