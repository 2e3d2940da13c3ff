/* SPDX-License-Identifier: GPL-2.0-only */
/* boot_image_open(): what kernel files tell, and what is wrong with other files. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "test/kernel-make.h"
#include "test/tap.h"

static char dir[] = "/tmp/ktstr-image.XXXXXX";
static char path[sizeof(dir) + 16];

#define HDR(b) ((struct setup_header *)((b)->data + 0x1f1))
#define EHDR(b) ((Elf64_Ehdr *)(b)->data)
#define PHDR(b) ((Elf64_Phdr *)((b)->data + sizeof(Elf64_Ehdr)))

/* Open bytes as a kernel file; *e has the story. */
static int open_bytes(const void *bytes, size_t n, struct boot_image *ret, struct err *e)
{
	err_clear(e);
	if (file_write_atomic(path, bytes, n, 0644, NULL) < 0)
		return -EIO;
	return boot_image_open(path, ret, e);
}

/* Such a file must be refused, with its name and with this reason. */
#define refused(b, reason) check_refused((b)->data, (b)->len, reason, __LINE__)

static void check_refused(const void *bytes, size_t n, const char *reason, int line)
{
	struct boot_image img = { .fd = -1 };
	struct err e = ERR_INIT;
	int r = open_bytes(bytes, n, &img, &e);

	tap_ok(r == -ENOEXEC, "line %d: %d, %s", line, r, err_text(&e));
	tap_ok(strstr(err_text(&e), path), "line %d: no name: %s", line, err_text(&e));
	tap_ok(strstr(err_text(&e), reason), "line %d: \"%s\", wanted \"%s\"", line,
	       err_text(&e), reason);
	tap_ok(img.fd == -1, "line %d: something was returned", line);
	if (r == 0)
		boot_image_close(&img);
}

static void a_bzImage_tells_where_it_goes(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct boot_image img = { .fd = -1 };
	struct err e = ERR_INIT;

	make_bzimage(&b, "6.12.117-test (k@k) #1 SMP", "code");
	tap_ok(open_bytes(b.data, b.len, &img, &e) == 0, "%s", err_text(&e));
	tap_eq(img.format, BOOT_BZIMAGE);
	tap_str(boot_format_name(img.format), "bzImage");
	tap_str(img.release, "6.12.117-test");
	tap_str(img.path, path);
	tap_eq(img.file_bytes, b.len);
	tap_eq(img.load_gpa, 0x1000000);
	tap_eq(img.entry_gpa, 0x1000200);
	tap_eq(img.memory_bytes, 1 << 20);
	tap_eq(img.initrd_max, 0x7fffffff);
	tap_eq(img.cmdline_max, 2047);
	tap_eq(img.segments, 1);
	tap_eq(img.segment[0].offset, 1024);
	tap_eq(img.segment[0].bytes, 4096);
	tap_eq(img.segment[0].gpa, 0x1000000);
	/* the header ends at 0x202 + 0x66 */
	tap_eq(img.setup_header_len, 0x202 + 0x66 - 0x1f1);
	tap_ok(!memcmp(img.setup_header, b.data + 0x1f1, img.setup_header_len), "header differs");
	boot_image_close(&img);
	tap_ok(img.fd == -1 && !img.path, "closed");
}

static void a_kernel_larger_than_its_init_size_needs_its_own_size(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct boot_image img = { .fd = -1 };
	struct err e = ERR_INIT;

	make_bzimage(&b, "6.1", "");
	HDR(&b)->init_size = 16;
	tap_ok(open_bytes(b.data, b.len, &img, &e) == 0, "%s", err_text(&e));
	tap_eq(img.memory_bytes, 4096);
	boot_image_close(&img);
}

