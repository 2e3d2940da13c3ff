/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test program for vm-wide.sh: are the guest's interrupts what the board
 * wires? A UART without an interrupt would be polled, and work as well.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ktstr/test.h"

/*
 * Counts of the line of /proc/interrupts whose last word is name, summed over
 * the CPUs. -1 when there is none. line gets what follows the counts.
 */
static long long count_irqs(const char *name, char *rest, size_t size)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char *line = NULL;
	size_t room = 0;
	long long sum = -1;

	*rest = '\0';
	while (f && sum < 0 && getline(&line, &room, f) > 0) {
		char *at = strchr(line, ':'), *end;
		char *last = strrchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (!at || !last || strcmp(last + 1, name))
			continue;
		sum = 0;
		for (at++;; at = end) {
			long long n = strtoll(at, &end, 10);

			/* "3-edge" is no count */
			if (end == at || (*end && *end != ' '))
				break;
			sum += n;
		}
		snprintf(rest, size, "%s", at + strspn(at, " "));
	}
	free(line);
	if (f)
		fclose(f);
	return sum;
}

/* COM2 is PID 1's: what the test prints goes there. */
KTSTR_TEST(uart_interrupts, .about = "COM2's interrupts come through the IOAPIC")
{
	char rest[128];
	int tty = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	long long before = count_irqs("ttyS1", rest, sizeof(rest)), after;

	ktstr_check(t, before >= 0 && strstr(rest, "IO-APIC"), "before: %lld %s", before, rest);
	ktstr_check(t, dprintf(tty, "a line\n") > 0 && tcdrain(tty) == 0, "COM2 is open");
	after = count_irqs("ttyS1", rest, sizeof(rest));
	ktstr_check(t, after > before, "after: %lld %s", after, rest);
	ktstr_note(t, "%lld interrupts: %s", after, rest);
	close(tty);
}

/* Where the interrupt goes now. */
static bool moved_to(const char *cpu)
{
	FILE *f = fopen("/proc/irq/3/effective_affinity_list", "r");
	char line[32] = "";

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	return !strcmp(line, cpu);
}

static bool put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	close(fd);
	return ok;
}

/* vm-wide.sh boots 288 CPUs for it, with maxcpus=1. */
KTSTR_TEST(last_cpu, .tags = "manual", .about = "a CPU with an APIC id above 255 gets interrupts")
{
	char path[96], last[24], rest[128];
	int tty = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	long long before, after;

	snprintf(last, sizeof(last), "%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%s/online", last);
	ktstr_check(t, put(path, "1"), "CPU %s comes up", last);
	ktstr_check(t, put("/proc/irq/3/smp_affinity_list", last), "IRQ 3 goes to CPU %s", last);
	/* the first one is still served where it was, and moves the interrupt */
	dprintf(tty, "a line\n");
	tcdrain(tty);
	before = count_irqs("ttyS1", rest, sizeof(rest));
	ktstr_check(t, dprintf(tty, "a line\n") > 0 && tcdrain(tty) == 0, "COM2 is open");
	after = count_irqs("ttyS1", rest, sizeof(rest));
	ktstr_check(t, after > before, "%lld interrupts, then %lld", before, after);
	ktstr_check(t, moved_to(last), "they came to CPU %s", last);
	ktstr_note(t, "CPU %s: %lld interrupts", last, after);
	close(tty);
}

KTSTR_MAIN
