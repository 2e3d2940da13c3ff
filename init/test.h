/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_TEST_H
#define KTSTR_INIT_TEST_H
/*
 * The side of a test: its process, and the socket to PID 1.
 *
 * A packet on the socket is one frame, struct wire_frame and payload; PID 1
 * renumbers it. The other way there is one packet, WIRE_STOP, which nobody
 * reads: it makes the socket readable for whoever waits.
 *
 * Thread: any; a handle is never written to after its making.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "init/answer.h"
#include "shmring/shmring.h"

struct ktstr_test;
struct ktstr_topology;

/*
 * A page that PID 1 and all processes of tests share. PID 1 writes.
 */
struct init_shared {
	atomic_bool stop;
	struct init_answer sched, dump;	/* to WIRE_SCHED_ASK, to WIRE_DUMP_ASK */
};

struct ktstr_t {
	const struct ktstr_test *test;
	const struct init_shared *shared;
	const struct ktstr_topology *topology;	/* NULL: the host did not tell */
	int sock;
	unsigned cpus;
};

/* The longest text of a detail. */
#define INIT_TEXT_MAX 4096
/* The largest packet, header included. */
#define INIT_PACKET_MAX (sizeof(struct wire_frame) + WIRE_PAYLOAD_MAX)

/* Send one packet; 0 or a negative errno. Waits while PID 1 is behind. */
int init_packet_send(int sock, enum wire_type type, const void *payload, size_t len,
		     const void *payload2, size_t len2);
/* Is this packet a frame? The payload of *ret lies in packet. */
bool init_packet_parse(const void *packet, size_t n, struct frame *ret);

/*
 * The process of one test: fork, own process group, stdin from /dev/null,
 * output to the pipe, then run and say that it is over. PID 1 has descriptors
 * 0 to 2 open, whatever they are.
 */
struct init_child {
	const struct ktstr_test *test;
	const struct init_shared *shared;
	const struct ktstr_topology *topology;
	unsigned cpus;
	pid_t pid;
	int sock;	/* frames of the test; non-blocking */
	int output;	/* what it prints; non-blocking */
};

struct init_host;
/* Fills in pid, sock and output. Negative errno when it cannot be started. */
int init_child_start(struct init_child *c, struct init_host *host);
void init_child_fini(struct init_child *c);

#endif
