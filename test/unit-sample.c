/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples of a kernel that was built in memory: each layout, lists with loops, what is missing. */
#include <bpf/btf.h>
#include <stdlib.h>

#include "monitor/sample.h"
#include "test/guest-kernel.h"

/* Places in the guest, by the direct map. */
#define RQ(cpu) (GUEST_KERNEL_PERCPU + (cpu) * GUEST_KERNEL_PERCPU_BYTES + VMLINUX_RUNQUEUES)
#define TASK 0x2200000
#define DOMAIN(i) (0x2210000 + (i) * 0x100)
#define NAME 0x2220000
#define SCHED(i) (0x2230000 + (i) * 0x1000)
#define STATS 0x4000			/* a per-CPU pointer */

/* Offsets in the structs that types() describes. */
enum {
	RQ_NR = 0, RQ_CLOCK = 8, RQ_CURR = 16, RQ_SD = 24, RQ_SCX_FLAGS = 36, RQ_DSQ_NR = 40,
	RQ_TTWU = 44,
	TASK_PID = 8, TASK_COMM = 16,
	SD_PARENT = 0, SD_NAME = 8, SD_LEVEL = 16, SD_LB_COUNT = 20,
	SCHED_POINTER = 24, PCPU_STATS = 64,
};

enum events { NO_EVENTS, BY_SYMBOL, BY_POINTER, BY_PCPU };

static struct btf *types(enum events events)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);
	int ch = btf__add_int(b, "char", 1, 0), p = btf__add_ptr(b, 0);
	int comm = btf__add_array(b, u32, ch, 16), three = btf__add_array(b, u32, u32, 3);
	int dsq = btf__add_struct(b, "scx_dispatch_q", 4), scx, stats;

	btf__add_field(b, "nr", u32, 0, 0);
	scx = btf__add_struct(b, "scx_rq", 12);
	btf__add_field(b, "flags", u32, 32, 0);
	btf__add_field(b, "local_dsq", dsq, 64, 0);
	btf__add_struct(b, "rq", 48);
	btf__add_field(b, "nr_running", u32, RQ_NR * 8, 0);
	btf__add_field(b, "clock", u64, RQ_CLOCK * 8, 0);
	btf__add_field(b, "curr", p, RQ_CURR * 8, 0);
	btf__add_field(b, "sd", p, RQ_SD * 8, 0);
	btf__add_field(b, "scx", scx, 32 * 8, 0);
	btf__add_field(b, "ttwu_count", u32, RQ_TTWU * 8, 0);
	btf__add_struct(b, "task_struct", 32);
	btf__add_field(b, "pid", u32, TASK_PID * 8, 0);
	btf__add_field(b, "comm", comm, TASK_COMM * 8, 0);
	btf__add_struct(b, "sched_domain", 32);
	btf__add_field(b, "parent", p, SD_PARENT * 8, 0);
	btf__add_field(b, "name", p, SD_NAME * 8, 0);
	btf__add_field(b, "level", u32, SD_LEVEL * 8, 0);
	btf__add_field(b, "lb_count", three, SD_LB_COUNT * 8, 0);
	btf__add_enum(b, "cpu_idle_type", 4);
	btf__add_enum_value(b, "__CPU_NOT_IDLE", 0);
	btf__add_enum_value(b, "CPU_IDLE", 1);
	btf__add_enum_value(b, "CPU_NEWLY_IDLE", 2);
	if (events == NO_EVENTS)
		return b;
	stats = btf__add_struct(b, "scx_event_stats", 16);
	btf__add_field(b, "SCX_EV_SELECT_CPU_FALLBACK", u64, 0, 0);
	btf__add_field(b, "SCX_EV_DISPATCH_KEEP_LAST", u64, 64, 0);
	if (events == BY_SYMBOL)
		return b;
	btf__add_struct(b, "scx_sched", 32);
	btf__add_field(b, events == BY_POINTER ? "event_stats_cpu" : "pcpu", p,
		       SCHED_POINTER * 8, 0);
	btf__add_struct(b, "scx_sched_pcpu", 80);
	btf__add_field(b, "event_stats", stats, PCPU_STATS * 8, 0);
	return b;
}

struct fixture {
	struct guest_kernel g;
	struct btf *btf;
	struct sampler *s;
	uint64_t t_ns;
};

