/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loop keeps turning while a large payload is hashed, packed, compressed
 * and stored. How long it stood at most is printed, not judged.
 */
#include <ev.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "loop/config.h"
#include "loop/job.h"
#include "loop/payload.h"
#include "test/tap.h"
#include "test/tmp.h"
#include "vcpu/topo.h"

#define PAYLOAD_BYTES (300 * MIB)
#define TICK_S 0.001

struct fixture {
	char dir[TMP_DIR_MAX];
	struct config config;
	struct kernel kernel;
	struct topo topo;
	struct payload_request q;
	struct payload payload;
	struct ev_loop *loop;
	ev_timer tick;
	uint64_t last_ns, longest_ns;
	unsigned turns;			/* while the job ran */
	_Atomic bool working;
	int r;
	struct err e;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct fixture *f = container_of(w, struct fixture, tick);
	uint64_t now = now_ns();

	(void)loop;
	(void)revents;
	f->longest_ns = MAX(f->longest_ns, now - f->last_ns);
	f->last_ns = now;
	f->turns += f->working;
}

static void work(void *arg)
{
	struct fixture *f = arg;

	f->working = true;
	f->r = payload_make(&f->q, &f->payload, &f->e);
	f->working = false;
}

static void done(void *arg)
{
	struct fixture *f = arg;

	ev_break(f->loop, EVBREAK_ALL);
}

/* A test binary of that size; it says nothing to the dynamic linker. */
static void make_binary(struct fixture *f)
{
	static char path[TMP_DIR_MAX + 8];

	snprintf(path, sizeof(path), "%s/big", f->dir);
	if (file_write_atomic(path, "x", 1, 0755, NULL) < 0 ||
	    truncate(path, PAYLOAD_BYTES) < 0)
		abort();
	f->q = (struct payload_request){
		.config = &f->config, .binary = path, .kernel = &f->kernel, .topo = &f->topo,
	};
}

static void pack_on_a_loop(bool lz4)
{
	struct fixture f = { .topo = TOPO(1, 1, 1, 1), .payload = PAYLOAD_NONE, .e = ERR_INIT };
	struct job *job;

	tmp_make(f.dir);
	setenv("KTSTR_SHM_DIR", f.dir, 1);
	if (config_init(&f.config) < 0)
		abort();
	f.config.lz4 = lz4;
	make_binary(&f);
	f.loop = ev_loop_new(0);
	ev_timer_init(&f.tick, on_tick, 0., TICK_S);
	ev_timer_start(f.loop, &f.tick);
	f.last_ns = now_ns();
	if (tap_ok(job_start(f.loop, work, done, &f, &job, &f.e) == 0, "%s", err_text(&f.e))) {
		ev_run(f.loop, 0);
		job_destroy(job);
	}
	tap_ok(f.r == 0, "%s", err_text(&f.e));
	tap_ok(f.payload.bytes > PAYLOAD_BYTES, "%" PRIu64 " bytes", f.payload.bytes);
	tap_ok(f.turns > 10, "the loop turned %u times while the job ran", f.turns);
	printf("# %s: %u turns while it was packed, the longest took %.1f ms\n",
	       lz4 ? "lz4" : "uncompressed", f.turns, (double)f.longest_ns / 1e6);
	payload_release(&f.payload);
	ev_loop_destroy(f.loop);
	config_fini(&f.config);
	file_remove_tree(f.dir, NULL);
}

static void the_loop_turns_while_300_mib_are_packed(void)
{
	pack_on_a_loop(false);
}

static void and_while_they_are_compressed(void)
{
	pack_on_a_loop(true);
}

int main(void)
{
	TAP_RUN(the_loop_turns_while_300_mib_are_packed);
	TAP_RUN(and_while_they_are_compressed);
	return tap_done();
}
