/* SPDX-License-Identifier: GPL-2.0-only */
/* From a kvm_run page to struct vcpu_exit: a row per reason that we know. */
#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "base/util.h"
#include "vcpu/internal.h"

static const char *const names[] = {
	[VCPU_EXIT_NONE] = "none",
	[VCPU_EXIT_PIO] = "io",
	[VCPU_EXIT_MMIO] = "mmio",
	[VCPU_EXIT_EOI] = "eoi",
	[VCPU_EXIT_HLT] = "hlt",
	[VCPU_EXIT_SHUTDOWN] = "shutdown",
	[VCPU_EXIT_RESET] = "reset",
	[VCPU_EXIT_POWEROFF] = "poweroff",
	[VCPU_EXIT_CRASH] = "crash",
	[VCPU_EXIT_INTERNAL] = "internal",
	[VCPU_EXIT_ENTRY_FAILED] = "entry-failed",
	[VCPU_EXIT_RUN_FAILED] = "run-failed",
	[VCPU_EXIT_UNKNOWN] = "unknown",
	[VCPU_EXIT_ASKED] = "asked",
};
static_assert(ARRAY_SIZE(names) == VCPU_EXIT_COUNT, "every kind of exit has a name");

const char *vcpu_exit_name(enum vcpu_exit_kind kind)
{
	assert(kind < VCPU_EXIT_COUNT);
	return names[kind];
}

/* KVM points into its mapping; a page of data at most. */
static void decode_pio(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x)
{
	const uint64_t offset = run->io.data_offset;

	x->addr = run->io.port;
	x->width = run->io.size;
	x->count = run->io.count;
	x->is_write = run->io.direction == KVM_EXIT_IO_OUT;
	assert(offset <= run_bytes && (uint64_t)x->width * x->count <= run_bytes - offset);
	x->data = (uint8_t *)run + offset;
}

static void decode_mmio(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x)
{
	(void)run_bytes;
	x->addr = run->mmio.phys_addr;
	x->width = MIN(run->mmio.len, (uint32_t)sizeof(run->mmio.data));
	x->count = 1;
	x->is_write = run->mmio.is_write;
	x->data = run->mmio.data;
}

static void decode_eoi(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x)
{
	(void)run_bytes;
	x->detail = run->eoi.vector;
}

/* The bytes lie behind ndata words of which the first are flags and their size. */
static void decode_internal(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x)
{
	(void)run_bytes;
	x->detail = run->internal.suberror;
	if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
	    run->emulation_failure.ndata < 3 ||
	    !(run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
		return;
	x->insn_len = MIN(run->emulation_failure.insn_size, (unsigned)sizeof(x->insn));
	memcpy(x->insn, run->emulation_failure.insn_bytes, x->insn_len);
}

static void decode_entry_failed(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x)
{
	(void)run_bytes;
	x->detail = run->fail_entry.hardware_entry_failure_reason;
}

static void decode_system_event(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x)
{
	(void)run_bytes;
	x->detail = run->system_event.type;
}

static const struct row {
	uint32_t reason;
	enum vcpu_exit_kind kind;
	void (*decode)(struct kvm_run *run, size_t run_bytes, struct vcpu_exit *x);
} rows[] = {
	{ KVM_EXIT_IO, VCPU_EXIT_PIO, decode_pio },
	{ KVM_EXIT_MMIO, VCPU_EXIT_MMIO, decode_mmio },
	{ KVM_EXIT_IOAPIC_EOI, VCPU_EXIT_EOI, decode_eoi },
	{ KVM_EXIT_INTR, VCPU_EXIT_NONE, NULL },
	{ KVM_EXIT_HLT, VCPU_EXIT_HLT, NULL },
	{ KVM_EXIT_SHUTDOWN, VCPU_EXIT_SHUTDOWN, NULL },
	{ KVM_EXIT_SYSTEM_EVENT, VCPU_EXIT_UNKNOWN, decode_system_event },	/* see events */
	{ KVM_EXIT_INTERNAL_ERROR, VCPU_EXIT_INTERNAL, decode_internal },
	{ KVM_EXIT_FAIL_ENTRY, VCPU_EXIT_ENTRY_FAILED, decode_entry_failed },
};

static const struct {
	uint32_t type;
	enum vcpu_exit_kind kind;
} events[] = {
	{ KVM_SYSTEM_EVENT_SHUTDOWN, VCPU_EXIT_POWEROFF },
	{ KVM_SYSTEM_EVENT_RESET, VCPU_EXIT_RESET },
	{ KVM_SYSTEM_EVENT_CRASH, VCPU_EXIT_CRASH },
};

static const struct row *find_row(uint32_t reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].reason == reason)
			return &rows[i];
	return NULL;
}

enum vcpu_exit_kind vcpu_exit_kind_of(const struct kvm_run *run, int run_errno)
{
	const struct row *row;

	if (run_errno)
		return run_errno == EINTR || run_errno == EAGAIN ? VCPU_EXIT_NONE :
			VCPU_EXIT_RUN_FAILED;
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT)
		for (size_t i = 0; i < ARRAY_SIZE(events); i++)
			if (events[i].type == run->system_event.type)
				return events[i].kind;
	row = find_row(run->exit_reason);
	return row ? row->kind : VCPU_EXIT_UNKNOWN;
}

void vcpu_exit_decode(struct kvm_run *run, size_t run_bytes, int run_errno, struct vcpu_exit *ret)
{
	const struct row *row = find_row(run->exit_reason);

	*ret = (struct vcpu_exit){ .kind = vcpu_exit_kind_of(run, run_errno) };
	if (run_errno)
		ret->detail = (uint64_t)run_errno;
	else if (!row)
		ret->detail = run->exit_reason;
	else if (row->decode)
		row->decode(run, run_bytes, ret);
}
