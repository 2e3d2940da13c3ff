/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_VCPU_GUEST_H
#define KTSTR_TEST_VCPU_GUEST_H
/*
 * A tiny guest on /dev/kvm for unit tests: 64 KiB of memory, up to
 * GUEST_CPUS_MAX vCPUs, machine code at GUEST_CODE. Plain integer
 * instructions only, so that a KVM that merely emulates runs it too.
 * Waits are bounded: what should come and does not fails the check.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "test/tap.h"
#include "vcpu/topo.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define GUEST_CPUS_MAX 254
#define GUEST_BYTES 0x10000
#define GUEST_CODE 0x1000
#define GUEST_CODE_2 0x2000
#define GUEST_WAIT_MS 10000

struct guest {
	struct vm *vm;
	struct topo topo;
	uint8_t *memory;
	int wake_fd;
	unsigned cpus;
	struct vcpu *v[GUEST_CPUS_MAX];
};

__attribute__((unused))
static void guest_close(struct guest *g)
{
	for (unsigned i = 0; i < g->cpus; i++)
		vcpu_destroy(g->v[i]);
	vm_destroy(g->vm);
	if (g->memory)
		munmap(g->memory, GUEST_BYTES);
	close_fd(&g->wake_fd);
	g->memory = NULL;
	g->vm = NULL;
	g->cpus = 0;
}

/* A machine without vCPUs. False: the case is skipped, or has failed. */
__attribute__((unused))
static bool guest_open_with(struct guest *g, struct topo topo, enum vm_irqchip irqchip)
{
	static char why[ERR_TEXT_MAX];
	struct err e = ERR_INIT;
	void *memory;
	int r;

	*g = (struct guest){ .topo = topo, .wake_fd = -1 };
	r = vm_create("/dev/kvm", irqchip, &g->vm, &e);
	if (r == -ENOENT || r == -EACCES || r == -EPERM || r == -ENODEV || r == -ENXIO) {
		snprintf(why, sizeof(why), "%s", err_text(&e));
		tap_skip(why);
		return false;
	}
	if (!tap_ok(r == 0, "%s", err_text(&e)))
		return false;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memory = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (!tap_ok(g->wake_fd >= 0 && memory != MAP_FAILED, "%s", strerror(errno)))
		return false;
	g->memory = memory;
	r = vm_add_memory(g->vm, 0, GUEST_BYTES, g->memory, &e);
	return tap_ok(r == 0, "%s", err_text(&e));
}

__attribute__((unused))
static bool guest_open(struct guest *g, struct topo topo)
{
	return guest_open_with(g, topo, VM_IRQCHIP_KERNEL);
}

__attribute__((unused))
static struct vcpu *guest_add_vcpu(struct guest *g)
{
	struct err e = ERR_INIT;
	int r = vcpu_create(g->vm, &g->topo, g->cpus, g->wake_fd, &g->v[g->cpus], &e);

	if (!tap_ok(r == 0, "%s", err_text(&e)))
		return NULL;
	return g->v[g->cpus++];
}

/* cpus vCPUs, each of which will run code in real mode; none is started. */
__attribute__((unused))
static bool guest_open_real(struct guest *g, unsigned cpus, const void *code, size_t bytes)
{
	struct err e = ERR_INIT;

	if (!guest_open(g, (struct topo)TOPO(1, 1, cpus, 1)))
		return false;
	memcpy(g->memory + GUEST_CODE, code, bytes);
	for (unsigned i = 0; i < cpus; i++)
		if (!guest_add_vcpu(g) ||
		    !tap_ok(vcpu_set_entry_real(g->v[i], GUEST_CODE, &e) == 0, "%s", err_text(&e)))
			return false;
	return true;
}

__attribute__((unused))
static bool guest_start(struct guest *g)
{
	struct err e = ERR_INIT;

	for (unsigned i = 0; i < g->cpus; i++)
		if (!tap_ok(vcpu_start(g->v[i], &e) == 0, "%s", err_text(&e)))
			return false;
	return true;
}

/* Until the wake fd is signalled, ms at most. */
__attribute__((unused))
static void guest_wait_wake(struct guest *g, int ms)
{
	struct pollfd fd = { .fd = g->wake_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&fd, 1, ms) > 0)
		(void)!read(g->wake_fd, &count, sizeof(count));
}

/* The next exit of a vCPU. */
__attribute__((unused))
static bool guest_exit(struct guest *g, struct vcpu *v, struct vcpu_exit *ret)
{
	const uint64_t deadline = units_now_ns() + GUEST_WAIT_MS * NSEC_PER_MSEC;

	while (!vcpu_has_exit(v)) {
		if (!tap_ok(units_now_ns() < deadline, "no exit came"))
			return false;
		guest_wait_wake(g, 100);
	}
	vcpu_exit_get(v, ret);
	return true;
}

/* The next exit is an access of width bytes at a port; it is not resumed. */
__attribute__((unused))
static bool guest_expect_pio(struct guest *g, struct vcpu *v, uint16_t port, bool is_write,
			     unsigned width, struct vcpu_exit *ret)
{
	if (!guest_exit(g, v, ret))
		return false;
	if (!tap_ok(ret->kind == VCPU_EXIT_PIO, "exit %s, %llu", vcpu_exit_name(ret->kind),
		    (unsigned long long)ret->detail))
		return false;
	tap_eq(ret->addr, port);
	tap_eq(ret->width, width);
	tap_eq(ret->count, 1);
	return tap_eq(ret->is_write, is_write);
}

/* The next exit is an out of width bytes; its value. Resumes. */
__attribute__((unused))
static uint32_t guest_expect_out(struct guest *g, struct vcpu *v, uint16_t port, unsigned width)
{
	uint32_t value = 0;
	struct vcpu_exit x;

	if (!guest_expect_pio(g, v, port, true, width, &x))
		return 0xdeadbeef;
	memcpy(&value, x.data, width);
	vcpu_resume(v);
	return value;
}

__attribute__((unused))
static bool guest_is_parked(const struct guest *g)
{
	for (unsigned i = 0; i < g->cpus; i++)
		if (!vcpu_is_parked(g->v[i]))
			return false;
	return true;
}

/* Stop every vCPU by one call each, never repeated, and hear of each: the harder promise. */
__attribute__((unused))
static bool guest_stop_once(struct guest *g)
{
	const uint64_t deadline = units_now_ns() + GUEST_WAIT_MS * NSEC_PER_MSEC;

	for (unsigned i = 0; i < g->cpus; i++)
		vcpu_stop(g->v[i]);
	while (!guest_is_parked(g)) {
		if (!tap_ok(units_now_ns() < deadline, "a vCPU does not park")) {
			fflush(stdout);
			abort();	/* it cannot be destroyed either */
		}
		guest_wait_wake(g, GUEST_WAIT_MS);
	}
	return tap_ok(units_now_ns() < deadline, "parking was not announced");
}

#endif
