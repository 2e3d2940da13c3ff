/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_FACTS_H
#define KTSTR_LOOP_FACTS_H
/*
 * What is known of a run: written by the loop as it learns it, judged by
 * facts_verdict(), told by record_build(). Everything that came from the guest
 * is bounded when it is added; what did not fit is counted.
 *
 * Ownership: owns its strings. Thread: control, but for facts_verdict(), which
 * is pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/config.h"
#include "loop/record.h"
#include "loop/sched.h"
#include "shmring/wire.h"
#include "shmring/wire_stream.h"
#include "vcpu/vcpu.h"

struct fact_detail {
	char kind[33];
	enum verdict verdict;		/* what it asks for; PASS for a note */
	char *text;
};

struct fact_test {
	char name[WIRE_NAME_MAX];
	bool finished;			/* a result came */
	enum verdict verdict;
	uint64_t duration_ns;
	struct fact_detail *detail;
	size_t detail_count;
	struct wire_worker *worker;
	size_t worker_count;
};

struct fact_finding {
	char kind[33];
	char *text;
};

struct fact_vcpu {
	struct vcpu_regs regs;
	char *symbol;			/* "do_idle+0x12", NULL when not known */
};

struct fact_stat {
	char name[48];
	uint64_t value;
};

struct json_object;

#define RULES_TEXT_MAX 320
#define FACTS_STATS_MAX 128
#define FACTS_WORKERS_MAX 4096

struct facts {
	/* what was asked for and chosen */
	enum accel accel;
	struct topo topo;
	uint64_t memory_bytes;
	char *accel_why;		/* it is not KVM; NULL: it is, or was asked for */
	char *kernel_path, *kernel_release, *kernel_why;	/* NULL: not known */
	uint64_t initramfs_bytes, initramfs_packed_bytes;	/* packed 0: not compressed */
	bool initramfs_cached;		/* its base was packed before */
	char initramfs_copied[512];	/* why its base is not shared; "": it is */

	/* how it went: 0 = not reached, CLOCK_MONOTONIC otherwise */
	uint64_t phase_ns[PHASE_COUNT];
	enum stop_reason stop;
	enum phase stop_phase;		/* the last one reached when it stopped */
	char stop_text[512];
	char *error;			/* a host failure: the run could not do its job */

	unsigned freezes;
	uint64_t frozen_ns;		/* in all */

	/* what the guest said */
	bool has_exit;
	int exit_code;
	const struct strlist *command;	/* borrowed; NULL: tests were to run */
	bool ended;			/* the command's status came: */
	struct wire_ended end;
	unsigned guest_cpus;		/* that are up, as it said last */
	char guest_release[WIRE_NAME_MAX];
	struct fact_test *test;
	size_t test_count, details, workers;
	uint64_t tests_dropped, details_dropped;
	struct fact_finding *finding;
	size_t finding_count;
	uint64_t findings_dropped;

	struct sched_facts sched;

	/* how it came */
	bool by_ring, by_com2;
	uint64_t frames, bytes, drops, bad_frames;

	/* the machine at its end */
	struct strlist console_tail, program_tail;
	uint64_t exits[VCPU_EXIT_COUNT];
	enum vm_irqchip irqchip;	/* AUTO: there was no machine */
	bool has_exits;
	struct fact_vcpu *vcpu;
	size_t vcpu_count;
	struct fact_stat stat[FACTS_STATS_MAX];
	size_t stat_count;
	struct json_object *monitor;	/* as in the record; NULL: nothing was watched */
	/* of rules that were to be enforced: broken, not measured, or nothing to say (PASS) */
	enum verdict rules;
	char rules_text[RULES_TEXT_MAX];
};

void facts_init(struct facts *f);
void facts_fini(struct facts *f);

/* The first reason wins; later ones are ignored. */
__attribute__((format(printf, 3, 4)))
void facts_stop(struct facts *f, enum stop_reason why, const char *fmt, ...);

__attribute__((format(printf, 3, 4)))
void facts_finding(struct facts *f, const char *kind, const char *fmt, ...);

/* The test of that name, begun if it is new; NULL when there are too many. */
struct fact_test *facts_test(struct facts *f, const char *name);
void facts_detail(struct facts *f, struct fact_test *t, const struct wire_detail *d,
		  const char *text, size_t len);
void facts_worker(struct facts *f, struct fact_test *t, const struct wire_worker *w);
/* enum wire_verdict as a guest wrote it. */
enum verdict facts_wire_verdict(uint32_t v);
void facts_stat_add(struct facts *f, const char *name, uint64_t value);

/* Pure: what the facts amount to, and in one line why. */
#define FACTS_REASON_MAX 1024
enum verdict facts_verdict(const struct facts *f, char reason[FACTS_REASON_MAX]);
/* Pure: the exit status; of a command its own, 99 when it has none, 2 for a 0 that is no pass. */
int facts_exit_code(const struct facts *f, enum verdict v);

#endif
