/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_GUEST_H
#define KTSTR_INIT_GUEST_H
/*
 * What PID 1 does to the guest around the tests: mounts, kernel modules, the
 * kernel's log, and the end.
 *
 * Thread: PID 1's only one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct init_host;
struct init_tty;

/*
 * /dev, /proc and /sys, without which nothing goes on: on failure *e says
 * which. Also makes descriptors 0 to 2 open: the console, or /dev/null.
 */
int init_mounts_first(struct err *e);
/* The rest; what the kernel lacks is said by WIRE_LOG, one line for all. */
void init_mounts_rest(struct init_host *h);

/* Was the initramfs unpacked whole? The reason, with numbers, is in *e. */
int init_marker_check(struct err *e);

/* A line on the kernel's console (COM1), for when there is no other way. */
__attribute__((format(printf, 1, 2)))
void init_console(const char *fmt, ...);

#define INIT_KMSG_MAX 8192

/* Forget what the kernel has said so far. fd: /dev/kmsg, non-blocking, or -1. */
void init_kmsg_skip(int fd);
/* The next line that it said, in record; NULL: there is none yet. */
char *init_kmsg_next(int fd, char record[INIT_KMSG_MAX]);
/* What it said since then about the death of a process, or "". */
void init_kmsg_find(int fd, pid_t pid, char *text, size_t size);

/*
 * Load the modules of a folder in the order of their names. Each that the
 * kernel refuses is a WIRE_LOG line; one that is already there is fine.
 */
void init_modules_load(const char *dir, struct init_host *h);

/* Let what was written leave the serial line, then end the machine. */
_Noreturn void init_poweroff(struct init_tty *tty);

/*
 * The outer guest of a nested run: load modules, run path with the arguments
 * and environment given, pass its output, status and signals over the wire.
 * Returns its exit status (128 + N for signal N), or a negative errno when it
 * could not be started. The supervisor of a unit test may call it too.
 */
struct init_outer {
	const char *path;
	char *const *argv;
	char *const *envp;
};

int init_outer_run(const struct init_outer *o, struct init_tty *wire, struct err *e);
_Noreturn void init_outer_main(void);

#endif
