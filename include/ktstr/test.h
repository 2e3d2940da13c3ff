/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_H
#define KTSTR_TEST_H
/*
 * Writing tests. A test program is one binary with two roles: on the host it
 * is a ktstr command (run, list, ...) for the tests in it; as PID 1 of the
 * guest it runs them.
 *
 *	#include <ktstr/test.h>
 *
 *	KTSTR_TEST(two_cpus, .cores = 2)
 *	{
 *		ktstr_check(t, ktstr_cpus(t) == 2, "%u CPUs", ktstr_cpus(t));
 *	}
 *
 *	KTSTR_MAIN
 *
 *	cc test.c $(pkg-config --cflags --libs ktstr) -o test && ktstr run ./test
 *
 * The body runs in the guest, in a process of its own, as root. t is the
 * handle of the running test. A test passes unless something says otherwise;
 * verdicts are ordered fail > inconclusive > pass > skip. A test that dies of
 * a signal, hangs or exits by itself fails with that reason.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef KTSTR_API
#define KTSTR_API __attribute__((visibility("default")))
#endif

struct ktstr_t;
struct ktstr_topology;

/* What KTSTR_TEST() declares. Members that are not set mean "does not matter". */
struct ktstr_test {
	size_t size;			/* sizeof(struct ktstr_test), for later members */
	const char *name;
	void (*run)(struct ktstr_t *t);
	unsigned numa_nodes;		/* the machine must have at least ... */
	unsigned llcs;
	unsigned cores;			/* per LLC */
	unsigned threads;		/* per core */
	unsigned memory_mib;
	unsigned timeout_ms;		/* budget of this test in the guest; 0: 30 s */
	unsigned duration_ms;		/* how long its workload runs; 0: the default, 500 ms */
	const char *tags;		/* words, comma separated; "manual" is run only by name */
	const char *about;		/* one line for ktstr list */
	/*
	 * What the monitor objects to while this test runs, over the defaults:
	 * "imbalance=2,stall=0,enforce" (--rules in ktstr(1)). With "enforce" a
	 * breach fails the run, and a run in which it could not be seen is
	 * inconclusive.
	 */
	const char *rules;
};

/* Tests run in the order of the source; GCC would turn it round. */
#if defined(__has_attribute) && __has_attribute(no_reorder)
#define KTSTR_IN_ORDER __attribute__((no_reorder))
#else
#define KTSTR_IN_ORDER
#endif

#define KTSTR_TEST(id, ...)							\
	static void id(struct ktstr_t *t);					\
	static const struct ktstr_test ktstr_test_##id = {			\
		.size = sizeof(struct ktstr_test), .name = #id, .run = id,	\
		__VA_ARGS__							\
	};									\
	KTSTR_IN_ORDER __attribute__((section("ktstr_tests"), used, retain))	\
	static const struct ktstr_test *const ktstr_entry_##id = &ktstr_test_##id; \
	static void id(struct ktstr_t *t)

/* main() of a test program. Its tests are the entries of the ELF section. */
#define KTSTR_MAIN								\
	extern const struct ktstr_test *const __start_ktstr_tests[]		\
		__attribute__((weak, visibility("hidden")));			\
	extern const struct ktstr_test *const __stop_ktstr_tests[]		\
		__attribute__((weak, visibility("hidden")));			\
	int main(int argc, char **argv)						\
	{									\
		return ktstr_main(argc, argv, __start_ktstr_tests,		\
				  (size_t)(__stop_ktstr_tests - __start_ktstr_tests)); \
	}

/*
 * Decides the role at the first line: PID 1 with the guest token -> guest,
 * and does not return; otherwise the ktstr command. Returns the exit status.
 */
KTSTR_API int ktstr_main(int argc, char **argv, const struct ktstr_test *const *tests,
			 size_t count);

/* --- inside a test ------------------------------------------------------- */

/* Record "Check" and fail when ok is false; returns ok. The text says what was seen. */
__attribute__((format(printf, 3, 4)))
KTSTR_API bool ktstr_check(struct ktstr_t *t, bool ok, const char *fmt, ...);

