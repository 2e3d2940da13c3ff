/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_MACHINE_H
#define KTSTR_LOOP_MACHINE_H
/*
 * The board: guest memory, the VM, two UARTs, a few legacy ports, the ring and
 * the vCPUs, wired together, and the events that come from them.
 *
 *   port         device                              interrupt
 *   0x2f8-0x2ff  COM2: program output, wake byte     GSI 3
 *   0x3f8-0x3ff  COM1: kernel console                GSI 4
 *   0x20, 0xa0   PICs: mask registers only, with a split irqchip
 *   0x60, 0x64   i8042, as far as a reset needs it
 *   0x70, 0x71   CMOS: reads 0, so that nobody waits for its clock
 *   0x510        doorbell of the ring (ioeventfd, no exit)
 *   0x600-0x605  ACPI PM1a event and control: power off   GSI 9
 *   0x606        ACPI reset register
 *
 *   memory       device
 *   0xfec00000   IOAPIC, with a split irqchip: vm.h says when
 *
 * Life: machine_create() builds the board and machine_load() fills its memory,
 * both without touching the loop, so that a job may do it; machine_start() arms
 * the watchers and starts the vCPUs; machine_stop() parks them (on_parked
 * follows, always); machine_destroy() releases all, and is also right for a
 * machine that was never loaded or started.
 *
 * Thread: control, but for machine_create() and machine_load().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/boot.h"
#include "loop/record.h"
#include "shmring/shmring.h"
#include "vcpu/topo.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

struct err;
struct ev_loop;
struct machine;
struct mm;

#define MACHINE_PM_PORT 0x600
#define MACHINE_RESET_PORT 0x606
#define MACHINE_SCI_GSI 9

/* What is known before there is anything to load. Borrowed for the time of machine_create(). */
struct machine_spec {
	const char *kvm_device;
	const struct topo *topo;
	enum vm_irqchip irqchip;	/* not AUTO */
	bool cpus_late;			/* PID 1 brings them up: vm_disable_mtrrs() */
};

/* Everything borrowed for the time of machine_load(). */
struct machine_contents {
	const struct topo *topo;	/* the same */
	const struct boot_image *image;
	struct cmdline *cmdline;	/* the ring's place and extra are appended */
	const char *cmdline_extra;	/* the user's, last so that it wins; may be NULL */
	const uint8_t *initrd;		/* two parts, one behind the other */
	size_t initrd_bytes;
	int initrd_fd;			/* of the first part, to share its pages; -1: none */
	struct err *initrd_copied;	/* out: why they are not shared; may be NULL */
	const uint8_t *initrd_tail;
	size_t initrd_tail_bytes;
	uint64_t memory_bytes;		/* split over the topology's nodes */
	bool ring;
};

/* What the board reports, from the loop. */
struct machine_ops {
	void (*on_console)(const uint8_t *bytes, size_t n, void *arg);	/* COM1 */
	void (*on_program)(const uint8_t *bytes, size_t n, void *arg);	/* COM2 */
	void (*on_doorbell)(void *arg);		/* look at machine_ring() */
	/* The guest ended by itself, or a vCPU cannot go on; said once. */
	void (*on_end)(enum stop_reason why, const char *text, void *arg);
	void (*on_parked)(void *arg);		/* every vCPU is parked */
	/* the answer to machine_ask(): the vCPU stands still until this returns */
	void (*on_asked)(unsigned cpu, const struct vcpu_regs *regs, void *arg);
	void (*on_frozen)(void *arg);		/* the answer to machine_freeze() */
	void *arg;
};

int machine_create(const struct machine_spec *spec, struct machine **ret, struct err *e);
/* Once. A machine that could not be loaded is only good for machine_destroy(). */
int machine_load(struct machine *m, const struct machine_contents *c, struct err *e);
int machine_start(struct machine *m, struct ev_loop *loop, const struct machine_ops *ops,
		  struct err *e);
/* May be called again. on_parked is called from the loop, never from here. */
void machine_stop(struct machine *m);
void machine_destroy(struct machine *m);

/* The guest's frames; NULL without a ring. */
struct shmring_reader *machine_ring(struct machine *m);
/* Send a frame down the ring and wake the guest, or without a ring into COM2. */
int machine_send(struct machine *m, enum wire_type type, const void *payload, size_t len);
/* The guest has shown that it does not use the ring. */
void machine_speak_com2(struct machine *m);
/* Have on_doorbell called again from the loop, for an owner that works in portions. */
void machine_ring_again(struct machine *m);
/* Wake the guest's poll. */
void machine_wake_guest(struct machine *m);

unsigned machine_cpus(const struct machine *m);
/*
 * Read the registers of a vCPU that runs: on_asked follows soon, from the loop,
 * unless the machine ends before. One request at a time.
 */
void machine_ask(struct machine *m, unsigned cpu);
/* Guest memory, for readers. */
const struct mm *machine_memory(const struct machine *m);
/* The vCPU's thread in /proc/self/task; 0: not yet. */
pid_t machine_vcpu_tid(const struct machine *m, unsigned cpu);
/*
 * Have the guest stand still and not notice (freeze.h). on_frozen follows from the
 * loop unless the machine ends before; it holds until machine_thaw(). -EBUSY: there
 * is a freeze already; -ECANCELED: the machine ends.
 */
int machine_freeze(struct machine *m);
/* For how long it was asked to stand still; 0 when it was not frozen (any more). */
uint64_t machine_thaw(struct machine *m);
bool machine_is_frozen(const struct machine *m);
/* Why it was frozen in part, or sees by its clocks that it was; "": neither. */
const char *machine_freeze_why(const struct machine *m);
/* Registers of a vCPU that is frozen or parked; -EBUSY: it runs. */
int machine_vcpu_regs(struct machine *m, unsigned cpu, struct vcpu_regs *ret);
/* Exits of all vCPUs by kind. */
uint64_t machine_exits(const struct machine *m, enum vcpu_exit_kind kind);
int machine_vcpu_stats(struct machine *m, unsigned cpu,
		       void (*fn)(const char *name, uint64_t value, void *arg), void *arg);

/* --- between machine.c and exit.c ----------------------------------------- */

struct bus;
struct ioapic;

/* The guest ended, or must end: tell the owner, once. */
void machine_end(struct machine *m, enum stop_reason why, const char *text);
const struct bus *machine_ports(const struct machine *m);
const struct bus *machine_mmio(const struct machine *m);
/* A vCPU answers machine_ask(). */
void machine_asked(struct machine *m, unsigned cpu);
/* Our own, NULL when KVM has it. */
struct ioapic *machine_ioapic(struct machine *m);
/* Handle what a vCPU posted. The caller holds the baton and gives it back. */
void machine_handle_exit(struct machine *m, unsigned cpu, const struct vcpu_exit *x);

#endif
