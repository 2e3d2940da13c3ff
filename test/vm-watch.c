/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the monitor saw from outside against the guest's own view. In the guest
 * this program is the test: it loads a CPU, then keeps quiet and notes what
 * /proc/schedstat and debugfs say before and after. On the host it looks for a
 * sample between the two. Counters only grow, so a sample of that time lies between
 * them in all of them, and one of something else does not.
 */
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "ktstr/ktstr.h"
#include "ktstr/test.h"
#include "test/tap.h"

#define SPINNERS 3
#define SPIN_NAME "watched-spin"
#define SPIN_CPU 1
#define CPUS_MAX 16
#define DEBUGFS "/sys/kernel/debug"

/* --- in the guest -------------------------------------------------------------- */

/* Of a CPU; -1: the kernel does not tell. */
struct view {
	long long run_delay, pcount, sched_count, ttwu_count, nr_switches;
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

static void spin_for(unsigned ms)
{
	pid_t pid[SPINNERS];

	for (unsigned i = 0; i < SPINNERS; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		pin(SPIN_CPU);
		prctl(PR_SET_NAME, SPIN_NAME);	/* it is never seen elsewhere under this name */
		for (;;)
			ktstr_work_spin(NULL);
	}
	rest_ms(ms);
	for (unsigned i = 0; i < SPINNERS; i++)
		kill(pid[i], SIGKILL);
	for (unsigned i = 0; i < SPINNERS; i++)
		waitpid(pid[i], NULL, 0);
}

/* Documentation/scheduler/sched-stats.rst: nine numbers behind "cpuN". */
static void read_schedstat(struct view *v)
{
	FILE *f = fopen("/proc/schedstat", "re");
	char line[512];
	unsigned cpu;
	long long n[9];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "cpu%u %lld %lld %lld %lld %lld %lld %lld %lld %lld", &cpu, &n[0],
			   &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8]) != 10 ||
		    cpu >= CPUS_MAX)
			continue;
		v[cpu].sched_count = n[2];
		v[cpu].ttwu_count = n[4];
		v[cpu].run_delay = n[7];
		v[cpu].pcount = n[8];
	}
	if (f)
		fclose(f);
}

static void read_debug(struct view *v)
{
	FILE *f = fopen(DEBUGFS "/sched/debug", "re");
	unsigned cpu = CPUS_MAX;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		long long n;

		if (sscanf(line, "cpu#%u", &cpu) != 1 && cpu < CPUS_MAX &&
		    sscanf(line, " .nr_switches : %lld", &n) == 1)
			v[cpu].nr_switches = n;
	}
	if (f)
		fclose(f);
}

static void look(struct view v[CPUS_MAX])
{
	memset(v, 0xff, CPUS_MAX * sizeof(*v));
	read_debug(v);
	read_schedstat(v);
}

static void note_domains(struct ktstr_t *t, unsigned cpu)
{
	char names[128] = "";

	for (unsigned i = 0; i < 8; i++) {
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

static void write_one(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		perror(path);
	close_fd(&fd);
}

KTSTR_TEST(watched, .cores = 2, .about = "loads a CPU, then tells what the kernel counted")
{
	struct view a[CPUS_MAX], b[CPUS_MAX];

	(void)mount("debugfs", DEBUGFS, "debugfs", 0, NULL);	/* it may be there */
	write_one("/proc/sys/kernel/sched_schedstats");
	write_one(DEBUGFS "/sched/verbose");	/* else there are no domains to read */
	spin_for(1500);
	pin(0);
	rest_ms(200);
	look(a);
	rest_ms(1000);
	look(b);
	for (unsigned cpu = 0; cpu < MIN(ktstr_cpus(t), CPUS_MAX); cpu++) {
		ktstr_note(t, "view %u %lld %lld %lld %lld %lld %lld", cpu, a[cpu].pcount,
			   b[cpu].pcount, a[cpu].run_delay, b[cpu].run_delay,
			   a[cpu].nr_switches, b[cpu].nr_switches);
		note_domains(t, cpu);
	}
	ktstr_check(t, a[0].pcount > 0 && a[0].nr_switches > 0, "the kernel tells its counters");
}

/* --- on the host ------------------------------------------------------------------ */

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (o)
		json_object_object_get_ex(o, key, &v);
	return v;
}

static struct json_object *at(struct json_object *array, size_t i)
{
	return array && json_object_is_type(array, json_type_array) ?
	       json_object_array_get_idx(array, i) : NULL;
}

/* The i-th value of a counter's column. */
static long long counter(struct json_object *cpu, const char *name, size_t i)
{
	struct json_object *c = get(cpu, name);

	return json_object_get_int64(get(c, "from")) +
	       json_object_get_int64(at(get(c, "plus"), i));
}

static void check_view(struct json_object *series, unsigned cpu, const long long v[6])
{
	struct json_object *column = at(get(series, "cpus"), cpu);
	size_t n = json_object_array_length(get(series, "t_ms"));
	unsigned between = 0;

	for (size_t i = 0; i < n; i++) {
		const long long pcount = counter(column, "pcount", i);
		const long long run_delay = counter(column, "run_delay_ns", i);
		const long long switches = counter(column, "nr_switches", i);

		between += pcount >= v[0] && pcount <= v[1] && run_delay >= v[2] &&
			   run_delay <= v[3] && switches >= v[4] && switches <= v[5];
	}
	printf("# CPU %u: pcount %lld..%lld, run_delay %lld..%lld, nr_switches %lld..%lld: %u of %zu samples\n",
	       cpu, v[0], v[1], v[2], v[3], v[4], v[5], between, n);
	tap_ok(between > 0, "CPU %u: no sample between what the guest read before and after", cpu);
}

static void check_domains(struct json_object *monitor, unsigned cpu, const char *want)
{
	struct json_object *d = get(at(get(get(monitor, "summary"), "cpus"), cpu), "domains");
	char names[128] = "";

	for (size_t i = 0; d && i < json_object_array_length(d); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? "," : "", json_object_get_string(get(at(d, i), "name")) ?: "?");
	printf("# CPU %u: domains %s\n", cpu, want);
	tap_str(*names ? names : "-", want);
}

/* Samples in which the spinners were the CPU's load, and one of them its task. */
static void check_spinning(struct json_object *series)
{
	struct json_object *column = at(get(series, "cpus"), SPIN_CPU);
	size_t n = json_object_array_length(get(series, "t_ms"));
	unsigned loaded = 0, elsewhere = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t cpu = 0; cpu < json_object_array_length(get(series, "cpus")); cpu++) {
			struct json_object *c = at(get(series, "cpus"), cpu);
			int k = json_object_get_int(at(get(c, "curr"), i));
			const char *comm = k < 0 ? NULL : json_object_get_string(
					get(at(get(series, "tasks"), (size_t)k), "comm"));

			if (!comm || strcmp(comm, SPIN_NAME))
				continue;
			elsewhere += cpu != SPIN_CPU;
			loaded += cpu == SPIN_CPU && json_object_get_int(
					at(get(column, "nr_running"), i)) >= SPINNERS;
		}
	}
	tap_ok(loaded >= 5, "%u samples of %zu saw %d tasks on CPU %d", loaded, n, SPINNERS,
	       SPIN_CPU);
	tap_eq(elsewhere, 0);
}

