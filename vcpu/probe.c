/* SPDX-License-Identifier: GPL-2.0-only */
/* The probe: a VM of eight pages and one vCPU, a dozen instructions, an answer. */
#include "vcpu/probe.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/units.h"
#include "base/util.h"
#include "vcpu/topo.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

/* Where the guest's things are. */
enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	PD = 0x3000,
	GDT = 0x4000,
	CODE = 0x5000,
	DATA = 0x6000,
	STACK = 0x8000,
	MEMORY_BYTES = 0x8000,
};

enum { ANSWER_PORT = 0xf4, ANSWER = 2 * (3 + 4) };

/* What is left of PROBE_TIMEOUT_MS when the guest's time is over, to stop it. */
enum { STOP_MS = 500, KICK_AGAIN_MS = 10 };

static const uint8_t code[] = {
	0x0f, 0x20, 0xe0,			/* mov %cr4, %rax */
	0x0d, 0x00, 0x02, 0x00, 0x00,		/* or $OSFXSR, %eax */
	0x0f, 0x22, 0xe0,			/* mov %rax, %cr4 */
	0xbf, 0x00, 0x60, 0x00, 0x00,		/* mov $DATA, %edi */
	0xb8, 0x01, 0x00, 0x00, 0x00,		/* mov $1, %eax */
	0xba, 0x02, 0x00, 0x00, 0x00,		/* mov $2, %edx */
	0xbb, 0x03, 0x00, 0x00, 0x00,		/* mov $3, %ebx */
	0xb9, 0x04, 0x00, 0x00, 0x00,		/* mov $4, %ecx */
	0xf0, 0x48, 0x0f, 0xc7, 0x0f,		/* lock cmpxchg16b (%rdi) */
	0x66, 0x0f, 0x6f, 0x07,			/* movdqa (%rdi), %xmm0 */
	0x66, 0x0f, 0xfe, 0xc0,			/* paddd %xmm0, %xmm0 */
	0x66, 0x0f, 0x7f, 0x07,			/* movdqa %xmm0, (%rdi) */
	0x8b, 0x07,				/* mov (%rdi), %eax */
	0x03, 0x47, 0x08,			/* add 8(%rdi), %eax */
	0xe7, ANSWER_PORT,			/* out %eax, $ANSWER_PORT */
	0xf4,					/* hlt */
	0xeb, 0xfd,				/* jmp to the hlt */
};

static const struct {
	const char *name, *brief;
} results[] = {
	[PROBE_OK] = { "ok", "" },
	[PROBE_ABSENT] = { "absent", "is not there" },
	[PROBE_DENIED] = { "denied", "cannot be opened: no permission" },
	[PROBE_UNUSABLE] = { "unusable", "is not usable" },
	[PROBE_EMULATES] = { "emulates", "only emulates instructions" },
};
static_assert(ARRAY_SIZE(results) == PROBE_COUNT, "every result has a row");

const char *probe_name(enum probe_result r)
{
	assert(r < PROBE_COUNT);
	return results[r].name;
}

const char *probe_brief(enum probe_result r)
{
	assert(r < PROBE_COUNT);
	return results[r].brief;
}

struct probe {
	struct vm *vm;
	struct vcpu *vcpu;
	uint8_t *memory;
	int wake_fd;
};

static void write_u64(struct probe *p, unsigned gpa, uint64_t value)
{
	memcpy(p->memory + gpa, &value, sizeof(value));
}

static void write_guest(struct probe *p)
{
	write_u64(p, PML4, PDPT | 3);		/* present, writable */
	write_u64(p, PDPT, PD | 3);
	write_u64(p, PD, 0x83);			/* 2 MiB from 0 on */
	write_u64(p, GDT + 0x10, UINT64_C(0x00af9b000000ffff));	/* 64-bit code */
	write_u64(p, GDT + 0x18, UINT64_C(0x00cf93000000ffff));	/* data */
	write_u64(p, DATA, 1);
	write_u64(p, DATA + 8, 2);
	memcpy(p->memory + CODE, code, sizeof(code));
}

static int build_guest(struct probe *p, struct err *e)
{
	static const struct topo topo = TOPO(1, 1, 1, 1);
	static const struct vcpu_entry entry = {
		.rip = CODE, .rsp = STACK, .cr3 = PML4, .gdt = GDT, .gdt_limit = 0x1f,
	};
	void *memory;
	int r;

	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake_fd < 0)
		return err_sys(e, -errno, "eventfd");
	memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		return err_sys(e, -errno, "map guest memory");
	p->memory = memory;
	write_guest(p);
	if ((r = vm_add_memory(p->vm, 0, MEMORY_BYTES, p->memory, e)) < 0 ||
	    (r = vcpu_create(p->vm, &topo, 0, p->wake_fd, &p->vcpu, e)) < 0)
		return r;
	return vcpu_set_entry(p->vcpu, &entry, e);
}

