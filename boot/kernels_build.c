/* SPDX-License-Identifier: GPL-2.0-only */
/* Building a kernel: options, key, lock, then one program after the other. */
#include "boot/kernels_build.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <zlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"
#include "boot/kconfig.h"
#include "boot/kernels_source.h"

#define LOCK_PREFIX ".lock."
/* Lines of make for the fragment and Linux 6.12; once there is a build, its own number. */
#define FILES_USUAL 1982

struct build {
	const struct kernel_build_request *q;
	struct kconfig options;
	struct kernel_source source;
	char *entries, *key;
	char *log_path;
	int log_fd, lock_fd;
	struct kernel_stage stage;
	char *tree, *out;		/* the same folder for a tarball */
	enum kernel_build_step step;
	unsigned files, files_expected, percent;
	struct err *e;
};

static const struct {
	const char *name;
	unsigned percent;		/* of the whole, when it begins */
} steps[] = {
	[KERNEL_BUILD_WAIT] = { "waiting for another build of it", 0 },
	[KERNEL_BUILD_UNPACK] = { "unpacking", 0 },
	[KERNEL_BUILD_CONFIGURE] = { "configuring", 2 },
	[KERNEL_BUILD_COMPILE] = { "compiling", 3 },
	[KERNEL_BUILD_IMPORT] = { "importing", 99 },
	[KERNEL_BUILD_CANCEL] = { "cancelled: removing what it made", 0 },
};
static_assert(ARRAY_SIZE(steps) == KERNEL_BUILD_STEPS, "a name for each step");

const char *kernel_build_step_name(enum kernel_build_step s)
{
	return (unsigned)s < KERNEL_BUILD_STEPS ? steps[s].name : "?";
}

static void build_fini(struct build *b)
{
	kernel_stage_destroy(&b->stage);
	close_fd(&b->log_fd);
	close_fd(&b->lock_fd);
	kernel_source_fini(&b->source);
	kconfig_fini(&b->options);
	free(b->entries);
	free(b->key);
	free(b->log_path);
	free(b->tree);
	free(b->out);
}

/* --- progress ------------------------------------------------------------- */

static void tick(struct build *b)
{
	const unsigned from = steps[KERNEL_BUILD_COMPILE].percent;
	const unsigned to = steps[KERNEL_BUILD_IMPORT].percent;

	if (b->step == KERNEL_BUILD_COMPILE)
		b->percent = MIN(from + b->files * (to - from) / b->files_expected, to - 1);
	else if (b->step != KERNEL_BUILD_CANCEL)
		b->percent = steps[b->step].percent;
	if (b->q->on_progress)
		b->q->on_progress(b->step, b->percent, b->q->arg);
}

static void on_tick(bool made, void *arg)
{
	struct build *b = arg;

	b->files += made && b->step == KERNEL_BUILD_COMPILE;
	tick(b);
}

static void begin(struct build *b, enum kernel_build_step step)
{
	b->step = step;
	log_info("kernel build: %s", steps[step].name);
	tick(b);
}

/* What the newest build here took; else what is usual. */
static void expect_files(struct build *b)
{
	struct kernel *all;
	size_t n;

	b->files_expected = FILES_USUAL;
	if (kernel_list(&all, &n, NULL) < 0)
		return;
	for (size_t i = n; i-- > 0;) {
		if (all[i].files_built)
			b->files_expected = all[i].files_built;
		kernel_fini(&all[i]);
	}
	free(all);
}

/* --- options and key ------------------------------------------------------ */

static int read_options(struct build *b)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	int r = kconfig_parse(&b->options, kconfig_fragment, strlen(kconfig_fragment),
			      "ktstr.kconfig", b->e);

	if (r == 0 && b->q->fragment)
		r = file_map(b->q->fragment, &m, b->e);
	if (r == 0 && m.size)
		r = kconfig_parse(&b->options, (const char *)m.data, m.size, b->q->fragment, b->e);
	return r;
}

static int make_key(struct build *b)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	uLong hash;

	kconfig_write(&b->options, &text);
	buf_add(&text, b->source.identity.data, b->source.identity.len);
	if (!buf_ok(&text))
		return err_sys(b->e, -ENOMEM, "options");
	hash = crc32(0, text.data, (uInt)text.len);
	if (asprintf(&b->key, "%s-" KERNEL_ARCH "-%08lx", b->source.version, hash) < 0) {
		b->key = NULL;
		return err_sys(b->e, -ENOMEM, "options");
	}
	return 0;
}

/* --- programs ------------------------------------------------------------- */