static bool fixture_open(struct fixture *f, enum events events)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .btf = types(events) };
	f->g.make.btf = f->btf;
	return guest_kernel_open(&f->g) &&
	       tap_ok(guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) == 0 &&
		      sampler_create(f->g.index, GUEST_KERNEL_CPUS, &f->s, &f->g.err) == 0, "%s",
		      err_text(&f->g.err));
}

static void fixture_close(struct fixture *f)
{
	sampler_destroy(f->s);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

static struct sample *take(struct fixture *f)
{
	return sampler_take(f->s, f->g.monitor, f->t_ns += 1000);
}

static void put32(struct fixture *f, uint64_t gpa, uint32_t v)
{
	mm_write(f->g.mm, gpa, &v, sizeof(v));
}

static uint64_t kva(const struct fixture *f, uint64_t gpa)
{
	return f->g.direct_kva + gpa;
}

static void each_cpu_has_its_row(void)
{
	struct fixture f;
	struct sample *s;

	if (fixture_open(&f, NO_EVENTS)) {
		put32(&f, RQ(0) + RQ_NR, 1);
		put32(&f, RQ(1) + RQ_NR, 7);
		guest_put(&f.g, RQ(1) + RQ_CLOCK, UINT64_C(0x123456789a));
		put32(&f, RQ(1) + RQ_SCX_FLAGS, 5);
		put32(&f, RQ(1) + RQ_DSQ_NR, 50);
		guest_put(&f.g, RQ(1) + RQ_CURR, kva(&f, TASK));
		put32(&f, TASK + TASK_PID, 4711);
		mm_write(f.g.mm, TASK + TASK_COMM, "spin\x1b[31mred", 13);
		s = take(&f);
		tap_eq(s->cpus, 2);
		tap_eq(s->t_ns, 1000);
		tap_eq(s->cpu[0].value[SAMPLE_NR_RUNNING], 1);
		tap_eq(s->cpu[1].value[SAMPLE_NR_RUNNING], 7);
		tap_eq(s->cpu[1].value[SAMPLE_CLOCK], UINT64_C(0x123456789a));
		tap_eq(s->cpu[1].value[SAMPLE_SCX_FLAGS], 5);
		tap_eq(s->cpu[1].value[SAMPLE_LOCAL_DSQ], 50);
		tap_eq(s->cpu[1].curr_pid, 4711);
		tap_str(s->cpu[1].curr_comm, "spin [31mred");
	}
	fixture_close(&f);
}

static void what_cannot_be_read_is_not_there(void)
{
	struct fixture f;
	struct sample *s;

	if (fixture_open(&f, NO_EVENTS)) {
		/* no task: a pointer to nowhere; a CPU whose area is not mapped */
		guest_put(&f.g, RQ(0) + RQ_CURR, 0xdead000000000100);
		guest_put(&f.g, f.g.text_gpa + VMLINUX_AT_PER_CPU_OFFSET + 8,
			  UINT64_C(0xffffe00000000000));
		tap_eq(guest_kernel_attach(&f.g, GUEST_KERNEL_CR3, true), 0);
		s = take(&f);
		tap_ok(s->cpu[0].have & 1u << SAMPLE_NR_RUNNING, "CPU 0 was read");
		tap_eq(s->cpu[0].curr_pid + 1, 0);
		tap_eq(s->cpu[1].have, 0);
		tap_eq(s->cpu[1].curr_pid + 1, 0);
	}
	fixture_close(&f);
}

static void add(const char *what, void *arg)
{
	snprintf((char *)arg + strlen(arg), 512 - strlen(arg), "%s ", what);
}

static void add_why(const char *what, const char *why, void *arg)
{
	snprintf((char *)arg + strlen(arg), 2048 - strlen(arg), "%s: %s\n", what, why);
}

static void what_a_kernel_has_not_is_told_with_the_reason(void)
{
	char available[512] = "", absent[2048] = "";
	struct fixture f;

	if (fixture_open(&f, NO_EVENTS)) {
		sampler_available(f.s, add, available);
		sampler_absent(f.s, add_why, absent);
		tap_str(available, "nr_running clock_ns scx_flags local_dsq ttwu_count curr "
			"domains domain names domain counters ");
		tap_ok(strstr(absent, "nr_switches: struct rq has no member nr_switches\n"), "%s",
		       absent);
		tap_ok(strstr(absent, "run_delay_ns: struct rq has no member rq_sched_info\n"),
		       "%s", absent);
		tap_ok(strstr(absent, "events: no struct scx_event_stats (since 6.15)\n"), "%s",
		       absent);
	}
	fixture_close(&f);
}

/* 0 would be taken for "there were none". */
static void what_the_kernel_does_not_count_is_not_there(void)
{
	char available[512] = "", absent[2048] = "";
	struct fixture f;
	struct sample *s;

	if (fixture_open(&f, NO_EVENTS)) {
		put32(&f, RQ(0) + RQ_NR, 1);
		s = take(&f);
		tap_ok(s->cpu[0].have & 1u << SAMPLE_NR_RUNNING, "nr_running");
		tap_ok(!(s->cpu[0].have & 1u << SAMPLE_TTWU_COUNT), "no ttwu_count");
		sampler_available(f.s, add, available);
		sampler_absent(f.s, add_why, absent);
		tap_str(available, "nr_running clock_ns scx_flags local_dsq curr domains "
			"domain names ");
		tap_ok(strstr(absent, "ttwu_count: kernel.sched_schedstats is 0"), "%s", absent);
		tap_ok(strstr(absent, "domain counters: kernel.sched_schedstats is 0"), "%s",
		       absent);
		/* somebody turns it on */
		put32(&f, f.g.text_gpa + VMLINUX_AT_SCHEDSTATS, 1);
		put32(&f, RQ(0) + RQ_TTWU, 9);
		s = take(&f);
		tap_ok(s->cpu[0].have & 1u << SAMPLE_TTWU_COUNT, "ttwu_count");
		tap_eq(s->cpu[0].value[SAMPLE_TTWU_COUNT], 9);
		*absent = '\0';
		sampler_absent(f.s, add_why, absent);
		tap_ok(!strstr(absent, "schedstats"), "%s", absent);
	}
	fixture_close(&f);
}

/* Counter 0 of CPU 1; by tells where the counters are. */
static void put_event(struct fixture *f, enum events by, uint64_t v)
{
	const uint64_t percpu = GUEST_KERNEL_PERCPU + GUEST_KERNEL_PERCPU_BYTES;

	guest_put(&f->g, percpu + (by == BY_SYMBOL ? VMLINUX_EVENT_STATS :
				   STATS + (by == BY_PCPU ? PCPU_STATS : 0)), v);
}

static void attach_scheduler(struct fixture *f, int i)
{
	guest_put(&f->g, f->g.text_gpa + VMLINUX_AT_SCX_ROOT, i < 0 ? 0 : kva(f, SCHED(i)));
	if (i >= 0)
		guest_put(&f->g, SCHED(i) + SCHED_POINTER, STATS);
}

static void events_are_found_in_every_layout_and_count_from_the_first_sample(void)
{
	for (enum events by = BY_SYMBOL; by <= BY_PCPU; by++) {
		struct fixture f;

		if (fixture_open(&f, by)) {
			attach_scheduler(&f, 0);
			put_event(&f, by, 100);
			tap_ok(take(&f)->scheduler, "there are counters");
			put_event(&f, by, 130);
			tap_eq(take(&f)->event[0], 30);
			tap_eq(sampler_events(f.s), 2);
			tap_str(sampler_event_name(f.s, 0), "SCX_EV_SELECT_CPU_FALLBACK");
			tap_eq(sampler_event(f.s, 1, 0), 30);
			tap_eq(sampler_event(f.s, 1, 1), 0);
			tap_eq(sampler_event(f.s, 0, 0), 0);
		}
		fixture_close(&f);
	}
}

static void events_survive_a_late_attach_and_another_scheduler(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_POINTER)) {
		attach_scheduler(&f, -1);
		tap_ok(!take(&f)->scheduler, "no scheduler yet");
		attach_scheduler(&f, 0);
		put_event(&f, BY_POINTER, 5);
		tap_ok(take(&f)->scheduler, "one is attached");
		put_event(&f, BY_POINTER, 25);
		take(&f);
		attach_scheduler(&f, -1);
		tap_ok(!take(&f)->scheduler, "it went away");
		tap_eq(sampler_event(f.s, 1, 0), 25);
		/* the next one has counted more than the last in the meantime */
		attach_scheduler(&f, 1);
		put_event(&f, BY_POINTER, 40);
		take(&f);
		tap_eq(sampler_event(f.s, 1, 0), 65);
		/* nor does it matter that one after it lies where it was */
		attach_scheduler(&f, -1);
		take(&f);
		attach_scheduler(&f, 1);
		put_event(&f, BY_POINTER, 50);
		take(&f);
		tap_eq(sampler_event(f.s, 1, 0), 115);
		/* and what points to nowhere is no scheduler */
		guest_put(&f.g, f.g.text_gpa + VMLINUX_AT_SCX_ROOT, 0x4141414141414141);
		tap_ok(!take(&f)->scheduler, "wild");
		tap_eq(sampler_event(f.s, 1, 0), 115);
	}
	fixture_close(&f);
}

