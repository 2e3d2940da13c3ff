/* SPDX-License-Identifier: GPL-2.0-only */
/* The state that a guest starts with and is read from it, and what is refused. */
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "test/vcpu-guest.h"
#include "vcpu/internal.h"

#define PORT_OUT 0x11
#define PORT_A 0x14
#define PORT_B 0x15

#define MSR_TSC 0x10
#define MSR_MTRR_DEF_TYPE 0x2ff

static void put64(struct guest *g, unsigned gpa, uint64_t value)
{
	memcpy(g->memory + gpa, &value, sizeof(value));
}

/* One vCPU that will run code in long mode, as Linux enters it. */
static bool open_long(struct guest *g, const void *code, size_t bytes)
{
	static const struct vcpu_entry entry = {
		.rip = GUEST_CODE, .rsi = 0x7000, .rsp = 0x8ff0, .cr3 = 0x9000,
		.gdt = 0x500, .gdt_limit = 0x1f,
	};
	struct err e = ERR_INIT;

	if (!guest_open(g, (struct topo)TOPO(1, 1, 1, 1)) || !guest_add_vcpu(g))
		return false;
	memcpy(g->memory + GUEST_CODE, code, bytes);
	put64(g, 0x9000, 0xa000 | 3);
	put64(g, 0xa000, 0xb000 | 3);
	put64(g, 0xb000, 0x83);
	return tap_ok(!vcpu_set_entry(g->v[0], &entry, &e), "%s", err_text(&e));
}

static void a_vcpu_reads_its_apic_id_from_cpuid(void)
{
	static const uint8_t code[] = {
		0x66, 0xb8, 0x0b, 0x00, 0x00, 0x00,	/* mov $0xb, %eax */
		0x66, 0x31, 0xc9,			/* xor %ecx, %ecx */
		0x0f, 0xa2,				/* cpuid */
		0x66, 0x89, 0xd0,			/* mov %edx, %eax */
		0x66, 0xe7, PORT_A,			/* out %eax, $PORT_A */
		0x66, 0xb8, 0x01, 0x00, 0x00, 0x00,	/* mov $1, %eax */
		0x0f, 0xa2,				/* cpuid */
		0x66, 0x89, 0xd8,			/* mov %ebx, %eax */
		0x66, 0xe7, PORT_B,			/* out %eax, $PORT_B */
		0xf4,					/* hlt */
	};
	struct err e = ERR_INIT;
	struct guest g;

	if (guest_open(&g, (struct topo)TOPO(1, 2, 3, 2))) {
		memcpy(g.memory + GUEST_CODE, code, sizeof(code));
		for (unsigned i = 0; i < 12 && guest_add_vcpu(&g); i++)
			tap_ok(!vcpu_set_entry_real(g.v[i], GUEST_CODE, &e), "%s", err_text(&e));
		guest_start(&g);
		for (unsigned i = 0; i < g.cpus; i++) {
			tap_eq(guest_expect_out(&g, g.v[i], PORT_A, 4), topo_apic_id(&g.topo, i));
			tap_eq(guest_expect_out(&g, g.v[i], PORT_B, 4) >> 24,
			       topo_apic_id(&g.topo, i));
		}
		guest_stop_once(&g);
	}
	guest_close(&g);
}

