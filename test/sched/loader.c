/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loader of the fixture scheduler: one file, with the BPF program in it.
 *
 *	fixture [OPTION...] [MODE [MS [TEXT]]]
 *
 * Modes of the program, MS after it was attached: work, stall and hoard (tasks
 * named TEXT, or all), error (with TEXT), bad-dsq, bad-cpu, init-fails. Modes of
 * the loader: exit (leaves with 0), crash (SIGSEGV), and before it attaches: die
 * (exits with status MS), hang; maps: has the maps and no scheduler, for a kernel
 * without sched_ext.
 * Options: --deaf ignores SIGINT, --no-link leaves the scheduler attached when
 * the loader dies, --chatter prints 1 MiB first, --stay stays when the kernel
 * has thrown its scheduler out.
 *
 * Debian 12's libbpf 1.1.2 knows nothing of sched_ext: the map of the ops gets
 * BPF_F_LINK by hand, and the link is made by the bare system call.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/sched/args.h"

/* include/uapi/linux/bpf.h, 6.12; in the headers of Debian 12 map_fd is still prog_fd, too */
#define F_LINK (1U << 13)
#define STRUCT_OPS 44			/* enum bpf_attach_type */

#define TICK_MS 20			/* how often it looks whether it was thrown out */

#define EMBED(name, file)					\
	__asm__(".section .rodata\n"				\
		".balign 8\n"					\
		".global " #name "\n"				\
		#name ": .incbin \"" file "\"\n"			\
		".global " #name "_end\n"			\
		#name "_end:\n"					\
		".previous\n");					\
	extern const char name[], name##_end[]

EMBED(fixture_object, FIXTURE_OBJECT);
EMBED(maps_object, MAPS_OBJECT);

/* What the loader does after MS. */
enum late { LATE_NOTHING, LATE_EXIT, LATE_CRASH };

/* What it does otherwise than loading, attaching and staying. */
enum instead { INSTEAD_NOTHING, INSTEAD_DIE, INSTEAD_HANG, INSTEAD_MAPS };

struct options {
	struct fixture_args args;
	unsigned ms;
	bool deaf, no_link, chatter, stay;
	enum instead instead;
	enum late late;
};

static const struct {
	const char *name;
	enum fixture_mode mode;
	enum instead instead;
	enum late late;
} modes[] = {
	{ .name = "work", .mode = FIXTURE_WORK },
	{ .name = "stall", .mode = FIXTURE_STALL },
	{ .name = "hoard", .mode = FIXTURE_HOARD },
	{ .name = "error", .mode = FIXTURE_ERROR },
	{ .name = "bad-dsq", .mode = FIXTURE_BAD_DSQ },
	{ .name = "bad-cpu", .mode = FIXTURE_BAD_CPU },
	{ .name = "init-fails", .mode = FIXTURE_INIT_FAILS },
	{ .name = "exit", .late = LATE_EXIT },
	{ .name = "crash", .late = LATE_CRASH },
	{ .name = "die", .instead = INSTEAD_DIE },
	{ .name = "hang", .instead = INSTEAD_HANG },
	{ .name = "maps", .instead = INSTEAD_MAPS },
};

static void parse_mode(struct options *o, char **word)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(word[0], modes[i].name))
			continue;
		o->args.mode = modes[i].mode;
		o->instead = modes[i].instead;
		o->late = modes[i].late;
		if (word[1])
			o->ms = (unsigned)strtoul(word[1], NULL, 10);
		if (word[1] && word[2])
			snprintf(o->args.text, sizeof(o->args.text), "%s", word[2]);
		o->args.after_ns = o->ms * 1000000ULL;
		return;
	}
	fprintf(stderr, "fixture: no mode %s\n", word[0]);
	exit(64);
}

static void parse(struct options *o, char **argv)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--deaf", &o->deaf }, { "--no-link", &o->no_link },
		{ "--chatter", &o->chatter }, { "--stay", &o->stay },
	};

	for (char **p = argv + 1; *p; p++) {
		bool found = false;

		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
			if (strcmp(*p, flags[i].name))
				continue;
			*flags[i].flag = found = true;
		}
		if (found)
			continue;
		parse_mode(o, p);
		return;
	}
}

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fixture: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What the program shall find when it runs; before it is loaded. */
static void set_args(struct bpf_object *obj, const struct fixture_args *args)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".data.args");

	check(map && bpf_map__set_initial_value(map, args, sizeof(*args)) == 0, "arguments");
}

/* What it writes; libbpf maps it by itself only for skeletons. */
static const volatile struct fixture_state *map_state(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss.state");
	void *p = map ? mmap(NULL, sizeof(struct fixture_state), PROT_READ, MAP_SHARED,
			     bpf_map__fd(map), 0) : MAP_FAILED;

	check(p != MAP_FAILED, "state");
	return p;
}

