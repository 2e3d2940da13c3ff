/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of tests: read from JSON and from programs that may do anything, and
 * the machine that a selection needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "ktstr/ktstr.h"
#include "loop/child.h"
#include "loop/config.h"
#include "loop/testlist.h"
#include "shmring/wire.h"
#include "test/tap.h"

#define DOC(tests) "{\"schema\": \"ktstr.list/1\", \"tests\": [" tests "]}"

static char dir[] = "/tmp/ktstr-unit-testlist.XXXXXX";

/* --- the document ------------------------------------------------------------ */

static void an_entry_has_what_the_program_says(void)
{
	struct testlist l;

	tap_eq(testlist_parse(DOC("{\"name\": \"a\", \"about\": \"b\", \"tags\": \"x,slow\","
				  "\"numa_nodes\": 2, \"llcs\": 4, \"cores\": 3, \"threads\": 2,"
				  "\"memory_mib\": 512, \"timeout_ms\": 7, \"new\": []}"),
			      &l, NULL), 0);
	tap_eq(l.count, 1);
	tap_str(l.entry[0].name, "a");
	tap_str(l.entry[0].about, "b");
	tap_str(l.entry[0].tags, "x,slow");
	tap_eq(l.entry[0].numa_nodes, 2);
	tap_eq(l.entry[0].llcs, 4);
	tap_eq(l.entry[0].cores, 3);
	tap_eq(l.entry[0].threads, 2);
	tap_eq(l.entry[0].memory_mib, 512);
	tap_eq(l.entry[0].timeout_ms, 7);
	tap_eq(l.entry[0].duration_ms, 0);
	testlist_fini(&l);
}

static void documents_that_are_none_are_refused_in_words(void)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
		{ "", "not a list of tests" },
		{ "{", "not a list of tests" },
		{ "[]", "not a list of tests" },
		{ "{\"tests\": []}", "not a list of tests" },
		{ "{\"schema\": 1, \"tests\": []}", "not a list of tests" },
		{ "{\"schema\": \"ktstr.list/2\", \"tests\": []}", "not a list of tests" },
		{ "{\"schema\": \"ktstr.list/1\"}", "no array of tests" },
		{ "{\"schema\": \"ktstr.list/1\", \"tests\": {}}", "no array of tests" },
		{ DOC("1"), "test 0 is not an object" },
		{ DOC("null"), "test 0 is not an object" },
		{ DOC("{}"), "test 0: name is missing" },
		{ DOC("{\"name\": \"\"}"), "test 0: name is missing" },
		{ DOC("{\"name\": 5}"), "test 0: name is not a string" },
		{ DOC("{\"name\": \"a\"}, {\"name\": \"b\", \"llcs\": -1}"), "test 1: llcs" },
		{ DOC("{\"name\": \"a\", \"llcs\": \"2\"}"), "test 0: llcs is not a number" },
		{ DOC("{\"name\": \"a\", \"cores\": 1e99}"), "test 0: cores is not a number" },
		{ DOC("{\"name\": \"a\", \"cores\": 99999999999}"), "test 0: cores" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct testlist l = { 0 };
		struct err e = ERR_INIT;

		tap_ok(testlist_parse(cases[i].json, &l, &e) < 0, "%s", cases[i].json);
		tap_ok(strstr(err_text(&e), cases[i].says), "%s: %s", cases[i].json, err_text(&e));
		tap_eq(l.count, 0);
	}
}

static void an_entry_written_and_read_is_the_same(void)
{
	struct testlist a, b;
	struct json_object *doc = json_object_new_object(), *tests = json_object_new_array();

	testlist_parse(DOC("{\"name\": \"a\", \"tags\": \"t\", \"llcs\": 4, \"timeout_ms\": 9}"),
		       &a, NULL);
	json_object_array_add(tests, testlist_entry_to_json(&a.entry[0]));
	json_object_object_add(doc, "schema", json_object_new_string(TESTLIST_SCHEMA));
	json_object_object_add(doc, "tests", tests);
	tap_eq(testlist_parse(json_object_to_json_string(doc), &b, NULL), 0);
	tap_str(b.entry[0].name, "a");
	tap_str(b.entry[0].tags, "t");
	tap_ok(!b.entry[0].about, "what is not set is absent");
	tap_eq(b.entry[0].llcs, 4);
	tap_eq(b.entry[0].cores, 0);
	tap_eq(b.entry[0].timeout_ms, 9);
	json_object_put(doc);
	testlist_fini(&a);
	testlist_fini(&b);
}