static void the_entry_for_linux_is_long_mode_with_the_registers_given(void)
{
	static const uint8_t code[] = {
		0x89, 0xf0,			/* mov %esi, %eax */
		0xe7, PORT_A,			/* out %eax, $PORT_A */
		0x8c, 0xc8,			/* mov %cs, %eax */
		0xe7, PORT_B,			/* out %eax, $PORT_B */
		0x50,				/* push %rax */
		0xb9, 0x82, 0x00, 0x00, 0xc0,	/* mov $LSTAR, %ecx */
		0xb8, 0xef, 0xcd, 0xab, 0x89,	/* mov $0x89abcdef, %eax */
		0xba, 0xff, 0xff, 0xff, 0xff,	/* mov $-1, %edx */
		0x0f, 0x30,			/* wrmsr */
		0xe7, PORT_OUT,			/* out %eax, $PORT_OUT */
		0xf4,				/* hlt */
		0xeb, 0xfd,			/* jmp to the hlt */
	};
	struct vcpu_regs regs = { 0 };
	struct err e = ERR_INIT;
	struct guest g;

	if (open_long(&g, code, sizeof(code)) && guest_start(&g)) {
		tap_eq(guest_expect_out(&g, g.v[0], PORT_A, 4), 0x7000);
		tap_eq(guest_expect_out(&g, g.v[0], PORT_B, 4), 0x10);
		guest_expect_out(&g, g.v[0], PORT_OUT, 4);
		guest_stop_once(&g);
		tap_ok(!vcpu_get_regs(g.v[0], &regs, &e), "%s", err_text(&e));
		tap_ok(regs.rip >= GUEST_CODE && regs.rip <= GUEST_CODE + sizeof(code), "rip %llx",
		       (unsigned long long)regs.rip);
		tap_eq(regs.rsp, 0x8ff0 - 8);
		tap_eq(regs.cr3, 0x9000);
		tap_eq(regs.efer & 0x500, 0x500);
		tap_eq(regs.cr0 & 0x80000001, 0x80000001);
		tap_eq(regs.lstar, 0xffffffff89abcdef);
		tap_eq(regs.rflags & 0x200, 0);
	}
	guest_close(&g);
}

/* The entry has no interrupt table, so the first fault is a triple one. */
static void a_triple_fault_is_a_shutdown(void)
{
	static const uint8_t code[] = { 0x0f, 0x0b };	/* ud2 */
	struct vcpu_exit x;
	struct guest g;

	if (open_long(&g, code, sizeof(code)) && guest_start(&g) && guest_exit(&g, g.v[0], &x)) {
		tap_str(vcpu_exit_name(x.kind), "shutdown");
		tap_eq(vcpu_exit_count(g.v[0], VCPU_EXIT_SHUTDOWN), 1);
	}
	guest_stop_once(&g);
	guest_close(&g);
}

static uint64_t kvm_msr(struct vcpu *v, uint32_t index)
{
	union {
		struct kvm_msrs list;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} m = { .room = { 0 } };

	m.list.nmsrs = 1;
	m.list.entries[0].index = index;
	tap_eq(ioctl(v->fd, KVM_GET_MSRS, &m), 1);
	return m.list.entries[0].data;
}

/* Where they differ, timers of the guest are late by the difference. */
static void kvm_and_the_guest_agree_on_the_tsc(void)
{
	static const uint8_t code[] = {
		0x0f, 0x31,			/* rdtsc */
		0x66, 0xe7, PORT_A,		/* out %eax, $PORT_A */
		0x66, 0x89, 0xd0,		/* mov %edx, %eax */
		0x66, 0xe7, PORT_B,		/* out %eax, $PORT_B */
		0xf4,				/* hlt */
	};
	struct guest g;

	if (guest_open_real(&g, 1, code, sizeof(code)) && guest_start(&g)) {
		uint64_t tsc = guest_expect_out(&g, g.v[0], PORT_A, 4);

		tsc |= (uint64_t)guest_expect_out(&g, g.v[0], PORT_B, 4) << 32;
		guest_stop_once(&g);
		tap_ok(tsc > 0 && kvm_msr(g.v[0], MSR_TSC) >= tsc, "guest %llu, KVM %llu",
		       (unsigned long long)tsc, (unsigned long long)kvm_msr(g.v[0], MSR_TSC));
	}
	guest_close(&g);
}

static void mtrrs_are_on_or_off_as_the_machine_wants_them(void)
{
	for (int off = 0; off < 2; off++) {
		struct guest g;

		if (guest_open(&g, (struct topo)TOPO(1, 1, 1, 1))) {
			if (off)
				vm_disable_mtrrs(g.vm);
			if (guest_add_vcpu(&g))
				tap_eq(kvm_msr(g.v[0], MSR_MTRR_DEF_TYPE) >> 11, !off);
		}
		guest_close(&g);
	}
}

static void remember_exits(const char *name, uint64_t value, void *arg)
{
	if (!strcmp(name, "exits"))
		*(uint64_t *)arg = value;
}

