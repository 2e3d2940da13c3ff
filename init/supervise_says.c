/* SPDX-License-Identifier: GPL-2.0-only */
/* What a running test says: its frames and what it prints. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "init/supervise_private.h"
#include "ktstr/test.h"

#define OUTPUT_AT_ONCE (16u << 10)

enum wire_verdict supervise_worse(enum wire_verdict a, enum wire_verdict b)
{
	static const unsigned char rank[] = {
		[WIRE_PASS] = 0, [WIRE_SKIP] = 1, [WIRE_INCONCLUSIVE] = 2, [WIRE_FAIL] = 3,
	};

	_Static_assert(ARRAY_SIZE(rank) == WIRE_VERDICT_COUNT, "verdict ranks");
	return rank[a] > rank[b] ? a : b;
}

static bool on_packet(struct supervisor *s, struct running *r, size_t n)
{
	struct wire_detail d;
	const char *text;
	struct frame f;

	s->packet[n] = '\0';
	if (!init_packet_parse(s->packet, n, &f))
		return false;
	switch (f.type) {
	case WIRE_DETAIL:
		if (!frame_get_detail(&f, &d, &text) || d.verdict >= WIRE_VERDICT_COUNT)
			return false;
		r->verdict = supervise_worse(r->verdict, d.verdict);
		break;
	case WIRE_WORKER:
		if (f.length != sizeof(struct wire_worker))
			return false;
		break;
	case WIRE_RESULT:
		r->finished = true;
		return true;
	case WIRE_SCHED_ASK:
		return supervise_sched_ask(s, &f);
	case WIRE_DUMP_ASK:
		return supervise_dump_ask(s, &f);
	default:
		return false;
	}
	s->host->send(s->host, f.type, f.payload, f.length, NULL, 0);
	return true;
}

/* Returns how many packets there were, at most max. */
unsigned supervise_take_packets(struct supervisor *s, struct running *r, unsigned max)
{
	unsigned i;

	for (i = 0; i < max && r->child.sock >= 0; i++) {
		ssize_t n = recv(r->child.sock, s->packet, INIT_PACKET_MAX, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		/* it left our WIRE_STOP unread; what it sent comes behind this */
		if (n < 0 && errno == ECONNRESET)
			continue;
		if (n <= 0) {	/* nobody has the other end any more */
			close_fd(&r->child.sock);
			break;
		}
		if (!on_packet(s, r, (size_t)n))
			init_log(s->host, "test %s sent %zd bytes that are no frame",
				 r->child.test->name, n);
	}
	return i;
}

static void keep(struct running *r, const char *bytes, size_t n)
{
	size_t old = MIN(r->printed_len, INIT_PRINTED_MAX - MIN(n, INIT_PRINTED_MAX));

	bytes += n - MIN(n, INIT_PRINTED_MAX);
	n = MIN(n, INIT_PRINTED_MAX);
	memmove(r->printed, r->printed + r->printed_len - old, old);
	memcpy(r->printed + old, bytes, n);
	r->printed_len = old + n;
}

size_t supervise_take_output(struct supervisor *s, struct running *r)
{
	char bytes[OUTPUT_AT_ONCE];
	ssize_t n;

	if (r->child.output < 0)
		return 0;
	n = read(r->child.output, bytes, sizeof(bytes));
	if (n > 0) {
		s->host->output(s->host, bytes, (size_t)n);
		keep(r, bytes, (size_t)n);
		return (size_t)n;
	}
	if (n == 0)
		close_fd(&r->child.output);
	return 0;
}

/* The beginning of the last lines, whole ones; end is behind the last. */
static const char *last_lines(const char *text, const char *end)
{
	const char *at = end;

	for (unsigned n = 0; at > text; at--)
		if (at < end && at[-1] == '\n' && ++n == INIT_PRINTED_LINES)
			break;
	return at;
}

void supervise_tell_output(struct supervisor *s, const struct running *r)
{
	const char *end = r->printed + r->printed_len;
	const char *at, *stop;

	if (r->printed_len && end[-1] == '\n')
		end--;
	for (at = last_lines(r->printed, end); at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at)) ?: end;
		init_detail(s->host, WIRE_PASS, "Output", "%.*s", (int)(stop - at), at);
	}
}
