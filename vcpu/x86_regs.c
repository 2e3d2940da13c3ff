/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's state before it first runs, and after it last ran: CPUID, MSRs, the
 * local APIC, registers. What is not set here keeps KVM's reset value, which
 * is the processor's; that goes for the MP state of the other CPUs too: they
 * wait for INIT and SIPI inside KVM.
 */
#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "base/util.h"
#include "vcpu/internal.h"
#include "vcpu/topo.h"
#include "vcpu/x86.h"

/* Intel SDM vol. 3A, 2.5; vol. 4, table 2-2 */
#define CR0_PE (UINT64_C(1) << 0)
#define CR0_MP (UINT64_C(1) << 1)
#define CR0_ET (UINT64_C(1) << 4)
#define CR0_NE (UINT64_C(1) << 5)
#define CR0_PG (UINT64_C(1) << 31)
#define CR4_PAE (UINT64_C(1) << 5)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)
#define RFLAGS_FIXED 2			/* interrupts off */

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC (UINT64_C(1) << 10)	/* vol. 3A, 11.12.1; reset sets bit 11 */
#define MSR_MISC_ENABLE 0x1a0
#define MISC_ENABLE_FAST_STRING 1
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MTRR_ENABLED_WRITE_BACK 0x806
#define MSR_LSTAR 0xc0000082

/* Intel SDM vol. 3A, 11.5.1 */
#define LAPIC_LVT_LINT0 0x350
#define LAPIC_LVT_LINT1 0x360
#define LVT_NMI 0x400
#define LVT_EXTINT 0x700

