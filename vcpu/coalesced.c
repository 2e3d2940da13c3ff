/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port writes that KVM collects instead of leaving the guest for each: a ring
 * in a page behind every kvm_run, one for the whole VM.
 * Source: Documentation/virt/kvm/api.rst, KVM_CAP_COALESCED_PIO (Linux 4.20).
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"
#include "vcpu/vm.h"

#define PAGE 4096u
#define ENTRIES								\
	((PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio))

int vm_collect_port(struct vm *vm, uint16_t port, struct err *e)
{
	const struct kvm_coalesced_mmio_zone zone = { .addr = port, .size = 1, .pio = 1 };
	int page = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	if (page <= 0 || (size_t)(page + 1) * PAGE > vm->run_bytes ||
	    ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO) <= 0)
		return -EOPNOTSUPP;
	if (ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone) < 0)
		return err_sys(e, -errno, "collect writes to port 0x%x", port);
	vm->collect_page = (unsigned)page;
	return 0;
}

void vcpu_take_writes(struct vcpu *v, vcpu_write_fn *fn, void *arg)
{
	struct kvm_coalesced_mmio_ring *ring;
	uint32_t first, last;

	if (!v->vm->collect_page)
		return;
	ring = (void *)((uint8_t *)v->run + v->vm->collect_page * PAGE);
	/* KVM writes last and the entries before it, we write first; both are indices */
	first = __atomic_load_n(&ring->first, __ATOMIC_RELAXED);
	last = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
	while (first != last && first < ENTRIES && last < ENTRIES) {
		const struct kvm_coalesced_mmio *w = &ring->coalesced_mmio[first];
		uint32_t value = 0;

		memcpy(&value, w->data, MIN(w->len, sizeof(value)));
		fn((uint16_t)w->phys_addr, w->len, value, arg);
		first = (first + 1) % ENTRIES;
		__atomic_store_n(&ring->first, first, __ATOMIC_RELEASE);
	}
}