/* Record a detail and the verdict that it asks for. The test goes on. */
__attribute__((format(printf, 3, 4)))
KTSTR_API void ktstr_fail(struct ktstr_t *t, const char *kind, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
KTSTR_API void ktstr_inconclusive(struct ktstr_t *t, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
KTSTR_API void ktstr_skip(struct ktstr_t *t, const char *fmt, ...);
/* A detail without a verdict. */
__attribute__((format(printf, 2, 3)))
KTSTR_API void ktstr_note(struct ktstr_t *t, const char *fmt, ...);

/* CPUs online in the guest; how long the workload shall run. */
KTSTR_API unsigned ktstr_cpus(const struct ktstr_t *t);
KTSTR_API unsigned ktstr_duration_ms(const struct ktstr_t *t);
/*
 * The shape of the machine that the run asked for (ktstr/topology.h), to hold
 * what the kernel shows against; NULL when nobody told. Lives as long as t.
 */
KTSTR_API const struct ktstr_topology *ktstr_topology(const struct ktstr_t *t);
/* Has the host asked to end the test early? */
KTSTR_API bool ktstr_stopping(const struct ktstr_t *t);

/* What one worker did. Times in nanoseconds. */
struct ktstr_report {
	uint64_t work_units;
	uint64_t cpu_ns;
	uint64_t wall_ns;
	uint64_t run_delay_ns;		/* UINT64_MAX: the kernel does not tell */
	uint64_t max_gap_ns;
	uint64_t migrations;
	uint64_t cpus_seen;
	bool reported;			/* false: the worker died or did not answer */
	int status;			/* wait status when it died */
};

/*
 * What a worker does between start and stop: one unit of work per call, in the
 * worker's process. SIGUSR1 belongs to the stop: it interrupts a unit that
 * sleeps. A unit that goes on for 5 s behind the stop gets its worker killed.
 */
typedef void ktstr_work_fn(void *arg);
/* Built in: about 1024 additions. */
KTSTR_API void ktstr_work_spin(void *arg);

/*
 * Fork n workers, let all of them start at the same moment, run work (with
 * arg) until duration_ms is over, stop them and collect what each reports.
 * Workers are processes, because cgroups and schedulers act on processes.
 * reports has room for n. Each report is also sent to the host. Returns 0, or
 * a negative errno when the workers could not be forked.
 */
KTSTR_API int ktstr_run_workers(struct ktstr_t *t, unsigned n, unsigned duration_ms,
				ktstr_work_fn *work, void *arg, struct ktstr_report *reports);

/*
 * Schedulers inside a test, sched_ext. One at a time: stop what is attached,
 * then start another. A test finds the scheduler of --scheduler attached, and
 * so does the next one, whatever this one does. A scheduler that the kernel
 * throws out, or whose process ends, while it is attached fails the test at
 * once; a start that fails does not, and says why in a note.
 *
 * One call at a time, from any process or thread of the test; waits for its end.
 */

/*
 * Start the scheduler that was packed by --stage NAME=PATH (NULL: the one of
 * --scheduler, with the arguments of --sched-arg when none are given) and wait
 * until the kernel runs it. Arguments are strings, the last one NULL. Returns 0;
 * -ENOENT no such scheduler, -EBUSY one is attached, -ENOEXEC it cannot be
 * executed, -EOPNOTSUPP the kernel has no sched_ext, -ECHILD it died, or the kernel
 * threw it out, before it was attached, -ETIMEDOUT it was not attached in time,
 * -E2BIG arguments.
 */
__attribute__((sentinel))
KTSTR_API int ktstr_scheduler_start(struct ktstr_t *t, const char *name, ...);
/* Stop what runs and wait until the kernel has let go of it. 0, or a negative errno. */
KTSTR_API int ktstr_scheduler_stop(struct ktstr_t *t);
/* Does the kernel run a BPF scheduler just now? */
KTSTR_API bool ktstr_scheduler_is_attached(const struct ktstr_t *t);

/*
 * Have the host write a snapshot of this guest to the file of --dump: registers,
 * sched_ext's state, runqueues, tasks that wait, dispatch queues, BPF maps and
 * programs. why becomes its reason and may be NULL; 256 bytes of it are told. Waits
 * until it is taken: what happened before the call is in it, and the pause is not to
 * be seen. Returns 0; -ENOENT there is no
 * --dump, -E2BIG the run has as many as it keeps (16), -EAGAIN the host is at another
 * one, or the guest is ending. One call at a time, from any process or thread of the
 * test.
 */
KTSTR_API int ktstr_dump(struct ktstr_t *t, const char *why);

#ifdef __cplusplus
}
#endif
#endif
