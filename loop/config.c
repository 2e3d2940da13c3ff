/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of options, and how a value of each type gets into struct config.
 * Nothing outside this file knows which member an option fills; a new option
 * is one row.
 */
#include "loop/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/config_priv.h"

#define ROW(name_, type_, member, ...) \
	{ .name = name_, .type = type_, .offset = offsetof(struct config, member), __VA_ARGS__ }

static const struct option_row rows[] = {
	ROW("kernel", OPTION_STRING, kernel, .arg = "SPEC", .def = "the cache, then /boot",
	    .help = "bzImage, vmlinux, build folder, cache key or version"),
	ROW("outer-kernel", OPTION_STRING, outer_kernel, .arg = "SPEC", .def = "one that can",
	    .help = "nested: the kernel that runs KVM inside QEMU"),
	ROW("module", OPTION_LIST, modules, .arg = "NAME",
	    .help = "load this module of the kernel in the guest; may be given again"),
	ROW("topology", OPTION_TOPOLOGY, topology, .arg = "N,L,C,T",
	    .def = "1,1,2,1, or what the tests need", .inner = true,
	    .help = "NUMA nodes, LLCs, cores per LLC, threads per core; 1n2l4c2t; or a preset"),
	ROW("numa", OPTION_LIST, numa, .arg = "SPEC", .def = "uniform",
	    .help = "a node: llcs=2,mem=512M,latency=100ns,bandwidth=50G,cache=1G"),
	ROW("distances", OPTION_STRING, distances, .arg = "R1;R2;...", .def = "10 and 20",
	    .help = "the distances of NUMA nodes, a row for each"),
	ROW("package", OPTION_STRING, package, .arg = "llc|node|Nnodes|all", .def = "llc",
	    .help = "what a processor package holds"),
	ROW("max-cpus", OPTION_STRING, max_cpus, .arg = "COUNT", .def = "those of --topology",
	    .help = "CPUs that are possible, present or not"),
	ROW("offline-cpus", OPTION_STRING, offline_cpus, .arg = "LIST", .def = "none",
	    .help = "CPUs that are not online when the tests start"),
	ROW("memory", OPTION_SIZE, memory_bytes, .arg = "SIZE", .def = "computed", .inner = true,
	    .help = "RAM of the guest"),
	ROW("cmdline", OPTION_STRING, cmdline, .arg = "STR", .inner = true,
	    .help = "appended to the kernel command line"),
	ROW("include", OPTION_LIST, includes, .arg = "HOST[:GUEST]", .def = "none", .letter = 'i',
	    .help = "a file or folder into the guest, with the libraries of programs"),
	ROW("tty", OPTION_FLAG, tty, .def = "off, for ktstr shell on", .inner = true,
	    .help = "the command gets a terminal; Ctrl-A X ends it"),
	ROW("timeout", OPTION_DURATION, timeout_ns, .arg = "DUR",
	    .def = "60s for each 64 CPUs, scaled by the accelerator; none with a terminal",
	    .inner = true,
	    .help = "hard deadline of the run"),
	ROW("scheduler", OPTION_STRING, scheduler, .arg = "PATH", .def = "the kernel's own",
	    .help = "program that loads the scheduler under test"),
	ROW("sched-arg", OPTION_LIST, sched_args, .arg = "ARG", .inner = true,
	    .help = "an argument of it"),
	ROW("sched-timeout", OPTION_DURATION, sched_timeout_ns, .arg = "DUR",
	    .def = "15s, scaled by the accelerator", .inner = true,
	    .help = "how long it may take to be attached"),
	ROW("watchdog-timeout", OPTION_DURATION, watchdog_ns, .arg = "DUR",
	    .def = "the scheduler's own", .inner = true,
	    .help = "how long sched_ext lets a task wait before it ejects the scheduler"),
	ROW("sched-enable", OPTION_LIST, sched_enable, .arg = "CMD", .inner = true,
	    .help = "echo VALUE > FILE in the guest, before the tests"),
	ROW("sched-disable", OPTION_LIST, sched_disable, .arg = "CMD", .inner = true,
	    .help = "the same, behind the tests"),
	ROW("bpf-write", OPTION_LIST, bpf_write, .arg = "MAP.FIELD=VALUE", .inner = true,
	    .help = "into a BPF map of the scheduler, once it is attached"),
	ROW("stage", OPTION_LIST, stage, .arg = "NAME=PATH",
	    .help = "a scheduler that tests can start by its name"),
	ROW("accel", OPTION_ACCEL, accel, .arg = "auto|kvm|nested", .def = "auto",
	    .help = "use /dev/kvm, or a KVM inside QEMU's software emulation"),
	ROW("kvm-device", OPTION_STRING, kvm_device, .arg = "PATH", .def = "/dev/kvm",
	    .help = "the KVM device"),
	ROW("irqchip", OPTION_IRQCHIP, irqchip, .arg = "auto|kernel|split", .def = "auto",
	    .inner = true, .help = "KVM's interrupt controllers, or its LAPICs with our IOAPIC"),
	ROW("slow", OPTION_FLAG, slow, .def = "off; on in a nested run",
	    .help = "wait four times as long for each phase of the run"),
	ROW("dmesg", OPTION_FLAG, dmesg, .def = "off", .inner = true,
	    .help = "stream the kernel console to stderr"),
	ROW("fast-boot", OPTION_FLAG, fast_boot, .def = "on", .inner = true,
	    .help = "kernel options that save boot time and take something away"),
	ROW("lz4", OPTION_FLAG, lz4, .def = "off", .inner = true,
	    .help = "compress the initramfs"),
	ROW("no-ring", OPTION_FLAG, no_ring, .def = "off", .inner = true,
	    .help = "no shared-memory ring: results come over COM2"),
	ROW("no-monitor", OPTION_FLAG, no_monitor, .def = "off", .inner = true,
	    .help = "do not watch the guest's scheduler from outside"),
	ROW("monitor-interval", OPTION_DURATION, monitor_interval_ns, .arg = "DUR",
	    .def = "100ms", .inner = true, .help = "time between two samples, 1ms to 10s"),
	ROW("rules", OPTION_STRING, rules, .arg = "LIMITS", .def = "the tests' own, not enforced",
	    .inner = true,
	    .help = "what the monitor objects to: imbalance=4,stall=0,sustain=5,enforce, ..."),
	ROW("dump", OPTION_STRING, dump, .arg = "FILE", .def = "none",
	    .help = "snapshots of a guest that gets stuck or ends badly, as JSON"),
	ROW("dump-hold", OPTION_DURATION, dump_hold_ns, .arg = "DUR", .def = "0s", .inner = true,
	    .help = "let the guest stand still for so long at each snapshot of --dump"),
	ROW("vmcore", OPTION_STRING, vmcore, .arg = "FILE", .def = "none",
	    .help = "memory and registers of a guest that ends badly, for crash, drgn and gdb"),
	ROW("qemu-memory", OPTION_SIZE, qemu_memory_bytes, .arg = "SIZE", .def = "computed",
	    .help = "nested: RAM of the outer guest"),
	ROW("initramfs", OPTION_STRING, initramfs, .arg = "FILE", .def = "packed for the run",
	    .help = "the guest's file system as an earlier ktstr packed it; for nested runs"),
	ROW("relay", OPTION_FLAG, relay, .def = "off",
	    .help = "a command's streams are frames on descriptor 3; for nested runs"),
	ROW("relay-vmcore", OPTION_FLAG, relay_vmcore, .def = "off",
	    .help = "a core of the guest goes into the memory window; for nested runs"),
	ROW("relay-dump", OPTION_FLAG, relay_dump, .def = "off",
	    .help = "dumps go into the record; for nested runs"),
	ROW("binary", OPTION_STRING, binary, .arg = "TEST-BINARY", .def = "ktstr itself",
	    .positional = true, .help = "the program that has the tests"),
	ROW("test", OPTION_LIST, tests, .arg = "TEST-NAME", .def = "all",
	    .positional = true, .help = "a test to run"),
	ROW("command", OPTION_WORDS, command, .arg = "WORD", .def = "none",
	    .positional = true, .help = "a command to run instead of tests, word by word"),
};

