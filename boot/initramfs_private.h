/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_INITRAMFS_PRIVATE_H
#define KTSTR_BOOT_INITRAMFS_PRIVATE_H
/*
 * Between the files that make the initramfs: the table of what shall be in the
 * archive. Files of the host are only looked at until it is packed, so that a
 * key can be had without reading them.
 */
#include <sys/stat.h>

#include "boot/initramfs.h"

struct initramfs_entry {
	char *path;		/* absolute, clean: the key */
	mode_t mode;
	struct buf bytes;	/* the content or a link's target, when it is known here */
	char *host;		/* else the host file that has it */
	struct stat st;		/* of host, when it was added */
	bool strip;		/* without debug sections, if it has any */
};

struct initramfs {
	struct initramfs *base;	/* of this one; NULL: it is none's overlay */
	struct initramfs *over;	/* the one over this */
	void *tree;		/* struct initramfs_entry by path, see tsearch(3) */
	struct initramfs_entry **entry;	/* the same, in the order of the archive */
	size_t count;
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
 * caller fills in where the content is. -EEXIST when it is taken in the
 * archive above or below.
 */
int initramfs_new_entry(struct initramfs *fs, const char *path, mode_t mode,
			struct initramfs_entry **ret, struct err *e);

/* Append an entry's content, as it was when the entry was added. */
int initramfs_read_entry(const struct initramfs_entry *ent, struct buf *b, struct err *e);

/* Open a host file that may be packed. */
int initramfs_open_host(const char *host, int *ret_fd, struct stat *ret_st, struct err *e);
/* Is it still the file that was looked at, with the same content? */
bool initramfs_same_stat(const struct stat *a, const struct stat *b);

/*
 * A file that the same host file may already serve under another name: then
 * this name becomes a symbolic link to that one.
 */
int initramfs_add_library(struct initramfs *fs, const char *guest, const char *host,
			  struct err *e);

#endif
