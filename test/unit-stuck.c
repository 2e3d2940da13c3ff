/* SPDX-License-Identifier: GPL-2.0-only */
/* A task that waits for half the watchdog's time, in a kernel that was built in memory. */
#include <bpf/btf.h>
#include <string.h>

#include "monitor/sched_ext.h"
#include "monitor/stuck.h"
#include "test/guest-kernel.h"

/* Places in the guest, by the direct map. */
#define RQ(cpu) (GUEST_KERNEL_PERCPU + (cpu) * GUEST_KERNEL_PERCPU_BYTES + VMLINUX_RUNQUEUES)
#define TASK(i) (0x2200000 + (i) * 0x100)

/* Offsets in the structs that types() describes. */
enum { TASK_PID = 0, TASK_COMM = 8, TASK_NODE = 24, TASK_SINCE = 40 };
enum { ENABLED = 11, DISABLED = 13 };

#define NOW UINT64_C(1000000)		/* jiffies, of 4 ms */
#define LIMIT UINT64_C(1000)		/* the watchdog's */

static struct btf *types(void)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);
	int ch = btf__add_int(b, "char", 1, 0), p = btf__add_ptr(b, 0);
	int comm = btf__add_array(b, u32, ch, 16);
	int list = btf__add_struct(b, "list_head", 16), scx;

	btf__add_field(b, "next", p, 0, 0);
	btf__add_field(b, "prev", p, 64, 0);
	scx = btf__add_struct(b, "scx_rq", 16);
	btf__add_field(b, "runnable_list", list, 0, 0);
	btf__add_struct(b, "rq", 16);
	btf__add_field(b, "scx", scx, 0, 0);
	scx = btf__add_struct(b, "sched_ext_entity", 24);
	btf__add_field(b, "runnable_node", list, 0, 0);
	btf__add_field(b, "runnable_at", u64, 128, 0);
	btf__add_struct(b, "task_struct", 48);
	btf__add_field(b, "pid", u32, TASK_PID * 8, 0);
	btf__add_field(b, "comm", comm, TASK_COMM * 8, 0);
	btf__add_field(b, "scx", scx, TASK_NODE * 8, 0);
	btf__add_struct(b, "clocksource", 8);
	btf__add_field(b, "mult", u32, 0, 0);
	btf__add_field(b, "shift", u32, 32, 0);
	btf__add_enum(b, "scx_ops_enable_state", 4);
	btf__add_enum_value(b, "SCX_OPS_ENABLED", ENABLED);
	btf__add_enum_value(b, "SCX_OPS_DISABLED", DISABLED);
	return b;
}

struct fixture {
	struct guest_kernel g;
	struct btf *btf;
	struct sched_ext *scx;
	struct stuck *s;
	uint64_t now_ns;
	char text[200];
};

static void put_symbol(struct fixture *f, unsigned at, uint64_t v)
{
	guest_put(&f->g, f->g.text_gpa + at, v);
}

/* A task that waits on the CPU alone, since then. */
static void put_task(struct fixture *f, unsigned cpu, uint64_t jiffies)
{
	const uint64_t node = TASK(cpu) + TASK_NODE;

	guest_put(&f->g, TASK(cpu) + TASK_PID, 100 + cpu);
	mm_write(f->g.mm, TASK(cpu) + TASK_COMM, "spin", 5);
	guest_put(&f->g, TASK(cpu) + TASK_SINCE, NOW - jiffies);
	guest_put(&f->g, node, f->g.direct_kva + RQ(cpu));
	guest_put(&f->g, node + 8, f->g.direct_kva + RQ(cpu));
	guest_put(&f->g, RQ(cpu), f->g.direct_kva + node);
	guest_put(&f->g, RQ(cpu) + 8, f->g.direct_kva + node);
}

static bool fixture_open(struct fixture *f)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .btf = types(), .now_ns = NSEC_PER_SEC };
	f->g.make.btf = f->btf;
	if (!guest_kernel_open(&f->g))
		return false;
	put_symbol(f, VMLINUX_AT_JIFFIES_CLOCK, UINT64_C(8) << 32 | 4000000u << 8);
	put_symbol(f, VMLINUX_AT_JIFFIES, NOW);
	put_symbol(f, VMLINUX_AT_SCX_TIMEOUT, LIMIT);
	put_symbol(f, VMLINUX_AT_SCX_STATE, ENABLED);
	return tap_ok(guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) == 0 &&
		      sched_ext_create(f->g.index, &f->scx, &f->g.err) == 0 &&
		      stuck_create(f->g.index, f->scx, &f->s, &f->g.err) == 0, "%s",
		      err_text(&f->g.err));
}

