/* SPDX-License-Identifier: GPL-2.0-only */
/* Cores of a kernel that was built in memory: their head and bytes, and what failures leave. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "loop/dump.h"
#include "loop/vmcore.h"
#include "monitor/vmcore.h"
#include "test/guest-kernel.h"
#include "test/tmp.h"

#define OWN_INFO 0x2200000		/* by the direct map */
#define DATA 0x3000000

struct fixture {
	struct guest_kernel g;
	struct dump_source s;
	struct dump_cpu cpu[GUEST_KERNEL_CPUS];
	struct vmcore_size size;
	struct err no_kernel, err;
	atomic_bool stop;
	char dir[TMP_DIR_MAX], path[TMP_DIR_MAX + 8];
	uint8_t *file;			/* read back */
	size_t bytes;
};

static bool fixture_open(struct fixture *f)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .no_kernel = ERR_INIT, .err = ERR_INIT };
	if (!guest_kernel_open(&f->g))
		return false;
	for (unsigned i = 0; i < GUEST_KERNEL_CPUS; i++) {
		f->cpu[i].has_regs = true;
		f->cpu[i].regs = (struct vcpu_regs){
			.rip = guest_kva(&f->g, VMLINUX_AT_ENTRY) + i, .rsp = 0x1000 + i, .rbx = 77,
			.cs = 0x10, .gs_base = 0xffff888000000000,
			.cr3 = GUEST_KERNEL_CR3, .lstar = guest_kva(&f->g, VMLINUX_AT_ENTRY),
		};
	}
	f->s = (struct dump_source){
		.memory = f->g.mm, .index = f->g.index, .no_index = "no index",
		.cpus = GUEST_KERNEL_CPUS, .cpu = f->cpu,
	};
	f->size.no_kernel = &f->no_kernel;
	guest_put(&f->g, DATA, UINT64_C(0x1122334455667788));
	tmp_make(f->dir);
	snprintf(f->path, sizeof(f->path), "%s/core", f->dir);
	return true;
}

static void fixture_close(struct fixture *f)
{
	free(f->file);
	file_remove_tree(f->dir, NULL);
	guest_kernel_close(&f->g);
}

static bool read_back(struct fixture *f)
{
	struct file_map m = FILE_MAP_INIT;

	free(f->file);
	f->file = NULL;
	if (!tap_ok(file_map(f->path, &m, &f->err) == 0, "%s", err_text(&f->err)))
		return false;
	f->bytes = m.size;
	f->file = malloc(m.size);
	memcpy(f->file, m.data, m.size);
	file_unmap(&m);
	return true;
}

static bool write_and_read(struct fixture *f)
{
	return tap_ok(vmcore_to_file(&f->s, f->path, &f->stop, &f->size, &f->err) == 0, "%s",
		      err_text(&f->err)) && read_back(f);
}

static const Elf64_Phdr *segment(const struct fixture *f, unsigned i)
{
	const Elf64_Ehdr *eh = (const void *)f->file;

	return i < eh->e_phnum ? (const Elf64_Phdr *)(f->file + eh->e_phoff) + i : NULL;
}

/* The nth note of that name. */
static const uint8_t *note(const struct fixture *f, const char *name, unsigned nth, size_t *ret)
{
	const Elf64_Phdr *ph = segment(f, 0);

	for (size_t at = 0; at < ph->p_filesz;) {
		const Elf64_Nhdr *nh = (const void *)(f->file + ph->p_offset + at);
		const char *own = (const char *)(nh + 1);
		const uint8_t *desc = (const uint8_t *)own + round_up(nh->n_namesz, 4);

		*ret = nh->n_descsz;
		if (!strcmp(own, name) && !nth--)
			return desc;
		at += sizeof(*nh) + round_up(nh->n_namesz, 4) + round_up(nh->n_descsz, 4);
	}
	return NULL;
}

static bool info_has(const struct fixture *f, const char *line)
{
	size_t n = 0;
	const uint8_t *p = note(f, "VMCOREINFO", 0, &n);

	return p && memmem(p, n, line, strlen(line));
}

/* --- what it has ----------------------------------------------------------------- */

