/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much RAM a guest needs at least. A sum of what is known to be taken, so
 * that too little is an error with numbers before the boot, and not an
 * out-of-memory kill in the middle of it.
 */
#include "base/util.h"
#include "boot/boot.h"
#include "mm/mm.h"

/*
 * Linux 6.12 of two configurations (a small one, and Debian's for clouds) had
 * 13.5 MiB in use at the first process, beyond its image, page structures and
 * initramfs, and 0.8 MiB more for each further CPU. The rest is for user space:
 * PID 1, the tests, and some workers on each CPU.
 */
#define FLOOR_BYTES (64 * MIB)
#define CPU_BYTES (2 * MIB)

uint64_t boot_memory_needed(const struct boot_image *img, uint64_t initrd_bytes,
			    uint64_t unpacked_bytes, unsigned cpus)
{
	uint64_t n = BOOT_GPA_HIGH;

	/* the image with its bss; of a bzImage, room to decompress in place */
	n += img->memory_bytes;
	/* packed: retain_initrd keeps it, at a place that is 2 MiB aligned */
	n += initrd_bytes + MM_ALIGN;
	/*
	 * unpacked: in ramfs (rootfstype=ramfs), hence without tmpfs' limit of
	 * half the RAM. The last page of each file, inodes and names: 1/16 more.
	 */
	n += unpacked_bytes + unpacked_bytes / 16;
	n += FLOOR_BYTES + cpus * CPU_BYTES;
	/*
	 * struct page is 64 bytes for each 4096, of all RAM; hash tables and
	 * the reserves of the page allocator grow with RAM, too: a 32nd in all
	 */
	n += n / 31;
	/*
	 * The same bytes must also fit where they have to lie: the kernel at
	 * load_gpa, the initramfs above it (what is below is used later).
	 */
	n = MAX(n, img->load_gpa + img->memory_bytes + initrd_bytes + MM_ALIGN);
	return round_up(n, MM_ALIGN);
}
