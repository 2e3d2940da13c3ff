/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF headers and notes of a core; formats: elf(5), include/linux/elfcore.h. */
#include "monitor/vmcore.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/procfs.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"

/* VMCOREINFO_BYTES is a page. */
#define INFO_MAX 4096

/* --- VMCOREINFO ------------------------------------------------------------------ */

/* The kernel's own: since 2.6.24, vmcoreinfo_data points to it since 4.13. */
static bool add_own(const struct monitor *m, struct buf *b)
{
	static const char first[] = "OSRELEASE=";
	char text[INFO_MAX + 1];
	uint64_t data, size;

	if (!monitor_symbol(m, "vmcoreinfo_data", &data) ||
	    !monitor_symbol(m, "vmcoreinfo_size", &size) ||
	    monitor_uint(m, data, 8, &data) < 0 || monitor_uint(m, size, 8, &size) < 0 ||
	    size > INFO_MAX || monitor_read(m, data, text, size) < 0)
		return false;
	text[size] = '\0';
	if (strncmp(text, first, strlen(first)))
		return false;
	buf_str(b, text);
	return true;
}

static void add_symbol(const struct monitor *m, struct buf *b, const char *name,
		       const char *symbol)
{
	uint64_t kva;

	if (monitor_symbol(m, symbol, &kva))
		buf_fmt(b, "SYMBOL(%s)=%" PRIx64 "\n", name, kva);
}

/* What crash and drgn need to know the kernel and to walk its page tables. */
static void add_made(const struct monitor *m, struct buf *b)
{
	const struct kindex *k = monitor_index(m);
	const struct monitor_map *map = monitor_map(m);
	const char *release = kindex_banner(k) + strlen("Linux version ");
	const uint8_t *id;
	uint64_t phys_base = 0, kva;
	size_t n;

	buf_fmt(b, "OSRELEASE=%.*s\n", (int)strcspn(release, " \n"), release);
	id = kindex_build_id(k, &n);
	if (n)
		buf_str(b, "BUILD-ID=");
	for (size_t i = 0; i < n; i++)
		buf_fmt(b, "%02x%s", id[i], i + 1 < n ? "" : "\n");
	buf_str(b, "PAGESIZE=4096\n");
	add_symbol(m, b, "init_uts_ns", "init_uts_ns");
	add_symbol(m, b, "swapper_pg_dir", "init_top_pgt");
	add_symbol(m, b, "_stext", "_stext");
	if (monitor_symbol(m, "phys_base", &kva) && monitor_uint(m, kva, 8, &phys_base) == 0)
		buf_fmt(b, "NUMBER(phys_base)=%" PRId64 "\n", (int64_t)phys_base);
	buf_fmt(b, "NUMBER(pgtable_l5_enabled)=%d\n", map->five_levels);
	buf_fmt(b, "KERNELOFFSET=%" PRIx64 "\n", map->slide);
	buf_str(b, "NUMBER(KERNEL_IMAGE_SIZE)=1073741824\n");
}

/* --- notes ------------------------------------------------------------------------- */

static void add_note(struct buf *b, const char *name, uint32_t type, const void *desc, size_t n)
{
	const Elf64_Nhdr nh = {
		.n_namesz = (Elf64_Word)strlen(name) + 1, .n_descsz = (Elf64_Word)n,
		.n_type = type,
	};

	buf_add(b, &nh, sizeof(nh));
	buf_add(b, name, nh.n_namesz);
	buf_align(b, 4);
	buf_add(b, desc, n);
	buf_align(b, 4);
}

/* One for each vCPU, in order: readers count them. */
static void add_prstatus(const struct vmcore_cpu *c, unsigned cpu, struct buf *b)
{
	struct elf_prstatus p = { .pr_pid = (pid_t)cpu + 1 };

	static_assert(sizeof(p.pr_reg) == sizeof(c->regs), "registers as the kernel writes them");
	if (c->has_regs)
		memcpy(&p.pr_reg, &c->regs, sizeof(p.pr_reg));
	add_note(b, "CORE", NT_PRSTATUS, &p, sizeof(p));
}

