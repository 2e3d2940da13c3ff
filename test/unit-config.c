/* SPDX-License-Identifier: GPL-2.0-only */
/* Options: what is taken, what is refused and in which words, and the way back to text. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/nearest.h"
#include "base/util.h"
#include "loop/config.h"
#include "test/tap.h"

/* The words with which a value is refused; "" when it is taken. */
static const char *refusal(const char *name, const char *value)
{
	static struct err e;
	struct config c;
	int r;

	err_clear(&e);
	config_init(&c);
	r = config_set(&c, name, value, &e);
	tap_ok(r == 0 || r == -EINVAL, "%s %s: %d", name, value, r);
	tap_ok((r < 0) == (err_text(&e)[0] != 0), "an error has words: %d %s", r, err_text(&e));
	config_fini(&c);
	return err_text(&e);
}

static void defaults_are_those_of_the_manual(void)
{
	struct config c;

	tap_eq(config_init(&c), 0);
	tap_ok(!c.kernel && !c.outer_kernel && !c.binary && !c.cmdline, "nothing is named");
	tap_eq(c.topology.numa_nodes, 1);
	tap_eq(c.topology.llcs, 1);
	tap_eq(c.topology.cores_per_llc, 2);
	tap_eq(c.topology.threads_per_core, 1);
	tap_ok(!c.topology_set, "by default");
	tap_eq(c.accel, ACCEL_AUTO);
	tap_ok(c.fast_boot && !c.dmesg && !c.lz4 && !c.no_ring, "flags");
	tap_str(c.kvm_device, "/dev/kvm");
	tap_eq(c.memory_bytes, 0);
	tap_eq(c.timeout_ns, 0);
	config_fini(&c);
}

static void each_type_is_set_by_its_name(void)
{
	struct err e = ERR_INIT;
	struct config c;

	config_init(&c);
	tap_eq(config_set(&c, "kernel", "/x/bzImage", &e), 0);
	tap_eq(config_set(&c, "topology", "2,4,3,2", &e), 0);
	tap_eq(config_set(&c, "memory", "512M", &e), 0);
	tap_eq(config_set(&c, "timeout", "1500ms", &e), 0);
	tap_eq(config_set(&c, "accel", "nested", &e), 0);
	tap_eq(config_set(&c, "dmesg", "1", &e), 0);
	tap_eq(config_set(&c, "fast-boot", "0", &e), 0);
	tap_eq(config_set(&c, "test", "one", &e), 0);
	tap_eq(config_set(&c, "test", "two", &e), 0);
	tap_str(c.kernel, "/x/bzImage");
	tap_eq(c.topology.numa_nodes, 2);
	tap_eq(c.topology.llcs, 4);
	tap_eq(c.topology.cores_per_llc, 3);
	tap_eq(c.topology.threads_per_core, 2);
	tap_ok(c.topology_set, "set");
	tap_eq(c.memory_bytes, 512 * MIB);
	tap_eq(c.timeout_ns, 1500 * NSEC_PER_MSEC);
	tap_eq(c.accel, ACCEL_NESTED);
	tap_ok(c.dmesg && !c.fast_boot, "flags");
	tap_eq(c.tests.count, 2);
	tap_str(c.tests.item[1], "two");
	config_fini(&c);
}

static void the_last_value_of_an_option_wins(void)
{
	struct config c;

	config_init(&c);
	tap_eq(config_set(&c, "kernel", "a", NULL), 0);
	tap_eq(config_set(&c, "kernel", "b", NULL), 0);
	tap_str(c.kernel, "b");
	config_fini(&c);
}

static void a_refused_value_changes_nothing(void)
{
	struct config c;

	config_init(&c);
	config_set(&c, "memory", "1G", NULL);
	tap_eq(config_set(&c, "memory", "1X", NULL), -EINVAL);
	tap_eq(c.memory_bytes, GIB);
	tap_eq(config_set(&c, "topology", "0,1,1,1", NULL), -EINVAL);
	tap_ok(!c.topology_set, "not set by a refused value");
	tap_eq(c.topology.numa_nodes, 1);
	config_fini(&c);
}

