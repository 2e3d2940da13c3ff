/* SPDX-License-Identifier: GPL-2.0-only */
/* TSC and kvm-clock of a guest that stands still. */
#include "vcpu/clock.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "vcpu/internal.h"
#include "vcpu/x86.h"

/* Intel SDM vol. 4, table 2-2 */
#define MSR_TSC 0x10
#define MSR_TSC_DEADLINE 0x6e0

int clock_save(struct vm *vm, struct vcpu *first, struct guest_clock *ret, struct err *e)
{
	struct kvm_clock_data c = { 0 };
	int r;

	if (ioctl(vm->fd, KVM_GET_CLOCK, &c) < 0)
		return err_sys(e, -errno, "read kvm-clock");
	ret->kvmclock_ns = c.clock;
	r = vcpu_get_msr(first, MSR_TSC, &ret->tsc);
	return r < 0 ? err_sys(e, r, "read the guest's TSC") : 0;
}

/* Documentation/virt/kvm/devices/vcpu.rst, 4.1 */
static int shift_tsc(struct vcpu *v, uint64_t back)
{
	uint64_t offset = 0;
	const struct kvm_device_attr a = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	if (ioctl(v->fd, KVM_GET_DEVICE_ATTR, &a) < 0)
		return -errno;
	offset -= back;
	return ioctl(v->fd, KVM_SET_DEVICE_ATTR, &a) < 0 ? -errno : 0;
}

/* KVM armed a timer of its own for the deadline, by the TSC as it was. 0: there is none. */
static void arm_deadline(struct vcpu *v)
{
	uint64_t deadline;

	if (vcpu_get_msr(v, MSR_TSC_DEADLINE, &deadline) == 0 && deadline)
		(void)vcpu_set_msr(v, MSR_TSC_DEADLINE, deadline);
}

/* A distance in cycles, far more than the calls take between which it is looked for. */
#define TELLING_CYCLES (INT64_C(1) << 24)

/* Did the TSC move by back, and not only go on? Of a short distance nobody can tell. */
static bool has_moved(uint64_t before, uint64_t after, int64_t back)
{
	const int64_t off = (int64_t)(after - before) + back;

	return llabs(back) < TELLING_CYCLES || llabs(off) < llabs(back) / 2;
}

static int restore_tsc(struct vcpu *const *vcpu, unsigned cpus, uint64_t tsc, struct err *e)
{
	uint64_t now, then = 0;
	int r = vcpu_get_msr(vcpu[0], MSR_TSC, &now);

	for (unsigned i = 0; i < cpus && r == 0; i++) {
		r = shift_tsc(vcpu[i], now - tsc);
		if (r == 0 && i == 0)
			r = vcpu_get_msr(vcpu[0], MSR_TSC, &then);
		arm_deadline(vcpu[i]);
	}
	if (r == -ENXIO || r == -ENOTTY || r == -EINVAL || r == -EPERM)
		return err_set(e, -EOPNOTSUPP, "this KVM has no offset for a guest's TSC");
	if (r < 0)
		return err_sys(e, r, "turn back the guest's TSC");
	if (!has_moved(now, then, (int64_t)(now - tsc)))
		return err_set(e, -EOPNOTSUPP, "this KVM does not turn back a guest's TSC");
	return 0;
}

int clock_restore(struct vm *vm, struct vcpu *const *vcpu, unsigned cpus,
		  const struct guest_clock *clock, struct err *e)
{
	const struct kvm_clock_data c = { .clock = clock->kvmclock_ns };
	int r = restore_tsc(vcpu, cpus, clock->tsc, e);

	/* kvm-clock counts by the TSC, so it comes behind it */
	if (ioctl(vm->fd, KVM_SET_CLOCK, &c) < 0 && r == 0)
		r = err_sys(e, -errno, "set kvm-clock");
	for (unsigned i = 0; i < cpus; i++)
		(void)ioctl(vcpu[i]->fd, KVM_KVMCLOCK_CTRL, 0);	/* EINVAL: it does not use it */
	return r;
}
