/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_DOCTOR_H
#define KTSTR_CLI_DOCTOR_H
/*
 * The prerequisites of a run, each tried for real by one small function: a
 * row of the table in doctor_checks.c. What they look at is in a struct, so
 * that a test can give them other places.
 * Thread: control; blocks (the probe, QEMU's start).
 */
#include <stdbool.h>
#include <stddef.h>

struct doctor_places {
	const char *cpuinfo;		/* "/proc/cpuinfo" */
	const char *meminfo;		/* "/proc/meminfo" */
	const char *kvm;		/* "/dev/kvm" */
	const char *shm;		/* "/dev/shm" */
	const char *search;		/* PATH; NULL: none */
	const char *kernel;		/* --kernel SPEC; NULL: look for one */
	const char *outer_kernel;
	const char *cache;		/* folder; NULL: there is no place for it */
};

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE,			/* worth knowing; a run works without it */
	DOCTOR_MISS,
	DOCTOR_LEVEL_COUNT,
};

struct doctor_finding {
	enum doctor_level level;
	char text[512];
	char fix[256];			/* a command, or what to do; "" for none */
};

/* Who cannot work without it. */
enum doctor_need {
	DOCTOR_NEED_NONE = 0,
	DOCTOR_NEED_KVM = 1,
	DOCTOR_NEED_NESTED = 2,
	DOCTOR_NEED_BOTH = 3,
};

struct doctor_check {
	const char *name;
	enum doctor_need needed_by;
	void (*run)(const struct doctor_places *places, struct doctor_finding *f);
};

const struct doctor_check *doctor_checks(size_t *ret_count);

/* For the checks: what was seen, and what would help. */
__attribute__((format(printf, 3, 4)))
void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void doctor_fix(struct doctor_finding *f, const char *fmt, ...);

/* doctor_host.c */
void doctor_check_cache(const struct doctor_places *places, struct doctor_finding *f);
void doctor_check_memory(const struct doctor_places *places, struct doctor_finding *f);
void doctor_check_memory_nested(const struct doctor_places *places, struct doctor_finding *f);
void doctor_check_files(const struct doctor_places *places, struct doctor_finding *f);
void doctor_check_threads(const struct doctor_places *places, struct doctor_finding *f);
void doctor_check_memfd(const struct doctor_places *places, struct doctor_finding *f);
void doctor_check_shm(const struct doctor_places *places, struct doctor_finding *f);

/* Which accelerators work when these are the findings, one per check. */
enum doctor_need doctor_works(const struct doctor_finding *findings);

#endif
