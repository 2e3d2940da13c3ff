/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BENCH_BENCH_H
#define KTSTR_BENCH_BENCH_H
/*
 * Where the time of a run goes, for ktstr and for QEMU's microvm with the same
 * kernel, initramfs and command line.
 *
 *   exec --- first KVM_RUN --- init --- result --- end
 *
 * exec and end are seen from outside; the first KVM_RUN by KVM's tracepoint,
 * init and result by what the guest says. Exits are counted, and memory is
 * read from smaps, in runs of their own, so that neither costs time in the
 * others.
 *
 * The program is a ktstr test program with tests that do next to nothing, so
 * what is measured is the library's own way from main() to verdict. On a
 * machine whose KVM does not run Linux it packs itself, QEMU and the kernel
 * into a nested run in which the clock counts instructions: then a millisecond
 * is a million instructions of VMM, host kernel and guest together.
 *
 * Thread: one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct err;

enum bench_of {
	BENCH_COMPARE,			/* with QEMU's microvm */
	BENCH_SCALE,			/* ktstr alone, by vCPUs and by memory */
	BENCH_PAYLOAD,			/* ktstr alone, by what it packs and how */
	BENCH_WATCH,			/* what a guest loses to the monitor */
	BENCH_OF_COUNT,
};

struct bench_options {
	const char *kernel;		/* what the guests boot: SPEC of --kernel */
	const char *bzimage;		/* the same for QEMU; NULL: kernel */
	const char *outer_kernel;	/* counted; NULL: look for one */
	const char *qemu;		/* NULL: no QEMU, no peer */
	unsigned runs;			/* of each row; 0: the plan's own number */
	unsigned cpus;			/* of the widest guest; 0: the plan's own number */
	enum bench_of of;
	bool counted;			/* inside a machine whose clock counts instructions */
};

/* --- process.c ------------------------------------------------------------ */

struct process {
	uint64_t start_ns, end_ns;	/* CLOCK_MONOTONIC: before exec, after the end */
	uint64_t first_run_ns;		/* first KVM_RUN; 0: not known */
	int status;			/* wait status */
	bool timed_out;
	struct buf out, err;
};

struct process_ops {
	/* the child exists and waits to exec */
	void (*on_start)(int pid, void *arg);
	/* bytes of its stdout (1) or stderr (2); returns true to kill it */
	bool (*on_bytes)(int fd, const void *bytes, size_t n, uint64_t now_ns, void *arg);
	void *arg;
	int pid;
};

int process_run(const char *const *argv, unsigned timeout_ms, struct process_ops *ops,
		struct process *ret, struct err *e);
void process_fini(struct process *p);

/* --- trace.c -------------------------------------------------------------- */

/* KVM's tracepoints in a tracefs instance. */
struct trace {
	char dir[128];			/* "": not available */
};

/* all: every entry and exit, not the first entry alone. */
void trace_open(struct trace *t, bool all);
void trace_close(struct trace *t);
void trace_arm(const struct trace *t);
/* Ends the tracing. */
uint64_t trace_first_run_ns(const struct trace *t);
/* Time between entries and exits, all vCPUs together, up to that moment; 0: not known. */
uint64_t trace_inside_ns(const struct trace *t, uint64_t until_ns);

/* Events of KVM counted for one process and its threads. */
struct counter {
	const char *name;
	const char *event;		/* "kvm_exit" */
	const char *filter;		/* NULL: all */
};

/* As trace.c's table names them. */
enum bench_counter {
	COUNTER_EXITS,
	COUNTER_USER,
	COUNTER_COM1,
	COUNTER_COM2,
	COUNTER_RTC,
	COUNTER_PCI,
	COUNTER_PORTS,
	COUNTER_MMIO,
	COUNTER_MSR,
	COUNTER_CPUID,
	COUNTER_FAULTS,
	COUNTER_HALTS,
	COUNTER_COUNT,
};

struct counts {
	int fd[COUNTER_COUNT];
	uint64_t value[COUNTER_COUNT];	/* UINT64_MAX: could not be counted */
};

const struct counter *counters(size_t *ret_count);
void counts_open(struct counts *c, int pid);
void counts_close(struct counts *c);	/* and read */

/* --- vmm.c ---------------------------------------------------------------- */

enum bench_vmm {
	BENCH_KTSTR,		/* as users start it */
	BENCH_KTSTR_SET,	/* nothing left to look up */
	BENCH_KTSTR_SLOW,	/* and no risky boot options */
	BENCH_QEMU,
	BENCH_VMM_COUNT,
};

