/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SHMRING_SHMRING_H
#define KTSTR_SHMRING_SHMRING_H
/*
 * Both ends of the ring, and the frames' text form for COM2.
 *
 * The peer's half of the shared memory is hostile: a reader keeps its own
 * tail and sizes, reads the peer's head once, and copies a frame out before
 * it looks at it. Whatever is wrong is a status, never undefined behaviour:
 * nothing of the peer's is divided by, allocated from or trusted twice.
 *
 * Ownership: borrows the memory. Thread: one writer, one reader per direction.
 * Used by the host (loop/) and the guest (init/); depends on base/ only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmring/wire.h"
#include "shmring/wire_stream.h"

/* A checked frame; payload points into the reader's or decoder's own copy. */
struct frame {
	enum wire_type type;
	uint32_t sequence;
	uint32_t length;
	const uint8_t *payload;		/* NUL behind it, for text */
};

const char *wire_type_name(enum wire_type t);
const char *wire_verdict_name(enum wire_verdict v);

/* The checksum of a frame whose crc32 field is ignored; payload has hdr->length bytes. */
uint32_t wire_crc(const struct wire_frame *hdr, const void *payload);

/*
 * For a frame whose payload lies in pieces: sets length and crc32. False, and
 * nothing is set, when the sum is above WIRE_PAYLOAD_MAX.
 */
struct wire_part {
	const void *bytes;		/* may be NULL when len is 0 */
	size_t len;
};

#define WIRE_PARTS 2
bool wire_seal(struct wire_frame *hdr, const struct wire_part part[WIRE_PARTS]);

/* What is wrong with a frame of which header and payload are there; NULL: nothing. */
const char *wire_wrong(const struct wire_frame *hdr, const void *payload);

/* Write the ring's header and zero its control words. size >= WIRE_RING_BYTES. */
void shmring_format(void *ring, size_t size);
/* 0, or -EPROTO when the header is not ours. */
int shmring_check(const void *ring, size_t size);

enum shmring_dir { SHMRING_UP, SHMRING_DOWN };

struct shmring_writer {
	struct wire_ring_ctl *ctl;
	uint8_t *data;
	uint64_t size;
	uint64_t head;			/* ours */
	uint32_t sequence;
	uint64_t drops;			/* not yet told */
	uint64_t drops_total;
};

void shmring_writer_init(struct shmring_writer *w, void *ring, enum shmring_dir dir);
/*
 * 0; -EAGAIN when the ring has no room (nothing of it is written: the caller
 * waits or calls shmring_drop()); -EMSGSIZE above WIRE_PAYLOAD_MAX or above
 * the size of the ring; -EPROTO when the reader's tail makes no sense: take
 * another transport. payload2 (may be NULL) follows payload.
 */
int shmring_write(struct shmring_writer *w, enum wire_type type,
		  const void *payload, size_t len, const void *payload2, size_t len2);
/* Ask to be woken when there is room for len bytes of payload. */
void shmring_want(struct shmring_writer *w, size_t len);
/* Give up on one frame: counted, and told by a WIRE_LOST before the next one. */
void shmring_drop(struct shmring_writer *w);

enum shmring_status {
	SHMRING_FRAME,		/* *ret is valid until the next call */
	SHMRING_EMPTY,
	SHMRING_BAD,		/* something was wrong: why says what; see below */
};

/*
 * What is wrong                          and then
 * head not a multiple of 8, behind our   said once; as good as empty until the
 *   tail, or more than the ring ahead      head changes: the writer's next frame
 *                                          mends it, and nothing is lost
 * length beyond WIRE_PAYLOAD_MAX or      where the next frame begins is unknown:
 *   beyond the head                        everything up to the head is skipped
 * checksum, flags, type                  that frame is skipped
 *
 * Each call does bounded work, and while the writer stands still, at most as
 * many calls as 16-byte frames fit lead to SHMRING_EMPTY. A writer that goes on
 * can go on for ever: callers bound the calls per turn.
 */

struct shmring_reader {
	struct wire_ring_ctl *ctl;
	const uint8_t *data;
	uint64_t size;
	uint64_t tail;			/* ours */
	uint64_t bad_head;		/* complained about; equal to tail: none */
	uint32_t sequence;		/* expected next */
	uint8_t *copy;			/* WIRE_PAYLOAD_MAX + 1, allocated by init */
	uint64_t frames, bytes;		/* good ones, and their payloads */
	uint64_t bad;
	uint64_t missed;		/* by sequence numbers; bad ones are among them */
	char why[96];			/* of the last SHMRING_BAD */
};

