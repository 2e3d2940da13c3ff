/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_VCPU_VCPU_H
#define KTSTR_VCPU_VCPU_H
/*
 * vCPUs and the baton.
 *
 * A vCPU thread runs KVM_RUN and nothing else. Its kvm_run page belongs
 * either to the thread or to the loop; whoever holds the baton may touch it:
 *
 *  vCPU thread                                  control thread (the loop)
 *  KVM_RUN returns
 *  owner = LOOP (release) --- wake (eventfd) --> for each vCPU: vcpu_has_exit()
 *  spin briefly, then futex-wait                   vcpu_exit_get(), handle it
 *                                           <----  vcpu_resume(): owner = VCPU
 *  KVM_RUN                                         (release), futex wake
 *
 * At most one exit is outstanding per vCPU, so there is no queue and no lock.
 * The one exception to the rule is the byte immediate_exit, which the loop may
 * set without the baton when it kicks.
 *
 * Stopping cannot hang: the request to stop shares the baton's word, so it is
 * always in order with the exits (baton.h says why for each interleaving).
 * vcpu_stop() makes the word say so, which also takes back an exit that the
 * loop holds, then kicks: immediate_exit = 1, signal. The thread looks at the
 * word before every KVM_RUN, and clears immediate_exit only when it saw EINTR.
 * One call is enough unless the kernel drops the signal (a full queue), so the
 * loop repeats it on a timer until vcpu_is_parked(); the thread posts a last
 * time (wake) as it parks. A parked thread never enters KVM_RUN again; its
 * registers can be read and it is joined by vcpu_destroy().
 *
 * Looking at a running vCPU: KVM's ioctls for registers wait for a vCPU that is
 * in KVM_RUN, so the loop asks: vcpu_ask() kicks, and the thread posts an exit of
 * its own kind, VCPU_EXIT_ASKED. While the loop holds that baton the vCPU stands
 * between two instructions and its registers can be read; vcpu_resume() lets it
 * go on. The request is a word of its own, set before the kick and taken by the
 * thread when it has seen EINTR: the reasoning is that of vcpu_stop(). An exit
 * that was posted already comes first.
 *
 * Signals: VCPU_SIGNAL (a real-time signal) interrupts KVM_RUN. A handler that
 * does nothing is installed process-wide by the first vcpu_create(), unless the
 * process has a handler of its own there (-EBUSY). vCPU threads block all other
 * signals.
 *
 * Thread: control, for everything declared here.
 */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct topo;
struct vcpu;
struct vm;

#define VCPU_SIGNAL SIGRTMIN

enum vcpu_exit_kind {
	VCPU_EXIT_NONE,		/* interrupted: counted, the loop does not see it */
	VCPU_EXIT_PIO,
	VCPU_EXIT_MMIO,
	VCPU_EXIT_EOI,		/* split irqchip: end of a level interrupt; detail = vector */
	VCPU_EXIT_HLT,		/* only without an in-kernel LAPIC */
	VCPU_EXIT_SHUTDOWN,	/* triple fault */
	VCPU_EXIT_RESET,	/* system event: reset */
	VCPU_EXIT_POWEROFF,	/* system event: shutdown */
	VCPU_EXIT_CRASH,	/* system event: crash */
	VCPU_EXIT_INTERNAL,	/* KVM internal error, e.g. failed emulation */
	VCPU_EXIT_ENTRY_FAILED,	/* the hardware refused the guest's state */
	VCPU_EXIT_RUN_FAILED,	/* the KVM_RUN ioctl itself failed; detail = errno */
	VCPU_EXIT_UNKNOWN,	/* detail = KVM's exit reason */
	VCPU_EXIT_ASKED,	/* vcpu_ask(): between two instructions, nothing to handle */
	VCPU_EXIT_COUNT,
};

/* Name for records and logs: "io", "mmio", "hlt", "shutdown", ... */
const char *vcpu_exit_name(enum vcpu_exit_kind kind);

struct vcpu_exit {
	enum vcpu_exit_kind kind;
	uint64_t addr;		/* port or gpa */
	unsigned width;		/* bytes of one access: 1, 2, 4 (8 for MMIO) */
	unsigned count;		/* accesses that follow each other in data (rep outs) */
	bool is_write;
	uint8_t *data;		/* width * count bytes: read it or fill it in */
	uint64_t detail;	/* suberror, hardware reason, errno */
	uint8_t insn[15];	/* INTERNAL: instruction bytes, if KVM gave them */
	unsigned insn_len;
};

