/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * view-same counters|domains|load RECORD: did the monitor see what the guest said of
 * itself in the notes of guest-view's test "counters"? Prints what was compared; exit
 * status 1 when something differs or was not there.
 *
 * counters: some sample lies between what the guest read before and after, in all
 * that have a series. They only grow, so a sample of that time does, and one of
 * something else does not. Of sums: what was counted from the first sample to the last
 * is no less than what the guest saw being added meanwhile, and little more than there is.
 * domains: their names and sums. load: the spinners were seen on their CPU, and
 * nowhere else.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "test/guest-view.h"

/*
 * What a CPU may count from the guest's last look until it is off, beside as much as there
 * is. An idle one that looks for work on behalf of the others does so at each of their
 * ticks, a thousand a second.
 */
#define LATE_MAX 64
#define LATE_IDLE_MAX 1000

/* Samples with the load that have to be there; it lasts for some 24. */
#define LOADED_MIN 5

struct record {
	struct json_object *monitor, *series, *notes;
	size_t samples, cpus;
};

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (o)
		json_object_object_get_ex(o, key, &v);
	return v;
}

static struct json_object *at(struct json_object *array, size_t i)
{
	return json_object_is_type(array, json_type_array) ?
	       json_object_array_get_idx(array, i) : NULL;
}

static size_t length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static const char *note(const struct record *r, size_t i)
{
	return json_object_get_string(get(at(r->notes, i), "text")) ?: "";
}

/* The next "NAME FROM TO" of a note. */
static bool next(const char **text, char name[32], long long *from, long long *to)
{
	int n = 0;

	if (sscanf(*text, " %31s %lld %lld%n", name, from, to, &n) != 3)
		return false;
	*text += n;
	return true;
}

static long long late_max(const char *name)
{
	const char *reason = strrchr(name, '_');

	return !strncmp(name, "lb_", 3) && !strcmp(reason, "_idle") ? LATE_IDLE_MAX : LATE_MAX;
}

/* Sums against a note. */
static bool compare_sums(struct json_object *sums, const char *what, const char *text,
			 long long *grown)
{
	const char *rest = text;
	long long from, to;
	char name[32];
	bool ok = true;

	while (next(&rest, name, &from, &to)) {
		struct json_object *sum = get(sums, name);
		const long long here = json_object_get_int64(sum);

		*grown += to - from;
		if (from >= 0 && here >= to - from && here <= 2 * to + late_max(name))
			continue;
		printf("%s: %s: %lld here, %lld to %lld there\n", what, name, here, from, to);
		ok = false;
	}
	return ok;
}

static struct json_object *summary_of(const struct record *r, unsigned cpu)
{
	return at(get(get(r->monitor, "summary"), "cpus"), cpu);
}

/* --- counters --------------------------------------------------------------------- */

/* The i-th value of a counter's column; -1: it was not read. */
static long long counter(struct json_object *cpu, const char *name, size_t i)
{
	struct json_object *c = get(cpu, name), *plus = at(get(c, "plus"), i);

	return plus ? json_object_get_int64(get(c, "from")) + json_object_get_int64(plus) : -1;
}

static bool lies_between(struct json_object *column, const char *text, size_t i)
{
	long long from, to;
	char name[32];

	while (next(&text, name, &from, &to)) {
		const long long here = counter(column, name, i);

		if (from < 0 || here < from || here > to)
			return false;
	}
	return true;
}

static bool compare_counters(const struct record *r, unsigned cpu, const char *text)
{
	struct json_object *column = at(get(r->series, "cpus"), cpu);
	unsigned between = 0;

	for (size_t i = 0; i < r->samples; i++)
		between += lies_between(column, text, i);
	printf("CPU %u:%s: %u of %zu samples\n", cpu, text, between, r->samples);
	return between > 0;
}

static bool counters_are_same(const struct record *r)
{
	unsigned views = 0, sums = 0, cpu;
	long long grown = 0;
	char what[32];
	bool ok = true;
	int n;

	for (size_t i = 0; i < length(r->notes); i++) {
		if (sscanf(note(r, i), "cpu %u%n", &cpu, &n) == 1) {
			ok &= compare_counters(r, cpu, note(r, i) + n);
			views++;
		} else if (sscanf(note(r, i), "sum %u%n", &cpu, &n) == 1) {
			snprintf(what, sizeof(what), "CPU %u", cpu);
			ok &= compare_sums(summary_of(r, cpu), what, note(r, i) + n, &grown);
			sums++;
		}
	}
	printf("%u and %u of %zu CPUs were told, in sums of which the guest counted %lld\n",
	       views, sums, r->cpus, grown);
	return ok && views == r->cpus && sums == r->cpus && grown > 0;
}

