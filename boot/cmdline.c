/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel command line, and the table of options that ktstr gives its
 * guests. doc/boot-options.md shows the table with figures, and says why
 * other well-known options are not in it; a test compares the two.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/boot.h"

static const struct boot_option options[] = {
	{ "console=ttyS0", BOOT_WHEN_ALWAYS,
	  "the console is COM1, where it is captured", "" },
	{ "panic=-1", BOOT_WHEN_ALWAYS,
	  "a panic restarts at once, so the run ends then and not at its deadline", "" },
	{ "reboot=k", BOOT_WHEN_ALWAYS,
	  "a restart is one write to port 0x64, with or without ACPI, and never a triple fault, "
	  "which would look like a crash", "" },
	{ "no_timer_check", BOOT_WHEN_ALWAYS,
	  "the check of the timer's interrupt panics on a host too busy to deliver it in time",
	  "" },
	{ "random.trust_cpu=on", BOOT_WHEN_ALWAYS,
	  "getrandom() does not wait for entropy, which no device here gives",
	  "randomness rests on the CPU" },
	{ "rootfstype=ramfs", BOOT_WHEN_ALWAYS,
	  "the root file system may take all RAM, as tmpfs it may take half",
	  "filling / ends in out of memory, not in ENOSPC" },
	{ "retain_initrd", BOOT_WHEN_ALWAYS,
	  "the packed initramfs is not overwritten and freed, which would touch all of it",
	  "its RAM stays taken" },
	{ "pci=off", BOOT_WHEN_ALWAYS,
	  "there is no PCI bus, and looking for one is 85 exits", "" },
	{ "initcall_blacklist=pci_arch_init", BOOT_WHEN_ALWAYS,
	  "without a PCI bus it says \"PCI: Fatal: No config space access function found\", an "
	  "error that is none, and does nothing else", "" },
	{ "quiet", BOOT_WHEN_QUIET,
	  "each character on the console is an exit to the host",
	  "messages below errors do not show on the console" },
	{ "loglevel=7", BOOT_WHEN_VERBOSE, "all but debug messages show on the console", "" },
	{ "cpuhp.parallel=0", BOOT_WHEN_CROWDED,
	  "CPUs that are brought up at once spin until their turn comes, on the host's CPU that "
	  "the others need", "" },
	{ "maxcpus=1", BOOT_WHEN_LATE,
	  "until the boot is nearly over each CPU that is up takes every tick; PID 1 brings up the "
	  "others when they can idle", "unbound workqueues know one last-level cache" },
	{ "nopat", BOOT_WHEN_LATE,
	  "to set its PAT each CPU that comes up stops all others, which wait for each other; the "
	  "MTRRs are off for the same reason", "memory that is mapped write-combining" },
	{ "nosoftlockup", BOOT_WHEN_LATE,
	  "a CPU that did not get on for 20 s has waited for its turn on the host's",
	  "messages about soft lockups" },
	{ "cryptomgr.notests", BOOT_WHEN_FAST,
	  "self-tests of the kernel's ciphers", "their self-tests" },
	{ "initcall_blacklist=jent_mod_init", BOOT_WHEN_FAST,
	  "self-tests of the jitter random number generator", "jitterentropy_rng" },
	{ "initcall_blacklist=trace_eval_init", BOOT_WHEN_FAST,
	  "replaces the names of enums in the formats of all trace events",
	  "the print fmt of trace events keeps such names" },
	{ "initcall_blacklist=ftrace_check_for_weak_functions", BOOT_WHEN_FAST,
	  "looks up each traceable function to find overridden weak ones",
	  "weak functions stay in available_filter_functions" },
	{ "initcall_blacklist=bpf_tcp_ca_kfunc_init", BOOT_WHEN_FAST,
	  "checks kfuncs against the BTF", "TCP congestion control in BPF" },
	{ "initcall_blacklist=bpf_dummy_struct_ops_init", BOOT_WHEN_FAST,
	  "checks a struct_ops of self-tests against the BTF",
	  "bpf_dummy_ops of the kernel's self-tests" },
	{ "initcall_blacklist=raid6_select_algo", BOOT_WHEN_FAST,
	  "benchmarks RAID6 for a fixed time",
	  "raid6_pq, and with it btrfs and RAID5/6; as modules, they do not load" },
	{ "pty.legacy_count=0", BOOT_WHEN_FAST,
	  "makes 256 BSD-style terminals", "/dev/ptyXX and /dev/ttyXX of BSD" },
	{ "tsc=reliable", BOOT_WHEN_FAST,
	  "compares the TSC of each CPU for up to 20 ms, and goes on watching it",
	  "a TSC that differs between CPUs is not noticed" },
};

const struct boot_option *boot_options(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(options);
	return options;
}

const char *cmdline_find(const char *text, const char *name)
{
	size_t n = strlen(name);

	/* words as next_arg() of Linux 6.12 (lib/cmdline.c) takes them: quotes hold blanks */
	for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
		const char *word = *p == '"' ? p + 1 : p;

		if (!strncmp(word, name, n) && (!word[n] || strchr("= \"", word[n])))
			return word;
		for (bool quoted = false; *p && (quoted || *p != ' '); p++)
			quoted ^= *p == '"';
	}
	return NULL;
}

void cmdline_init(struct cmdline *c)
{
	*c = (struct cmdline){ 0 };
}

void cmdline_add(struct cmdline *c, const char *fmt, ...)
{
	size_t space = c->len ? 1 : 0;
	size_t room = sizeof(c->text) - c->len;
	va_list ap;
	int n;

	if (c->overflow)
		return;
	/* written behind the place of the blank, which is put there when the piece is not empty */
	va_start(ap, fmt);
	n = room > space ? vsnprintf(c->text + c->len + space, room - space, fmt, ap) : -1;
	va_end(ap);
	if (n < 0 || (size_t)n >= room - space) {
		c->text[c->len] = '\0';
		c->overflow = true;
		return;
	}
	if (n == 0) {
		c->text[c->len] = '\0';
		return;
	}
	if (space)
		c->text[c->len] = ' ';
	c->len += space + (size_t)n;
}

bool cmdline_has(const struct cmdline *c, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = c->text; (p = strstr(p, word)); p += n)
		if ((p == c->text || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

int cmdline_check(const struct cmdline *c, unsigned max, struct err *e)
{
	if (c->overflow)
		return err_set(e, -E2BIG, "kernel command line: longer than %zu bytes, "
			       "the kernel takes %u", sizeof(c->text) - 1, max);
	if (c->len > max)
		return err_set(e, -E2BIG, "kernel command line: %zu bytes, the kernel takes %u",
			       c->len, max);
	return 0;
}

void boot_cmdline_defaults(struct cmdline *c, struct boot_choice choice)
{
	const bool on[] = {
		[BOOT_WHEN_ALWAYS] = true,
		[BOOT_WHEN_QUIET] = !choice.verbose,
		[BOOT_WHEN_VERBOSE] = choice.verbose,
		[BOOT_WHEN_FAST] = choice.fast,
		[BOOT_WHEN_CROWDED] = choice.crowded,
		[BOOT_WHEN_LATE] = choice.late,
	};

	static_assert(ARRAY_SIZE(on) == BOOT_WHEN_COUNT, "a rule for each kind of option");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (on[options[i].when])
			cmdline_add(c, "%s", options[i].text);
}