static void a_tag_is_a_whole_word(void)
{
	static const struct {
		const char *tags;
		bool has;
	} cases[] = {
		{ "manual", true }, { "a,manual", true }, { "manual,b", true },
		{ "a, manual ,b", true }, { "manually", false }, { "notmanual", false },
		{ "", false }, { "a,,b", false }, { NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct testlist_entry t = { .tags = (char *)cases[i].tags };

		tap_ok(testlist_has_tag(&t, "manual") == cases[i].has, "\"%s\"",
		       cases[i].tags ? cases[i].tags : "(null)");
	}
}

/* --- the machine --------------------------------------------------------------- */

struct shape {
	struct topo topo;
	uint64_t memory_bytes;
	int r;
	struct err err;
};

static struct shape shape_of(const char *json, const char *const *names, size_t count)
{
	struct shape s = { .err = ERR_INIT };
	struct strlist selected = { .item = (char **)names, .count = count };
	struct testlist l;

	tap_eq(testlist_parse(json, &l, NULL), 0);
	s.r = testlist_shape(&l, &selected, &s.topo, &s.memory_bytes, &s.err);
	testlist_fini(&l);
	return s;
}

static bool is_shape(const struct shape *s, const char *want)
{
	char text[TOPO_TEXT_MAX];

	if (s->r < 0)
		return false;
	topo_format(&s->topo, text);
	return !strcmp(text, want);
}

static void tests_that_ask_for_nothing_get_the_default_machine(void)
{
	struct shape s = shape_of(DOC("{\"name\": \"a\"}"), NULL, 0);

	tap_ok(is_shape(&s, "1n1l2c1t"), "%u LLCs, %u cores", s.topo.llcs, s.topo.cores_per_llc);
	tap_eq(s.memory_bytes, 0);
	s = shape_of(DOC(""), NULL, 0);
	tap_ok(is_shape(&s, "1n1l2c1t"), "no tests at all");
}

static void the_machine_is_the_maximum_of_what_the_tests_ask_for(void)
{
	struct shape s = shape_of(DOC("{\"name\": \"a\", \"llcs\": 3, \"cores\": 1},"
				      "{\"name\": \"b\", \"cores\": 4, \"memory_mib\": 700},"
				      "{\"name\": \"c\", \"threads\": 2, \"memory_mib\": 5}"),
				  NULL, 0);

	tap_ok(is_shape(&s, "1n3l4c2t"), "%u LLCs, %u cores, %u threads", s.topo.llcs,
	       s.topo.cores_per_llc, s.topo.threads_per_core);
	tap_eq(s.memory_bytes, 700 * MIB);
}

static void llcs_are_rounded_up_to_a_multiple_of_the_nodes(void)
{
	struct shape s = shape_of(DOC("{\"name\": \"a\", \"numa_nodes\": 2},"
				      "{\"name\": \"b\", \"llcs\": 3}"), NULL, 0);

	tap_ok(is_shape(&s, "2n4l2c1t"), "%u LLCs on %u nodes", s.topo.llcs, s.topo.numa_nodes);
}

static void manual_tests_count_only_when_they_are_named(void)
{
	static const char *const names[] = { "b" };
	static const char json[] = DOC("{\"name\": \"a\", \"cores\": 3},"
				       "{\"name\": \"b\", \"cores\": 8, \"tags\": \"manual\"}");
	struct shape s = shape_of(json, NULL, 0);

	tap_ok(is_shape(&s, "1n1l3c1t"), "%u cores", s.topo.cores_per_llc);
	s = shape_of(json, names, 1);
	tap_ok(is_shape(&s, "1n1l8c1t"), "%u cores", s.topo.cores_per_llc);
}

static void only_selected_tests_count(void)
{
	static const char *const names[] = { "a" };
	struct shape s = shape_of(DOC("{\"name\": \"a\", \"cores\": 3},"
				      "{\"name\": \"b\", \"cores\": 8}"), names, 1);

	tap_ok(is_shape(&s, "1n1l3c1t"), "%u cores", s.topo.cores_per_llc);
}

static void an_unknown_test_is_refused_with_the_nearest_name(void)
{
	static const char *const near[] = { "smoke", "smok" }, *const far[] = { "zzz" };
	static const char json[] = DOC("{\"name\": \"smoke\"}, {\"name\": \"other\"}");
	struct shape s = shape_of(json, near, 2);

	tap_eq(s.r, -ENOENT);
	tap_str(err_text(&s.err), "no test named 'smok'; did you mean 'smoke'?");
	s = shape_of(json, far, 1);
	tap_eq(s.r, -ENOENT);
	tap_str(err_text(&s.err), "no test named 'zzz'; ktstr list shows them");
}

static void a_machine_that_cannot_be_is_refused(void)
{
	struct shape s = shape_of(DOC("{\"name\": \"a\", \"cores\": 2000000000},"
				      "{\"name\": \"b\", \"llcs\": 2000000000}"), NULL, 0);

	tap_ok(s.r < 0, "%d", s.r);
	tap_ok(strstr(err_text(&s.err), "the machine that the tests ask for"), "%s",
	       err_text(&s.err));
}

/* --- programs ------------------------------------------------------------------- */

static const char *script(const char *text)
{
	static char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/program", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	tap_ok(fd >= 0 && !file_write_all(fd, text, strlen(text)), "%s", path);
	close(fd);
	return path;
}

static void the_tests_of_a_program_are_asked_from_it(void)
{
	struct err e = ERR_INIT;
	struct testlist l = { 0 };
	int r = testlist_load(script("#!/bin/sh\n"
				     "[ \"$*\" = \"list --json\" ] || exit 3\n"
				     "echo noise >&2\n"
				     "echo '" DOC("{\"name\": \"mine\"}") "'\n"), &l, &e);

	tap_eq(r, 0);
	tap_ok(l.count == 1 && !strcmp(l.entry[0].name, "mine"), "%s", err_text(&e));
	testlist_fini(&l);
}

static void a_program_that_is_no_test_program_is_told_so(void)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "#!/bin/sh\necho what is list >&2\necho more >&2\nexit 3\n",
		  "not a ktstr test program (list --json exits with 3: what is list)" },
		{ "#!/bin/sh\nexit 0\n", "not a list of tests" },
		{ "#!/bin/sh\necho hello\n", "not a list of tests" },
		{ "#!/bin/sh\nkill -9 $$\n", "died of signal 9" },
		{ "#!/nowhere/interpreter\n", "No such file or directory" },
		{ "\177ELF-not-really", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *path = script(cases[i].text);
		struct err e = ERR_INIT;
		struct testlist l = { 0 };
		int r = testlist_load(path, &l, &e);

		tap_ok(r < 0, "%s: %d", cases[i].text, r);
		tap_ok(strstr(err_text(&e), path), "%s: names the program", err_text(&e));
		tap_ok(strstr(err_text(&e), cases[i].says), "%s: %s", cases[i].says, err_text(&e));
	}
}

