/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_KERNELS_SOURCE_H
#define KTSTR_BOOT_KERNELS_SOURCE_H
/* Between the files that build kernels. */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "boot/kernels_private.h"

/* --- sources (kernels_source.c) ------------------------------------------ */

struct kernel_source {
	char *path;		/* absolute */
	char *version;		/* "6.12.117", of its Makefile */
	bool tarball;		/* else a folder */
	bool changes;		/* nothing tells what is in it: build it each time */
	struct buf identity;	/* bytes that tell it from others of this version */
};

/* path NULL: the newest linux-source-* that Debian's packages installed. */
int kernel_source_open(const char *path, struct kernel_source *ret, struct err *e);
void kernel_source_fini(struct kernel_source *s);
/* The newest of dir/linux-source-*.tar*; NULL. For the one above and its test. */
char *kernel_source_find_package(const char *dir);

/* --- what it takes, and make (kernels_make.c) ----------------------------- */

/* -ENOENT naming all programs that are missing, with the command that installs them. */
int kernel_make_check(struct err *e);

#define KERNEL_ARGS_MAX 16

/* The words of a program, each made by add. */
struct kernel_args {
	char *item[KERNEL_ARGS_MAX + 1];	/* NULL behind the last */
	size_t count;
	bool bad;		/* no memory for one of them */
};

__attribute__((format(printf, 2, 3)))
void kernel_args_add(struct kernel_args *a, const char *fmt, ...);
void kernel_args_fini(struct kernel_args *a);

/* A program whose output goes to a log, one line at a time. */
struct kernel_make {
	int log_fd;		/* -1: none, for a program that says nothing */
	const char *log_path;
	int in;			/* its standard input; -1: /dev/null */
	int cancel_fd;		/* as in struct kernel_build_request */
	/* For each line that tells of a file that was made, and a few times a second. */
	void (*on_tick)(bool made, void *arg);
	void *arg;
};

/*
 * -EIO with the line that says why, and where the log is. -ECANCELED: it and
 * all that it started have been ended. If we are killed, it is told to end.
 */
int kernel_make_run(const struct kernel_make *m, char *const argv[], struct err *e);

#endif
