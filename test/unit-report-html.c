/* SPDX-License-Identifier: GPL-2.0-only */
/* The page and the timeline of a record, also of one that is not what it should be. */
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/report.h"
#include "cli/report_series.h"
#include "test/tap.h"

static const char record[] =
	"{ 'schema': 'ktstr.run/1', 'verdict': 'fail', 'reason': 'test <a> & b',"
	" 'tests': [ { 'name': 't1', 'verdict': 'fail', 'duration_ms': 12,"
	"   'details': [ { 'kind': 'Starved', 'text': 'worker 3' } ] } ],"
	" 'phases_ms': { 'setup': 1, 'boot': 90, 'init': 12, 'test': 10, 'poweroff': 4 },"
	" 'scheduler': { 'kernel_exits': [ { 't_ms': 112, 'ops': 'sl<oth',"
	"   'reason': 'runnable task stall', 'msg': 'a[1] failed' }, { 't_ms': 90 }, 7 ] },"
	" 'findings': [ { 'kind': 'Imbalance', 'text': '4 to 0', 't_ms': 10 } ],"
	" 'monitor': { 'ready_ms': 100, 'absent': [ { 'what': 'sd', 'why': 'no CONFIG_SMP' } ],"
	"   'summary': { 'cpus': [ { 'cpu': 0, 'nr_running': { 'avg': 1.5, 'max': 3 },"
	"     'nr_switches': 118 } ], 'events': { 'SCX_EV_X': 7 } },"
	"   'bpf': { 'programs': [ { 'name': 'e<q', 'runs': 4, 'run_ns': 1000, 'misses': 3 },"
	"     { 'name': 'uncounted' }, 7 ] },"
	"   'series': { 'one_of': 1, 't_ms': [ 0, 10, 20 ],"
	"     'cpus': [ { 'cpu': 0, 'nr_running': [ 1, 3, null ], 'local_dsq': 0,"
	"                 'nr_switches': { 'from': 9, 'plus': [ 0, 4, 5 ] },"
	"                 'curr': [ 1, 1, 0 ] },"
	"               { 'cpu': 5, 'nr_running': 0 } ],"
	"     'events': { 'SCX_EV_X': [ 0, 2, 7 ], 'SCX_EV_<': [ 0, 1, 9 ], 'SCX_EV_Y': 3 },"
	"     'tasks': [ { 'pid': 0, 'comm': 'swapper/0' }, { 'pid': 42, 'comm': 'a<b' } ] } },"
	" 'console_tail': [ '</pre><script>' ] }";

static struct json_object *parse(const char *text)
{
	char *copy = strdup(text);
	struct json_object *o;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_tokener_parse(copy);
	free(copy);
	return o;
}

static char *render(void (*fn)(FILE *, const struct json_object *), const char *text)
{
	struct json_object *o = parse(text);
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	fn(f, o);
	fclose(f);
	json_object_put(o);
	return s;
}

static void a_series_is_made_into_numbers(void)
{
	struct json_object *o = parse(record);
	struct series s;
	double v[3], pid;

	tap_ok(series_init(&s, o), "read");
	tap_eq(s.times, 3);
	tap_eq(s.count, 2);
	tap_ok(series_field(&s, 0, "nr_running", v) && v[1] == 3 && isnan(v[2]), "values");
	tap_ok(series_field(&s, 0, "nr_switches", v) && v[1] == 4 && v[2] == 5, "a counter");
	tap_ok(series_field(&s, 0, "local_dsq", v) && v[2] == 0, "always the same");
	tap_ok(!series_field(&s, 1, "curr", v), "not there");
	tap_ok(series_has(&s, "nr_running") && !series_has(&s, "local_dsq"), "anything but 0");
	tap_ok(series_cpu_id(&s, 1) == 5, "the CPU's own number");
	tap_str(series_task(&s, 1, &pid), "a<b");
	tap_ok(pid == 42 && !series_task(&s, 2, &pid) && !series_task(&s, -1, &pid) &&
	       !series_task(&s, NAN, &pid), "tasks");
	tap_ok(series_end_ms(&s, 0) == 10 && series_end_ms(&s, 2) == 30, "ends");
	series_fini(&s);
	json_object_put(o);
}

