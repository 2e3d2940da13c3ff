/* SPDX-License-Identifier: GPL-2.0-only */
/* What KVM writes into kvm_run, and what the loop gets to see of it. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/util.h"
#include "test/tap.h"
#include "vcpu/internal.h"

#define RUN_BYTES 12288	/* as large as the mapping is */

static struct kvm_run *new_run(uint32_t reason)
{
	struct kvm_run *run = calloc(1, RUN_BYTES);

	run->exit_reason = reason;
	return run;
}

static struct vcpu_exit decode(struct kvm_run *run, int run_errno)
{
	struct vcpu_exit x;

	memset(&x, 0xa5, sizeof(x));
	vcpu_exit_decode(run, RUN_BYTES, run_errno, &x);
	tap_eq(x.kind, vcpu_exit_kind_of(run, run_errno));
	return x;
}

static void pio_data_lies_where_kvm_says(void)
{
	struct kvm_run *run = new_run(KVM_EXIT_IO);
	struct vcpu_exit x;

	run->io.direction = KVM_EXIT_IO_OUT;
	run->io.port = 0x3f8;
	run->io.size = 2;
	run->io.count = 2048;	/* up to the last byte of the mapping */
	run->io.data_offset = RUN_BYTES - 4096;
	x = decode(run, 0);
	tap_eq(x.kind, VCPU_EXIT_PIO);
	tap_eq(x.addr, 0x3f8);
	tap_eq(x.width, 2);
	tap_eq(x.count, 2048);
	tap_ok(x.is_write && x.data == (uint8_t *)run + RUN_BYTES - 4096, "data");
	run->io.direction = KVM_EXIT_IO_IN;
	tap_ok(!decode(run, 0).is_write, "in");
	free(run);
}

static void mmio_data_lies_in_the_page_itself(void)
{
	struct kvm_run *run = new_run(KVM_EXIT_MMIO);
	struct vcpu_exit x;

	run->mmio.phys_addr = 0xc0000070;
	run->mmio.len = 8;
	run->mmio.is_write = 1;
	x = decode(run, 0);
	tap_eq(x.kind, VCPU_EXIT_MMIO);
	tap_eq(x.addr, 0xc0000070);
	tap_eq(x.width, 8);
	tap_eq(x.count, 1);
	tap_ok(x.is_write && x.data == run->mmio.data, "data");
	free(run);
}