static_assert(ARRAY_SIZE(rows) <= 64, "config.given has a bit for each option");

const struct option_row *config_options(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(rows);
	return rows;
}

const struct option_row *config_option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static const char *const accel_names[] = {
	[ACCEL_AUTO] = "auto",
	[ACCEL_KVM] = "kvm",
	[ACCEL_NESTED] = "nested",
};
static_assert(ARRAY_SIZE(accel_names) == ACCEL_COUNT, "a name for every accelerator");

const char *accel_name(enum accel a)
{
	return (unsigned)a < ACCEL_COUNT ? accel_names[a] : "?";
}

int strlist_add(struct strlist *l, const char *s)
{
	char **item = realloc(l->item, (l->count + 1) * sizeof(*item));

	if (!item)
		return -ENOMEM;
	l->item = item;
	item[l->count] = strdup(s);
	if (!item[l->count])
		return -ENOMEM;
	l->count++;
	return 0;
}

void strlist_fini(struct strlist *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->item[i]);
	free(l->item);
	*l = (struct strlist){ 0 };
}

int config_init(struct config *c)
{
	*c = (struct config){
		.topology = TOPO_DEFAULT,
		.accel = ACCEL_AUTO,
		.fast_boot = true,
		.monitor_interval_ns = 100 * NSEC_PER_MSEC,
		.kvm_device = strdup("/dev/kvm"),
	};
	return c->kvm_device ? 0 : -ENOMEM;
}

