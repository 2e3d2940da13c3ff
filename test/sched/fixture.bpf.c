/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scheduler that does what it is told, wrong things above all. It declares
 * the few types of the kernel that it needs by itself (CO-RE finds the members
 * when it is loaded), so that it builds where no kernel is at hand.
 */
#include "test/sched/types.bpf.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "test/sched/maps.bpf.h"

/* kernel/sched/ext.c, 6.12 */
#define SCX_DSQ_GLOBAL 0x8000000000000001ULL
#define HOARD_DSQ 0x2aULL
#define SCX_SLICE_DFL 20000000ULL
#define NO_SUCH_DSQ 0xdeadULL
#define NO_SUCH_CPU 9999
#define EINVAL 22

/* Not only declared: libbpf compares the kinds of types with the kernel's. */
struct task_struct {
	int pid;
	char comm[16];
} __attribute__((preserve_access_index));

struct scx_exit_info {
	int kind;
} __attribute__((preserve_access_index));

/* The members that are used; libbpf puts them where the kernel has them. */
struct sched_ext_ops {
	__s32 (*select_cpu)(struct task_struct *p, __s32 prev_cpu, __u64 wake_flags);
	void (*enqueue)(struct task_struct *p, __u64 enq_flags);
	__s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	__u32 timeout_ms;
	char name[128];
};

extern void scx_bpf_dispatch(struct task_struct *p, __u64 dsq_id, __u64 slice,
			     __u64 enq_flags) __ksym;
extern __s32 scx_bpf_create_dsq(__u64 dsq_id, __s32 node) __ksym;
extern void scx_bpf_error_bstr(char *fmt, unsigned long long *data, __u32 data__sz) __ksym;

static char error_format[] = "%s";

static __always_inline int it_is_time(enum fixture_mode mode)
{
	return args.mode == mode && bpf_ktime_get_ns() - state.start_ns >= args.after_ns;
}

/* Of the name that it was told; without one every task is. */
static __always_inline int is_meant(struct task_struct *p)
{
	for (int i = 0; i < 16; i++) {
		char c = args.text[i];

		if (!c)
			return !i || !p->comm[i];
		if (p->comm[i] != c)
			return 0;
	}
	return 1;
}

SEC("struct_ops/fixture_select_cpu")
__s32 BPF_PROG(fixture_select_cpu, struct task_struct *p, __s32 prev_cpu, __u64 wake_flags)
{
	return it_is_time(FIXTURE_BAD_CPU) ? NO_SUCH_CPU : prev_cpu;
}

SEC("struct_ops/fixture_enqueue")
void BPF_PROG(fixture_enqueue, struct task_struct *p, __u64 enq_flags)
{
	__u64 dsq = it_is_time(FIXTURE_BAD_DSQ) ? NO_SUCH_DSQ : SCX_DSQ_GLOBAL;

	if (it_is_time(FIXTURE_STALL) && is_meant(p))
		return;
	if (it_is_time(FIXTURE_HOARD) && is_meant(p))
		dsq = HOARD_DSQ;
	if (it_is_time(FIXTURE_ERROR)) {
		unsigned long long param[1] = { (unsigned long)args.text };

		scx_bpf_error_bstr(error_format, param, sizeof(param));
	}
	scx_bpf_dispatch(p, dsq, SCX_SLICE_DFL, enq_flags);
}

SEC("struct_ops/fixture_init")
__s32 BPF_PROG(fixture_init)
{
	state.start_ns = bpf_ktime_get_ns();
	if (args.mode == FIXTURE_HOARD)
		return scx_bpf_create_dsq(HOARD_DSQ, -1);
	return args.mode == FIXTURE_INIT_FAILS ? -EINVAL : 0;
}

SEC("struct_ops/fixture_exit")
void BPF_PROG(fixture_exit, struct scx_exit_info *info)
{
	state.exited = 1;
}

SEC(".struct_ops")
struct sched_ext_ops fixture_ops = {
	.select_cpu = (void *)fixture_select_cpu,
	.enqueue = (void *)fixture_enqueue,
	.init = (void *)fixture_init,
	.exit = (void *)fixture_exit,
	.timeout_ms = 1000,
	.name = "fixture",
};

char _license[] SEC("license") = "GPL";
