/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured output and the marks of console lines. */
#include <stdlib.h>

#include "base/util.h"
#include "serial/capture.h"
#include "test/tap.h"

struct lines {
	unsigned count;
	char last[CAPTURE_LINE_MAX + 1];
	char all[8192];			/* each with a '|' behind */
};

static void on_line(const char *line, void *arg)
{
	struct lines *l = arg;
	size_t n = strlen(l->all);

	l->count++;
	snprintf(l->last, sizeof(l->last), "%s", line);
	snprintf(l->all + n, sizeof(l->all) - n, "%s|", line);
}

static void add(struct capture *c, const char *s)
{
	capture_add(c, s, strlen(s));
}

/* The tail as one string. */
static const char *tail(const struct capture *c, unsigned max, struct lines *l)
{
	*l = (struct lines){ 0 };
	capture_tail(c, max, on_line, l);
	return l->all;
}

static void lines_are_handed_on_when_they_are_complete(void)
{
	struct lines l = { 0 };
	struct capture c;

	capture_init(&c, on_line, &l);
	add(&c, "one\ntw");
	tap_str(l.all, "one|");
	add(&c, "o\r\n\nthree");
	tap_str(l.all, "one|two||");
	capture_finish(&c);
	tap_str(l.all, "one|two||three|");
	capture_finish(&c);
	tap_eq(l.count, 4);
	tap_eq(capture_dropped(&c), 0);
	capture_fini(&c);
}

static void control_characters_are_dropped_but_for_tab(void)
{
	struct lines l = { 0 };
	struct capture c;

	capture_init(&c, on_line, &l);
	capture_add(&c, "a\tb\0\x1b[31mc\x7f\b\a\n", 14);
	tap_str(l.last, "a\tb[31mc");
	capture_fini(&c);
}

static void what_is_no_utf8_becomes_a_question_mark(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7" },
		{ "\xff", "?" },
		{ "a\x80z", "a?z" },
		{ "\xc0\xaf", "??" },			/* overlong */
		{ "\xe0\x80\xaf", "???" },
		{ "\xed\xa0\x80", "???" },		/* surrogate */
		{ "\xf4\x90\x80\x80", "????" },		/* above U+10FFFF */
		{ "\xf5\x80", "??" },
		{ "\xe2\x82", "?" },			/* cut off */
		{ "\xe2\x82x", "?x" },
		{ "\xe2\xc3\xbc", "?\xc3\xbc" },
		{ "\xc2\x9b" "31m", "??31m" },		/* a control character: CSI */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct lines whole = { 0 }, bytewise = { 0 };
		struct capture c;

		capture_init(&c, on_line, &whole);
		add(&c, rows[i].in);
		capture_finish(&c);
		tap_str(whole.last, rows[i].out);
		capture_fini(&c);

		capture_init(&c, on_line, &bytewise);
		for (const char *p = rows[i].in; *p; p++)
			capture_add(&c, p, 1);
		add(&c, "\n");
		tap_str(bytewise.last, rows[i].out);
		capture_fini(&c);
	}
}

static void a_long_line_is_cut_between_characters(void)
{
	struct lines l = { 0 };
	struct capture c;

	capture_init(&c, on_line, &l);
	for (int i = 0; i < CAPTURE_LINE_MAX; i++)
		add(&c, "x");
	tap_eq(l.count, 0);
	add(&c, "\n");
	tap_eq(l.count, 1);
	tap_eq(strlen(l.last), CAPTURE_LINE_MAX);
	for (int i = 0; i < CAPTURE_LINE_MAX - 1; i++)
		add(&c, "x");
	add(&c, "\xc3\xbc");		/* does not fit any more */
	tap_eq(l.count, 2);
	tap_eq(strlen(l.last), CAPTURE_LINE_MAX - 1);
	add(&c, "\n");
	tap_str(l.last, "\xc3\xbc");
	capture_fini(&c);
}

static void the_tail_gives_the_last_lines_oldest_first(void)
{
	struct lines l;
	struct capture c;

	capture_init(&c, NULL, NULL);
	tap_str(tail(&c, 5, &l), "");
	add(&c, "one\ntwo\n\nfour\n");
	tap_str(tail(&c, 2, &l), "|four|");
	tap_str(tail(&c, 3, &l), "two||four|");
	tap_str(tail(&c, 100, &l), "one|two||four|");
	tap_str(tail(&c, 0, &l), "");
	add(&c, "begun");
	tap_str(tail(&c, 2, &l), "four|begun|");
	tap_str(tail(&c, 1, &l), "begun|");
	tap_str(tail(&c, 0, &l), "");
	capture_fini(&c);
}

