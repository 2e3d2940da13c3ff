/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that build a kernel, their output read for progress and errors. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/util.h"
#include "boot/kernels_source.h"

#define TICK_MS 250
#define LINE_MAX_BYTES 512

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

/* --- running one ---------------------------------------------------------- */

struct run {
	const struct kernel_make *m;
	char line[LINE_MAX_BYTES];
	size_t len;
	char why[LINE_MAX_BYTES];	/* the first line that tells of an error, else the last */
	bool told;
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
	return file_write_all(run->m->log_fd, bytes, n);
}

/* Until all who could write have gone: make waits for its children. */
static int read_all(struct run *run, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char bytes[4096];
	ssize_t n = 1;
	int r = 0;

	while (n > 0 && r == 0) {
		int ready = poll(&p, 1, TICK_MS);

		if (ready < 0 && errno != EINTR)
			return -errno;
		run->m->on_tick(false, run->m->arg);
		if (ready <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0)
			r = take_output(run, bytes, (size_t)n);
	}
	return r;
}

int kernel_make_run(const struct kernel_make *m, char *const argv[], struct err *e)
{
	struct run run = { .m = m };
	_cleanup_close_ int ours = -1, theirs = -1;
	struct spawn tool = { .argv = argv, .in = -1 };
	int pair[2], r;
	bool failed;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	ours = pair[0];
	tool.out = tool.err = theirs = pair[1];
	r = spawn(&tool, &pid);
	if (r < 0)
		return err_sys(e, r, "run %s", argv[0]);
	close_fd(&theirs);
	r = read_all(&run, ours);
	close_fd(&ours);		/* who still writes gets SIGPIPE */
	failed = kernel_tool_failed(pid);
	end_line(&run);
	if (r < 0)
		return err_sys(e, r, "write %s", m->log_path);
	if (!failed)
		return 0;
	text_clean(run.why, sizeof(run.why));
	return err_set(e, -EIO, "%s (all of it: %s)", *run.why ? run.why : "failed", m->log_path);
}