const char *bench_vmm_name(enum bench_vmm v);

enum bench_look {
	LOOK_TIME,
	LOOK_COLD,		/* as LOOK_TIME, with nothing packed before */
	LOOK_EXITS,
	LOOK_INSIDE,			/* how much of the way to the result is the guest's own */
	LOOK_MEMORY,
	LOOK_COUNT,
};

/* What happens to the payload. */
enum bench_how {
	BENCH_MAPPED,		/* from shared memory */
	BENCH_LZ4,		/* from shared memory too */
	BENCH_COPIED,		/* without shared memory: packed anew by each run */
	BENCH_HOW_COUNT,
};

const char *bench_how_name(enum bench_how how);

struct bench_load {
	unsigned mb;		/* of files beside our own; 0: none */
	enum bench_how how;
};

/* Who watches the guest; with all but the first its test is a fixed amount of work. */
enum bench_monitor {
	MONITOR_DEFAULT,
	MONITOR_OFF,
	MONITOR_100MS,
	MONITOR_1MS,
	MONITOR_COUNT,
};

/* One run that is to be made. */
struct job {
	size_t row;			/* whose */
	enum bench_vmm vmm;
	unsigned cpus;
	unsigned memory_mib;		/* 0: what the run needs */
	enum bench_look look;
	struct bench_load load;
	enum bench_monitor monitor;
};

struct sample {
	/* nanoseconds since exec; 0: not known */
	uint64_t run_ns, init_ns, result_ns, end_ns;
	uint64_t inside_ns;		/* LOOK_INSIDE: in the guest before the result */
	uint64_t work_ns;		/* of the test, by the guest's clock */
	uint64_t watched;		/* samples of the monitor */
	uint64_t private_kib, resident_kib;	/* beyond guest RAM */
	struct counts counts;
};

const char *bench_monitor_name(enum bench_monitor m);

/* work.c, in the guest: a process pair on each CPU. False: one of them failed. */
bool work_all(unsigned cpus);

/* load.c: the files of a job and its store; empty for LOOK_COLD. *ret: what to include. */
int load_prepare(const struct job *j, const char **ret, struct err *e);

/* Make it. -EPROTO when it did not end in order: the story is in *e. */
int bench_run(const struct bench_options *o, const struct job *j, struct sample *ret,
	      struct err *e);

/* --- plan.c, tables.c: what is measured, and what came of it ----------------- */

#define RUNS_MAX 16
#define ROWS_MAX 16
#define LOOKS_MAX 3			/* beside the runs */
#define JOBS_MAX (ROWS_MAX * (RUNS_MAX + LOOKS_MAX))

struct row {
	enum bench_vmm vmm;
	unsigned cpus, memory_mib;
	struct bench_load load;
	enum bench_monitor monitor;
	unsigned done, failed;
	struct sample sample[RUNS_MAX];	/* LOOK_TIME */
	struct sample once[LOOK_COUNT];	/* the other looks */
	unsigned has;			/* bits: enum bench_look */
};

struct bench_plan {
	size_t count;
	struct job job[JOBS_MAX];
	size_t rows;
	struct row row[ROWS_MAX];
	enum bench_of of;
};

void bench_plan_init(struct bench_plan *p, const struct bench_options *o);
void bench_plan_sample(struct bench_plan *p, size_t job, const struct sample *s);
/* A run that came to nothing. */
void bench_plan_failed(struct bench_plan *p, size_t job, const char *why);
void bench_plan_print(const struct bench_plan *p, bool counted);
/* Does every row have its figures? */
bool bench_plan_complete(const struct bench_plan *p);

/* A sample as one line of text, "@sample JOB ...", and back. */
void sample_print(size_t job, const struct sample *s);
bool sample_parse(const char *line, size_t *ret_job, struct sample *ret);

/* --- measure.c, counted.c ------------------------------------------------------ */

/* A job that fails is tried again: QEMU's software SVM hangs a guest now and then. */
#define TRIES_MAX 6

/* On this machine's KVM. */
void bench_measure(const struct bench_options *o, struct bench_plan *p);
/* Inside the nested run: the jobs from first on, each sample as a line on stdout. */
int bench_measure_lines(const struct bench_options *o, size_t first);
/* The same inside counted nested runs. -errno when there is no way to make one. */
int bench_counted(const struct bench_options *o, struct bench_plan *p, struct err *e);

#endif
