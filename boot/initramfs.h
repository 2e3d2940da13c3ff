/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_INITRAMFS_H
#define KTSTR_BOOT_INITRAMFS_H
/*
 * The initramfs: a cpio "newc" archive that we write ourselves, with a binary
 * as /init, the shared libraries that it needs, and files.
 *
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst. Linux'
 * extractor drops files whose folder has no entry, so every ancestor folder
 * gets one. Entries carry mtime 0 and owner 0: the same input gives the same
 * bytes.
 *
 * Thread: any (a job packs).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct err;

/* The last entry: PID 1 finds it, or the archive was not unpacked whole. */
#define INITRAMFS_MARKER "/.ktstr_init_ok"
/* Names that belong to us; files from the user may not use them. */
#define INITRAMFS_PRIVATE "/ktstr"

struct initramfs;

int initramfs_create(struct initramfs **ret, struct err *e);
/*
 * An archive that is unpacked over base, directly behind it, so that base can
 * be packed once for many. Libraries of programs that are added here go into
 * base; base gets no marker. base must outlive this.
 */
int initramfs_create_over(struct initramfs *base, struct initramfs **ret, struct err *e);
void initramfs_destroy(struct initramfs *fs);

/*
 * May a file from the user have this guest path? -EINVAL for what the other
 * functions refuse too, and for the names that are ours or mount points.
 */
int initramfs_check_user_path(const char *guest, struct err *e);

/*
 * Add one entry at an absolute guest path. Adding the same path again with the
 * same content and mode is nothing; with another one -EEXIST, as is a path that
 * the base or the archive over it has. ".." in guest, and folders, devices,
 * FIFOs and sockets as host are refused by name. The host's symbolic links are
 * followed.
 */
int initramfs_add_bytes(struct initramfs *fs, const char *guest, const void *bytes, size_t n,
			mode_t mode, struct err *e);
int initramfs_add_file(struct initramfs *fs, const char *guest, const char *host, struct err *e);
int initramfs_add_symlink(struct initramfs *fs, const char *guest, const char *target,
			  struct err *e);
int initramfs_add_dir(struct initramfs *fs, const char *guest, struct err *e);

/*
 * Add an ELF binary and everything it needs to start: its interpreter (where
 * it really lies, with a link where PT_INTERP wants it) and the transitive
 * closure of DT_NEEDED, each library at the path where it was found. One that
 * the loader would not find there in the guest, where there is no cache and no
 * LD_LIBRARY_PATH, gets a symbolic link in a default folder of the loader as
 * well. A library that cannot be found is an error with the chain that asked
 * for it. A script ("#!") or static binary needs nothing more.
 */
int initramfs_add_program(struct initramfs *fs, const char *guest, const char *host,
			  struct err *e);

/* Leave out the debug sections of an entry that is there, if it is a program that has some. */
void initramfs_strip(struct initramfs *fs, const char *guest);

/*
 * A name for what is in the archive so far and for salt, which says how it will
 * be packed: over names, modes and content, of host files their build-id, size
 * and time. Blocks: files without a build-id are read.
 */
struct initramfs_key {
	uint8_t bytes[16];
};
int initramfs_key(const struct initramfs *fs, uint64_t salt, struct initramfs_key *ret,
		  struct err *e);

/*
 * Read what was added; the marker and the trailer are added here; padded to 4
 * bytes. *ret_cpio is the caller's; after this fs can only be destroyed. -EIO
 * with the name of a host file that is not as it was when it was added.
 */
int initramfs_finish(struct initramfs *fs, struct buf *ret_cpio, struct err *e);

/* Known when it is finished: all contents as they will lie in the rootfs, in pages of 4 KiB. */
uint64_t initramfs_unpacked_bytes(const struct initramfs *fs);

/*
 * Legacy LZ4 frames, as the kernel's unlz4 reads them: magic 0x184c2102, then
 * per 8 MiB chunk le32 size and an LZ4 block.
 */
int initramfs_lz4(const void *bytes, size_t n, struct buf *ret, struct err *e);

/* --- the closure, for initramfs_add_program() and its test ---------------- */

enum closure_via {
	CLOSURE_PATH,		/* DT_NEEDED is a path itself */
	CLOSURE_RPATH,
	CLOSURE_ENV,		/* LD_LIBRARY_PATH */
	CLOSURE_RUNPATH,
	CLOSURE_CACHE,		/* /etc/ld.so.cache */
	CLOSURE_DEFAULT,	/* a default folder of the loader */
	CLOSURE_VIA_COUNT,
};

const char *closure_via_name(enum closure_via via);

struct closure_lib {
	char *soname;		/* as DT_NEEDED named it */
	char *path;		/* where it was found on the host, as the loader spells it */
	enum closure_via via;
	bool default_dir;	/* it lies in a default folder of the loader */
	bool main_origin;	/* found through the program's own $ORIGIN */
	bool alias;		/* another name of a library that is listed before */
};

struct closure {
	char *interp;		/* PT_INTERP, NULL for a static binary */
	char *origin;		/* the program's real folder, NULL when it is no ELF file */
	char *link_dir;		/* the loader's first default folder, NULL likewise */
	struct closure_lib *lib;
	size_t count;
};

/*
 * Search order of ld.so(8): DT_RPATH of the asking object and of those that
 * loaded it (each only without a DT_RUNPATH of its own), LD_LIBRARY_PATH,
 * DT_RUNPATH of the asking object, /etc/ld.so.cache, default folders; with
 * $ORIGIN, $LIB and $PLATFORM. Libraries are listed in the order in which they
 * are loaded. A file that is not a dynamic ELF has an empty closure. Variants
 * for particular CPUs (glibc-hwcaps) are passed over for the base version.
 */
int closure_resolve(const char *host, struct closure *ret, struct err *e);
void closure_fini(struct closure *c);

#endif
