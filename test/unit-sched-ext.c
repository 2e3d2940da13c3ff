/* SPDX-License-Identifier: GPL-2.0-only */
/* sched_ext's state, exits and watchdog in a kernel that was built in memory. */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "monitor/sched_ext.h"
#include "test/guest-kernel.h"

/* Places in the guest, by the direct map. */
#define INFO 0x2200000
#define REASON 0x2201000
#define MSG 0x2202000
#define DUMP 0x2210000
#define SCHED 0x2300000

/* Offsets in the structs that types() describes. */
enum {
	INFO_KIND = 0, INFO_CODE = 8, INFO_REASON = 16, INFO_MSG = 24, INFO_DUMP = 32,
	OPS_LEN = 0, OPS_NAME = 4,
	SCHED_OPS = 0, SCHED_INFO = 64, SCHED_TIMEOUT = 72,
};
enum { DISABLING = 12, ENABLED = 11, KIND_UNREG = 64, KIND_STALL = 1026 };

/* 6.12, 6.16, 7.1, one without sched_ext's types. */
enum kernel { BY_SYMBOLS, BY_ROOT, ALL_BY_ROOT, WITHOUT };

static int add_info(struct btf *b, int u32, int u64, int p)
{
	int info;

	btf__add_enum(b, "scx_exit_kind", 4);
	btf__add_enum_value(b, "SCX_EXIT_NONE", 0);
	btf__add_enum_value(b, "SCX_EXIT_UNREG", KIND_UNREG);
	btf__add_enum_value(b, "SCX_EXIT_ERROR", 1024);
	btf__add_enum_value(b, "SCX_EXIT_ERROR_STALL", KIND_STALL);
	/* not the numbers of any kernel: they are to come from here */
	btf__add_enum(b, "scx_ops_enable_state", 4);
	btf__add_enum_value(b, "SCX_OPS_ENABLING", 10);
	btf__add_enum_value(b, "SCX_OPS_ENABLED", ENABLED);
	btf__add_enum_value(b, "SCX_OPS_DISABLING", DISABLING);
	btf__add_enum_value(b, "SCX_OPS_DISABLED", 13);
	info = btf__add_struct(b, "scx_exit_info", 40);
	btf__add_field(b, "kind", u32, INFO_KIND * 8, 0);
	btf__add_field(b, "exit_code", u64, INFO_CODE * 8, 0);
	btf__add_field(b, "reason", p, INFO_REASON * 8, 0);
	btf__add_field(b, "msg", p, INFO_MSG * 8, 0);
	btf__add_field(b, "dump", p, INFO_DUMP * 8, 0);
	return info;
}

static struct btf *types(enum kernel kernel)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);
	int ch = btf__add_int(b, "char", 1, 0), p = btf__add_ptr(b, 0);
	int name = btf__add_array(b, u32, ch, 16), ops;

	btf__add_struct(b, "clocksource", 8);
	btf__add_field(b, "mult", u32, 0, 0);
	btf__add_field(b, "shift", u32, 32, 0);
	if (kernel == WITHOUT)
		return b;
	add_info(b, u32, u64, p);
	ops = btf__add_struct(b, "sched_ext_ops", 20);
	btf__add_field(b, "exit_dump_len", u32, OPS_LEN * 8, 0);
	btf__add_field(b, "name", name, OPS_NAME * 8, 0);
	if (kernel == BY_SYMBOLS)
		return b;
	btf__add_struct(b, "scx_sched", 80);
	btf__add_field(b, "ops", ops, SCHED_OPS * 8, 0);
	btf__add_field(b, "exit_info", p, SCHED_INFO * 8, 0);
	if (kernel == ALL_BY_ROOT)
		btf__add_field(b, "watchdog_timeout", u64, SCHED_TIMEOUT * 8, 0);
	return b;
}

struct fixture {
	struct guest_kernel g;
	struct btf *btf;
	struct sched_ext *s;
	struct sched_ext_exit x;
	struct err why;
	enum kernel kernel;
};

static uint64_t kva(const struct fixture *f, uint64_t gpa)
{
	return f->g.direct_kva + gpa;
}

static uint64_t symbol(const struct fixture *f, unsigned at)
{
	return f->g.text_gpa + at;
}

static void put32(struct fixture *f, uint64_t gpa, uint32_t v)
{
	mm_write(f->g.mm, gpa, &v, sizeof(v));
}

static void put_text(struct fixture *f, uint64_t gpa, const char *text)
{
	mm_write(f->g.mm, gpa, text, strlen(text) + 1);
}

static uint64_t get(const struct fixture *f, uint64_t gpa)
{
	uint64_t v = 0;

	mm_read(f->g.mm, gpa, &v, sizeof(v));
	return v;
}