static void the_run_is_on_the_axis_of_the_series(void)
{
	struct json_object *o = parse(record);
	struct series_phase p[SERIES_PHASES_MAX];
	struct series_exit x;
	struct series s;
	double v[3];
	size_t at = 0;

	tap_eq(series_phases(o, p), 3);
	tap_str(p[0].name, "init");
	tap_ok(p[0].from_ms == 0 && p[0].to_ms == 3, "before the tests");
	tap_ok(!strcmp(p[1].name, "test") && p[1].from_ms == 3 && p[1].to_ms == 13, "tests");
	tap_ok(!strcmp(p[2].name, "poweroff") && p[2].to_ms == 17, "poweroff");
	if (tap_ok(series_next_exit(o, &at, &x), "an exit")) {
		tap_ok(x.t_ms == 12, "at %g", x.t_ms);
		tap_str(x.text, "sl<oth: runnable task stall: a[1] failed");
		free(x.text);
	}
	tap_ok(!series_next_exit(o, &at, &x), "what was before the axis is not on it");
	series_init(&s, o);
	tap_ok(series_event(&s, "SCX_EV_X", v) && v[1] == 2 && v[2] == 7, "an event");
	tap_ok(!series_event(&s, "SCX_EV_Y", v), "no numbers over time");
	series_fini(&s);
	json_object_put(o);
	/* a record that does not say where the axis begins */
	o = parse("{'phases_ms':{'setup':1,'test':10},'scheduler':{'kernel_exits':[{'t_ms':4}]}}");
	at = 0;
	tap_eq(series_phases(o, p), 1);
	tap_ok(!strcmp(p[0].name, "test") && p[0].from_ms == 0, "tests from 0 on");
	tap_ok(!series_next_exit(o, &at, &x), "no exit");
	json_object_put(o);
}

