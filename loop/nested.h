/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_NESTED_H
#define KTSTR_LOOP_NESTED_H
/*
 * A run without hardware virtualization: the same binary, its payload and a
 * kernel with KVM, packed in an initramfs and run by QEMU's software emulation,
 * which provides AMD SVM. There ktstr finds a working /dev/kvm and does its
 * normal run; its output and status come back as frames.
 *
 *   this process                         qemu-system-x86_64
 *   socketpair "wire"  <-- frames -->    COM2 of the outer guest (PID 1: init/outer.c)
 *   socketpair "con"   <-- text ----     COM1 of the outer guest (its kernel console)
 *   pidfd              <-- exit -----    the process
 *
 * QEMU dies with us: PR_SET_PDEATHSIG, which is bound to the thread that calls
 * nested_start(); that thread must outlive the run. It is given no network, no
 * files and no display, and of ours at most a memory file (loop/vmcore.h). One
 * outer CPU: with two, QEMU 7.2 delivers interrupts of the inner guest twice.
 * Its helper_vmrun() injects one and leaves the vector in exception_index, where
 * the CPU finds it when it leaves its loop before the next exit of that guest:
 * because it is kicked, or because a budget of counted instructions is at its end.
 * doc/benchmarks.md has the line.
 *
 * Thread: control. Children are watched by pidfd, not by SIGCHLD.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "loop/config.h"
#include "shmring/wire.h"

struct err;
struct ev_loop;
struct kernel;
struct kernel_modules;
struct kindex;
struct nested;

/* Where the inner kernel lies in the outer guest, under its own file name. */
#define NESTED_KERNEL_DIR "/ktstr/kernel"
/* And its initramfs: it is packed once, here, where all that goes in it lies. */
#define NESTED_INITRAMFS "/ktstr/initramfs"

/* Where the scheduler under test lies there. */
#define NESTED_SCHED_DIR "/ktstr/scheduler"

/* A file that goes along; a program brings its libraries. */
struct nested_file {
	const char *guest, *host;
	bool program;
};

/* What goes into the outer guest. Borrowed for the time of nested_pack(). */
struct nested_payload {
	const struct kernel *outer;	/* boots, and whose modules are loaded */
	const char *inner_image;	/* kernel file for the inner run */
	const struct kindex *inner_index;	/* of inner_image; may be NULL */
	const struct kernel_modules *inner_modules;	/* may be NULL */
	const struct buf *inner_initramfs;	/* may be NULL */
	const char *binary;		/* becomes /init */
	const struct strlist *args;	/* of the inner ktstr, without argv[0] */
	const struct nested_file *file;	/* more files */
	size_t file_count;
};

/*
 * Pack the outer initramfs; blocks, so it runs in a job. *ret_memory_bytes:
 * RAM the outer guest needs, inner_memory_bytes of the inner one included.
 */
int nested_pack(const struct nested_payload *p, uint64_t inner_memory_bytes,
		struct buf *ret_initrd, uint64_t *ret_memory_bytes, struct err *e);

/* All called from the loop. Only on_done() may call nested_destroy(). */
struct nested_ops {
	/*
	 * Bytes that the inner ktstr wrote to its stdout (1) or stderr (2); not
	 * bounded, and in pieces of any size.
	 */
	void (*on_output)(int fd, const void *bytes, size_t n, void *arg);
	/* Bytes of the channel (loop/channel.h) from the inner ktstr; may be NULL. */
	void (*on_channel)(const void *bytes, size_t n, void *arg);
	/*
	 * A sign of life: "outer kernel" when it runs our PID 1, then
	 * NESTED_INNER when the inner ktstr is started. The guest may say it again.
	 */
	void (*on_progress)(const char *phase, void *arg);
	/*
	 * Over, QEMU is gone. status >= 0 is the exit status of the inner ktstr
	 * (0..255); *e is then empty or tells what was wrong around it, for the
	 * case that its output makes no sense: the outer kernel's complaint, lost
	 * frames. Otherwise status is a negative errno and *e the story: QEMU
	 * could not run or died, the outer kernel panicked, the outer guest ended
	 * without a status (with its last lines); -ECANCELED after nested_kill().
	 */
	void (*on_done)(int status, const struct err *e, void *arg);
	void *arg;
};

#define NESTED_INNER "inner ktstr"

struct nested_request {
	const char *qemu;		/* NULL: qemu-system-x86_64 from PATH */
	const char *outer_bzimage;
	const struct buf *initrd;	/* borrowed until nested_start() returns */
	uint64_t memory_bytes;
	unsigned tsc_khz;		/* rate of the host's TSC; 0: the outer kernel measures */
	uint64_t window_bytes;		/* memory that the outer guest sees; 0: none */
	int window_fd;			/* its file; borrowed until nested_start() returns */
	bool dmesg;			/* the outer console's lines to on_output(2), too */
	bool counted;			/* clocks count instructions: figures that repeat */
};

/*
 * -ENOENT with the package to install when QEMU is missing, -EINVAL when the
 * memory cannot even hold the initrd and a kernel.
 */
int nested_start(struct ev_loop *loop, const struct nested_request *q,
		 const struct nested_ops *ops, struct nested **ret, struct err *e);
/* Pass a signal (below 64) to the inner ktstr; before it runs, when it does. */
void nested_signal(struct nested *n, int signo);
/* A frame into the channel to the inner ktstr; -EAGAIN when too much waits. */
int nested_channel(struct nested *n, enum wire_type type, const void *payload, size_t len);
/* Kill QEMU; on_done follows from the loop. */
void nested_kill(struct nested *n);
/* Kills what still runs, without on_done. Accepts NULL. */
void nested_destroy(struct nested *n);
/* The last lines of the outer console and of the outer PID 1, oldest first. */
void nested_console_tail(const struct nested *n, unsigned max,
			 void (*fn)(const char *line, void *arg), void *arg);

#endif