static void a_vmlinux_tells_where_it_goes(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct boot_image img = { .fd = -1 };
	struct err e = ERR_INIT;

	make_vmlinux(&b, "6.6.1-elf");
	PHDR(&b)->p_vaddr = 0xffffffff81000000;
	tap_ok(open_bytes(b.data, b.len, &img, &e) == 0, "%s", err_text(&e));
	tap_eq(img.format, BOOT_VMLINUX);
	tap_str(boot_format_name(img.format), "vmlinux");
	tap_str(img.release, "6.6.1-elf");
	tap_eq(img.load_gpa, 0x1000000);
	tap_eq(img.entry_gpa, 0x1000000);
	tap_eq(img.memory_bytes, 8192);
	tap_eq(img.segments, 1);
	tap_eq(img.segment[0].offset, 4096);
	tap_eq(img.segment[0].bytes, 4096);
	tap_eq(img.setup_header_len, sizeof(struct setup_header));
	tap_eq(((struct setup_header *)img.setup_header)->boot_flag, 0xaa55);
	tap_ok(!memcmp(img.setup_header + 0x11, "HdrS", 4), "made-up header");
	boot_image_close(&img);
}

/* A vmlinux with a .rodata of n bytes and the banner at an offset in it. */
static void check_banner(size_t n, size_t at, const char *banner, const char *release)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT, big = BUF_INIT;
	struct boot_image img = { .fd = -1 };
	struct err e = ERR_INIT;
	Elf64_Shdr *sections;

	make_vmlinux(&b, "");
	memset(b.data + 4096, 0, 4096);
	buf_add(&big, b.data, b.len);
	sections = (Elf64_Shdr *)(big.data + EHDR(&big)->e_shoff);
	sections[1].sh_offset = big.len;
	sections[1].sh_size = n;
	buf_add_zero(&big, n);
	memcpy(big.data + b.len + at, banner, MIN(strlen(banner), n - at));
	tap_ok(open_bytes(big.data, big.len, &img, &e) == 0, "%s", err_text(&e));
	tap_ok(!strcmp(img.release, release), "banner at %zu of %zu: \"%s\"", at, n, img.release);
	boot_image_close(&img);
}

static void a_vmlinux_has_its_release_anywhere_in_its_constants(void)
{
	const size_t chunk = 64 * KIB;

	check_banner(chunk, 0, "Linux version 5.10.0 (a)", "5.10.0");
	check_banner(3 * chunk, 2 * chunk + 5, "Linux version 5.10.0 (a)", "5.10.0");
	for (size_t back = 0; back < 200; back++)
		check_banner(2 * chunk, chunk - back, "Linux version 7.1.2-cut (a)", "7.1.2-cut");
	check_banner(4096, 4096 - 20, "Linux version 6.12.1", "6.12.1");
	/* a format string is not a banner, and the first banner counts */
	check_banner(4096, 9, "Linux version %s\n Linux version 4.9 Linux version 4.8", "4.9");
	check_banner(4096, 4096 - 14, "Linux version ", "");
	check_banner(4096, 0, "nothing", "");
}