static int run(struct build *b, struct kernel_args *a, const char *what)
{
	const struct kernel_make m = {
		.log_fd = b->log_fd, .log_path = b->log_path, .in = -1,
		.cancel_fd = b->q->cancel_fd, .on_tick = on_tick, .arg = b,
	};
	int r = a->bad ? err_sys(b->e, -ENOMEM, "arguments") : kernel_make_run(&m, a->item, b->e);

	kernel_args_fini(a);
	return r < 0 && r != -ECANCELED ? err_ctx(b->e, r, "%s", what) : r;
}

static unsigned cpu_count(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/*
 * The folder differs from build to build and is in the debug information, so
 * ccache must not count it in; pahole's BTF has no paths, and the rest is
 * stripped.
 */
static void add_make(struct kernel_args *a, const struct build *b)
{
	kernel_args_add(a, "env");
	kernel_args_add(a, "CCACHE_NOHASHDIR=1");
	kernel_args_add(a, "KBUILD_BUILD_USER=ktstr");
	kernel_args_add(a, "KBUILD_BUILD_HOST=ktstr");
	kernel_args_add(a, "make");
	kernel_args_add(a, "-C");
	kernel_args_add(a, "%s", b->tree);
	kernel_args_add(a, "-j%u", cpu_count());
	kernel_args_add(a, "ARCH=" KERNEL_ARCH);
	kernel_args_add(a, "CC=%sgcc", kernel_tool_exists("ccache") ? "ccache " : "");
	kernel_args_add(a, "LOCALVERSION=");	/* no "+" of a tree that is not at a tag */
	if (strcmp(b->tree, b->out))
		kernel_args_add(a, "O=%s", b->out);
}

/* --- one build of a key at a time ---------------------------------------- */

/*
 * A lock belongs to the open file, which the program shares: it waits in our
 * place, since flock(2) cannot be asked to give up.
 */
static int wait_for_lock(struct build *b)
{
	char *const argv[] = { "flock", "0", NULL };
	const struct kernel_make m = {
		.log_fd = -1, .in = b->lock_fd, .cancel_fd = b->q->cancel_fd,
		.on_tick = on_tick, .arg = b,
	};

	return kernel_make_run(&m, argv, b->e);
}

/* Who builds this key now is waited for. The lock ends with its holder. */
static int lock_key(struct build *b)
{
	_cleanup_free_ char *path = NULL;
	int r = file_mkdirs(b->entries, 0755, b->e);

	if (r < 0)
		return r;
	if (asprintf(&path, "%s/" LOCK_PREFIX "%s", b->entries, b->key) < 0)
		return err_sys(b->e, -ENOMEM, "%s", b->key);
	b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (b->lock_fd < 0)
		return err_sys(b->e, -errno, "open %s", path);
	if (flock(b->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(b->e, -errno, "lock %s", path);
	begin(b, KERNEL_BUILD_WAIT);
	log_notice("kernel build: %s is being built by another process: waiting", b->key);
	return wait_for_lock(b);
}

/* --- the steps ------------------------------------------------------------ */

static int open_log(struct build *b)
{
	_cleanup_free_ char *cache = NULL;
	int r = kernel_cache_dir(&cache, b->e);

	if (r < 0)
		return r;
	if (asprintf(&b->log_path, "%s/build-%s.log", cache, b->key) < 0) {
		b->log_path = NULL;
		return err_sys(b->e, -ENOMEM, "log");
	}
	b->log_fd = open(b->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return b->log_fd < 0 ? err_sys(b->e, -errno, "create %s", b->log_path) : 0;
}

static int unpack(struct build *b)
{
	struct kernel_args a = { 0 };
	int r;

	if (asprintf(&b->out, "%s/%s", b->stage.dir, b->source.tarball ? "source" : "out") < 0) {
		b->out = NULL;
		return err_sys(b->e, -ENOMEM, "%s", b->source.path);
	}
	b->tree = strdup(b->source.tarball ? b->out : b->source.path);
	if (!b->tree)
		return err_sys(b->e, -ENOMEM, "%s", b->source.path);
	r = file_mkdirs(b->out, 0755, b->e);
	if (r < 0 || !b->source.tarball)
		return r;
	begin(b, KERNEL_BUILD_UNPACK);
	kernel_args_add(&a, "tar");
	kernel_args_add(&a, "-xf");
	kernel_args_add(&a, "%s", b->source.path);
	kernel_args_add(&a, "-C");
	kernel_args_add(&a, "%s", b->tree);
	kernel_args_add(&a, "--strip-components=1");
	return run(b, &a, "tar");
}

/* What came of the options; *ret is zeroed. */
static int check_config(struct build *b, struct kconfig *ret)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/.config", b->out) < 0)
		return err_sys(b->e, -ENOMEM, "config");
	r = file_map(path, &m, b->e);
	if (r == 0)
		r = kconfig_parse(ret, (const char *)m.data ?: "", m.size, path, b->e);
	if (r == 0)
		r = kconfig_check(&b->options, ret, b->e);
	return r;
}

static int configure(struct build *b, bool *ret_modules)
{
	_cleanup_(kconfig_fini) struct kconfig got = { 0 };
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	struct kernel_args a = { 0 };
	const char *modules;
	int r;

	begin(b, KERNEL_BUILD_CONFIGURE);
	kconfig_write(&b->options, &text);
	if (!buf_ok(&text) || asprintf(&path, "%s/all.config", b->stage.dir) < 0)
		return err_sys(b->e, -ENOMEM, "options");
	r = file_write_atomic(path, text.data, text.len, 0644, b->e);
	if (r < 0)
		return r;
	add_make(&a, b);
	kernel_args_add(&a, "KCONFIG_ALLCONFIG=%s", path);
	kernel_args_add(&a, "allnoconfig");
	r = run(b, &a, "make allnoconfig");
	if (r == 0)
		r = check_config(b, &got);
	modules = kconfig_get(&got, "CONFIG_MODULES");
	*ret_modules = modules && *modules == 'y';
	return r;
}

static int compile(struct build *b, bool modules)
{
	struct kernel_args a = { 0 };

	expect_files(b);
	begin(b, KERNEL_BUILD_COMPILE);
	add_make(&a, b);
	kernel_args_add(&a, "bzImage");
	if (modules)
		kernel_args_add(&a, "modules");
	return run(b, &a, "make");
}

static int import(struct build *b, struct kernel *ret)
{
	const struct kernel_import_request q = {
		.path = b->out, .key = b->key, .source = b->source.path,
		.replace = b->source.changes, .files_built = b->files,
	};
	struct kernel_args a = { 0 };
	int r;

	begin(b, KERNEL_BUILD_IMPORT);
	/* DWARF is ten times the rest, and BTF was made of it; symbols stay */
	kernel_args_add(&a, "strip");
	kernel_args_add(&a, "--strip-debug");
	kernel_args_add(&a, "%s/vmlinux", b->out);
	r = run(b, &a, "strip");
	if (r == -ECANCELED)
		return r;
	if (r < 0) {
		log_info("kernel build: %s", err_text(b->e));
		err_clear(b->e);
	}
	return kernel_import_as(&q, ret, b->e);
}

static int build(struct build *b, struct kernel *ret)
{
	bool modules = false;
	int r = kernel_make_check(b->e);

	if (r == 0)
		r = open_log(b);
	if (r < 0)
		return r;
	kernel_stage_sweep(b->entries, NULL);
	r = kernel_stage_create(b->entries, &b->stage, b->e);
	if (r == 0)
		r = unpack(b);
	if (r == 0)
		r = configure(b, &modules);
	if (r == 0)
		r = compile(b, modules);
	if (r == 0)
		r = import(b, ret);
	if (r == 0 || r == -ECANCELED)
		unlink(b->log_path);
	return r;
}

/* What another build of the key has made meanwhile is taken. */
static int find_or_build(struct build *b, struct kernel *ret, bool *ret_built)
{
	int r = lock_key(b);

	if (r < 0)
		return r;
	*ret_built = false;
	if (!b->source.changes && kernel_entry_load(b->entries, b->key, ret, NULL) == 0)
		return 0;
	*ret_built = true;
	return build(b, ret);
}

int kernel_build(const struct kernel_build_request *q, struct kernel *ret, bool *ret_built,
		 struct err *e)
{
	_cleanup_(build_fini) struct build b = {
		.q = q, .e = e, .log_fd = -1, .lock_fd = -1, .stage = KERNEL_STAGE_INIT,
	};
	int r = kernel_entries_dir(&b.entries, e);

	if (r == 0)
		r = read_options(&b);
	if (r == 0)
		r = kernel_source_open(q->source, &b.source, e);
	if (r == 0)
		r = make_key(&b);
	if (r < 0)
		return r;
	r = find_or_build(&b, ret, ret_built);
	if (r == -ECANCELED)
		begin(&b, KERNEL_BUILD_CANCEL);
	return r < 0 ? err_ctx(e, r, "build %s", b.key) : 0;
}
