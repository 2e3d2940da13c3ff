/* SPDX-License-Identifier: GPL-2.0-only */
/* The progress line. */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "base/util.h"
#include "ktstr/ktstr.h"

#define TICK_S 0.25

static void put(const char *text, int n)
{
	/* a terminal that is gone is not worth a word */
	(void)!write(STDERR_FILENO, text, (size_t)n);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct progress *p = container_of(w, struct progress, tick);
	unsigned elapsed_s = (unsigned)((units_now_ns() - p->start_ns) / NSEC_PER_SEC);
	char text[128];
	int n;

	(void)loop;
	(void)revents;
	/* the cursor goes back to the first column: a notice writes over the line */
	n = snprintf(text, sizeof(text), "\033[K[%2u s] %s\r", elapsed_s,
		     ktstr_run_step(p->run));
	put(text, MIN(n, (int)sizeof(text) - 1));
	p->drawn = true;
}

void progress_start(struct progress *p, struct ev_loop *loop, const struct ktstr_run *run,
		    bool draw)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ 0 };
	if (!draw || !isatty(STDERR_FILENO) || !term || !strcmp(term, "dumb"))
		return;
	p->loop = loop;
	p->run = run;
	p->start_ns = units_now_ns();
	ev_timer_init(&p->tick, on_tick, TICK_S, TICK_S);
	ev_timer_start(loop, &p->tick);
}

void progress_stop(struct progress *p)
{
	if (!p->loop)
		return;
	ev_timer_stop(p->loop, &p->tick);
	if (p->drawn)
		put("\033[K", 3);
	p->loop = NULL;
}
