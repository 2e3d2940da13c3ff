/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of any shape through every report. The input is a JSON document; or,
 * since few bytes are one, a program that builds a document out of the names
 * that the reports look for. What is checked: no crash, no control characters
 * on a terminal, as many TAP points as planned, XML that can be told apart.
 */
#include <json-c/json.h>

#include "base/util.h"
#include "cli/report.h"
#include "test/fuzz.h"

#define SEED(s) { s, sizeof(s) - 1 }

const struct fuzz_seed fuzz_seeds[] = {
	SEED("{\"verdict\": \"pass\", \"reason\": \"1 test passed\", \"accel\": \"kvm\","
	     "\"tests\": [{\"name\": \"smoke\", \"verdict\": \"pass\", \"duration_ms\": 520,"
	     "\"details\": [], \"stats\": {\"workers\": [{\"id\": 0}]}}],"
	     "\"phases_ms\": {\"boot\": 1.5}, \"vm\": {\"exits\": {\"io\": 5}}}"),
	SEED("{\"verdict\": \"fail\", \"reason\": \"x\", \"topology\": \"1n1l2c1t\","
	     "\"tests\": [{\"name\": \"a\", \"verdict\": \"skip\", \"details\":"
	     "[{\"kind\": \"k\", \"text\": \"t\", \"verdict\": \"skip\"}]}],"
	     "\"vm\": {\"vcpus\": [{\"cpu\": 0, \"rip\": \"0x1\", \"halted\": true}]},"
	     "\"findings\": [{\"kind\": \"k\"}], \"console_tail\": [\"a\", \"b\"]}"),
	{ NULL, 0 },
};

static unsigned take(struct fuzz_in *in, unsigned below)
{
	return fuzz_u8(in) % below;
}

static const char *const keys[] = {
	"verdict", "reason", "tests", "name", "details", "kind", "text", "duration_ms", "stats",
	"workers", "vm", "vcpus", "cpu", "rip", "symbol", "halted", "exits", "kvm_stats",
	"phases_ms", "nested", "findings", "console_tail", "program_tail", "kernel", "path",
	"release", "accel", "topology", "memory_mib", "binary", "transport", "ring", "stop",
	"initramfs", "arch", "arguments", "other", "monitor", "series", "t_ms", "cpus", "tasks",
	"curr", "nr_running", "nr_switches", "from", "plus", "pid", "comm", "summary", "events",
	"absent", "what", "why", "avg", "max", "local_dsq",
};

static const char *const strings[] = {
	"pass", "fail", "skip", "inconclusive", "error", "", "smoke", "a\nb", "\033[2J", "x # SKIP",
	"<&>\"'", "\xff\xfe", "\xc2\x9b", "\xef\xbf\xbf", "it's", "$(x)", "\\", "1n1l2c1t",
};

static struct json_object *build(struct fuzz_in *in, unsigned depth)
{
	unsigned n = take(in, 8);	/* 0 at the end of the input */
	struct json_object *o;
	const char *bytes;
	size_t size;

	switch (depth < 6 ? take(in, 9) : 3 + take(in, 6)) {
	case 0:
	case 1:
		o = json_object_new_object();
		while (n--)
			json_object_object_add(o, keys[take(in, ARRAY_SIZE(keys))],
					       build(in, depth + 1));
		return o;
	case 2:
		o = json_object_new_array();
		while (n--)
			json_object_array_add(o, build(in, depth + 1));
		return o;
	case 3:
		return json_object_new_int64((int64_t)((uint64_t)take(in, 256) << take(in, 64)));
	case 4:
		return json_object_new_double((take(in, 256) - 10.0) * 1e300 * take(in, 256));
	case 5:
		return json_object_new_boolean((int)take(in, 2));
	case 6:
		return NULL;
	case 7:
		bytes = (const char *)fuzz_take(in, fuzz_u8(in), &size);
		return json_object_new_string_len(bytes, (int)size);
	default:
		return json_object_new_string(strings[take(in, ARRAY_SIZE(strings))]);
	}
}

/* The top is what it should be more often than not. */
static struct json_object *build_record(struct fuzz_in *in)
{
	struct json_object *o = json_object_new_object();

	while (in->left)
		json_object_object_add(o, keys[take(in, ARRAY_SIZE(keys))], build(in, 0));
	return o;
}

static void check_text(const char *s)
{
	for (; *s; s++) {
		FUZZ_CHECK((unsigned char)*s >= 0x20 || *s == '\n');
		FUZZ_CHECK(*s != 0x7f);
		FUZZ_CHECK(s[0] != '\xc2' || (unsigned char)s[1] >= 0xa0);
	}
}

static void check_tap(const char *s)
{
	size_t plan = 0, points = 0;
	bool bail = false, planned = false;

	check_text(s);
	for (const char *p = s; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		planned |= sscanf(p, "1..%zu", &plan) == 1;
		bail |= !strncmp(p, "Bail out!", 9);
		points += !strncmp(p, "ok ", 3) || !strncmp(p, "not ok ", 7);
	}
	FUZZ_CHECK(bail || (planned && plan == points));
}

/* As many "<" as ">", in turns: none comes out of a text. */
static void check_markup(const char *s)
{
	bool open = false;

	for (; *s; s++) {
		FUZZ_CHECK(*s != (open ? '<' : '>'));
		if (*s == '<' || *s == '>')
			open = !open;
	}
	FUZZ_CHECK(!open);
}

static void check_json(const char *s)
{
	struct json_object *o;
	enum json_tokener_error e;

	o = json_tokener_parse_verbose(s, &e);
	FUZZ_CHECK(e == json_tokener_success);
	json_object_put(o);
}

static void text(FILE *out, const struct json_object *record)
{
	report_text(out, record, true, false);
}

static const struct {
	void (*render)(FILE *out, const struct json_object *record);
	void (*check)(const char *s);
} reports[] = {
	{ text, check_text },
	{ report_json, check_json },
	{ report_tap, check_tap },
	{ report_junit, check_markup },
	{ report_html, check_markup },
	{ report_trace, check_json },
};

static struct json_object *parse(const uint8_t *data, size_t size)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = NULL;

	if (t && size < (1 << 20))
		o = json_tokener_parse_ex(t, (const char *)data, (int)size);
	json_tokener_free(t);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { .data = data, .left = size };
	struct json_object *record = parse(data, size);

	if (!record)
		record = build_record(&in);
	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		char *s = NULL;
		size_t n;
		FILE *f = open_memstream(&s, &n);

		reports[i].render(f, record);
		fclose(f);
		reports[i].check(s);
		free(s);
	}
	json_object_put(record);
	return 0;
}