static void damaged_section_headers_only_cost_the_release(void)
{
	static const struct {
		size_t offset;
		uint64_t value;
		size_t bytes;
	} damage[] = {
		{ offsetof(Elf64_Ehdr, e_shoff), UINT64_MAX - 8, 8 },
		{ offsetof(Elf64_Ehdr, e_shoff), 1u << 30, 8 },
		{ offsetof(Elf64_Ehdr, e_shnum), 0xffff, 2 },
		{ offsetof(Elf64_Ehdr, e_shnum), 0, 2 },
		{ offsetof(Elf64_Ehdr, e_shentsize), 1, 2 },
		{ offsetof(Elf64_Ehdr, e_shstrndx), 3, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;
		struct boot_image img = { .fd = -1 };
		struct err e = ERR_INIT;

		make_vmlinux(&b, "6.6.1");
		memcpy(b.data + damage[i].offset, &damage[i].value, damage[i].bytes);
		tap_ok(open_bytes(b.data, b.len, &img, &e) == 0, "%zu: %s", i, err_text(&e));
		tap_str(img.release, "");
		boot_image_close(&img);
	}
}

static void what_cannot_be_read_is_an_error_with_its_name(void)
{
	struct boot_image img;
	struct err e = ERR_INIT;
	char fifo[sizeof(dir) + 8];

	tap_eq(boot_image_open("/nonexistent/vmlinuz", &img, &e), -ENOENT);
	tap_str(err_text(&e), "open /nonexistent/vmlinuz: No such file or directory");
	err_clear(&e);
	tap_eq(boot_image_open(dir, &img, &e), -EISDIR);
	tap_ok(strstr(err_text(&e), dir), "%s", err_text(&e));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	tap_eq(mkfifo(fifo, 0644), 0);
	err_clear(&e);
	tap_eq(boot_image_open(fifo, &img, &e), -EINVAL);
	tap_ok(strstr(err_text(&e), "not a regular file"), "%s", err_text(&e));
	unlink(fifo);
	tap_eq(boot_image_open("/proc/nonexistent", &img, NULL), -ENOENT);
}

static void a_kernel_of_mode_0600_gets_the_command_that_helps(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	bool root = geteuid() == 0;
	struct boot_image img;
	struct err e = ERR_INIT;
	char want[128];
	int r;

	make_bzimage(&b, "6.1", "");
	tap_eq(file_write_atomic(path, b.data, b.len, root ? 0600 : 0, NULL), 0);
	chmod(dir, 0755);
	if (root && seteuid(65534) < 0) {
		tap_skip("cannot become another user");
		return;
	}
	r = boot_image_open(path, &img, &e);
	if (root && seteuid(0) < 0)
		abort();
	tap_eq(r, -EACCES);
	snprintf(want, sizeof(want), "sudo install -m 0644 %s ", path);
	tap_ok(strstr(err_text(&e), want), "%s", err_text(&e));
	tap_ok(strstr(err_text(&e), "ktstr kernel import"), "%s", err_text(&e));
	chmod(path, 0600);
}

static void files_that_are_no_kernels_are_named_for_what_they_are(void)
{
	static const struct {
		size_t at;
		const char *bytes;
		const char *reason;
	} files[] = {
		{ 0, "\x1f\x8b\x08", "gunzip" },
		{ 0, "\x28\xb5\x2f\xfd", "unzstd" },
		{ 0, "\xfd" "7zXZ", "unxz" },
		{ 0, "BZh91AY", "bunzip2" },
		{ 0, "\x02\x21\x4c\x18", "unlz4" },
		{ 0, "!<arch>\ndebian-binary", "ktstr kernel import" },
		{ 0, "070701", "cpio" },
		{ 0, "#!/bin/sh\n", "a script" },
		{ 0, "MZ", "without a Linux boot header" },
		{ 0x38, "ARM\x64", "arm64" },
		{ 0x30, "RISCV", "RISC-V" },
		{ 0x101, "ustar", "tar archive" },
		{ 7, "\x90\x90", "neither a bzImage nor an ELF file" },
	};
	const char text[] = "This is no kernel.\n";

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;

		buf_add_zero(&b, 8192);
		memcpy(b.data + files[i].at, files[i].bytes, strlen(files[i].bytes));
		refused(&b, files[i].reason);
	}
	check_refused(text, strlen(text), "not a kernel: a text file", __LINE__);
	check_refused("", 0, "empty", __LINE__);
	check_refused("\x7f", 1, "neither", __LINE__);
}

static void a_truncated_bzImage_is_refused_at_every_length(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct boot_image img;
	struct err e = ERR_INIT;

	make_bzimage(&b, "6.1", "");
	for (size_t n = 0; n < b.len; n += n < 1100 ? 1 : 64)
		check_refused(b.data, n, n >= 0x206 ? "truncated" : "", __LINE__);
	check_refused(b.data, b.len - 16, "5104 bytes, its header tells of 5120", __LINE__);
	/* syssize counts paragraphs: the last one may be cut short */
	tap_ok(open_bytes(b.data, b.len - 15, &img, &e) == 0, "%s", err_text(&e));
	tap_eq(img.segment[0].bytes, 4096 - 15);
	boot_image_close(&img);
}

