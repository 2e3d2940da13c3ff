/* SPDX-License-Identifier: GPL-2.0-only */
/* The KVM capabilities that the machine cannot do without. */
#include <errno.h>
#include <linux/kvm.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"

#define CAP(name) { KVM_CAP_##name, "KVM_CAP_" #name }

static const struct {
	unsigned cap;
	const char *name;
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
	CAP(PIT2),
};

int vm_caps_check(vm_cap_fn *has, void *arg, struct err *e)
{
	struct buf missing = BUF_INIT;
	_cleanup_free_ char *names = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if (has(required[i].cap, arg) <= 0)
			buf_fmt(&missing, "%s%s", missing.len ? ", " : "", required[i].name);
	if (!missing.len && buf_ok(&missing))
		return 0;
	names = buf_take(&missing);
	return err_set(e, -EOPNOTSUPP, "this KVM lacks %s", names ? names : "capabilities");
}