struct expect {
	unsigned next;
	bool ok;
};

static void on_number(const char *line, void *arg)
{
	struct expect *e = arg;
	char want[64];

	snprintf(want, sizeof(want), "line %07u", e->next++);
	e->ok &= !strcmp(line, want);
}

static void old_text_is_dropped_counted_and_never_shown_in_part(void)
{
	const unsigned count = 100000, bytes = 13;	/* no divisor of the ring's size */
	struct expect e = { .ok = true };
	struct capture c;
	unsigned kept;

	capture_init(&c, NULL, NULL);
	for (unsigned i = 0; i < count; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %07u\n", i);
		add(&c, line);
	}
	tap_eq(capture_dropped(&c), (uint64_t)count * bytes - CAPTURE_BYTES);
	kept = CAPTURE_BYTES / bytes;
	e.next = count - kept;
	capture_tail(&c, count, on_number, &e);
	tap_ok(e.ok, "the lines are the last %u in order", kept);
	tap_eq(e.next, count);
	capture_fini(&c);
}

static void a_guest_that_prints_for_ever_costs_no_more_memory(void)
{
	struct capture c;
	char *ring;

	capture_init(&c, NULL, NULL);
	tap_ok(!c.ring, "nothing yet");
	add(&c, "x\n");
	ring = c.ring;
	tap_ok(ring, "allocated");
	for (int i = 0; i < 2 << 20; i++)
		capture_add(&c, "y", 1);
	tap_ok(c.ring == ring, "the same memory");
	/* each cut line takes a newline */
	tap_ok(capture_dropped(&c) > (2u << 20) - CAPTURE_BYTES - 1024, "counted");
	capture_fini(&c);
}

struct mark_row {
	const char *line;
	enum capture_mark mark;
};

static void check_marks(const struct mark_row *row, size_t n)
{
	for (; n--; row++)
		tap_ok(capture_mark(row->line) == row->mark, "%s: \"%s\" and not %s", row->line,
		       capture_mark_name(capture_mark(row->line)), capture_mark_name(row->mark));
}

