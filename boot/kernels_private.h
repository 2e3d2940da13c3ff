/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_KERNELS_PRIVATE_H
#define KTSTR_BOOT_KERNELS_PRIVATE_H
/*
 * Between the files that find, import and describe kernels.
 *
 * Words: parts = the files that make up a kernel, wherever they lie; stage =
 * the folder of an import under way, .tmp.PID.XXXXXX in the cache.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot/kernels.h"

#define KERNEL_ARCH "x86_64"
#define KERNEL_STAGE_PREFIX ".tmp."
#define KERNEL_JSON "kernel.json"

struct kernel_parts {
	char *bzimage, *vmlinux;	/* at least one is there; boot_image_open() likes it */
	char *config, *system_map;	/* NULL when absent */
	char *modules;		/* folder with kernel/, or NULL */
	char *build_tree;	/* folder with modules.order and modules beside their sources */
	char *release;		/* NULL when nothing tells */
};

/* Look for the parts of what path names: a file or a folder. */
int kernel_parts_find(const char *path, struct kernel_parts *ret, struct err *e);
/* The newest boot/vmlinuz-* in a folder like /boot. -ENOENT when there is none. */
int kernel_parts_find_boot(const char *boot, struct kernel_parts *ret, struct err *e);
void kernel_parts_fini(struct kernel_parts *p);

/* "a/b" when that exists, else NULL. */
char *kernel_path_if_exists(const char *a, const char *b);

/* <cache>/kernels */
int kernel_entries_dir(char **ret, struct err *e);
/* The entry dir/key. -ENOENT when it has no image. */
int kernel_entry_load(const char *dir, const char *key, struct kernel *ret, struct err *e);

/* --- import (kernels_import.c) -------------------------------------------- */

struct kernel_import_request {
	const char *path;	/* a file, a package or a folder */
	const char *const *more;	/* packages that belong to the package */
	size_t more_count;
	const char *key;	/* of the entry; NULL: from the release, which is free to take */
	const char *source;	/* to write down; NULL: path */
	bool replace;		/* an entry of this key goes; else it stays as it is */
	unsigned files_built;
};

int kernel_import_as(const struct kernel_import_request *q, struct kernel *ret, struct err *e);

/* --- the stage of an import (kernels_fill.c) ------------------------------ */

struct kernel_fill {
	const char *stage;	/* the folder */
	const struct kernel_parts *parts;
	bool move;		/* parts lie in the stage: rename them */
	const char *path;	/* what the user named */
	struct err *e;
};

int kernel_fill_stage(const struct kernel_fill *f);

/* --- kernel.json (kernels_json.c) ----------------------------------------- */

/*
 * Sets release, source, imported and files_built, as far as the file has them.
 * -ENOEXEC: it is a kernel of another architecture.
 */
int kernel_json_read(const char *dir, struct kernel *k);
/* Writes the same, and key; imported is now. */
int kernel_json_write(const char *dir, const struct kernel *k, struct err *e);

/* --- files (kernels_copy.c) ---------------------------------------------- */

int kernel_copy_file(const char *from, const char *to, struct err *e);
/* Folders and regular files below from; nothing else is copied. */
int kernel_copy_tree(const char *from, const char *to, struct err *e);
/* 1 when both trees have the same files with the same content, but for kernel.json. */
int kernel_same_tree(const char *a, const char *b, struct err *e);

/* --- stages (kernels_stage.c) -------------------------------------------- */

struct kernel_stage {
	char *dir;		/* NULL: published or never made */
	int lock_fd;		/* flock: the maker lives */
};

#define KERNEL_STAGE_INIT { .lock_fd = -1 }

/* A new stage below entries_dir, which is made when it is missing. */
int kernel_stage_create(const char *entries_dir, struct kernel_stage *ret, struct err *e);
/* Removes what was not published. */
void kernel_stage_destroy(struct kernel_stage *s);
/*
 * Remove stages whose makers are gone; each is told as a notice, since it may take a while.
 * ret may be NULL.
 */
void kernel_stage_sweep(const char *entries_dir, struct kernel_swept *ret);

/* --- programs (kernels_tool.c) ------------------------------------------- */

/* Wait for its end. */
bool kernel_tool_failed(pid_t pid);
/* Is the program in PATH, or the file there if the name is a path? */
bool kernel_tool_exists(const char *name);

/* --- packed files (kernels_unpack.c) ------------------------------------- */

struct kernel_packer {
	uint8_t magic[6];
	uint8_t magic_len;
	const char *name;	/* the kernel's for it: "lzo" of CONFIG_KERNEL_LZO */
	char *argv[4];		/* unpacks stdin to stdout */
	const char *package;	/* that has the program, on Debian */
};

/* What packed these bytes; NULL: nothing known. */
const struct kernel_packer *kernel_packer_find(const uint8_t *p, size_t n);
/*
 * 0, or negative errno: nothing that was written to out counts then. -ENOENT:
 * the program is not installed, -EIO: it failed.
 */
int kernel_unpack(const struct kernel_packer *k, const uint8_t *bytes, size_t n, int out);
/* The same, added to ret. */
int kernel_unpack_to_buf(const struct kernel_packer *k, const uint8_t *bytes, size_t n,
			 struct buf *ret);
/* Tells what r, which came of one of these, means for path; returns r. */
int kernel_unpack_said(const struct kernel_packer *k, int r, const char *path, struct err *e);
/* The content of a file added to ret, unpacked if it is packed. */
int kernel_read_unpacked(const char *path, struct buf *ret, struct err *e);

/* --- payloads (kernels_payload.c) ---------------------------------------- */

/*
 * Unpack the vmlinux inside a bzImage to a new file. False, and no file: the
 * image does not tell, its program is not installed (said as a notice), or
 * what came out is no kernel. The bzImage boots in any case.
 */
bool kernel_unpack_payload(const char *bzimage, const char *vmlinux);
/* What it is packed with; NULL when that is not known. */
const struct kernel_packer *kernel_payload_packer(const char *bzimage);

/* --- modules (kernels_modules.c, kernels_modinfo.c), config (kernels_config.c) -------------- */

/* Is there the file of any? */
bool kernel_has_modules(const struct kernel *k);
/* "virtio,virtio_ring", "" for none; the caller's. -ENOEXEC: not a module. */
int kernel_modinfo_depends(const uint8_t *bytes, size_t n, char **ret);

/* 'y', 'm', 'n', a digit or '"', or 0 when there is no config to look at. */
char kernel_config_value(const struct kernel *k, const char *option);
/* Write the config that a vmlinux carries to a new file. -ENOENT: it carries none. */
int kernel_config_extract(const char *vmlinux, const char *to, struct err *e);

/* --- packages (kernels_package.c, kernels_rpm.c) -------------------------- */

bool kernel_is_package(const char *path);
int kernel_unpack_package(const char *path, const char *to, struct err *e);

#define KERNEL_RPM_MAGIC "\xed\xab\xee\xdb"
/* Where the packed archive begins, which is inside. -EBADMSG. */
int kernel_rpm_payload(const uint8_t *p, size_t n, size_t *ret_at);

#endif
