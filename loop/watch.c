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
#include "loop/job.h"
#include "loop/kernel_index.h"
#include "loop/machine.h"
#include "monitor/kbpf_seen.h"
#include "monitor/kindex.h"
#include "monitor/monitor.h"
#include "monitor/sample.h"
#include "monitor/sched_ext.h"
#include "monitor/series.h"
#include "monitor/stuck.h"

void watch_init(struct watch *w)
{
	*w = (struct watch){ .timer_fd = -1, .limits = RULE_LIMITS_DEFAULT };
	w->why = w->index_why = (struct err)ERR_INIT;
	kernel_told_init(&w->told);
	err_set(&w->why, -ENODATA, "the guest was never ready");
}

void watch_stop(struct watch *w)
{
	job_destroy(w->job);
	w->job = NULL;
	if (w->timer_fd >= 0)
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
	rules_destroy(w->rules);
	series_destroy(w->series);
	monitor_destroy(w->monitor);
	stuck_destroy(w->stuck);
	sched_ext_destroy(w->sched_ext);
	kbpf_seen_destroy(w->bpf);
	kernel_told_fini(&w->told);
	sampler_destroy(w->sampler);
	kindex_close(w->index);
	free(w->image);
	watch_init(w);
}

const struct kindex *watch_index(const struct watch *w, const char **ret_why)
{
	*ret_why = w->job ? "the kernel's file is still being read" : err_text(&w->index_why);
	return w->job ? NULL : w->index;
}

struct monitor *watch_monitor(const struct watch *w)
{
	return w->series ? w->monitor : NULL;
}

const struct sched_ext *watch_sched_ext(const struct watch *w)
{
	return w->sched_ext;
}

bool watch_settled(const struct watch *w)
{
	return w->settled;
}

