/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SHMRING_STREAM_H
#define KTSTR_SHMRING_STREAM_H
/*
 * Flow control of a command's stream, the arithmetic of it (shmring/wire.h has
 * the protocol): a sender that spends what was granted, and a receiver that
 * grants again what it has got rid of. The peer's numbers are hostile: what
 * goes beyond a window is refused, so that nobody's memory grows with it.
 *
 * Ownership: values. Thread: the owner's. Used by the host and the guest.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_sender {
	uint32_t window;
	uint32_t credit;
	bool gone;		/* nobody reads it any more */
	uint64_t bytes;		/* ever sent */
};

void stream_sender_init(struct stream_sender *s, uint32_t window);
/* How many bytes the next frame may have; 0: wait for a grant. */
size_t stream_room(const struct stream_sender *s);
/* A frame of n bytes, at most stream_room(), was sent. */
void stream_sent(struct stream_sender *s, size_t n);
/* A grant came; false when it is more than the window allows. */
bool stream_granted(struct stream_sender *s, uint32_t bytes);

struct stream_receiver {
	uint32_t window;
	uint32_t open;		/* granted and not yet used */
	uint32_t owed;		/* got rid of and not yet granted again */
	uint64_t bytes;		/* ever received */
};

/* The whole window is owed at first. */
void stream_receiver_init(struct stream_receiver *s, uint32_t window);
/* A frame of n bytes came; false when it was not granted: not to be taken. */
bool stream_arrived(struct stream_receiver *s, size_t n);
/* n bytes of what came have been got rid of. */
void stream_done(struct stream_receiver *s, size_t n);
/*
 * What to grant now, which is then granted; 0: not yet. Small grants are saved
 * up to half of the window.
 */
uint32_t stream_grant(struct stream_receiver *s);

#endif