/* Wait for the vCPU's next word, until deadline_ns at most. */
static void wait_wake(struct probe *p, uint64_t deadline_ns, uint64_t most_ms)
{
	struct pollfd fd = { .fd = p->wake_fd, .events = POLLIN };
	uint64_t now = units_now_ns();
	uint64_t left_ms = now < deadline_ns ? (deadline_ns - now) / NSEC_PER_MSEC + 1 : 0;
	uint64_t count;

	if (poll(&fd, 1, (int)MIN(left_ms, most_ms)) > 0)
		(void)!read(p->wake_fd, &count, sizeof(count));
}

static enum probe_result judge_answer(const struct vcpu_exit *x, struct err *e)
{
	uint32_t answer = 0;

	if (x->is_write && x->addr == ANSWER_PORT && x->width == sizeof(answer) && x->count == 1) {
		memcpy(&answer, x->data, sizeof(answer));
		if (answer == ANSWER)
			return PROBE_OK;
	}
	err_set(e, -EIO, "the probe guest computed %" PRIu32 " instead of %d", answer, ANSWER);
	return PROBE_UNUSABLE;
}

static enum probe_result judge_internal(const struct vcpu_exit *x, struct err *e)
{
	char bytes[3 * sizeof(x->insn) + 1] = "";

	for (unsigned i = 0; i < x->insn_len; i++)
		snprintf(bytes + 3 * i, sizeof(bytes) - 3 * i, " %02x", x->insn[i]);
	err_set(e, -EOPNOTSUPP, "this KVM emulates instructions, and not all that Linux needs: "
		"internal error %" PRIu64 "%s%s", x->detail, x->insn_len ? " at" : "", bytes);
	return PROBE_EMULATES;
}

static enum probe_result judge(const struct vcpu_exit *x, struct err *e)
{
	switch (x->kind) {
	case VCPU_EXIT_PIO:
		return judge_answer(x, e);
	case VCPU_EXIT_INTERNAL:
		return judge_internal(x, e);
	case VCPU_EXIT_SHUTDOWN:
		/* an instruction that every x86-64 CPU has was refused as undefined */
		err_set(e, -EOPNOTSUPP, "this KVM does not run all instructions that Linux needs: "
			"the probe guest ended in a triple fault");
		return PROBE_EMULATES;
	default:
		err_set(e, -EIO, "the probe guest ended in the exit %s, %" PRIu64,
			vcpu_exit_name(x->kind), x->detail);
		return PROBE_UNUSABLE;
	}
}

static enum probe_result run_guest(struct probe *p, uint64_t deadline_ns, struct err *e)
{
	struct vcpu_exit x;

	if (vcpu_start(p->vcpu, e) < 0)
		return PROBE_UNUSABLE;
	while (units_now_ns() < deadline_ns) {
		wait_wake(p, deadline_ns, PROBE_TIMEOUT_MS);
		if (!vcpu_has_exit(p->vcpu))
			continue;
		vcpu_exit_get(p->vcpu, &x);
		if (x.kind != VCPU_EXIT_NONE)
			return judge(&x, e);
		vcpu_resume(p->vcpu);
	}
	err_set(e, -ETIMEDOUT, "the probe guest did not answer within %d ms",
		PROBE_TIMEOUT_MS - STOP_MS);
	return PROBE_UNUSABLE;
}

static bool park(struct probe *p, uint64_t deadline_ns)
{
	while (!vcpu_is_parked(p->vcpu)) {
		if (units_now_ns() >= deadline_ns)
			return false;
		vcpu_stop(p->vcpu);
		wait_wake(p, deadline_ns, KICK_AGAIN_MS);
	}
	return true;
}

/* In the order that KVM needs. */
static void release(struct probe *p)
{
	vcpu_destroy(p->vcpu);
	vm_destroy(p->vm);
	if (p->memory)
		munmap(p->memory, MEMORY_BYTES);
	close_fd(&p->wake_fd);
}

static enum probe_result why_not_created(int r)
{
	switch (r) {
	case -ENOENT:
		return PROBE_ABSENT;
	case -EACCES:
	case -EPERM:
		return PROBE_DENIED;
	default:
		return PROBE_UNUSABLE;
	}
}

enum probe_result probe_kvm(const char *path, struct err *e)
{
	const uint64_t deadline_ns = units_now_ns() + PROBE_TIMEOUT_MS * NSEC_PER_MSEC;
	struct probe p = { .wake_fd = -1 };
	enum probe_result result;
	int r;

	r = vm_create(path, VM_IRQCHIP_KERNEL, &p.vm, e);
	if (r < 0)
		return why_not_created(r);
	r = build_guest(&p, e);
	if (r < 0) {
		err_ctx(e, r, "%s", path);
		release(&p);
		return PROBE_UNUSABLE;
	}
	result = run_guest(&p, deadline_ns - STOP_MS * NSEC_PER_MSEC, e);
	if (result != PROBE_OK)
		err_ctx(e, -EIO, "%s", path);
	/*
	 * A KVM that does not let go of its thread cannot be waited for, and what
	 * the thread uses cannot be freed: it is left to the end of the process.
	 */
	if (park(&p, deadline_ns))
		release(&p);
	return result;
}