static void the_list_tells_the_wire_and_the_version(void)
{
	struct testlist l = { 0 };
	struct err e = ERR_INIT;

	tap_eq(testlist_parse("{\"schema\": \"ktstr.list/1\", \"version\": \"9.9\", \"wire\": 77, "
			      "\"tests\": []}", &l, &e), 0);
	tap_str(l.version, "9.9");
	tap_eq(l.wire, 77);
	tap_eq(testlist_check_wire(&l, "./mytests", &e), -EPROTO);
	tap_ok(strstr(err_text(&e), "./mytests has libktstr 9.9 (wire 77), this is ktstr "),
	       "%s", err_text(&e));
	tap_ok(strstr(err_text(&e), ktstr_version()), "ours");
	l.wire = WIRE_VERSION;
	tap_eq(testlist_check_wire(&l, "./mytests", &e), 0);
	testlist_fini(&l);
}

/* Its list does not tell: the program is asked once more. */
static void a_program_of_before_is_told_by_its_version(void)
{
	const char *path = script("#!/bin/sh\n"
				  "case $* in\n"
				  "'list --json') echo '" DOC("") "';;\n"
				  "'version --json') echo '{\"version\": \"0.0.9\"}';;\n"
				  "esac\n");
	struct testlist l = { 0 };
	struct err e = ERR_INIT;

	tap_eq(testlist_load(path, &l, &e), 0);
	tap_eq(testlist_check_wire(&l, path, &e), -EPROTO);
	tap_ok(strstr(err_text(&e), "libktstr 0.0.9 (wire 1)"), "%s", err_text(&e));
	testlist_fini(&l);
	path = script("#!/bin/sh\n[ $1 = list ] && echo '" DOC("") "'\n");
	tap_eq(testlist_load(path, &l, &e), 0);
	tap_eq(testlist_check_wire(&l, path, &e), -EPROTO);
	tap_ok(strstr(err_text(&e), "libktstr of an unknown version (wire 1)"), "%s",
	       err_text(&e));
	testlist_fini(&l);
}

