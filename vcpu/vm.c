/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM fd and what hangs on it. Everything here is an ioctl with its error
 * explained; what differs by architecture is in x86_vm.c.
 *
 * Halt polling is left as the host's administrator set it (halt_poll_ns): a
 * host with CPUs to spare wakes vCPUs faster by it, a crowded one turns it
 * down by itself.
 */
#include "vcpu/vm.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"
#include "vcpu/topo.h"

static const char *const irqchip_names[] = {
	[VM_IRQCHIP_AUTO] = "auto",
	[VM_IRQCHIP_KERNEL] = "kernel",
	[VM_IRQCHIP_SPLIT] = "split",
};
static_assert(ARRAY_SIZE(irqchip_names) == VM_IRQCHIP_COUNT, "every kind has a name");

const char *vm_irqchip_name(enum vm_irqchip i)
{
	assert(i < VM_IRQCHIP_COUNT);
	return irqchip_names[i];
}

enum { API_VERSION = 12, CREATE_TRIES = 16, PAGE = 4096 };

static const struct {
	int number;
	const char *hint;
} hints[] = {
	{ ENOENT, "load the module kvm_intel or kvm_amd; in a VM, turn nested virtualization on" },
	{ ENODEV, "turn virtualization on in the firmware; in a VM, nested virtualization" },
	{ ENXIO, "load the module kvm_intel or kvm_amd" },
	{ EACCES, "add yourself to the group kvm" },
	{ EPERM, "the sandbox or container forbids it" },
	{ EBUSY, "another hypervisor uses the CPU's virtualization" },
};

/* err_sys() and, where we know one, what to do about it. */
static int err_hint(struct err *e, int r, const char *what, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].number == -r)
			return err_set(e, r, "%s%s: %s: %s", what, path, strerrordesc_np(-r),
				       hints[i].hint);
	return err_sys(e, r, "%s%s", what, path);
}

static int open_kvm(struct vm *vm, const char *path, struct err *e)
{
	int version;

	vm->kvm_fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (vm->kvm_fd < 0)
		return err_hint(e, -errno, "open ", path);
	version = ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return err_set(e, -ENOTTY, "%s: not a KVM device", path);
	if (version != API_VERSION)
		return err_set(e, -EOPNOTSUPP, "%s: KVM API version %d, want %d", path, version,
			       API_VERSION);
	return 0;
}

static int check_extension(unsigned cap, void *arg)
{
	const struct vm *vm = arg;

	return ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, cap);
}

/* The value of a capability; fallback where KVM does not know it. */
static unsigned cap_value(struct vm *vm, unsigned cap, unsigned fallback)
{
	int r = check_extension(cap, vm);

	return r > 0 ? (unsigned)r : fallback;
}

static int read_limits(struct vm *vm, struct err *e)
{
	int bytes = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (bytes < 0)
		return err_sys(e, -errno, "size of kvm_run");
	if ((size_t)bytes < sizeof(struct kvm_run))
		return err_set(e, -EOPNOTSUPP, "kvm_run of %d bytes is too small", bytes);
	vm->run_bytes = (size_t)bytes;
	/* Documentation/virt/kvm/api.rst, KVM_CREATE_VCPU: 4 where KVM says nothing */
	vm->max_vcpus = cap_value(vm, KVM_CAP_MAX_VCPUS, cap_value(vm, KVM_CAP_NR_VCPUS, 4));
	vm->max_vcpu_id = cap_value(vm, KVM_CAP_MAX_VCPU_ID, vm->max_vcpus);
	vm->has_tsc_deadline = cap_value(vm, KVM_CAP_TSC_DEADLINE_TIMER, 0);
	return 0;
}

/* A signal that arrives meanwhile makes KVM give up; the next try is a fresh one. */
static int create_fd(struct vm *vm, struct err *e)
{
	for (unsigned tries = CREATE_TRIES; tries; tries--) {
		vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
		if (vm->fd >= 0)
			return 0;
		if (errno != EINTR)
			break;
	}
	return err_hint(e, -errno, "create VM", "");
}

