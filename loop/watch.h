/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_WATCH_H
#define KTSTR_LOOP_WATCH_H
/*
 * Watching the guest's scheduler while it runs: the loop's side of monitor/.
 *
 *   the guest boots         job: the kernel's index, and where its fields lie
 *   guest is ready -> machine_ask(): registers of vCPU 0 -> monitor_attach()
 *   timerfd, every interval -> sampler_take() + schedstat of each vCPU's thread
 *                           -> series
 *   guest has ended -> record_monitor()
 *
 * A timerfd, since libev's own timers may be a millisecond late. Ticks that the
 * loop was too busy for are counted, not made up for.
 *
 * A guest that cannot be watched is no error: the reason goes into the record.
 *
 * Ownership: a member of the run; borrows the machine, which must outlive it.
 * Thread: control.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/kernel_told.h"
#include "monitor/rules.h"

struct job;
struct json_object;
struct kbpf_seen;
struct kindex;
struct machine;
struct monitor;
struct sample_domain;
struct sampler;
struct sched_ext;
struct series;
struct stuck;
struct vcpu_regs;

/* Bytes for the samples of one run: at 100 ms and 64 CPUs about two minutes at full rate. */
#define WATCH_STORE_BYTES (16u << 20)

struct watch {
	uint64_t interval_ns;		/* 0: not wanted */
	/* a task has waited for half of sched_ext's watchdog time; NULL: nobody wants to know */
	void (*on_stuck)(const char *text, void *arg);
	void (*on_settled)(void *arg);	/* watch_settled() from now on; may be NULL */
	/* ask the guest of its kernel; false: it cannot be asked; may be NULL */
	bool (*on_untold)(void *arg);
	void *arg;
	struct err why;			/* why nothing is watched, if so */
	struct machine *machine;	/* borrowed */
	struct ev_loop *loop;		/* NULL: not begun */

	/* the job's until it is done */
	struct job *job;
	char *image;
	struct kindex *index;
	struct sampler *sampler;
	struct stuck *stuck;		/* NULL: see on_stuck */
	struct sched_ext *sched_ext;
	struct kbpf_seen *bpf;
	struct kernel_told told;
	bool told_asked;		/* the file said nothing: the guest is asked */
	struct err index_why;

	bool ready;			/* the guest is */
	uint64_t kernel_gpa;		/* as watch_ready() was told */
	bool settled;			/* it is watched, or will not be */
	struct monitor *monitor;	/* NULL: not attached yet */
	struct series *series;
	struct rules *rules;
	struct rule_limits limits;	/* for samples from now on */
	bool enforce;			/* some limits were to be enforced */
	ev_io tick;
	int timer_fd;
	unsigned cpus;
	int *schedstat_fd;		/* [cpus] of the vCPUs' threads; -1: not there */
	uint64_t start_ns;		/* the guest was ready */
	uint64_t late;			/* ticks that were missed */
	uint64_t schedulers;		/* samples in which sched_ext had a scheduler's counters */
	struct sample_domain *first;	/* [cpus][SAMPLE_DOMAINS_MAX], of the first sample */
};

void watch_init(struct watch *w);
/*
 * Begin to look up what is needed of the kernel in this file. interval_ns 0: only
 * names of code are wanted. on_stuck, on_settled, on_untold and arg are the caller's to set before.
 */
void watch_begin(struct watch *w, struct ev_loop *loop, struct machine *m, const char *image,
		 uint64_t interval_ns);
/*
 * The guest is ready: sample it. on_asked of the machine must call watch_asked().
 * kernel_gpa: where the guest says that its kernel lies; 0: it does not.
 */
void watch_ready(struct watch *w, uint64_t kernel_gpa);
void watch_asked(struct watch *w, const struct vcpu_regs *regs);
/* A piece of what on_untold asked for. False: it makes no sense. */
bool watch_told(struct watch *w, const struct frame *f);
/* From watch_asked() on: of the guest's kernel, for others who look. NULL: it is not watched. */
struct monitor *watch_monitor(const struct watch *w);
const struct sched_ext *watch_sched_ext(const struct watch *w);
/* It is watched, or it is known that it will not be, and why. */
bool watch_settled(const struct watch *w);
/*
 * The limits for what comes now: another test began. Before the guest is watched,
 * too.
 */
void watch_rules(struct watch *w, const struct rule_limits *limits);
/* The task that a scheduler let wait when it was last looked for one; false: there was none. */
bool watch_waited(const struct watch *w, char *text, size_t size);
/* No more samples. Waits for the job. */
void watch_stop(struct watch *w);
/* For names of code; NULL when the kernel has none, or it is not there yet: *ret_why. */
const struct kindex *watch_index(const struct watch *w, const char **ret_why);
void watch_fini(struct watch *w);

/*
 * What the rules say, after watch_stop(): 1 and the worst breach of those to be
 * enforced; 0, none; -ENODATA and why they were not measured.
 */
int watch_verdict(const struct watch *w, char *text, size_t size);

/*
 * The record's "monitor" (doc/monitor.md). A new object, the caller's; NULL: not wanted.
 * since_ns: when the run began, which other times in a record count from.
 */
struct json_object *record_monitor(const struct watch *w, uint64_t since_ns);
/* Its "series". */
struct json_object *record_series(const struct watch *w);
/* Its "bpf"; NULL: there was no program. */
struct json_object *record_bpf(const struct kbpf_seen *s);

#endif
