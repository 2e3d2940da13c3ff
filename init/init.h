/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_INIT_H
#define KTSTR_INIT_INIT_H
/*
 * The guest: what the binary does when it is PID 1.
 *
 *   role "test"   mounts -> ring or COM2 -> READY -> each test in a child ->
 *                 EXIT -> power off
 *   role "command", "terminal"  mounts -> ring or COM2 -> READY -> one command,
 *                 with pipes or with a terminal (command.c) -> EXIT -> power off
 *   role "outer"  the outer guest of a nested run: mounts, loads the KVM
 *                 modules, runs ktstr with the arguments it was given, passes
 *                 its output and status to the host, powers off
 *
 * The host puts the role in the environment of PID 1 by the kernel command
 * line: KTSTR_GUEST=ROLE.
 *
 * PID 1 is the only writer of the ring. A test process talks to PID 1 through
 * a SOCK_SEQPACKET socket, one frame (struct wire_frame and payload) per
 * packet; so a test that crashes cannot tear a frame. Program output (stdout
 * and stderr of a test) comes to PID 1 by a pipe and goes on to COM2, so that
 * frames and output never tear each other there and PID 1 never waits for it.
 *
 *   test process --frames--> socket --+                 +--> ring, doorbell
 *   its children --output--> pipe   --+--> PID 1 -------+
 *   (each test: one process group)    | supervise.c     +--> COM2: output, and
 *   wake, WIRE_STOP --> COM2, ring  --+ link.c               frames without ring
 *
 * Headers: host.h (the host as the supervisor sees it), link.h (the real one),
 * command.h (one command and its streams), supervise.h, sched.h and scx.h (the
 * scheduler under test, sched_ext), test.h (the side of a test), machine.h, guest.h
 * (mounts, modules, power off), ring.h, tty.h, reap.h, select.h.
 *
 * Files in the initramfs, written by the host:
 *   /ktstr/tests      names of the tests to run, one per line; empty = all
 *                     but those tagged "manual"
 *   /scheduler        the scheduler under test; its arguments, NUL separated,
 *                     in /ktstr/sched.args
 *   /ktstr/sched.limit  how long PID 1 waits for an attach, ms
 *   /staging/schedulers/NAME/scheduler  others, for a test to start
 *   /ktstr/sched.hold the host writes into its maps before a test begins; empty
 *   /ktstr/sched.enable, /ktstr/sched.disable  files to write before and behind
 *                     the tests: path, NUL, value, NUL and so on
 *   /ktstr/topology   the shape of the machine, as ktstr_topology_parse() takes it
 *   /ktstr/command.args  the command's, NUL separated; none: the shell of
 *                     /bin/busybox (roles command, terminal)
 *   /ktstr/path       folders for PATH before the usual ones, with ':' between
 *   /ktstr/outer.args arguments of the inner ktstr, NUL separated (role outer)
 *   /ktstr/outer.env  environment, NUL separated "K=V" (role outer)
 *   /ktstr/modules/NNN-name.ko  loaded in the order of their names
 *
 * Thread: PID 1 is single-threaded.
 */
#include <stddef.h>

struct ktstr_test;

#define INIT_ROLE_ENV "KTSTR_GUEST"
#define INIT_RING_ENV "KTSTR_RING"
/* Set: the kernel brings up one CPU, PID 1 the others before READY. */
#define INIT_LATE_ENV "KTSTR_LATE_CPUS"
#define INIT_ROLE_TEST "test"
#define INIT_ROLE_COMMAND "command"
#define INIT_ROLE_TERMINAL "terminal"
#define INIT_ROLE_OUTER "outer"

/* The last entry of the initramfs: without it, it was not unpacked whole. */
#define INIT_MARKER_PATH "/.ktstr_init_ok"
#define INIT_TESTS_PATH "/ktstr/tests"
#define INIT_SCHED_PATH "/scheduler"
#define INIT_SCHED_ARGS "/ktstr/sched.args"
#define INIT_SCHED_LIMIT "/ktstr/sched.limit"
#define INIT_SCHED_HOLD "/ktstr/sched.hold"
#define INIT_SCHED_ENABLE "/ktstr/sched.enable"
#define INIT_SCHED_DISABLE "/ktstr/sched.disable"
#define INIT_STAGED_DIR "/staging/schedulers"
#define INIT_SHAPE_PATH "/ktstr/topology"
#define INIT_COMMAND_ARGS "/ktstr/command.args"
#define INIT_PATH_DIRS "/ktstr/path"
#define INIT_APPLETS_DIR "/ktstr/applets"
#define INIT_BUSYBOX "/bin/busybox"
/* PATH, between the folders of INIT_PATH_DIRS and busybox' applets. */
#define INIT_USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* Where the channel's end is for the inner ktstr of a nested run. */
#define INIT_CHANNEL_FD 3
#define INIT_OUTER_ARGS "/ktstr/outer.args"
#define INIT_OUTER_ENV "/ktstr/outer.env"
#define INIT_MODULES_DIR "/ktstr/modules"

/* Is this process PID 1 of a guest of ours? NULL, or the role. */
const char *init_role(void);

/* Does not return: powers the guest off. */
_Noreturn void init_main(const char *role, const struct ktstr_test *const *tests, size_t count);

#endif
