/* SPDX-License-Identifier: GPL-2.0-only */
/* Where is the kernel? monitor.h says how the addresses are found and proved. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/util.h"
#include "mm/mm.h"
#include "monitor/kindex.h"
#include "monitor/le.h"
#include "monitor/monitor_private.h"

#define CR4_LA57 (UINT64_C(1) << 12)
/* With page table isolation the user's half of a pair of top tables has this bit. */
#define PTI_USER (UINT64_C(1) << 12)
/* Where the direct map is without KASLR: mm.rst, 4 and 5 levels. */
#define DIRECT_MAP_4 UINT64_C(0xffff888000000000)
#define DIRECT_MAP_5 UINT64_C(0xff11000000000000)
#define NOTES_MAX 4096
#define NOTE_GNU_BUILD_ID 3

int monitor_create(const struct mm *mm, const struct kindex *index, unsigned cpus,
		   struct monitor **ret, struct err *e)
{
	struct monitor *m = calloc(1, sizeof(*m));

	if (m)
		m->percpu_offset = calloc(cpus, sizeof(*m->percpu_offset));
	if (!m || !m->percpu_offset) {
		free(m);
		return err_sys(e, -ENOMEM, "monitor");
	}
	m->mm = mm;
	m->index = index;
	m->cpus = cpus;
	*ret = m;
	return 0;
}

void monitor_destroy(struct monitor *m)
{
	if (!m)
		return;
	free(m->percpu_offset);
	free(m);
}

bool monitor_attached(const struct monitor *m)
{
	return m->attached;
}

const struct monitor_map *monitor_map(const struct monitor *m)
{
	return &m->map;
}

unsigned monitor_cpus(const struct monitor *m)
{
	return m->cpus;
}

const struct kindex *monitor_index(const struct monitor *m)
{
	return m->index;
}

/* --- text ------------------------------------------------------------------ */

/* A needed symbol as linked; without it the index is of no use. */
static int linked(const struct monitor *m, const char *name, uint64_t *ret, struct err *e)
{
	if (kindex_find(m->index, name, ret))
		return 0;
	return err_set(e, -ENODATA, "the kernel has no symbol %s", name);
}

/* The banner in memory, if the text moved by slide. */
static int read_banner(struct monitor *m, uint64_t slide, char text[KINDEX_BANNER_MAX])
{
	uint64_t kva, gpa, left;
	const char *p;

	if (!kindex_find(m->index, "linux_banner", &kva))
		return -ENODATA;
	if (walk_translate(m->mm, &m->walk, kva + slide, &gpa, &left) < 0)
		return -ENOENT;
	left = MIN(left, KINDEX_BANNER_MAX - UINT64_C(1));
	p = mm_view(m->mm, gpa, left);
	if (!p)
		return -ENOENT;
	memcpy(text, p, left);
	text[left] = '\0';
	return 0;
}

static bool banner_fits(struct monitor *m, uint64_t slide)
{
	const char *want = kindex_banner(m->index);
	char text[KINDEX_BANNER_MAX];

	return *want && slide % KERNEL_ALIGN == 0 && slide < KERNEL_MAP_BYTES &&
	       read_banner(m, slide, text) == 0 && !strncmp(text, want, strlen(want));
}

/* The first page that is mapped where kernels are; 0: none is. */
static uint64_t first_mapping(struct monitor *m)
{
	for (uint64_t off = 0; off < KERNEL_MAP_BYTES; off += KERNEL_ALIGN) {
		uint64_t gpa, left;

		if (walk_translate(m->mm, &m->walk, KERNEL_MAP_KVA + off, &gpa, &left) == 0)
			return KERNEL_MAP_KVA + off;
	}
	return 0;
}

