/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_SERIAL_CAPTURE_H
#define KTSTR_SERIAL_CAPTURE_H
/*
 * What the guest printed, in bounded memory: the last CAPTURE_BYTES are kept,
 * the rest is counted. Text is made safe as it comes in: control characters
 * other than newline and tab are dropped (those above ASCII become '?', and so
 * do bytes that are no valid UTF-8). A line longer than CAPTURE_LINE_MAX is cut
 * into lines, never inside a character.
 *
 * Each complete line is handed to on_line (and an incomplete one at
 * capture_finish()). For the kernel console, capture_mark() says what a line
 * announces; it recognises the text, with or without a timestamp.
 * Thread: control.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_BYTES (256u << 10)	/* a power of two */
#define CAPTURE_LINE_MAX 1024

enum capture_mark {
	CAPTURE_PLAIN,
	CAPTURE_BANNER,		/* "Linux version ..." */
	CAPTURE_PANIC,		/* "Kernel panic - not syncing: ..." whatever follows */
	CAPTURE_OOPS,		/* "BUG: ", "Oops: ", "general protection fault", ... */
	CAPTURE_OOM,		/* "Out of memory: Killed process", unpack ENOSPC */
	CAPTURE_NO_INIT,	/* "Failed to execute /init", ...; a panic follows */
	CAPTURE_MARK_COUNT,
};

/*
 * Pure. line has no newline. Looks only at the start of the message, behind
 * "<6>", "[    0.500000]" and "[    T1]", each of them optional: programs have
 * a say in what stands further to the right.
 */
enum capture_mark capture_mark(const char *line);
const char *capture_mark_name(enum capture_mark m);

struct capture {
	void (*on_line)(const char *line, void *arg);	/* may be NULL */
	void *arg;
	char *ring;			/* CAPTURE_BYTES of whole lines, from the first one on */
	uint64_t total;			/* bytes of whole lines, kept or not */
	char line[CAPTURE_LINE_MAX + 1];	/* the line that is not complete yet */
	unsigned line_len;
	uint8_t utf8[4];		/* the character that is not complete yet */
	unsigned utf8_len;
};

void capture_init(struct capture *c, void (*on_line)(const char *line, void *arg), void *arg);
void capture_fini(struct capture *c);
void capture_add(struct capture *c, const void *bytes, size_t n);
void capture_finish(struct capture *c);

/* Bytes of lines that are no longer kept. */
uint64_t capture_dropped(const struct capture *c);
/*
 * The last lines, at most max, oldest first: calls fn with each, the line that
 * is not complete yet included. Never a partial line from the overwritten edge.
 */
void capture_tail(const struct capture *c, unsigned max,
		  void (*fn)(const char *line, void *arg), void *arg);

#endif
