/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BASE_FILE_H
#define KTSTR_BASE_FILE_H
/*
 * Files as a whole: mapped read-only, written atomically. Errors: negative
 * errno with the path in *e. Thread: any.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* A regular file mapped read-only (MAP_PRIVATE). */
struct file_map {
	const uint8_t *data;	/* NULL for an empty file */
	size_t size;
};

#define FILE_MAP_INIT { 0 }

/* -ENOENT, -EACCES, -EISDIR, -EINVAL (not a regular file), ... */
int file_map(const char *path, struct file_map *ret, struct err *e);
void file_unmap(struct file_map *m);

/* All n bytes or a negative errno; EINTR is retried, a short write goes on. */
int file_write_all(int fd, const void *bytes, size_t n);

/* Write a temporary file beside path and rename it over path. */
int file_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);

/*
 * A file that is written in pieces, beside path, and appears there when it is whole.
 * file_new_close() without a commit, or behind a failed one, leaves nothing.
 */
struct file_new {
	char *path, *tmp;
	int fd;
};

#define FILE_NEW_INIT { .fd = -1 }

int file_new_open(const char *path, struct file_new *ret, struct err *e);
int file_new_commit(struct file_new *f, mode_t mode, struct err *e);
void file_new_close(struct file_new *f);

/* mkdir -p; the last component may exist already. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);

/* rm -r; 0 when it is not there. Does not follow symbolic links. */
int file_remove_tree(const char *path, struct err *e);

#endif