static void check_record(struct json_object *record, unsigned cpus)
{
	struct json_object *monitor = get(record, "monitor"), *series = get(monitor, "series");
	struct json_object *notes = get(at(get(record, "tests"), 0), "details");
	unsigned views = 0;

	if (!tap_ok(series && notes, "nothing was watched: %s",
		    json_object_to_json_string(get(monitor, "absent"))))
		return;
	for (size_t i = 0; i < json_object_array_length(notes); i++) {
		const char *text = json_object_get_string(get(at(notes, i), "text"));
		long long v[6];
		char names[128];
		unsigned cpu;

		if (sscanf(text, "view %u %lld %lld %lld %lld %lld %lld", &cpu, &v[0], &v[1],
			   &v[2], &v[3], &v[4], &v[5]) == 7) {
			check_view(series, cpu, v);
			views++;
		}
		if (sscanf(text, "domains %u %127s", &cpu, names) == 2)
			check_domains(monitor, cpu, names);
	}
	tap_eq(views, cpus);
	check_spinning(series);
}

static void on_done(struct ktstr_run *run, void *arg)
{
	*(int *)arg = ktstr_run_exit_code(run);
}

/* The record of a run of this program; the caller's. */
static struct json_object *watch(const char *topology, const char *cmdline)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ktstr_run *run = ktstr_run_create();
	const char *options[][2] = {
		{ "binary", "/proc/self/exe" }, { "test", "watched" }, { "topology", topology },
		{ "cmdline", cmdline }, { "monitor-interval", "50ms" },
		{ "outer-kernel", getenv("KTSTR_OUTER_KERNEL") },
	};
	struct json_object *record = NULL;
	int code = -1;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i][1])
			tap_eq(ktstr_run_set(run, options[i][0], options[i][1]), 0);
	tap_eq(ktstr_run_start(run, loop, on_done, &code), 0);
	ev_run(loop, 0);
	if (tap_ok(code == 0, "ended with %d: %s", code, ktstr_run_record(run)))
		record = json_tokener_parse(ktstr_run_record(run));
	ktstr_run_destroy(run);
	ev_loop_destroy(loop);
	return record;
}

static uint64_t slide(struct json_object *record)
{
	return strtoull(json_object_get_string(
			get(get(get(record, "monitor"), "kernel"), "kaslr_slide")) ?: "", NULL, 16);
}

static void the_monitor_sees_what_the_guest_sees(void)
{
	struct json_object *record = watch("1,1,2,1", NULL);

	if (record)
		check_record(record, 2);
	json_object_put(record);
}

static void it_does_on_two_nodes_and_without_kaslr_too(void)
{
	struct json_object *record = watch("2,2,2,1", "nokaslr");

	if (record) {
		check_record(record, 4);
		tap_eq(slide(record), 0);
	}
	json_object_put(record);
}

extern const struct ktstr_test *const __start_ktstr_tests[] __attribute__((visibility("hidden")));
extern const struct ktstr_test *const __stop_ktstr_tests[] __attribute__((visibility("hidden")));

int main(int argc, char **argv)
{
	/* PID 1 of a guest, or asked as a test binary */
	if (getpid() == 1 || argc > 1)
		return ktstr_main(argc, argv, __start_ktstr_tests,
				  (size_t)(__stop_ktstr_tests - __start_ktstr_tests));
	if (system("\"${top_builddir:-.}/ktstr\" doctor >/dev/null 2>&1") != 0) {
		printf("ok 1 - the monitor # SKIP no guest can run here (ktstr doctor)\n1..1\n");
		return 0;
	}
	TAP_RUN(the_monitor_sees_what_the_guest_sees);
	TAP_RUN(it_does_on_two_nodes_and_without_kaslr_too);
	return tap_done();
}