/* A scheduler that is enabled, and with kind one that has to go. */
static void put_scheduler(struct fixture *f, uint32_t kind)
{
	const uint64_t ops = f->kernel == BY_SYMBOLS ? symbol(f, VMLINUX_AT_SCX_OPS) :
						       SCHED + SCHED_OPS;

	put32(f, symbol(f, VMLINUX_AT_SCX_STATE), ENABLED);
	if (f->kernel == BY_SYMBOLS) {
		guest_put(&f->g, symbol(f, VMLINUX_AT_SCX_EXIT_INFO), kva(f, INFO));
	} else {
		guest_put(&f->g, symbol(f, VMLINUX_AT_SCX_ROOT), kva(f, SCHED));
		guest_put(&f->g, SCHED + SCHED_INFO, kva(f, INFO));
	}
	put_text(f, ops + OPS_NAME, "sloth");
	put32(f, INFO + INFO_KIND, kind);
	guest_put(&f->g, INFO + INFO_CODE, (uint64_t)-7);
	guest_put(&f->g, INFO + INFO_REASON, kva(f, REASON));
	guest_put(&f->g, INFO + INFO_MSG, kva(f, MSG));
	guest_put(&f->g, INFO + INFO_DUMP, kva(f, DUMP));
	put_text(f, REASON, "runnable task stall");
	put_text(f, MSG, "w[93] failed to run for 1.023s");
	put_text(f, DUMP, "CPU 0: nr_run=1\n");
}

static bool fixture_open(struct fixture *f, enum kernel kernel)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .btf = types(kernel), .why = ERR_INIT,
			       .kernel = kernel };
	f->g.make.btf = f->btf;
	if (!guest_kernel_open(&f->g))
		return false;
	put32(f, symbol(f, VMLINUX_AT_JIFFIES_CLOCK), 4000000u << 8);
	put32(f, symbol(f, VMLINUX_AT_JIFFIES_CLOCK) + 4, 8);
	return tap_ok(guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) == 0 &&
		      sched_ext_create(f->g.index, &f->s, &f->g.err) == 0, "%s",
		      err_text(&f->g.err));
}

static void fixture_close(struct fixture *f)
{
	sched_ext_exit_fini(&f->x);
	sched_ext_destroy(f->s);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

static int read_exit(struct fixture *f)
{
	sched_ext_exit_fini(&f->x);
	return sched_ext_read_exit(f->s, f->g.monitor, &f->x);
}

/* --- exits ---------------------------------------------------------------------- */

static void check_exit(enum kernel kernel)
{
	char text[200];
	struct fixture f;

	if (fixture_open(&f, kernel)) {
		put_scheduler(&f, KIND_STALL);
		tap_eq(read_exit(&f), 0);
		tap_eq(f.x.kind, KIND_STALL);
		tap_str(f.x.kind_name, "SCX_EXIT_ERROR_STALL");
		tap_ok(f.x.is_error && !f.x.is_user, "it was thrown out");
		tap_ok(f.x.has_code && f.x.code == -7, "the code is %lld", (long long)f.x.code);
		tap_str(f.x.ops, "sloth");
		tap_str(f.x.reason, "runnable task stall");
		tap_str(f.x.msg, "w[93] failed to run for 1.023s");
		tap_str(f.x.dump, "CPU 0: nr_run=1\n");
		sched_ext_exit_text(&f.x, text, sizeof(text));
		tap_str(text, "runnable task stall: w[93] failed to run for 1.023s");
	}
	fixture_close(&f);
}

static void an_exit_is_read_where_6_12_has_it(void)
{
	check_exit(BY_SYMBOLS);
}

static void an_exit_is_read_where_6_16_has_it(void)
{
	check_exit(BY_ROOT);
}

static void a_scheduler_that_runs_has_no_exit(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_ROOT)) {
		tap_eq(read_exit(&f), -EAGAIN);
		put_scheduler(&f, 0);
		tap_eq(read_exit(&f), -EAGAIN);
		put32(&f, INFO + INFO_KIND, 1);		/* SCX_EXIT_DONE */
		tap_eq(read_exit(&f), -EAGAIN);
	}
	fixture_close(&f);
}

static void a_dump_is_whole_once_the_scheduler_is_being_disabled(void)
{
	struct fixture f;
	enum sched_ext_state state;

	if (fixture_open(&f, BY_SYMBOLS)) {
		put_scheduler(&f, KIND_UNREG);
		tap_eq(read_exit(&f), 0);
		tap_ok(f.x.is_user && !f.x.is_error, "its process let go of it");
		tap_ok(!f.x.complete, "the kernel still writes");
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), DISABLING);
		tap_eq(sched_ext_read_state(f.s, f.g.monitor, &state), 0);
		tap_str(sched_ext_state_name(state), "disabling");
		tap_eq(read_exit(&f), 0);
		tap_ok(f.x.complete, "it has written all");
		put32(&f, symbol(&f, VMLINUX_AT_SCX_STATE), 77);
		tap_eq(sched_ext_read_state(f.s, f.g.monitor, &state), -ENODATA);
	}
	fixture_close(&f);
}

