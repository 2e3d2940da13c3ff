/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr kernel build: progress on the terminal, the key of the entry on stdout. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "boot/kernels.h"
#include "boot/kernels_build.h"
#include "cli/kernel.h"
#include "cli/options.h"

#define DRAW_NS (NSEC_PER_SEC / 4)
#define SAY_PERCENT 10		/* elsewhere: a line each */

/* Signals that end a build, in order; the second one at once. */
struct ending {
	int fd;			/* a signalfd */
	sigset_t set, old;
};

static int ending_init(struct ending *s, struct err *e)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(&s->set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct sigaction sa;

		/* nohup(1) and shells ignore some; a signalfd would have them all the same */
		if (sigaction(numbers[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
			sigaddset(&s->set, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &s->set, &s->old);
	s->fd = signalfd(-1, &s->set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->fd < 0 ? err_sys(e, -errno, "signalfd") : 0;
}

/* Takes the one that came, so that the next has its usual effect. */
static void ending_begins(struct ending *s)
{
	struct signalfd_siginfo si;

	if (read(s->fd, &si, sizeof(si)) == sizeof(si))
		log_notice("%s: the build ends and is removed; once more leaves it to ktstr cleanup",
			   strsignal((int)si.ssi_signo));
	sigprocmask(SIG_SETMASK, &s->old, NULL);
}

static void ending_fini(struct ending *s)
{
	sigprocmask(SIG_SETMASK, &s->old, NULL);
	close_fd(&s->fd);
}

struct drawing {
	uint64_t start_ns, drawn_ns;
	bool terminal;
	enum kernel_build_step step;
	unsigned said;		/* the last percentage of a line */
	struct ending ending;
};

static void draw(struct drawing *d, enum kernel_build_step step, unsigned percent, uint64_t now)
{
	char text[128];
	int n;

	if (step == d->step && now - d->drawn_ns < DRAW_NS)
		return;
	d->drawn_ns = now;
	/* the cursor goes back to the first column: a notice writes over the line */
	n = snprintf(text, sizeof(text), "\033[K[%3llu s] %2u %% %s\r",
		     (unsigned long long)((now - d->start_ns) / NSEC_PER_SEC), percent,
		     kernel_build_step_name(step));
	(void)!write(STDERR_FILENO, text, (size_t)MIN(n, (int)sizeof(text) - 1));
}

/* A log gets a line for each step, and a few while it compiles. */
static void say(struct drawing *d, enum kernel_build_step step, unsigned percent, uint64_t now)
{
	if (step == d->step && percent < d->said + SAY_PERCENT)
		return;
	d->said = percent;
	log_notice("kernel build: [%3llu s] %2u %% %s",
		   (unsigned long long)((now - d->start_ns) / NSEC_PER_SEC), percent,
		   kernel_build_step_name(step));
}

static void on_progress(enum kernel_build_step step, unsigned percent, void *arg)
{
	struct drawing *d = arg;
	uint64_t now = units_now_ns();

	if (step == KERNEL_BUILD_CANCEL && d->step != step)
		ending_begins(&d->ending);
	if (d->terminal)
		draw(d, step, percent, now);
	else
		say(d, step, percent, now);
	d->step = step;
}

static void print(const struct cli_options *o, const struct kernel *k, bool built,
		  uint64_t start_ns)
{
	if (built)
		log_notice("kernel build: done after %llu s",
			   (unsigned long long)((units_now_ns() - start_ns) / NSEC_PER_SEC));
	else
		log_notice("kernel build: in the cache already");
	cli_kernel_print(o, k);
	fflush(stdout);
}

int cli_kernel_build(const struct cli_options *o, const char *unused, struct err *e)
{
	const char *term = getenv("TERM");
	struct drawing d = {
		.start_ns = units_now_ns(),
		.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb"),
		.step = KERNEL_BUILD_STEPS,
	};
	struct kernel_build_request q = {
		.source = o->source, .fragment = o->fragment,
		.on_progress = on_progress, .arg = &d,
	};
	struct kernel k = { 0 };
	bool built;
	int r = ending_init(&d.ending, e);

	(void)unused;
	q.cancel_fd = d.ending.fd;
	if (r == 0)
		r = kernel_build(&q, &k, &built, e);
	if (d.terminal && d.step != KERNEL_BUILD_STEPS)
		(void)!write(STDERR_FILENO, "\033[K", 3);
	if (r == 0) {
		print(o, &k, built, d.start_ns);
		kernel_fini(&k);
	}
	/* a signal that came too late to cancel ends us here, behind the key */
	ending_fini(&d.ending);
	return r;
}
