/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of waiting tasks in a kernel that was built in memory: whole, in circles, torn. */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "monitor/tasks.h"
#include "test/guest-kernel.h"

/* Places in the guest, by the direct map. */
#define RQ(cpu) (GUEST_KERNEL_PERCPU + (cpu) * GUEST_KERNEL_PERCPU_BYTES + VMLINUX_RUNQUEUES)
#define TASK(i) (0x2200000 + (i) * 0x100)
#define DSQ 0x2400000

/* Offsets in the structs that types() describes. */
enum {
	RQ_RUNNABLE = 0, RQ_LOCAL = 16,
	TASK_PID = 0, TASK_COMM = 8, TASK_DSQ = 24, TASK_NODE = 32, TASK_LOCAL = 48,
	TASK_FLAGS = 64,
	DSQ_ID = 16,
};

static struct btf *types(void)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);
	int ch = btf__add_int(b, "char", 1, 0), p = btf__add_ptr(b, 0);
	int comm = btf__add_array(b, u32, ch, 16);
	int list = btf__add_struct(b, "list_head", 16), dsq, scx, node;

	btf__add_field(b, "next", p, 0, 0);
	btf__add_field(b, "prev", p, 64, 0);
	dsq = btf__add_struct(b, "scx_dispatch_q", 24);
	btf__add_field(b, "list", list, 0, 0);
	btf__add_field(b, "id", u64, DSQ_ID * 8, 0);
	scx = btf__add_struct(b, "scx_rq", 40);
	btf__add_field(b, "runnable_list", list, RQ_RUNNABLE * 8, 0);
	btf__add_field(b, "local_dsq", dsq, RQ_LOCAL * 8, 0);
	btf__add_struct(b, "rq", 40);
	btf__add_field(b, "scx", scx, 0, 0);
	node = btf__add_struct(b, "scx_dsq_list_node", 24);
	btf__add_field(b, "node", list, 0, 0);
	btf__add_field(b, "flags", u32, 128, 0);
	scx = btf__add_struct(b, "sched_ext_entity", 48);
	btf__add_field(b, "dsq", p, 0, 0);
	btf__add_field(b, "runnable_node", list, 64, 0);
	btf__add_field(b, "dsq_list", node, (TASK_LOCAL - TASK_DSQ) * 8, 0);
	btf__add_struct(b, "task_struct", 72);
	btf__add_field(b, "pid", u32, TASK_PID * 8, 0);
	btf__add_field(b, "comm", comm, TASK_COMM * 8, 0);
	btf__add_field(b, "scx", scx, TASK_DSQ * 8, 0);
	return b;
}

struct fixture {
	struct guest_kernel g;
	struct btf *btf;
	struct tasks *t;
	struct err why;
	/* what the walk told */
	unsigned count;
	struct task_waits first, last;
};

static uint64_t kva(const struct fixture *f, uint64_t gpa)
{
	return f->g.direct_kva + gpa;
}

/* A list of count tasks at head, by the node at this offset of each. */
static void link_tasks(struct fixture *f, uint64_t head, unsigned at, unsigned count)
{
	for (unsigned i = 0; i <= count; i++) {
		const uint64_t node = i ? TASK(i) + at : head;
		const uint64_t next = i < count ? TASK(i + 1) + at : head;

		guest_put(&f->g, node, kva(f, next));
		guest_put(&f->g, next + 8, kva(f, node));
		if (i)
			guest_put(&f->g, TASK(i) + TASK_PID, 100 + i);
	}
}

static bool fixture_open(struct fixture *f)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .btf = types(), .why = ERR_INIT };
	f->g.make.btf = f->btf;
	if (!guest_kernel_open(&f->g) ||
	    !tap_ok(guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) == 0 &&
		    tasks_create(f->g.index, &f->t, &f->g.err) == 0, "%s",
		    err_text(&f->g.err)))
		return false;
	link_tasks(f, RQ(0) + RQ_RUNNABLE, TASK_NODE, 0);
	link_tasks(f, RQ(1) + RQ_RUNNABLE, TASK_NODE, 3);
	return true;
}

