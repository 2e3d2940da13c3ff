/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_CHANNEL_PRIVATE_H
#define KTSTR_LOOP_CHANNEL_PRIVATE_H
/* Between the files of the channel. Thread: control. */
#include <ev.h>

#include "base/buf.h"
#include "loop/channel.h"
#include "shmring/stream.h"

struct channel_kind {
	void (*destroy)(struct channel *c);
	void (*open)(struct channel *c);
	void (*frame)(struct channel *c, const struct frame *f);
	bool (*idle)(const struct channel *c);	/* all output is out */
};

struct channel {
	const struct channel_kind *kind;
	struct ev_loop *loop;
	struct channel_ops ops;
	bool opened, begun, finishing, drained;
	bool has_window;
	struct wire_window window;
	uint64_t lost;
};

/* Tell drained() if that is so. Must be the caller's last act. */
void channel_check_drained(struct channel *c);

/* --- stdin ------------------------------------------------------------------- */

struct channel_input {
	struct channel *channel;
	ev_io watcher;
	int fd;				/* -1: none */
	bool ended, escape, armed;
	struct stream_sender to_guest;
};

void channel_input_init(struct channel_input *in, struct channel *c, int fd, bool escape);
void channel_input_stop(struct channel_input *in);
void channel_input_granted(struct channel_input *in, uint32_t bytes);

/* --- stdout, stderr ----------------------------------------------------------- */

struct channel_output {
	struct channel *channel;
	enum wire_stream stream;
	ev_io watcher;
	int fd;				/* -1: nobody reads */
	int own_fd;			/* our own description of it, non-blocking; or -1 */
	bool regular;			/* a file, which takes all at once */
	struct buf queue;
	size_t sent;
	struct stream_receiver from_guest;
};

void channel_output_init(struct channel_output *out, struct channel *c, enum wire_stream stream,
			 int fd);
void channel_output_fini(struct channel_output *out);
void channel_output_open(struct channel_output *out);
void channel_output_add(struct channel_output *out, const void *bytes, size_t n);
bool channel_output_idle(const struct channel_output *out);

#endif