static void put_domain(struct fixture *f, int i, uint64_t parent, uint32_t level)
{
	const uint32_t counts[] = { 10, 20, 30 };

	guest_put(&f->g, DOMAIN(i) + SD_PARENT, parent);
	guest_put(&f->g, DOMAIN(i) + SD_NAME, kva(f, NAME));
	put32(f, DOMAIN(i) + SD_LEVEL, level);
	mm_write(f->g.mm, DOMAIN(i) + SD_LB_COUNT, counts, sizeof(counts));
}

static uint64_t domain_value(const struct fixture *f, const struct sample_domain *d,
			     const char *name)
{
	for (unsigned i = 0; i < sampler_domain_fields(f->s); i++)
		if (!strcmp(sampler_domain_field(f->s, i), name))
			return d->value[i];
	return UINT64_MAX;
}

static void domains_are_followed_upwards(void)
{
	const struct sample_domain *d;
	struct fixture f;
	unsigned n;

	if (fixture_open(&f, NO_EVENTS)) {
		mm_write(f.g.mm, NAME, "MC", 3);
		guest_put(&f.g, RQ(0) + RQ_SD, kva(&f, DOMAIN(0)));
		put_domain(&f, 0, kva(&f, DOMAIN(1)), 2);
		put_domain(&f, 1, 0, 3);
		take(&f);
		d = sampler_domains(f.s, 0, &n);
		tap_eq(n, 2);
		tap_str(d[0].name, "MC");
		tap_eq(domain_value(&f, &d[0], "level"), 2);
		tap_eq(domain_value(&f, &d[1], "level"), 3);
		tap_eq(domain_value(&f, &d[1], "lb_count_busy"), 10);
		tap_eq(domain_value(&f, &d[1], "lb_count_idle"), 20);
		tap_eq(domain_value(&f, &d[1], "lb_count_newidle"), 30);
		(void)sampler_domains(f.s, 1, &n);
		tap_eq(n, 0);
	}
	fixture_close(&f);
}

