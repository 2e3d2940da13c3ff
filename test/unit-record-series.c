/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples of a kernel that was built in memory, as the record has them over time. */
#include <bpf/btf.h>
#include <json-c/json.h>

#include "loop/watch.h"
#include "monitor/sample.h"
#include "monitor/series.h"
#include "test/guest-kernel.h"

#define PERCPU(cpu) (GUEST_KERNEL_PERCPU + (cpu) * GUEST_KERNEL_PERCPU_BYTES)
#define STORE_BYTES (64u << 10)

enum { RQ_NR = 0, RQ_SWITCHES = 8, EV_FALLBACK = 0, EV_KEEP_LAST = 8 };

struct fixture {
	struct guest_kernel g;
	struct btf *btf;
	struct watch w;
};

/* Event counters as 6.15 has them. */
static struct btf *types(void)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);

	btf__add_struct(b, "rq", 16);
	btf__add_field(b, "nr_running", u32, RQ_NR * 8, 0);
	btf__add_field(b, "nr_switches", u64, RQ_SWITCHES * 8, 0);
	btf__add_struct(b, "scx_event_stats", 16);
	btf__add_field(b, "SCX_EV_SELECT_CPU_FALLBACK", u64, EV_FALLBACK * 8, 0);
	btf__add_field(b, "SCX_EV_DISPATCH_KEEP_LAST", u64, EV_KEEP_LAST * 8, 0);
	return b;
}

static bool fixture_open(struct fixture *f)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .btf = types() };
	f->g.make.btf = f->btf;
	watch_init(&f->w);
	if (!guest_kernel_open(&f->g) ||
	    !tap_ok(guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) == 0 &&
		    sampler_create(f->g.index, GUEST_KERNEL_CPUS, &f->w.sampler, &f->g.err) == 0 &&
		    series_create(GUEST_KERNEL_CPUS, STORE_BYTES, &f->w.series, &f->g.err) == 0,
		    "%s", err_text(&f->g.err)))
		return false;
	f->w.monitor = f->g.monitor;
	return true;
}

static void fixture_close(struct fixture *f)
{
	series_destroy(f->w.series);
	sampler_destroy(f->w.sampler);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

static void take(struct fixture *f, uint64_t t_ms, uint64_t fallbacks)
{
	for (unsigned cpu = 0; cpu < GUEST_KERNEL_CPUS; cpu++) {
		guest_put(&f->g, PERCPU(cpu) + VMLINUX_RUNQUEUES + RQ_SWITCHES, 100 + t_ms);
		guest_put(&f->g, PERCPU(cpu) + VMLINUX_EVENT_STATS + EV_FALLBACK, fallbacks);
	}
	series_add(f->w.series, sampler_take(f->w.sampler, f->g.monitor, t_ms * 1000000));
}

static void has(struct json_object *o, const char *text)
{
	const char *s = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	tap_ok(strstr(s, text), "%s: %s", text, s);
}

static void counters_and_events_are_told_from_the_first_sample_on(void)
{
	struct fixture f;
	struct json_object *o;

	if (fixture_open(&f)) {
		take(&f, 0, 5);
		take(&f, 10, 5);
		take(&f, 20, 9);
		o = record_series(&f.w);
		has(o, "\"t_ms\":[0.000,10.000,20.000]");
		has(o, "\"nr_running\":0,");
		has(o, "\"nr_switches\":{\"from\":100,\"plus\":[0,10,20]}");
		/* of both CPUs together; one that never happened is left out */
		has(o, "\"events\":{\"SCX_EV_SELECT_CPU_FALLBACK\":[0,0,8]}");
		json_object_put(o);
	}
	fixture_close(&f);
}

static void what_did_not_happen_is_not_there(void)
{
	struct fixture f;
	struct json_object *o;

	if (fixture_open(&f)) {
		take(&f, 0, 5);
		o = record_series(&f.w);
		tap_ok(!json_object_object_get_ex(o, "events", NULL), "no events");
		json_object_put(o);
	}
	fixture_close(&f);
}

/* The record is bounded, whatever a run saw. */
static void a_long_series_is_thinned_out_and_stays_in_step(void)
{
	struct json_object *o, *t, *e;
	struct fixture f;

	if (fixture_open(&f)) {
		series_destroy(f.w.series);
		tap_eq(series_create(GUEST_KERNEL_CPUS, 64u << 20, &f.w.series, &f.g.err), 0);
		for (unsigned i = 0; i < 5000; i++)
			take(&f, i, i);
		o = record_series(&f.w);
		json_object_object_get_ex(o, "t_ms", &t);
		json_object_object_get_ex(o, "events", &e);
		e = json_object_object_get(e, "SCX_EV_SELECT_CPU_FALLBACK");
		tap_ok(json_object_array_length(t) > 100 && json_object_array_length(t) < 1000,
		       "%zu times", json_object_array_length(t));
		tap_eq(json_object_array_length(e), json_object_array_length(t));
		json_object_put(o);
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(counters_and_events_are_told_from_the_first_sample_on);
	TAP_RUN(what_did_not_happen_is_not_there);
	TAP_RUN(a_long_series_is_thinned_out_and_stays_in_step);
	return tap_done();
}
