/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_ELF_STRIP_H
#define KTSTR_BOOT_ELF_STRIP_H
/*
 * A program without its debug sections: they are most of a large one, and
 * nobody in the guest reads them. Thread: any.
 */
#include <stdbool.h>

struct buf;

/*
 * *ret: the 64-bit ELF file in *file without its .debug_* sections. What is
 * loaded stays where it is, byte by byte; symbols stay, and so do the indices
 * of sections, those that are left out being SHT_NULL. False when anything is
 * in doubt, or when nothing would be saved: then *ret is empty.
 */
bool elf_strip_debug(const struct buf *file, struct buf *ret);

#endif
