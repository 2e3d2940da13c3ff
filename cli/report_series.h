/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_REPORT_SERIES_H
#define KTSTR_CLI_REPORT_SERIES_H
/*
 * The monitor's series in a record (doc/monitor.md), made into numbers that a
 * picture can be drawn from. What is not there, not read or of another type
 * is NAN. Ownership: the caller's storage. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* More than a picture can show; a record of a stranger may have any number. */
#define SERIES_CPUS_MAX 1024
#define SERIES_TIMES_MAX 65536

struct series {
	const struct json_object *cpus;	/* borrowed */
	const struct json_object *tasks;
	struct json_object *events;	/* NULL: none */
	double *t_ms;		/* ascending */
	size_t times;		/* 0: there is no series */
	size_t count;		/* of CPUs */
};

/* Finds no series in a record without one; false only when memory is out. */
bool series_init(struct series *s, const struct json_object *record);
void series_fini(struct series *s);

/* The CPU's own number. */
double series_cpu_id(const struct series *s, size_t cpu);
/*
 * One field of one CPU: times values into out; a counter from its first value
 * on. False when no value is known.
 */
bool series_field(const struct series *s, size_t cpu, const char *field, double *out);
/* Is any value of the field on any CPU other than 0? */
bool series_has(const struct series *s, const char *field);
/* The name of the task that is at place i of the list of tasks, NULL: none there. */
const char *series_task(const struct series *s, double i, double *ret_pid);
/* One of events: times values into out, over all CPUs since the first sample. */
bool series_event(const struct series *s, const char *name, double *out);
/* When the sample at i stops to hold: the next one's time, or as long as the last took. */
double series_end_ms(const struct series *s, size_t i);

/* A stretch of the run on the axis of the series, which begins when the guest was ready. */
struct series_phase {
	const char *name;		/* static */
	double from_ms, to_ms;
};
#define SERIES_PHASES_MAX 3
/* Those that the axis has some of, in order; returns how many. */
size_t series_phases(const struct json_object *record, struct series_phase out[SERIES_PHASES_MAX]);
/*
 * A time that counts from the run's beginning, on that axis. False when the record
 * does not tell where that is.
 */
bool series_axis_ms(const struct json_object *record, double run_ms, double *ret);
/* The kernel let go of a scheduler: when on the axis, and why. The text is malloc'ed. */
struct series_exit {
	double t_ms;
	char *text;
};
/* The next one of the record's kernel_exits, from *at on (0); false: no more. */
bool series_next_exit(const struct json_object *record, size_t *at, struct series_exit *ret);

#endif