static void kvm_tells_its_own_statistics(void)
{
	static const uint8_t code[] = { 0xe6, PORT_OUT, 0xeb, 0xfc };	/* out for ever */
	struct err e = ERR_INIT;
	uint64_t exits = 0;
	struct guest g;
	int r;

	if (guest_open_real(&g, 1, code, sizeof(code)) && guest_start(&g)) {
		for (unsigned i = 0; i < 10; i++)
			guest_expect_out(&g, g.v[0], PORT_OUT, 1);
		guest_stop_once(&g);
		r = vcpu_stats(g.v[0], remember_exits, &exits, &e);
		if (r == -EOPNOTSUPP)
			tap_skip("this KVM has no statistics");
		else if (tap_ok(!r, "%s", err_text(&e)))
			tap_ok(exits > 0, "exits %llu", (unsigned long long)exits);
	}
	guest_close(&g);
}

static void what_kvm_cannot_have_is_refused_with_its_name(void)
{
	struct err e = ERR_INIT;
	struct vm *vm = NULL;
	struct guest g;

	tap_eq(vm_create("/nowhere/kvm", VM_IRQCHIP_KERNEL, &vm, &e), -ENOENT);
	tap_ok(strstr(err_text(&e), "open /nowhere/kvm: No such file"), "%s", err_text(&e));
	tap_eq(vm_create("/dev/null", VM_IRQCHIP_KERNEL, &vm, &e), -ENOTTY);
	tap_str(err_text(&e), "/dev/null: not a KVM device");
	tap_ok(!vm, "nothing was made");
	if (guest_open(&g, (struct topo)TOPO(1, 512, 1, 1))) {
		struct vcpu *v = NULL;

		tap_ok(vm_phys_bits(g.vm) >= 32 && vm_phys_bits(g.vm) <= 57, "%u bits",
		       vm_phys_bits(g.vm));
		tap_ok(vm_max_vcpus(g.vm) >= 4, "%u vCPUs", vm_max_vcpus(g.vm));
		tap_eq(vm_add_memory(g.vm, 0x8000, 0x1000, g.memory, &e), -EEXIST);
		tap_ok(strstr(err_text(&e), "0x8000"), "%s", err_text(&e));
		tap_ok(vm_add_irqfd(g.vm, -1, 4, &e) < 0, "a bad fd");
		tap_ok(strstr(err_text(&e), "GSI 4"), "%s", err_text(&e));
		tap_eq(vm_check_topo(g.vm, &g.topo, &e), -E2BIG);
		tap_ok(strstr(err_text(&e), "APIC id 255, at most 254"), "%s", err_text(&e));
		g.vm->max_vcpus = 511;
		tap_eq(vm_check_topo(g.vm, &g.topo, &e), -E2BIG);
		tap_ok(strstr(err_text(&e), "512 CPUs: this KVM takes 511"), "%s", err_text(&e));
		tap_eq(vcpu_create(g.vm, &g.topo, 400, g.wake_fd, &v, &e), -E2BIG);
		tap_ok(!v && strstr(err_text(&e), "APIC id 400"), "%s", err_text(&e));
	}
	guest_close(&g);
}

static void other_handler(int sig)
{
	(void)sig;
}

static void another_handler_of_the_signal_is_not_replaced(void)
{
	struct sigaction now, before, other = { .sa_handler = other_handler };
	struct err e = ERR_INIT;
	struct vcpu *v = NULL;
	struct guest g;

	sigaction(VCPU_SIGNAL, &other, &before);
	if (guest_open(&g, (struct topo)TOPO(1, 1, 1, 1))) {
		tap_eq(vcpu_create(g.vm, &g.topo, 0, g.wake_fd, &v, &e), -EBUSY);
		tap_ok(!v && strstr(err_text(&e), "another handler"), "%s", err_text(&e));
	}
	guest_close(&g);
	sigaction(VCPU_SIGNAL, &before, &now);
	tap_ok(now.sa_handler == other_handler, "it is still there");
}

int main(void)
{
	TAP_RUN(a_vcpu_reads_its_apic_id_from_cpuid);
	TAP_RUN(the_entry_for_linux_is_long_mode_with_the_registers_given);
	TAP_RUN(a_triple_fault_is_a_shutdown);
	TAP_RUN(kvm_and_the_guest_agree_on_the_tsc);
	TAP_RUN(mtrrs_are_on_or_off_as_the_machine_wants_them);
	TAP_RUN(kvm_tells_its_own_statistics);
	TAP_RUN(what_kvm_cannot_have_is_refused_with_its_name);
	TAP_RUN(another_handler_of_the_signal_is_not_replaced);
	return tap_done();
}
