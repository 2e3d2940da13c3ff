/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_VMLINUX_MAKE_H
#define KTSTR_TEST_VMLINUX_MAKE_H
/*
 * Makes a vmlinux without code: sections, symbols, BTF, banner and build-id where
 * a kernel has them. Its image is one section, linked at VMLINUX_TEXT.
 */
#include <bpf/btf.h>
#include <elf.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "test/kallsyms-make.h"

#define VMLINUX_TEXT UINT64_C(0xffffffff81000000)
#define VMLINUX_IMAGE_BYTES 0x8000u
#define VMLINUX_END (VMLINUX_TEXT + (UINT64_C(4) << 20))
#define VMLINUX_BANNER "Linux version 6.12.0-test (k@k) #1 SMP\n"
#define VMLINUX_BUILD_ID "0123456789abcdefghij"

/* Offsets in the image. */
enum vmlinux_at {
	VMLINUX_AT_ENTRY = 0x1000,
	VMLINUX_AT_BANNER = 0x2000,
	VMLINUX_AT_PHYS_BASE = 0x3000,
	VMLINUX_AT_PAGE_OFFSET_BASE = 0x3008,
	VMLINUX_AT_SCX_ROOT = 0x3010,
	VMLINUX_AT_SCX_EXIT_INFO = 0x3018,
	VMLINUX_AT_SCX_STATE = 0x3020,
	VMLINUX_AT_SCX_TIMEOUT = 0x3028,
	VMLINUX_AT_SCX_TIMESTAMP = 0x3030,
	VMLINUX_AT_JIFFIES = 0x3038,
	VMLINUX_AT_JIFFIES_CLOCK = 0x3040,
	VMLINUX_AT_DSQ_HASH = 0x3050,
	VMLINUX_AT_GLOBAL_DSQS = 0x3058,
	VMLINUX_AT_NR_NODES = 0x3060,
	VMLINUX_AT_VMCOREINFO = 0x3068,		/* pointer, size */
	VMLINUX_AT_SCX_OPS = 0x3080,
	VMLINUX_AT_SCX_INTERVAL = 0x30a0,
	VMLINUX_AT_PER_CPU_OFFSET = 0x3100,	/* 256 of them */
	VMLINUX_AT_MAP_IDR = 0x3900,
	VMLINUX_AT_PROG_IDR = 0x3920,
	VMLINUX_AT_BPF_STATS_KEY = 0x3940,
	VMLINUX_AT_SCHEDSTATS = 0x3950,
	VMLINUX_AT_NOTES = 0x3f00,
	VMLINUX_AT_TOP_PGT = 0x4000,
	VMLINUX_AT_KALLSYMS = 0x5000,
};

/* In the per-CPU template. */
#define VMLINUX_EVENT_STATS 0x80
#define VMLINUX_RUNQUEUES 0x140