void config_fini(struct config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		void *field = (char *)c + rows[i].offset;

		if (rows[i].type == OPTION_STRING)
			free(*(char **)field);
		else if (config_is_list(&rows[i]))
			strlist_fini(field);
	}
	*c = (struct config){ 0 };
}

/* --- one setter per type: *e gets the reason alone ------------------------- */

/* A kernel command line and the guest's list of tests are made of lines. */
static int check_text(const char *value, struct err *e)
{
	for (const char *p = value; *p; p++)
		if (iscntrl((unsigned char)*p))
			return err_set(e, -EINVAL, "must not contain control characters");
	return 0;
}

static int set_string(void *field, const char *value, struct err *e)
{
	char **s = field;
	char *copy;
	int r = check_text(value, e);

	if (r < 0)
		return r;
	copy = strdup(value);
	if (!copy)
		return err_set(e, -ENOMEM, "out of memory");
	free(*s);
	*s = copy;
	return 0;
}

static int set_words(void *field, const char *value, struct err *e)
{
	int r = strlist_add(field, value);

	return r < 0 ? err_set(e, r, "out of memory") : 0;
}

static int set_list(void *field, const char *value, struct err *e)
{
	int r = check_text(value, e);

	return r < 0 ? r : set_words(field, value, e);
}

static int set_flag(void *field, const char *value, struct err *e)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return err_set(e, -EINVAL, "takes 1 or 0");
	*(bool *)field = value[0] == '1';
	return 0;
}

/* Members are not 0 once they are set: 0 says that the value is computed. */
static int set_number(void *field, int r, uint64_t v, const char *takes, struct err *e)
{
	if (r == -ERANGE)
		return err_set(e, -EINVAL, "too large");
	if (r < 0)
		return err_set(e, -EINVAL, "takes %s", takes);
	if (!v)
		return err_set(e, -EINVAL, "must be more than 0");
	*(uint64_t *)field = v;
	return 0;
}

static int set_size(void *field, const char *value, struct err *e)
{
	uint64_t v = 0;
	int r = units_parse_size(value, &v);

	return set_number(field, r, v, "a size like 512M or 2G", e);
}

