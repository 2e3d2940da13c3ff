/* SPDX-License-Identifier: GPL-2.0-only */
/* Debian packages: telling them from other files, and unpacking them with dpkg-deb. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "boot/kernels_private.h"

bool kernel_is_deb(const char *path)
{
	static const char magic[] = "!<arch>\ndebian-binary";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[sizeof(magic) - 1];

	return fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
	       !memcmp(head, magic, sizeof(head));
}

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

int kernel_unpack_deb(const char *path, const char *to, struct err *e)
{
	/* a name that starts with a dash is no option */
	char *const argv[] = { "dpkg-deb", "-x", "--", (char *)path, (char *)to, NULL };
	_cleanup_close_ int child_end = -1;
	char said[256] = "";
	int fds[2], r;
	bool failed;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	child_end = fds[1];
	r = kernel_tool_start(argv, &(struct kernel_tool_fds){ -1, -1, child_end }, &pid);
	if (r == -ENOENT) {
		close(fds[0]);
		return err_set(e, r, "unpack %s: dpkg-deb is not installed (package dpkg)", path);
	}
	if (r < 0) {
		close(fds[0]);
		return err_sys(e, r, "run dpkg-deb");
	}
	close_fd(&child_end);
	read_first_line(fds[0], said, sizeof(said));
	failed = kernel_tool_failed(pid);
	if (failed && is_full(to))
		return err_sys(e, -ENOSPC, "unpack %s to %s", path, to);
	if (failed)
		return err_set(e, -EIO, "unpack %s: %s", path, *said ? said : "dpkg-deb failed");
	return 0;
}
