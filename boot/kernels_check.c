/* SPDX-License-Identifier: GPL-2.0-only */
/* Wishes and what a kernel has of them. */
#include "boot/kernels_check.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels_private.h"

#define FATAL KERNEL_COST_FATAL
#define FEATURE KERNEL_COST_FEATURE
#define PITY KERNEL_COST_PITY

/* Signs: strings of Linux 6.1 to 6.12 that the option's own code brings. */
#define WISH(name_, option_, cost_, without_, ...)			\
	{ .name = name_, .option = "CONFIG_" option_, .cost = cost_,	\
	  .without = without_, __VA_ARGS__ }

static const struct kernel_wish wishes[] = {
	WISH("initramfs", "BLK_DEV_INITRD", FATAL, "no first process", .sign = "retain_initrd"),
	WISH("serial console", "SERIAL_8250_CONSOLE", FATAL,
	     "no banner, no panic and no output is seen", .sign = "univ8250_console_init"),
	WISH("devtmpfs", "DEVTMPFS", FATAL, "no /dev", .sign = "devtmpfs: initialized"),
	WISH("proc", "PROC_FS", FATAL, "no /proc", .sign = "proc_dointvec_minmax"),
	WISH("sysfs", "SYSFS", FATAL, "no /sys", .sign = "sysfs: cannot create duplicate"),
	WISH("Unix sockets", "UNIX", FATAL, "tests cannot report", .sign = "UNIX-STREAM"),
	WISH("SMP", "SMP", FEATURE, "one CPU only", .sign = "smp: Bringing up secondary CPUs"),
	WISH("sched_ext", "SCHED_CLASS_EXT", FEATURE, "no sched_ext schedulers",
	     .sign = "sched_ext_ops", .decides = true),
	WISH("BPF", "BPF_SYSCALL", FEATURE, "no sched_ext schedulers, no probes",
	     .sign = "unprivileged_bpf_disabled"),
	WISH("BTF", "DEBUG_INFO_BTF", FEATURE,
	     "no sched_ext schedulers; structures are not read from outside", .sign = ".BTF"),
	WISH("symbols", "KALLSYMS", FEATURE, "no symbols: nothing is read from outside",
	     .sign = "kallsyms"),
	WISH("data symbols", "KALLSYMS_ALL", FEATURE,
	     "no runqueues by name: nothing is read from outside"),
	WISH("ring", "DEVMEM", FEATURE, "results come over COM2, slowly"),
	WISH("cgroups", "CGROUPS", FEATURE, "no tests with cgroups", .sign = "cgroup2"),
	WISH("cgroup CPU control", "CGROUP_SCHED", FEATURE, "no cpu.weight and cpu.max",
	     .sign = "cpu.stat.local"),
	WISH("cpusets", "CPUSETS", FEATURE, "no cpuset.cpus", .sign = "cpuset.cpus"),
	WISH("ACPI", "ACPI", FEATURE, "40 CPUs at most, no NUMA",
	     .sign = "ACPI: Early table checksum"),
	WISH("NUMA", "ACPI_NUMA", FEATURE, "one node only", .sign = "SRAT: Node"),
	WISH("HMAT", "ACPI_HMAT", FEATURE, "no latency and bandwidth of nodes",
	     .sign = "acpi/hmat"),
	WISH("x2APIC", "X86_X2APIC", FEATURE, "no APIC ids above 254", .sign = "x2apic: "),
	WISH("virtio-mmio", "VIRTIO_MMIO", FEATURE, "no virtio devices", .driver = "virtio_mmio",
	     .sign = "virtio-mmio"),
	WISH("virtio-console", "VIRTIO_CONSOLE", FEATURE, "no virtio console",
	     .driver = "virtio_console", .sign = "virtio_console"),
	WISH("virtio-blk", "VIRTIO_BLK", FEATURE, "no disks", .driver = "virtio_blk",
	     .sign = "virtio_blk"),
	WISH("packed initramfs", "RD_LZ4", FEATURE, "no --lz4"),
	WISH("KVM for AMD", "KVM_AMD", FEATURE, "cannot be the outer kernel of a nested run",
	     .driver = KERNEL_DRIVER_KVM, .sign = "kvm_amd"),
	WISH("ioperm", "X86_IOPL_IOPERM", PITY, "the ring's doorbell is slower"),
	WISH("KVM guest", "KVM_GUEST", PITY, "no kvm-clock, no steal time", .sign = "kvm-clock"),
	WISH("BPF JIT", "BPF_JIT", PITY, "BPF is interpreted", .sign = "bpf_jit_enable"),
	WISH("schedstats", "SCHEDSTATS", PITY, "no /proc/schedstat", .sign = "sched_schedstats"),
	WISH("PSI", "PSI", PITY, "no pressure figures", .sign = "psi: "),
	WISH("function tracer", "FUNCTION_TRACER", PITY, "no fentry probes",
	     .sign = "ftrace: allocating"),
	WISH("kprobes", "KPROBES", PITY, "no kprobes", .sign = "kprobes: "),
	WISH("IKCONFIG", "IKCONFIG", PITY, "its options are not in it", .sign = "IKCFG" "_ST",
	     .decides = true),
	WISH("virtio on the command line", "VIRTIO_MMIO_CMDLINE_DEVICES", PITY,
	     "virtio devices need ACPI"),
};
static_assert(ARRAY_SIZE(wishes) <= KERNEL_WISHES_MAX, "struct kernel_check has room for all");

const struct kernel_wish *kernel_wishes(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(wishes);
	return wishes;
}