static void a_bzImage_that_we_cannot_boot_says_why(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_bzimage(&b, "6.1", "");
	HDR(&b)->xloadflags = 0;
	refused(&b, "32-bit");
	make_bzimage(&b, "6.1", "");
	HDR(&b)->version = 0x020a;
	refused(&b, "boot protocol 2.10, 2.12");
	make_bzimage(&b, "6.1", "");
	HDR(&b)->loadflags = 0;
	refused(&b, "zImage");
	make_bzimage(&b, "6.1", "");
	HDR(&b)->boot_flag = 0;
	refused(&b, "signature");
	make_bzimage(&b, "6.1", "");
	HDR(&b)->pref_address = 0x90000;
	refused(&b, "wants to be loaded at 0x90000");
	HDR(&b)->pref_address = UINT64_MAX;
	refused(&b, "wants to be loaded at 0xffffffffffffffff");
	make_bzimage(&b, "6.1", "");
	HDR(&b)->syssize = UINT32_MAX;
	refused(&b, "truncated");
	HDR(&b)->syssize = 0x20;
	refused(&b, "damaged: a kernel of 512 bytes");
	make_bzimage(&b, "6.1", "");
	HDR(&b)->setup_sects = 255;
	refused(&b, "truncated");
}

static void a_release_outside_of_the_setup_is_not_read(void)
{
	static const uint16_t places[] = { 0, 0x200, 0x208, 0x3f0, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;
		struct boot_image img;
		struct err e = ERR_INIT;

		make_bzimage(&b, "6.1", "");
		memcpy(b.data + 0x400, "9.9.9   9.9.9", 13);
		HDR(&b)->kernel_version = places[i];
		tap_ok(open_bytes(b.data, b.len, &img, &e) == 0, "%s", err_text(&e));
		tap_str(img.release, "");
		boot_image_close(&img);
	}
}