static void each_region_is_there_with_both_addresses(void)
{
	uint64_t data = 0;
	struct fixture f;

	if (fixture_open(&f) && write_and_read(&f)) {
		const Elf64_Ehdr *eh = (const void *)f.file;
		const Elf64_Phdr *image = segment(&f, 1), *ram = segment(&f, 2);

		tap_eq(eh->e_type, ET_CORE);
		tap_eq(eh->e_phnum, 3);
		tap_eq(segment(&f, 0)->p_type, PT_NOTE);
		tap_eq(image->p_vaddr, guest_kva(&f.g, 0));
		tap_eq(image->p_paddr, f.g.text_gpa);
		tap_ok(!memcmp(f.file + image->p_offset + VMLINUX_AT_BANNER, VMLINUX_BANNER, 10),
		       "the image is where it says");
		tap_eq(ram->p_paddr, 0);
		tap_eq(ram->p_vaddr, f.g.direct_kva);
		tap_eq(ram->p_filesz, GUEST_KERNEL_BYTES);
		memcpy(&data, f.file + ram->p_offset + DATA, sizeof(data));
		tap_eq(data, UINT64_C(0x1122334455667788));
		tap_eq(f.bytes, ram->p_offset + ram->p_filesz);
		tap_eq(f.size.bytes, f.bytes);
	}
	fixture_close(&f);
}

static void each_vcpu_has_its_registers(void)
{
	struct elf_prstatus p;
	struct fixture f;
	const uint8_t *desc;
	size_t n;

	if (fixture_open(&f) && write_and_read(&f)) {
		for (unsigned i = 0; i < GUEST_KERNEL_CPUS; i++) {
			struct user_regs_struct r;

			desc = note(&f, "CORE", i, &n);
			if (!tap_ok(desc && n == sizeof(p), "a note for CPU %u", i))
				continue;
			memcpy(&p, desc, n);
			memcpy(&r, &p.pr_reg, sizeof(r));
			tap_eq(r.rip, f.cpu[i].regs.rip);
			tap_eq(r.rsp, 0x1000 + i);
			tap_eq(r.rbx, 77);
			tap_eq(r.cs, 0x10);
			tap_eq(r.gs_base, UINT64_C(0xffff888000000000));
			tap_eq(p.pr_pid, i + 1);
		}
		tap_ok(!note(&f, "CORE", GUEST_KERNEL_CPUS, &n), "no more");
	}
	fixture_close(&f);
}

static void pages_of_zeros_are_holes(void)
{
	struct fixture f;
	struct stat st;

	if (fixture_open(&f) && write_and_read(&f)) {
		tap_eq(stat(f.path, &st), 0);
		tap_ok(f.size.data_bytes < 4 << 20, "%llu bytes of data",
		       (unsigned long long)f.size.data_bytes);
		tap_ok((uint64_t)st.st_blocks * 512 < GUEST_KERNEL_BYTES / 2, "%lld blocks",
		       (long long)st.st_blocks);
		tap_eq(st.st_mode & 0777, 0600);
	}
	fixture_close(&f);
}

/* --- VMCOREINFO ---------------------------------------------------------------------- */

static void without_one_of_the_kernels_own_the_needed_part_is_made(void)
{
	char line[80];
	struct fixture f;

	if (fixture_open(&f) && write_and_read(&f)) {
		tap_ok(info_has(&f, "OSRELEASE=6.12.0-test\n"), "the release");
		tap_ok(info_has(&f, "BUILD-ID=30313233"), "the build-id");
		tap_ok(info_has(&f, "PAGESIZE=4096\n"), "the size of a page");
		snprintf(line, sizeof(line), "KERNELOFFSET=%llx\n", (unsigned long long)f.g.slide);
		tap_ok(info_has(&f, line), "%s", line);
		snprintf(line, sizeof(line), "SYMBOL(swapper_pg_dir)=%llx\n",
			 (unsigned long long)guest_kva(&f.g, VMLINUX_AT_TOP_PGT));
		tap_ok(info_has(&f, line), "%s", line);
		tap_ok(info_has(&f, "NUMBER(phys_base)="), "phys_base");
		tap_str(err_text(&f.no_kernel), "");
	}
	fixture_close(&f);
}

static void put_own(struct fixture *f, const char *text, uint64_t size)
{
	mm_write(f->g.mm, OWN_INFO, text, strlen(text));
	guest_put(&f->g, f->g.text_gpa + VMLINUX_AT_VMCOREINFO, f->g.direct_kva + OWN_INFO);
	guest_put(&f->g, f->g.text_gpa + VMLINUX_AT_VMCOREINFO + 8, size);
}

static void the_kernels_own_is_taken_if_it_is_one(void)
{
	static const char own[] = "OSRELEASE=own\nX=1\n";
	struct fixture f;

	if (fixture_open(&f)) {
		put_own(&f, own, strlen(own));
		if (write_and_read(&f)) {
			tap_ok(info_has(&f, own), "the kernel's");
			tap_ok(!info_has(&f, "KERNELOFFSET"), "and nothing of ours");
		}
		put_own(&f, own, 1 << 20);
		if (write_and_read(&f))
			tap_ok(!info_has(&f, own), "one that is too long is none");
		put_own(&f, "garbage\n", 8);
		if (write_and_read(&f))
			tap_ok(info_has(&f, "OSRELEASE=6.12.0-test\n"), "garbage is none");
	}
	fixture_close(&f);
}

