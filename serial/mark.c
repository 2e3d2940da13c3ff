/* SPDX-License-Identifier: GPL-2.0-only */
/* What a line of the kernel console announces. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/util.h"
#include "serial/capture.h"

/*
 * How messages begin; the first row that fits counts. '#' stands for a number.
 * Sources are in Linux: kernel/panic.c, init/main.c, mm/oom_kill.c,
 * kernel/watchdog*.c, arch/x86/{kernel/{traps,dumpstack}.c,mm/fault.c},
 * arch/arm64/{kernel/traps.c,mm/fault.c}.
 */
static const struct {
	const char *start;
	enum capture_mark mark;
} messages[] = {
	{ "Linux version ", CAPTURE_BANNER },

	{ "Kernel panic - not syncing", CAPTURE_PANIC },
	{ "PANIC: early exception ", CAPTURE_PANIC },	/* halts without a panic */
	{ " -- System halted", CAPTURE_PANIC },		/* the decompressor gives up */

	/* called BUG, but the kernel is as well as before */
	{ "BUG: KCSAN: data-race in ", CAPTURE_PLAIN },
	{ "BUG: MAX_LOCKDEP_", CAPTURE_PLAIN },
	{ "BUG: MAX_STACK_TRACE_ENTRIES too low", CAPTURE_PLAIN },

	{ "BUG: ", CAPTURE_OOPS },
	{ "watchdog: BUG: ", CAPTURE_OOPS },
	{ "NMI watchdog: BUG: ", CAPTURE_OOPS },
	{ "watchdog: Watchdog detected hard LOCKUP", CAPTURE_OOPS },
	{ "watchdog: CPU#: Watchdog detected hard LOCKUP", CAPTURE_OOPS },
	{ "NMI watchdog: Watchdog detected hard LOCKUP", CAPTURE_OOPS },
	{ "kernel BUG at ", CAPTURE_OOPS },
	{ "Oops: ", CAPTURE_OOPS },
	{ "Oops - ", CAPTURE_OOPS },
	{ "Internal error: ", CAPTURE_OOPS },		/* arm64 */
	{ "Unable to handle kernel ", CAPTURE_OOPS },	/* arm64 */
	{ "general protection fault", CAPTURE_OOPS },
	{ "traps: PANIC: double fault", CAPTURE_OOPS },
	{ "PANIC: double fault", CAPTURE_OOPS },
	{ "double fault: ", CAPTURE_OOPS },
	{ "invalid opcode: ", CAPTURE_OOPS },
	{ "divide error: ", CAPTURE_OOPS },
	{ "stack segment: ", CAPTURE_OOPS },

	{ "Out of memory: Kill", CAPTURE_OOM },
	{ "Out of memory (oom_kill_allocating_task): Kill", CAPTURE_OOM },
	/* what unpacking says when the root file system is full */
	{ "Initramfs unpacking failed: write error", CAPTURE_OOM },

	{ "No working init found", CAPTURE_NO_INIT },
	{ "Failed to execute /init", CAPTURE_NO_INIT },
	{ "Starting init: ", CAPTURE_NO_INIT },
	{ "check access for rdinit=", CAPTURE_NO_INIT },
};

#define COMM_MAX 15		/* of a task's name, TASK_COMM_LEN less the NUL */

static const char *skip_digits(const char *s)
{
	while (isdigit((unsigned char)*s))
		s++;
	return s;
}

/* Does s begin with pattern? */
static bool begins(const char *s, const char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern != '#') {
			if (*s++ != *pattern)
				return false;
			continue;
		}
		if (!isdigit((unsigned char)*s))
			return false;
		s = skip_digits(s);
	}
	return true;
}

/* Behind "[    0.500000]", "[    T1]" or "[    C0]"; s when there is none. */
static const char *skip_bracket(const char *s)
{
	const char *p = s, *digits;

	if (*p++ != '[')
		return s;
	p += strspn(p, " ");
	if (*p == 'T' || *p == 'C')
		digits = p + 1;
	else
		digits = skip_digits(p);
	if (digits == p || (isdigit((unsigned char)*p) && *digits++ != '.'))
		return s;
	p = skip_digits(digits);
	return p > digits && *p == ']' ? p + 1 : s;
}

/* The message behind printk's prefixes: level, time, caller. */
static const char *skip_prefix(const char *line)
{
	const char *s = line, *p;

	if (begins(s, "<#>"))
		s = strchr(s, '>') + 1;
	p = skip_bracket(s);
	if (p == s)
		return s;
	p = skip_bracket(p);
	return *p == ' ' ? p + 1 : p;
}

/*
 * Some messages begin with the name of a task, which any program can choose:
 * "BUG: x[123]: segfault at 0 ip ...". The name is cut after COMM_MAX bytes.
 */
static bool begins_with_comm(const char *s)
{
	static const char *const behind[] = {
		"[#]", " (#)", " (pid #)", "/#",
		" invoked oom-killer: ", ": page allocation ",
	};
	size_t len = strnlen(s, COMM_MAX);

	for (size_t at = 0; at <= len; at++)
		for (size_t i = 0; i < ARRAY_SIZE(behind); i++)
			if (begins(s + at, behind[i]))
				return true;
	return false;
}

enum capture_mark capture_mark(const char *line)
{
	const char *s = skip_prefix(line);

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (!begins(s, messages[i].start))
			continue;
		/* a longer start cannot be a task's name */
		if (strlen(messages[i].start) <= COMM_MAX && begins_with_comm(s))
			return CAPTURE_PLAIN;
		return messages[i].mark;
	}
	return CAPTURE_PLAIN;
}

const char *capture_mark_name(enum capture_mark m)
{
	static const char *const names[] = {
		[CAPTURE_PLAIN] = "plain",
		[CAPTURE_BANNER] = "banner",
		[CAPTURE_PANIC] = "panic",
		[CAPTURE_OOPS] = "oops",
		[CAPTURE_OOM] = "oom",
		[CAPTURE_NO_INIT] = "no-init",
	};

	static_assert(ARRAY_SIZE(names) == CAPTURE_MARK_COUNT, "a name for each mark");
	return (unsigned)m < CAPTURE_MARK_COUNT ? names[m] : "unknown";
}
