/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that build a kernel, their output read for progress and errors. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/units.h"
#include "base/util.h"
#include "boot/kernels_source.h"

#define TICK_MS 250
#define LINE_MAX_BYTES 512
/* Between asking the programs to end and ending them. */
#define GRACE_NS (5 * NSEC_PER_SEC)

/* --- what it takes -------------------------------------------------------- */

static const struct {
	const char *program, *package;		/* package: Debian's */
} needed[] = {
	{ "make", "make" },
	{ "gcc", "gcc" },
	{ "ld", "binutils" },
	{ "bc", "bc" },
	{ "flex", "flex" },
	{ "bison", "bison" },
	{ "pahole", "pahole" },			/* CONFIG_DEBUG_INFO_BTF */
	{ "lz4", "lz4" },			/* CONFIG_KERNEL_LZ4 */
	{ "tar", "tar" },
	{ "xz", "xz-utils" },
	{ "flock", "util-linux" },
	{ "setpriv", "util-linux" },
	{ "/usr/include/gelf.h", "libelf-dev" },	/* objtool */
};

int kernel_make_check(struct err *e)
{
	_cleanup_(buf_fini) struct buf names = BUF_INIT, packages = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (kernel_tool_exists(needed[i].program))
			continue;
		buf_fmt(&names, "%s%s", names.len ? ", " : "", needed[i].program);
		buf_fmt(&packages, " %s", needed[i].package);
	}
	if (!names.len)
		return 0;
	buf_u8(&names, 0);
	buf_u8(&packages, 0);
	if (!buf_ok(&names) || !buf_ok(&packages))
		return err_sys(e, -ENOMEM, "programs");
	return err_set(e, -ENOENT, "to build a kernel, these are missing: %s (Debian: apt-get "
		       "install%s)", (const char *)names.data, (const char *)packages.data);
}

/* --- its words ------------------------------------------------------------ */

void kernel_args_add(struct kernel_args *a, const char *fmt, ...)
{
	va_list ap;

	assert(a->count < KERNEL_ARGS_MAX);
	va_start(ap, fmt);
	if (vasprintf(&a->item[a->count], fmt, ap) < 0) {
		a->item[a->count] = NULL;
		a->bad = true;
	} else {
		a->count++;
	}
	va_end(ap);
}

void kernel_args_fini(struct kernel_args *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->item[i]);
	*a = (struct kernel_args){ 0 };
}

/* --- running one ---------------------------------------------------------- */

struct run {
	const struct kernel_make *m;
	char line[LINE_MAX_BYTES];
	size_t len;
	char why[LINE_MAX_BYTES];	/* the first line that tells of an error, else the last */
	bool told;
	pid_t pid;			/* and its process group */
	bool cancelled;
	uint64_t patience_ns;		/* when it was cancelled: SIGKILL then */
};

/* "  CC      kernel/fork.o" */
static bool is_made(const char *line)
{
	return line[0] == ' ' && line[1] == ' ' && isupper((unsigned char)line[2]);
}

static void end_line(struct run *run)
{
	bool made;

	run->line[run->len] = '\0';
	made = is_made(run->line);
	if (!run->told && run->len && !made) {
		run->told = strstr(run->line, "error:") || strstr(run->line, "rror: ") ||
			    strstr(run->line, "***");
		snprintf(run->why, sizeof(run->why), "%s", run->line);
	}
	if (made)
		run->m->on_tick(true, run->m->arg);
	run->len = 0;
}

static int take_output(struct run *run, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			end_line(run);
		else if (run->len < sizeof(run->line) - 1)
			run->line[run->len++] = bytes[i];
	}
	return run->m->log_fd < 0 ? 0 : file_write_all(run->m->log_fd, bytes, n);
}

/* All of its group: make's own children do not all hear of its end. */
static void cancel(struct run *run)
{
	run->cancelled = true;
	run->patience_ns = units_now_ns() + GRACE_NS;
	kill(-run->pid, SIGTERM);
}

/* Until all who could write have gone, so that nobody writes to a tree that is removed. */
static int read_all(struct run *run, int fd)
{
	struct pollfd p[] = {
		{ .fd = fd, .events = POLLIN }, { .fd = run->m->cancel_fd, .events = POLLIN },
	};
	char bytes[4096];
	ssize_t n = 1;
	int r = 0;

	while (n > 0 && r == 0) {
		int ready = poll(p, ARRAY_SIZE(p), TICK_MS);

		if (ready < 0 && errno != EINTR)
			return -errno;
		run->m->on_tick(false, run->m->arg);
		if (ready > 0 && p[1].revents) {
			cancel(run);
			p[1].fd = -1;		/* once */
		}
		if (run->cancelled && units_now_ns() > run->patience_ns)
			kill(-run->pid, SIGKILL);
		if (ready <= 0 || !p[0].revents)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0)
			r = take_output(run, bytes, (size_t)n);
	}
	return r;
}

static int tell(struct run *run, struct err *e)
{
	const char *why = *run->why ? run->why : "failed";

	text_clean(run->why, sizeof(run->why));
	return run->m->log_path ? err_set(e, -EIO, "%s (all of it: %s)", why, run->m->log_path) :
				  err_set(e, -EIO, "%s", why);
}

/* The words of a program that gets SIGTERM when we die, whatever it is that kills us. */
struct tied {
	char *word[4 + KERNEL_ARGS_MAX + 1];
};

static void tie(struct tied *t, char *const argv[])
{
	static const char *const words[] = { "setpriv", "--pdeathsig", "TERM", "--" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		t->word[n++] = (char *)words[i];
	while (*argv) {
		assert(n < ARRAY_SIZE(t->word) - 1);
		t->word[n++] = *argv++;
	}
	t->word[n] = NULL;
}

int kernel_make_run(const struct kernel_make *m, char *const argv[], struct err *e)
{
	struct tied tied;
	struct run run = { .m = m };
	_cleanup_close_ int ours = -1, theirs = -1;
	struct spawn tool = { .argv = tied.word, .in = m->in, .group = true };
	int pair[2], r;
	bool failed;

	tie(&tied, argv);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	ours = pair[0];
	tool.out = tool.err = theirs = pair[1];
	r = spawn(&tool, &run.pid);
	if (r < 0)
		return err_sys(e, r, "run %s", tied.word[0]);
	close_fd(&theirs);
	r = read_all(&run, ours);
	close_fd(&ours);		/* who still writes gets SIGPIPE */
	failed = kernel_tool_failed(run.pid);
	end_line(&run);
	if (run.cancelled)
		return err_set(e, -ECANCELED, "cancelled");
	if (r < 0)
		return err_sys(e, r, "output of %s", m->log_path ? m->log_path : argv[0]);
	return failed ? tell(&run, e) : 0;
}
