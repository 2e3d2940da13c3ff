/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine as a whole, and what the other files share: vm-topology.h. */
#include "test/vm-topology.h"

#include <cpuid.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

/* --- files ----------------------------------------------------------------- */

bool read_line(char *line, size_t bytes, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	FILE *f;
	bool ok;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(line, (int)bytes, f);
	if (!ok)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return ok || bytes;
}

static void parse_list(const char *s, struct set *ret)
{
	unsigned from, to;
	int n;

	memset(ret, 0, sizeof(*ret));
	while (sscanf(s, "%u%n", &from, &n) == 1) {
		s += n;
		to = from;
		if (sscanf(s, "-%u%n", &to, &n) == 1)
			s += n;
		for (; from <= to && from < CPUS_MAX; from++)
			ret->has[from] = true;
		if (*s++ != ',')
			return;
	}
}

/* A set as the kernel writes it. */
static const char *list_text(const struct set *l, char *text, size_t bytes)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0, end; i < CPUS_MAX && n < bytes; i = end) {
		end = i + 1;
		if (!l->has[i])
			continue;
		while (end < CPUS_MAX && l->has[end])
			end++;
		n += (size_t)snprintf(text + n, bytes - n, "%s%u", n ? "," : "", i);
		if (end > i + 1 && n < bytes)
			n += (size_t)snprintf(text + n, bytes - n, "-%u", end - 1);
	}
	return text;
}

void expect_list(struct ktstr_t *t, const struct set *asked, const char *path)
{
	char line[2048], text[2048];
	struct set seen;

	if (!ktstr_check(t, read_line(line, sizeof(line), "%s", path), "no %s", path))
		return;
	parse_list(line, &seen);
	ktstr_check(t, !memcmp(&seen, asked, sizeof(seen)), "%s: \"%s\", asked for \"%s\"", path,
		    line, list_text(asked, text, sizeof(text)));
}

void expect_number(struct ktstr_t *t, unsigned long asked, const char *path)
{
	char line[64];

	if (ktstr_check(t, read_line(line, sizeof(line), "%s", path), "no %s", path))
		ktstr_check(t, strtoul(line, NULL, 10) == asked, "%s: %s, asked for %lu", path,
			    line, asked);
}

/* --- the shape -------------------------------------------------------------- */

const struct ktstr_topology *shape_of(struct ktstr_t *t)
{
	const struct ktstr_topology *s = ktstr_topology(t);
	char *text = s ? ktstr_topology_text(s) : NULL;

	if (!s)
		ktstr_fail(t, "Setup", "nobody told which shape was asked for");
	else
		ktstr_note(t, "%s", text ? text : "?");
	free(text);
	return s;
}

bool is_online(const struct ktstr_topology *s, unsigned cpu)
{
	return cpu < ktstr_topology_cpus(s) && !ktstr_topology_cpu_is_offline(s, cpu);
}

bool is_amd(void)
{
	unsigned eax, ebx = 0, ecx, edx;

	__get_cpuid(0, &eax, &ebx, &ecx, &edx);
	return ebx == signature_AMD_ebx || ebx == 0x6f677948 /* Hygo */;
}

unsigned node_of(const struct ktstr_topology *s, unsigned cpu)
{
	return ktstr_topology_has_numa(s) ? ktstr_topology_cpu_node(s, cpu) : 0;
}

/* --- complaints --------------------------------------------------------------- */

/* Does an LLC span nodes that the kernel is told of? */
static bool spans(const struct ktstr_topology *s)
{
	for (unsigned i = 1; i < ktstr_topology_cpus(s); i++)
		if (ktstr_topology_cpu_llc(s, i) == ktstr_topology_cpu_llc(s, i - 1) &&
		    node_of(s, i) != node_of(s, i - 1))
			return true;
	return false;
}

/* Linux knows LLCs that span nodes of Intel's only, and within one package. */
static bool may_warn(const struct ktstr_topology *s)
{
	return spans(s) && is_amd();
}

KTSTR_TEST(kernel_complaints, .about = "the kernel finds nothing wrong with the machine")
{
	static const char *const words[] = {
		"APIC ID mismatch", "Topology domain", "CPUID leaf", "ACPI Error",
		"ACPI BIOS Error", "ACPI Warning", "looks invalid", "is not on the same node",
	};
	const struct ktstr_topology *s = shape_of(t);
	static char log[1 << 20];
	int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log) - 1);
	char *rest = log;

	if (!s || !ktstr_check(t, n > 0, "cannot read the kernel's log: %s", strerror(errno)))
		return;
	for (char *line; (line = strsep(&rest, "\n"));)
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strstr(line, words[i]) &&
			    !(may_warn(s) && strstr(line, "llc-sibling")))
				ktstr_fail(t, "Kernel", "%s", line);
}

KTSTR_MAIN
