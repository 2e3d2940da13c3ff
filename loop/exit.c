/* SPDX-License-Identifier: GPL-2.0-only */
/* What each kind of exit means for the machine: one table, one small function each. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "loop/bus.h"
#include "loop/ioapic.h"
#include "loop/machine.h"

typedef void exit_fn(struct machine *m, unsigned cpu, const struct vcpu_exit *x);

static uint32_t load_le(const uint8_t *p, unsigned width)
{
	uint32_t v = 0;

	memcpy(&v, p, MIN(width, sizeof(v)));
	return v;
}

static void exit_none(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	(void)m;
	(void)cpu;
	(void)x;
}

/* Each access in turn; of eight bytes the upper half reads as zeros. */
static void access_bus(const struct bus *bus, const struct vcpu_exit *x)
{
	uint8_t *at = x->data;

	for (unsigned i = 0; i < x->count; i++, at += x->width) {
		uint32_t v;

		if (x->is_write) {
			bus_write(bus, x->addr, x->width, load_le(at, x->width));
			continue;
		}
		v = bus_read(bus, x->addr, x->width);
		memset(at, 0, x->width);
		memcpy(at, &v, MIN(x->width, sizeof(v)));
	}
}

static void exit_pio(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	(void)cpu;
	access_bus(machine_ports(m), x);
}

/* Where no device has registers reads are ones, and writes go nowhere. */
static void exit_mmio(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	const struct bus *bus = machine_mmio(m);

	if (bus_has(bus, x->addr)) {
		access_bus(bus, x);
		return;
	}
	log_debug("vCPU %u: MMIO %s at 0x%" PRIx64 ", %u bytes: nobody is there", cpu,
		  x->is_write ? "write" : "read", x->addr, x->width);
	if (!x->is_write)
		memset(x->data, 0xff, x->width);
}

static void exit_eoi(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	struct ioapic *io = machine_ioapic(m);

	(void)cpu;
	if (io)
		ioapic_eoi(io, (uint8_t)x->detail);
}

static void exit_shutdown(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	char text[80];

	(void)x;
	snprintf(text, sizeof(text), "vCPU %u: triple fault", cpu);
	machine_end(m, STOP_TRIPLE_FAULT, text);
}

static void exit_off(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	(void)cpu;
	(void)x;
	machine_end(m, STOP_EARLY_OFF, "the guest switched itself off");
}

static void exit_crash(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	(void)cpu;
	(void)x;
	machine_end(m, STOP_PANIC, "the guest reported a crash");
}

static void exit_internal(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "vCPU %u: KVM internal error, suberror %" PRIu64,
			 cpu, x->detail);

	/* suberror 1: the emulator met an instruction that it does not know */
	if (x->detail == 1)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " (emulation failed)");
	if (x->insn_len)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", instruction bytes");
	for (unsigned i = 0; i < x->insn_len && (size_t)n < sizeof(text) - 4; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %02x", x->insn[i]);
	machine_end(m, STOP_INTERNAL, text);
}

static void exit_entry_failed(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	char text[120];

	snprintf(text, sizeof(text), "vCPU %u: the hardware refused to enter the guest, reason 0x%"
		 PRIx64, cpu, x->detail);
	machine_end(m, STOP_INTERNAL, text);
}

static void exit_run_failed(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	const char *why = strerrordesc_np((int)x->detail);
	char text[120];

	snprintf(text, sizeof(text), "vCPU %u: KVM_RUN failed: %s", cpu, why ? why : "?");
	machine_end(m, STOP_HOST, text);
}

static void exit_unknown(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	char text[120];

	snprintf(text, sizeof(text), "vCPU %u: exit that ktstr does not know, KVM reason %" PRIu64,
		 cpu, x->detail);
	machine_end(m, STOP_INTERNAL, text);
}

static void exit_asked(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	(void)x;
	machine_asked(m, cpu);
}

static exit_fn *const exit_table[] = {
	[VCPU_EXIT_NONE] = exit_none,
	[VCPU_EXIT_PIO] = exit_pio,
	[VCPU_EXIT_MMIO] = exit_mmio,
	[VCPU_EXIT_EOI] = exit_eoi,
	[VCPU_EXIT_HLT] = exit_none,
	[VCPU_EXIT_SHUTDOWN] = exit_shutdown,
	[VCPU_EXIT_RESET] = exit_off,
	[VCPU_EXIT_POWEROFF] = exit_off,
	[VCPU_EXIT_CRASH] = exit_crash,
	[VCPU_EXIT_INTERNAL] = exit_internal,
	[VCPU_EXIT_ENTRY_FAILED] = exit_entry_failed,
	[VCPU_EXIT_RUN_FAILED] = exit_run_failed,
	[VCPU_EXIT_UNKNOWN] = exit_unknown,
	[VCPU_EXIT_ASKED] = exit_asked,
};
static_assert(ARRAY_SIZE(exit_table) == VCPU_EXIT_COUNT, "every kind of exit has a row");

void machine_handle_exit(struct machine *m, unsigned cpu, const struct vcpu_exit *x)
{
	assert(x->kind < VCPU_EXIT_COUNT);
	exit_table[x->kind](m, cpu, x);
}
