/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests for vm-watch.sh and vm-bpf.sh: they tell, as notes, what the guest's own kernel
 * says of itself. view-same compares that with what the host saw. Maps and maps-same:
 * guest-view-maps.c.
 *
 *	cpu CPU NAME FROM TO ...	counters of /proc/schedstat and debugfs, before
 *					and after a quiet moment; names as in a record
 *	sum CPU NAME FROM TO ...	those of which records have no series, during
 *					a load and at the end
 *	domain CPU LEVEL NAME FROM TO ...	the same of a scheduling domain
 *	domains CPU NAME,NAME,...	from the smallest on; "-": none
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/util.h"
#include "ktstr/test.h"
#include "test/guest-view.h"

#define CPUS_MAX 16
#define DOMAINS_MAX 8
#define DEBUGFS "/sys/kernel/debug"

enum counter {
	RUN_DELAY, PCOUNT, NR_SWITCHES, CLOCK,
	YLD_COUNT, SCHED_COUNT, SCHED_GOIDLE, TTWU_COUNT, TTWU_LOCAL, COUNTER_COUNT,
	FIRST_WITHOUT_SERIES = YLD_COUNT,
};

/* As records name them; where in /proc/schedstat's line of a CPU, or the key in debugfs. */
static const struct {
	const char *name;
	unsigned schedstat;
	const char *debug;
} places[COUNTER_COUNT] = {
	[YLD_COUNT] = { "yld_count", 0, NULL },
	[SCHED_COUNT] = { "sched_count", 2, NULL },
	[SCHED_GOIDLE] = { "sched_goidle", 3, NULL },
	[TTWU_COUNT] = { "ttwu_count", 4, NULL },
	[TTWU_LOCAL] = { "ttwu_local", 5, NULL },
	[RUN_DELAY] = { "run_delay_ns", 7, NULL },
	[PCOUNT] = { "pcount", 8, NULL },
	[NR_SWITCHES] = { "nr_switches", 0, "nr_switches" },
	[CLOCK] = { "clock_ns", 0, "clock" },
};

/* The first columns of each reason to balance. */
static const char *const balance[] = { "lb_count", "lb_balanced", "lb_failed" };
#define REASONS 3
#define REASON_COLUMNS 8	/* up to VIEW_SCHEDSTAT_MAX */

struct domain_view {
	long long n[REASONS][ARRAY_SIZE(balance)];
};

/* Of a CPU; -1: the kernel does not tell. */
struct view {
	long long n[COUNTER_COUNT];
	unsigned domains;
	struct domain_view domain[DOMAINS_MAX];
};

struct views {
	unsigned version;	/* of /proc/schedstat */
	struct view cpu[CPUS_MAX];
};

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void rest_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* --- what the kernel says ---------------------------------------------------------- */

/* Numbers of a line; how many there were. */
static unsigned numbers(const char *s, long long *n, unsigned max)
{
	unsigned i = 0;
	char *end;

	for (; i < max; i++, s = end) {
		n[i] = strtoll(s, &end, 10);
		if (end == s)
			break;
	}
	return i;
}

static void take_cpu(struct view *v, const char *line)
{
	long long n[9];

	if (numbers(line, n, 9) != 9)
		return;
	for (unsigned c = 0; c < COUNTER_COUNT; c++)
		if (!places[c].debug)
			v->n[c] = n[places[c].schedstat];
}

static void take_domain(struct view *v, const char *line)
{
	long long n[REASONS * REASON_COLUMNS];
	struct domain_view *d = &v->domain[v->domains];

	if (v->domains == DOMAINS_MAX || numbers(line, n, ARRAY_SIZE(n)) != ARRAY_SIZE(n))
		return;
	for (unsigned r = 0; r < REASONS; r++)
		for (unsigned k = 0; k < ARRAY_SIZE(balance); k++)
			d->n[r][k] = n[r * REASON_COLUMNS + k];
	v->domains++;
}

/* Documentation/scheduler/sched-stats.rst: "cpuN" and 9 numbers, "domainN", a mask and numbers. */
static void read_schedstat(struct views *v)
{
	FILE *f = fopen("/proc/schedstat", "re");
	unsigned cpu = CPUS_MAX;
	char line[1024];
	int at = 0;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned level;

		if (sscanf(line, "version %u", &v->version) == 1)
			continue;
		if (sscanf(line, "cpu%u%n", &cpu, &at) == 1) {
			if (cpu < CPUS_MAX)
				take_cpu(&v->cpu[cpu], line + at);
		} else if (cpu < CPUS_MAX && v->version <= VIEW_SCHEDSTAT_MAX &&
			   sscanf(line, "domain%u %*s%n", &level, &at) == 1) {
			take_domain(&v->cpu[cpu], line + at);
		}
	}
	if (f)
		fclose(f);
}

/* "  .nr_switches : 4711"; times are milliseconds with six digits behind the point. */
static void read_debug(struct views *v)
{
	FILE *f = fopen(DEBUGFS "/sched/debug", "re");
	unsigned cpu = CPUS_MAX;
	char line[512], name[64];

	while (f && fgets(line, sizeof(line), f)) {
		long long n, millionths = 0;
		int got;

		if (sscanf(line, "cpu#%u", &cpu) == 1 || cpu >= CPUS_MAX)
			continue;
		got = sscanf(line, " .%63[a-z_] : %lld.%6lld", name, &n, &millionths);
		for (unsigned c = 0; got >= 2 && c < COUNTER_COUNT; c++)
			if (places[c].debug && !strcmp(name, places[c].debug))
				v->cpu[cpu].n[c] = got == 3 ? n * 1000000 + millionths : n;
	}
	if (f)
		fclose(f);
}

