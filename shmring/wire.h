/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SHMRING_WIRE_H
#define KTSTR_SHMRING_WIRE_H
/*
 * The wire between guest and host: one frame format for every transport, and
 * the layout of the shared-memory ring. Compiled by both sides; includes
 * nothing of ours. All fields little-endian.
 *
 *   frame: | type | flags | sequence | length | crc32 | payload ... |
 *            le16   le16    le32       le32     le32    length bytes
 *
 * crc32 is the IEEE polynomial (zlib's crc32) over the header with crc32 = 0
 * and the payload. sequence counts up by one per frame and direction.
 *
 *   ring region, WIRE_RING_BYTES, one memslot above guest RAM:
 *   0      struct wire_ring_hdr  (host writes it once, before the guest runs)
 *   64     up.head     guest -> host: bytes ever written   (the guest writes)
 *   128    up.tail     guest -> host: bytes ever consumed  (the host writes)
 *   192    down.head   host -> guest: bytes ever written   (the host writes)
 *   256    down.tail   host -> guest: bytes ever consumed  (the guest writes)
 *   4096   up data,   up_bytes   (a power of two)
 *   ...    down data, down_bytes (a power of two)
 *
 * Heads and tails are monotonic byte counts; the position is count & (size -
 * 1). A frame starts at a multiple of 8 and may wrap around the end. Writer:
 * copy the frame, then store head (release), then ring the doorbell. Reader:
 * load head (acquire), copy the frame out, check the copy, store tail
 * (release).
 *
 * Full ring: the guest stores the head that it waits to write in up.wanted (a
 * nonzero value), rings, and waits for a wake byte; the host, having consumed,
 * clears up.wanted and sends one. After a bounded wait the guest drops the
 * frame and counts it in up.drops; the next frame that fits tells (LOST). A
 * dropped frame has no sequence number.
 *
 * Doorbell: a 4-byte write to the I/O port named in KTSTR_RING or, from a
 * kernel without ioperm() (X86_IOPL_IOPERM=n), to gpa + WIRE_DOORBELL_OFFSET, a
 * page behind the ring that no memory backs. The value means nothing.
 * Wake: any byte on COM2's receive side.
 *
 * The host passes the place on the kernel command line, which Linux hands to
 * PID 1 as environment: KTSTR_RING=<gpa hex>,<bytes>,<doorbell port hex>.
 */
#include <stdint.h>

#define WIRE_MAGIC 0x5254534bu			/* "KSTR" */
/*
 * Raised with each change after which a host and a guest of different versions do not
 * understand each other: a number or the layout of a frame, the ring, what init/init.h says
 * that the host writes for the guest. A program tells the host its own in its list of tests;
 * one that tells none was built before 2.
 */
#define WIRE_VERSION 3

#define WIRE_RING_BYTES (1u << 20)
#define WIRE_DATA_OFFSET 4096u
#define WIRE_UP_BYTES (512u << 10)
#define WIRE_DOWN_BYTES (64u << 10)
#define WIRE_PAYLOAD_MAX (64u << 10)
#define WIRE_DOORBELL_PORT 0x510
#define WIRE_DOORBELL_OFFSET WIRE_RING_BYTES	/* from the ring's gpa, MMIO */
#define WIRE_WAKE_BYTE 0x16			/* SYN */

struct wire_frame {
	uint16_t type;		/* enum wire_type */
	uint16_t flags;		/* 0 */
	uint32_t sequence;
	uint32_t length;	/* of the payload, bytes, <= WIRE_PAYLOAD_MAX */
	uint32_t crc32;
};

struct wire_ring_hdr {
	uint32_t magic;
	uint32_t version;
	uint32_t up_bytes;
	uint32_t down_bytes;
};

/* One direction's control words, each on a cache line of its own. */
struct wire_ring_ctl {
	uint64_t head;
	uint64_t wanted;	/* up: see "Full ring" */
	uint64_t drops;		/* frames the writer gave up on */
	uint8_t pad0[40];
	uint64_t tail;
	uint8_t pad1[56];
};

