/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_SCHED_ARGS_H
#define KTSTR_TEST_SCHED_ARGS_H
/* What the loader and the BPF program of the fixture scheduler share. */

#define FIXTURE_TEXT_MAX 64

enum fixture_mode {
	FIXTURE_WORK,		/* first come, first served */
	FIXTURE_STALL,		/* after_ns: tasks (named text) are queued nowhere any more */
	FIXTURE_HOARD,		/* after_ns: they go to a queue that nobody serves */
	FIXTURE_ERROR,		/* after_ns: scx_bpf_error(text) */
	FIXTURE_BAD_DSQ,	/* after_ns: tasks go to a queue that does not exist */
	FIXTURE_BAD_CPU,	/* after_ns: a task wakes on a CPU that does not exist */
	FIXTURE_INIT_FAILS,	/* ops.init returns an error */
};

/* Written before the program is loaded. */
struct fixture_args {
	enum fixture_mode mode;
	unsigned long long after_ns;
	char text[FIXTURE_TEXT_MAX];
};

/* Written by the program. */
struct fixture_state {
	unsigned long long start_ns;	/* when the kernel called ops.init */
	unsigned int exited;		/* ops.exit was called */
};

/* What nobody but the loader writes, in maps of several kinds: for who looks from outside. */
struct fixture_entry {
	enum fixture_mode mode;
	int below;
	struct {
		unsigned char low : 3, high : 5;
		unsigned short words[3];
	} in;
	union {
		unsigned int whole;
		unsigned char byte;
	};
	char name[16];
};

#define FIXTURE_ENTRIES 3
#define FIXTURE_CPUS_MAX 64

#endif
