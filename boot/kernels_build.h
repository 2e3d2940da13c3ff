/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_KERNELS_BUILD_H
#define KTSTR_BOOT_KERNELS_BUILD_H
/*
 * Building a guest kernel from source, into the cache.
 *
 *   source -> work folder (a stage of the cache) -> allnoconfig with our
 *   fragment -> make -> import as <version>-x86_64-<hash>
 *
 * The hash is of the options and of what tells one source of a version from
 * another: size and end of a tarball, where its checksums are, or the commit
 * of a clean git tree. What has neither (a tree with changes, or without git)
 * is built again each time and replaces its entry.
 *
 * A lock per key (kernels/.lock.<key>): who comes second waits and takes what
 * the first has built. Thread: any; blocks for minutes.
 */
#include <stdbool.h>
#include <stddef.h>

struct err;
struct kernel;

enum kernel_build_step {
	KERNEL_BUILD_WAIT,	/* for another build of the same kernel */
	KERNEL_BUILD_UNPACK,
	KERNEL_BUILD_CONFIGURE,
	KERNEL_BUILD_COMPILE,
	KERNEL_BUILD_IMPORT,
	KERNEL_BUILD_CANCEL,	/* removing what was made; it returns -ECANCELED then */
	KERNEL_BUILD_STEPS,
};

const char *kernel_build_step_name(enum kernel_build_step s);

struct kernel_build_request {
	const char *source;	/* folder or tarball; NULL: Debian's package */
	const char *fragment;	/* a file with more options; may be NULL */
	int cancel_fd;		/* borrowed, never read: to be readable is to give up; -1 */
	/* Several times a second. percent: of everything, by files compiled. May be NULL. */
	void (*on_progress)(enum kernel_build_step step, unsigned percent, void *arg);
	void *arg;
};

/*
 * *ret is the entry; *ret_built: false when it was there already. -EINVAL: the
 * options are wrong, -ENOENT: no source or no program to build with; -EIO: a
 * program failed, *e has the line that says why and where the rest is;
 * -ECANCELED: nothing of it is left.
 */
int kernel_build(const struct kernel_build_request *q, struct kernel *ret, bool *ret_built,
		 struct err *e);

#endif