/* --- domains ------------------------------------------------------------------------ */

static struct json_object *domains_of(const struct record *r, unsigned cpu)
{
	return get(summary_of(r, cpu), "domains");
}

static bool compare_names(const struct record *r, unsigned cpu, const char *want)
{
	struct json_object *d = domains_of(r, cpu);
	char names[128] = "";

	for (size_t i = 0; i < length(d); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? "," : "", json_object_get_string(get(at(d, i), "name")) ?: "?");
	printf("CPU %u: domains %s here, %s there\n", cpu, *names ? names : "-", want);
	return !strcmp(*names ? names : "-", want);
}

static bool domains_are_same(const struct record *r)
{
	unsigned names = 0, levels = 0, cpu, level, version = 0;
	long long grown = 0;
	char list[128], what[32];
	bool ok = true;
	int n;

	for (size_t i = 0; i < length(r->notes); i++) {
		if (sscanf(note(r, i), "domains %u %127s", &cpu, list) == 2) {
			ok &= compare_names(r, cpu, list);
			names++;
		} else if (sscanf(note(r, i), "domain %u %u%n", &cpu, &level, &n) == 2) {
			snprintf(what, sizeof(what), "CPU %u, domain %u", cpu, level);
			ok &= compare_sums(at(domains_of(r, cpu), level), what, note(r, i) + n,
					   &grown);
			levels++;
		} else {
			(void)!sscanf(note(r, i), "schedstat %u", &version);
		}
	}
	printf("%u of %zu CPUs, %u domains, in which the guest counted %lld\n", names, r->cpus,
	       levels, grown);
	if (version > VIEW_SCHEDSTAT_MAX)
		printf("sums were not compared: version %u of /proc/schedstat\n", version);
	/* one CPU has nothing to balance with */
	return ok && names == r->cpus &&
	       (r->cpus == 1 || version > VIEW_SCHEDSTAT_MAX || grown > 0);
}

/* --- load ----------------------------------------------------------------------------- */

static const char *running(const struct record *r, struct json_object *cpu, size_t i)
{
	int k = json_object_get_int(at(get(cpu, "curr"), i));

	return k < 0 ? "" :
	       json_object_get_string(get(at(get(r->series, "tasks"), (size_t)k), "comm")) ?: "";
}

static bool load_was_seen(const struct record *r)
{
	unsigned loaded = 0, elsewhere = 0;

	for (size_t i = 0; i < r->samples; i++) {
		for (size_t cpu = 0; cpu < r->cpus; cpu++) {
			struct json_object *c = at(get(r->series, "cpus"), cpu);

			if (strcmp(running(r, c, i), VIEW_SPIN_NAME))
				continue;
			elsewhere += cpu != r->cpus - 1;
			loaded += cpu == r->cpus - 1 &&
				  json_object_get_int(at(get(c, "nr_running"), i)) >= VIEW_SPINNERS;
		}
	}
	printf("%u of %zu samples saw %d spinners on CPU %zu, %u saw one elsewhere\n", loaded,
	       r->samples, VIEW_SPINNERS, r->cpus - 1, elsewhere);
	return loaded >= LOADED_MIN && !elsewhere;
}

static const struct {
	const char *name;
	bool (*is_same)(const struct record *r);
} topics[] = {
	{ "counters", counters_are_same },
	{ "domains", domains_are_same },
	{ "load", load_was_seen },
};

int main(int argc, char **argv)
{
	struct json_object *doc = argc == 3 ? json_object_from_file(argv[2]) : NULL;
	struct record r = { .monitor = get(doc, "monitor") };
	int status = 2;

	r.series = get(r.monitor, "series");
	for (size_t i = 0; i < length(get(doc, "tests")); i++) {
		struct json_object *test = at(get(doc, "tests"), i);

		if (!strcmp(json_object_get_string(get(test, "name")) ?: "", "counters"))
			r.notes = get(test, "details");
	}
	r.samples = length(get(r.series, "t_ms"));
	r.cpus = length(get(r.series, "cpus"));
	for (size_t i = 0; doc && i < ARRAY_SIZE(topics); i++)
		if (!strcmp(argv[1], topics[i].name))
			status = !r.cpus || !topics[i].is_same(&r);
	if (status == 2)
		fputs("usage: view-same counters|domains|load RECORD\n", stderr);
	else if (!r.cpus)
		printf("nothing was watched: %s\n",
		       json_object_to_json_string(get(r.monitor, "absent")));
	json_object_put(doc);
	return status;
}
