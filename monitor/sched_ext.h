/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_MONITOR_SCHED_EXT_H
#define KTSTR_MONITOR_SCHED_EXT_H
/*
 * sched_ext as the guest's kernel has it in memory: whether a BPF scheduler is
 * enabled, why one had to go, and the time of its watchdog. Nothing cuts these short
 * as a log does.
 *
 *   what		6.12 to 6.15			since
 *   state		scx_ops_enable_state_var	6.16: scx_enable_state_var
 *   exit info		scx_exit_info			6.16: scx_root->exit_info
 *   watchdog's time	scx_watchdog_timeout		7.1: scx_root->watchdog_timeout
 *   time of its checks	half of that			7.1: scx_watchdog_interval
 *
 * Which of them a kernel has is told by its symbols and BTF (the table in
 * sched_ext.c), never by its version.
 *
 * The life of an exit (kernel/sched/ext.c): kind, code and message are written, the
 * kind last; then the debug dump; then the state becomes DISABLING, and some
 * milliseconds later everything is freed. So it has to be looked for every few
 * milliseconds, and a read holds only if the same exit is still there behind it.
 *
 * Text is the guest's: bounded, and clean for terminals and JSON.
 *
 * Thread: any, one at a time; the guest may run meanwhile.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct kindex;
struct monitor;
struct sched_ext;

/* SCX_EXIT_DUMP_DFL_LEN, and what is believed of a scheduler that asks for more. */
#define SCHED_EXT_DUMP_DEFAULT (32u << 10)
#define SCHED_EXT_DUMP_MAX (1u << 20)
#define SCHED_EXT_NAME_MAX 128		/* SCX_OPS_NAME_LEN */
#define SCHED_EXT_REASON_MAX 128
#define SCHED_EXT_MSG_MAX 1024		/* SCX_EXIT_MSG_LEN */

enum sched_ext_state {
	SCHED_EXT_ENABLING,
	SCHED_EXT_ENABLED,
	SCHED_EXT_DISABLING,
	SCHED_EXT_DISABLED,
	SCHED_EXT_STATE_COUNT,
};

/* "enabling", ... */
const char *sched_ext_state_name(enum sched_ext_state s);

/* Look up the places; borrows the index. Fails for lack of memory only. */
int sched_ext_create(const struct kindex *k, struct sched_ext **ret, struct err *e);
void sched_ext_destroy(struct sched_ext *s);

/* What this kernel has ("scx_state", "scx_exit", ...), and what not, with the reason. */
void sched_ext_available(const struct sched_ext *s, void (*fn)(const char *what, void *arg),
			 void *arg);
void sched_ext_absent(const struct sched_ext *s,
		      void (*fn)(const char *what, const char *why, void *arg), void *arg);

/* -ENOENT: this kernel has none; -ENODATA: a number that is no state. */
int sched_ext_read_state(const struct sched_ext *s, const struct monitor *m,
			 enum sched_ext_state *ret);

struct sched_ext_exit {
	uint64_t info_kva;		/* where it was read: tells one exit from another */
	uint32_t kind;
	char kind_name[40];		/* "SCX_EXIT_ERROR_STALL", as BTF has it; "": not there */
	bool is_error;			/* the kernel threw it out; else it was let go */
	bool has_code;
	int64_t code;
	char ops[SCHED_EXT_NAME_MAX];	/* the scheduler's name; "": not read */
	char reason[SCHED_EXT_REASON_MAX];	/* "runnable task stall" */
	char msg[SCHED_EXT_MSG_MAX];	/* "worker[93] failed to run for 30.1s" */
	char *dump;			/* malloc'ed; NULL: none */
	size_t dump_bytes;		/* without the NUL */
	bool complete;			/* the kernel has written all of it */
};

/*
 * The exit of the scheduler that is there, or is just going. -EAGAIN: it has none,
 * or there is no scheduler; -ESTALE: it went away during the read; -ENOENT: this
 * kernel has no such thing; -ENOMEM. *ret is written on success alone; it is the
 * caller's to sched_ext_exit_fini().
 */
int sched_ext_read_exit(const struct sched_ext *s, const struct monitor *m,
			struct sched_ext_exit *ret);
void sched_ext_exit_fini(struct sched_ext_exit *x);

/* "runnable task stall: worker[93] failed to run for 30.1s" */
void sched_ext_exit_text(const struct sched_ext_exit *x, char *text, size_t size);

/* --- the watchdog ------------------------------------------------------------- */

/*
 * How long a task may wait, and a jiffy's length (0: not known). Errors are those of
 * sched_ext_watchdog_look().
 */
int sched_ext_read_timeout(const struct sched_ext *s, const struct monitor *m,
			   uint64_t *ret_jiffies, uint64_t *ret_tick_ns, struct err *e);

/* One that is held at a time of ours; begin with { .want_ns = ... }. */
struct sched_ext_watchdog {
	uint64_t want_ns;
	bool held;			/* it was read as wanted */
	uint64_t was_ns, now_ns;	/* before the last change, and as it was read last */
};

/*
 * Is the watchdog of the scheduler that is enabled at want_ns? To be called every few
 * milliseconds, since enabling a scheduler sets its time anew. 1; 0: it is to be set;
 * -EAGAIN: there is no scheduler; else *e says why not.
 */
int sched_ext_watchdog_look(const struct sched_ext *s, const struct monitor *m,
			    struct sched_ext_watchdog *w, struct err *e);

/*
 * Set it, in a guest that stands still: in one that runs a scheduler may be freed, its
 * watchdog with it, between the look and the write.
 *
 * The kernel's checks come at half of the time that was set when the scheduler was
 * enabled. Had a shorter one passed by then, the timer tick would take the watchdog
 * itself for dead; so the time of the last check is set to when the next one is due, and
 * from then on the new time counts. Not when it was due already: then the watchdog may be
 * one of the tasks that wait. Where the kernel keeps the time between checks by itself
 * (7.1), it is made as short.
 */
int sched_ext_watchdog_set(const struct sched_ext *s, struct monitor *m,
			   struct sched_ext_watchdog *w, struct err *e);

#endif
