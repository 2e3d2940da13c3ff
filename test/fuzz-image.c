/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a kernel file: it is refused, or what is told about it is true
 * of the file, and loading it stays inside of guest memory.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/boot.h"
#include "boot/tables.h"
#include "mm/mm.h"
#include "test/fuzz.h"
#include "vcpu/topo.h"

#define GUEST_BYTES (32 * MIB)

static const struct __attribute__((packed)) {
	uint8_t boot_sector[0x1f1];
	struct setup_header hdr;
	uint8_t rest[0x400 - 0x1f1 - sizeof(struct setup_header)];
	uint8_t payload[0x400];
} bzimage = {
	.hdr = {
		.setup_sects = 1, .boot_flag = 0xaa55, .jump = 0x66eb, .header = 0x53726448,
		.version = 0x020f, .kernel_version = 0x100, .loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64, .syssize = 0x400 / 16, .init_size = 1 << 20,
		.pref_address = 0x1000000, .initrd_addr_max = 0x7fffffff, .cmdline_size = 2047,
	},
	.rest = "6.1",
};

static const struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[3];
	Elf64_Shdr shdr[3];
	char names[32], rodata[64];
} vmlinux = {
	.ehdr = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_entry = 0x1000000, .e_phoff = offsetof(__typeof__(vmlinux), phdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3,
		.e_shoff = offsetof(__typeof__(vmlinux), shdr),
		.e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3, .e_shstrndx = 2,
	},
	.phdr = {
		{ .p_type = PT_LOAD, .p_vaddr = 0xffffffff81000000, .p_paddr = 0x1000000,
		  .p_filesz = 64, .p_memsz = 0x1000 },
		{ .p_type = PT_LOAD, .p_vaddr = 0xffffffff81200000, .p_paddr = 0x1200000,
		  .p_filesz = 64, .p_memsz = 0x2000 },
		{ .p_type = PT_NOTE },
	},
	.shdr = {
		[1] = { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_size = 64,
			.sh_offset = offsetof(__typeof__(vmlinux), rodata) },
		[2] = { .sh_type = SHT_STRTAB, .sh_size = 32,
			.sh_offset = offsetof(__typeof__(vmlinux), names) },
	},
	.names = "\0.rodata",
	.rodata = "xx Linux version 6.6.1-fuzz (gcc)",
};

const struct fuzz_seed fuzz_seeds[] = {
	{ &bzimage, sizeof(bzimage) },
	{ &vmlinux, sizeof(vmlinux) },
	{ NULL, 0 },
};

static void check_image(const struct boot_image *img, size_t size)
{
	uint64_t end = img->load_gpa + img->memory_bytes;

	FUZZ_CHECK(img->file_bytes == size);
	FUZZ_CHECK(img->load_gpa >= BOOT_GPA_HIGH && end > img->load_gpa);
	FUZZ_CHECK(img->entry_gpa >= img->load_gpa && img->entry_gpa < end);
	FUZZ_CHECK(img->segments >= 1 && img->segments <= BOOT_SEGMENTS_MAX);
	FUZZ_CHECK(img->setup_header_len <= sizeof(img->setup_header));
	FUZZ_CHECK(memchr(img->release, 0, sizeof(img->release)));
	for (unsigned i = 0; i < img->segments; i++) {
		const struct boot_segment *s = &img->segment[i];

		FUZZ_CHECK(s->bytes <= size && s->offset <= size - s->bytes);
		FUZZ_CHECK(s->gpa >= img->load_gpa && s->gpa <= end && s->bytes <= end - s->gpa);
	}
}

/* What was loaded, seen from guest memory. */
static void check_guest(const struct boot_image *img, struct mm *mm, const struct boot_entry *at,
			size_t initrd)
{
	static const uint8_t zero[BOOT_GPA_ACPI - BOOT_GPA_VGA];
	struct boot_params bp;

	FUZZ_CHECK(mm_view(mm, img->load_gpa, 1));
	FUZZ_CHECK(mm_view(mm, at->rip, 1));
	FUZZ_CHECK(mm_read(mm, at->rsi, &bp, sizeof(bp)) == 0);
	FUZZ_CHECK(bp.hdr.ramdisk_size == initrd);
	FUZZ_CHECK(bp.hdr.ramdisk_image >= BOOT_GPA_HIGH);
	FUZZ_CHECK(mm_view(mm, bp.hdr.ramdisk_image, initrd));
	FUZZ_CHECK(bp.hdr.ramdisk_image >= img->load_gpa + img->memory_bytes ||
		   bp.hdr.ramdisk_image + initrd <= img->load_gpa);
	/* nobody writes where video memory would be */
	FUZZ_CHECK(!memcmp(mm_view(mm, BOOT_GPA_VGA, sizeof(zero)), zero, sizeof(zero)));
}

static void load(const struct boot_image *img)
{
	static const uint8_t initrd[3000] = { 1 };
	const struct topo topo = TOPO_DEFAULT;
	struct boot_machine machine = {
		.topo = &topo, .pm_port = 0x600, .reset_port = 0x64, .sci_gsi = 9,
	};
	const uint64_t node = GUEST_BYTES;
	struct cmdline cmdline;
	struct boot_request q = {
		.image = img, .cmdline = &cmdline, .machine = &machine,
		.initrd = initrd, .initrd_bytes = 1000, .initrd_fd = -1,
		.initrd_tail = initrd + 1000, .initrd_tail_bytes = 2000,
	};
	struct err e = ERR_INIT;
	struct boot_entry entry;
	struct mm_layout l;
	struct mm *mm;

	cmdline_init(&cmdline);
	cmdline_add(&cmdline, "console=ttyS0");
	if (mm_layout_build(&node, 1, 0, 46, &l, &e) < 0 || mm_create(&l, &mm, &e) < 0)
		abort();
	/* large pages would be zeroed again for each input */
	(void)madvise(mm_view(mm, 0, GUEST_BYTES), GUEST_BYTES, MADV_NOHUGEPAGE);
	machine.memory = mm_layout(mm);
	if (boot_load(&q, mm, &entry, &e) == 0)
		check_guest(img, mm, &entry, sizeof(initrd));
	else
		FUZZ_CHECK(*err_text(&e));
	mm_destroy(mm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_image img = { .fd = -1 };
	struct err e = ERR_INIT;
	char path[64];
	int fd = memfd_create("fuzz-image", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, data, size) < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (boot_image_open(path, &img, &e) == 0) {
		check_image(&img, size);
		load(&img);
		boot_image_close(&img);
	} else {
		FUZZ_CHECK(strstr(err_text(&e), path));
		FUZZ_CHECK(img.fd == -1);
	}
	close(fd);
	return 0;
}