static void domains_in_a_circle_end(void)
{
	struct fixture f;
	unsigned n;

	if (fixture_open(&f, NO_EVENTS)) {
		guest_put(&f.g, RQ(0) + RQ_SD, kva(&f, DOMAIN(0)));
		put_domain(&f, 0, kva(&f, DOMAIN(1)), 2);
		put_domain(&f, 1, kva(&f, DOMAIN(0)), 3);
		guest_put(&f.g, RQ(1) + RQ_SD, 0x1234567812345678);
		take(&f);
		(void)sampler_domains(f.s, 0, &n);
		tap_eq(n, SAMPLE_DOMAINS_MAX);
		(void)sampler_domains(f.s, 1, &n);
		tap_eq(n, 0);
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(each_cpu_has_its_row);
	TAP_RUN(what_cannot_be_read_is_not_there);
	TAP_RUN(what_a_kernel_has_not_is_told_with_the_reason);
	TAP_RUN(what_the_kernel_does_not_count_is_not_there);
	TAP_RUN(events_are_found_in_every_layout_and_count_from_the_first_sample);
	TAP_RUN(events_survive_a_late_attach_and_another_scheduler);
	TAP_RUN(domains_are_followed_upwards);
	TAP_RUN(domains_in_a_circle_end);
	return tap_done();
}
