/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_SCX_GUEST_H
#define KTSTR_TEST_SCX_GUEST_H
/* A kernel in memory that has sched_ext as one of several releases, and a scheduler in it. */
#include <bpf/btf.h>
#include <string.h>

#include "monitor/sched_ext.h"
#include "test/guest-kernel.h"

/* Places in the guest, by the direct map. */
#define SCX_INFO 0x2200000
#define SCX_REASON 0x2201000
#define SCX_MSG 0x2202000
#define SCX_DUMP 0x2210000
#define SCX_SCHED 0x2300000

/* Offsets in the structs that types() describes. */
enum {
	INFO_KIND = 0, INFO_CODE = 8, INFO_REASON = 16, INFO_MSG = 24, INFO_DUMP = 32,
	OPS_LEN = 0, OPS_NAME = 4,
	SCHED_OPS = 0, SCHED_INFO = 64, SCHED_TIMEOUT = 72,
};
enum { DISABLING = 12, ENABLED = 11, KIND_UNREG = 64, KIND_STALL = 1026 };

/* 6.12, 6.16, 7.1, one without sched_ext's types. */
enum kernel { BY_SYMBOLS, BY_ROOT, ALL_BY_ROOT, WITHOUT };

__attribute__((unused))
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

__attribute__((unused))
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

struct scx_guest {
	struct guest_kernel g;
	struct btf *btf;
	struct sched_ext *s;
	struct sched_ext_exit x;
	struct err why;
	enum kernel kernel;
};

__attribute__((unused))
static uint64_t kva(const struct scx_guest *f, uint64_t gpa)
{
	return f->g.direct_kva + gpa;
}

__attribute__((unused))
static uint64_t symbol(const struct scx_guest *f, unsigned at)
{
	return f->g.text_gpa + at;
}

__attribute__((unused))
static void put32(struct scx_guest *f, uint64_t gpa, uint32_t v)
{
	mm_write(f->g.mm, gpa, &v, sizeof(v));
}

__attribute__((unused))
static void put_text(struct scx_guest *f, uint64_t gpa, const char *text)
{
	mm_write(f->g.mm, gpa, text, strlen(text) + 1);
}

__attribute__((unused))
static uint64_t get(const struct scx_guest *f, uint64_t gpa)
{
	uint64_t v = 0;

	mm_read(f->g.mm, gpa, &v, sizeof(v));
	return v;
}

/* A scheduler that is enabled, and with kind one that has to go. */
__attribute__((unused))
static void put_scheduler(struct scx_guest *f, uint32_t kind)
{
	const uint64_t ops = f->kernel == BY_SYMBOLS ? symbol(f, VMLINUX_AT_SCX_OPS) :
						       SCX_SCHED + SCHED_OPS;

	put32(f, symbol(f, VMLINUX_AT_SCX_STATE), ENABLED);
	if (f->kernel == BY_SYMBOLS) {
		guest_put(&f->g, symbol(f, VMLINUX_AT_SCX_EXIT_INFO), kva(f, SCX_INFO));
	} else {
		guest_put(&f->g, symbol(f, VMLINUX_AT_SCX_ROOT), kva(f, SCX_SCHED));
		guest_put(&f->g, SCX_SCHED + SCHED_INFO, kva(f, SCX_INFO));
	}
	put_text(f, ops + OPS_NAME, "sloth");
	put32(f, SCX_INFO + INFO_KIND, kind);
	guest_put(&f->g, SCX_INFO + INFO_CODE, (uint64_t)-7);
	guest_put(&f->g, SCX_INFO + INFO_REASON, kva(f, SCX_REASON));
	guest_put(&f->g, SCX_INFO + INFO_MSG, kva(f, SCX_MSG));
	guest_put(&f->g, SCX_INFO + INFO_DUMP, kva(f, SCX_DUMP));
	put_text(f, SCX_REASON, "runnable task stall");
	put_text(f, SCX_MSG, "w[93] failed to run for 1.023s");
	put_text(f, SCX_DUMP, "CPU 0: nr_run=1\n");
}

__attribute__((unused))
static bool scx_guest_open(struct scx_guest *f, enum kernel kernel)
{
	*f = (struct scx_guest){ .g = GUEST_KERNEL_INIT, .btf = types(kernel), .why = ERR_INIT,
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

__attribute__((unused))
static void scx_guest_close(struct scx_guest *f)
{
	sched_ext_exit_fini(&f->x);
	sched_ext_destroy(f->s);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

#endif
