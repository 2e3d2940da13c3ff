/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark inside a nested run whose clock counts instructions, so that
 * its figures are the same on a quiet and on a busy machine.
 */
#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/util.h"
#include "bench/bench.h"
#include "boot/kernels.h"
#include "loop/kernel_index.h"
#include "loop/nested.h"
#include "monitor/kindex.h"

/* What the inner machines need, QEMU's own memory included. */
#define INNER_BYTES (UINT64_C(1536) * MIB)
/* The largest payload: as a file, packed, in the store, in guest RAM twice. */
#define PAYLOAD_BYTES (UINT64_C(4096) * MIB)
#define QEMU_GUEST "/bin/qemu-system-x86_64"
#define BZIMAGE_GUEST "/bench.bzImage"
/* Wall time without a sample after which nothing more is expected. */
static const double stall_s[] = {
	[BENCH_COMPARE] = 60, [BENCH_SCALE] = 180, [BENCH_PAYLOAD] = 300, [BENCH_WATCH] = 120,
};
_Static_assert(ARRAY_SIZE(stall_s) == BENCH_OF_COUNT, "a time for each");

/* QEMU's firmware and boot ROMs for a microvm: what of these is there. */
static const char *const rom_dirs[] = { "/usr/share/seabios", "/usr/share/qemu" };
static const char *const roms[] = {
	"bios-microvm.bin", "qboot.rom", "linuxboot_dma.bin", "linuxboot.bin",
};

struct counted {
	struct ev_loop *loop;
	struct bench_plan *plan;
	struct nested *nested;
	ev_timer stall;
	size_t next;			/* the job that is under way */
	bool stalled;
	struct buf line;		/* of the nested run's stdout, incomplete */
	int result;
	struct err err;
};

/* A sign of life: the job under way has this much wall time from now on. */
static void rearm(struct counted *c)
{
	ev_timer_again(c->loop, &c->stall);
}

static void on_line(struct counted *c, const char *line)
{
	struct sample s;
	size_t job;

	if (!sample_parse(line, &job, &s)) {
		fprintf(stderr, "bench: %s\n", line);
		return;
	}
	bench_plan_sample(c->plan, job, &s);
	c->next = job + 1;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rbench: %zu of %zu runs%s", c->next, c->plan->count,
			c->next == c->plan->count ? "\n" : "");
	rearm(c);
}

static void on_output(int fd, const void *bytes, size_t n, void *arg)
{
	struct counted *c = arg;
	const char *p = bytes;

	if (fd != STDOUT_FILENO) {
		(void)file_write_all(fd, bytes, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			buf_u8(&c->line, (uint8_t)p[i]);
			continue;
		}
		buf_u8(&c->line, 0);
		if (buf_ok(&c->line))
			on_line(c, (const char *)c->line.data);
		buf_reset(&c->line);
	}
}

static void on_progress(const char *phase, void *arg)
{
	(void)phase;
	rearm(arg);
}

static void on_done(int status, const struct err *e, void *arg)
{
	struct counted *c = arg;

	c->result = 0;
	if (status < 0 && !c->stalled) {
		c->err = *e;
		c->result = status;
	}
	ev_break(c->loop, EVBREAK_ALL);
}

/* QEMU stands still, or its guest runs in circles without a clock. */
static void on_stall(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct counted *c = w->data;

	(void)revents;
	c->stalled = true;
	ev_timer_stop(loop, w);
	nested_kill(c->nested);
}

/* The program in PATH, the caller's to free; NULL: not there. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	_cleanup_free_ char *copy = strdup(path ? path : "/usr/bin:/bin");
	char *save = NULL, *found = NULL;

	if (strchr(name, '/'))
		return realpath(name, NULL);
	for (char *dir = copy ? strtok_r(copy, ":", &save) : NULL; dir && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%s/%s", dir, name) < 0)
			file = NULL;
		else if (access(file, X_OK) == 0)
			found = realpath(file, NULL);
	}
	return found;
}

/* What goes along: QEMU, its ROMs, a bzImage. Owns the strings. */
struct files {
	struct nested_file file[1 + ARRAY_SIZE(roms) + 1];
	size_t count;
};

static void files_fini(struct files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free((char *)f->file[i].guest);
		free((char *)f->file[i].host);
	}
}

static void add_file(struct files *f, char *guest, char *host, bool program)
{
	if (guest && host) {
		f->file[f->count++] = (struct nested_file){ guest, host, program };
		return;
	}
	free(guest);
	free(host);
}

static void add_roms(struct files *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(roms); i++)
		for (size_t d = 0; d < ARRAY_SIZE(rom_dirs); d++) {
			_cleanup_free_ char *path = NULL;
			char *host, *guest;

			if (asprintf(&path, "%s/%s", rom_dirs[d], roms[i]) < 0) {
				path = NULL;
				continue;
			}
			host = realpath(path, NULL);
			if (!host)
				continue;
			if (asprintf(&guest, "/usr/share/qemu/%s", roms[i]) < 0) {
				free(host);
				continue;
			}
			add_file(f, guest, host, false);
			break;
		}
}

static int add_peer(const struct bench_options *o, struct files *f, struct strlist *args)
{
	const bool wanted = o->qemu && o->of == BENCH_COMPARE;
	_cleanup_free_ char *qemu = wanted ? find_program(o->qemu) : NULL;
	int r = 0;

	if (!qemu) {
		r = strlist_add(args, "--no-qemu");
	} else {
		add_file(f, strdup(QEMU_GUEST), take_ptr(qemu), true);
		add_roms(f);
		r = strlist_add(args, "--qemu");
		if (r == 0)
			r = strlist_add(args, QEMU_GUEST);
	}
	if (r == 0 && o->bzimage && strcmp(o->bzimage, o->kernel)) {
		add_file(f, strdup(BZIMAGE_GUEST), strdup(o->bzimage), false);
		r = strlist_add(args, "--bzimage");
		if (r == 0)
			r = strlist_add(args, BZIMAGE_GUEST);
	}
	return r;
}