static void an_error_names_the_option_the_value_and_what_it_takes(void)
{
	tap_str(refusal("memory", "12x"), "--memory 12x: takes a size like 512M or 2G");
	tap_str(refusal("memory", "99999999999999999999"),
		"--memory 99999999999999999999: too large");
	tap_str(refusal("memory", "0"), "--memory 0: must be more than 0");
	tap_str(refusal("timeout", "10"),
		"--timeout 10: takes a duration with its unit, ns, us, ms, s or m");
	tap_str(refusal("accel", "tcg"), "--accel tcg: takes auto, kvm or nested");
	tap_str(refusal("irqchip", "off"), "--irqchip off: takes auto, kernel or split");
	tap_str(refusal("dmesg", "yes"), "--dmesg yes: takes 1 or 0");
	tap_str(refusal("kernel", ""), "--kernel : takes SPEC, not an empty string");
	tap_str(refusal("test", "a\nb"), "test a\nb: must not contain control characters");
	tap_str(refusal("cmdline", "a\033b"),
		"--cmdline a\033b: must not contain control characters");
	tap_ok(!strncmp(refusal("topology", "0,1,1,1"), "--topology 0,1,1,1: ", 20),
	       "%s", refusal("topology", "0,1,1,1"));
	tap_ok(strcasestr(refusal("topology", "0,1,1,1"), "numa"), "%s",
	       refusal("topology", "0,1,1,1"));
	tap_str(refusal("cmdline", ""), "");
}