static int build(struct vm *vm, const char *path, struct err *e)
{
	int r;

	if ((r = open_kvm(vm, path, e)) < 0)
		return r;
	if ((r = vm_caps_check(vm->irqchip, check_extension, vm, e)) < 0 ||
	    (r = read_limits(vm, e)) < 0 ||
	    (r = create_fd(vm, e)) < 0 ||
	    (r = vm_arch_init(vm, e)) < 0)
		return err_ctx(e, r, "%s", path);
	return 0;
}

int vm_create(const char *path, enum vm_irqchip irqchip, struct vm **ret, struct err *e)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int r;

	assert(irqchip == VM_IRQCHIP_KERNEL || irqchip == VM_IRQCHIP_SPLIT);
	if (!vm)
		return err_sys(e, -ENOMEM, "VM");
	vm->kvm_fd = vm->fd = -1;
	vm->irqchip = irqchip;
	r = build(vm, path, e);
	if (r < 0) {
		vm_destroy(vm);
		return r;
	}
	*ret = vm;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	close_fd(&vm->fd);
	close_fd(&vm->kvm_fd);
	vm_arch_fini(vm);
	free(vm);
}

unsigned vm_phys_bits(const struct vm *vm)
{
	return vm->phys_bits;
}

unsigned vm_max_vcpus(const struct vm *vm)
{
	return vm->max_vcpus;
}

int vm_check_topo(const struct vm *vm, const struct topo *topo, struct err *e)
{
	const unsigned cpus = topo_cpus(topo);
	unsigned id;

	if (cpus > vm->max_vcpus)
		return err_set(e, -E2BIG, "%u CPUs: this KVM takes %u in a VM (KVM_CAP_MAX_VCPUS)",
			       cpus, vm->max_vcpus);
	for (unsigned i = 0; i < cpus; i++) {
		int r = vcpu_arch_id(vm, topo, i, &id, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *hva, struct err *e)
{
	const struct kvm_userspace_memory_region slot = {
		.slot = vm->slots,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	assert(size && !(gpa % PAGE) && !(size % PAGE) && !((uintptr_t)hva % PAGE));
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return err_sys(e, -errno, "give KVM %" PRIu64 " bytes of memory at 0x%" PRIx64,
			       size, gpa);
	vm->slots++;
	return 0;
}

int vm_add_irqfd(struct vm *vm, int fd, unsigned gsi, struct err *e)
{
	const struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };

	if (ioctl(vm->fd, KVM_IRQFD, &irqfd) < 0)
		return err_sys(e, -errno, "irqfd for GSI %u", gsi);
	return 0;
}

static int add_ioeventfd(struct vm *vm, int fd, uint64_t addr, unsigned width, uint32_t flags)
{
	const struct kvm_ioeventfd doorbell = {
		.fd = fd,
		.addr = addr,
		.len = width,
		.flags = flags,
	};

	assert(width == 1 || width == 2 || width == 4);
	return ioctl(vm->fd, KVM_IOEVENTFD, &doorbell) < 0 ? -errno : 0;
}

int vm_add_doorbell(struct vm *vm, int fd, uint16_t port, unsigned width, struct err *e)
{
	int r = add_ioeventfd(vm, fd, port, width, KVM_IOEVENTFD_FLAG_PIO);

	return r < 0 ? err_sys(e, r, "ioeventfd for port 0x%x", port) : 0;
}

int vm_add_doorbell_mmio(struct vm *vm, int fd, uint64_t gpa, unsigned width, struct err *e)
{
	int r = add_ioeventfd(vm, fd, gpa, width, 0);

	return r < 0 ? err_sys(e, r, "ioeventfd for address 0x%" PRIx64, gpa) : 0;
}