/* A list of one. */
union one_msr {
	struct kvm_msrs list;
	uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

static int msr_ioctl(struct vcpu *v, unsigned long request, struct kvm_msr_entry *entry)
{
	union one_msr m = { .room = { 0 } };
	int n;

	m.list.nmsrs = 1;
	m.list.entries[0] = *entry;
	n = ioctl(v->fd, request, &m);
	if (n < 0)
		return -errno;
	if (!n)		/* KVM does not know it, or not this value */
		return -EINVAL;
	*entry = m.list.entries[0];
	return 0;
}

int vcpu_get_msr(struct vcpu *v, uint32_t index, uint64_t *ret)
{
	struct kvm_msr_entry entry = { .index = index };
	int r = msr_ioctl(v, KVM_GET_MSRS, &entry);

	*ret = entry.data;
	return r;
}

int vcpu_set_msr(struct vcpu *v, uint32_t index, uint64_t value)
{
	struct kvm_msr_entry entry = { .index = index, .data = value };

	return msr_ioctl(v, KVM_SET_MSRS, &entry);
}

static int init_msrs(struct vcpu *v, struct err *e)
{
	const bool split = v->vm->irqchip == VM_IRQCHIP_SPLIT;
	/* bits added to what KVM has there */
	const struct {
		uint32_t index;
		uint64_t set;
	} msrs[] = {
		{ MSR_MISC_ENABLE, MISC_ENABLE_FAST_STRING },
		/* without it Linux maps memory that it does not know as its own uncached */
		{ MSR_MTRR_DEF_TYPE, v->vm->no_mtrrs ? 0 : MTRR_ENABLED_WRITE_BACK },
		/* as firmware does it where ids do not fit in xAPIC's 8 bits */
		{ MSR_APIC_BASE, split ? APIC_BASE_X2APIC : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t value;
		int r = vcpu_get_msr(v, msrs[i].index, &value);

		if (!r)
			r = vcpu_set_msr(v, msrs[i].index, value | msrs[i].set);
		if (r < 0)
			return err_sys(e, r, "set MSR 0x%x", msrs[i].index);
	}
	return 0;
}

static int init_cpuid(struct vcpu *v, const struct topo *topo, struct err *e)
{
	_cleanup_free_ struct kvm_cpuid2 *c = cpuid_new();
	int r;

	if (!c)
		return err_sys(e, -ENOMEM, "CPUID");
	c->nent = v->vm->cpuid->nent;
	memcpy(c->entries, v->vm->cpuid->entries, c->nent * sizeof(c->entries[0]));
	r = cpuid_patch(c, topo, v->cpu, v->vm->has_tsc_deadline);
	if (r < 0)
		return err_set(e, r, "more than %u CPUID leaves", CPUID_ENTRIES_MAX);
	if (ioctl(v->fd, KVM_SET_CPUID2, c) < 0)
		return err_sys(e, -errno, "set CPUID");
	return 0;
}

static void lapic_set(struct kvm_lapic_state *lapic, size_t reg, uint32_t value)
{
	memcpy(lapic->regs + reg, &value, sizeof(value));
}

/* Virtual wire mode: the PIC's interrupts and the NMI line reach the boot CPU. */
static int init_lapic(struct vcpu *v, struct err *e)
{
	struct kvm_lapic_state lapic;

	if (ioctl(v->fd, KVM_GET_LAPIC, &lapic) < 0)
		return err_sys(e, -errno, "read local APIC");
	lapic_set(&lapic, LAPIC_LVT_LINT0, LVT_EXTINT);
	lapic_set(&lapic, LAPIC_LVT_LINT1, LVT_NMI);
	if (ioctl(v->fd, KVM_SET_LAPIC, &lapic) < 0)
		return err_sys(e, -errno, "set local APIC");
	return 0;
}

int vcpu_arch_init(struct vcpu *v, const struct topo *topo, struct err *e)
{
	int r;

	if ((r = init_cpuid(v, topo, e)) < 0 ||
	    (r = init_msrs(v, e)) < 0)
		return r;
	return v->cpu ? 0 : init_lapic(v, e);
}

void vcpu_arch_relax(void)
{
	__builtin_ia32_pause();
}

static int set_regs(struct vcpu *v, const struct kvm_regs *regs, const struct kvm_sregs *sregs,
		    struct err *e)
{
	if (ioctl(v->fd, KVM_SET_SREGS, sregs) < 0)
		return err_sys(e, -errno, "set system registers");
	if (ioctl(v->fd, KVM_SET_REGS, regs) < 0)
		return err_sys(e, -errno, "set registers");
	return 0;
}

static int get_sregs(struct vcpu *v, struct kvm_sregs *ret, struct err *e)
{
	if (ioctl(v->fd, KVM_GET_SREGS, ret) < 0)
		return err_sys(e, -errno, "read system registers");
	return 0;
}

/* Documentation/arch/x86/boot.rst, "64-bit boot protocol" */
int vcpu_set_entry(struct vcpu *v, const struct vcpu_entry *entry, struct err *e)
{
	static const struct kvm_segment code = {
		.selector = 0x10, .limit = 0xffffffff, .type = 0xb,
		.present = 1, .s = 1, .l = 1, .g = 1,
	};
	static const struct kvm_segment data = {
		.selector = 0x18, .limit = 0xffffffff, .type = 3,
		.present = 1, .s = 1, .db = 1, .g = 1,
	};
	const struct kvm_regs regs = {
		.rip = entry->rip,
		.rsi = entry->rsi,
		.rsp = entry->rsp,
		.rflags = RFLAGS_FIXED,
	};
	struct kvm_sregs s;
	int r;

	assert(baton_get(&v->baton) == BATON_NEW);
	r = get_sregs(v, &s, e);
	if (r < 0)
		return r;
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.gdt = (struct kvm_dtable){ .base = entry->gdt, .limit = entry->gdt_limit };
	s.idt = (struct kvm_dtable){ 0 };	/* a fault before Linux has one shuts down */
	s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG;
	s.cr3 = entry->cr3;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	return set_regs(v, &regs, &s, e);
}

int vcpu_set_entry_real(struct vcpu *v, uint16_t ip, struct err *e)
{
	const struct kvm_regs regs = { .rip = ip, .rflags = RFLAGS_FIXED };
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs s;
	int r;

	assert(baton_get(&v->baton) == BATON_NEW);
	r = get_sregs(v, &s, e);
	if (r < 0)
		return r;
	s.cs.base = 0;
	s.cs.selector = 0;
	r = set_regs(v, &regs, &s, e);
	if (r < 0)
		return r;
	if (ioctl(v->fd, KVM_SET_MP_STATE, &state) < 0)
		return err_sys(e, -errno, "set MP state");
	return 0;
}

int vcpu_get_regs(struct vcpu *v, struct vcpu_regs *ret, struct err *e)
{
	struct kvm_regs regs;
	struct kvm_sregs s;
	struct kvm_mp_state state;
	uint64_t lstar;
	int r;

	assert(vcpu_is_parked(v) || vcpu_has_exit(v));
	if (ioctl(v->fd, KVM_GET_REGS, &regs) < 0)
		return err_sys(e, -errno, "read registers");
	r = get_sregs(v, &s, e);
	if (r < 0)
		return r;
	if (ioctl(v->fd, KVM_GET_MP_STATE, &state) < 0)
		return err_sys(e, -errno, "read MP state");
	r = vcpu_get_msr(v, MSR_LSTAR, &lstar);
	if (r < 0)
		return err_sys(e, r, "read MSR 0x%x", MSR_LSTAR);
	*ret = (struct vcpu_regs){
		.rip = regs.rip, .rsp = regs.rsp, .rflags = regs.rflags,
		.rax = regs.rax, .rbx = regs.rbx, .rcx = regs.rcx, .rdx = regs.rdx,
		.rsi = regs.rsi, .rdi = regs.rdi, .rbp = regs.rbp,
		.r8 = regs.r8, .r9 = regs.r9, .r10 = regs.r10, .r11 = regs.r11,
		.r12 = regs.r12, .r13 = regs.r13, .r14 = regs.r14, .r15 = regs.r15,
		.cs = s.cs.selector, .ss = s.ss.selector, .ds = s.ds.selector,
		.es = s.es.selector, .fs = s.fs.selector, .gs = s.gs.selector,
		.fs_base = s.fs.base, .gs_base = s.gs.base,
		.cr0 = s.cr0, .cr3 = s.cr3, .cr4 = s.cr4, .efer = s.efer,
		.lstar = lstar,
		.halted = state.mp_state == KVM_MP_STATE_HALTED,
	};
	return 0;
}
