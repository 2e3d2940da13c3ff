/* SPDX-License-Identifier: GPL-2.0-only */
/* From "the guest is ready" to a series of samples. */
#include "loop/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "base/util.h"
#include "loop/machine.h"
#include "loop/plan.h"
#include "monitor/monitor.h"
#include "monitor/sample.h"
#include "monitor/series.h"

void watch_init(struct watch *w, uint64_t interval_ns)
{
	*w = (struct watch){ .interval_ns = interval_ns, .timer_fd = -1 };
	w->why = (struct err)ERR_INIT;
	err_set(&w->why, -ENODATA, "the guest was never ready");
}

void watch_stop(struct watch *w)
{
	if (w->loop && w->timer_fd >= 0)
		ev_io_stop(w->loop, &w->tick);
	close_fd(&w->timer_fd);
	for (unsigned i = 0; i < w->cpus; i++)
		close_fd(&w->schedstat_fd[i]);
	w->cpus = 0;
}

void watch_fini(struct watch *w)
{
	watch_stop(w);
	free(w->schedstat_fd);
	free(w->first);
	series_destroy(w->series);
	monitor_destroy(w->monitor);
	watch_init(w, w->interval_ns);
}

/* --- a tick ------------------------------------------------------------------ */

/* "<time on the CPU> <time waiting for one> ..." (Documentation/scheduler/sched-stats.rst) */
static void add_host(struct watch *w, unsigned cpu, struct sample_cpu *c)
{
	char text[64];
	ssize_t n = pread(w->schedstat_fd[cpu], text, sizeof(text) - 1, 0);
	unsigned long long on_cpu, waiting;

	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &on_cpu, &waiting) != 2)
		return;
	c->value[SAMPLE_HOST_CPU] = on_cpu;
	c->value[SAMPLE_HOST_RUN_DELAY] = waiting;
	c->have |= 1u << SAMPLE_HOST_CPU | 1u << SAMPLE_HOST_RUN_DELAY;
}

/* Counters of domains count from the guest's boot; what matters is what came since. */
static void keep_first_domains(struct watch *w)
{
	w->first = calloc((size_t)w->cpus * SAMPLE_DOMAINS_MAX, sizeof(*w->first));
	for (unsigned cpu = 0; w->first && cpu < w->cpus; cpu++) {
		unsigned n;
		const struct sample_domain *d = sampler_domains(w->sampler, cpu, &n);

		memcpy(&w->first[cpu * SAMPLE_DOMAINS_MAX], d, n * sizeof(*d));
	}
}

static void take(struct watch *w)
{
	struct sample *s = sampler_take(w->sampler, w->monitor, units_now_ns() - w->start_ns);

	for (unsigned i = 0; i < w->cpus; i++)
		add_host(w, i, &s->cpu[i]);
	if (!series_total(w->series))
		keep_first_domains(w);
	w->schedulers += s->scheduler;
	series_add(w->series, s);
}

static void on_tick(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watch *w = container_of(io, struct watch, tick);
	uint64_t ticks = 0;

	(void)loop;
	(void)revents;
	if (read(w->timer_fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	w->late += ticks - 1;
	take(w);
}

/* --- the start ----------------------------------------------------------------- */

static void open_schedstat(struct watch *w, struct machine *m)
{
	unsigned cpus = machine_cpus(m);

	w->schedstat_fd = calloc(cpus, sizeof(*w->schedstat_fd));
	if (!w->schedstat_fd)
		return;
	for (; w->cpus < cpus; w->cpus++) {
		int *fd = &w->schedstat_fd[w->cpus];
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat",
			 (int)machine_vcpu_tid(m, w->cpus));
		*fd = open(path, O_RDONLY | O_CLOEXEC);
		if (*fd < 0)
			w->schedstat_errno = errno;
	}
}

static int start_timer(struct watch *w)
{
	const struct timespec every = {
		.tv_sec = (time_t)(w->interval_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(w->interval_ns % NSEC_PER_SEC),
	};
	const struct itimerspec spec = { .it_interval = every, .it_value = every };

	w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->timer_fd < 0 || timerfd_settime(w->timer_fd, 0, &spec, NULL) < 0)
		return err_sys(&w->why, -errno, "timerfd");
	ev_io_init(&w->tick, on_tick, w->timer_fd, EV_READ);
	ev_io_start(w->loop, &w->tick);
	return 0;
}

void watch_start(struct watch *w, struct ev_loop *loop, struct machine *m, const struct plan *p)
{
	if (!w->interval_ns || w->loop)
		return;
	w->loop = loop;
	w->start_ns = units_now_ns();
	err_clear(&w->why);
	if (!p->sampler) {
		w->why = p->index_why;
		log_info("the scheduler is not watched: %s", err_text(&w->why));
		return;
	}
	err_set(&w->why, -ENODATA, "the guest ended before its kernel was found");
	machine_ask(m, 0);
}

static int attach(struct watch *w, struct machine *m, const struct plan *p,
		  const struct vcpu_regs *regs)
{
	const struct monitor_regs r = { .cr3 = regs->cr3, .cr4 = regs->cr4, .lstar = regs->lstar };
	int ret;

	err_clear(&w->why);
	if ((ret = monitor_create(machine_memory(m), p->index, machine_cpus(m), &w->monitor,
				  &w->why)) < 0 ||
	    (ret = monitor_attach(w->monitor, &r, &w->why)) < 0 ||
	    (ret = series_create(machine_cpus(m), WATCH_STORE_BYTES, &w->series, &w->why)) < 0)
		return ret;
	w->sampler = p->sampler;
	open_schedstat(w, m);
	return w->schedstat_fd ? start_timer(w) : err_sys(&w->why, -ENOMEM, "monitor");
}

void watch_asked(struct watch *w, struct machine *m, const struct plan *p,
		 const struct vcpu_regs *regs)
{
	if (!w->loop || w->monitor)
		return;
	if (attach(w, m, p, regs) == 0) {
		take(w);
		return;
	}
	log_info("the scheduler is not watched: %s", err_text(&w->why));
	series_destroy(w->series);
	w->series = NULL;
}
