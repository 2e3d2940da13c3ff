/* SPDX-License-Identifier: GPL-2.0-only */
/* The library closure of any bytes: an error with a reason, or libraries that are there. */
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/initramfs.h"
#include "test/fuzz.h"

#define VADDR 0x10000

struct sample {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	char interp[32];
	char strings[64];
	Elf64_Dyn dyn[10];
};

#define AT(member) offsetof(struct sample, member)
#define DYN(tag, value) { .d_tag = (tag), .d_un.d_val = (value) }

static const struct sample dynamic = {
	.eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr), .e_shentsize = sizeof(Elf64_Shdr),
		.e_phoff = AT(ph), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3,
	},
	.ph = {
		{ .p_type = PT_LOAD, .p_vaddr = VADDR, .p_filesz = sizeof(struct sample) },
		{ .p_type = PT_DYNAMIC, .p_offset = AT(dyn), .p_filesz = sizeof(dynamic.dyn) },
		{ .p_type = PT_INTERP, .p_offset = AT(interp), .p_filesz = sizeof(dynamic.interp) },
	},
	.interp = "/lib64/ld-linux-x86-64.so.2",
	.strings = "\0libc.so.6\0$ORIGIN/l:${LIB}\0libx.so.1\0/lib/libz.so.1",
	.dyn = {
		DYN(DT_NEEDED, 1), DYN(DT_RUNPATH, 11), DYN(DT_SONAME, 28), DYN(DT_NEEDED, 38),
		DYN(DT_RPATH, 11), DYN(DT_STRTAB, VADDR + AT(strings)), DYN(DT_STRSZ, 64),
		DYN(DT_FLAGS_1, 0), DYN(DT_NULL, 0),
	},
};

const struct fuzz_seed fuzz_seeds[] = {
	{ &dynamic, sizeof(dynamic) },
	{ NULL, 0 },
};

static void check(const struct closure *c)
{
	if (c->interp)
		FUZZ_CHECK(c->interp[0] == '/' && access(c->interp, F_OK) == 0);
	for (size_t i = 0; i < c->count; i++) {
		FUZZ_CHECK(c->lib[i].path[0] == '/' && access(c->lib[i].path, F_OK) == 0);
		FUZZ_CHECK(c->lib[i].soname[0] && c->lib[i].via < CLOSURE_VIA_COUNT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("ktstr-fuzz", MFD_CLOEXEC);
	struct closure c = { 0 };
	struct err e = ERR_INIT;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FUZZ_CHECK(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
	r = closure_resolve(path, &c, &e);
	if (r < 0)
		FUZZ_CHECK(*err_text(&e) && !c.count);
	else
		check(&c);
	closure_fini(&c);
	close(fd);
	return 0;
}