static void text_of_the_guest_is_bounded_and_clean(void)
{
	static char long_text[3 * 4096];
	struct fixture f;

	memset(long_text, 'x', sizeof(long_text));
	if (fixture_open(&f, BY_SYMBOLS)) {
		put_scheduler(&f, KIND_STALL);
		put_text(&f, REASON, "\x1b[31m\xff");
		mm_write(f.g.mm, MSG, long_text, sizeof(long_text));
		mm_write(f.g.mm, DUMP, long_text, sizeof(long_text));
		put32(&f, symbol(&f, VMLINUX_AT_SCX_OPS) + OPS_LEN, 5000);
		tap_eq(read_exit(&f), 0);
		tap_str(f.x.reason, " [31m?");
		tap_eq(strlen(f.x.msg), SCHED_EXT_MSG_MAX - 1);
		tap_eq(f.x.dump_bytes, 5000);
		/* as long as it likes to be, but no longer than all of memory */
		put32(&f, symbol(&f, VMLINUX_AT_SCX_OPS) + OPS_LEN, UINT32_MAX);
		tap_eq(read_exit(&f), 0);
		tap_eq(f.x.dump_bytes, sizeof(long_text));
	}
	fixture_close(&f);
}

static void wild_pointers_leave_their_part_empty(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		put_scheduler(&f, KIND_STALL);
		guest_put(&f.g, INFO + INFO_REASON, UINT64_C(0xffffdead00000000));
		guest_put(&f.g, INFO + INFO_MSG, 0);
		guest_put(&f.g, INFO + INFO_DUMP, 0x1234);
		tap_eq(read_exit(&f), 0);
		tap_str(f.x.reason, "");
		tap_str(f.x.msg, "");
		tap_ok(!f.x.dump, "no dump");
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_EXIT_INFO), UINT64_C(0xffffdead00000000));
		tap_ok(read_exit(&f) < 0, "no exit");
	}
	fixture_close(&f);
}

static void on_what(const char *what, void *arg)
{
	strcat(strcat(arg, what), " ");
}

static void on_why(const char *what, const char *why, void *arg)
{
	strcat(strcat(strcat(strcat(arg, what), ": "), why), "; ");
}

static void what_a_kernel_has_not_is_listed_with_the_reason(void)
{
	char text[1000] = "";
	struct fixture f;

	if (fixture_open(&f, WITHOUT)) {
		sched_ext_absent(f.s, on_why, text);
		tap_str(text, "scx_exit: no struct scx_exit_info; scx_exit code: no struct "
			"scx_exit_info; scx_exit reason: no struct scx_exit_info; scx_exit msg: "
			"no struct scx_exit_info; scx_exit dump: no struct scx_exit_info; ");
		tap_eq(read_exit(&f), -EAGAIN);
	}
	fixture_close(&f);
	*text = '\0';
	if (fixture_open(&f, ALL_BY_ROOT)) {
		sched_ext_available(f.s, on_what, text);
		tap_str(text, "scx_state scx_exit scx_exit code scx_exit reason scx_exit msg "
			"scx_exit dump scx_watchdog ");
	}
	fixture_close(&f);
}

/* --- the watchdog ------------------------------------------------------------------ */

#define SECONDS(n) ((n) * UINT64_C(250))	/* in jiffies */

static int hold(struct fixture *f, struct sched_ext_watchdog *w)
{
	err_clear(&f->why);
	return sched_ext_watchdog_hold(f->s, f->g.monitor, w, &f->why);
}