static void add_notes(const struct vmcore_source *s, struct buf *b)
{
	_cleanup_(buf_fini) struct buf info = BUF_INIT;

	for (unsigned i = 0; i < s->cpus; i++)
		add_prstatus(&s->cpu[i], i, b);
	if (!s->monitor)
		return;
	if (!add_own(s->monitor, &info))
		add_made(s->monitor, &info);
	if (buf_ok(&info))
		add_note(b, "VMCOREINFO", 0, info.data, info.len);
	else
		b->bad = true;
}

/* --- segments ---------------------------------------------------------------------- */

/* RAM, from offset 0 on; how many. */
static unsigned add_ram(const struct vmcore_source *s, Elf64_Phdr *ph, uint64_t *ret_bytes)
{
	const struct mm_layout *l = mm_layout(s->mm);
	const uint64_t direct = s->monitor ? monitor_map(s->monitor)->direct_kva : 0;
	uint64_t at = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < l->count; i++) {
		const struct mm_region *r = &l->region[i];

		if (r->kind != MM_RAM)
			continue;
		ph[n++] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = at,
			.p_paddr = r->gpa, .p_vaddr = direct ? direct + r->gpa : 0,
			.p_filesz = r->size, .p_memsz = r->size,
		};
		at += r->size;
	}
	*ret_bytes = at;
	return n;
}

/* The image lies in one region of RAM. */
static bool add_image(const struct vmcore_source *s, const Elf64_Phdr *ram, unsigned n,
		      Elf64_Phdr *ret)
{
	const struct monitor_map *map = s->monitor ? monitor_map(s->monitor) : NULL;
	const uint64_t bytes = map ? map->text_end_kva - map->text_kva : 0;

	for (unsigned i = 0; bytes && i < n; i++) {
		const uint64_t in = map->text_gpa - ram[i].p_paddr;

		if (in >= ram[i].p_memsz || bytes > ram[i].p_memsz - in)
			continue;
		*ret = ram[i];
		ret->p_offset += in;
		ret->p_paddr = map->text_gpa;
		ret->p_vaddr = map->text_kva;
		ret->p_filesz = ret->p_memsz = bytes;
		return true;
	}
	return false;
}

int vmcore_head(const struct vmcore_source *s, struct buf *ret, uint64_t *ret_bytes,
		struct err *e)
{
	_cleanup_(buf_fini) struct buf notes = BUF_INIT;
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_phoff = sizeof(eh), .e_ehsize = sizeof(eh), .e_phentsize = sizeof(Elf64_Phdr),
	};
	Elf64_Phdr ph[VMCORE_SEGMENTS_MAX] = { { .p_type = PT_NOTE } };
	uint64_t ram_bytes, start;
	unsigned n;

	n = add_ram(s, &ph[2], &ram_bytes);
	if (add_image(s, &ph[2], n, &ph[1]))
		n++;
	else
		memmove(&ph[1], &ph[2], n * sizeof(*ph));
	n++;
	add_notes(s, &notes);
	ph[0].p_offset = sizeof(eh) + n * sizeof(*ph);
	ph[0].p_filesz = ph[0].p_memsz = notes.len;
	start = round_up(ph[0].p_offset + notes.len, VMCORE_ALIGN);
	for (unsigned i = 1; i < n; i++)
		ph[i].p_offset += start;
	eh.e_phnum = (Elf64_Half)n;
	buf_add(ret, &eh, sizeof(eh));
	buf_add(ret, ph, n * sizeof(*ph));
	buf_add(ret, notes.data, notes.len);
	buf_align(ret, VMCORE_ALIGN);
	*ret_bytes = start + ram_bytes;
	return buf_ok(ret) && buf_ok(&notes) ? 0 : err_sys(e, -ENOMEM, "core of the guest");
}
