/* SPDX-License-Identifier: GPL-2.0-only */
/* The streams of a run's command: between the channel and what carries its frames. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "init/init.h"
#include "ktstr/ktstr.h"
#include "loop/channel.h"
#include "loop/machine.h"
#include "loop/nested.h"
#include "loop/run.h"

/* --- what the channel asks for -------------------------------------------------- */

static int on_send(enum wire_type type, const void *payload, size_t len, void *arg)
{
	struct ktstr_run *run = arg;

	if (run->machine)
		return machine_send(run->machine, type, payload, len);
	if (run->nested)
		return nested_channel(run->nested, type, payload, len);
	return -EPIPE;
}

static void on_begun(void *arg)
{
	struct ktstr_run *run = arg;

	if (run->streams.begun)
		run->streams.begun(run, run->streams.arg);
}

static void on_escape(void *arg)
{
	struct ktstr_run *run = arg;

	facts_stop(&run->facts, STOP_ESCAPE, "ended by Ctrl-A X");
	if (run->machine)
		run_kvm_cancel(run, true);
	else if (run->nested)
		run_nested_cancel(run, true);
}

static void on_wrong(const char *what, void *arg)
{
	struct ktstr_run *run = arg;

	log_debug("channel: %s", what);
	facts_finding(&run->facts, "Channel", "%s", what);
}

/* What did not come is missing from the middle of somebody's file: an error. */
static void on_drained(void *arg)
{
	struct ktstr_run *run = arg;
	uint64_t lost = channel_lost(run->channel);
	char text[96];

	if (lost && !run->facts.error) {
		snprintf(text, sizeof(text), "%" PRIu64 " bytes of the command's output were lost",
			 lost);
		run->facts.error = strdup(text);
	}
	run_end(run);
}

/* --- its life --------------------------------------------------------------------- */

static void on_inner_frame(const struct frame *f, void *arg)
{
	struct ktstr_run *run = arg;

	channel_frame(run->channel, f);
}

int run_channel_create(struct ktstr_run *run, struct err *e)
{
	const struct channel_ops ops = {
		.send = on_send, .begun = on_begun, .escape = on_escape, .wrong = on_wrong,
		.drained = on_drained, .arg = run,
	};
	const struct channel_streams q = {
		.fd = { run->streams.in, run->streams.out, run->streams.err },
		.escape = run->config.tty,
	};
	int r;

	if (run->config.relay)
		return channel_create_relay(run->loop, INIT_CHANNEL_FD, &ops, &run->channel, e);
	r = frame_decoder_init(&run->from_inner, FRAME_STREAM, on_inner_frame, NULL, run);
	if (r < 0)
		return err_sys(e, r, "channel");
	r = channel_create_streams(run->loop, &q, &ops, &run->channel, e);
	if (r == 0 && run->window.rows)
		channel_window(run->channel, &run->window);
	return r;
}

void run_channel_bytes(const void *bytes, size_t n, void *arg)
{
	struct ktstr_run *run = arg;

	if (run->channel)
		frame_decoder_add(&run->from_inner, bytes, n);
}

void run_channel_finish(struct ktstr_run *run)
{
	channel_finish(run->channel);
}

void run_channel_release(struct ktstr_run *run)
{
	channel_destroy(run->channel);
	run->channel = NULL;
	frame_decoder_fini(&run->from_inner);
}

/* --- the public handle -------------------------------------------------------------- */

int ktstr_run_streams(struct ktstr_run *run, const struct ktstr_streams *streams)
{
	if (run->loop)
		return err_set(&run->err, -EBUSY, "streams: the run has been started");
	run->streams = *streams;
	return 0;
}

void ktstr_run_window(struct ktstr_run *run, unsigned rows, unsigned columns, const char *term)
{
	run->window.rows = (uint16_t)MIN(rows, UINT16_MAX);
	run->window.columns = (uint16_t)MIN(columns, UINT16_MAX);
	if (term && !run->loop)
		snprintf(run->window.term, sizeof(run->window.term), "%s", term);
	if (run->channel)
		channel_window(run->channel, &run->window);
}

int ktstr_run_signal(struct ktstr_run *run, int signo)
{
	return run->channel && channel_signal(run->channel, signo) ? 0 : -ESRCH;
}
