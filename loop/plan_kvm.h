/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PLAN_KVM_H
#define KTSTR_LOOP_PLAN_KVM_H
/*
 * The part of plan_make() that a machine on this KVM needs. The board needs the
 * shape alone, so it is built while the payload is packed; a job of its own does
 * that, since KVM takes its time for each vCPU.
 *
 * Thread: the job that makes the plan.
 */
#include "base/err.h"

struct boot_image;
struct config;
struct job;
struct machine;
struct plan;

struct plan_kvm {
	struct plan *plan;
	const struct config *config;
	struct job *job;		/* NULL: no thread could be had, plan_kvm_wait() builds */
	struct machine *machine;
	int result;
	struct err err;
};

/* The shape of *p is decided; it must not change until plan_kvm_wait(). */
void plan_kvm_begin(struct plan_kvm *k, struct plan *p, const struct config *c);
/* Always. The board is the plan's from then on. */
void plan_kvm_wait(struct plan_kvm *k);
/* Load the board with what the plan has by now. */
int plan_kvm_load(struct plan_kvm *k, const struct boot_image *img);

#endif
