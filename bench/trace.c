/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM seen through its tracepoints: when a guest is entered for the first
 * time, and how often it leaves and why. Needs root; what cannot be had is
 * told as not known.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"
#include "bench/bench.h"

#define TRACING "/sys/kernel/tracing"

static bool put(const char *dir, const char *file, const char *text)
{
	char path[256];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return false;
	r = file_write_all(fd, text, strlen(text));
	close(fd);
	return r == 0;
}

/* Of each CPU; for all entries and exits of a boot with many vCPUs. */
#define BUFFER_KB_ONE "16"
#define BUFFER_KB_ALL "49152"

/*
 * When the first entry is all that is wanted, it switches the instance off again: the
 * others cost next to nothing then.
 */
void trace_open(struct trace *t, bool all)
{
	snprintf(t->dir, sizeof(t->dir), "%s/instances/ktstr-bench-%d", TRACING, (int)getpid());
	if (mkdir(t->dir, 0700) < 0 || !put(t->dir, "trace_clock", "mono") ||
	    !put(t->dir, "buffer_size_kb", all ? BUFFER_KB_ALL : BUFFER_KB_ONE) ||
	    !put(t->dir, "tracing_on", "0") ||
	    (all && !put(t->dir, "events/kvm/kvm_exit/enable", "1")) ||
	    (!all && !put(t->dir, "events/kvm/kvm_entry/trigger", "traceoff")) ||
	    !put(t->dir, "events/kvm/kvm_entry/enable", "1"))
		trace_close(t);
}

void trace_close(struct trace *t)
{
	if (!t->dir[0])
		return;
	put(t->dir, "events/kvm/kvm_entry/enable", "0");
	put(t->dir, "events/kvm/kvm_exit/enable", "0");
	put(t->dir, "events/kvm/kvm_entry/trigger", "!traceoff");
	rmdir(t->dir);
	t->dir[0] = '\0';
}

void trace_arm(const struct trace *t)
{
	if (!t->dir[0])
		return;
	put(t->dir, "trace", "");
	put(t->dir, "tracing_on", "1");
}

static FILE *open_events(const struct trace *t)
{
	char path[256];

	if (!t->dir[0])
		return NULL;
	put(t->dir, "tracing_on", "0");
	snprintf(path, sizeof(path), "%s/trace", t->dir);
	return fopen(path, "re");
}

/* What stands before the colon of "  ktstr-71  [000] d....  1234.567890: kvm_entry: ..." */
static uint64_t stamp_ns(const char *line, const char *colon)
{
	const char *start = colon;
	uint64_t s, us;

	while (start > line && start[-1] != ' ')
		start--;
	return sscanf(start, "%" SCNu64 ".%6" SCNu64, &s, &us) == 2 ?
	       s * NSEC_PER_SEC + us * 1000 : 0;
}

uint64_t trace_first_run_ns(const struct trace *t)
{
	_cleanup_fclose_ FILE *f = open_events(t);
	char line[512];
	uint64_t ns = 0;

	while (f && !ns && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, ": kvm_entry:");

		if (at)
			ns = stamp_ns(line, at);
	}
	return ns;
}

#define VCPUS_MAX 1024

/* "# entries-in-buffer/entries-written: 8/8   #P:1"; fewer: the oldest were lost. */
static bool has_lost(const char *line)
{
	const char *at = strstr(line, "entries-written: ");
	uint64_t kept, written;

	return at && sscanf(at, "entries-written: %" SCNu64 "/%" SCNu64, &kept, &written) == 2 &&
	       kept != written;
}

uint64_t trace_inside_ns(const struct trace *t, uint64_t until_ns)
{
	_cleanup_fclose_ FILE *f = open_events(t);
	uint64_t entered_ns[VCPUS_MAX] = { 0 }, sum = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		const char *entry = strstr(line, ": kvm_entry:"), *vcpu = strstr(line, "vcpu ");
		const char *leave = strstr(line, ": kvm_exit:");
		uint64_t ns = entry || leave ? stamp_ns(line, entry ? entry : leave) : 0;
		unsigned n;

		if (has_lost(line))
			return 0;
		if (!ns || !vcpu || sscanf(vcpu, "vcpu %u", &n) != 1 || n >= VCPUS_MAX)
			continue;
		if (ns > until_ns)
			break;
		if (leave && entered_ns[n])
			sum += ns - entered_ns[n];
		entered_ns[n] = entry ? ns : 0;
	}
	return sum;
}

static const struct counter table[] = {
	[COUNTER_EXITS] = { "exits, all", "kvm_exit", NULL },
	[COUNTER_USER] = { "to user space", "kvm_userspace_exit", NULL },
	[COUNTER_COM1] = { "port COM1", "kvm_pio", "port >= 0x3f8 && port <= 0x3ff" },
	[COUNTER_COM2] = { "port COM2", "kvm_pio", "port >= 0x2f8 && port <= 0x2ff" },
	[COUNTER_RTC] = { "port RTC", "kvm_pio", "port >= 0x70 && port <= 0x71" },
	[COUNTER_PCI] = { "port PCI", "kvm_pio", "port >= 0xcf8 && port <= 0xcff" },
	[COUNTER_PORTS] = { "ports, all", "kvm_pio", NULL },
	[COUNTER_MMIO] = { "MMIO", "kvm_mmio", NULL },
	[COUNTER_MSR] = { "MSR", "kvm_msr", NULL },
	[COUNTER_CPUID] = { "CPUID", "kvm_cpuid", NULL },
	[COUNTER_FAULTS] = { "page faults", "kvm_page_fault", NULL },
	[COUNTER_HALTS] = { "halts", "kvm_vcpu_wakeup", NULL },
};
_Static_assert(ARRAY_SIZE(table) == COUNTER_COUNT, "an event for every counter");

const struct counter *counters(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(table);
	return table;
}

static int open_counter(const struct counter *c, int pid)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(a),
		.inherit = 1, .disabled = 1, .enable_on_exec = 1,
	};
	_cleanup_fclose_ FILE *f = NULL;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), TRACING "/events/kvm/%s/id", c->event);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%" SCNu64, (uint64_t *)&a.config) != 1)
		return -1;
	fd = (int)syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0 && c->filter && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, c->filter) < 0)
		close_fd(&fd);
	return fd;
}

void counts_open(struct counts *c, int pid)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		c->fd[i] = open_counter(&table[i], pid);
}

void counts_close(struct counts *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (c->fd[i] < 0 || read(c->fd[i], &c->value[i], 8) != 8)
			c->value[i] = UINT64_MAX;
		close_fd(&c->fd[i]);
	}
}