int shmring_reader_init(struct shmring_reader *r, void *ring, enum shmring_dir dir);
void shmring_reader_fini(struct shmring_reader *r);
enum shmring_status shmring_read(struct shmring_reader *r, struct frame *ret);
/* Does the writer wait for room? Clears the wish. */
bool shmring_take_wanted(struct shmring_reader *r);
/* The peer's own count of dropped frames (hostile: informative only). */
uint64_t shmring_peer_drops(const struct shmring_reader *r);

/*
 * Text form, one line per frame, for COM2: "\nKTSTR-FRAME:<hex of header and
 * payload>\n". Returns a malloc'ed string, or NULL: no memory or too long.
 */
#define FRAME_TEXT_PREFIX "KTSTR-FRAME:"
char *frame_to_text(enum wire_type type, uint32_t sequence, const void *payload, size_t len,
		    const void *payload2, size_t len2);

/*
 * Byte stream form, for a pipe or serial line that carries nothing else:
 * WIRE_STREAM_MARK (4 bytes) before each frame's header.
 */
#define WIRE_STREAM_MARK "\xabKT\xba"
struct buf;
/* 0, -EMSGSIZE, or -ENOMEM when out is bad. */
int frame_to_stream(struct buf *out, enum wire_type type, uint32_t sequence,
		    const void *payload, size_t len);

/*
 * Takes bytes, cut anywhere, and finds frames; one decoder for both forms, in
 * bounded memory. Sequence numbers are left to the caller.
 *
 * FRAME_TEXT: what is no frame goes to on_text as it came, as soon as it cannot
 * be one any more. An empty line directly before a frame is part of it. A frame
 * line that is damaged or too long counts as bad and is text. "\r\n" will do
 * for "\n".
 *
 * FRAME_STREAM: bytes that are no frame are skipped up to the next mark; each
 * such stretch counts as one bad. A wrong header costs only its mark; a wrong
 * checksum costs the frame, whose length is trusted: looking for marks in it
 * would let a hostile sender buy a checksum of 64 KiB for 20 bytes.
 */
enum frame_form { FRAME_TEXT, FRAME_STREAM };

struct frame_decoder {
	enum frame_form form;
	void (*on_frame)(const struct frame *f, void *arg);
	void (*on_text)(const void *bytes, size_t n, void *arg);	/* may be NULL */
	void *arg;
	uint8_t *acc;			/* what is collected of a line or frame */
	size_t acc_len, acc_cap;
	unsigned blank_len;		/* FRAME_TEXT: "\n" or "\r\n" held back, else 0 */
	bool skipping;			/* in a line of text, or between frames */
	uint64_t frames, bytes;		/* good ones, and their payloads */
	uint64_t bad;
};

int frame_decoder_init(struct frame_decoder *d, enum frame_form form,
		       void (*on_frame)(const struct frame *f, void *arg),
		       void (*on_text)(const void *bytes, size_t n, void *arg), void *arg);
void frame_decoder_fini(struct frame_decoder *d);
void frame_decoder_add(struct frame_decoder *d, const void *bytes, size_t n);
/* Nothing more comes: what is collected is text or bad. */
void frame_decoder_finish(struct frame_decoder *d);

/*
 * Payloads with a fixed part: copies it to out and tells where the text behind
 * it lies, of f->length - sizeof(*out) bytes. False when the payload is too short, or a
 * verdict, phase, event, stream or status is none of ours; *out is then not written. Names are NUL
 * terminated by the copy, whatever the guest wrote, but otherwise raw.
 */
bool frame_get_lifecycle(const struct frame *f, struct wire_lifecycle *out);
bool frame_get_start(const struct frame *f, struct wire_name *out, const char **ret_text);
bool frame_get_detail(const struct frame *f, struct wire_detail *out, const char **ret_text);
bool frame_get_worker(const struct frame *f, struct wire_worker *out);
bool frame_get_result(const struct frame *f, struct wire_result *out);
bool frame_get_crash(const struct frame *f, struct wire_crash *out, const char **ret_text);
bool frame_get_lost(const struct frame *f, struct wire_lost *out);
bool frame_get_exit(const struct frame *f, struct wire_exit *out);
bool frame_get_sched(const struct frame *f, struct wire_sched *out, const char **ret_text);
bool frame_get_grant(const struct frame *f, struct wire_grant *out);
bool frame_get_window(const struct frame *f, struct wire_window *out);
bool frame_get_ended(const struct frame *f, struct wire_ended *out);

#endif
