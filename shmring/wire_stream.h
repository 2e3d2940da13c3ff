/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SHMRING_WIRE_STREAM_H
#define KTSTR_SHMRING_WIRE_STREAM_H
/*
 * A command's streams (stdin down, stdout and stderr up) have flow control of
 * their own, so that a stream which nobody reads holds up nothing else: who
 * receives a stream grants bytes (GRANT), and who sends it never has more under
 * way than was granted. A frame takes WIRE_STREAM_COST(length) of a grant, and
 * the sum of all windows is less than half of the ring, so a stream's frame
 * never meets a full ring. A GRANT of 0 bytes says that the reader is gone.
 *
 *   guest: READY                    host: GRANT stdout and stderr, WINDOW
 *   guest: starts the command (one with a terminal after the first WINDOW),
 *          GRANT stdin, the first of which says that the command runs
 *   then STDIN, WINDOW, SIGNAL down, STDOUT and STDERR up, GRANTs both ways
 *   guest: ENDED, behind the last of the output
 *
 * Payloads of STDIN, STDOUT, STDERR (bytes), GRANT, WINDOW and ENDED. Compiled
 * by both sides.
 */
#include <stdint.h>

#include "shmring/wire.h"

enum wire_stream {
	WIRE_STREAM_IN,
	WIRE_STREAM_OUT,
	WIRE_STREAM_ERR,
	WIRE_STREAM_COUNT,
};

#define WIRE_STREAM_CHUNK (16u << 10)	/* bytes of a stream in one frame, at most */
#define WIRE_STREAM_COST(length) ((length) + 64u)
#define WIRE_IN_WINDOW (20u << 10)
#define WIRE_OUT_WINDOW (120u << 10)	/* each */

_Static_assert(2 * WIRE_OUT_WINDOW < WIRE_UP_BYTES / 2, "output leaves room in the ring");
_Static_assert(WIRE_IN_WINDOW < WIRE_DOWN_BYTES / 2, "input leaves room in the ring");

struct wire_grant {
	uint32_t stream;	/* enum wire_stream */
	uint32_t bytes;		/* 0: the reader is gone */
};

#define WIRE_TERM_MAX 64

struct wire_window {
	uint16_t rows, columns;
	char term[WIRE_TERM_MAX];	/* $TERM, NUL padded; only the first one counts */
};

struct wire_ended {
	int32_t status;		/* as a shell has it: 128 + N for signal N */
	uint32_t signal;	/* N, or 0 */
	uint64_t bytes[WIRE_STREAM_COUNT];	/* that went each way */
};

#endif