static void a_program_that_is_not_there_is_told_so(void)
{
	struct err e = ERR_INIT;
	struct testlist l;

	tap_eq(testlist_load("/nowhere/program", &l, &e), -ENOENT);
	tap_str(err_text(&e), "run /nowhere/program: No such file or directory");
}

static int run_for(const char *text, unsigned timeout_ms, size_t max, struct err *e)
{
	char *argv[] = { (char *)script(text), NULL };
	struct child_output o;
	int r = child_run(argv, timeout_ms, max, &o, e);

	tap_ok(r == 0 || (!o.out.data && !o.err.data), "no output of a failed run");
	child_output_fini(&o);
	return r;
}

static void a_program_that_never_ends_is_ended(void)
{
	struct err e = ERR_INIT;

	tap_eq(run_for("#!/bin/sh\nexec sleep 1000\n", 100, 100, &e), -ETIMEDOUT);
	tap_ok(strstr(err_text(&e), "no end after 100 ms"), "%s", err_text(&e));
}

static void a_program_that_closes_its_streams_and_stays_is_ended(void)
{
	char *argv[] = { (char *)script("#!/bin/sh\nexec sleep 1000 >&- 2>&-\n"), NULL };
	struct err e = ERR_INIT;
	struct child_output o;

	/* a busy machine needs a while to get as far as closing them */
	tap_eq(child_run(argv, 2000, 100, &o, &e), 0);
	tap_ok(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGKILL, "%#x", o.status);
	child_output_fini(&o);
}

static void a_program_that_prints_for_ever_is_ended(void)
{
	struct err e = ERR_INIT;

	tap_eq(run_for("#!/bin/sh\nexec yes\n", 20000, 100000, &e), -E2BIG);
	tap_ok(strstr(err_text(&e), "more than 100000 bytes"), "%s", err_text(&e));
}

static void complaints_of_any_length_do_not_stop_a_program(void)
{
	char *argv[] = { (char *)script("#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x >&2\n"
					"echo end\n"), NULL };
	struct err e = ERR_INIT;
	struct child_output o;

	tap_eq(child_run(argv, 20000, 100, &o, &e), 0);
	tap_str((char *)o.out.data, "end\n");
	tap_eq(o.err.len, 4096);
	child_output_fini(&o);
}

static void a_program_that_reads_gets_the_end_of_file(void)
{
	struct err e = ERR_INIT;

	tap_eq(run_for("#!/bin/sh\ncat\n", 20000, 100, &e), 0);
}

int main(void)
{
	if (!mkdtemp(dir)) {
		printf("Bail out! no folder for programs\n");
		return 99;
	}
	TAP_RUN(an_entry_has_what_the_program_says);
	TAP_RUN(documents_that_are_none_are_refused_in_words);
	TAP_RUN(an_entry_written_and_read_is_the_same);
	TAP_RUN(a_tag_is_a_whole_word);
	TAP_RUN(tests_that_ask_for_nothing_get_the_default_machine);
	TAP_RUN(the_machine_is_the_maximum_of_what_the_tests_ask_for);
	TAP_RUN(llcs_are_rounded_up_to_a_multiple_of_the_nodes);
	TAP_RUN(manual_tests_count_only_when_they_are_named);
	TAP_RUN(only_selected_tests_count);
	TAP_RUN(an_unknown_test_is_refused_with_the_nearest_name);
	TAP_RUN(a_machine_that_cannot_be_is_refused);
	TAP_RUN(the_tests_of_a_program_are_asked_from_it);
	TAP_RUN(a_program_that_is_no_test_program_is_told_so);
	TAP_RUN(the_list_tells_the_wire_and_the_version);
	TAP_RUN(a_program_of_before_is_told_by_its_version);
	TAP_RUN(a_program_that_is_not_there_is_told_so);
	TAP_RUN(a_program_that_never_ends_is_ended);
	TAP_RUN(a_program_that_closes_its_streams_and_stays_is_ended);
	TAP_RUN(a_program_that_prints_for_ever_is_ended);
	TAP_RUN(complaints_of_any_length_do_not_stop_a_program);
	TAP_RUN(a_program_that_reads_gets_the_end_of_file);
	file_remove_tree(dir, NULL);
	return tap_done();
}
