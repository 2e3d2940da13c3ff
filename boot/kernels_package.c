/* SPDX-License-Identifier: GPL-2.0-only */
/* Packages of Debian and of RPM distributions: telling them apart, and unpacking them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/util.h"
#include "boot/kernels_private.h"

/* --- which it is ----------------------------------------------------------- */

enum package {
	NONE,
	DEB,
	RPM,
};

static enum package package_of(const char *path)
{
	static const struct {
		const char *magic;
		size_t n;
		enum package package;
	} known[] = {
		{ "!<arch>\ndebian-binary", 21, DEB },
		{ KERNEL_RPM_MAGIC, 4, RPM },
	};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[32] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (n >= (ssize_t)known[i].n && !memcmp(head, known[i].magic, known[i].n))
			return known[i].package;
	return NONE;
}

bool kernel_is_package(const char *path)
{
	return package_of(path) != NONE;
}

/* --- running what unpacks it ----------------------------------------------- */

/* Everything the child says, of which the first line is kept: it is nearest to the cause. */
static void read_first_line(int fd, char *text, size_t size)
{
	_cleanup_fclose_ FILE *f = fdopen(fd, "r");
	char line[256];

	if (!f) {
		close(fd);
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && !*text)
			snprintf(text, size, "%s", line);
	}
}

/* tar's words for a full disk depend on which write it was. */
static bool is_full(const char *dir)
{
	struct statvfs st;

	return statvfs(dir, &st) == 0 && (st.f_bavail == 0 || (st.f_files && !st.f_favail));
}

/* A program that unpacks path into the folder to; in: its stdin, or -1. */
static int run(char *const argv[], int in, const char *path, const char *to, struct err *e)
{
	_cleanup_close_ int child_end = -1;
	char said[256] = "";
	int fds[2], r;
	bool failed;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	child_end = fds[1];
	r = spawn(&(struct spawn){ .argv = argv, .in = in, .out = -1, .err = child_end }, &pid);
	if (r < 0) {
		close(fds[0]);
		return r == -ENOENT ?
		       err_set(e, r, "unpack %s: %s is not installed (package %s)", path, argv[0],
			       strcmp(argv[0], "dpkg-deb") ? argv[0] : "dpkg") :
		       err_sys(e, r, "run %s", argv[0]);
	}
	close_fd(&child_end);
	read_first_line(fds[0], said, sizeof(said));
	failed = kernel_tool_failed(pid);
	if (failed && is_full(to))
		return err_sys(e, -ENOSPC, "unpack %s to %s", path, to);
	if (failed)
		return err_set(e, -EIO, "unpack %s: %s", path, *said ? said : "it failed");
	return 0;
}

static int unpack_deb(const char *path, const char *to, struct err *e)
{
	/* a name that starts with a dash is no option */
	char *const argv[] = { "dpkg-deb", "-x", "--", (char *)path, (char *)to, NULL };

	return run(argv, -1, path, to, e);
}

/* The archive inside, unpacked to a memfd. */
static int rpm_archive(const char *path, struct err *e)
{
	_cleanup_(file_unmap) struct file_map m = FILE_MAP_INIT;
	_cleanup_close_ int fd = -1;
	const struct kernel_packer *k;
	size_t at;
	int r = file_map(path, &m, e);

	if (r < 0)
		return r;
	if (kernel_rpm_payload(m.data, m.size, &at) < 0)
		return err_set(e, -EBADMSG, "unpack %s: a damaged RPM package", path);
	k = kernel_packer_find(m.data + at, m.size - at);
	if (!k)
		return err_set(e, -EBADMSG, "unpack %s: packed in a way that is not known", path);
	fd = memfd_create("ktstr-rpm", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "unpack %s", path);
	r = kernel_unpack(k, m.data + at, m.size - at, fd);
	if (r == -ENOENT)
		return err_set(e, r, "unpack %s: %s is not installed (package %s)", path,
			       k->argv[0], k->package);
	if (r < 0)
		return err_set(e, r, "unpack %s: %s failed: damaged?", path, k->argv[0]);
	return lseek(fd, 0, SEEK_SET) < 0 ? err_sys(e, -errno, "seek") : take_fd(&fd);
}

static int unpack_rpm(const char *path, const char *to, struct err *e)
{
	char *const argv[] = { "cpio", "-idm", "--quiet", "--no-absolute-filenames", "-D",
			       (char *)to, NULL };
	_cleanup_close_ int fd = rpm_archive(path, e);

	return fd < 0 ? fd : run(argv, fd, path, to, e);
}

int kernel_unpack_package(const char *path, const char *to, struct err *e)
{
	switch (package_of(path)) {
	case DEB:
		return unpack_deb(path, to, e);
	case RPM:
		return unpack_rpm(path, to, e);
	default:
		return err_set(e, -EINVAL, "%s: not a Debian or RPM package", path);
	}
}