static const struct kallsyms_symbol vmlinux_symbols[] = {
	{ 0, "D__per_cpu_start" },
	{ VMLINUX_EVENT_STATS, "Devent_stats_cpu" },
	{ VMLINUX_RUNQUEUES, "Drunqueues" },
	{ VMLINUX_TEXT, "T_text" },
	{ VMLINUX_TEXT + VMLINUX_AT_ENTRY, "Tentry_SYSCALL_64" },
	{ VMLINUX_TEXT + VMLINUX_AT_ENTRY + 0x40, "tdo_idle" },
	{ VMLINUX_TEXT + VMLINUX_AT_BANNER, "Dlinux_banner" },
	{ VMLINUX_TEXT + VMLINUX_AT_PHYS_BASE, "Dphys_base" },
	{ VMLINUX_TEXT + VMLINUX_AT_PAGE_OFFSET_BASE, "Dpage_offset_base" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_ROOT, "bscx_root" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_EXIT_INFO, "bscx_exit_info" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_STATE, "dscx_ops_enable_state_var" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_TIMEOUT, "bscx_watchdog_timeout" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_TIMESTAMP, "dscx_watchdog_timestamp" },
	{ VMLINUX_TEXT + VMLINUX_AT_JIFFIES, "Djiffies" },
	{ VMLINUX_TEXT + VMLINUX_AT_JIFFIES_CLOCK, "dclocksource_jiffies" },
	{ VMLINUX_TEXT + VMLINUX_AT_DSQ_HASH, "bdsq_hash" },
	{ VMLINUX_TEXT + VMLINUX_AT_GLOBAL_DSQS, "bglobal_dsqs" },
	{ VMLINUX_TEXT + VMLINUX_AT_NR_NODES, "Dnr_node_ids" },
	{ VMLINUX_TEXT + VMLINUX_AT_VMCOREINFO, "Bvmcoreinfo_data" },
	{ VMLINUX_TEXT + VMLINUX_AT_VMCOREINFO + 8, "Bvmcoreinfo_size" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_OPS, "bscx_ops" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCX_INTERVAL, "bscx_watchdog_interval" },
	{ VMLINUX_TEXT + VMLINUX_AT_PER_CPU_OFFSET, "D__per_cpu_offset" },
	{ VMLINUX_TEXT + VMLINUX_AT_MAP_IDR, "dmap_idr" },
	{ VMLINUX_TEXT + VMLINUX_AT_PROG_IDR, "dprog_idr" },
	{ VMLINUX_TEXT + VMLINUX_AT_BPF_STATS_KEY, "Bbpf_stats_enabled_key" },
	{ VMLINUX_TEXT + VMLINUX_AT_SCHEDSTATS, "Dsched_schedstats" },
	{ VMLINUX_TEXT + VMLINUX_AT_NOTES, "R__start_notes" },
	{ VMLINUX_TEXT + VMLINUX_AT_NOTES + 0x40, "R__stop_notes" },
	{ VMLINUX_TEXT + VMLINUX_AT_TOP_PGT, "Dinit_top_pgt" },
	{ VMLINUX_END, "B_end" },
};

struct vmlinux_make {
	bool stripped;			/* no .symtab: kallsyms alone */
	bool no_symbols, no_btf;
	bool own_offsets;		/* kallsyms of 7.0 */
	const char *banner, *build_id;	/* NULL: the usual ones */
	const struct btf *btf;		/* NULL: an empty one */
};

static void vmlinux_note(uint8_t *p, const char *build_id)
{
	const Elf64_Nhdr other = { 4, 3, 0x100 }, nh = { 4, 20, NT_GNU_BUILD_ID };

	memcpy(p, &other, sizeof(other));
	memcpy(p + 12, "Xen\0abc", 8);
	memcpy(p + 20, &nh, sizeof(nh));
	memcpy(p + 32, "GNU", 4);
	memcpy(p + 36, build_id, 20);
}

/* The bytes that a kernel has at its text address. */
__attribute__((unused))
static void vmlinux_image(const struct vmlinux_make *m, uint8_t image[VMLINUX_IMAGE_BYTES])
{
	_cleanup_(buf_fini) struct buf tables = BUF_INIT;

	memset(image, 0, VMLINUX_IMAGE_BYTES);
	strcpy((char *)image + VMLINUX_AT_BANNER, m->banner ? m->banner : VMLINUX_BANNER);
	vmlinux_note(image + VMLINUX_AT_NOTES, m->build_id ? m->build_id : VMLINUX_BUILD_ID);
	if (m->no_symbols)
		return;
	kallsyms_make(&(struct kallsyms_make){
		.absolute = !m->own_offsets, .seqs = true,
		.linked = m->own_offsets ? VMLINUX_TEXT + VMLINUX_AT_KALLSYMS : 0,
	}, vmlinux_symbols, ARRAY_SIZE(vmlinux_symbols), &tables);
	memcpy(image + VMLINUX_AT_KALLSYMS, tables.data, tables.len);
}

static void vmlinux_section(struct buf *out, Elf64_Shdr *sh, const void *bytes, size_t n)
{
	buf_align(out, 16);
	sh->sh_offset = out->len;
	sh->sh_size = n;
	buf_add(out, bytes, n);
}