static int set_duration(void *field, const char *value, struct err *e)
{
	uint64_t v = 0;
	int r = units_parse_duration(value, &v);

	return set_number(field, r, v, "a duration with its unit, ns, us, ms, s or m", e);
}

static int set_topology(void *field, const char *value, struct err *e)
{
	/* --numa may complete it: config_shape() has all rules */
	return topo_parse_unchecked(value, field, e);
}

static int set_accel(void *field, const char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(accel_names); i++) {
		if (!strcmp(value, accel_names[i])) {
			*(enum accel *)field = (enum accel)i;
			return 0;
		}
	}
	return err_set(e, -EINVAL, "takes auto, kvm or nested");
}

static int set_irqchip(void *field, const char *value, struct err *e)
{
	for (unsigned i = 0; i < VM_IRQCHIP_COUNT; i++) {
		if (!strcmp(value, vm_irqchip_name((enum vm_irqchip)i))) {
			*(enum vm_irqchip *)field = (enum vm_irqchip)i;
			return 0;
		}
	}
	return err_set(e, -EINVAL, "takes auto, kernel or split");
}

static int (*const setters[])(void *field, const char *value, struct err *e) = {
	[OPTION_STRING] = set_string,
	[OPTION_LIST] = set_list,
	[OPTION_WORDS] = set_words,
	[OPTION_FLAG] = set_flag,
	[OPTION_SIZE] = set_size,
	[OPTION_DURATION] = set_duration,
	[OPTION_TOPOLOGY] = set_topology,
	[OPTION_ACCEL] = set_accel,
	[OPTION_IRQCHIP] = set_irqchip,
};
static_assert(ARRAY_SIZE(setters) == OPTION_TYPE_COUNT, "a setter for every type");

static int set_row(struct config *c, const struct option_row *row, const char *value,
		   struct err *e)
{
	int r;

	if (!*value && row->type != OPTION_FLAG && row->type != OPTION_WORDS &&
	    strcmp(row->name, "cmdline"))
		return err_set(e, -EINVAL, "takes %s, not an empty string", row->arg);
	r = setters[row->type]((char *)c + row->offset, value, e);
	if (r < 0)
		return r;
	c->given |= UINT64_C(1) << (row - rows);
	if (row->type == OPTION_TOPOLOGY)
		c->topology_set = true;
	return 0;
}

int config_set(struct config *c, const char *name, const char *value, struct err *e)
{
	const struct option_row *row = config_option_find(name);
	struct nearest n = NEAREST_INIT(name);
	const char *hint;
	int r;

	if (row) {
		r = set_row(c, row, value ? value : "", e);
		return r < 0 ? err_ctx(e, r, "%s%s %.*s", row->positional ? "" : "--", name,
				       CONFIG_SHOWN_MAX, value ? value : "") : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		nearest_offer(&n, rows[i].name);
	hint = nearest_get(&n);
	return err_set(e, -EINVAL, "unknown option '%.*s'%s%s%s", CONFIG_SHOWN_MAX, name,
		       hint ? "; did you mean '" : "", hint ? hint : "", hint ? "'?" : "");
}

void config_variable(const struct option_row *row, char name[CONFIG_VARIABLE_MAX])
{
	snprintf(name, CONFIG_VARIABLE_MAX, "KTSTR_%s", row->name);
	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

int config_from_env(struct config *c, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[CONFIG_VARIABLE_MAX];
		const char *value;
		int r;

		if (rows[i].positional || config_is_given(c, &rows[i]))
			continue;
		config_variable(&rows[i], name);
		value = getenv(name);
		if (!value || !*value)
			continue;
		r = set_row(c, &rows[i], value, e);
		if (r < 0)
			return err_ctx(e, r, "%s=%.*s", name, CONFIG_SHOWN_MAX, value);
	}
	return 0;
}

bool config_is_given(const struct config *c, const struct option_row *row)
{
	return c->given >> (row - rows) & 1;
}
