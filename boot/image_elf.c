/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmlinux: the ELF file that a bzImage packs. Loaded by physical address; its
 * entry is the 64-bit entry of the boot protocol already (startup_64, see
 * phys_startup_64 in arch/x86/kernel/vmlinux.lds.S), so it starts without a
 * decompressor. Read by hand, as only program headers and one section matter.
 */
#include <asm/bootparam.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/image.h"

#define PHDRS_MAX 64
#define SHDRS_MAX 1024
#define NAMES_MAX (64 * KIB)
/* the banner is among the first of .rodata; do not read a large file for it */
#define BANNER_SEARCH_MAX (4 * MIB)
#define BANNER "Linux version "
/* COMMAND_LINE_SIZE of arch/x86/include/asm/setup.h, less the NUL */
#define X86_CMDLINE_MAX 2047

static const struct {
	unsigned id;
	const char *name;
} machines[] = {
	{ EM_386, "i386" },
	{ EM_AARCH64, "aarch64" },
	{ EM_ARM, "arm" },
	{ EM_RISCV, "riscv" },
	{ EM_PPC64, "ppc64" },
	{ EM_S390, "s390" },
	{ EM_MIPS, "mips" },
	{ EM_BPF, "bpf" },
	{ 258, "loongarch" },	/* EM_LOONGARCH is missing in glibc 2.36 */
};

static const char *const types[] = {
	[ET_NONE] = "of no type",
	[ET_REL] = "an object file or module",
	[ET_EXEC] = NULL,
	[ET_DYN] = "a shared object or a user program",
	[ET_CORE] = "a core dump",
};

static int check_header(const Elf64_Ehdr *h, struct err *e)
{
	if (h->e_ident[EI_CLASS] == ELFCLASS32)
		return err_set(e, -ENOEXEC, "a 32-bit ELF file; x86-64 kernels boot here");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(e, -ENOEXEC, "not an ELF file of x86-64 (class %u, data %u)",
			       h->e_ident[EI_CLASS], h->e_ident[EI_DATA]);
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (h->e_machine == machines[i].id)
			return err_set(e, -ENOEXEC, "made for %s; x86-64 kernels boot here",
				       machines[i].name);
	if (h->e_machine != EM_X86_64)
		return err_set(e, -ENOEXEC, "made for machine %u; x86-64 kernels boot here",
			       h->e_machine);
	if (h->e_type >= ARRAY_SIZE(types))
		return err_set(e, -ENOEXEC, "not a kernel: an ELF file of type %u", h->e_type);
	if (types[h->e_type])
		return err_set(e, -ENOEXEC, "not a kernel: %s", types[h->e_type]);
	if (!h->e_phnum || h->e_phnum > PHDRS_MAX || h->e_phentsize != sizeof(Elf64_Phdr))
		return err_set(e, -ENOEXEC,
			       "not a kernel: %u program headers of %u bytes, 1 to %d of %zu are known",
			       h->e_phnum, h->e_phentsize, PHDRS_MAX, sizeof(Elf64_Phdr));
	return 0;
}

static int read_phdrs(const struct boot_image *img, const Elf64_Ehdr *h,
		      Elf64_Phdr p[PHDRS_MAX], struct err *e)
{
	size_t n = h->e_phnum * sizeof(*p);
	int r;

	if (!boot_image_has(img, h->e_phoff, n))
		return err_set(e, -ENOEXEC,
			       "truncated: program headers at 0x%" PRIx64 ", the file ends at 0x%"
			       PRIx64, (uint64_t)h->e_phoff, img->file_bytes);
	r = boot_image_read(img, h->e_phoff, p, n);
	return r < 0 ? err_sys(e, r, "read program headers") : 0;
}

static bool is_loaded(const Elf64_Phdr *p)
{
	return p->p_type == PT_LOAD && p->p_memsz;
}

