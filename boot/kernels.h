/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_KERNELS_H
#define KTSTR_BOOT_KERNELS_H
/*
 * Kernels on the host: the cache, what --kernel may name, and import.
 *
 *   $KTSTR_CACHE_DIR, else $XDG_CACHE_HOME/ktstr, else ~/.cache/ktstr
 *     kernels/<key>/vmlinuz        bzImage (or vmlinux: ELF)
 *                   vmlinux        the source's, or unpacked from vmlinuz: boots faster,
 *                                  since no guest unpacks; KASLR then moves memory, not text
 *                   config, System.map
 *                   modules/       kernel/ and modules.builtin of lib/modules/<release>
 *                   kernel.json    schema ktstr.kernel/1: key, release, arch, source, imported
 *     kernels/.tmp.*               an import under way; swept when its maker is gone
 *     index/                       what is known of kernels: loop/kernel_index.h
 *
 * An entry appears by rename, so it is whole or not there. Key: release, or
 * release-N when another kernel with that release is there already; importing
 * the same content (all of it, not just the image) again gives the same entry.
 *
 * Thread: any. Every path returned is malloc'ed and the caller's to free.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct buf;
struct err;

struct kernel {
	char *key;		/* NULL: not in the cache */
	char *image;		/* what to boot: vmlinux when there is one, else vmlinuz */
	char *bzimage;		/* NULL when only an ELF is there (QEMU wants a bzImage) */
	char *release;		/* may be NULL */
	char *modules;		/* folder with kernel/..., NULL when there is none */
	char *system_map;	/* NULL when there is none */
	char *config;		/* NULL when there is none */
	char *source;		/* cache: what was imported; may be NULL */
	char *imported;		/* cache: when, RFC 3339 in UTC; may be NULL */
	unsigned files_built;	/* cache: by kernel build, as make counts them; 0: not built here */
	char *why;		/* how it was found: "--kernel", "newest in /boot", ... */
};

void kernel_fini(struct kernel *k);
/* What boots is the bzImage: the guest unpacks it. */
bool kernel_is_packed(const struct kernel *k);

/*
 * The cache folder, which need not exist. -ENOENT when the environment names
 * none and the user has no home.
 */
int kernel_cache_dir(char **ret, struct err *e);

/*
 * What --kernel SPEC names: a file (bzImage or vmlinux ELF), a folder (a
 * kernel build tree, an unpacked package, or one with bzImage/vmlinuz/vmlinux
 * or vmlinuz-* in it), a cache key, or a version that a cache entry's release
 * starts with (newest first; "6.1" does not mean 6.12). Files that belong to a
 * kernel file are looked for beside it.
 * spec NULL: $KTSTR_KERNEL, then the newest cache entry, then /boot.
 * -ENOENT with what was looked for and the command that gets a kernel.
 */
int kernel_find(const char *spec, struct kernel *ret, struct err *e);
/*
 * The same, but that of the cache's entries the newest is taken that is known to
 * be configured with an option ("CONFIG_SCHED_CLASS_EXT"); where none is, the newest.
 */
int kernel_find_with(const char *spec, const char *option, struct kernel *ret, struct err *e);

/*
 * The vmlinux inside a bzImage, added to ret. -ENODATA: the file is none, or does
 * not tell where it has one; -ENOENT with the package whose program is missing.
 */
int kernel_read_payload(const char *bzimage, struct buf *ret, struct err *e);

/*
 * Copy a kernel into the cache: a file, a folder, or a package of Debian or an
 * RPM distribution, and several packages where image and modules are apart.
 * count is at least 1. *ret is the entry.
 */
int kernel_import(const char *const *paths, size_t count, struct kernel *ret, struct err *e);

/*
 * Remove an entry by its key. It is gone at once, whole; a run that has its files
 * open keeps them. -ENOENT when there is none.
 */
int kernel_remove(const char *key, struct err *e);

struct kernel_swept {
	unsigned stages;	/* imports and builds */
	uint64_t bytes;		/* on the disk */
};

/* Remove what imports and builds left that did not come to their end. */
int kernel_sweep(struct kernel_swept *ret, struct err *e);

/* All entries, newest import first. Free each with kernel_fini(), then the array. */
int kernel_list(struct kernel **ret, size_t *ret_count, struct err *e);

/* --- drivers -------------------------------------------------------------- */

/* KVM on AMD SVM, which is what QEMU's software emulation offers. */
#define KERNEL_DRIVER_KVM "kvm_amd"

enum kernel_driver {
	KERNEL_DRIVER_UNKNOWN,		/* neither config nor modules.builtin is there to tell */
	KERNEL_DRIVER_NONE,
	KERNEL_DRIVER_MODULE,		/* and its file is there */
	KERNEL_DRIVER_BUILTIN,
};

/* Does the kernel have the driver of this name ("virtio_mmio")? */
enum kernel_driver kernel_driver_find(const struct kernel *k, const char *name);

/* Can it be the outer kernel of a nested run? */
bool kernel_can_nest(const struct kernel *k);

struct kernel_module {
	char *name;			/* "kvm_amd" */
	struct buf bytes;		/* unpacked */
};

struct kernel_modules {
	struct kernel_module *item;	/* in the order of loading */
	size_t count;
};

/*
 * Add a driver's module behind those that it needs and that are not there yet;
 * nothing for what is built in. -ENOENT when the kernel does not have it. The
 * caller frees *m in any case.
 */
int kernel_modules_read(const struct kernel *k, const char *name, struct kernel_modules *m,
			struct err *e);
void kernel_modules_fini(struct kernel_modules *m);

#endif