/* Another kernel: what it says of itself, if it lies where this one would. */
static int say_stranger(struct monitor *m, uint64_t slide, struct err *e)
{
	char text[KINDEX_BANNER_MAX];

	if (read_banner(m, slide, text) < 0 || strncmp(text, "Linux version ", 14))
		return err_set(e, -ESTALE, "the kernel in the guest is not the one of the file: "
			       "its banner is not where \"%.60s...\" has it",
			       kindex_banner(m->index));
	text_clean(text, strlen(text));
	return err_set(e, -ESTALE, "the kernel in the guest is not the one of the file: "
		       "it says \"%.150s\", the file \"%.150s\"", text, kindex_banner(m->index));
}

static int find_slide(struct monitor *m, const struct monitor_regs *regs, struct err *e)
{
	uint64_t entry, text, first;
	int r;

	if ((r = linked(m, "entry_SYSCALL_64", &entry, e)) < 0 ||
	    (r = linked(m, "_text", &text, e)) < 0)
		return r;
	first = first_mapping(m);
	if (!first)
		return err_set(e, -EAGAIN, "no kernel is mapped under CR3 0x%" PRIx64, regs->cr3);
	m->map.slide = regs->lstar - entry;
	if (banner_fits(m, m->map.slide))
		return 0;
	m->map.slide = first - round_down(text, KERNEL_ALIGN);
	if (banner_fits(m, m->map.slide))
		return 0;
	return say_stranger(m, m->map.slide, e);
}

/* Of a process's two top tables the kernel's has all, the user's only the entry code. */
static int find_text(struct monitor *m, const struct monitor_regs *regs, struct err *e)
{
	int r;

	m->walk = (struct walk){ .root_gpa = regs->cr3, .five_levels = regs->cr4 & CR4_LA57 };
	r = find_slide(m, regs, e);
	if (r == 0 || !(regs->cr3 & PTI_USER))
		return r;
	m->walk.root_gpa &= ~PTI_USER;
	err_clear(e);
	return find_slide(m, regs, e);
}

/* --- is it this kernel? ------------------------------------------------------ */

/* The build-id among notes; its length, 0: there is none. */
static size_t find_build_id(const uint8_t *notes, size_t n, const uint8_t **ret)
{
	size_t at = 0;

	while (n - at >= 12) {
		const size_t name = round_up(le32_at(notes + at), 4);
		const size_t desc = le32_at(notes + at + 4);
		const uint32_t type = le32_at(notes + at + 8);

		at += 12;
		if (name > n - at || round_up(desc, 4) > n - at - name)
			return 0;
		if (type == NOTE_GNU_BUILD_ID && name == 4 && !memcmp(notes + at, "GNU", 4)) {
			*ret = notes + at + name;
			return desc;
		}
		at += name + round_up(desc, 4);
	}
	return 0;
}

static int check_build_id(struct monitor *m, struct err *e)
{
	uint8_t notes[NOTES_MAX];
	uint64_t start, stop;
	const uint8_t *want, *have;
	size_t want_n;

	want = kindex_build_id(m->index, &want_n);
	if (!want_n || !monitor_symbol(m, "__start_notes", &start) ||
	    !monitor_symbol(m, "__stop_notes", &stop) || stop <= start)
		return 0;	/* the banner has to do */
	stop = MIN(stop, start + sizeof(notes));
	if (monitor_read(m, start, notes, stop - start) < 0)
		return err_set(e, -EPROTO, "the kernel's notes are not mapped");
	if (find_build_id(notes, stop - start, &have) == want_n && !memcmp(have, want, want_n))
		return 0;
	return err_set(e, -ESTALE, "the kernel in the guest is not the one of the file: "
		       "same banner, another build-id");
}

/* --- the maps ---------------------------------------------------------------- */

