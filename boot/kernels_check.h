/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_KERNELS_CHECK_H
#define KTSTR_BOOT_KERNELS_CHECK_H
/*
 * What a kernel has of what ktstr wants, told without booting it: by the
 * .config that it carries (IKCONFIG), else by one beside it, else by strings
 * in its image. Thread: any; blocks (an image may have to be unpacked).
 */
#include <stdbool.h>
#include <stddef.h>

struct err;
struct kernel;

/* What it costs when it is missing. */
enum kernel_cost {
	KERNEL_COST_FATAL,	/* no guest runs */
	KERNEL_COST_FEATURE,	/* something that ktstr does is not to be had */
	KERNEL_COST_PITY,	/* it works; less well, or with less to see */
	KERNEL_COSTS,
};

const char *kernel_cost_name(enum kernel_cost c);

enum kernel_has {
	KERNEL_HAS_UNKNOWN,	/* no config, and strings do not tell */
	KERNEL_HAS_NOT,
	KERNEL_HAS,
	KERNEL_HAS_MODULE,
	KERNEL_HAS_COUNT,
};

const char *kernel_has_name(enum kernel_has h);

struct kernel_wish {
	const char *name;	/* "sched_ext" */
	const char *option;	/* the option that brings it */
	enum kernel_cost cost;
	const char *without;	/* what is lost */
	const char *driver;	/* may be a module of this name; NULL: must be built in */
	const char *sign;	/* a string that only an image with it has; NULL: none is known */
	bool decides;		/* without the sign it is not there: BTF names the type, say */
};

const struct kernel_wish *kernel_wishes(size_t *ret_count);

enum kernel_told_by {
	KERNEL_TOLD_BY_IKCONFIG,
	KERNEL_TOLD_BY_CONFIG,	/* a file beside it */
	KERNEL_TOLD_BY_STRINGS,
	KERNEL_TOLD_BY_COUNT,
};

const char *kernel_told_by_name(enum kernel_told_by t);

#define KERNEL_WISHES_MAX 48

struct kernel_check {
	enum kernel_told_by told_by;
	const char *packed;	/* how the bzImage is: "zstd"; NULL: there is none, or not known */
	enum kernel_has has[KERNEL_WISHES_MAX];		/* by kernel_wishes() */
	unsigned missing[KERNEL_COSTS];
	unsigned unknown_fatal;		/* fatal ones of which nothing is known */
};

int kernel_check(const struct kernel *k, struct kernel_check *ret, struct err *e);

#endif