static void a_series_of_a_stranger_is_taken_as_far_as_it_makes_sense(void)
{
	static const struct {
		const char *text;
		size_t times, cpus;
	} rows[] = {
		{ "{}", 0, 0 },
		{ "{'monitor':{'series':7}}", 0, 0 },
		{ "{'monitor':{'series':{'t_ms':[0,1],'cpus':{}}}}", 0, 0 },
		{ "{'monitor':{'series':{'t_ms':[0,1,1,2],'cpus':[1,'x']}}}", 2, 2 },
		{ "{'monitor':{'series':{'t_ms':['a'],'cpus':[{}]}}}", 0, 1 },
		{ "{'monitor':{'series':{'t_ms':[5,null],'cpus':[{'nr_running':[1]}]}}}", 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *o = parse(rows[i].text);
		struct series s;
		double v[4];

		tap_ok(series_init(&s, o), "%s", rows[i].text);
		tap_eq(s.times, rows[i].times);
		tap_eq(s.count, rows[i].cpus);
		for (size_t cpu = 0; cpu < s.count; cpu++)
			series_field(&s, cpu, "nr_running", v);
		series_fini(&s);
		json_object_put(o);
		free(render(report_html, rows[i].text));
		free(render(report_trace, rows[i].text));
	}
}

static void the_page_has_everything_and_runs_nothing(void)
{
	static const char *const wanted[] = {
		"<h1 class=\"fail\">fail</h1>", "test &lt;a&gt; &amp; b", "Starved: worker 3",
		"Imbalance", "no CONFIG_SMP", "1.50 / 3", "SCX_EV_X", "<svg viewBox",
		"CPU 0, 10 to 20 ms: 3", "a&lt;b (42)", "&lt;/pre&gt;&lt;script&gt;",
		"10 ms: Imbalance: 4 to 0", "init: to 3.0 ms",
		"12 ms: end of scheduler: sl&lt;oth: runnable task stall: a[1] failed",
		"SCX_EV_X between samples<tspan class=\"dim\"> (0 to 5)",
		"SCX_EV_&lt; between samples", "<td>e&lt;q</td><td class=\"n\">4</td>"
		"<td class=\"n\">250</td><td class=\"n\">3</td>",
	};
	char *page = render(report_html, record);

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		tap_ok(strstr(page, wanted[i]), "it has %s", wanted[i]);
	tap_ok(!strstr(page, "<script"), "no script");
	tap_ok(!strstr(page, "uncounted"), "nothing of a program that was not counted");
	tap_ok(!strstr(page, "swapper"), "an idle CPU shows no task");
	free(page);
}

static void a_record_without_a_monitor_has_a_page_without_pictures(void)
{
	char *page = render(report_html, "{'verdict':'pass','reason':'1 test passed'}");

	tap_ok(strstr(page, "1 test passed") && !strstr(page, "<svg"), "%s", page);
	free(page);
}

static void the_timeline_is_json_with_an_event_for_each_stretch(void)
{
	char *text = render(report_trace, record);
	struct json_object *o = json_tokener_parse(text), *events, *e;
	unsigned slices = 0, counters = 0, marks = 0;

	tap_ok(json_object_object_get_ex(o, "traceEvents", &events), "it has events");
	for (size_t i = 0; i < json_object_array_length(events); i++) {
		const char *phase;

		e = json_object_array_get_idx(events, i);
		phase = json_object_get_string(json_object_object_get(e, "ph"));
		slices += phase[0] == 'X';
		counters += phase[0] == 'C';
		marks += phase[0] == 'i';
		if (phase[0] == 'X' && json_object_get_int(json_object_object_get(e, "pid")) == 2)
			tap_ok(json_object_get_double(json_object_object_get(e, "dur")) == 20000,
			       "two samples of one task are one stretch of 20 ms");
	}
	/* and three phases */
	tap_eq(slices, 4);
	/* two of CPU 0's nr_running, one each of what never changes; two events */
	tap_eq(counters, 10);
	tap_eq(marks, 2);
	json_object_put(o);
	free(text);
}

/* 0.1 + 0.2 and the like: a reader that rounds start and length apart sees an overlap. */
static void stretches_of_the_timeline_touch_and_do_not_overlap(void)
{
	char *text = render(report_trace,
			    "{'monitor':{'series':{'t_ms':[0.1,0.3,832.535,1334.821,2129.212],"
			    "'cpus':[{'cpu':0,'curr':[0,1,0,1,0]},{'cpu':1,'curr':[1,0,1,0,1]}],"
			    "'tasks':[{'pid':7,'comm':'a'},{'pid':8,'comm':'b'}]}}}");
	struct json_object *o = json_tokener_parse(text), *events;
	int64_t end[8] = { 0 };

	json_object_object_get_ex(o, "traceEvents", &events);
	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *e = json_object_array_get_idx(events, i), *dur;
		const int64_t ts = json_object_get_int64(json_object_object_get(e, "ts"));
		const int tid = json_object_get_int(json_object_object_get(e, "tid"));

		if (!json_object_object_get_ex(e, "dur", &dur))
			continue;
		tap_ok(json_object_is_type(dur, json_type_int), "whole microseconds");
		tap_ok(!end[tid] || ts == end[tid], "%d: %lld behind %lld", tid, (long long)ts,
		       (long long)end[tid]);
		end[tid] = ts + json_object_get_int64(dur);
	}
	tap_eq(end[3], 2129212 + (2129212 - 1334821));
	tap_eq(end[4], end[3]);
	json_object_put(o);
	free(text);
}

static void a_cpu_of_any_number_has_a_thread_of_the_timeline(void)
{
	char *text = render(report_trace, "{'monitor':{'series':{'t_ms':[0,1],'cpus':["
			    "{'cpu':1e300,'curr':[0,0]},{'cpu':-1e300,'curr':[0,0]}],"
			    "'tasks':[{'pid':7,'comm':'a'}]}}}");

	tap_ok(strstr(text, "\"tid\": 1000003,"), "the largest: %s", text);
	tap_ok(strstr(text, "\"tid\": 4,"), "no number, so its place: %s", text);
	tap_ok(!strstr(text, "\"tid\": -"), "none is negative: %s", text);
	free(text);
}

int main(void)
{
	TAP_RUN(a_series_is_made_into_numbers);
	TAP_RUN(the_run_is_on_the_axis_of_the_series);
	TAP_RUN(a_series_of_a_stranger_is_taken_as_far_as_it_makes_sense);
	TAP_RUN(the_page_has_everything_and_runs_nothing);
	TAP_RUN(a_record_without_a_monitor_has_a_page_without_pictures);
	TAP_RUN(the_timeline_is_json_with_an_event_for_each_stretch);
	TAP_RUN(stretches_of_the_timeline_touch_and_do_not_overlap);
	TAP_RUN(a_cpu_of_any_number_has_a_thread_of_the_timeline);
	return tap_done();
}
