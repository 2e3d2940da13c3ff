/* SPDX-License-Identifier: GPL-2.0-only */
/* The KVM capabilities that the machine cannot do without. */
#include <errno.h>
#include <linux/kvm.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"

#define CAP_OF(mode, cap) { KVM_CAP_##cap, "KVM_CAP_" #cap, VM_IRQCHIP_##mode }
#define CAP(cap) CAP_OF(AUTO, cap)

static const struct {
	unsigned cap;
	const char *name;
	enum vm_irqchip irqchip;	/* AUTO: with any */
} required[] = {
	CAP(USER_MEMORY),	/* memory slots */
	CAP(IRQFD),		/* interrupts without an ioctl */
	CAP(IOEVENTFD),		/* doorbells without an exit */
	CAP(MP_STATE),		/* is a parked vCPU halted? */
	CAP(IMMEDIATE_EXIT),	/* without it a kick can be lost */
	/* x86 */
	CAP(EXT_CPUID),
	CAP(SET_TSS_ADDR),	/* both: pages that Intel hosts need for real mode */
	CAP(SET_IDENTITY_MAP_ADDR),
	CAP(IRQCHIP),
	CAP_OF(KERNEL, PIT2),
	CAP_OF(SPLIT, SPLIT_IRQCHIP),
	CAP_OF(SPLIT, X2APIC_API),	/* without it KVM takes ids of 8 bits in messages */
	CAP_OF(SPLIT, IRQ_ROUTING),
	CAP_OF(SPLIT, SIGNAL_MSI),
};

int vm_caps_check(enum vm_irqchip irqchip, vm_cap_fn *has, void *arg, struct err *e)
{
	struct buf missing = BUF_INIT;
	_cleanup_free_ char *names = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if ((!required[i].irqchip || required[i].irqchip == irqchip) &&
		    has(required[i].cap, arg) <= 0)
			buf_fmt(&missing, "%s%s", missing.len ? ", " : "", required[i].name);
	if (!missing.len && buf_ok(&missing))
		return 0;
	names = buf_take(&missing);
	return err_set(e, -EOPNOTSUPP, "this KVM lacks %s", names ? names : "capabilities");
}