struct wire_ring {
	struct wire_ring_hdr hdr;
	uint8_t pad[48];
	struct wire_ring_ctl up;
	struct wire_ring_ctl down;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the fields are the CPU's");
_Static_assert(sizeof(struct wire_frame) == 16, "wire frame");
_Static_assert(sizeof(struct wire_ring_ctl) == 128, "ring control");
_Static_assert(__builtin_offsetof(struct wire_ring, up) == 64, "up at 64");
_Static_assert(__builtin_offsetof(struct wire_ring, down) == 192, "down at 192");

/* Types of frames; names in wire_type_name(). */
enum wire_type {
	WIRE_NONE,
	/* guest -> host */
	WIRE_LIFECYCLE,		/* struct wire_lifecycle */
	WIRE_TEST_START,	/* struct wire_name, then the test's rules as text */
	WIRE_DETAIL,		/* struct wire_detail: kind, text */
	WIRE_WORKER,		/* struct wire_worker */
	WIRE_RESULT,		/* struct wire_result: verdict of one test */
	WIRE_CRASH,		/* struct wire_crash: a test died of a signal */
	WIRE_LOST,		/* struct wire_lost: frames dropped since the last */
	WIRE_EXIT,		/* struct wire_exit: the guest is done */
	WIRE_LOG,		/* text: a notice of PID 1 */
	WIRE_SCHED,		/* struct wire_sched: the scheduler under test */
	WIRE_SCHED_LOG,		/* bytes: what it prints */
	WIRE_SCHED_STAYS,	/* struct wire_exit, 1: one is attached and shall stay; 0: may go */
	WIRE_KERNEL,		/* wire_kernel.h: what WIRE_KERNEL_ASK asked for */
	WIRE_HOLD,		/* nothing: the scheduler is attached, PID 1 waits for WIRE_GO */
	WIRE_STDOUT,		/* bytes of the command; nested: of the inner ktstr, not granted */
	WIRE_STDERR,		/* the same */
	WIRE_ENDED,		/* struct wire_ended: the command is over */
	WIRE_DUMP_ASK,		/* text, why: a test wants a snapshot of the guest */
	/* a test -> PID 1, no further */
	WIRE_SCHED_ASK,		/* enum wire_sched_ask, strings with their NULs */
	/* nested only, outer guest -> host */
	WIRE_STATUS,		/* struct wire_exit: wait status of the inner ktstr */
	/* host -> guest */
	WIRE_STOP,		/* end the test now, report what there is */
	WIRE_KERNEL_ASK,	/* nothing: what does the kernel say of itself? */
	WIRE_GO,		/* nothing: go on from WIRE_HOLD */
	WIRE_DUMPED,		/* struct wire_exit, 0 or a negative errno: to WIRE_DUMP_ASK */
	WIRE_SIGNAL,		/* struct wire_exit: for the command; nested: the inner ktstr */
	WIRE_STDIN,		/* bytes for the command; none: their end */
	WIRE_WINDOW,		/* struct wire_window */
	/* both ways; wire_stream.h has these, and what a command's streams are */
	WIRE_GRANT,		/* struct wire_grant */
	WIRE_CHANNEL,		/* nested: bytes of the channel between host and inner ktstr */
	WIRE_TYPE_COUNT,
};

enum wire_phase {
	WIRE_PHASE_INIT = 1,	/* PID 1 runs; again when it has brought up one more CPU */
	WIRE_PHASE_READY,	/* mounts done, tests begin */
	WIRE_PHASE_POWEROFF,	/* everything is sent */
	WIRE_PHASE_COUNT,
};

enum wire_verdict {
	WIRE_PASS,
	WIRE_FAIL,
	WIRE_SKIP,
	WIRE_INCONCLUSIVE,
	WIRE_VERDICT_COUNT,
};

/* What becomes of the scheduler under test. */
enum wire_sched_event {
	WIRE_SCHED_ATTACHED = 1,	/* the kernel runs it */
	WIRE_SCHED_STOPPED,		/* by us */
	WIRE_SCHED_NO_EXEC,		/* it cannot be executed */
	WIRE_SCHED_UNSUPPORTED,		/* the kernel has no sched_ext */
	WIRE_SCHED_COMMAND,		/* a command that switches it on failed */
	WIRE_SCHED_DIED_EARLY,		/* its process ended before it was attached */
	WIRE_SCHED_NOT_ATTACHED,	/* its process runs, but it was not attached in time */
	WIRE_SCHED_EJECTED,		/* the kernel threw it out */
	WIRE_SCHED_DIED,		/* its process ended while it was attached */
	WIRE_SCHED_EVENT_COUNT,
};

/* What a test may ask for; the first word of the payload. */
enum wire_sched_ask {
	WIRE_SCHED_ASK_STOP,		/* nothing follows */
	WIRE_SCHED_ASK_START,		/* name ("": the one of --scheduler), arguments */
};

#define WIRE_DUMP_TEXT_MAX 256
#define WIRE_NAME_MAX 128	/* bytes of a name, NUL padded */

struct wire_lifecycle {
	uint32_t phase;		/* enum wire_phase */
	uint32_t cpus;		/* online in the guest */
	uint64_t memory_kib;	/* MemTotal */
	uint64_t uptime_ns;	/* CLOCK_BOOTTIME */
	uint64_t kernel_gpa;	/* where the kernel's code begins; 0: not known */
	char release[WIRE_NAME_MAX];	/* uname -r, with READY */
};

struct wire_name {
	char name[WIRE_NAME_MAX];
};

/* Followed by the text, not NUL terminated. */
struct wire_detail {
	uint32_t verdict;	/* enum wire_verdict that this detail asks for */
	uint32_t pad;
	char kind[32];		/* "Starved", "Check", "Note", ... NUL padded */
};

struct wire_worker {
	uint32_t id;
	uint32_t pid;
	uint64_t work_units;
	uint64_t cpu_ns;
	uint64_t wall_ns;
	uint64_t run_delay_ns;	/* from /proc/PID/schedstat; UINT64_MAX = unknown */
	uint64_t max_gap_ns;	/* longest time between two units of work */
	uint64_t migrations;	/* changes of CPU that the worker saw */
	uint64_t cpus_seen;	/* how many different CPUs */
};

struct wire_result {
	uint32_t verdict;	/* enum wire_verdict */
	uint32_t pad;
	uint64_t duration_ns;
	char name[WIRE_NAME_MAX];
};

/* Followed by text, e.g. where it happened; not NUL terminated. */
struct wire_crash {
	uint32_t signal;
	uint32_t pid;
	char name[WIRE_NAME_MAX];	/* of the test */
	char signal_name[16];		/* "SIGSEGV" */
};

struct wire_lost {
	uint64_t frames;
};

/* Followed by text, why; not NUL terminated. */
struct wire_sched {
	uint32_t event;		/* enum wire_sched_event */
	uint32_t has_status;	/* its process has ended, with ... */
	int32_t status;		/* ... this wait status */
	uint32_t pad;
	uint64_t attach_ns;	/* from its start to attached; 0: it was not */
	char ops[WIRE_NAME_MAX];	/* as the kernel names it; "" before it is attached */
};

struct wire_exit {
	int32_t code;
	uint32_t pad;
};

#endif
