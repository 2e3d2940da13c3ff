/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two runs on one loop that this program owns, through the public API alone;
 * and a run that is destroyed in its middle. The guests are the ktstr command
 * of the build tree.
 */
#include <ev.h>
#include <stdlib.h>

#include "ktstr/ktstr.h"
#include "test/tap.h"

static unsigned done_count;

static void on_done(struct ktstr_run *run, void *arg)
{
	int *code = arg;

	*code = ktstr_run_exit_code(run);
	done_count++;
}

static struct ktstr_run *new_run(const char *test)
{
	struct ktstr_run *run = ktstr_run_create();
	const char *outer = getenv("KTSTR_OUTER_KERNEL");
	char path[4096];

	snprintf(path, sizeof(path), "%s/ktstr", getenv("top_builddir") ?: ".");
	tap_ok(run && ktstr_run_set(run, "binary", path) == 0 &&
	       ktstr_run_set(run, "test", test) == 0, "a run of %s", test);
	/* the library leaves options to its user */
	if (outer)
		tap_eq(ktstr_run_set(run, "outer-kernel", outer), 0);
	return run;
}

static void two_machines_share_one_loop(void)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ktstr_run *a = new_run("smoke"), *b = new_run("fault_fail");
	int code_a = -1, code_b = -1;

	done_count = 0;
	tap_eq(ktstr_run_start(a, loop, on_done, &code_a), 0);
	tap_eq(ktstr_run_start(b, loop, on_done, &code_b), 0);
	tap_ok(ktstr_run_start(b, loop, on_done, &code_b) < 0, "a run starts once");
	ev_run(loop, 0);
	tap_eq(done_count, 2);
	tap_ok(code_a == 0, "smoke ended with %d: %s", code_a, ktstr_run_record(a));
	tap_ok(code_b == 1, "fault_fail ended with %d: %s", code_b, ktstr_run_record(b));
	ktstr_run_destroy(a);
	ktstr_run_destroy(b);
	ev_loop_destroy(loop);
}

static void destroy_now(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)revents;
	ktstr_run_destroy(w->data);
	ev_break(loop, EVBREAK_ALL);
}

static void a_run_may_be_destroyed_in_its_middle(void)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ktstr_run *run = new_run("fault_hang");
	int code = -1;
	ev_timer t;

	done_count = 0;
	tap_eq(ktstr_run_start(run, loop, on_done, &code), 0);
	ev_timer_init(&t, destroy_now, 2., 0.);
	t.data = run;
	ev_timer_start(loop, &t);
	ev_run(loop, 0);
	tap_eq(done_count, 0);
	/* nothing of it is left on the loop: it would not end otherwise */
	tap_eq(ev_run(loop, 0), 0);
	ev_loop_destroy(loop);
}

static void bad_options_are_refused_with_a_reason(void)
{
	struct ktstr_run *run = ktstr_run_create();

	tap_ok(ktstr_run_set(run, "topology", "0,1,1,1") < 0, "refused");
	tap_ok(strstr(ktstr_run_error(run), "topology"), "%s", ktstr_run_error(run));
	tap_ok(ktstr_run_set(run, "no-such-option", "1") < 0, "refused");
	tap_ok(strstr(ktstr_run_error(run), "no-such-option"), "%s", ktstr_run_error(run));
	ktstr_run_destroy(run);
	ktstr_run_destroy(NULL);
}

static void a_missing_kernel_is_an_error_record(void)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ktstr_run *run = new_run("smoke");
	int code = -1;

	tap_eq(ktstr_run_set(run, "kernel", "/no/such/kernel"), 0);
	tap_eq(ktstr_run_start(run, loop, on_done, &code), 0);
	ev_run(loop, 0);
	tap_eq(code, 99);
	tap_ok(strstr(ktstr_run_error(run), "/no/such/kernel"), "%s", ktstr_run_error(run));
	tap_ok(strstr(ktstr_run_record(run), "\"error\""), "%s", ktstr_run_record(run));
	ktstr_run_destroy(run);
	ev_loop_destroy(loop);
}

int main(void)
{
	TAP_RUN(bad_options_are_refused_with_a_reason);
	TAP_RUN(a_missing_kernel_is_an_error_record);
	/* the rest needs a kernel and an accelerator; ktstr doctor says why not */
	if (system("\"${top_builddir:-.}/ktstr\" doctor >/dev/null 2>&1") != 0) {
		printf("ok %u - runs on one loop # SKIP no guest can run here (ktstr doctor)\n",
		       ++tap_state.cases);
		return tap_done();
	}
	TAP_RUN(two_machines_share_one_loop);
	TAP_RUN(a_run_may_be_destroyed_in_its_middle);
	return tap_done();
}