static void system_events_are_told_apart(void)
{
	static const struct {
		uint32_t type;
		enum vcpu_exit_kind kind;
	} rows[] = {
		{ KVM_SYSTEM_EVENT_SHUTDOWN, VCPU_EXIT_POWEROFF },
		{ KVM_SYSTEM_EVENT_RESET, VCPU_EXIT_RESET },
		{ KVM_SYSTEM_EVENT_CRASH, VCPU_EXIT_CRASH },
		{ 99, VCPU_EXIT_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_run *run = new_run(KVM_EXIT_SYSTEM_EVENT);
		struct vcpu_exit x;

		run->system_event.type = rows[i].type;
		x = decode(run, 0);
		tap_eq(x.kind, rows[i].kind);
		tap_eq(x.detail, rows[i].type);
		free(run);
	}
}

static void a_failed_emulation_brings_its_instruction(void)
{
	struct kvm_run *run = new_run(KVM_EXIT_INTERNAL_ERROR);
	struct vcpu_exit x;

	run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = 5;
	memcpy(run->emulation_failure.insn_bytes, "\xf0\x48\x0f\xc7\x0f", 5);
	x = decode(run, 0);
	tap_eq(x.kind, VCPU_EXIT_INTERNAL);
	tap_eq(x.detail, 1);
	tap_eq(x.insn_len, 5);
	tap_ok(!memcmp(x.insn, "\xf0\x48\x0f\xc7\x0f", 5), "bytes");
	run->emulation_failure.insn_size = 200;
	tap_eq(decode(run, 0).insn_len, 15);
	run->emulation_failure.ndata = 1;
	tap_eq(decode(run, 0).insn_len, 0);
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = 0;
	tap_eq(decode(run, 0).insn_len, 0);
	run->emulation_failure.flags = 1;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	x = decode(run, 0);
	tap_eq(x.detail, 3);
	tap_eq(x.insn_len, 0);
	free(run);
}

static void every_other_reason_keeps_its_detail(void)
{
	static const struct {
		uint32_t reason;
		enum vcpu_exit_kind kind;
		uint64_t detail;
	} rows[] = {
		{ KVM_EXIT_IOAPIC_EOI, VCPU_EXIT_EOI, 0x31 },
		{ KVM_EXIT_HLT, VCPU_EXIT_HLT, 0 },
		{ KVM_EXIT_SHUTDOWN, VCPU_EXIT_SHUTDOWN, 0 },
		{ KVM_EXIT_INTR, VCPU_EXIT_NONE, 0 },
		{ KVM_EXIT_FAIL_ENTRY, VCPU_EXIT_ENTRY_FAILED, 0x80000021 },
		{ KVM_EXIT_UNKNOWN, VCPU_EXIT_UNKNOWN, KVM_EXIT_UNKNOWN },
		{ KVM_EXIT_DEBUG, VCPU_EXIT_UNKNOWN, KVM_EXIT_DEBUG },
		{ 12345, VCPU_EXIT_UNKNOWN, 12345 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_run *run = new_run(rows[i].reason);
		struct vcpu_exit x;

		if (rows[i].kind == VCPU_EXIT_EOI)
			run->eoi.vector = 0x31;
		else
			run->fail_entry.hardware_entry_failure_reason = 0x80000021;
		x = decode(run, 0);
		tap_str(vcpu_exit_name(x.kind), vcpu_exit_name(rows[i].kind));
		tap_eq(x.detail, rows[i].detail);
		tap_ok(!x.data && !x.width && !x.count, "no data");
		free(run);
	}
}

static void a_failed_run_is_judged_by_errno_and_not_by_the_old_page(void)
{
	struct kvm_run *run = new_run(KVM_EXIT_IO);
	struct vcpu_exit x;

	tap_eq(decode(run, EINTR).kind, VCPU_EXIT_NONE);
	tap_eq(decode(run, EAGAIN).kind, VCPU_EXIT_NONE);
	x = decode(run, EFAULT);
	tap_eq(x.kind, VCPU_EXIT_RUN_FAILED);
	tap_eq(x.detail, EFAULT);
	tap_ok(!x.data, "no data");
	free(run);
}

static void every_kind_has_a_name_of_its_own(void)
{
	for (unsigned i = 0; i < VCPU_EXIT_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			tap_ok(strcmp(vcpu_exit_name(i), vcpu_exit_name(k)), "%s",
			       vcpu_exit_name(i));
	tap_str(vcpu_exit_name(VCPU_EXIT_PIO), "io");
	tap_str(vcpu_exit_name(VCPU_EXIT_ENTRY_FAILED), "entry-failed");
}

/* A KVM that lacks up to two capabilities. */
static int has_all_but(unsigned cap, void *arg)
{
	const unsigned *lacks = arg;

	return cap != lacks[0] && cap != lacks[1];
}

static void missing_capabilities_are_all_named_in_one_error(void)
{
	unsigned none[2] = { ~0u, ~0u };
	unsigned two[2] = { KVM_CAP_IRQFD, KVM_CAP_PIT2 };
	struct err e = ERR_INIT;

	tap_eq(vm_caps_check(VM_IRQCHIP_KERNEL, has_all_but, none, &e), 0);
	tap_eq(vm_caps_check(VM_IRQCHIP_KERNEL, has_all_but, two, &e), -EOPNOTSUPP);
	tap_str(err_text(&e), "this KVM lacks KVM_CAP_IRQFD, KVM_CAP_PIT2");
	tap_eq(vm_caps_check(VM_IRQCHIP_KERNEL, has_all_but, two, NULL), -EOPNOTSUPP);
}

static void each_kind_of_irqchip_needs_its_own_capabilities(void)
{
	unsigned old[2] = { KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_X2APIC_API };
	unsigned no_pit[2] = { KVM_CAP_PIT2, ~0u };
	struct err e = ERR_INIT;

	tap_eq(vm_caps_check(VM_IRQCHIP_KERNEL, has_all_but, old, &e), 0);
	tap_eq(vm_caps_check(VM_IRQCHIP_SPLIT, has_all_but, no_pit, &e), 0);
	tap_eq(vm_caps_check(VM_IRQCHIP_SPLIT, has_all_but, old, &e), -EOPNOTSUPP);
	tap_str(err_text(&e), "this KVM lacks KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_X2APIC_API");
}

int main(void)
{
	TAP_RUN(pio_data_lies_where_kvm_says);
	TAP_RUN(mmio_data_lies_in_the_page_itself);
	TAP_RUN(system_events_are_told_apart);
	TAP_RUN(a_failed_emulation_brings_its_instruction);
	TAP_RUN(every_other_reason_keeps_its_detail);
	TAP_RUN(a_failed_run_is_judged_by_errno_and_not_by_the_old_page);
	TAP_RUN(every_kind_has_a_name_of_its_own);
	TAP_RUN(missing_capabilities_are_all_named_in_one_error);
	TAP_RUN(each_kind_of_irqchip_needs_its_own_capabilities);
	return tap_done();
}