static void a_value_of_any_length_keeps_the_reason(void)
{
	char value[4000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	tap_ok(strstr(refusal("memory", value), "takes a size"), "%s", refusal("memory", value));
	tap_ok(strstr(refusal(value, "1"), "unknown option"), "%s", refusal(value, "1"));
}

static void an_option_that_does_not_exist_is_refused_with_a_hint(void)
{
	tap_str(refusal("topolgy", "1,1,1,1"), "unknown option 'topolgy'; did you mean 'topology'?");
	tap_str(refusal("hypervisor", "x"), "unknown option 'hypervisor'");
	tap_str(refusal("", "x"), "unknown option ''");
}

static void variables_set_what_nobody_has_set(void)
{
	struct err e = ERR_INIT;
	struct config c;

	setenv("KTSTR_MEMORY", "1G", 1);
	setenv("KTSTR_FAST_BOOT", "0", 1);
	setenv("KTSTR_ACCEL", "", 1);
	setenv("KTSTR_TIMEOUT", "nonsense", 1);
	setenv("KTSTR_TEST", "not-a-variable", 1);
	config_init(&c);
	config_set(&c, "timeout", "5s", NULL);
	tap_eq(config_from_env(&c, &e), 0);
	tap_eq(c.memory_bytes, GIB);
	tap_ok(!c.fast_boot, "KTSTR_FAST_BOOT=0");
	tap_eq(c.accel, ACCEL_AUTO);
	tap_eq(c.timeout_ns, 5 * NSEC_PER_SEC);
	tap_eq(c.tests.count, 0);
	config_fini(&c);
	config_init(&c);
	tap_eq(config_from_env(&c, &e), -EINVAL);
	tap_str(err_text(&e), "KTSTR_TIMEOUT=nonsense: takes a duration with its unit, "
		"ns, us, ms, s or m");
	config_fini(&c);
	unsetenv("KTSTR_MEMORY");
	unsetenv("KTSTR_FAST_BOOT");
	unsetenv("KTSTR_ACCEL");
	unsetenv("KTSTR_TIMEOUT");
	unsetenv("KTSTR_TEST");
}

static void an_option_set_to_its_default_still_wins_over_its_variable(void)
{
	struct config c;

	setenv("KTSTR_ACCEL", "nested", 1);
	setenv("KTSTR_FAST_BOOT", "0", 1);
	config_init(&c);
	config_set(&c, "accel", "auto", NULL);
	config_set(&c, "fast-boot", "1", NULL);
	tap_eq(config_from_env(&c, NULL), 0);
	tap_eq(c.accel, ACCEL_AUTO);
	tap_ok(c.fast_boot, "the option won");
	config_fini(&c);
	unsetenv("KTSTR_ACCEL");
	unsetenv("KTSTR_FAST_BOOT");
}

static void contradictions_are_refused_by_name(void)
{
	static const struct {
		const char *name[2], *value[2], *says;
	} cases[] = {
		{ { "memory", "topology" }, { "8M", "8,8,1,1" }, "--memory" },
		{ { "memory", "qemu-memory" }, { "2G", "1G" }, "--qemu-memory" },
		{ { "dmesg", "monitor-interval" }, { "1", "999us" },
		  "--monitor-interval 999us: takes" },
		{ { "dmesg", "monitor-interval" }, { "1", "11s" },
		  "--monitor-interval 11s: takes" },
		{ { "cmdline", "lz4" }, { "quiet KTSTR_GUEST=outer", "1" }, "KTSTR_GUEST=" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct config c;

		config_init(&c);
		tap_eq(config_check(&c, &e), 0);
		for (int k = 0; k < 2; k++)
			tap_eq(config_set(&c, cases[i].name[k], cases[i].value[k], &e), 0);
		tap_eq(config_check(&c, &e), -EINVAL);
		tap_ok(strstr(err_text(&e), cases[i].says), "%s", err_text(&e));
		config_fini(&c);
	}
}

static void words_that_only_look_like_ours_may_be_on_the_command_line(void)
{
	struct config c;

	config_init(&c);
	config_set(&c, "cmdline", "MY_KTSTR_GUEST=1", NULL);
	tap_eq(config_check(&c, NULL), 0);
	config_fini(&c);
}

static void an_irqchip_that_cannot_serve_the_topology_is_refused(void)
{
	struct err e = ERR_INIT;
	struct config c;

	config_init(&c);
	config_set(&c, "irqchip", "kernel", NULL);
	config_set(&c, "topology", "1,1,255,1", NULL);
	tap_eq(config_check(&c, &e), 0);
	config_set(&c, "topology", "1,14,9,2", NULL);
	tap_eq(config_check(&c, &e), -EINVAL);
	tap_str(err_text(&e), "--irqchip kernel: the topology has APIC id 433, ids above 254 take split");
	config_set(&c, "irqchip", "split", NULL);
	tap_eq(config_check(&c, &e), 0);
	config_fini(&c);
}

/* --- the way back ---------------------------------------------------------- */

static int set_again(const struct option_row *row, const char *value, void *arg)
{
	return config_set(arg, row->name, value, NULL);
}

static void fill(struct config *c)
{
	config_set(c, "kernel", "6.12", NULL);
	config_set(c, "outer-kernel", "/o", NULL);
	config_set(c, "module", "a", NULL);
	config_set(c, "topology", "1,1,2,1", NULL);
	config_set(c, "numa", "mem=1G", NULL);
	config_set(c, "rules", "stall=0", NULL);
	config_set(c, "distances", "10", NULL);
	config_set(c, "package", "all", NULL);
	config_set(c, "max-cpus", "4", NULL);
	config_set(c, "offline-cpus", "1", NULL);
	config_set(c, "memory", "1536K", NULL);
	config_set(c, "cmdline", "--a b=\"c d\"", NULL);
	config_set(c, "include", "./x:/y", NULL);
	config_set(c, "tty", "1", NULL);
	config_set(c, "timeout", "1500us", NULL);
	config_set(c, "scheduler", "./s", NULL);
	config_set(c, "sched-arg", "--a=b c", NULL);
	config_set(c, "sched-timeout", "5s", NULL);
	config_set(c, "watchdog-timeout", "7s", NULL);
	config_set(c, "sched-enable", "echo 1 > /x", NULL);
	config_set(c, "sched-disable", "echo 0 > /x", NULL);
	config_set(c, "bpf-write", ".bss.x[1]=2", NULL);
	config_set(c, "stage", "other=./o", NULL);
	config_set(c, "initramfs", "/i", NULL);
	config_set(c, "relay", "1", NULL);
	config_set(c, "dump", "/d", NULL);
	config_set(c, "dump-hold", "2s", NULL);
	config_set(c, "relay-dump", "1", NULL);
	config_set(c, "vmcore", "/v", NULL);
	config_set(c, "relay-vmcore", "1", NULL);
	config_set(c, "accel", "kvm", NULL);
	config_set(c, "kvm-device", "/dev/kvm2", NULL);
	config_set(c, "irqchip", "split", NULL);
	config_set(c, "slow", "1", NULL);
	config_set(c, "dmesg", "1", NULL);
	config_set(c, "fast-boot", "0", NULL);
	config_set(c, "lz4", "1", NULL);
	config_set(c, "no-ring", "1", NULL);
	config_set(c, "no-monitor", "1", NULL);
	config_set(c, "monitor-interval", "20ms", NULL);
	config_set(c, "qemu-memory", "3G", NULL);
	config_set(c, "binary", "./x", NULL);
	config_set(c, "test", "a", NULL);
	config_set(c, "test", "b", NULL);
	config_set(c, "command", "a\nb", NULL);
	config_set(c, "command", "", NULL);
}

static void every_option_survives_the_way_to_text_and_back(void)
{
	struct json_object *ja, *jb;
	struct config a, b;
	size_t count;

	config_options(&count);
	config_init(&a);
	config_init(&b);
	fill(&a);
	tap_eq(a.given, (UINT64_C(1) << count) - 1);
	tap_eq(config_each(&a, set_again, &b), 0);
	tap_eq(b.given, a.given);
	tap_ok(b.topology_set, "a topology that was given stays given");
	ja = config_to_json(&a);
	jb = config_to_json(&b);
	tap_str(json_object_to_json_string(ja), json_object_to_json_string(jb));
	json_object_put(ja);
	json_object_put(jb);
	config_fini(&a);
	config_fini(&b);
}

static int stop_at_once(const struct option_row *row, const char *value, void *arg)
{
	(void)row;
	(void)value;
	++*(int *)arg;
	return -ENOMEM;
}

static void a_walk_stops_at_the_first_error(void)
{
	struct config c;
	int calls = 0;

	config_init(&c);
	fill(&c);
	tap_eq(config_each(&c, stop_at_once, &calls), -ENOMEM);
	tap_eq(calls, 1);
	config_fini(&c);
}

static void a_nested_run_gets_the_options_that_are_meant_for_it(void)
{
	static const char *const want[] = {
		"--topology=1n1l2c1t", "--memory=1536K", "--cmdline=--a b=\"c d\"",
		"--tty", "--timeout=1500us", "--sched-arg=--a=b c", "--sched-timeout=5s",
		"--watchdog-timeout=7s", "--sched-enable=echo 1 > /x",
		"--sched-disable=echo 0 > /x", "--bpf-write=.bss.x[1]=2",
		"--irqchip=split", "--dmesg", "--no-fast-boot",
		"--lz4", "--no-ring", "--no-monitor",
		"--monitor-interval=20ms", "--rules=stall=0", "--dump-hold=2s",
	};
	struct strlist args = { 0 };
	struct config c;

	config_init(&c);
	tap_eq(config_to_args(&c, &args), 0);
	tap_eq(args.count, 0);
	fill(&c);
	tap_eq(config_to_args(&c, &args), 0);
	tap_eq(args.count, ARRAY_SIZE(want));
	for (size_t i = 0; i < MIN(args.count, ARRAY_SIZE(want)); i++)
		tap_str(args.item[i], want[i]);
	strlist_fini(&args);
	config_fini(&c);
}

static void a_value_set_in_the_struct_is_told_as_well(void)
{
	struct strlist args = { 0 };
	struct config c;

	config_init(&c);
	c.memory_bytes = 300 * MIB;
	tap_eq(config_to_args(&c, &args), 0);
	tap_eq(args.count, 1);
	tap_str(args.count ? args.item[0] : "", "--memory=300M");
	strlist_fini(&args);
	config_fini(&c);
}

static void a_flag_named_no_is_cleared_without_it(void)
{
	struct strlist args = { 0 };
	struct config c;

	config_init(&c);
	config_set(&c, "no-ring", "0", NULL);
	tap_eq(config_to_args(&c, &args), 0);
	tap_str(args.count ? args.item[0] : "", "--ring");
	strlist_fini(&args);
	config_fini(&c);
}

static void json_has_every_option(void)
{
	struct json_object *o, *v;
	struct config c;
	size_t count;
	const struct option_row *rows = config_options(&count);

	config_init(&c);
	config_set(&c, "test", "x", NULL);
	o = config_to_json(&c);
	for (size_t i = 0; i < count; i++)
		tap_ok(json_object_object_get_ex(o, rows[i].name, NULL), "%s", rows[i].name);
	tap_ok(json_object_object_get_ex(o, "kernel", &v) && !v, "not set is null");
	tap_ok(json_object_object_get_ex(o, "fast-boot", &v) && json_object_get_boolean(v), "flag");
	tap_ok(json_object_object_get_ex(o, "test", &v) && json_object_array_length(v) == 1, "list");
	json_object_put(o);
	config_fini(&c);
}

static void every_row_of_the_table_is_whole(void)
{
	size_t count;
	const struct option_row *rows = config_options(&count);

	for (size_t i = 0; i < count; i++) {
		char variable[CONFIG_VARIABLE_MAX];

		config_variable(&rows[i], variable);
		tap_ok(config_option_find(rows[i].name) == &rows[i], "%s", rows[i].name);
		tap_ok(rows[i].help && *rows[i].help, "%s has a help", rows[i].name);
		tap_ok((rows[i].type == OPTION_FLAG) == !rows[i].arg, "%s: arg", rows[i].name);
		tap_ok(strlen(rows[i].name) + 6 < CONFIG_VARIABLE_MAX, "%s", variable);
		tap_ok(!strpbrk(variable, "-abcdefghijklmnopqrstuvwxyz"), "%s", variable);
	}
}

static void hints_are_given_only_for_words_that_are_near(void)
{
	static const struct {
		const char *word, *hint;
	} cases[] = {
		{ "rnu", "run" }, { "runn", "run" }, { "lsit", "list" }, { "doctr", "doctor" },
		{ "list", "list" }, { "shell", NULL }, { "x", NULL }, { "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nearest n = NEAREST_INIT(cases[i].word);
		const char *got;

		nearest_offer(&n, "run");
		nearest_offer(&n, "list");
		nearest_offer(&n, "doctor");
		got = nearest_get(&n);
		tap_ok((!got && !cases[i].hint) ||
		       (got && cases[i].hint && !strcmp(got, cases[i].hint)),
		       "%s: %s", cases[i].word, got ? got : "(none)");
	}
}

int main(void)
{
	/* a user's variables shall not change what is tested */
	size_t count;
	const struct option_row *rows = config_options(&count);

	for (size_t i = 0; i < count; i++) {
		char variable[CONFIG_VARIABLE_MAX];

		config_variable(&rows[i], variable);
		unsetenv(variable);
	}
	TAP_RUN(defaults_are_those_of_the_manual);
	TAP_RUN(each_type_is_set_by_its_name);
	TAP_RUN(the_last_value_of_an_option_wins);
	TAP_RUN(a_refused_value_changes_nothing);
	TAP_RUN(an_error_names_the_option_the_value_and_what_it_takes);
	TAP_RUN(a_value_of_any_length_keeps_the_reason);
	TAP_RUN(an_option_that_does_not_exist_is_refused_with_a_hint);
	TAP_RUN(variables_set_what_nobody_has_set);
	TAP_RUN(an_option_set_to_its_default_still_wins_over_its_variable);
	TAP_RUN(contradictions_are_refused_by_name);
	TAP_RUN(words_that_only_look_like_ours_may_be_on_the_command_line);
	TAP_RUN(an_irqchip_that_cannot_serve_the_topology_is_refused);
	TAP_RUN(every_option_survives_the_way_to_text_and_back);
	TAP_RUN(a_walk_stops_at_the_first_error);
	TAP_RUN(a_nested_run_gets_the_options_that_are_meant_for_it);
	TAP_RUN(a_value_set_in_the_struct_is_told_as_well);
	TAP_RUN(a_flag_named_no_is_cleared_without_it);
	TAP_RUN(json_has_every_option);
	TAP_RUN(every_row_of_the_table_is_whole);
	TAP_RUN(hints_are_given_only_for_words_that_are_near);
	return tap_done();
}
