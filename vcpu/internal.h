/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_INTERNAL_H
#define KTSTR_VCPU_INTERNAL_H
/*
 * What the files of vcpu/ share: the two structs, and the functions that each
 * architecture provides (x86_*.c). Private to vcpu/ and its unit tests.
 */
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vcpu/baton.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

struct err;
struct topo;

struct vm {
	int kvm_fd;		/* /dev/kvm */
	int fd;
	unsigned slots;		/* memory slots in use */
	unsigned max_vcpus;
	unsigned max_vcpu_id;	/* first id that KVM refuses */
	unsigned phys_bits;
	size_t run_bytes;	/* of a vCPU's kvm_run mapping */
	unsigned collect_page;	/* of kvm_run: collected port writes; 0: none */
	bool has_tsc_deadline;
	bool no_mtrrs;
	enum vm_irqchip irqchip;	/* not AUTO */
	struct vm_msi route[VM_ROUTES];	/* split: of the lines in routed */
	uint32_t routed;
	struct kvm_cpuid2 *cpuid;	/* what KVM supports; room for CPUID_ENTRIES_MAX */
};

struct vcpu {
	struct baton baton;
	struct kvm_run *run;	/* whoever holds the baton may touch it */
	struct vm *vm;		/* borrowed */
	int fd;
	int wake_fd;		/* borrowed */
	unsigned cpu;
	unsigned spin;		/* rounds to spin before sleeping on the baton */
	bool asked;		/* vcpu_ask(): loop sets it, thread takes it; atomic */
	bool posts_asked;	/* the exit is VCPU_EXIT_ASKED; goes with the page */
	int run_errno;		/* of a KVM_RUN that failed, else 0; goes with the page */
	bool has_thread;
	pthread_t thread;
	pid_t tid;		/* written by the thread, relaxed; 0: not yet */
	uint64_t exits[VCPU_EXIT_COUNT];	/* written by the thread, relaxed */
};

/* --- caps.c: cap_fn is KVM_CHECK_EXTENSION; the error names all that are missing */
typedef int vm_cap_fn(unsigned cap, void *arg);
int vm_caps_check(enum vm_irqchip irqchip, vm_cap_fn *has, void *arg, struct err *e);

/* --- exit.c */
enum vcpu_exit_kind vcpu_exit_kind_of(const struct kvm_run *run, int run_errno);
/* run_bytes is the size of the mapping at run, which holds the data of PIO. */
void vcpu_exit_decode(struct kvm_run *run, size_t run_bytes, int run_errno,
		      struct vcpu_exit *ret);

/* --- by architecture */

/* Before the first vCPU: interrupt controllers, what KVM wants to know, CPUID. */
int vm_arch_init(struct vm *vm, struct err *e);
void vm_arch_fini(struct vm *vm);
/* KVM's id for a vCPU (x86: its APIC id). -E2BIG when the machine has no room for it. */
int vcpu_arch_id(const struct vm *vm, const struct topo *topo, unsigned cpu, unsigned *ret,
		 struct err *e);
/* State of a new vCPU as firmware would leave it. */
int vcpu_arch_init(struct vcpu *v, const struct topo *topo, struct err *e);
/* One round of a spin loop. */
void vcpu_arch_relax(void);

#endif