static void fixture_close(struct fixture *f)
{
	stuck_destroy(f->s);
	sched_ext_destroy(f->scx);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

/* As time goes by. */
static bool look(struct fixture *f)
{
	f->now_ns += STUCK_EVERY_NS;
	return stuck_look(f->s, f->g.monitor, f->now_ns, f->text, sizeof(f->text));
}

static void half_the_time_is_the_limit_and_the_oldest_is_named(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		put_task(&f, 0, LIMIT / 2 - 1);
		put_task(&f, 1, LIMIT / 2 - 2);
		tap_ok(!look(&f), "none has waited for so long: %s", f.text);
		put_task(&f, 1, LIMIT / 2);
		tap_ok(look(&f), "one has");
		tap_str(f.text, "task spin[101] has waited for 2.00 s on CPU 1, the watchdog's "
			"limit is 4.00 s");
	}
	fixture_close(&f);
}

static void the_oldest_of_the_last_look_is_remembered(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		put_task(&f, 1, 62);	/* 248 ms: since the look before */
		tap_ok(!look(&f), "it has waited for long");
		tap_ok(stuck_last(f.s, f.now_ns, f.text, sizeof(f.text)), "it has waited");
		tap_str(f.text, "task spin[101] has waited for 0.25 s on CPU 1, the watchdog's "
			"limit is 4.00 s");
		tap_ok(!stuck_last(f.s, f.now_ns + 5 * STUCK_EVERY_NS, f.text, sizeof(f.text)),
		       "that was long ago");
		put_task(&f, 1, 61);
		look(&f);
		tap_ok(!stuck_last(f.s, f.now_ns, f.text, sizeof(f.text)), "that is no wait");
		put_task(&f, 1, LIMIT);
		put_symbol(&f, VMLINUX_AT_SCX_STATE, DISABLED);
		look(&f);
		tap_ok(!stuck_last(f.s, f.now_ns, f.text, sizeof(f.text)),
		       "there is no scheduler that lets it wait");
	}
	fixture_close(&f);
}

static void it_is_told_once_and_again_when_it_comes_again(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		put_task(&f, 1, LIMIT);
		tap_ok(look(&f), "told");
		tap_ok(!look(&f), "not again");
		put_task(&f, 1, 1);
		tap_ok(!look(&f), "it has run");
		put_task(&f, 1, LIMIT);
		tap_ok(look(&f), "told again");
	}
	fixture_close(&f);
}

static void looks_that_come_too_soon_are_none(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		tap_ok(!look(&f), "nobody waits");
		put_task(&f, 1, LIMIT);
		f.now_ns -= 1;
		f.now_ns -= STUCK_EVERY_NS - 2;
		tap_ok(!look(&f), "too soon");
		tap_ok(look(&f), "later");
	}
	fixture_close(&f);
}

static void without_a_scheduler_nobody_is_stuck(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		put_task(&f, 1, LIMIT);
		put_symbol(&f, VMLINUX_AT_SCX_STATE, DISABLED);
		tap_ok(!look(&f), "disabled");
	}
	fixture_close(&f);
}

static void without_the_length_of_a_jiffy_jiffies_are_told(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		put_symbol(&f, VMLINUX_AT_JIFFIES_CLOCK, 0);
		put_task(&f, 0, LIMIT);
		tap_ok(look(&f), "told");
		tap_str(f.text, "task spin[100] has waited for 1000 jiffies on CPU 0, the "
			"watchdog's limit is 1000");
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(half_the_time_is_the_limit_and_the_oldest_is_named);
	TAP_RUN(the_oldest_of_the_last_look_is_remembered);
	TAP_RUN(it_is_told_once_and_again_when_it_comes_again);
	TAP_RUN(looks_that_come_too_soon_are_none);
	TAP_RUN(without_a_scheduler_nobody_is_stuck);
	TAP_RUN(without_the_length_of_a_jiffy_jiffies_are_told);
	return tap_done();
}