static void a_shorter_watchdog_is_kept_fresh_until_the_kernel_looks(void)
{
	struct sched_ext_watchdog w = { .want_ns = 2 * NSEC_PER_SEC };
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		const uint64_t timeout = symbol(&f, VMLINUX_AT_SCX_TIMEOUT);
		const uint64_t stamp = symbol(&f, VMLINUX_AT_SCX_TIMESTAMP);
		const uint64_t jiffies = symbol(&f, VMLINUX_AT_JIFFIES);

		guest_put(&f.g, timeout, SECONDS(30));
		guest_put(&f.g, stamp, 100);
		guest_put(&f.g, jiffies, 1000);
		tap_eq(hold(&f, &w), 0);
		tap_ok(w.held, "it is held");
		tap_eq(w.was_ns, 30 * NSEC_PER_SEC);
		tap_eq(w.now_ns, 2 * NSEC_PER_SEC);
		tap_eq(get(&f, timeout), SECONDS(2));
		tap_eq(get(&f, stamp), 1000);
		guest_put(&f.g, jiffies, 1700);
		tap_eq(hold(&f, &w), 0);
		tap_eq(get(&f, stamp), 1700);
		/* the kernel's check: from now on it looks by itself */
		guest_put(&f.g, stamp, 1750);
		guest_put(&f.g, jiffies, 2000);
		tap_eq(hold(&f, &w), 0);
		tap_eq(hold(&f, &w), 0);
		tap_eq(get(&f, stamp), 1750);
	}
	fixture_close(&f);
}

static void a_check_that_does_not_come_is_not_made_up_for(void)
{
	struct sched_ext_watchdog w = { .want_ns = 2 * NSEC_PER_SEC };
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		const uint64_t stamp = symbol(&f, VMLINUX_AT_SCX_TIMESTAMP);
		const uint64_t jiffies = symbol(&f, VMLINUX_AT_JIFFIES);

		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_TIMEOUT), SECONDS(30));
		guest_put(&f.g, stamp, 1000);
		guest_put(&f.g, jiffies, 1000 + SECONDS(1));
		tap_eq(hold(&f, &w), 0);
		guest_put(&f.g, jiffies, 1000 + SECONDS(15) - 1);
		tap_eq(hold(&f, &w), 0);
		tap_eq(get(&f, stamp), 1000 + SECONDS(15) - 1);
		/* due, and not here: the watchdog may be one of the tasks that wait */
		guest_put(&f.g, jiffies, 1000 + SECONDS(15));
		tap_eq(hold(&f, &w), 0);
		tap_eq(hold(&f, &w), 0);
		tap_eq(get(&f, stamp), 1000 + SECONDS(15) - 1);
	}
	fixture_close(&f);
}

static void a_longer_watchdog_is_set_and_left_alone(void)
{
	struct sched_ext_watchdog w = { .want_ns = 60 * NSEC_PER_SEC };
	struct fixture f;

	if (fixture_open(&f, ALL_BY_ROOT)) {
		tap_eq(hold(&f, &w), -EAGAIN);
		tap_ok(strstr(err_text(&f.why), "no scheduler"), "%s", err_text(&f.why));
		put_scheduler(&f, 0);
		guest_put(&f.g, SCHED + SCHED_TIMEOUT, SECONDS(5));
		guest_put(&f.g, symbol(&f, VMLINUX_AT_SCX_TIMESTAMP), 100);
		tap_eq(hold(&f, &w), 0);
		tap_eq(get(&f, SCHED + SCHED_TIMEOUT), SECONDS(60));
		tap_eq(get(&f, symbol(&f, VMLINUX_AT_SCX_TIMESTAMP)), 100);
		/* another scheduler is enabled */
		guest_put(&f.g, SCHED + SCHED_TIMEOUT, SECONDS(7));
		tap_eq(hold(&f, &w), 0);
		tap_eq(w.was_ns, 7 * NSEC_PER_SEC);
		tap_eq(get(&f, SCHED + SCHED_TIMEOUT), SECONDS(60));
	}
	fixture_close(&f);
}

static void a_watchdog_that_cannot_be_held_says_why(void)
{
	struct sched_ext_watchdog w = { .want_ns = NSEC_PER_SEC };
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		put32(&f, symbol(&f, VMLINUX_AT_JIFFIES_CLOCK), 7);
		tap_ok(hold(&f, &w) < 0, "a jiffy of nothing");
		tap_ok(strstr(err_text(&f.why), "jiffy"), "%s", err_text(&f.why));
		tap_ok(!w.held, "it is not held");
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(an_exit_is_read_where_6_12_has_it);
	TAP_RUN(an_exit_is_read_where_6_16_has_it);
	TAP_RUN(a_scheduler_that_runs_has_no_exit);
	TAP_RUN(a_dump_is_whole_once_the_scheduler_is_being_disabled);
	TAP_RUN(text_of_the_guest_is_bounded_and_clean);
	TAP_RUN(wild_pointers_leave_their_part_empty);
	TAP_RUN(what_a_kernel_has_not_is_listed_with_the_reason);
	TAP_RUN(a_shorter_watchdog_is_kept_fresh_until_the_kernel_looks);
	TAP_RUN(a_check_that_does_not_come_is_not_made_up_for);
	TAP_RUN(a_longer_watchdog_is_set_and_left_alone);
	TAP_RUN(a_watchdog_that_cannot_be_held_says_why);
	return tap_done();
}
