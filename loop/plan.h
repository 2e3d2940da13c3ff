/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PLAN_H
#define KTSTR_LOOP_PLAN_H
/*
 * From a configuration to something that can be started: which accelerator,
 * which kernel, what shape, how much memory, what lies in the initramfs; and
 * the machine itself, or the payload of a nested run. All the blocking work of
 * a run is here, so it runs in a job.
 *
 * Thread: the job while plan_make() runs, then control.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "boot/kernels.h"
#include "loop/config.h"
#include "loop/payload.h"

struct machine;

struct plan {
	enum accel accel;		/* ACCEL_KVM or ACCEL_NESTED */
	struct err accel_why;		/* auto: why it is not KVM; "": it is */
	char note[200];			/* the same for the user, in short */
	char *binary;
	char *binary_version;		/* of its libktstr; NULL: not asked for, or not told */
	struct kernel kernel;
	struct kernel_modules modules;	/* of the guest kernel, that were asked for */
	char *release;			/* of the guest kernel, as its file says; may be NULL */
	struct topo topo;
	uint64_t memory_bytes;
	struct payload payload;
	struct err copied;		/* why the guest shares no page of it; "": it does */
	uint64_t timeout_ns;

	/* accel kvm */
	struct machine *machine;	/* taken by the run */

	/* accel nested */
	struct kernel outer;
	struct buf outer_initrd;
	uint64_t outer_memory_bytes;
	unsigned tsc_khz;		/* of this host; 0: not known */

	int result;			/* 0, or negative errno with the story */
	struct err err;
};

void plan_init(struct plan *p);
void plan_fini(struct plan *p);

/* Fill in *p, result and err included. Blocks. */
void plan_make(struct plan *p, const struct config *c);

#endif