/* One PT_LOAD: bounded by the file and by the guest's low memory. */
static int add_segment(struct boot_image *img, const Elf64_Phdr *p, uint64_t *end,
		       struct err *e)
{
	if (p->p_paddr < BOOT_GPA_HIGH || p->p_paddr >= BOOT_GPA_MAX ||
	    p->p_memsz > BOOT_GPA_MAX - p->p_paddr)
		return err_set(e, -ENOEXEC,
			       "not a kernel: a segment of 0x%" PRIx64 " bytes at physical 0x%"
			       PRIx64 ", must be from 1 MiB to 3 GiB",
			       (uint64_t)p->p_memsz, (uint64_t)p->p_paddr);
	if (p->p_filesz > p->p_memsz)
		return err_set(e, -ENOEXEC, "damaged: a segment larger in the file than in memory");
	if (!boot_image_has(img, p->p_offset, p->p_filesz))
		return err_set(e, -ENOEXEC,
			       "truncated: %" PRIu64 " bytes, a segment has %" PRIu64
			       " bytes at %" PRIu64, img->file_bytes, (uint64_t)p->p_filesz,
			       (uint64_t)p->p_offset);
	if (img->segments == BOOT_SEGMENTS_MAX)
		return err_set(e, -ENOEXEC, "not a kernel: more than %d segments",
			       BOOT_SEGMENTS_MAX);
	img->segment[img->segments++] = (struct boot_segment){
		.offset = p->p_offset, .bytes = p->p_filesz, .gpa = p->p_paddr,
	};
	img->load_gpa = MIN(img->load_gpa, p->p_paddr);
	*end = MAX(*end, p->p_paddr + p->p_memsz);
	return 0;
}

/*
 * A static user program looks like a kernel but for two things: the C library
 * needs thread-local storage, and it is linked where it runs, low.
 */
static int check_entry(const Elf64_Ehdr *h, const Elf64_Phdr *p, struct err *e)
{
	for (unsigned i = 0; i < h->e_phnum; i++) {
		bool high = p[i].p_vaddr >> 63;

		/* add_segment() has checked those that are loaded, hence the sum */
		if (!is_loaded(&p[i]) || h->e_entry < p[i].p_paddr ||
		    h->e_entry >= p[i].p_paddr + p[i].p_filesz)
			continue;
		if (high || p[i].p_paddr >= 16 * MIB)
			return 0;
		return err_set(e, -ENOEXEC,
			       "not a kernel: its code is linked at 0x%" PRIx64
			       ", like a user program", (uint64_t)p[i].p_vaddr);
	}
	return err_set(e, -ENOEXEC,
		       "not a kernel: no code at the physical address of its entry, 0x%" PRIx64,
		       (uint64_t)h->e_entry);
}

static int add_segments(struct boot_image *img, const Elf64_Ehdr *h, const Elf64_Phdr *p,
			struct err *e)
{
	uint64_t end = 0;
	int r;

	img->load_gpa = BOOT_GPA_MAX;
	for (unsigned i = 0; i < h->e_phnum; i++) {
		if (p[i].p_type == PT_INTERP || p[i].p_type == PT_DYNAMIC || p[i].p_type == PT_TLS)
			return err_set(e, -ENOEXEC, "not a kernel: a user program");
		if (!is_loaded(&p[i]))
			continue;
		r = add_segment(img, &p[i], &end, e);
		if (r < 0)
			return r;
	}
	if (!img->segments)
		return err_set(e, -ENOEXEC, "not a kernel: nothing to load (no PT_LOAD)");
	img->memory_bytes = end - img->load_gpa;
	return 0;
}