/*
 * Without a link the scheduler runs as soon as the map has its value; with
 * one, when the link is made.
 */
static void attach(struct bpf_map *map, bool no_link)
{
	union bpf_attr attr = { 0 };

	check(bpf_map__attach_struct_ops(map), "attach");
	if (no_link)
		return;
	attr.link_create.prog_fd = (__u32)bpf_map__fd(map);
	attr.link_create.attach_type = STRUCT_OPS;
	check(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) >= 0, "link");
}

static int map_fd(struct bpf_object *obj, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	check(map, name);
	return bpf_map__fd(map);
}

static void fill_maps(struct bpf_object *obj)
{
	for (unsigned i = 0; i < FIXTURE_ENTRIES; i++) {
		const struct fixture_entry e = {
			.mode = (enum fixture_mode)i, .below = -1 - (int)i,
			.in = { .low = 5, .high = (unsigned char)(30 + i), .words = { i, 2, 3 } },
			.whole = 0x10000 + i, .name = "an entry",
		};
		const unsigned key = 100 * i;
		unsigned long long of_cpu[FIXTURE_CPUS_MAX];

		for (unsigned cpu = 0; cpu < FIXTURE_CPUS_MAX; cpu++)
			of_cpu[cpu] = 1000 * i + cpu;
		check(bpf_map_update_elem(map_fd(obj, "entries_hash"), &key, &e, 0) == 0 &&
		      bpf_map_update_elem(map_fd(obj, "entries_array"), &i, &e, 0) == 0, "maps");
		if (i < 2 && libbpf_num_possible_cpus() <= FIXTURE_CPUS_MAX)
			check(bpf_map_update_elem(map_fd(obj, "entries_percpu"), &i, of_cpu,
						  0) == 0, "entries_percpu");
	}
}

static struct bpf_object *open_object(const char *begin, const char *end)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "fixture");
	struct bpf_object *obj = bpf_object__open_mem(begin, (size_t)(end - begin), &opts);

	check(obj, "read its own object");
	return obj;
}

static void load_maps(const struct options *o)
{
	struct bpf_object *obj = open_object(maps_object, maps_object_end);

	set_args(obj, &o->args);
	check(bpf_object__load(obj) == 0, "load");
	fill_maps(obj);
}

static struct bpf_object *load(const struct options *o)
{
	struct bpf_object *obj = open_object(fixture_object, fixture_object_end);
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "fixture_ops");
	struct bpf_program *init = bpf_object__find_program_by_name(obj, "fixture_init");

	check(map && init, "find its own scheduler");
	set_args(obj, &o->args);
	if (!o->no_link)
		bpf_map__set_map_flags(map, F_LINK);
	/* it makes a queue, which may sleep; libbpf 1.1.2 knows no section for that */
	bpf_program__set_flags(init, BPF_F_SLEEPABLE);
	check(bpf_object__load(obj) == 0, "load");
	fill_maps(obj);
	attach(map, o->no_link);
	return obj;
}

/* Until a signal of end, the time, or the end of the scheduler. */
static void stay(const struct options *o, const sigset_t *end,
		 const volatile struct fixture_state *state)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	unsigned ms = 0;

	for (;;) {
		if (sigtimedwait(end, NULL, &tick) > 0 && !o->deaf)
			return;
		if (state->exited && !o->stay) {
			puts("fixture: thrown out");
			exit(2);
		}
		ms += TICK_MS;
		if (ms < o->ms)
			continue;
		if (o->late == LATE_EXIT)
			exit(0);
		if (o->late == LATE_CRASH)
			raise(SIGSEGV);
	}
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct bpf_object *obj;
	sigset_t end;

	(void)argc;
	/* before it is attached: who waits for that may want it to end at once */
	sigemptyset(&end);
	sigaddset(&end, SIGINT);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(&o, argv);
	for (int i = 0; o.chatter && i < 1 << 14; i++)
		printf("fixture: line %5d of 16384, as long as all the others are here\n", i);
	if (o.instead == INSTEAD_DIE) {
		fprintf(stderr, "fixture: told to die early\n");
		return (int)o.ms;
	}
	if (o.instead == INSTEAD_MAPS) {
		load_maps(&o);
		puts("fixture: maps are there");
		while (sigwaitinfo(&end, NULL) < 0)
			;
		return 0;
	}
	while (o.instead == INSTEAD_HANG)
		pause();
	obj = load(&o);
	puts("fixture: attached");
	stay(&o, &end, map_state(obj));
	puts("fixture: told to end");
	return 0;
}
