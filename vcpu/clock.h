/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_CLOCK_H
#define KTSTR_VCPU_CLOCK_H
/*
 * The clocks of a guest, all of whose vCPUs stand still: what clock_save() has read,
 * clock_restore() sets again, so that for the guest no time went by in between.
 *
 * A guest tells the time by its TSC, by kvm-clock or by both, so both are turned
 * back: the TSC through each vCPU's offset, and a timer of the LAPIC that waits for
 * a value of the TSC is set again, or it would fire early. Timers of other kinds may
 * do that; systems take a tick that comes early as none. What remains visible is the
 * time that these calls take, some microseconds for each vCPU.
 *
 * Thread: control, which holds the exit of every vCPU.
 */
#include <stdint.h>

struct err;
struct vcpu;
struct vm;

struct guest_clock {
	uint64_t tsc;			/* of vCPU 0; the others keep their distance to it */
	uint64_t kvmclock_ns;
};

int clock_save(struct vm *vm, struct vcpu *first, struct guest_clock *ret, struct err *e);

/*
 * For all vCPUs of the VM. -EOPNOTSUPP: this KVM cannot turn back the TSC (needs
 * KVM_VCPU_TSC_OFFSET, Linux 5.16; some KVMs accept it and do nothing); kvm-clock has
 * been, and the guest is told that it was stopped (KVM_KVMCLOCK_CTRL), which calms
 * its watchdogs for lockups.
 */
int clock_restore(struct vm *vm, struct vcpu *const *vcpu, unsigned cpus,
		  const struct guest_clock *clock, struct err *e);

#endif