/* Find .rodata; false when the file does not say where it is. */
static bool find_rodata(const struct boot_image *img, const Elf64_Ehdr *h, uint64_t *ret_offset,
			uint64_t *ret_bytes)
{
	size_t table = h->e_shnum * sizeof(Elf64_Shdr);
	_cleanup_free_ Elf64_Shdr *s = NULL;
	_cleanup_free_ char *names = NULL;
	const Elf64_Shdr *n;

	if (h->e_shnum > SHDRS_MAX || h->e_shentsize != sizeof(*s) ||
	    h->e_shstrndx >= h->e_shnum || !boot_image_has(img, h->e_shoff, table))
		return false;
	s = malloc(table);
	if (!s || boot_image_read(img, h->e_shoff, s, table) < 0)
		return false;
	n = &s[h->e_shstrndx];
	if (n->sh_size > NAMES_MAX || !boot_image_has(img, n->sh_offset, n->sh_size))
		return false;
	names = calloc(1, n->sh_size + 1);
	if (!names || boot_image_read(img, n->sh_offset, names, n->sh_size) < 0)
		return false;
	for (unsigned i = 0; i < h->e_shnum; i++) {
		if (s[i].sh_type != SHT_PROGBITS || s[i].sh_name >= n->sh_size ||
		    strcmp(names + s[i].sh_name, ".rodata") != 0 ||
		    !boot_image_has(img, s[i].sh_offset, s[i].sh_size))
			continue;
		*ret_offset = s[i].sh_offset;
		*ret_bytes = s[i].sh_size;
		return true;
	}
	return false;
}

/* Look for the banner in text; one that starts in the last keep bytes is left alone. */
static void scan_banner(struct boot_image *img, const char *text, size_t n, size_t keep)
{
	const char *p = text;

	while (!img->release[0]) {
		p = memmem(p, (size_t)(text + n - p), BANNER, strlen(BANNER));
		if (!p || (size_t)(text + n - p) < keep)
			return;
		p += strlen(BANNER);
		boot_image_set_release(img, p, (size_t)(text + n - p));
	}
}

/* "Linux version 6.12.117 (...)": linux_banner of init/version-timestamp.c. */
static void elf_release(struct boot_image *img, const Elf64_Ehdr *h)
{
	const size_t chunk = 64 * KIB, keep = sizeof(BANNER) + sizeof(img->release);
	_cleanup_free_ char *text = malloc(chunk);
	uint64_t offset, bytes;

	if (!text || !find_rodata(img, h, &offset, &bytes))
		return;
	bytes = MIN(bytes, BANNER_SEARCH_MAX);
	/* the chunks overlap by what was left alone, so that no banner is cut */
	for (uint64_t at = 0; at < bytes && !img->release[0]; at += chunk - keep) {
		size_t n = MIN(chunk, bytes - at);

		if (boot_image_read(img, offset + at, text, n) < 0)
			return;
		scan_banner(img, text, n, n == chunk ? keep : 0);
	}
}

int boot_elf_inspect(struct boot_image *img, const uint8_t *head, struct err *e)
{
	struct setup_header made_up = {
		.boot_flag = 0xaa55,
		.header = 0x53726448,	/* "HdrS" */
		.version = 0x020f,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.kernel_alignment = 16 * MIB,
		.initrd_addr_max = 0x7fffffff,	/* as the bzImages of the same kernels say */
		.cmdline_size = X86_CMDLINE_MAX,
	};
	Elf64_Phdr p[PHDRS_MAX];
	Elf64_Ehdr h;
	int r;

	if (img->file_bytes < sizeof(h))
		return err_set(e, -ENOEXEC, "truncated: an ELF file of %" PRIu64 " bytes",
			       img->file_bytes);
	memcpy(&h, head, sizeof(h));
	r = check_header(&h, e);
	if (r == 0)
		r = read_phdrs(img, &h, p, e);
	if (r == 0)
		r = add_segments(img, &h, p, e);
	if (r == 0)
		r = check_entry(&h, p, e);
	if (r < 0)
		return r;
	img->format = BOOT_VMLINUX;
	img->entry_gpa = h.e_entry;
	img->initrd_max = made_up.initrd_addr_max;
	img->cmdline_max = made_up.cmdline_size;
	memcpy(img->setup_header, &made_up, sizeof(made_up));
	img->setup_header_len = sizeof(made_up);
	elf_release(img, &h);
	return 0;
}