static uint64_t inner_bytes(enum bench_of of)
{
	return of == BENCH_PAYLOAD ? PAYLOAD_BYTES : INNER_BYTES;
}

static const char *const of_words[] = {
	[BENCH_SCALE] = "--scale", [BENCH_PAYLOAD] = "--payload", [BENCH_WATCH] = "--watch",
};

static int pack(const struct bench_options *o, const struct kernel *outer, size_t first,
		struct buf *initrd, uint64_t *ret_memory_bytes, struct err *e)
{
	_cleanup_(strlist_fini) struct strlist args = { 0 };
	_cleanup_(files_fini) struct files f = { 0 };
	const char *slash = strrchr(o->kernel, '/');
	struct nested_payload p = {
		.outer = outer, .inner_image = o->kernel, .binary = "/proc/self/exe",
		.args = &args, .file = f.file,
	};
	char kernel[256], runs[16], cpus[16], from[24];
	const char *const words[] = { "measure", "--runs", runs, "--cpus", cpus, "--first", from,
				      "--kernel", kernel };
	struct kindex *index = NULL;
	int r;

	snprintf(kernel, sizeof(kernel), NESTED_KERNEL_DIR "/%s", slash ? slash + 1 : o->kernel);
	snprintf(runs, sizeof(runs), "%u", o->runs);
	snprintf(cpus, sizeof(cpus), "%u", o->cpus);
	snprintf(from, sizeof(from), "%zu", first);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlist_add(&args, words[i]) < 0)
			return err_sys(e, -ENOMEM, "pack");
	if ((o->of && strlist_add(&args, of_words[o->of]) < 0) || add_peer(o, &f, &args) < 0)
		return err_sys(e, -ENOMEM, "pack");
	p.file_count = f.count;
	/* else each run makes it anew, while its guest boots, on the one counted CPU */
	r = kernel_index_open(o->kernel, &index, e);
	if (r < 0)
		return r;
	p.inner_index = index;
	r = nested_pack(&p, inner_bytes(o->of), initrd, ret_memory_bytes, e);
	kindex_close(index);
	return r;
}

/* The one named, or the first of the cache that can. */
static int find_outer(const struct bench_options *o, struct kernel *ret, struct err *e)
{
	struct kernel *all;
	size_t n;
	int r;
	bool found = false;

	if (o->outer_kernel)
		return kernel_find(o->outer_kernel, ret, e);
	r = kernel_list(&all, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!found && all[i].bzimage && kernel_can_nest(&all[i])) {
			*ret = all[i];
			found = true;
		} else {
			kernel_fini(&all[i]);
		}
	}
	free(all);
	return found ? 0 : err_set(e, -ENOENT, "no kernel in the cache has KVM for AMD");
}

/* One nested run, from job c->next on, until it ends or stands still. */
static int run_some(struct counted *c, const struct bench_options *o, const struct kernel *outer)
{
	const struct nested_ops ops = {
		.on_output = on_output, .on_progress = on_progress, .on_done = on_done, .arg = c,
	};
	_cleanup_(buf_fini) struct buf initrd = BUF_INIT;
	struct nested_request q = {
		.outer_bzimage = outer->bzimage, .initrd = &initrd, .counted = true,
	};
	int r = pack(o, outer, c->next, &initrd, &q.memory_bytes, &c->err);

	if (r == 0)
		r = nested_start(c->loop, &q, &ops, &c->nested, &c->err);
	if (r < 0)
		return r;
	c->stalled = false;
	buf_reset(&c->line);
	rearm(c);
	ev_run(c->loop, 0);
	ev_timer_stop(c->loop, &c->stall);
	nested_destroy(c->nested);
	c->nested = NULL;
	return c->result;
}

static int run_all(struct counted *c, const struct bench_options *o, const struct kernel *outer)
{
	unsigned tries = 0;
	int r = 0;

	while (r == 0 && c->next < c->plan->count) {
		size_t before = c->next;

		r = run_some(c, o, outer);
		if (r < 0 || c->next == c->plan->count)
			break;
		bench_plan_failed(c->plan, c->next, c->stalled ?
				  "stood still; again" : "ended early; again");
		tries = c->next == before ? tries + 1 : 1;
		if (tries >= TRIES_MAX) {
			c->next++;
			tries = 0;
		}
	}
	return r;
}

int bench_counted(const struct bench_options *o, struct bench_plan *p, struct err *e)
{
	struct counted c = { .loop = ev_loop_new(EVFLAG_NOENV), .plan = p, .err = ERR_INIT };
	_cleanup_(kernel_fini) struct kernel outer = { 0 };
	int r;

	if (!c.loop)
		return err_set(e, -ENOMEM, "no event loop");
	ev_init(&c.stall, on_stall);
	c.stall.repeat = stall_s[o->of];
	c.stall.data = &c;
	r = find_outer(o, &outer, e);
	if (r == 0) {
		fprintf(stderr, "bench: %zu runs inside a machine whose clock counts "
			"instructions: some minutes\n", p->count);
		r = run_all(&c, o, &outer);
		if (r < 0)
			*e = c.err;
	}
	buf_fini(&c.line);
	ev_loop_destroy(c.loop);
	return r < 0 ? err_ctx(e, r, "nested run") : 0;
}