static void settle(struct watch *w)
{
	w->settled = true;
	if (w->on_settled)
		w->on_settled(w->arg);
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

/* sched_ext's counters that rules look at, over all CPUs. */
static struct rule_events count_events(const struct watch *w, const struct sample *s)
{
	struct rule_events e = { .have = sampler_events(w->sampler) > 0 };

	for (unsigned i = 0; i < sampler_events(w->sampler); i++) {
		const char *name = sampler_event_name(w->sampler, i);

		if (!strcmp(name, "SCX_EV_SELECT_CPU_FALLBACK"))
			e.fallback = s->event[i];
		else if (!strcmp(name, "SCX_EV_DISPATCH_KEEP_LAST"))
			e.keep_last = s->event[i];
	}
	return e;
}

static void take(struct watch *w)
{
	struct sample *s = sampler_take(w->sampler, w->monitor, units_now_ns() - w->start_ns);
	struct rule_events events;

	for (unsigned i = 0; i < w->cpus; i++)
		add_host(w, i, &s->cpu[i]);
	if (!series_total(w->series))
		keep_first_domains(w);
	w->schedulers += s->scheduler;
	series_add(w->series, s);
	events = count_events(w, s);
	rules_add(w->rules, s, &events);
	kbpf_seen_take(w->bpf, w->monitor);
}

static void look_for_stuck(struct watch *w)
{
	char text[200];

	if (w->stuck && stuck_look(w->stuck, w->monitor, units_now_ns(), text, sizeof(text)))
		w->on_stuck(text, w->arg);
}

bool watch_waited(const struct watch *w, char *text, size_t size)
{
	return w->stuck && stuck_last(w->stuck, units_now_ns(), text, size);
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
	/* a guest that stands still has nothing to show, and is not stalled */
	if (machine_is_frozen(w->machine))
		return;
	take(w);
	look_for_stuck(w);
}

/* --- the start ----------------------------------------------------------------- */

static void open_schedstat(struct watch *w)
{
	unsigned cpus = machine_cpus(w->machine);

	w->schedstat_fd = calloc(cpus, sizeof(*w->schedstat_fd));
	if (!w->schedstat_fd)
		return;
	for (; w->cpus < cpus; w->cpus++) {
		int *fd = &w->schedstat_fd[w->cpus];
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat",
			 (int)machine_vcpu_tid(w->machine, w->cpus));
		*fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* Both are there: the guest, and what is known of its kernel. */
static void ask(struct watch *w)
{
	err_clear(&w->why);
	if (!w->sampler && !w->index && !w->told_asked && w->on_untold && w->on_untold(w->arg)) {
		w->told_asked = true;
		err_set(&w->why, -ENODATA, "%s, and the guest did not tell",
			err_text(&w->index_why));
		return;
	}
	if (!w->sampler) {
		w->why = w->index_why;
		log_info("the scheduler is not watched: %s", err_text(&w->why));
		settle(w);
		return;
	}
	err_set(&w->why, -ENODATA, "the guest ended before its kernel was found");
	machine_ask(w->machine, 0);
}

/* What there is to look for in this kernel. */
static void find_fields(struct watch *w)
{
	if (!w->interval_ns || sched_ext_create(w->index, &w->sched_ext, &w->index_why) < 0 ||
	    kbpf_seen_create(w->index, &w->bpf, &w->index_why) < 0 ||
	    sampler_create(w->index, machine_cpus(w->machine), &w->sampler, &w->index_why) < 0)
		return;
	/* without memory for it there is no early look */
	if (w->on_stuck)
		(void)stuck_create(w->index, w->sched_ext, &w->stuck, NULL);
}

static void work_index(void *arg)
{
	struct watch *w = arg;

	if (kernel_index_open(w->image, &w->index, &w->index_why) == 0)
		find_fields(w);
}

static void on_index(void *arg)
{
	struct watch *w = arg;

	job_destroy(w->job);
	w->job = NULL;
	kernel_told_fini(&w->told);
	if (w->ready)
		ask(w);
}

/* The last resort: the kernel's own word. */
static void work_told(void *arg)
{
	struct watch *w = arg;
	const struct buf *p = w->told.part;
	const struct kindex_told t = {
		.kallsyms = (const char *)p[WIRE_KERNEL_SYMBOLS].data,
		.kallsyms_bytes = p[WIRE_KERNEL_SYMBOLS].len,
		.btf = p[WIRE_KERNEL_TYPES].data, .btf_bytes = p[WIRE_KERNEL_TYPES].len,
		.version = (const char *)p[WIRE_KERNEL_VERSION].data,
		.version_bytes = p[WIRE_KERNEL_VERSION].len,
	};
	struct buf bytes = BUF_INIT;
	struct err e = ERR_INIT;

	if (kindex_build_told(&t, &bytes, &e) < 0)
		buf_fini(&bytes);
	else if (kindex_open(&bytes, &w->index, &e) == 0)
		find_fields(w);
	if (*err_text(&e))
		err_ctx(&w->index_why, -ENODATA, "the guest was asked: %s; before that",
			err_text(&e));
}

bool watch_told(struct watch *w, const struct frame *f)
{
	if (!w->told_asked || w->job || w->told.done || !kernel_told_add(&w->told, f))
		return false;
	if (!w->told.done)
		return true;
	if (*err_text(&w->told.why)) {
		w->index_why = w->told.why;
		ask(w);
	} else if (job_start(w->loop, work_told, on_index, w, &w->job, &w->index_why) < 0) {
		ask(w);
	}
	return true;
}

void watch_begin(struct watch *w, struct ev_loop *loop, struct machine *m, const char *image,
		 uint64_t interval_ns)
{
	w->loop = loop;
	w->machine = m;
	w->interval_ns = interval_ns;
	w->image = strdup(image);
	if (!w->image)
		err_sys(&w->index_why, -ENOMEM, "monitor");
	else
		(void)job_start(loop, work_index, on_index, w, &w->job, &w->index_why);
}

void watch_ready(struct watch *w, uint64_t kernel_gpa)
{
	/* a guest may say it twice */
	if (!w->interval_ns || w->ready)
		return;
	w->ready = true;
	w->kernel_gpa = kernel_gpa;
	w->start_ns = units_now_ns();
	if (!w->job)
		ask(w);
}

static int attach(struct watch *w, const struct vcpu_regs *regs)
{
	const struct monitor_regs r = { .cr3 = regs->cr3, .cr4 = regs->cr4, .lstar = regs->lstar };
	const unsigned cpus = machine_cpus(w->machine);
	int ret;

	err_clear(&w->why);
	if ((ret = monitor_create(machine_memory(w->machine), w->index, cpus, &w->monitor,
				  &w->why)) < 0 ||
	    (ret = monitor_attach(w->monitor, &r, &w->why)) < 0 ||
	    (ret = monitor_confirm(w->monitor, w->kernel_gpa, &w->why)) < 0 ||
	    (ret = rules_create(&w->limits, cpus, &w->rules, &w->why)) < 0 ||
	    (ret = series_create(cpus, WATCH_STORE_BYTES, &w->series, &w->why)) < 0)
		return ret;
	open_schedstat(w);
	return w->schedstat_fd ? start_timer(w) : err_sys(&w->why, -ENOMEM, "monitor");
}

void watch_asked(struct watch *w, const struct vcpu_regs *regs)
{
	if (attach(w, regs) == 0) {
		take(w);
	} else {
		log_info("the scheduler is not watched: %s", err_text(&w->why));
		series_destroy(w->series);
		w->series = NULL;
	}
	settle(w);
}
