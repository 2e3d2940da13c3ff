/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_INITRAMFS_PRIVATE_H
#define KTSTR_BOOT_INITRAMFS_PRIVATE_H
/*
 * Between the files that make the initramfs: the table of what is in the
 * archive already. The archive itself is the only copy of the contents.
 */
#include "boot/cpio.h"
#include "boot/initramfs.h"

struct initramfs_entry {
	char *path;		/* absolute, clean: the key */
	mode_t mode;
	size_t content, size;	/* in fs->cpio */
	dev_t host_dev;		/* a host file: which one */
	ino_t host_ino;		/* 0: not a host file */
};

struct initramfs {
	struct initramfs *base;	/* of this one; NULL: it is none's overlay */
	struct initramfs *over;	/* the one over this */
	struct buf cpio;
	void *tree;		/* struct initramfs_entry by path, see tsearch(3) */
	uint32_t ino;		/* of the last entry */
	uint64_t unpacked_bytes;
	struct initramfs_entry **libs;	/* borrowed from tree */
	size_t lib_count;
	bool finished;
};

/*
 * An absolute path without empty and "." components. A ".." is refused, or
 * with dotdot taken back to the folder above, which is what it means in an
 * archive without links to folders.
 */
int initramfs_clean_path(const char *path, bool dotdot, char **ret, struct err *e);

struct initramfs_entry *initramfs_find(const struct initramfs *fs, const char *path);

/*
 * A new entry and its ancestors; path is clean and not in the table yet. The
 * caller adds the content to fs->cpio between open and close. After a failed
 * close, or an abort, the archive is as it was before.
 */
int initramfs_open_entry(struct initramfs *fs, const char *path, mode_t mode,
			 struct cpio_entry *ret, struct err *e);
int initramfs_close_entry(struct initramfs *fs, const char *path, mode_t mode,
			  const struct cpio_entry *at, struct initramfs_entry **ret,
			  struct err *e);
void initramfs_abort_entry(struct initramfs *fs, const struct cpio_entry *at);

/*
 * A file that the same host file may already serve under another name: then
 * this name becomes a symbolic link to that one.
 */
int initramfs_add_library(struct initramfs *fs, const char *guest, const char *host,
			  struct err *e);

#endif
