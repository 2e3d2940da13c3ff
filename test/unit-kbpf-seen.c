/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs and maps of schedulers that come and go, from look to look. */
#include "monitor/kbpf_seen.h"
#include "test/kbpf-guest.h"

struct fixture {
	struct kbpf_guest g;
	struct kbpf_seen *s;
};

static void next_id(struct fixture *f, uint32_t id)
{
	kbpf_guest_put(&f->g, f->g.g.text_gpa + VMLINUX_AT_PROG_IDR + IDR_NEXT, 4, id);
}

static void count(struct fixture *f, uint64_t runs)
{
	kbpf_guest_put(&f->g, GUEST_KERNEL_PERCPU + 0x600, 8, runs);
}

static void counting(struct fixture *f, bool on)
{
	kbpf_guest_put(&f->g, f->g.g.text_gpa + VMLINUX_AT_BPF_STATS_KEY, 4, on);
}

/* Programs in node 0, maps in node 1. */
static bool fixture_open(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	if (!kbpf_guest_open(&f->g) ||
	    !tap_eq(kbpf_seen_create(f->g.g.index, &f->s, &f->g.g.err), 0))
		return false;
	kbpf_guest_head(&f->g, VMLINUX_AT_PROG_IDR, kbpf_guest_entry(&f->g, 0));
	kbpf_guest_node(&f->g, 1, 0, 1, 0);
	kbpf_guest_head(&f->g, VMLINUX_AT_MAP_IDR, kbpf_guest_entry(&f->g, 1));
	kbpf_guest_map(&f->g, 0, &(struct kbpf_map){ .id = 5, .name = "state" });
	kbpf_guest_slot(&f->g, 1, 5, KBPF_MAP(0));
	return true;
}

static void fixture_close(struct fixture *f)
{
	kbpf_seen_destroy(f->s);
	kbpf_guest_close(&f->g);
}

static unsigned programs(const struct fixture *f)
{
	unsigned n;

	kbpf_seen_programs(f->s, &n);
	return n;
}

static unsigned maps(const struct fixture *f)
{
	unsigned n;

	kbpf_seen_maps(f->s, &n);
	return n;
}

static const struct kbpf_seen_program *program(const struct fixture *f, unsigned i)
{
	unsigned n;

	return kbpf_seen_programs(f->s, &n) + i;
}

static void what_came_and_went_is_remembered(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		/* maps alone are not of a scheduler */
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_eq(programs(&f), 0);
		tap_eq(maps(&f), 0);
		kbpf_guest_program(&f.g, 0, 3, "enqueue");
		next_id(&f, 4);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_eq(programs(&f), 1);
		tap_eq(maps(&f), 1);
		/* another scheduler in its place */
		kbpf_guest_put(&f.g, KBPF_NODE(0) + NODE_SLOTS + 8 * 3, 8, 0);
		kbpf_guest_program(&f.g, 1, 9, "enqueue");
		next_id(&f, 10);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_eq(programs(&f), 2);
		tap_eq(program(&f, 0)->id, 3);
		tap_eq(program(&f, 1)->id, 9);
		tap_eq(maps(&f), 1);
		tap_ok(!kbpf_seen_dropped(f.s), "nothing is dropped");
	}
	fixture_close(&f);
}

static void runs_are_those_of_the_last_look_that_counted(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		kbpf_guest_program(&f.g, 0, 3, "enqueue");
		next_id(&f, 4);
		count(&f, 7);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_ok(!program(&f, 0)->counted, "the kernel does not count");
		tap_str(kbpf_seen_uncounted(f.s), "kernel.bpf_stats_enabled is 0");
		counting(&f, true);
		kbpf_seen_take(f.s, f.g.g.monitor);
		count(&f, 9);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_ok(program(&f, 0)->counted, "it does now");
		tap_eq(program(&f, 0)->count.runs, 9);
		tap_ok(!kbpf_seen_uncounted(f.s), "so there is nothing to excuse");
		/* gone: what was counted stays */
		kbpf_guest_put(&f.g, KBPF_NODE(0) + NODE_SLOTS + 8 * 3, 8, 0);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_eq(program(&f, 0)->count.runs, 9);
	}
	fixture_close(&f);
}

static void a_look_that_failed_is_made_again(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		kbpf_guest_program(&f.g, 0, 3, "enqueue");
		next_id(&f, 4);
		kbpf_guest_put(&f.g, KBPF_NODE(0) + NODE_SHIFT, 1, 1);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_eq(programs(&f), 0);
		tap_str(kbpf_seen_none(f.s), "the table of ids contradicts itself");
		kbpf_guest_put(&f.g, KBPF_NODE(0) + NODE_SHIFT, 1, 0);
		kbpf_seen_take(f.s, f.g.g.monitor);
		tap_eq(programs(&f), 1);
		tap_eq(maps(&f), 1);
		tap_ok(!kbpf_seen_none(f.s), "there is something");
	}
	fixture_close(&f);
}

static void more_than_are_kept_are_told_to_be_there(void)
{
	struct fixture f;

	if (fixture_open(&f)) {
		const uint64_t idr = f.g.g.text_gpa + VMLINUX_AT_PROG_IDR;

		for (uint32_t id = 1; id <= KBPF_SEEN_MAX + 1; id++) {
			/* always in the same place, with ids that go on */
			kbpf_guest_put(&f.g, KBPF_NODE(0) + NODE_SLOTS + 8 * 63, 8, 0);
			kbpf_guest_program(&f.g, 0, 63, "p");
			kbpf_guest_put(&f.g, idr + IDR_BASE, 4, id);
			kbpf_guest_put(&f.g, KBPF_PROG(0) + AUX + AUX_AT_ID, 4, 63 + id);
			next_id(&f, id);
			tap_ok(!kbpf_seen_dropped(f.s), "%u are kept", id - 1);
			kbpf_seen_take(f.s, f.g.g.monitor);
		}
		tap_eq(programs(&f), KBPF_SEEN_MAX);
		tap_ok(kbpf_seen_dropped(f.s), "one more is not");
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(what_came_and_went_is_remembered);
	TAP_RUN(runs_are_those_of_the_last_look_that_counted);
	TAP_RUN(a_look_that_failed_is_made_again);
	TAP_RUN(more_than_are_kept_are_told_to_be_there);
	return tap_done();
}