static void marks_are_found_in_real_console_lines(void)
{
	static const struct mark_row rows[] = {
		{ "Linux version 6.12.38+deb13-cloud-amd64 (debian-kernel@lists.debian.org)",
		  CAPTURE_BANNER },
		{ "[    0.000000] Linux version 6.1.0", CAPTURE_BANNER },
		{ "[    0.5] Kernel panic - not syncing: VFS: Unable to mount root fs on "
		  "unknown-block(0,0)", CAPTURE_PANIC },
		{ "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
		  CAPTURE_PANIC },
		{ "[   12.345678] Kernel panic - not syncing: Fatal exception in interrupt",
		  CAPTURE_PANIC },
		{ "[    1.0] Kernel panic - not syncing: No working init found.  Try passing "
		  "init= option to kernel.", CAPTURE_PANIC },
		{ "[    1.0] Kernel panic - not syncing: Out of memory: system-wide panic_on_oom "
		  "is enabled", CAPTURE_PANIC },
		{ "PANIC: early exception 0x0e IP 10:ffffffff81000000 error 0 cr2 0x0",
		  CAPTURE_PANIC },
		{ " -- System halted", CAPTURE_PANIC },
		{ "[    3.1] BUG: unable to handle page fault for address: ffffc90000000000",
		  CAPTURE_OOPS },
		{ "[    3.1] BUG: kernel NULL pointer dereference, address: 0000000000000008",
		  CAPTURE_OOPS },
		{ "BUG: scheduling while atomic: swapper/0/0/0x00000002", CAPTURE_OOPS },
		{ "BUG: sleeping function called from invalid context at kernel/futex.c:283",
		  CAPTURE_OOPS },
		{ "[    4.2] BUG: KASAN: slab-out-of-bounds in foo+0x10/0x20", CAPTURE_OOPS },
		{ "[    4.2] Oops: 0000 [#1] PREEMPT SMP NOPTI", CAPTURE_OOPS },
		{ "[    4.2] Oops: Oops: 0002 [#1] SMP NOPTI", CAPTURE_OOPS },
		{ "[    4.2] Oops: general protection fault, probably for non-canonical address "
		  "0xdead000000000122: 0000 [#1] SMP", CAPTURE_OOPS },
		{ "[    4.2] general protection fault: 0000 [#1] SMP", CAPTURE_OOPS },
		{ "[    4.2] kernel BUG at mm/slub.c:305!", CAPTURE_OOPS },
		{ "[    4.2] invalid opcode: 0000 [#1] PREEMPT SMP", CAPTURE_OOPS },
		{ "[    4.2] divide error: 0000 [#1] SMP", CAPTURE_OOPS },
		{ "[    4.2] traps: PANIC: double fault, error_code: 0x0", CAPTURE_OOPS },
		{ "[    4.2] Unable to handle kernel NULL pointer dereference at virtual address "
		  "0000000000000000", CAPTURE_OOPS },
		{ "[    4.2] Internal error: Oops: 0000000096000004 [#1] SMP", CAPTURE_OOPS },
		{ "[   28.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [stress:123]",
		  CAPTURE_OOPS },
		{ "NMI watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [stress:123]",
		  CAPTURE_OOPS },
		{ "[   28.0] watchdog: Watchdog detected hard LOCKUP on cpu 1", CAPTURE_OOPS },
		{ "[   28.0] watchdog: CPU12: Watchdog detected hard LOCKUP on cpu 1",
		  CAPTURE_OOPS },
		{ "[    9.9] Out of memory: Killed process 123 (hog) total-vm:1kB", CAPTURE_OOM },
		{ "[    0.3] Initramfs unpacking failed: write error", CAPTURE_OOM },
		{ "[    1.0] Failed to execute /init (error -2)", CAPTURE_NO_INIT },
		{ "[    1.0] check access for rdinit=/init failed: -2, ignoring", CAPTURE_NO_INIT },
		{ "[    1.0] Starting init: /init exists but couldn't execute it (error -8)",
		  CAPTURE_NO_INIT },
		{ "No working init found.", CAPTURE_NO_INIT },
	};

	check_marks(rows, ARRAY_SIZE(rows));
}

static void printk_prefixes_do_not_hide_a_mark(void)
{
	static const struct mark_row rows[] = {
		{ "<0>[    1.000000] Kernel panic - not syncing: x", CAPTURE_PANIC },
		{ "<0>Kernel panic - not syncing: x", CAPTURE_PANIC },
		{ "[    T1] Kernel panic - not syncing: x", CAPTURE_PANIC },
		{ "[    1.000000][    T1] Kernel panic - not syncing: x", CAPTURE_PANIC },
		{ "<14>[12345.678901][   C3] BUG: x", CAPTURE_OOPS },
		{ "[1.0]BUG: x", CAPTURE_OOPS },
		/* and what only looks like one */
		{ "[    1.0]  BUG: x", CAPTURE_PLAIN },
		{ "[foo] BUG: x", CAPTURE_PLAIN },
		{ "[1.] BUG: x", CAPTURE_PLAIN },
		{ "[1] BUG: x", CAPTURE_PLAIN },
		{ "[T] BUG: x", CAPTURE_PLAIN },
		{ "[ 1.0 BUG: x", CAPTURE_PLAIN },
		{ "<x>BUG: x", CAPTURE_PLAIN },
		{ "[1.0][2.0][T3] BUG: x", CAPTURE_PLAIN },
		{ "[    1.0]", CAPTURE_PLAIN },
		{ "[", CAPTURE_PLAIN },
		{ "<", CAPTURE_PLAIN },
		{ "<1", CAPTURE_PLAIN },
		{ "", CAPTURE_PLAIN },
	};

	check_marks(rows, ARRAY_SIZE(rows));
}

