/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that an import runs: dpkg-deb, zstd, xz, ... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "boot/kernels_private.h"

bool kernel_tool_failed(pid_t pid)
{
	int status = 0, r;

	while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	/* ECHILD: the program ignores SIGCHLD; what the tool made shows how it went */
	return r == pid && status;
}

bool kernel_tool_exists(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, R_OK) == 0;
	while (path && *path) {
		size_t n = strcspn(path, ":");
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%.*s/%s", (int)n, path, name) < 0) {
			file = NULL;
			return false;
		}
		if (access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}