/* Each line damages one field of a good vmlinux. */
static void an_ELF_file_that_is_no_kernel_says_why(void)
{
#define EH(field) offsetof(Elf64_Ehdr, field), sizeof(((Elf64_Ehdr *)0)->field)
#define PH(field) sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, field), \
		  sizeof(((Elf64_Phdr *)0)->field)
	static const struct {
		size_t offset, bytes;
		uint64_t value;
		const char *reason;
	} damage[] = {
		{ EI_CLASS, 1, ELFCLASS32, "32-bit" },
		{ EI_DATA, 1, ELFDATA2MSB, "not an ELF file of x86-64" },
		{ EH(e_machine), EM_AARCH64, "made for aarch64" },
		{ EH(e_machine), EM_RISCV, "made for riscv" },
		{ EH(e_machine), 4242, "made for machine 4242" },
		{ EH(e_type), ET_DYN, "a shared object or a user program" },
		{ EH(e_type), ET_REL, "an object file" },
		{ EH(e_type), ET_CORE, "a core dump" },
		{ EH(e_type), 0xfe00, "type 65024" },
		{ EH(e_phnum), 0, "0 program headers" },
		{ EH(e_phnum), 0xffff, "65535 program headers" },
		{ EH(e_phentsize), 32, "of 32 bytes" },
		{ EH(e_phoff), UINT64_MAX, "truncated: program headers" },
		{ EH(e_phoff), UINT64_MAX - 55, "truncated: program headers" },
		{ EH(e_entry), 0, "no code at the physical address of its entry" },
		{ EH(e_entry), 0x1001000, "no code at the physical address of its entry" },
		{ PH(p_type), PT_INTERP, "a user program" },
		{ PH(p_type), PT_DYNAMIC, "a user program" },
		{ PH(p_type), PT_TLS, "a user program" },
		{ PH(p_type), PT_NOTE, "no PT_LOAD" },
		{ PH(p_memsz), 0, "no PT_LOAD" },
		{ PH(p_memsz), 1, "larger in the file than in memory" },
		{ PH(p_memsz), UINT64_MAX, "must be from 1 MiB to 3 GiB" },
		{ PH(p_filesz), 4097, "truncated" },
		{ PH(p_offset), UINT64_MAX - 4095, "truncated" },
		{ PH(p_paddr), 0xff000, "must be from 1 MiB to 3 GiB" },
		{ PH(p_paddr), 0xffffffff81000000, "must be from 1 MiB to 3 GiB" },
		{ PH(p_paddr), 0xc0000000, "must be from 1 MiB to 3 GiB" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;

		make_vmlinux(&b, "6.6.1");
		if (damage[i].value == 4097)	/* more than the file has behind it */
			PHDR(&b)->p_offset = b.len - 4096;
		memcpy(b.data + damage[i].offset, &damage[i].value, damage[i].bytes);
		refused(&b, damage[i].reason);
	}
}

static void a_static_user_program_is_not_a_kernel(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_vmlinux(&b, "6.6.1");
	PHDR(&b)->p_vaddr = PHDR(&b)->p_paddr = EHDR(&b)->e_entry = 0x400000;
	refused(&b, "linked at 0x400000, like a user program");
}

static void a_segment_that_takes_no_memory_has_no_entry_point(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_vmlinux(&b, "6.6.1");
	EHDR(&b)->e_phnum = 2;
	PHDR(&b)[1] = PHDR(&b)[0];
	PHDR(&b)[1].p_memsz = 0;
	PHDR(&b)[1].p_paddr = EHDR(&b)->e_entry = 0xffffffff81000000;
	refused(&b, "no code at the physical address of its entry");
}

static void too_many_segments_are_refused(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_vmlinux(&b, "6.6.1");
	EHDR(&b)->e_phnum = BOOT_SEGMENTS_MAX + 1;
	for (unsigned i = 1; i <= BOOT_SEGMENTS_MAX; i++)
		PHDR(&b)[i] = PHDR(&b)[0];
	refused(&b, "more than 16 segments");
}

static void a_truncated_vmlinux_is_refused(void)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	make_vmlinux(&b, "6.6.1");
	for (size_t n = 4; n < 8192; n += n < 200 ? 1 : 128)
		check_refused(b.data, n, "truncated", __LINE__);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/kernel", dir);
	TAP_RUN(a_bzImage_tells_where_it_goes);
	TAP_RUN(a_kernel_larger_than_its_init_size_needs_its_own_size);
	TAP_RUN(a_vmlinux_tells_where_it_goes);
	TAP_RUN(a_vmlinux_has_its_release_anywhere_in_its_constants);
	TAP_RUN(damaged_section_headers_only_cost_the_release);
	TAP_RUN(what_cannot_be_read_is_an_error_with_its_name);
	TAP_RUN(a_kernel_of_mode_0600_gets_the_command_that_helps);
	TAP_RUN(files_that_are_no_kernels_are_named_for_what_they_are);
	TAP_RUN(a_truncated_bzImage_is_refused_at_every_length);
	TAP_RUN(a_bzImage_that_we_cannot_boot_says_why);
	TAP_RUN(a_release_outside_of_the_setup_is_not_read);
	TAP_RUN(an_ELF_file_that_is_no_kernel_says_why);
	TAP_RUN(a_static_user_program_is_not_a_kernel);
	TAP_RUN(a_segment_that_takes_no_memory_has_no_entry_point);
	TAP_RUN(too_many_segments_are_refused);
	TAP_RUN(a_truncated_vmlinux_is_refused);
	(void)file_remove_tree(dir, NULL);
	return tap_done();
}