static void what_does_not_end_a_run_is_plain(void)
{
	static const struct mark_row rows[] = {
		{ "[   21.0] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:", CAPTURE_PLAIN },
		{ "[   21.0] rcu: INFO: rcu_preempt self-detected stall on CPU", CAPTURE_PLAIN },
		{ "[    5.0] sched_ext: BPF scheduler \"simple\" disabled (runtime error)",
		  CAPTURE_PLAIN },
		{ "[    5.0] sched_ext: simple: runnable task stall (kworker/0:1[12] failed to run "
		  "for 30.1s)", CAPTURE_PLAIN },
		{ "[    5.0] INFO: task foo:12 blocked for more than 120 seconds.", CAPTURE_PLAIN },
		{ "[    5.0] WARNING: CPU: 0 PID: 1 at kernel/sched/core.c:1 foo+0x1/0x2",
		  CAPTURE_PLAIN },
		{ "[    5.0] ---[ end Kernel panic - not syncing: x ]---", CAPTURE_PLAIN },
		{ "[    5.0] BUG: KCSAN: data-race in foo / bar", CAPTURE_PLAIN },
		{ "[    5.0] BUG: MAX_LOCKDEP_CHAINS too low!", CAPTURE_PLAIN },
		{ "[    5.0] Memory cgroup out of memory: Killed process 1 (x)", CAPTURE_PLAIN },
		{ "[    0.3] Initramfs unpacking failed: Decoding failed", CAPTURE_PLAIN },
		{ "[    5.0] debug: BUG: no", CAPTURE_PLAIN },
	};

	check_marks(rows, ARRAY_SIZE(rows));
}

static void a_program_cannot_fake_a_mark_by_its_name(void)
{
	static const struct mark_row rows[] = {
		{ "[    5.0] traps: Oops: x[12] general protection fault ip:1 sp:2 error:0",
		  CAPTURE_PLAIN },
		{ "[    5.0] BUG: x[123]: segfault at 0 ip 0 sp 0 error 4 in x[400000+1000]",
		  CAPTURE_PLAIN },
		{ "[    5.0] Oops: [7]: segfault at 0 ip 0 sp 0 error 4", CAPTURE_PLAIN },
		{ "[    5.0] BUG: 0123456789[7]: segfault at 0 ip 0 sp 0 error 4", CAPTURE_PLAIN },
		{ "[    5.0] kernel BUG at x[7]: segfault at 0 ip 0 sp 0 error 4", CAPTURE_PLAIN },
		{ "[    5.0] watchdog: BUG: [7]: segfault at 0 ip 0 sp 0 error 4", CAPTURE_PLAIN },
		{ "[    5.0] BUG: x invoked oom-killer: gfp_mask=0x1, order=0", CAPTURE_PLAIN },
		{ "[    5.0] BUG: x: page allocation failure: order:4", CAPTURE_PLAIN },
		{ "[    5.0] BUG: x (77): drop_caches: 3", CAPTURE_PLAIN },
		{ "[    5.0] BUG: x/77 is trying to acquire lock:", CAPTURE_PLAIN },
		/* the kernel's own stay what they are */
		{ "[    5.0] BUG: Bad page state in process x  pfn:12345", CAPTURE_OOPS },
		{ "[    5.0] BUG: spinlock bad magic on CPU#0, x/77", CAPTURE_OOPS },
	};

	check_marks(rows, ARRAY_SIZE(rows));
}

static void each_mark_has_a_name(void)
{
	for (int m = 0; m < CAPTURE_MARK_COUNT; m++)
		tap_ok(capture_mark_name(m) && *capture_mark_name(m), "mark %d", m);
	tap_str(capture_mark_name(CAPTURE_PANIC), "panic");
	tap_str(capture_mark_name(CAPTURE_MARK_COUNT), "unknown");
}

int main(void)
{
	TAP_RUN(lines_are_handed_on_when_they_are_complete);
	TAP_RUN(control_characters_are_dropped_but_for_tab);
	TAP_RUN(what_is_no_utf8_becomes_a_question_mark);
	TAP_RUN(a_long_line_is_cut_between_characters);
	TAP_RUN(the_tail_gives_the_last_lines_oldest_first);
	TAP_RUN(old_text_is_dropped_counted_and_never_shown_in_part);
	TAP_RUN(a_guest_that_prints_for_ever_costs_no_more_memory);
	TAP_RUN(marks_are_found_in_real_console_lines);
	TAP_RUN(printk_prefixes_do_not_hide_a_mark);
	TAP_RUN(what_does_not_end_a_run_is_plain);
	TAP_RUN(a_program_cannot_fake_a_mark_by_its_name);
	TAP_RUN(each_mark_has_a_name);
	return tap_done();
}