static void fixture_close(struct fixture *f)
{
	tasks_destroy(f->t);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

static void on_task(const struct task_waits *t, void *arg)
{
	struct fixture *f = arg;

	if (!f->count++)
		f->first = *t;
	f->last = *t;
}

static int walk(struct fixture *f, unsigned cpu, enum tasks_list l)
{
	f->count = 0;
	err_clear(&f->why);
	return tasks_walk(f->t, f->g.monitor, cpu, l, on_task, f, &f->why);
}

static void each_task_is_told_in_order(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		mm_write(f.g.mm, TASK(1) + TASK_COMM, "stuck\x1b[31m", 11);
		tap_eq(walk(&f, 0, TASKS_SCX_RUNNABLE), 0);
		tap_eq(f.count, 0);
		tap_eq(walk(&f, 1, TASKS_SCX_RUNNABLE), 0);
		tap_eq(f.count, 3);
		tap_eq(f.first.pid, 101);
		tap_str(f.first.comm, "stuck [31m");
		tap_eq(f.last.pid, 103);
	}
	fixture_close(&f);
}

static void a_task_in_a_queue_has_its_id_and_another_has_none(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		guest_put(&f.g, TASK(3) + TASK_DSQ, kva(&f, DSQ));
		guest_put(&f.g, DSQ + DSQ_ID, UINT64_C(0x8000000000000002));
		tap_eq(walk(&f, 1, TASKS_SCX_RUNNABLE), 0);
		tap_ok(!f.first.has_dsq, "the first is in none");
		tap_ok(f.last.has_dsq, "the last is in one");
		tap_eq(f.last.dsq, UINT64_C(0x8000000000000002));
	}
	fixture_close(&f);
}

static void an_iterator_in_a_queue_is_no_task(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		link_tasks(&f, RQ(1) + RQ_LOCAL, TASK_LOCAL, 3);
		guest_put(&f.g, TASK(2) + TASK_FLAGS, 1);
		tap_eq(walk(&f, 1, TASKS_SCX_LOCAL), 0);
		tap_eq(f.count, 2);
		tap_eq(f.last.pid, 103);
	}
	fixture_close(&f);
}

static void a_circle_and_a_torn_list_end_with_a_reason(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		guest_put(&f.g, TASK(3) + TASK_NODE, kva(&f, TASK(2) + TASK_NODE));
		tap_eq(walk(&f, 1, TASKS_SCX_RUNNABLE), -EPROTO);
		tap_eq(f.count, 3);
		tap_str(err_text(&f.why), "the list contradicts itself");
		guest_put(&f.g, TASK(1) + TASK_NODE, UINT64_C(0xdead000000000100));
		tap_eq(walk(&f, 1, TASKS_SCX_RUNNABLE), -EFAULT);
		tap_eq(f.count, 1);
	}
	fixture_close(&f);
}

static void a_list_without_end_is_cut(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		link_tasks(&f, RQ(1) + RQ_RUNNABLE, TASK_NODE, TASKS_MAX);
		tap_eq(walk(&f, 1, TASKS_SCX_RUNNABLE), 0);
		tap_eq(f.count, TASKS_MAX);
		link_tasks(&f, RQ(1) + RQ_RUNNABLE, TASK_NODE, TASKS_MAX + 1);
		tap_eq(walk(&f, 1, TASKS_SCX_RUNNABLE), -E2BIG);
		tap_eq(f.count, TASKS_MAX);
	}
	fixture_close(&f);
}

static void a_list_that_the_kernel_has_not_says_so(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		tap_eq(walk(&f, 1, TASKS_FAIR), -ENOENT);
		tap_str(err_text(&f.why), "struct rq has no member cfs_tasks");
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(each_task_is_told_in_order);
	TAP_RUN(a_task_in_a_queue_has_its_id_and_another_has_none);
	TAP_RUN(an_iterator_in_a_queue_is_no_task);
	TAP_RUN(a_circle_and_a_torn_list_end_with_a_reason);
	TAP_RUN(a_list_without_end_is_cut);
	TAP_RUN(a_list_that_the_kernel_has_not_says_so);
	return tap_done();
}