/* Text and data are one piece, virtually and physically. */
static int map_image(struct monitor *m, struct err *e)
{
	uint64_t start, end, last, left, phys_base_kva, phys_base;
	int r;

	if ((r = linked(m, "_text", &start, e)) < 0 ||
	    (r = linked(m, "_end", &end, e)) < 0)
		return r;
	start += m->map.slide;
	end += m->map.slide;
	r = walk_translate(m->mm, &m->walk, start, &m->map.text_gpa, &left);
	if (r < 0 || end <= start || end - start > KERNEL_MAP_BYTES)
		return err_set(e, -EPROTO, "the kernel's text is not mapped");
	m->map.five_levels = m->walk.five_levels;
	m->map.text_kva = start;
	m->map.text_end_kva = end;
	if (!monitor_symbol(m, "phys_base", &phys_base_kva))
		return 0;
	r = walk_translate(m->mm, &m->walk, phys_base_kva, &last, &left);
	if (r < 0 || last - m->map.text_gpa != phys_base_kva - start)
		return err_set(e, -EPROTO, "the kernel's image is not in one piece");
	r = monitor_uint(m, phys_base_kva, 8, &phys_base);
	if (r < 0 || start - KERNEL_MAP_KVA + phys_base != m->map.text_gpa)
		return err_set(e, -EPROTO, "phys_base is 0x%" PRIx64 ", the page tables have the "
			       "kernel at 0x%" PRIx64, phys_base, m->map.text_gpa);
	return 0;
}

/* The kernel's own top table instead of that of a process, which may end. */
static int take_kernel_table(struct monitor *m, struct err *e)
{
	uint64_t kva, gpa, left, check;
	struct walk w = m->walk;

	if (!monitor_symbol(m, "init_top_pgt", &kva) &&
	    !monitor_symbol(m, "swapper_pg_dir", &kva))
		return 0;
	if (monitor_translate(m, kva, &gpa, &left) < 0)
		return err_set(e, -EPROTO, "init_top_pgt is not mapped");
	w.root_gpa = gpa;
	if (walk_translate(m->mm, &w, m->map.text_kva, &check, &left) < 0 ||
	    check != m->map.text_gpa)
		return err_set(e, -EPROTO, "init_top_pgt does not map the kernel");
	m->walk = w;
	return 0;
}

/*
 * The address alone is not believed: the first megabytes of RAM must be mapped
 * there. Without a direct map page tables still lead everywhere.
 */
static void map_direct(struct monitor *m)
{
	const uint64_t probe = m->map.text_gpa;
	uint64_t base = m->walk.five_levels ? DIRECT_MAP_5 : DIRECT_MAP_4, kva, gpa, left;

	if (monitor_symbol(m, "page_offset_base", &kva) && monitor_uint(m, kva, 8, &base) < 0)
		return;
	if (walk_translate(m->mm, &m->walk, base + probe, &gpa, &left) < 0 || gpa != probe)
		return;
	m->map.direct_kva = base;
	m->direct_bytes = mm_layout(m->mm)->ram_top;
}

static int map_percpu(struct monitor *m, struct err *e)
{
	uint64_t table;

	if (!monitor_symbol(m, "__per_cpu_offset", &table)) {
		/* a kernel for one CPU has one copy, the template */
		return m->cpus == 1 ? 0 : err_set(e, -ENODATA, "the kernel has no symbol "
						  "__per_cpu_offset");
	}
	for (unsigned i = 0; i < m->cpus; i++)
		if (monitor_uint(m, table + UINT64_C(8) * i, 8, &m->percpu_offset[i]) < 0)
			return err_set(e, -EPROTO, "__per_cpu_offset is not mapped");
	return 0;
}

int monitor_confirm(struct monitor *m, uint64_t text_gpa, struct err *e)
{
	if (!text_gpa || text_gpa == m->map.text_gpa)
		return 0;
	m->attached = false;
	return err_set(e, -EPROTO, "the guest says that its kernel lies at 0x%" PRIx64 ", it was "
		       "found at 0x%" PRIx64, text_gpa, m->map.text_gpa);
}

int monitor_attach(struct monitor *m, const struct monitor_regs *regs, struct err *e)
{
	int r;

	m->attached = false;
	m->map = (struct monitor_map){ 0 };
	m->direct_bytes = 0;
	if ((r = find_text(m, regs, e)) < 0 ||
	    (r = map_image(m, e)) < 0 ||
	    (r = check_build_id(m, e)) < 0 ||
	    (r = take_kernel_table(m, e)) < 0)
		return r;
	map_direct(m);
	r = map_percpu(m, e);
	m->attached = r == 0;
	return r;
}
