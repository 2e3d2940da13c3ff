/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_IMAGE_H
#define KTSTR_BOOT_IMAGE_H
/*
 * What the readers of kernel files share. Not for others: see boot.h.
 *
 * Nothing in a file is believed: every offset and length is checked against
 * the size of the file and BOOT_GPA_MAX before it is added to another one, so
 * that no sum can wrap.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/boot.h"

/* Kernels are identity-mapped and below the MMIO hole; more is nonsense. */
#define BOOT_GPA_MAX (UINT64_C(3) << 30)
/* What is looked at first: the boot sector and setup_header, or the ELF header. */
#define BOOT_HEAD_BYTES 4096

/* n bytes from offset, or -ENODATA when the file ends before, or the error of pread. */
int boot_image_read(const struct boot_image *img, uint64_t offset, void *bytes, size_t n);

/* Is [offset, offset + n) inside the file? */
bool boot_image_has(const struct boot_image *img, uint64_t offset, uint64_t n);

/* Copy a release up to the first blank; nothing unless it starts with a digit. */
void boot_image_set_release(struct boot_image *img, const char *s, size_t n);

/* head holds BOOT_HEAD_BYTES, zero behind the end of a smaller file. */
int boot_elf_inspect(struct boot_image *img, const uint8_t *head, struct err *e);

#endif