static void without_a_kernel_memory_is_there_by_physical_addresses(void)
{
	struct fixture f;
	size_t n;

	if (fixture_open(&f)) {
		f.s.index = NULL;
		if (write_and_read(&f)) {
			tap_str(err_text(&f.no_kernel), "no index");
			tap_ok(!note(&f, "VMCOREINFO", 0, &n), "no VMCOREINFO");
			tap_eq(segment(&f, 1)->p_vaddr, 0);
			tap_eq(segment(&f, 1)->p_filesz, GUEST_KERNEL_BYTES);
			tap_ok(!segment(&f, 2), "and no image");
		}
	}
	fixture_close(&f);
}

/* --- when it fails -------------------------------------------------------------------- */

static void one_that_is_given_up_leaves_nothing(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		tap_eq(file_write_atomic(f.path, "old", 3, 0600, NULL), 0);
		atomic_store(&f.stop, true);
		tap_eq(vmcore_to_file(&f.s, f.path, &f.stop, &f.size, &f.err), -ECANCELED);
		if (read_back(&f))
			tap_ok(f.bytes == 3 && !memcmp(f.file, "old", 3), "the old file is there");
		unlink(f.path);
		tap_eq(rmdir(f.dir), 0);	/* and nothing else */
	}
	fixture_close(&f);
}

/* --- the window ------------------------------------------------------------------------ */

static void a_core_in_a_window_becomes_the_same_file(void)
{
	static uint8_t copy[GUEST_KERNEL_BYTES + (1 << 20)];
	struct fixture f;
	int fd = vmcore_window_create(vmcore_window_bytes(GUEST_KERNEL_BYTES));

	tap_eq(vmcore_window_bytes(GUEST_KERNEL_BYTES), 2 * GUEST_KERNEL_BYTES);
	if (fixture_open(&f) && write_and_read(&f) && tap_ok(fd >= 0, "a window")) {
		const size_t n = f.bytes;

		tap_ok(!vmcore_window_has_core(fd), "it is empty");
		memcpy(copy, f.file, n);
		for (size_t at = 0; at < n; at += 4096)
			if (copy[at])
				tap_ok(pwrite(fd, copy + at, 4096, (off_t)at) == 4096, "write");
		tap_ok(vmcore_window_has_core(fd), "it has one");
		unlink(f.path);
		tap_eq(vmcore_from_window(fd, f.path, &f.stop, &f.size, &f.err), 0);
		if (read_back(&f)) {
			tap_eq(f.bytes, n);
			tap_ok(!memcmp(f.file + 4096, copy + 4096, 4096), "the same bytes");
		}
	}
	close(fd);
	fixture_close(&f);
}

static void a_window_is_believed_no_further_than_it_goes(void)
{
	const uint64_t bytes = vmcore_window_bytes(1);
	Elf64_Phdr ph = { .p_type = PT_LOAD, .p_offset = 4096, .p_filesz = bytes };
	Elf64_Ehdr eh = { .e_phoff = sizeof(eh), .e_phnum = 1 };
	int fd = vmcore_window_create(bytes);
	struct err e = ERR_INIT;
	struct vmcore_size size;
	atomic_bool stop = false;

	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	tap_eq(pwrite(fd, &eh, sizeof(eh), 0), sizeof(eh));
	tap_eq(pwrite(fd, &ph, sizeof(ph), sizeof(eh)), sizeof(ph));
	tap_eq(vmcore_from_window(fd, "/nonexistent/core", &stop, &size, &e), -ENODATA);
	close(fd);
}

int main(void)
{
	TAP_RUN(each_region_is_there_with_both_addresses);
	TAP_RUN(each_vcpu_has_its_registers);
	TAP_RUN(pages_of_zeros_are_holes);
	TAP_RUN(without_one_of_the_kernels_own_the_needed_part_is_made);
	TAP_RUN(the_kernels_own_is_taken_if_it_is_one);
	TAP_RUN(without_a_kernel_memory_is_there_by_physical_addresses);
	TAP_RUN(one_that_is_given_up_leaves_nothing);
	TAP_RUN(a_core_in_a_window_becomes_the_same_file);
	TAP_RUN(a_window_is_believed_no_further_than_it_goes);
	return tap_done();
}