/* What the boot CPU starts with: x86-64, long mode, flat, identity-mapped by cr3. */
struct vcpu_entry {
	uint64_t rip;
	uint64_t rsi;		/* gpa of boot_params */
	uint64_t rsp;
	uint64_t cr3;		/* gpa of the PML4 */
	uint64_t gdt;		/* gpa of a GDT as boot/ writes it (BOOT_GDT) */
	uint16_t gdt_limit;
};

struct vcpu_regs {
	uint64_t rip, rsp, rflags;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint16_t cs, ss, ds, es, fs, gs;
	uint64_t fs_base, gs_base;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t lstar;		/* MSR_LSTAR: where KASLR put entry_SYSCALL_64; 0 early */
	bool halted;
};

/*
 * vCPU number cpu of the topology, with CPUID, MSRs and LAPIC set up. CPU 0 is
 * the boot CPU; the others wait for INIT/SIPI inside KVM. wake_fd (an eventfd,
 * borrowed) is signalled at each post. -E2BIG beyond the largest APIC id that
 * the interrupt controllers know.
 */
int vcpu_create(struct vm *vm, const struct topo *topo, unsigned cpu, int wake_fd,
		struct vcpu **ret, struct err *e);
/* Joins the thread: it must have parked, or never have started. Accepts NULL. */
void vcpu_destroy(struct vcpu *v);

/* Registers of the boot CPU; before vcpu_start(). */
int vcpu_set_entry(struct vcpu *v, const struct vcpu_entry *entry, struct err *e);
/* Real mode at cs:ip = 0:ip, for tiny test guests; any vCPU, it needs no INIT/SIPI then. */
int vcpu_set_entry_real(struct vcpu *v, uint16_t ip, struct err *e);

/* Start the thread: it enters KVM_RUN at once. -EALREADY when started or stopped before. */
int vcpu_start(struct vcpu *v, struct err *e);

/* Does the loop hold the baton with an exit that nobody has taken? (acquire) */
bool vcpu_has_exit(const struct vcpu *v);
/* Decode the exit. Only while the loop holds the baton; data points into the page. */
void vcpu_exit_get(struct vcpu *v, struct vcpu_exit *ret);
/* Give the baton back. Nothing happens when the loop does not hold it, as after a stop. */
void vcpu_resume(struct vcpu *v);

/*
 * Port writes that KVM collected (vm_collect_port()), oldest first. They came
 * before any exit that is posted now, so they are taken before it is handled.
 * Any vCPU of the VM serves; the baton is not needed.
 */
typedef void vcpu_write_fn(uint16_t port, unsigned width, uint32_t value, void *arg);
void vcpu_take_writes(struct vcpu *v, vcpu_write_fn *fn, void *arg);

/*
 * Ask the thread to park; call again on a timer until vcpu_is_parked(). An exit
 * that nobody has handled is dropped: the vCPU stays before that instruction.
 */
void vcpu_stop(struct vcpu *v);
/* Also true before vcpu_start(). */
bool vcpu_is_parked(const struct vcpu *v);

/*
 * Have it post VCPU_EXIT_ASKED, once, as soon as it can; call again on a timer
 * until the exit came. Nothing happens to a vCPU that is parked.
 */
void vcpu_ask(struct vcpu *v);

/*
 * Registers of a vCPU that is parked or whose exit the loop holds (of an exit
 * that is not handled yet they are those before or in the instruction). After a
 * triple fault they are those of a reset: on AMD hosts KVM has reset the vCPU by
 * then.
 */
int vcpu_get_regs(struct vcpu *v, struct vcpu_regs *ret, struct err *e);

/* The thread's id in /proc/self/task; 0 before it runs. */
pid_t vcpu_tid(const struct vcpu *v);

/* Exits counted by kind since the start; may be read at any time (relaxed). */
uint64_t vcpu_exit_count(const struct vcpu *v, enum vcpu_exit_kind kind);
/*
 * KVM's own statistics of this vCPU (KVM_GET_STATS_FD): calls fn for each
 * scalar; -EOPNOTSUPP where KVM has none.
 */
int vcpu_stats(struct vcpu *v, void (*fn)(const char *name, uint64_t value, void *arg),
	       void *arg, struct err *e);

#endif
