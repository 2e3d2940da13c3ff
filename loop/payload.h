/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PAYLOAD_H
#define KTSTR_LOOP_PAYLOAD_H
/*
 * What the guest finds in its root file system, in two archives, one behind
 * the other:
 *
 *   base     what rarely changes from run to run: libraries, schedulers,
 *            included files, modules
 *   suffix   what is of this run: the test binary, its arguments; PID 1's
 *            marker comes last
 *
 * A feature that brings files is one function of its own, a row in the table
 * in payload.c, and calls of payload_add_x() with the part that each file
 * belongs to. A path that two features fill with different things is an error.
 *
 * The base is taken from shared memory when it was packed before (boot/segment.h);
 * the suffix is packed each time. So a test that was built anew finds its base.
 *
 * Thread: the job that makes the plan. It blocks: files are read and packed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "boot/segment.h"

struct config;
struct err;
struct kernel;
struct kernel_modules;
struct payload_draft;
struct topo;

enum payload_part {
	PAYLOAD_BASE,
	PAYLOAD_SUFFIX,
	PAYLOAD_PARTS,
};

/* What the features look at. Borrowed for the time of payload_make(). */
struct payload_request {
	const struct config *config;
	const char *binary;		/* the test binary, on the host */
	const struct kernel *kernel;	/* that the guest boots */
	const struct kernel_modules *modules;	/* of it, for the guest to load; may be NULL */
	const struct topo *topo;	/* that the guest has */
};

struct payload {
	struct segment base;		/* as the guest's kernel gets them, one behind the other */
	struct buf suffix;
	uint64_t bytes;			/* both archives, not compressed */
	uint64_t packed_bytes;		/* base and suffix compressed; 0: they are not */
	uint64_t unpacked_bytes;	/* in the guest's rootfs, in whole pages */
	bool cached;			/* the base was in shared memory already */
};

#define PAYLOAD_NONE { .base = SEGMENT_NONE }

int payload_make(const struct payload_request *q, struct payload *ret, struct err *e);
/* What the guest gets; the figures stay. */
void payload_release(struct payload *p);
uint64_t payload_loaded_bytes(const struct payload *p);

/* --- for features --------------------------------------------------------- */

/* These are the functions of boot/initramfs.h, which has their contracts. */
int payload_add_bytes(struct payload_draft *d, enum payload_part part, const char *guest,
		      const struct buf *bytes, struct err *e);
int payload_add_symlink(struct payload_draft *d, enum payload_part part, const char *guest,
			const char *target, struct err *e);
int payload_add_dir(struct payload_draft *d, enum payload_part part, const char *guest,
		    struct err *e);
/* The program goes into part, its interpreter and its libraries into the base. */
int payload_add_program(struct payload_draft *d, enum payload_part part, const char *guest,
			const char *host, struct err *e);
/* For programs of ours and schedulers; files that the user names go as they are. */
void payload_strip(struct payload_draft *d, enum payload_part part, const char *guest);

#endif
