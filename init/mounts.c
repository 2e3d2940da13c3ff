/* SPDX-License-Identifier: GPL-2.0-only */
/* The file systems of the guest, and what has to be right before anything else. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "init/guest.h"
#include "init/host.h"
#include "init/init.h"

struct init_mount {
	const char *type;
	const char *target;
	unsigned long flags;
	const char *data;
};

/* In an order that works with the kernel's console missing: /dev first. */
static const struct init_mount mounts_first[] = {
	{ "devtmpfs", "/dev", MS_NOSUID, NULL },
	{ "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

static const struct init_mount mounts_rest[] = {
	{ "debugfs", "/sys/kernel/debug", 0, NULL },
	{ "tracefs", "/sys/kernel/tracing", 0, NULL },
	{ "bpf", "/sys/fs/bpf", 0, "mode=0700" },
	{ "cgroup2", "/sys/fs/cgroup", 0, NULL },
	{ "tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777" },
	{ "tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777" },
	{ "tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755" },
	{ "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666" },
};

static const struct {
	const char *target, *path;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
};

/* Files of the initramfs lie there: a program or library that was in /tmp on the host. */
static bool has_files(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	/* "." and ".." are always there */
	while (d && n < 3 && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 2;
}

static int do_mount(const struct init_mount *m)
{
	/* a mount would hide them, and the root is in RAM as well */
	if (!strcmp(m->type, "tmpfs") && has_files(m->target)) {
		mode_t mode = (mode_t)strtoul(m->data + strlen("mode="), NULL, 8);

		return chmod(m->target, mode) < 0 ? -errno : 0;
	}
	/* a folder that cannot be made (in sysfs) makes mount() say why */
	(void)mkdir(m->target, 0755);
	if (mount(m->type, m->target, m->type, m->flags, m->data) < 0 && errno != EBUSY)
		return -errno;
	return 0;
}

/*
 * A kernel without /dev/console in its initramfs starts us with no descriptor
 * at all; then the next file that is opened would be our stdin.
 */
static void open_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/console", O_RDWR | O_NOCTTY);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int init_mounts_first(struct err *e)
{
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(mounts_first); i++) {
		int r = do_mount(&mounts_first[i]);

		if (r < 0 && !failed)
			failed = err_sys(e, r, "mount %s on %s", mounts_first[i].type,
					 mounts_first[i].target);
	}
	open_stdio();
	return failed;
}

void init_mounts_rest(struct init_host *h)
{
	_cleanup_(buf_fini) struct buf missing = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(mounts_rest); i++) {
		int r = do_mount(&mounts_rest[i]);

		if (r < 0)
			buf_fmt(&missing, "%s %s (%s)", missing.len ? "," : "",
				mounts_rest[i].target, strerrordesc_np(-r));
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		(void)!symlink(links[i].target, links[i].path);
	buf_u8(&missing, 0);
	if (buf_ok(&missing) && missing.len > 1)
		init_log(h, "not mounted:%s", (const char *)missing.data);
}

int init_marker_check(struct err *e)
{
	struct sysinfo si = { 0 };

	if (access(INIT_MARKER_PATH, F_OK) == 0)
		return 0;
	sysinfo(&si);
	return err_set(e, -ENOENT, "the initramfs was not unpacked whole: %s is missing; %llu MiB of "
		       "%llu MiB of memory are free", INIT_MARKER_PATH,
		       (unsigned long long)si.freeram * si.mem_unit / MIB,
		       (unsigned long long)si.totalram * si.mem_unit / MIB);
}

void init_console(const char *fmt, ...)
{
	_cleanup_close_ int fd = -1;
	char text[600];
	va_list ap;
	int n, m;

	n = snprintf(text, sizeof(text), "<0>ktstr: ");
	va_start(ap, fmt);
	m = vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (m > 0)
		n = MIN(n + m, (int)sizeof(text) - 2);
	text[n++] = '\n';
	/* the kernel's log: it reaches the console whatever holds that */
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0 && mknod("/kmsg", S_IFCHR | 0600, makedev(1, 11)) == 0)
		fd = open("/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, text, (size_t)n);
	else	/* without the level, which only the log understands */
		(void)!write(STDERR_FILENO, text + 3, (size_t)n - 3);
}