static const char *const cost_names[] = {
	[KERNEL_COST_FATAL] = "fatal",
	[KERNEL_COST_FEATURE] = "feature",
	[KERNEL_COST_PITY] = "pity",
};
static_assert(ARRAY_SIZE(cost_names) == KERNEL_COSTS, "a name for each cost");

const char *kernel_cost_name(enum kernel_cost c)
{
	return (unsigned)c < KERNEL_COSTS ? cost_names[c] : "?";
}

static const char *const has_names[] = {
	[KERNEL_HAS_UNKNOWN] = "unknown",
	[KERNEL_HAS_NOT] = "no",
	[KERNEL_HAS] = "yes",
	[KERNEL_HAS_MODULE] = "module",
};
static_assert(ARRAY_SIZE(has_names) == KERNEL_HAS_COUNT, "a name for each answer");

const char *kernel_has_name(enum kernel_has h)
{
	return (unsigned)h < KERNEL_HAS_COUNT ? has_names[h] : "?";
}

static const char *const told_by_names[] = {
	[KERNEL_TOLD_BY_IKCONFIG] = "the config in it (IKCONFIG)",
	[KERNEL_TOLD_BY_CONFIG] = "the config beside it",
	[KERNEL_TOLD_BY_STRINGS] = "strings in it: there is no config",
};
static_assert(ARRAY_SIZE(told_by_names) == KERNEL_TOLD_BY_COUNT, "a name for each source");

const char *kernel_told_by_name(enum kernel_told_by t)
{
	return (unsigned)t < KERNEL_TOLD_BY_COUNT ? told_by_names[t] : "?";
}

/* --- one wish ------------------------------------------------------------- */

static enum kernel_has by_driver(const struct kernel *k, const char *driver)
{
	static const enum kernel_has has[] = {
		[KERNEL_DRIVER_UNKNOWN] = KERNEL_HAS_UNKNOWN,
		[KERNEL_DRIVER_NONE] = KERNEL_HAS_NOT,
		[KERNEL_DRIVER_MODULE] = KERNEL_HAS_MODULE,
		[KERNEL_DRIVER_BUILTIN] = KERNEL_HAS,
	};

	return has[kernel_driver_find(k, driver)];
}

static enum kernel_has by_config(const struct kernel *k, const struct kernel_wish *w)
{
	if (w->driver)
		return by_driver(k, w->driver);
	return kernel_config_value(k, w->option) == 'y' ? KERNEL_HAS : KERNEL_HAS_NOT;
}

/* A sign that is not there says little of an image that may be too old or too new for it. */
static enum kernel_has by_strings(const struct kernel *k, const struct kernel_wish *w,
				  const struct file_map *m)
{
	if (w->sign && m->size && memmem(m->data, m->size, w->sign, strlen(w->sign)))
		return KERNEL_HAS;
	if (w->decides)
		return KERNEL_HAS_NOT;
	return w->driver ? by_driver(k, w->driver) : KERNEL_HAS_UNKNOWN;
}

static void judge(const struct kernel *k, const struct file_map *m, struct kernel_check *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		const struct kernel_wish *w = &wishes[i];
		enum kernel_has has = c->told_by == KERNEL_TOLD_BY_STRINGS ?
				      by_strings(k, w, m) : by_config(k, w);

		c->has[i] = has;
		c->missing[w->cost] += has == KERNEL_HAS_NOT;
		c->unknown_fatal += has == KERNEL_HAS_UNKNOWN && w->cost == FATAL;
	}
}

/* --- where it is told ----------------------------------------------------- */

/* A folder for what has to be unpacked to be looked at. */
struct scratch {
	char dir[32];
	char *vmlinux, *config;
};

static void scratch_fini(struct scratch *s)
{
	if (*s->dir)
		(void)file_remove_tree(s->dir, NULL);
	free(s->vmlinux);
	free(s->config);
}

static int scratch_init(struct scratch *s, struct err *e)
{
	snprintf(s->dir, sizeof(s->dir), "/tmp/ktstr-check.XXXXXX");
	if (!mkdtemp(s->dir)) {
		int r = err_sys(e, -errno, "create %s", s->dir);

		*s->dir = '\0';
		return r;
	}
	if (asprintf(&s->vmlinux, "%s/vmlinux", s->dir) < 0 ||
	    asprintf(&s->config, "%s/config", s->dir) < 0)
		return err_sys(e, -ENOMEM, "check");
	return 0;
}

int kernel_check(const struct kernel *k, struct kernel_check *ret, struct err *e)
{
	_cleanup_(scratch_fini) struct scratch s = { 0 };
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	struct kernel seen = *k;	/* borrows all of it */
	const struct kernel_packer *packer;
	int r = scratch_init(&s, e);

	*ret = (struct kernel_check){ .told_by = KERNEL_TOLD_BY_CONFIG };
	if (r < 0)
		return r;
	packer = k->bzimage ? kernel_payload_packer(k->bzimage) : NULL;
	ret->packed = packer ? packer->name : NULL;
	/* a bzImage that cannot be unpacked is only looked at as it is */
	if (kernel_is_packed(k) && kernel_unpack_payload(k->bzimage, s.vmlinux))
		seen.image = s.vmlinux;
	r = file_map(seen.image, &m, e);
	if (r < 0)
		return r;
	if (kernel_config_extract(seen.image, s.config, NULL) == 0) {
		ret->told_by = KERNEL_TOLD_BY_IKCONFIG;
		seen.config = s.config;
	} else if (!k->config) {
		ret->told_by = KERNEL_TOLD_BY_STRINGS;
	}
	judge(&seen, &m, ret);
	return 0;
}