static void look(struct views *v)
{
	*v = (struct views){ 0 };
	for (unsigned i = 0; i < CPUS_MAX; i++)
		memset(v->cpu[i].n, 0xff, sizeof(v->cpu[i].n));
	read_debug(v);
	read_schedstat(v);
}

/* --- as notes ------------------------------------------------------------------------ */

static void note_counters(struct ktstr_t *t, const char *what, unsigned cpu,
			  const struct view *a, const struct view *b)
{
	const bool sums = !strcmp(what, "sum");
	const unsigned end = sums ? COUNTER_COUNT : FIRST_WITHOUT_SERIES;
	struct buf text = BUF_INIT;
	char *s;

	for (unsigned c = sums ? FIRST_WITHOUT_SERIES : 0; c < end; c++)
		buf_fmt(&text, " %s %lld %lld", places[c].name, a->n[c], b->n[c]);
	s = buf_take(&text);
	ktstr_note(t, "%s %u%s", what, cpu, s ? s : "");
	free(s);
}

/* enum cpu_idle_type was turned round in 6.8, which made version 16. */
static void note_balance(struct ktstr_t *t, unsigned cpu, const struct views *from,
			 const struct views *to)
{
	static const char *const order[2][REASONS] = {
		{ "idle", "busy", "newidle" }, { "busy", "idle", "newidle" },
	};
	const struct view *a = &from->cpu[cpu], *b = &to->cpu[cpu];

	for (unsigned i = 0; i < MIN(a->domains, b->domains); i++) {
		struct buf text = BUF_INIT;
		char *s;

		for (unsigned r = 0; r < REASONS; r++)
			for (unsigned k = 0; k < ARRAY_SIZE(balance); k++)
				buf_fmt(&text, " %s_%s %lld %lld", balance[k],
					order[from->version >= 16][r], a->domain[i].n[r][k],
					b->domain[i].n[r][k]);
		s = buf_take(&text);
		ktstr_note(t, "domain %u %u%s", cpu, i, s ? s : "");
		free(s);
	}
}

static void note_domains(struct ktstr_t *t, unsigned cpu)
{
	char names[128] = "";

	for (unsigned i = 0; i < DOMAINS_MAX; i++) {
		char path[128], name[32];
		FILE *f;

		snprintf(path, sizeof(path), DEBUGFS "/sched/domains/cpu%u/domain%u/name", cpu, i);
		f = fopen(path, "re");
		if (!f)
			break;
		if (fscanf(f, "%31s", name) == 1)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 i ? "," : "", name);
		fclose(f);
	}
	ktstr_note(t, "domains %u %s", cpu, *names ? names : "-");
}

/* --- the counters ---------------------------------------------------------------------- */

static void write_one(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		perror(path);
	close_fd(&fd);
}

static void start_spinners(pid_t pid[VIEW_SPINNERS], unsigned cpu)
{
	for (unsigned i = 0; i < VIEW_SPINNERS; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		pin(cpu);
		/* from here on: it is never seen elsewhere under this name */
		prctl(PR_SET_NAME, VIEW_SPIN_NAME);
		for (;;)
			ktstr_work_spin(NULL);
	}
}

static void end_spinners(const pid_t pid[VIEW_SPINNERS])
{
	for (unsigned i = 0; i < VIEW_SPINNERS; i++)
		kill(pid[i], SIGKILL);
	for (unsigned i = 0; i < VIEW_SPINNERS; i++)
		waitpid(pid[i], NULL, 0);
}

KTSTR_TEST(counters, .about = "loads the last CPU, then tells what the kernel counted")
{
	static struct views load, before, after;
	const unsigned cpus = MIN(ktstr_cpus(t), CPUS_MAX);
	pid_t pid[VIEW_SPINNERS];

	(void)mount("debugfs", DEBUGFS, "debugfs", 0, NULL);	/* it may be there */
	write_one("/proc/sys/kernel/sched_schedstats");
	write_one(DEBUGFS "/sched/verbose");	/* else there are no domains to read */
	start_spinners(pid, cpus - 1);
	rest_ms(700);
	look(&load);		/* with a load there is something to balance */
	rest_ms(500);
	end_spinners(pid);
	pin(0);
	rest_ms(200);
	look(&before);
	rest_ms(1000);
	look(&after);
	rest_ms(300);		/* for a sample behind it */
	ktstr_note(t, "schedstat %u", after.version);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		note_counters(t, "cpu", cpu, &before.cpu[cpu], &after.cpu[cpu]);
		note_counters(t, "sum", cpu, &load.cpu[cpu], &after.cpu[cpu]);
		note_balance(t, cpu, &load, &after);
		note_domains(t, cpu);
	}
	ktstr_check(t, before.cpu[0].n[PCOUNT] > 0 && before.cpu[0].n[NR_SWITCHES] > 0,
		    "the kernel tells its counters");
}

KTSTR_MAIN
