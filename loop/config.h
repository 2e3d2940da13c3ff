/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_CONFIG_H
#define KTSTR_LOOP_CONFIG_H
/*
 * What a run shall be: one struct, filled from one table of options. The
 * command line, the KTSTR_X variables, ktstr_run_set(), --help, the man page's
 * check, --print-config and the arguments of a nested run all read the table.
 *
 * Nothing is opened here. Ownership: struct config owns its strings.
 * Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcpu/topo.h"
#include "vcpu/vm.h"

struct err;
struct json_object;

enum accel {
	ACCEL_AUTO,
	ACCEL_KVM,
	ACCEL_NESTED,
	ACCEL_COUNT,
};

const char *accel_name(enum accel a);

struct strlist {
	char **item;
	size_t count;
};

struct config {
	char *kernel;			/* NULL: look for one */
	char *outer_kernel;		/* nested: NULL: look for one that can */
	char *binary;			/* NULL: the program itself */
	struct strlist tests;		/* empty: all */
	struct strlist modules;		/* of the kernel's, for the guest to load */
	struct topo topology;
	bool topology_set;
	struct strlist numa;		/* one description of a node each; empty: uniform */
	char *distances;		/* these four: NULL: not given */
	char *package;
	char *max_cpus;
	char *offline_cpus;
	uint64_t memory_bytes;		/* 0: computed */
	char *cmdline;			/* appended */
	struct strlist includes;	/* HOST[:GUEST], into the guest */
	struct strlist command;		/* instead of tests; empty with tty: the shell */
	bool tty;			/* the command gets a terminal */
	bool relay;			/* nested, inner: its streams are frames, loop/channel.h */
	char *initramfs;		/* nested, inner: the guest's, packed already */
	uint64_t timeout_ns;		/* 0: default, scaled by the accelerator */
	char *scheduler;		/* program that loads the one under test; NULL: none */
	struct strlist sched_args;
	uint64_t sched_timeout_ns;	/* to be attached; 0: default, scaled by the accelerator */
	uint64_t watchdog_ns;		/* of sched_ext, in the guest's kernel; 0: left alone */
	struct strlist sched_enable, sched_disable;	/* "echo VALUE > FILE" */
	struct strlist bpf_write;	/* MAP.FIELD=VALUE, when it is attached */
	struct strlist stage;		/* "NAME=PATH": schedulers that tests start */
	enum accel accel;
	enum vm_irqchip irqchip;
	char *kvm_device;		/* "/dev/kvm" */
	bool slow;			/* emulated CPUs: watchdogs wait longer */
	bool dmesg;			/* stream the kernel console to stderr */
	bool fast_boot;			/* risky boot options on */
	bool lz4;			/* compress the initramfs */
	bool no_monitor;		/* do not watch the scheduler */
	uint64_t monitor_interval_ns;
	char *rules;			/* for the monitor; NULL: those of each test */
	char *dump;			/* file for snapshots of the guest; NULL: none */
	uint64_t dump_hold_ns;		/* the guest stands still so much longer */
	char *vmcore;			/* file for a core of the guest; NULL: none */
	bool relay_vmcore;		/* nested, inner: it goes into the window, loop/vmcore.h */
	bool relay_dump;		/* nested, inner: they go into the record */
	bool no_ring;			/* do not give the guest a ring: COM2 carries all */
	uint64_t qemu_memory_bytes;	/* nested: RAM of the outer guest; 0: computed */
	uint64_t given;			/* bit i: option i of the table was set by somebody */
};

enum option_type {
	OPTION_STRING,
	OPTION_LIST,			/* may be given again */
	OPTION_WORDS,			/* a list whose items may be any text */
	OPTION_FLAG,			/* no argument; --no-NAME clears it, --X clears no-X */
	OPTION_SIZE,
	OPTION_DURATION,
	OPTION_TOPOLOGY,
	OPTION_ACCEL,
	OPTION_IRQCHIP,
	OPTION_TYPE_COUNT,
};

struct option_row {
	const char *name;		/* without dashes; KTSTR_NAME is its variable */
	enum option_type type;
	size_t offset;			/* in struct config */
	const char *arg;		/* placeholder in the help, NULL for a flag */
	const char *def;		/* default, as the help shows it; NULL: none */
	const char *help;		/* one line */
	bool inner;			/* a nested run passes it to the inner ktstr as it is */
	bool positional;		/* given without --NAME, and has no variable */
	char letter;			/* "-i" is --include; 0: none */
};

static inline bool config_is_list(const struct option_row *row)
{
	return row->type == OPTION_LIST || row->type == OPTION_WORDS;
}

/* A command runs in the guest, and no tests. */
static inline bool config_has_command(const struct config *c)
{
	return c->command.count || c->tty;
}

const struct option_row *config_options(size_t *ret_count);
const struct option_row *config_option_find(const char *name);

int config_init(struct config *c);	/* defaults; -ENOMEM */
void config_fini(struct config *c);

/* One option, by name. -EINVAL: *e names the option, the value and what it takes. */
int config_set(struct config *c, const char *name, const char *value, struct err *e);

/* The KTSTR_X variables of the environment, for options that nobody has set. Empty: not set. */
int config_from_env(struct config *c, struct err *e);

#define CONFIG_VARIABLE_MAX 40
/* "KTSTR_FAST_BOOT" for fast-boot. */
void config_variable(const struct option_row *row, char name[CONFIG_VARIABLE_MAX]);

/*
 * The shape of the machine: base (--topology, or what the tests need), with
 * the options that describe a part of it put over it. -EINVAL names the option
 * or the rule.
 */
int config_shape(const struct config *c, const struct topo *base, struct topo *ret,
		 struct err *e);
/* Does some option decide the shape, so that the tests' needs do not? */
bool config_has_shape(const struct config *c);

/* Contradictions between options. */
int config_check(const struct config *c, struct err *e);

/*
 * fn for every option that was given or differs from its default, in the order
 * of the table, with a value that config_set() takes; once per item of a list.
 * Stops at the first negative return, which is returned.
 */
int config_each(const struct config *c,
		int (*fn)(const struct option_row *row, const char *value, void *arg), void *arg);

/* One option as an argument added to args: "--memory=512M", "--no-fast-boot". */
int config_arg(const struct option_row *row, const char *value, struct strlist *args);

/*
 * The same options, those that have .inner set, as arguments added to args;
 * those without --NAME are left to the caller, for they come last.
 */
int config_to_args(const struct config *c, struct strlist *args);

/*
 * For --print-config: every option by its name with the value that it would
 * take, null where there is none. A new object, the caller's; NULL: no memory.
 */
struct json_object *config_to_json(const struct config *c);

int strlist_add(struct strlist *l, const char *s);	/* copies; -ENOMEM */
void strlist_fini(struct strlist *l);

#endif
