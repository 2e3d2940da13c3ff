/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_KINDEX_H
#define KTSTR_MONITOR_KINDEX_H
/*
 * What is known of a kernel from its file: addresses of its symbols, its BTF,
 * and how to recognise it in memory (banner, build-id). An index is one piece of
 * bytes, made from a vmlinux once, then cached or handed to a nested run:
 *
 *   head | addresses | name offsets | order by name | kinds | names | BTF
 *
 * Symbols come from the ELF's .symtab, or, where that was stripped as in the
 * vmlinux of a bzImage, from kallsyms. BTF is the section .BTF. Addresses are as
 * linked: KASLR is not known here.
 *
 * The bytes of an index are checked when it is opened, for they come from a
 * file. They are of this machine's byte order, and no format to exchange.
 *
 * Ownership: kindex_close() frees all; what is returned lives until then.
 * Thread: any, one at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct buf;
struct err;
struct kindex;

#define KINDEX_BANNER_MAX 512
#define KINDEX_BUILD_ID_MAX 20

/*
 * The index of an ELF vmlinux. -ENOEXEC: not one. -ENODATA with the option that
 * the kernel was built without: no symbols (CONFIG_KALLSYMS), no BTF
 * (CONFIG_DEBUG_INFO_BTF).
 */
int kindex_build(const uint8_t *elf, size_t n, struct buf *ret, struct err *e);

/*
 * The index of a kernel that runs, as it shows itself: /proc/kallsyms with the
 * addresses of now (so KASLR's slide is 0 for this index), /sys/kernel/btf/vmlinux,
 * /proc/version. All of it is the guest's word; whether it fits what is in memory
 * monitor_attach() sees. -ENODATA, -EPROTO with what is missing or wrong.
 */
struct kindex_told {
	const char *kallsyms, *version;
	const uint8_t *btf;
	size_t kallsyms_bytes, version_bytes, btf_bytes;
};
int kindex_build_told(const struct kindex_told *t, struct buf *ret, struct err *e);

/* Takes the bytes over, also when it fails. -EINVAL: not an index. */
int kindex_open(struct buf *bytes, struct kindex **ret, struct err *e);
int kindex_open_file(const char *path, struct kindex **ret, struct err *e);
void kindex_close(struct kindex *k);

/* The address that a symbol was linked at (per-CPU ones: as linked, maybe 0). */
bool kindex_find(const struct kindex *k, const char *name, uint64_t *ret_addr);
/* The code symbol at or before addr within 1 MiB, or NULL. */
const char *kindex_code_at(const struct kindex *k, uint64_t addr, uint64_t *ret_offset);
size_t kindex_symbols(const struct kindex *k);
/* The index itself, to be stored or handed on. */
const void *kindex_bytes(const struct kindex *k, size_t *ret_bytes);

const struct btf *kindex_btf(const struct kindex *k);
/* "Linux version ...", with the newline. */
const char *kindex_banner(const struct kindex *k);
/* 0 bytes when the kernel has none. */
const uint8_t *kindex_build_id(const struct kindex *k, size_t *ret_bytes);

#endif