static void vmlinux_symtab(struct buf *out, Elf64_Shdr *symtab, Elf64_Shdr *strtab)
{
	_cleanup_(buf_fini) struct buf names = BUF_INIT;
	Elf64_Sym sym[ARRAY_SIZE(vmlinux_symbols) + 1] = { 0 };

	buf_u8(&names, 0);
	for (size_t i = 0; i < ARRAY_SIZE(vmlinux_symbols); i++) {
		const struct kallsyms_symbol *s = &vmlinux_symbols[i];

		sym[i + 1].st_name = (Elf64_Word)names.len;
		sym[i + 1].st_value = s->addr;
		sym[i + 1].st_shndx = 1;
		sym[i + 1].st_info = ELF64_ST_INFO(STB_GLOBAL, strchr("tT", s->name[0]) ?
						   STT_FUNC : STT_OBJECT);
		buf_add(&names, s->name + 1, strlen(s->name));
	}
	vmlinux_section(out, symtab, sym, sizeof(sym));
	vmlinux_section(out, strtab, names.data, names.len);
}

__attribute__((unused)) static void vmlinux_make(const struct vmlinux_make *m, struct buf *out)
{
	enum { TEXT = 1, NOTES, BTF, SYMTAB, STRTAB, SHSTRTAB, COUNT };
	static const char names[] = "\0.rodata\0.notes\0.BTF\0.symtab\0.strtab\0.shstrtab";
	static const uint8_t name_at[COUNT] = { 0, 1, 9, 16, 21, 29, 37 };
	struct btf *empty = btf__new_empty();
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_ehsize = sizeof(eh), .e_phoff = sizeof(eh), .e_phnum = 1,
		.e_phentsize = sizeof(Elf64_Phdr), .e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = COUNT, .e_shstrndx = SHSTRTAB,
	};
	Elf64_Phdr ph = {
		.p_type = PT_LOAD, .p_vaddr = VMLINUX_TEXT, .p_filesz = VMLINUX_IMAGE_BYTES,
		.p_memsz = VMLINUX_END - VMLINUX_TEXT,
	};
	Elf64_Shdr sh[COUNT] = {
		[TEXT] = { .sh_type = SHT_PROGBITS, .sh_addr = VMLINUX_TEXT },
		[NOTES] = { .sh_type = SHT_NOTE, .sh_addralign = 4 },
		[BTF] = { .sh_type = SHT_PROGBITS },
		[SYMTAB] = { .sh_type = m->stripped || m->no_symbols ? SHT_NULL : SHT_SYMTAB,
			     .sh_link = STRTAB, .sh_entsize = sizeof(Elf64_Sym) },
		[STRTAB] = { .sh_type = SHT_STRTAB },
		[SHSTRTAB] = { .sh_type = SHT_STRTAB },
	};
	static uint8_t image[VMLINUX_IMAGE_BYTES];
	const void *btf;
	uint32_t n;

	vmlinux_image(m, image);
	buf_add_zero(out, sizeof(eh) + sizeof(ph));
	vmlinux_section(out, &sh[TEXT], image, sizeof(image));
	ph.p_offset = sh[TEXT].sh_offset;
	vmlinux_section(out, &sh[NOTES], image + VMLINUX_AT_NOTES, 56);
	btf = btf__raw_data(m->btf ? m->btf : empty, &n);
	vmlinux_section(out, &sh[BTF], btf, n);
	vmlinux_symtab(out, &sh[SYMTAB], &sh[STRTAB]);
	vmlinux_section(out, &sh[SHSTRTAB], names, sizeof(names));
	for (int i = 0; i < COUNT; i++)
		sh[i].sh_name = m->no_btf && i == BTF ? 0 : name_at[i];
	buf_align(out, 16);
	eh.e_shoff = out->len;
	buf_add(out, sh, sizeof(sh));
	memcpy(out->data, &eh, sizeof(eh));
	memcpy(out->data + sizeof(eh), &ph, sizeof(ph));
	btf__free(empty);
}

#endif
