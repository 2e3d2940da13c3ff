/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_INIT_LINK_H
#define KTSTR_INIT_LINK_H
/*
 * The link to the real host:
 *
 *   frames   the ring; without one, or when it breaks: text on COM2
 *   output   COM2
 *   wake     any byte from COM2, then the down ring is looked at; frames in
 *            stream form on COM2 are understood as well
 *
 * When the ring is full a frame waits for the host's wake byte, at most
 * INIT_LINK_WAIT_MS, and is then dropped and counted; those without which there
 * is no verdict go to COM2 instead. From then on the host is taken to be away:
 * until there is room again no frame waits.
 *
 * When somebody wrote over the ring's control words, the host is asked to put
 * its own right; then the frames that matter and that it had not read are sent
 * again. So a frame may come twice, by the ring or COM2: to the host a result
 * of a test whose result it knows means nothing. A ring that stays broken is
 * left.
 *
 * Thread: PID 1's only one.
 */
#include <stdbool.h>
#include <stdint.h>

#include "init/host.h"
#include "init/ring.h"
#include "init/tty.h"

#define INIT_LINK_WAIT_MS 2000
/* COM2 is given up when it takes nothing for so long. */
#define INIT_LINK_STUCK_MS 2000

struct init_link {
	struct init_host host;
	struct init_tty tty;
	struct init_ring ring;
	struct frame_decoder decoder;	/* of what comes from COM2 */
	uint32_t sequence;		/* of frames on COM2 */
	bool away;			/* the host did not make room in time */
	struct buf kept;		/* frames that matter and that may be unread */
	unsigned mended;		/* how often the ring was written over */
	uint64_t lost;			/* frames that COM2 could not take */
	uint64_t lost_output;		/* bytes */
	bool kernel_asked;		/* the host wants to be told of the kernel */
	bool printed;			/* since it last settled */
};

/*
 * ring_place: the value of KTSTR_RING, or NULL. Cannot fail: with nothing to
 * write to, frames are counted and lost.
 */
void init_link_open(struct init_link *l, const char *tty_path, const char *ring_place);
/* The same with parts that are open; either may be empty. Takes both over. */
void init_link_init(struct init_link *l, struct init_tty *tty, struct init_ring *ring);
void init_link_fini(struct init_link *l);

/* Say what COM2 could not take, if anything. */
void init_link_report(struct init_link *l);

#endif
